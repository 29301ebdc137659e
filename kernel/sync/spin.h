/*
 * Spin locks. Fair (ticket), IRQL-aware; debug builds check owner and order.
 *
 * Lock order (the one place where it is written): a processor takes locks in ascending enum lock_order.
 * Locks of the same rank are never held together, except LOCK_LEAF_PAIR, taken in ascending address.
 * A lock is always taken at the same IRQL: DISPATCH_LEVEL for spin_lock(), a device's for spin_lock_at().
 *
 * This header may be included from all of kernel/ (also kernel/cpu).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/irql.h"

enum lock_order {
    LOCK_PORT = 10,      /* drivers/port: adapters, units */
    LOCK_BLOCK = 20,     /* kernel/block */
    LOCK_DEVICE = 30,    /* PCI configuration, consoles' input, anything in kernel/hw */
    LOCK_SPACE = 40,     /* kernel/mem: address ranges, page tables */
    LOCK_WORK = 50,      /* work queues */
    LOCK_MUTEX = 55,     /* a mutex's own bookkeeping (priority inheritance) */
    LOCK_WAITABLE = 60,  /* events, semaphores, timers as objects: their waiter lists */
    LOCK_THREAD = 65,    /* thread list, one thread's waiting state */
    LOCK_TIMER = 70,     /* per-processor timer queues */
    LOCK_DPC = 75,       /* per-processor DPC queues */
    LOCK_RUNQUEUE = 80,  /* per-processor run queues */
    LOCK_POOL = 85,      /* slab caches */
    LOCK_FRAME = 90,     /* the frame allocator */
    LOCK_IRQ = 95,       /* interrupt lines and vectors */
    LOCK_IPI = 97,       /* cross-processor calls */
    LOCK_LOG = 100,      /* the log and its sinks: innermost */
};

typedef struct {
    uint32_t next, serving;  /* [a] ticket to hand out; ticket being served */
    uint8_t order;           /* [I] enum lock_order */
    uint32_t owner;          /* debug builds: processor + 1, 0 = free */
    const char *name;        /* [I] for messages */
} spinlock_t;

#define SPINLOCK(order_, name_) {.order = (order_), .name = (name_)}

void spin_init(spinlock_t *lock, enum lock_order order, const char *name);

/*
 * Raise to DISPATCH_LEVEL (or `level`, a device's) and take the lock.
 * IRQL:    <= that level
 * Returns: the IRQL found, for spin_unlock()
 */
uint8_t spin_lock(spinlock_t *lock);
uint8_t spin_lock_at(spinlock_t *lock, uint8_t level);
void    spin_unlock(spinlock_t *lock, uint8_t old_irql);

/* The same without touching the IRQL. IRQL: already at the lock's level. */
void spin_lock_raw(spinlock_t *lock);
bool spin_trylock_raw(spinlock_t *lock);
void spin_unlock_raw(spinlock_t *lock);

/* With interrupts off at the processor: for locks that interrupt entry itself or the log takes. IRQL: any. */
uint64_t spin_lock_interrupts(spinlock_t *lock);
void     spin_unlock_interrupts(spinlock_t *lock, uint64_t were_on);

/* Debug builds: is the lock held by this processor? Other builds: true. */
bool spin_held(const spinlock_t *lock);
#define assert_held(lock) DEBUG_ASSERT(spin_held(lock))
