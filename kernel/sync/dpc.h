/*
 * Deferred procedure calls: what an interrupt handler hands over to run at DISPATCH_LEVEL.
 *
 * Every processor has a queue. A DPC is in at most one queue, at most once; it leaves the queue before its
 * function is called, so the function may queue it again or free it. Queued once, it runs once.
 * The same DPC can run on two processors at a time if it is queued again while it runs.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/list.h"

#define DPC_ANY_CPU UINT32_MAX /* run on the processor that queues it */

enum dpc_importance { DPC_MEDIUM, DPC_HIGH }; /* at the end, at the front of the queue */

struct dpc {
    struct list link;                          /* [q] lock of the queue */
    void (*run)(struct dpc *d, void *context); /* [I] */
    void *context;                             /* [I] */
    uint32_t target;                           /* processor, or DPC_ANY_CPU; changed only while not queued */
    uint8_t importance;                        /* enum dpc_importance; likewise */
    uint8_t queued;                            /* [a] 0 no, 1 on its way in, 2 in the queue of `cpu` */
    uint32_t cpu;                              /* [a] the queue it is in, while queued */
};

/* run() is called at DISPATCH_LEVEL, interrupts on. Medium importance, any processor. */
void dpc_init(struct dpc *d, void (*run)(struct dpc *d, void *context), void *context);

/* While it is not queued. A processor that does not run (yet) counts as DPC_ANY_CPU. */
static inline void
dpc_set_target(struct dpc *d, uint32_t cpu)
{
    d->target = cpu;
}

static inline void
dpc_set_importance(struct dpc *d, enum dpc_importance importance)
{
    d->importance = (uint8_t)importance;
}

/*
 * Queue it. Below DISPATCH_LEVEL and for this processor it has run when this returns.
 * IRQL:    any
 * Owns:    *d until run() is called
 * Returns: true; false if it was in a queue already (nothing changes)
 */
bool dpc_queue(struct dpc *d);

/* Take it out of its queue. IRQL: any. Returns: true if it was queued and will not run; it may be running. */
bool dpc_cancel(struct dpc *d);

/* Wait until every DPC that was queued before, on any processor, has returned. IRQL: PASSIVE_LEVEL. */
void dpc_flush(void);

/* For dispatch.c: set up this processor's queue; run what is in it, at most a batch. IRQL: DISPATCH_LEVEL. */
void dpc_init_cpu(void);
void dpc_run_queue(void);

/* DPCs run on processor n since boot. */
uint64_t dpc_count(uint32_t cpu);
