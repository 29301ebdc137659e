#include "kernel/sync/spin.h"
#include "lib/string.h"
#include "tests/guest/kernel/sync/crew.h"

#define ROUNDS 2000 /* more processors than the host has make a lock slow: its next owner may be away */

static spinlock_t counter_lock = SPINLOCK(LOCK_DEVICE, "test counter");
static unsigned counter; /* under counter_lock, added to in two steps */
static unsigned running;

/* All begin together; the second step of the addition is late enough for others to come between. */
static void
count_locked(void *context)
{
    count_up(&running);
    while (load(&running) < cpu_count())
        thread_yield();
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t old = spin_lock(&counter_lock);
        unsigned n = load(&counter);

        if (i % 64 == 0)
            cpu_relax();
        store(&counter, n + 1);
        spin_unlock(&counter_lock, old);
    }
}

KTEST(spin_excludes_on_all_processors)
{
    struct crew c = {.count = 0};

    counter = running = 0;
    crew_everywhere(&c, PRIORITY_NORMAL, count_locked, NULL);
    crew_join(&c);
    KCHECK_EQ(counter, ROUNDS * cpu_count());
}

static void
try_locked(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t old = irql_raise(DISPATCH_LEVEL);

        while (!spin_trylock_raw(&counter_lock))
            cpu_relax();
        store(&counter, load(&counter) + 1);
        spin_unlock_raw(&counter_lock);
        irql_lower(old);
    }
}

KTEST(spin_trylock_excludes_and_fails_on_a_held_lock)
{
    struct crew c = {.count = 0};
    uint8_t old;

    counter = 0;
    crew_everywhere(&c, PRIORITY_NORMAL, try_locked, NULL);
    crew_join(&c);
    KCHECK_EQ(counter, ROUNDS * cpu_count());
    old = spin_lock(&counter_lock);
    KCHECK(!spin_trylock_raw(&counter_lock));
    spin_unlock(&counter_lock, old);
}

KTEST(spin_raises_and_lowers_the_irql)
{
    uint8_t old = spin_lock(&counter_lock);

    KCHECK_EQ(old, PASSIVE_LEVEL);
    KCHECK_EQ(irql_current(), DISPATCH_LEVEL);
    KCHECK(spin_held(&counter_lock));
    spin_unlock(&counter_lock, old);
    KCHECK_EQ(irql_current(), PASSIVE_LEVEL);
    KCHECK(!spin_held(&counter_lock));
    old = spin_lock_at(&counter_lock, 7);
    KCHECK_EQ(irql_current(), 7);
    spin_unlock(&counter_lock, old);
    KCHECK_EQ(irql_current(), PASSIVE_LEVEL);
}

/* What was reported last, in place of a panic. */
static char report[160];
static unsigned reports;

static void
report_keep(const char *text)
{
    strlcpy(report, text, sizeof(report));
    reports++;
}

static void
report_check(const char *first, const char *second)
{
    KCHECK_EQ(reports, 1);
    KCHECK(strstr(report, first) != NULL);
    KCHECK(strstr(report, second) != NULL);
    reports = 0;
}

KTEST(spin_order_violation_names_both_locks)
{
    static spinlock_t outer = SPINLOCK(LOCK_BLOCK, "test outer"), inner = SPINLOCK(LOCK_DEVICE, "test inner"),
                      same = SPINLOCK(LOCK_DEVICE, "test same");
    uint8_t old;

    spin_set_report(report_keep);
    old = spin_lock(&outer);
    spin_lock_raw(&inner);
    KCHECK_EQ(reports, 0);
    spin_lock_raw(&same);
    report_check("test same", "test inner");
    spin_unlock_raw(&same);
    spin_unlock_raw(&outer); /* in any order */
    spin_lock_raw(&outer);
    report_check("test outer", "test inner");
    spin_unlock_raw(&outer);
    spin_unlock(&inner, old);
    spin_set_report(NULL);
    KCHECK_EQ(reports, 0);
}

KTEST(spin_misuse_is_reported)
{
    static spinlock_t lock = SPINLOCK(LOCK_DEVICE, "test misused");
    uint8_t old;

    KCHECK_EQ(thread_set_affinity(thread_current(), 1), 0); /* the accounts are this processor's */
    spin_set_report(report_keep);
    old = spin_lock(&lock);
    spin_lock_raw(&lock);
    report_check("test misused", "twice");
    spin_unlock(&lock, old);
    spin_lock_raw(&lock);
    report_check("test misused", "preempted");
    spin_unlock_raw(&lock);
    spin_set_report(NULL);
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
    old = spin_lock(&lock); /* still in order */
    spin_unlock(&lock, old);
}

static void
release_foreign(void *context)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    spin_debug_release(context);
    irql_lower(old);
}

/* A lock that another processor holds, or nobody does. */
KTEST(spin_release_of_a_lock_not_held_is_reported)
{
    static spinlock_t lock = SPINLOCK(LOCK_DEVICE, "test foreign");

    spin_set_report(report_keep);
    release_foreign(&lock);
    report_check("test foreign", "released");
    spin_set_report(NULL);
}
