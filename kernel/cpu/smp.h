/*
 * More than one processor: starting them, calling them, stopping them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/percpu.h"

/* Processors online; their numbers are 0 .. cpu_count() - 1. Fixed when boot is over. */
uint32_t cpu_count(void);

/*
 * Start the processors with these local APIC ids (the boot processor's own is skipped) and wait, at most one
 * second each, until they are online. Each new processor loads the page tables of the caller, calls
 * cpu_init_secondary() and then `entry`, on its own stack, at PASSIVE_LEVEL with interrupts off; entry calls
 * irq_init_secondary(), which makes it online, and does not return (the idle loop).
 * `trampoline` is the physical address of a free page below 1 MiB, in the direct map.
 * Called once, by boot/main.c, at PASSIVE_LEVEL, after irq_init(), with interrupts on (a processor that is online
 * already may call this one meanwhile). Returns the number started; each failure is a message.
 */
struct smp_start {
    const uint32_t *apic_ids;
    uint32_t count;
    uint64_t trampoline;
    void *(*block_alloc)(size_t size); /* zeroed memory for a block of variables, page-aligned; NULL: none */
    void *(*stack_alloc)(void);        /* top of a new kernel stack, 16-byte aligned; NULL: none */
    void (*entry)(void);
};
uint32_t smp_start(const struct smp_start *s);

/* Processor n's local APIC id. */
uint32_t cpu_apic_id(uint32_t n);

/*
 * Run fn(context) on every processor in `mask` (bit n = processor n; this one too if its bit is set; bits of
 * processors that are not online do nothing), at IPI_LEVEL with interrupts off, and wait until all have. fn is
 * short, takes no lock below LOCK_IPI and does not wait. Several processors may call at once: who waits is served
 * as well. When the others have been stopped, only this one's call happens.
 * IRQL:    <= DISPATCH_LEVEL
 */
void smp_call(uint64_t mask, void (*fn)(void *context), void *context);

/* The mask of all processors online. */
uint64_t smp_mask_all(void);

/* Make processor n pass through its dispatch interrupt (DPCs, thread switch) soon. IRQL: any. */
void smp_kick(uint32_t n);

/* The same on this processor: a self-IPI on VECTOR_DISPATCH; comes the moment CR8 drops below DISPATCH_LEVEL.
 * Inside an interrupt: the same on its way out. */
void dispatch_request(void);

/* Has another processor asked this one to stop? Asked by the NMI handler, which then calls smp_stop_self(). */
bool smp_stop_requested(void);
_Noreturn void smp_stop_self(void);

/*
 * Stop all other processors for good (panic, power off). Waits at most 100 ms, then sends NMIs. IRQL: any.
 * When another processor is doing the same already, this one stops here.
 */
void smp_stop_others(void);
