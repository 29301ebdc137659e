/*
 * Mutexes and condition variables, for threads.
 *
 * A mutex is handed over: unlocking makes the waiter of highest priority the owner. While threads wait, the
 * owner runs at the highest of their priorities, and so does whoever owns what the owner waits for, up to
 * MUTEX_CHAIN_MAX owners away. Not recursive. Waiting for a mutex through wait_any() is a lock without inheritance
 * and is not allowed; use mutex_lock().
 */
#pragma once
#include <stdbool.h>
#include "kernel/sync/wait.h"

#define MUTEX_CHAIN_MAX 16

struct thread;

/* [w] waitable.lock; [p] the lock of all inheritance */
struct mutex {
    struct waitable waitable; /* signal: 1 free, 0 owned */
    struct thread *owner;     /* [w] */
    struct list contended;    /* [p] in owner's list of mutexes that others wait for */
};

/* Free. IRQL: any. */
void mutex_init(struct mutex *m);

/*
 * Become the owner.
 * IRQL:    <= APC_LEVEL; no spin lock held
 * Returns: 0; -ETIMEDOUT; -EDEADLK if the caller owns it already, or its owner waits, over others, for the caller
 */
int mutex_lock(struct mutex *m, uint64_t timeout);

/* IRQL: <= APC_LEVEL; caller owns it. */
void mutex_unlock(struct mutex *m);

/* Does the caller own it? */
bool mutex_held(const struct mutex *m);
#define assert_mutex_held(m) DEBUG_ASSERT(mutex_held(m))

/* For thread_set_priority(): change t's base priority, and whatever follows from it. IRQL: <= DISPATCH_LEVEL. */
void mutex_set_base_priority(struct thread *t, uint8_t priority);

struct cond {
    struct waitable waitable; /* never signalled: a wake-up that nobody waits for is lost */
};

/* IRQL: any. */
void cond_init(struct cond *c);

/*
 * Release m, wait for cond_signal() or cond_broadcast(), own m again. Nothing comes between release and wait.
 * The condition itself must be looked at again after.
 * IRQL:    <= APC_LEVEL; caller owns m, and does again on return, whatever is returned
 * Returns: 0; -ETIMEDOUT
 */
int cond_wait(struct cond *c, struct mutex *m, uint64_t timeout);

/* The same; thread_interrupt() ends it too (wait.h): -EINTR. */
int cond_wait_interruptible(struct cond *c, struct mutex *m, uint64_t timeout);

/* Wake the oldest waiter; all. IRQL: <= DISPATCH_LEVEL. Returns the number woken. */
unsigned cond_signal(struct cond *c);
unsigned cond_broadcast(struct cond *c);
