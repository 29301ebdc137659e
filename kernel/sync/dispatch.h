/*
 * What a processor does at DISPATCH_LEVEL before it goes lower: expired timers, DPCs, then a thread switch.
 *
 * I1  Work is wanted by setting a byte of `wanted` and then making sure that dispatch_run() comes:
 *     dispatch_lower() finds it, or the interrupt on VECTOR_DISPATCH does.
 * I2  `active` is set while dispatch_run() looks for work; it looks once more after clearing it. So whoever sets
 *     a byte on the processor itself while `active` is set needs no interrupt.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"

/* [a] single bytes; also set by other processors, which then smp_kick() this one. */
struct dispatch {
    union {
        struct {
            uint8_t dpc;    /* the DPC queue is not empty */
            uint8_t timer;  /* the local APIC timer went off */
            uint8_t thread; /* another thread should run here */
        };
        uint32_t any;
    };
    bool active;    /* dispatch_run() is looking for work; this processor only */
    bool requested; /* a self-IPI is under way; this processor only */
};
extern PERCPU struct dispatch dispatch_state;

/* Set up this processor's queues of DPCs and timers; on the boot processor also the hooks into kernel/cpu/irq.c.
 * Once on each processor, interrupts off or IRQL >= DISPATCH_LEVEL. From then on it may be a DPC's target. */
void dispatch_init(void);

/* Has processor n come that far? IRQL: any. */
bool dispatch_online(uint32_t cpu);

/* The scheduler's part: what dispatch_run() calls at DISPATCH_LEVEL when `thread` is set. Handed down once. */
void dispatch_set_switch(void (*run)(void));

/* Do what is wanted. IRQL: DISPATCH_LEVEL. May come back on another processor. */
void dispatch_run(void);

/* For dispatch_lower(). */
void dispatch_leave(uint8_t old_irql);

/* After setting a byte of `wanted` on this processor: have dispatch_run() come.
 * IRQL >= DISPATCH_LEVEL or interrupts off. */
void dispatch_want(void);

/*
 * Go back to `old_irql`, doing first what is wanted. Like irql_lower(), but without the interrupt that work
 * wanted at DISPATCH_LEVEL would cost: whoever queues a DPC or wakes a thread ends with this.
 * IRQL:    DISPATCH_LEVEL; if old_irql is lower: interrupts on, no locks held
 */
static inline void
dispatch_lower(uint8_t old_irql)
{
    if (__builtin_expect(percpu_this(dispatch_state)->any, 0))
        dispatch_leave(old_irql);
    else
        irql_lower(old_irql);
}
