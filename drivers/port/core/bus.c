/*
 * The way of a request: queue, slot, face, miniport, completion, done.
 */
#include "drivers/port/core/core_impl.h"
#include "kernel/cpu/smp.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"

#define PORT_TAG POOL_TAG('p', 'o', 'r', 't')

#define IDLE_CLAIMS_MAX 100000 /* one command's PIO of 65,536 sectors has fewer */

/* ---- slots; lock held ---- */

/* A free slot below the reserved ones; -1: none. */
static int
slot_take(struct bus *b)
{
    for (unsigned w = 0; w < PORT_SLOT_WORDS; w++) {
        unsigned bit = ~b->used[w] ? (unsigned)__builtin_ctzll(~b->used[w]) : 64;

        if (bit < 64 && w * 64 + bit < PORT_DEPTH_MAX) {
            b->used[w] |= BIT64(bit);
            return (int)(w * 64 + bit);
        }
    }
    return -1;
}

/* The timer goes on until a second finds nothing out: none is set a request. Of a dead bus it stays off. */
static void
ticking_start(struct bus *b)
{
    if (b->ticking || b->dead)
        return;
    b->ticking = true;
    (void)timer_set(&b->second, timer_deadline(SECONDS(1)), SECONDS(1), NULL);
}

static void
slot_issue(struct bus *b, uint32_t n, struct request *r)
{
    struct slot *s = &b->slots[n];

    r->slot = n;
    s->request = r;
    s->seconds = r->seconds ? r->seconds + 1 : 0; /* the first tick comes within a second */
    s->timed_out = false;
    __atomic_store_n(&s->state, SLOT_TAKEN, __ATOMIC_RELEASE);
    b->active++;
    ticking_start(b);
    r->unit->active++;
    if (b->paced) {
        __atomic_fetch_or(&b->holds, HOLD_PACE, __ATOMIC_RELAXED);
        __atomic_fetch_or(&r->unit->holds, HOLD_PACE, __ATOMIC_RELAXED);
    }
    s->order = (uint32_t)b->issued++;
    __atomic_store_n(&b->idle_claims, 0, __ATOMIC_RELAXED);
}

static void
slot_free(struct bus *b, uint32_t n)
{
    struct slot *s = &b->slots[n];
    struct unit *u = s->request->unit;

    if (--u->active == 0 && b->paced)
        __atomic_fetch_and(&u->holds, ~HOLD_PACE, __ATOMIC_RELAXED);
    s->request = NULL;
    b->used[n / 64] &= ~BIT64(n % 64);
    __atomic_store_n(&s->state, SLOT_FREE, __ATOMIC_RELEASE);
    __atomic_store_n(&b->active, b->active - 1, __ATOMIC_RELEASE);
}

/* ---- issuing: one queue a unit, one limit a bus (A-066, A-067, A-069, A-076; A-075 is the face's) ---- */

static bool
may_issue(const struct bus *b, const struct unit *u, const struct request *r)
{
    uint32_t holds = __atomic_load_n(&b->holds, __ATOMIC_ACQUIRE) |
                     __atomic_load_n(&u->holds, __ATOMIC_ACQUIRE);

    return !(holds & ~r->passes) && (r->passes || (u->active < __atomic_load_n(&u->depth, __ATOMIC_RELAXED) &&
                                                   b->active < __atomic_load_n(&b->depth, __ATOMIC_RELAXED)));
}

/* The next request to issue, out of its queue and in a slot; NULL: none. Lock held. */
static struct request *
pick(struct bus *b)
{
    struct unit *u, *next;

    for (u = list_entry(b->ready.next, struct unit, ready); &u->ready != &b->ready; u = next) {
        struct request *r = list_entry(u->waiting.next, struct request, link);
        int slot;

        next = list_entry(u->ready.next, struct unit, ready);
        if (!may_issue(b, u, r))
            continue;
        slot = slot_take(b);
        if (slot < 0)
            return NULL;
        list_del(&r->link);
        list_del(&u->ready);
        list_init(&u->ready);
        if (!list_empty(&u->waiting))
            list_add_tail(&b->ready, &u->ready); /* the others first */
        slot_issue(b, (uint32_t)slot, r);
        return r;
    }
    return NULL;
}

void
bus_run(struct bus *b)
{
    struct request *r;
    uint8_t irql = spin_lock(&b->lock);

    while (!bus_is_dead(b) && (r = pick(b)) != NULL) {
        spin_unlock(&b->lock, DISPATCH_LEVEL);
        b->adapter->face->issue(b, r);
        spin_lock(&b->lock);
    }
    spin_unlock(&b->lock, irql);
}

void
bus_postpone(struct bus *b, struct request *r)
{
    struct unit *u = r->unit;
    uint8_t irql = spin_lock(&b->lock);
    bool gone = u->gone || bus_is_dead(b);

    if (!gone) {
        if (b->paced) { /* what it was asked for with is there still */
            __atomic_fetch_and(&b->holds, ~HOLD_PACE, __ATOMIC_RELAXED);
            __atomic_fetch_and(&u->holds, ~HOLD_PACE, __ATOMIC_RELAXED);
        }
        slot_free(b, r->slot);
        list_add_head(&u->waiting, &r->link);
        if (list_empty(&u->ready))
            list_add_head(&b->ready, &u->ready);
    }
    spin_unlock(&b->lock, irql);
    if (gone) { /* its queue has been emptied */
        r->error = -ENODEV;
        bus_slot_start(b, r->slot);
        if (bus_slot_claim(b, r->slot))
            bus_slot_post(b, r->slot);
    }
}

/* Busy times end by the timer, also while nothing is out. */
static void
run_dpc(struct dpc *d, void *context)
{
    struct bus *b = context;

    spin_lock_raw(&b->lock);
    ticking_start(b);
    spin_unlock_raw(&b->lock);
    bus_run(b);
}

void
bus_kick(struct bus *b)
{
    (void)dpc_queue(&b->run_dpc);
}

/* Behind (or ahead of) what waits at its unit; what may pass a hold does not wait behind what may not. Lock held. */
static void
enqueue(struct bus *b, struct unit *u, struct request *r)
{
    if (r->flags & REQUEST_FIRST || r->passes)
        list_add_head(&u->waiting, &r->link);
    else
        list_add_tail(&u->waiting, &r->link);
    if (list_empty(&u->ready))
        list_add_tail(&b->ready, &u->ready);
}

int
unit_submit(struct unit *u, struct request *r)
{
    struct bus *b = u->bus;
    uint8_t irql = spin_lock(&b->lock);
    int slot;

    if (u->gone || bus_is_dead(b)) {
        spin_unlock(&b->lock, irql);
        return -ENODEV;
    }
    r->unit = u;
    r->error = 0;
    r->cpu = cpu_number();
    u->requests++;
    if (list_empty(&b->ready) && may_issue(b, u, r) && (slot = slot_take(b)) >= 0) {
        slot_issue(b, (uint32_t)slot, r); /* nobody waits: past the queues */
        spin_unlock(&b->lock, DISPATCH_LEVEL);
        b->adapter->face->issue(b, r);
        if (b->paced && !list_empty(&b->ready)) /* it may have asked for more while it was held back */
            bus_run(b);
    } else {
        enqueue(b, u, r);
        if (b->paced)
            ticking_start(b);
        spin_unlock(&b->lock, DISPATCH_LEVEL);
        bus_run(b);
    }
    irql_lower(irql);
    return 0;
}

/* ---- completing ---- */

bool
bus_slot_is_out(const struct bus *b, uint32_t slot)
{
    uint8_t state = slot < PORT_SLOTS ? __atomic_load_n(&b->slots[slot].state, __ATOMIC_ACQUIRE) : SLOT_FREE;

    return state == SLOT_TAKEN || state == SLOT_ISSUED;
}

void
bus_slot_post(struct bus *b, uint32_t slot)
{
    struct bus_cpu *c = &b->cpus[b->slots[slot].request->cpu];

    trace(TRACE_DONE, trace_name(b->adapter->name), slot);
    __atomic_fetch_or(&c->completed[slot / 64], BIT64(slot % 64), __ATOMIC_RELEASE);
    __atomic_store_n(&b->idle_claims, 0, __ATOMIC_RELAXED);
    (void)dpc_queue(&c->dpc);
}

void
bus_claimed(struct bus *b)
{
    b->interrupts++;
    if (__atomic_add_fetch(&b->idle_claims, 1, __ATOMIC_RELAXED) == IDLE_CLAIMS_MAX)
        gate_close(&b->adapter->gate, NULL, "claimed %u interrupts in a row with nothing done",
                   IDLE_CLAIMS_MAX);
}

static void
slot_end(struct bus *b, uint32_t n)
{
    struct request *r = b->slots[n].request;
    uint8_t irql;
    bool done;

    while (__builtin_expect(__atomic_load_n(&b->slots[n].reporting, __ATOMIC_ACQUIRE), 0))
        cpu_relax(); /* another processor is in face->timed_out() for it */
    done = b->adapter->face->completed(b, r);
    irql = spin_lock(&b->lock);

    slot_free(b, n);
    b->completed++;
    r->unit->errors += done && r->error;
    spin_unlock(&b->lock, irql);
    if (done)
        r->done(r);
    else if (unit_submit(r->unit, r)) {
        r->error = -ENODEV;
        r->done(r);
    }
}

static void
completion_dpc(struct dpc *d, void *context)
{
    struct bus_cpu *c = context;

    for (unsigned w = 0; w < PORT_SLOT_WORDS; w++) {
        uint64_t slots = __atomic_load_n(&c->completed[w], __ATOMIC_RELAXED)
                             ? __atomic_exchange_n(&c->completed[w], 0, __ATOMIC_ACQUIRE)
                             : 0;

        for (; slots; slots &= slots - 1)
            slot_end(c->bus, w * 64 + (uint32_t)__builtin_ctzll(slots));
    }
    if (!list_empty(&c->bus->ready)) /* who has submitted since has seen the free slots */
        bus_run(c->bus);
}

/* Take all that waits at a unit. Lock held. */
static void
waiting_take(struct unit *u, struct list *to)
{
    while (!list_empty(&u->waiting)) {
        struct list *l = u->waiting.next;

        list_del(l);
        list_add_tail(to, l);
    }
    list_del(&u->ready);
    list_init(&u->ready);
}

static void
waiting_fail(struct list *requests, int error)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    while (!list_empty(requests)) {
        struct request *r = list_entry(requests->next, struct request, link);

        list_del(&r->link);
        r->error = error;
        r->done(r);
    }
    irql_lower(irql);
}

void
bus_kill(struct bus *b)
{
    struct list requests = LIST_INIT(requests);
    uint8_t irql = spin_lock(&b->lock);
    struct unit *u;

    b->dead = true;
    list_for_each_entry(u, &b->units, link)
        waiting_take(u, &requests);
    spin_unlock(&b->lock, DISPATCH_LEVEL);
    for (uint32_t i = 0; i < PORT_SLOTS; i++)
        if (bus_slot_claim(b, i)) {
            b->slots[i].request->error = -EIO;
            bus_slot_post(b, i);
        }
    waiting_fail(&requests, -ENODEV);
    irql_lower(irql);
}

int
bus_drain(struct bus *b, uint64_t timeout)
{
    uint64_t deadline = timer_deadline(timeout);

    while (__atomic_load_n(&b->active, __ATOMIC_ACQUIRE)) {
        if (time_now() >= deadline)
            return -ETIMEDOUT;
        thread_sleep(MS(1));
    }
    return 0;
}

/* ---- holding ---- */

void
unit_hold(struct unit *u, uint32_t hold)
{
    __atomic_fetch_or(&u->holds, hold, __ATOMIC_ACQ_REL);
}

void
unit_release(struct unit *u, uint32_t hold)
{
    __atomic_fetch_and(&u->holds, ~hold, __ATOMIC_ACQ_REL);
    bus_kick(u->bus);
}

bool
bus_next(struct bus *b, struct unit *u)
{
    if (u)
        __atomic_fetch_and(&u->holds, ~HOLD_PACE, __ATOMIC_RELAXED);
    __atomic_fetch_and(&b->holds, ~HOLD_PACE, __ATOMIC_SEQ_CST); /* before the list is looked at: enqueue() */
    return !list_empty(&b->ready);
}

void
bus_hold(struct bus *b, uint32_t hold)
{
    __atomic_fetch_or(&b->holds, hold, __ATOMIC_ACQ_REL);
}

void
bus_release(struct bus *b, uint32_t hold)
{
    __atomic_fetch_and(&b->holds, ~hold, __ATOMIC_ACQ_REL);
    bus_kick(b);
}

/* ---- making and freeing ---- */

int
bus_new(struct adapter *a, uint32_t number, uint32_t depth, struct bus **out)
{
    struct bus *b = pool_zalloc(sizeof(*b), PORT_TAG);

    if (!b)
        return -ENOMEM;
    b->cpus = pool_zalloc(cpu_count() * sizeof(*b->cpus), PORT_TAG);
    if (!b->cpus) {
        pool_free(b, PORT_TAG);
        return -ENOMEM;
    }
    b->adapter = a;
    b->number = number;
    b->depth = depth;
    spin_init(&b->lock, LOCK_PORT, "a bus");
    spin_init(&b->isr_lock, (enum lock_order)(LOCK_PORT_ISR + number), "a bus's interrupt");
    list_init(&b->units);
    list_init(&b->ready);
    timer_init_call(&b->second, bus_second);
    dpc_init(&b->run_dpc, run_dpc, b);
    for (uint32_t n = 0; n < cpu_count(); n++) {
        b->cpus[n].bus = b;
        dpc_init(&b->cpus[n].dpc, completion_dpc, &b->cpus[n]);
        dpc_set_target(&b->cpus[n].dpc, n);
    }
    *out = b;
    return 0;
}

void
bus_free(struct bus *b)
{
    bus_kill(b);
    dpc_flush(); /* a bus_kick() that was under way has seen that the bus is dead, and sets no timer */
    (void)timer_cancel(&b->second);
    dpc_flush();
    while (!list_empty(&b->units))
        unit_remove(list_entry(b->units.next, struct unit, link));
    bounce_free(&b->bounce);
    pool_free(b->cpus, PORT_TAG);
    pool_free(b, PORT_TAG);
}

struct unit *
unit_find(struct bus *b, uint8_t path, uint8_t target, uint8_t lun)
{
    uint8_t irql = spin_lock(&b->lock);
    struct unit *u, *found = NULL;

    list_for_each_entry(u, &b->units, link)
        if (u->path == path && u->target == target && u->lun == lun)
            found = u;
    spin_unlock(&b->lock, irql);
    return found;
}

int
unit_add(struct bus *b, uint8_t path, uint8_t target, uint8_t lun, uint32_t depth, void *face_data,
         struct unit **out)
{
    struct unit *u;
    uint8_t irql;

    if (unit_find(b, path, target, lun))
        return -EEXIST;
    u = pool_zalloc(sizeof(*u), PORT_TAG);
    if (!u)
        return -ENOMEM;
    u->bus = b;
    u->path = path;
    u->target = target;
    u->lun = lun;
    u->depth = depth;
    u->face_data = face_data;
    list_init(&u->waiting);
    list_init(&u->ready);
    irql = spin_lock(&b->lock);
    list_add_tail(&b->units, &u->link);
    spin_unlock(&b->lock, irql);
    *out = u;
    return 0;
}

void
unit_cut(struct unit *u)
{
    struct list requests = LIST_INIT(requests);
    uint8_t irql = spin_lock(&u->bus->lock);

    u->gone = true;
    waiting_take(u, &requests);
    spin_unlock(&u->bus->lock, irql);
    waiting_fail(&requests, -ENODEV);
}

void
unit_flush(struct unit *u, int error)
{
    struct list requests = LIST_INIT(requests);
    uint8_t irql = spin_lock(&u->bus->lock);

    waiting_take(u, &requests);
    spin_unlock(&u->bus->lock, irql);
    waiting_fail(&requests, error);
}

void
unit_remove(struct unit *u)
{
    struct bus *b = u->bus;
    uint8_t irql;
    bool out;

    unit_cut(u);
    unit_retire(u);
    do { /* what is out comes back, or times out */
        irql = spin_lock(&b->lock);
        out = u->active != 0;
        if (!out)
            list_del(&u->link);
        spin_unlock(&b->lock, irql);
        if (out)
            thread_sleep(MS(1));
    } while (out);
    pool_free(u, PORT_TAG);
}
