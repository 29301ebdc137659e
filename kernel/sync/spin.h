/*
 * Spin locks. Fair (ticket), IRQL-aware; debug builds check owner and order.
 *
 * Lock order (the one place where it is written): a processor takes locks in ascending enum lock_order.
 * Locks of the same rank are never held together.
 * A lock is always taken at the same IRQL: DISPATCH_LEVEL for spin_lock(), a device's for spin_lock_at().
 *
 * Debug builds panic, naming both locks, when a processor takes a lock out of order, twice, where it could be
 * preempted, releases what it does not hold, or waits longer than SPIN_LIMIT.
 * The order is checked among the locks of one context: what an interrupt handler takes has a higher IRQL than
 * what the interrupted code holds, so the two cannot wait for each other.
 *
 * This header may be included from all of kernel/ (also kernel/cpu).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"

enum lock_order {
    LOCK_BLOCK = 5,        /* kernel/block */
    LOCK_PORT = 10,        /* drivers/port: adapters, units */
    LOCK_PORT_ISR = 11,    /* drivers/port: bus n's interrupt, at its level: 11 + n, below 43 */
    LOCK_DEVICE = 43,      /* PCI configuration, consoles' input, anything in kernel/hw */
    LOCK_SPACE = 44,       /* kernel/mem: address ranges, page tables */
    LOCK_NUMBERS = 45,     /* numbers of processes, members of groups */
    LOCK_PROCESS = 46,     /* a process's state, tasks and signals */
    LOCK_SIGNAL = 47,      /* what a process does on signals */
    LOCK_FILES = 48,       /* kernel/fs: tables of open files, where paths begin */
    LOCK_NAMES = 49,       /* kernel/fs: the tree of names */
    LOCK_PAGES = 50,       /* kernel/fs: the pages of a file in memory */
    LOCK_WORK = 51,        /* work queues */
    LOCK_AIO = 52,         /* kernel/sys: transfers that go on by themselves, and their results */
    LOCK_CACHES = 53,      /* kernel/block: the list of caches */
    LOCK_CACHE = 54,       /* kernel/block: the pages of a device */
    LOCK_MUTEX = 55,       /* who waits for whose mutex: priority inheritance */
    LOCK_POLL = 57,        /* who waits for which file to be ready */
    LOCK_NT = 58,          /* drivers/nt: what drivers wait for; their memory */
    LOCK_WAITABLE = 60,    /* events, semaphores, timers as objects: their waiter lists */
    LOCK_THREAD = 65,      /* thread list, one thread's waiting state */
    LOCK_TIMER = 70,       /* per-processor timer queues */
    LOCK_RUNQUEUE = 80,    /* per-processor run queues */
    LOCK_POOL = 85,        /* slab caches */
    LOCK_FRAME_CACHE = 88, /* one processor's cache of frames */
    LOCK_FRAME = 90,       /* the frame allocator */
    LOCK_IRQ = 95,         /* interrupt lines and vectors */
    LOCK_PORT_LOG = 96,    /* drivers/port: an adapter's error log */
    LOCK_IPI = 97,         /* cross-processor calls */
    LOCK_IRQ_CHIP = 98,    /* registers of the interrupt controllers */
    LOCK_LOG = 100,        /* the log, and innermost what its sinks take: */
    LOCK_SCREEN = 110,     /* the terminal and what is shown */
    LOCK_SERIAL = 111,     /* the serial transmitter */
    LOCK_NT_DPC = 118,     /* drivers/nt: DPCs of drivers */
    LOCK_DPC = 120,        /* per-processor DPC queues: a DPC may be queued from anywhere, the log too */
};

typedef struct {
    uint32_t next, serving; /* [a] ticket to hand out; ticket being served */
    uint8_t order;          /* [I] enum lock_order */
    uint32_t owner;         /* [a] debug builds: processor + 1, 0 = free */
    const char *name;       /* [I] for messages */
} spinlock_t;

/* clang-format off */
#define SPINLOCK(order_, name_) {.order = (order_), .name = (name_)}
/* clang-format on */

static inline void
spin_init(spinlock_t *lock, enum lock_order order, const char *name)
{
    *lock = (spinlock_t)SPINLOCK((uint8_t)order, name);
}

/* What the inline functions below call: the wait, and the debug builds' accounts. Not for others. */
void spin_wait(spinlock_t *lock, uint32_t ticket);
bool spin_debug_before(spinlock_t *lock); /* false: held already, and the report returned */
void spin_debug_taken(spinlock_t *lock);
void spin_debug_release(spinlock_t *lock);

/* Take and release without touching the IRQL. IRQL: already at the lock's level. */
static inline void
spin_lock_raw(spinlock_t *lock)
{
    uint32_t ticket;

    if (DEBUG && !spin_debug_before(lock))
        return;
    ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_ACQUIRE);
    if (__builtin_expect(__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket, 0))
        spin_wait(lock, ticket);
    if (DEBUG)
        spin_debug_taken(lock);
}

static inline bool
spin_trylock_raw(spinlock_t *lock)
{
    uint32_t ticket = __atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE);

    if (!__atomic_compare_exchange_n(&lock->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    if (DEBUG)
        spin_debug_taken(lock);
    return true;
}

static inline void
spin_unlock_raw(spinlock_t *lock)
{
    if (DEBUG)
        spin_debug_release(lock);
    __atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

/*
 * Raise to DISPATCH_LEVEL (or `level`, a device's) and take the lock.
 * IRQL:    <= that level
 * Returns: the IRQL found, for spin_unlock()
 */
static inline uint8_t
spin_lock_at(spinlock_t *lock, uint8_t level)
{
    uint8_t old = irql_raise(level);

    spin_lock_raw(lock);
    return old;
}

static inline uint8_t
spin_lock(spinlock_t *lock)
{
    return spin_lock_at(lock, DISPATCH_LEVEL);
}

static inline void
spin_unlock(spinlock_t *lock, uint8_t old_irql)
{
    spin_unlock_raw(lock);
    irql_lower(old_irql);
}

/* With interrupts off at the processor: for locks that interrupt entry itself or the log takes. IRQL: any. */
static inline uint64_t
spin_lock_interrupts(spinlock_t *lock)
{
    uint64_t were_on = interrupts_save();

    spin_lock_raw(lock);
    return were_on;
}

static inline void
spin_unlock_interrupts(spinlock_t *lock, uint64_t were_on)
{
    spin_unlock_raw(lock);
    interrupts_restore(were_on);
}

/* Debug builds: is the lock held by this processor? Other builds: true. */
static inline bool
spin_held(const spinlock_t *lock)
{
    return !DEBUG || __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == cpu_number() + 1;
}
#define assert_held(lock) DEBUG_ASSERT(spin_held(lock))

/*
 * Debug builds: where violations are reported instead of panic(); NULL: panic. For tests. If the report
 * returns, the lock is taken anyway, but for one that the processor holds already, which is left alone.
 */
void spin_set_report(void (*report)(const char *text));
