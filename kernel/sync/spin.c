/*
 * The slow way of a spin lock, and the accounts of debug builds: every processor keeps the locks that it
 * holds, with the interrupt depth at which it took them.
 *
 * I1  The accounts of a processor are changed by itself only, with interrupts off.
 * I2  Locks are compared within one interrupt depth. What runs deeper has a higher IRQL, and a lock is always
 *     taken at the same IRQL, so it cannot meet there a lock that was taken further out.
 */
#include "kernel/sync/spin.h"
#include "kernel/cpu/tsc.h"
#include "lib/format.h"

#define HELD_MAX   16
#define SPIN_LIMIT SECONDS(20) /* debug builds: a lock not obtained in this time is a deadlock */
#define SPIN_TURNS 4096        /* between two looks at the clock */

#if DEBUG
struct held {
    spinlock_t *lock;
    uint32_t depth; /* interrupts being handled when it was taken */
};
struct account {
    struct held held[HELD_MAX];
    uint32_t count;
};
PERCPU static struct account account;           /* I1 */
static void (*report_hook)(const char *report); /* [a] tests */

void
spin_set_report(void (*report)(const char *text))
{
    __atomic_store_n(&report_hook, report, __ATOMIC_RELEASE);
}

__attribute__((format(printf, 1, 2), cold)) static void
violation(const char *format, ...)
{
    void (*report)(const char *) = __atomic_load_n(&report_hook, __ATOMIC_ACQUIRE);
    char text[160];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!report)
        panic("%s", text);
    report(text);
}

/* The innermost lock that this processor took in its present context; NULL: none. Interrupts off. */
static spinlock_t *
held_innermost(const struct account *a)
{
    const struct held *h = a->count ? &a->held[a->count - 1] : NULL;

    return h && h->depth == percpu_self()->interrupt_depth ? h->lock : NULL;
}

bool
spin_debug_before(spinlock_t *lock)
{
    uint64_t were_on = interrupts_save();
    const spinlock_t *inner = held_innermost(percpu_this(account));
    bool twice = spin_held(lock);

    if (twice)
        violation("spin: lock %s taken twice by processor %u", lock->name, cpu_number());
    else if (inner && inner->order >= lock->order)
        violation("spin: lock %s (order %u) taken while %s (order %u) is held", lock->name, lock->order,
                  inner->name, inner->order);
    else if (were_on && irql_current() < DISPATCH_LEVEL)
        violation("spin: lock %s taken at IRQL %u, where the holder can be preempted", lock->name,
                  irql_current());
    interrupts_restore(were_on);
    return !twice;
}

void
spin_debug_taken(spinlock_t *lock)
{
    uint64_t were_on = interrupts_save();
    struct account *a = percpu_this(account);

    if (a->count == HELD_MAX)
        panic("spin: more than %u locks held, the last is %s", HELD_MAX, lock->name);
    a->held[a->count++] = (struct held){lock, percpu_self()->interrupt_depth};
    __atomic_store_n(&lock->owner, cpu_number() + 1, __ATOMIC_RELAXED);
    interrupts_restore(were_on);
}

void
spin_debug_release(spinlock_t *lock)
{
    uint64_t were_on = interrupts_save();
    struct account *a = percpu_this(account);
    uint32_t i = a->count;

    if (!spin_held(lock))
        violation("spin: lock %s released by processor %u, held by %u (processor + 1; 0: free)", lock->name,
                  cpu_number(), lock->owner);
    while (i > 0 && a->held[i - 1].lock != lock)
        i--;
    if (i > 0) {
        for (; i < a->count; i++)
            a->held[i - 1] = a->held[i];
        a->count--;
        __atomic_store_n(&lock->owner, 0, __ATOMIC_RELAXED);
    }
    interrupts_restore(were_on);
}

void
spin_wait(spinlock_t *lock, uint32_t ticket)
{
    uint64_t frequency = tsc_frequency(), start = tsc_ticks();
    uint64_t limit = frequency ? SPIN_LIMIT / SECONDS(1) * frequency : UINT64_MAX;
    uint32_t turns = 0;

    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket) {
        cpu_relax();
        if (++turns % SPIN_TURNS == 0 && tsc_ticks() - start > limit) {
            violation("spin: lock %s not obtained by processor %u in %lu s, held by %u (processor + 1)",
                      lock->name, cpu_number(), SPIN_LIMIT / SECONDS(1), lock->owner);
            start = tsc_ticks();
        }
    }
}
#else
void
spin_wait(spinlock_t *lock, uint32_t ticket)
{
    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
        cpu_relax();
}
#endif
