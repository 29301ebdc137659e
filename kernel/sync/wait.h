/*
 * Waiting: for one object or for any of several, with a bound in time.
 *
 * What can be waited for starts with a struct waitable. Each has its own lock, and the list of those who wait.
 * A wait ends exactly once: whoever ends it (a signal, a timeout) first claims it by compare-exchange on the
 * waiting thread's state (kernel/sync/wait_impl.h says how), and only the claim that wins takes effect. So a
 * signal that loses against a timeout is not lost: it goes to the next waiter, or stays in the object.
 *
 * An object may be freed as soon as a wait on it has ended: nobody touches it after that.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/tsc.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/list.h"

#define WAIT_FOREVER UINT64_MAX /* only for threads that serve a queue, and for what cannot fail */
#define WAIT_ANY_MAX 64

enum waitable_type {
    WAIT_NOTIFICATION,    /* stays signalled, wakes all: manual events, threads that ended */
    WAIT_SYNCHRONIZATION, /* one waiter takes one unit of the signal: automatic events, semaphores */
    WAIT_MUTEX,           /* as that, and the taker becomes the owner (kernel/sync/mutex.h) */
};

/* [w] lock */
struct waitable {
    spinlock_t lock;     /* LOCK_WAITABLE, DISPATCH_LEVEL */
    struct list waiters; /* [w] struct wait_block, oldest first */
    int32_t signal;      /* [w] > 0: signalled */
    uint8_t type;        /* [I] enum waitable_type */
};

/* For those who build objects that can be waited for. IRQL: any. */
void waitable_init(struct waitable *w, enum waitable_type type, int32_t signal, const char *name);

/*
 * Wait until the object is signalled.
 * timeout: in ns from now; 0: only look; WAIT_FOREVER
 * IRQL:    <= APC_LEVEL; with timeout 0: <= DISPATCH_LEVEL
 * Locks:   no spin lock held; takes w->lock
 * Returns: 0, or -ETIMEDOUT, when nothing was taken
 */
int wait_event(struct waitable *w, uint64_t timeout);

/*
 * Wait until one of n (1..WAIT_ANY_MAX) objects is signalled; only that one's signal is taken. Of several
 * signalled ones the first in the array. The same object may be there twice. Otherwise like wait_event().
 * Returns: its index; -ETIMEDOUT; -EINVAL for n
 */
int wait_any(struct waitable *const *w, unsigned n, uint64_t timeout);

/*
 * The same on behalf of a program: thread_interrupt() ends the wait too, or one that begins while the thread's
 * user_work is set. In kernel threads like the plain ones.
 * IRQL:    PASSIVE_LEVEL
 * Returns: as the plain ones; -EINTR, when nothing was taken
 */
int wait_event_interruptible(struct waitable *w, uint64_t timeout);
int wait_any_interruptible(struct waitable *const *w, unsigned n, uint64_t timeout);

/*
 * For thread_interrupt(): end an interruptible wait of t with -EINTR, if it is in one.
 * IRQL:    DISPATCH_LEVEL
 * Returns: true if it had blocked: the caller wakes it
 */
struct thread;
bool wait_interrupt(struct thread *t);

/* Is it signalled? A snapshot, nothing is taken. IRQL: any. */
bool waitable_is_signalled(const struct waitable *w);
