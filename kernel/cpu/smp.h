/*
 * More than one processor: starting them, calling them, stopping them.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/percpu.h"

/* Processors online; their numbers are 0 .. cpu_count() - 1. Fixed when boot is over. */
uint32_t cpu_count(void);

/*
 * Start the processors with these local APIC ids (the boot processor's own is skipped) and wait, at most one
 * second each, until they are online. `entry` runs on each new processor, on its own stack, at HIGH_LEVEL with
 * interrupts off, and does not return (the idle loop). `stack_alloc` gives each a kernel stack (its top), or NULL.
 * `trampoline` is the physical address of a free page below 1 MiB.
 * Called once, by boot/main.c, at PASSIVE_LEVEL. Returns the number started; each failure is a message.
 */
struct smp_start {
    const uint32_t *apic_ids;
    uint32_t        count;
    uint64_t        trampoline;
    void *(*block_alloc)(size_t size);   /* zeroed memory for per-processor blocks, page-aligned; NULL: none */
    void *(*stack_alloc)(void);          /* top of a new kernel stack; NULL: none */
    void (*entry)(void);
};
uint32_t smp_start(const struct smp_start *s);

/* Processor n's local APIC id. */
uint32_t cpu_apic_id(uint32_t n);

/*
 * Run fn(context) on every processor in `mask` (bit n = processor n; this one too if its bit is set), at
 * IPI_LEVEL, and wait until all have. fn is short, takes no lock below LOCK_IPI and does not wait.
 * IRQL:    <= DISPATCH_LEVEL (interrupts on: others may be calling us)
 */
void smp_call(uint64_t mask, void (*fn)(void *context), void *context);

/* Make processor n pass through its dispatch interrupt (DPCs, thread switch) soon. IRQL: any. */
void smp_kick(uint32_t n);

/* The same on this processor: a self-IPI on VECTOR_DISPATCH; comes the moment CR8 drops below DISPATCH_LEVEL. */
void dispatch_request(void);

/* Has another processor asked this one to stop? Asked by the NMI handler. Any IRQL. */
bool smp_stop_requested(void);

/* Stop all other processors for good (panic, power off). IRQL: any. Waits at most 100 ms, then NMI. */
void smp_stop_others(void);
