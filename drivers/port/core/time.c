/*
 * A bus's second: requests that are over their time, units that are busy no longer, a miniport that asks for nothing.
 */
#include "drivers/port/core/core_impl.h"

#define STARVED_SECONDS 10

/* A second less of a busy time. Returns true when it is over. */
static bool
busy_tick(uint32_t *seconds, uint32_t holds)
{
    uint32_t left = __atomic_load_n(seconds, __ATOMIC_RELAXED);

    if (!(holds & HOLD_BUSY) || !left)
        return false;
    __atomic_store_n(seconds, left - 1, __ATOMIC_RELAXED);
    return left == 1;
}

/* The next slot whose time has run out, or NULL. Lock held; each one is found once. */
static struct request *
next_timed_out(struct bus *b)
{
    for (uint32_t i = 0; i < PORT_SLOTS; i++) {
        struct slot *s = &b->slots[i];

        if (s->request && s->seconds == 1 && !s->timed_out && bus_slot_is_out(b, i)) {
            s->timed_out = true;
            __atomic_store_n(&s->reporting, true, __ATOMIC_RELAXED);
            return s->request;
        }
    }
    return NULL;
}

/* A miniport that has nothing and asks for nothing is given the next request all the same. Lock held. */
static bool
is_starved(struct bus *b)
{
    if (!b->paced || b->active || list_empty(&b->ready) || !(b->holds & HOLD_PACE)) {
        b->starved = 0;
        return false;
    }
    if (++b->starved < STARVED_SECONDS)
        return false;
    b->starved = 0;
    return true;
}

void
bus_second(struct timer *t)
{
    struct bus *b = container_of(t, struct bus, second);
    struct request *r;
    struct unit *u;
    bool busy = b->holds & HOLD_BUSY, starved;

    if (busy_tick(&b->busy_seconds, b->holds))
        bus_release(b, HOLD_BUSY);
    spin_lock_raw(&b->lock);
    for (uint32_t i = 0; i < PORT_SLOTS; i++)
        if (b->slots[i].seconds > 1)
            b->slots[i].seconds--;
    list_for_each_entry(u, &b->units, link) {
        busy |= u->holds & HOLD_BUSY;
        if (busy_tick(&u->busy_seconds, u->holds))
            unit_release(u, HOLD_BUSY);
    }
    starved = is_starved(b);
    if (!b->active && !busy && !(b->paced && !list_empty(&b->ready))) {
        b->ticking = false;
        (void)timer_cancel(t);
    }
    while ((r = next_timed_out(b)) != NULL) {
        unit_hold(r->unit, HOLD_RECOVERY);
        spin_unlock_raw(&b->lock);
        b->adapter->face->timed_out(b, r);
        __atomic_store_n(&b->slots[r->slot].reporting, false, __ATOMIC_RELEASE);
        spin_lock_raw(&b->lock);
    }
    spin_unlock_raw(&b->lock);
    if (starved) {
        b->adapter->face->starved(b, STARVED_SECONDS);
        if (bus_next(b, NULL))
            bus_kick(b);
    }
}
