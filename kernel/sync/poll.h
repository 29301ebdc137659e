/*
 * Readiness: who waits until any of several files can be read or written.
 *
 * Every file that can be polled has a struct poll_queue. Who polls enters a struct poll_waiter with an event of its
 * own into each queue, looks at the state of each file, and waits for the event. Changing a state and then
 * calling poll_wake() loses no wake-up.
 */
#pragma once
#include "kernel/sync/event.h"

struct poll_queue {
    spinlock_t lock;
    struct list waiters;
};

struct poll_waiter {
    struct list link;
    struct poll_queue *queue; /* NULL: not entered */
    struct event *event;
};

/* IRQL: any. */
void poll_queue_init(struct poll_queue *q);

/* IRQL: <= DISPATCH_LEVEL. poll_remove() of one that was not entered is allowed; the waiter is nobody's afterwards. */
void poll_add(struct poll_queue *q, struct poll_waiter *w, struct event *event);
void poll_remove(struct poll_waiter *w);

/* Something may have changed: set the event of every waiter. IRQL: <= DISPATCH_LEVEL. */
void poll_wake(struct poll_queue *q);
