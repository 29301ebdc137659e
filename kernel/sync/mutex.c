/*
 * Who owns a mutex, who waits for it, and at which priority the owner runs.
 *
 * I1  A mutex is free (signal 1, no owner), or owned, perhaps with waiters. Only the owner unlocks it. With
 *     waiters it goes straight from owner to owner.
 * I2  What happens to a mutex without waiters happens under its own lock alone; everything else under
 *     inheritance_lock as well: joining and leaving the waiters, handing over, t->blocked_on, t->contended and
 *     every priority. So who holds inheritance_lock sees a graph of owners and waiters that stands still.
 * I3  A mutex with waiters is in its owner's list `contended`, one without is in none.
 * I4  A thread's priority is the highest of its base priority and the priorities of those in the lists of its
 *     contended mutexes. The chain of owners is followed for MUTEX_CHAIN_MAX steps.
 */
#include "kernel/sync/mutex.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/wait_impl.h"

static spinlock_t inheritance_lock = SPINLOCK(LOCK_MUTEX, "mutex inheritance");

void
mutex_init(struct mutex *m)
{
    waitable_init(&m->waitable, WAIT_MUTEX, 1, "mutex");
    m->owner = NULL;
    list_init(&m->contended);
}

bool
mutex_held(const struct mutex *m)
{
    return __atomic_load_n(&m->owner, __ATOMIC_RELAXED) == thread_current();
}

/* -- inheritance. Locks: inheritance_lock held */

static uint8_t
waiters_priority(const struct mutex *m)
{
    const struct wait_block *b;
    uint8_t highest = 0;

    list_for_each_entry(b, &m->waitable.waiters, link)
        if (b->thread->priority > highest)
            highest = b->thread->priority;
    return highest;
}

/* What I4 says of one thread. */
static uint8_t
priority_due(const struct thread *t)
{
    const struct mutex *m;
    uint8_t highest = t->base_priority;

    list_for_each_entry(m, &t->contended, contended) {
        uint8_t inherited = waiters_priority(m);

        if (inherited > highest)
            highest = inherited;
    }
    return highest;
}

/* Restore I4 for a thread and for those whose mutexes it waits for, directly or not. */
static void
inherit(struct thread *t)
{
    for (unsigned i = 0; t && i < MUTEX_CHAIN_MAX; i++) {
        uint8_t priority = priority_due(t);

        if (priority == t->priority)
            return;
        sched_set_priority(t, priority);
        t = t->blocked_on ? t->blocked_on->owner : NULL;
    }
}

/* Does the owner of m wait, over others, for `t`? */
static bool
waits_for(const struct mutex *m, const struct thread *t)
{
    for (unsigned i = 0; m && i < MUTEX_CHAIN_MAX; i++) {
        if (m->owner == t)
            return true;
        m = m->owner ? m->owner->blocked_on : NULL;
    }
    return false;
}

void
mutex_set_base_priority(struct thread *t, uint8_t priority)
{
    uint8_t old = spin_lock(&inheritance_lock);

    t->base_priority = priority;
    inherit(t);
    spin_unlock_raw(&inheritance_lock);
    dispatch_lower(old);
}

/* -- locking */

/* Locks: m's held. */
static bool
take_free(struct mutex *m, struct thread *t)
{
    if (m->waitable.signal <= 0)
        return false;
    m->waitable.signal = 0;
    __atomic_store_n(&m->owner, t, __ATOMIC_RELAXED);
    return true;
}

/*
 * Join the waiters, or find the mutex free after all.
 * Returns: 0: owner now; -EDEADLK; -EAGAIN: entered, block
 */
static int
waiters_join(struct mutex *m, struct thread *t, struct wait_block *b)
{
    int result = -EAGAIN;

    spin_lock_raw(&inheritance_lock);
    spin_lock_raw(&m->waitable.lock);
    if (take_free(m, t)) {
        result = 0;
    } else if (waits_for(m, t)) {
        result = -EDEADLK;
    } else {
        wait_arm(t, false);
        wait_enter(&m->waitable, b, t, 0);
        t->blocked_on = m;
        if (list_empty(&m->contended))
            list_add_tail(&m->owner->contended, &m->contended);
        inherit(m->owner);
    }
    spin_unlock_raw(&m->waitable.lock);
    spin_unlock_raw(&inheritance_lock);
    return result;
}

/* After a wait that timed out, or was claimed before it blocked (I3 of wait_impl.h). */
static void
waiters_leave(struct mutex *m, struct thread *t, struct wait_block *b)
{
    spin_lock_raw(&inheritance_lock);
    spin_lock_raw(&m->waitable.lock);
    if (t->blocked_on) {
        t->blocked_on = NULL;
        list_del(&b->link);
        if (list_empty(&m->waitable.waiters))
            list_del(&m->contended);
        if (m->owner)
            inherit(m->owner);
    }
    spin_unlock_raw(&m->waitable.lock);
    spin_unlock_raw(&inheritance_lock);
}

static int
lock_slowly(struct mutex *m, struct thread *t, uint64_t timeout, uint8_t old)
{
    struct wait_block block;
    int result = waiters_join(m, t, &block);

    if (result == -EAGAIN) {
        if (!wait_block(t, timeout))
            waiters_leave(m, t, &block);
        result = t->wait_state;
    }
    dispatch_lower(old);
    return result;
}

int
mutex_lock(struct mutex *m, uint64_t timeout)
{
    struct thread *t = thread_current();
    uint8_t old = spin_lock(&m->waitable.lock);

    DEBUG_ASSERT(old <= APC_LEVEL);
    if (take_free(m, t)) {
        spin_unlock(&m->waitable.lock, old);
        return 0;
    }
    spin_unlock_raw(&m->waitable.lock);
    if (timeout == 0) {
        irql_lower(old);
        return m->owner == t ? -EDEADLK : -ETIMEDOUT;
    }
    return lock_slowly(m, t, timeout, old);
}

/* -- unlocking */

/* The waiter of highest priority, of equal ones the oldest; NULL: none. */
static struct wait_block *
waiters_best(const struct mutex *m)
{
    struct wait_block *b, *best = NULL;

    list_for_each_entry(b, &m->waitable.waiters, link)
        if (!best || b->thread->priority > best->thread->priority)
            best = b;
    return best;
}

/* Make the best waiter that can be claimed the owner, or the mutex free. Returns the thread to wake, or NULL. */
static struct thread *
hand_over(struct mutex *m)
{
    struct wait_block *b;
    struct thread *next;
    enum wait_claim claim;

    while ((b = waiters_best(m)) != NULL) {
        list_del(&b->link);
        next = b->thread;
        claim = wait_claim(next, 0);
        if (claim == CLAIM_LOST)
            continue; /* timed out: waiters_leave() is on its way */
        next->blocked_on = NULL;
        __atomic_store_n(&m->owner, next, __ATOMIC_RELAXED);
        if (!list_empty(&m->waitable.waiters))
            list_add_tail(&next->contended, &m->contended);
        inherit(next);
        return claim == CLAIM_BLOCKED ? next : NULL;
    }
    __atomic_store_n(&m->owner, NULL, __ATOMIC_RELAXED);
    m->waitable.signal = 1;
    return NULL;
}

/* IRQL: DISPATCH_LEVEL; then dispatch_lower(). */
static void
release(struct mutex *m, struct thread *t)
{
    struct thread *woken;

    spin_lock_raw(&m->waitable.lock);
    if (list_empty(&m->waitable.waiters)) {
        __atomic_store_n(&m->owner, NULL, __ATOMIC_RELAXED);
        m->waitable.signal = 1;
        spin_unlock_raw(&m->waitable.lock);
        return;
    }
    spin_unlock_raw(&m->waitable.lock);

    spin_lock_raw(&inheritance_lock);
    spin_lock_raw(&m->waitable.lock);
    list_del(&m->contended);
    woken = hand_over(m);
    inherit(t);
    spin_unlock_raw(&m->waitable.lock);
    spin_unlock_raw(&inheritance_lock);
    if (woken)
        sched_wake(woken);
}

void
mutex_unlock(struct mutex *m)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    ASSERT(mutex_held(m));
    release(m, thread_current());
    dispatch_lower(old);
}

/* -- conditions */

void
cond_init(struct cond *c)
{
    waitable_init(&c->waitable, WAIT_SYNCHRONIZATION, 0, "condition");
}

static int
wait_on(struct cond *c, struct mutex *m, uint64_t timeout, bool open)
{
    struct thread *t = thread_current();
    uint8_t old = spin_lock(&c->waitable.lock);
    struct wait_block block;
    int result;

    ASSERT(mutex_held(m));
    DEBUG_ASSERT(old <= APC_LEVEL);
    wait_arm(t, open);
    wait_enter(&c->waitable, &block, t, 0);
    spin_unlock_raw(&c->waitable.lock);
    release(m, t);
    if (!wait_block(t, timeout)) {
        spin_lock_raw(&c->waitable.lock);
        list_del(&block.link);
        spin_unlock_raw(&c->waitable.lock);
    }
    result = t->wait_state;
    dispatch_lower(old);
    mutex_lock(m, WAIT_FOREVER);
    return result;
}

int
cond_wait(struct cond *c, struct mutex *m, uint64_t timeout)
{
    return wait_on(c, m, timeout, false);
}

int
cond_wait_interruptible(struct cond *c, struct mutex *m, uint64_t timeout)
{
    return wait_on(c, m, timeout, true);
}

/* Wake up to `most` waiters. */
static unsigned
cond_wake(struct cond *c, unsigned most)
{
    uint8_t old = spin_lock(&c->waitable.lock);
    struct list woken;
    struct thread *t;
    unsigned n = 0;

    list_init(&woken);
    while (n < most && wait_wake_one(&c->waitable, &t)) {
        if (t)
            list_add_tail(&woken, &t->link);
        n++;
    }
    spin_unlock_raw(&c->waitable.lock);
    wait_wake_list(&woken);
    dispatch_lower(old);
    return n;
}

unsigned
cond_signal(struct cond *c)
{
    return cond_wake(c, 1);
}

unsigned
cond_broadcast(struct cond *c)
{
    return cond_wake(c, UINT32_MAX);
}
