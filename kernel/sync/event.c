#include "kernel/sync/event.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/wait_impl.h"

void
event_init(struct event *e, enum event_type type, bool set)
{
    waitable_init(&e->waitable, (enum waitable_type)type, set, "event");
}

/* Set a manual event: wake all. Locks: held, given up. */
static void
notify(struct waitable *w)
{
    struct list woken;

    list_init(&woken);
    wait_wake(w, &woken);
    spin_unlock_raw(&w->lock);
    wait_wake_list(&woken);
}

bool
event_set(struct event *e)
{
    struct waitable *w = &e->waitable;
    uint8_t old = spin_lock(&w->lock);
    bool was_set = w->signal > 0;
    struct thread *woken = NULL;

    if (w->type == WAIT_NOTIFICATION) {
        w->signal = 1;
        notify(w);
    } else {
        w->signal = was_set || !wait_wake_one(w, &woken);
        spin_unlock_raw(&w->lock);
        if (woken)
            sched_wake(woken);
    }
    dispatch_lower(old);
    return was_set;
}

bool
event_clear(struct event *e)
{
    uint8_t old = spin_lock(&e->waitable.lock);
    bool was_set = e->waitable.signal > 0;

    e->waitable.signal = 0;
    spin_unlock(&e->waitable.lock, old);
    return was_set;
}

bool
event_is_set(const struct event *e)
{
    return waitable_is_signalled(&e->waitable);
}

void
semaphore_init(struct semaphore *s, int32_t count, int32_t limit)
{
    DEBUG_ASSERT(count >= 0 && count <= limit);
    waitable_init(&s->waitable, WAIT_SYNCHRONIZATION, count, "semaphore");
    s->limit = limit;
}

int
semaphore_release(struct semaphore *s, int32_t n)
{
    struct waitable *w = &s->waitable;
    uint8_t old = spin_lock(&w->lock);

    if (n <= 0 || n > s->limit - w->signal) {
        spin_unlock(&w->lock, old);
        return -EOVERFLOW;
    }
    w->signal += n;
    notify(w);
    dispatch_lower(old);
    return 0;
}

int32_t
semaphore_count(const struct semaphore *s)
{
    return __atomic_load_n(&s->waitable.signal, __ATOMIC_RELAXED);
}

static void
waitable_timer_fire(struct timer *t)
{
    struct waitable_timer *wt = container_of(t, struct waitable_timer, timer);

    spin_lock_raw(&wt->waitable.lock);
    wt->waitable.signal = 1;
    notify(&wt->waitable);
}

void
waitable_timer_init(struct waitable_timer *t, enum event_type type)
{
    waitable_init(&t->waitable, (enum waitable_type)type, 0, "timer");
    timer_init_call(&t->timer, waitable_timer_fire);
}

bool
waitable_timer_set(struct waitable_timer *t, uint64_t deadline, uint64_t period)
{
    bool was_set = timer_cancel(&t->timer);
    uint8_t old = spin_lock(&t->waitable.lock);

    t->waitable.signal = 0;
    spin_unlock(&t->waitable.lock, old);
    timer_set(&t->timer, deadline, period, NULL);
    return was_set;
}

bool
waitable_timer_cancel(struct waitable_timer *t)
{
    return timer_cancel(&t->timer);
}
