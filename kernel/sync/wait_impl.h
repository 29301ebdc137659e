/*
 * How a wait begins and ends. For wait.c, event.c, mutex.c.
 *
 * The waiting thread's wait_state:
 *
 *     (anything) --arm--> ARMED --sched_block--> BLOCKED
 *                           |                       |
 *                           +---- claim: result ----+
 *
 * and the same with ARMED_OPEN and BLOCKED_OPEN, from which thread_interrupt() may claim as well (-EINTR).
 *
 * I1  A thread arms its wait, puts a block into each object under the object's lock, and blocks.
 * I2  Who ends the wait claims it: compare-exchange from ARMED or BLOCKED to the result (>= 0: index of the object;
 *     -ETIMEDOUT; -EINTR). Only one claim wins. A claim from BLOCKED obliges the winner to make the thread ready
 *     (sched_wake), after it has let go of the object: the thread may then free it. A claim from ARMED obliges to
 *     nothing, the thread has not gone to sleep.
 * I3  A signal claims under the lock of the object and takes the block out there. A thread whose wait was claimed
 *     before it blocked, or by a timeout, passes through the lock of each of its objects before its wait
 *     returns. So who holds the lock may look at every block in the list, and at its thread.
 * I4  A wait that is lost to another claim leaves its block in the list; its thread takes it out (I3).
 */
#pragma once
#include "kernel/sched/thread.h"
#include "kernel/sync/wait.h"

/* One thread's place in one object's list. [w] the object's lock */
struct wait_block {
    struct list link;      /* [w] */
    struct thread *thread; /* [I] */
    int32_t result;        /* [I] of a claim by this object */
};

enum wait_claim { CLAIM_LOST, CLAIM_ARMED, CLAIM_BLOCKED };

/* I2. IRQL: DISPATCH_LEVEL. Locks: the object's, if there is one. */
static inline enum wait_claim
wait_claim(struct thread *t, int32_t result)
{
    int32_t state = __atomic_load_n(&t->wait_state, __ATOMIC_ACQUIRE);

    do {
        if (state > WAIT_BLOCKED_OPEN)
            return CLAIM_LOST;
    } while (!__atomic_compare_exchange_n(&t->wait_state, &state, result, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    return state == WAIT_BLOCKED || state == WAIT_BLOCKED_OPEN ? CLAIM_BLOCKED : CLAIM_ARMED;
}

/* open: interruptible. Then what is to be done already ends the wait at once. */
static inline void
wait_arm(struct thread *t, bool open)
{
    __atomic_store_n(&t->wait_state, open ? WAIT_ARMED_OPEN : WAIT_ARMED, __ATOMIC_SEQ_CST);
    if (open && __atomic_load_n(&t->context.user_work, __ATOMIC_SEQ_CST))
        wait_claim(t, -EINTR);
}

/* Append the running thread to the object's list. Locks: w->lock held. */
static inline void
wait_enter(struct waitable *w, struct wait_block *b, struct thread *t, int32_t result)
{
    b->thread = t;
    b->result = result;
    list_add_tail(&w->waiters, &b->link);
}

/* wait_block() with a bound. */
bool wait_block_timed(struct thread *t, uint64_t timeout);

/*
 * Block the running thread, whose wait is armed and entered, until it is claimed or `timeout` ns have passed.
 * IRQL:    DISPATCH_LEVEL
 * Returns: true if it blocked and was claimed by a signal: its block is out and nobody looks at it any more;
 *          false: the caller has to pass through the locks (I3). The result is in wait_state.
 */
static inline bool
wait_block(struct thread *t, uint64_t timeout)
{
    if (timeout != WAIT_FOREVER)
        return wait_block_timed(t, timeout);
    return sched_block() && t->wait_state >= 0;
}

/*
 * Claim the oldest waiter that can be claimed and take its block out.
 * Locks:   w->lock held
 * Returns: is there one? *woken: the thread to sched_wake() after unlocking, or NULL
 */
static inline bool
wait_wake_one(struct waitable *w, struct thread **woken)
{
    struct list *link, *following;

    list_for_each_safe(link, following, &w->waiters) {
        struct wait_block *b = list_entry(link, struct wait_block, link);
        struct thread *t = b->thread;
        enum wait_claim claim = wait_claim(t, b->result);

        if (claim == CLAIM_LOST)
            continue;
        list_del(link);
        *woken = claim == CLAIM_BLOCKED ? t : NULL;
        return true;
    }
    return false;
}

/* Give out the signal as far as there are waiters for it; those to wake are appended to `woken`. Locks: w->lock. */
void wait_wake(struct waitable *w, struct list *woken);

/* Wake those, once the lock is released. */
void wait_wake_list(struct list *woken);
