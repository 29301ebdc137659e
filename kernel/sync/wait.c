#include "kernel/sync/wait_impl.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/timer.h"
#include "lib/field.h"

#define FEW 4 /* objects for which the blocks are small enough for any stack */

void
waitable_init(struct waitable *w, enum waitable_type type, int32_t signal, const char *name)
{
    spin_init(&w->lock, LOCK_WAITABLE, name);
    list_init(&w->waiters);
    w->signal = signal;
    w->type = (uint8_t)type;
}

bool
waitable_is_signalled(const struct waitable *w)
{
    return __atomic_load_n(&w->signal, __ATOMIC_RELAXED) > 0;
}

/* Locks: w->lock held. */
static bool
signal_take(struct waitable *w)
{
    if (w->signal <= 0)
        return false;
    if (w->type != WAIT_NOTIFICATION)
        w->signal--;
    return true;
}

/* -- ending waits */

void
wait_wake(struct waitable *w, struct list *woken)
{
    struct thread *t;

    while (w->signal > 0 && wait_wake_one(w, &t)) {
        if (w->type != WAIT_NOTIFICATION)
            w->signal--;
        if (t)
            list_add_tail(woken, &t->link);
    }
}

void
wait_wake_list(struct list *woken)
{
    struct list *link;

    while ((link = list_pop(woken)) != NULL)
        sched_wake(list_entry(link, struct thread, link));
}

bool
wait_interrupt(struct thread *t)
{
    int32_t armed = WAIT_ARMED_OPEN, blocked = WAIT_BLOCKED_OPEN;

    if (__atomic_compare_exchange_n(&t->wait_state, &armed, -EINTR, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_ACQUIRE))
        return false;
    return __atomic_compare_exchange_n(&t->wait_state, &blocked, -EINTR, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_ACQUIRE);
}

/* -- waiting */

struct timeout {
    struct timer timer;
    struct thread *thread;
};

static void
timeout_fire(struct timer *t)
{
    struct thread *thread = container_of(t, struct timeout, timer)->thread;

    if (wait_claim(thread, -ETIMEDOUT) == CLAIM_BLOCKED)
        sched_wake(thread);
}

bool
wait_block_timed(struct thread *t, uint64_t timeout)
{
    struct timeout x;
    bool blocked;

    x.thread = t;
    timer_init_call(&x.timer, timeout_fire);
    timer_set(&x.timer, timer_deadline(timeout), 0, NULL);
    blocked = sched_block();
    timer_cancel(&x.timer);
    return blocked && t->wait_state >= 0;
}

static int
wait_one(struct waitable *w, uint64_t timeout, bool open)
{
    struct thread *t = thread_current();
    uint8_t old = spin_lock(&w->lock);
    struct wait_block block;
    int result;

    DEBUG_ASSERT(w->type != WAIT_MUTEX);
    result = signal_take(w) ? 0 : -ETIMEDOUT;
    if (result == 0 || timeout == 0) {
        spin_unlock(&w->lock, old);
        return result;
    }
    DEBUG_ASSERT(old <= APC_LEVEL);
    wait_arm(t, open);
    wait_enter(w, &block, t, 0);
    spin_unlock_raw(&w->lock);
    if (!wait_block(t, timeout)) {
        spin_lock_raw(&w->lock);
        list_del(&block.link);
        spin_unlock_raw(&w->lock);
    }
    result = t->wait_state;
    dispatch_lower(old);
    return result;
}

int
wait_event(struct waitable *w, uint64_t timeout)
{
    return wait_one(w, timeout, false);
}

int
wait_event_interruptible(struct waitable *w, uint64_t timeout)
{
    return wait_one(w, timeout, true);
}

/* The first that is signalled: take it. Returns its index, or -ETIMEDOUT. IRQL: DISPATCH_LEVEL. */
static int
poll_any(struct waitable *const *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bool taken;

        spin_lock_raw(&w[i]->lock);
        taken = signal_take(w[i]);
        spin_unlock_raw(&w[i]->lock);
        if (taken)
            return (int)i;
    }
    return -ETIMEDOUT;
}

/* Enter the lists until one turns out to be signalled. Returns the number of lists entered. */
static unsigned
enter_all(struct waitable *const *w, unsigned n, struct wait_block *blocks, struct thread *t)
{
    for (unsigned i = 0; i < n; i++) {
        bool entered;

        spin_lock_raw(&w[i]->lock);
        entered = w[i]->signal <= 0;
        if (entered)
            wait_enter(w[i], &blocks[i], t, (int32_t)i);
        else if (wait_claim(t, (int32_t)i) != CLAIM_LOST)
            signal_take(w[i]);
        spin_unlock_raw(&w[i]->lock);
        if (!entered)
            return i;
    }
    return n;
}

static int
wait_any_with(struct wait_block *blocks, struct waitable *const *w, unsigned n, uint64_t timeout, bool open)
{
    struct thread *t = thread_current();
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    int result = poll_any(w, n);
    unsigned entered;

    if (result >= 0 || timeout == 0) {
        irql_lower(old);
        return result;
    }
    DEBUG_ASSERT(old <= APC_LEVEL);
    wait_arm(t, open);
    entered = enter_all(w, n, blocks, t);
    if (entered == n)
        wait_block(t, timeout);
    for (unsigned i = 0; i < entered; i++) {
        spin_lock_raw(&w[i]->lock);
        list_del(&blocks[i].link);
        spin_unlock_raw(&w[i]->lock);
    }
    result = t->wait_state;
    dispatch_lower(old);
    return result;
}

/* Apart, for the size of its frame. */
__attribute__((noinline)) static int
wait_many(struct waitable *const *w, unsigned n, uint64_t timeout, bool open)
{
    struct wait_block blocks[WAIT_ANY_MAX];

    return wait_any_with(blocks, w, n, timeout, open);
}

static int
wait_some(struct waitable *const *w, unsigned n, uint64_t timeout, bool open)
{
    struct wait_block blocks[FEW];

    if (n == 0 || n > WAIT_ANY_MAX)
        return -EINVAL;
    if (n > FEW)
        return wait_many(w, n, timeout, open);
    return wait_any_with(blocks, w, n, timeout, open);
}

int
wait_any(struct waitable *const *w, unsigned n, uint64_t timeout)
{
    return wait_some(w, n, timeout, false);
}

int
wait_any_interruptible(struct waitable *const *w, unsigned n, uint64_t timeout)
{
    return wait_some(w, n, timeout, true);
}
