/*
 * IRQL: the interrupt request level of a processor is its CR8, and nothing else. An interrupt of vector V
 * comes through only if V / 16 > CR8 (SDM vol. 3A, 11.8.3.1). Compiled drivers read and write CR8 inline,
 * so no software copy exists.
 *
 *   0  PASSIVE    threads run, may wait, may fault
 *   1  APC        threads run and may wait
 *   2  DISPATCH   no thread switch on this processor; DPCs; spin locks
 *   3..11         devices
 *   13 CLOCK   14 IPI   15 HIGH
 *
 * The 8259 pair does not ask CR8: kernel/cpu/irq.c holds its interrupts back by hand.
 */
#pragma once
#include <stdint.h>
#include "kernel/console/log.h"

#define PASSIVE_LEVEL    0
#define APC_LEVEL        1
#define DISPATCH_LEVEL   2
#define DEVICE_LEVEL_MIN 3
#define DEVICE_LEVEL_MAX 11
#define CLOCK_LEVEL      13
#define IPI_LEVEL        14
#define HIGH_LEVEL       15

static inline uint8_t
irql_current(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr8, %0" : "=r"(v)::"memory");
    return (uint8_t)v;
}

static inline void
irql_set(uint8_t level)
{
    __asm__ volatile("mov %0, %%cr8" ::"r"((uint64_t)level) : "memory");
}

/* Raise to `level`, which is not below the current one. Returns what to give to irql_lower(). */
static inline uint8_t
irql_raise(uint8_t level)
{
    uint8_t old = irql_current();

    DEBUG_ASSERT(level >= old);
    irql_set(level);
    return old;
}

/* Lower to `level`. What waited for it (DPCs, a thread switch, devices) happens before the next instruction. */
static inline void
irql_lower(uint8_t level)
{
    DEBUG_ASSERT(level <= irql_current());
    irql_set(level);
}

/* Interrupts off at the processor. Returns whether they were on: for interrupts_restore(). Any IRQL. */
static inline uint64_t
interrupts_save(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; pop %0; cli" : "=r"(flags)::"memory");
    return flags & 0x200;
}

static inline void
interrupts_restore(uint64_t were_on)
{
    if (were_on)
        __asm__ volatile("sti" ::: "memory");
}

/* A hint in a loop that waits for another processor. */
static inline void
cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#define assert_irql_max(level) DEBUG_ASSERT(irql_current() <= (level))
#define assert_irql(level)     DEBUG_ASSERT(irql_current() == (level))

/* Interrupts off, for good. */
_Noreturn static inline void
cpu_halt_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}
