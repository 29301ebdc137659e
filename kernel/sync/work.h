/*
 * Work items: functions that run at PASSIVE_LEVEL on one of WORK_THREADS system threads, for what a DPC may
 * not do. They may wait, with a bound: others wait behind them.
 *
 * An item is queued at most once and does not run on two threads at a time. It has left the queue when its
 * function is called, so the function may queue it again or free it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/list.h"

#define WORK_THREADS 3

struct work {
    struct list link;            /* [q] the work lock */
    void (*run)(struct work *w); /* [I] */
    bool queued;                 /* [q] */
};

/* Start the threads. Once, after sched_init(). Returns 0 or -ENOMEM. */
int work_init(void);

/* IRQL: any. */
void work_item_init(struct work *w, void (*run)(struct work *w));

/* IRQL: <= DISPATCH_LEVEL. Owns: *w until run() is called. Returns: false if it was queued already. */
bool work_queue(struct work *w);

/* Take it out of the queue. IRQL: <= DISPATCH_LEVEL. Returns: true if it will not run; it may be running. */
bool work_cancel(struct work *w);

/*
 * Wait until the item is neither queued nor running.
 * IRQL:    PASSIVE_LEVEL, not from the item itself
 * Returns: 0, or -ETIMEDOUT after `timeout` ns
 */
int work_flush(struct work *w, uint64_t timeout);
