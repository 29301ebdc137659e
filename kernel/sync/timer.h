/*
 * Kernel timers: at a moment of time_now() they queue a DPC or call a function at DISPATCH_LEVEL.
 *
 * Every processor has a queue ordered by deadline (a pairing heap) over its local APIC timer, which is armed
 * for the first deadline only. A timer fires on the processor that set it (that set it first, if it is set again
 * before it fires), never early; late by what interrupts and DPCs take.
 *
 * One timer may be set and cancelled from several processors at once. A periodic timer keeps to the grid of
 * its first deadline: periods that were missed are left out, not made up for.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/tsc.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/heap.h"

/* [q] lock of the queue of processor `cpu` */
struct timer {
    struct heap_node node;         /* [q] key: deadline, ns of time_now() */
    uint64_t period;               /* [q] ns; 0: one shot */
    struct dpc *dpc;               /* [q] queued when it fires; NULL: call fire */
    void (*fire)(struct timer *t); /* [I] called at DISPATCH_LEVEL, no locks held; short */
    uint32_t cpu;                  /* [a] changed only with its queue locked and the timer not in it */
    bool set;                      /* [q] in the queue */
};

/* For timer_set() with a DPC. */
void timer_init(struct timer *t);

/* For timer_set() without: fire() itself is called. It may set the timer again, and cancel it. */
void timer_init_call(struct timer *t, void (*fire)(struct timer *t));

/*
 * Set the timer, again if it is set: `deadline` in ns of time_now() (one that has passed fires at once), then
 * every `period` ns if that is not 0.
 * IRQL:    <= DISPATCH_LEVEL
 * Owns:    *t and *dpc until it has fired or timer_cancel() returned
 * Returns: true if it was set before
 */
bool timer_set(struct timer *t, uint64_t deadline, uint64_t period, struct dpc *dpc);

/*
 * Stop the timer. When this returns it does not fire and its fire() does not run, unless it is fire() that
 * calls this; a DPC that it queued may still come (dpc_cancel()).
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: true if it was set and has not fired since (a periodic one: true). While it waits for fire(), it also ends
 *          what others set meanwhile, and says so once
 */
bool timer_cancel(struct timer *t);

/* Is it set? A snapshot. IRQL: any. */
bool timer_is_set(const struct timer *t);

/* The deadline that lies `ns` from now; UINT64_MAX for more than the clock can count. IRQL: any. */
uint64_t timer_deadline(uint64_t ns);

/* For dispatch.c: set up this processor's queue; fire what is due and arm for the next; the clock interrupt. */
void timer_init_cpu(void);
void timer_run_queue(void);
void timer_clock(void);
