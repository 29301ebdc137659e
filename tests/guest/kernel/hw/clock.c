/*
 * Time: never back, on no processor; stalls never short; the speed is right. Nothing here depends on how fast
 * the machine is or how often its host takes the processors away: only what two clocks say of the same moment
 * is compared.
 */
#include "kernel/hw/clock.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/tsc.h"
#include "lib/field.h"
#include "tests/guest/kernel/sync/crew.h"

#define LOOKS 5000

/* -- never back */

static uint64_t latest; /* [a] the latest time that any processor saw */

static void
look_at_time(void *context)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        uint64_t before = __atomic_load_n(&latest, __ATOMIC_ACQUIRE), now = time_now();

        if (now < before) {
            ktest_fail(__FILE__, __LINE__, "processor %u: %lu ns after %lu was seen", cpu_number(),
                       (unsigned long)now, (unsigned long)before);
            return;
        }
        while (before < now &&
               !__atomic_compare_exchange_n(&latest, &before, now, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            continue;
    }
}

static void
look_everywhere(void)
{
    struct crew crew = {0};

    __atomic_store_n(&latest, 0, __ATOMIC_RELEASE);
    crew_everywhere(&crew, PRIORITY_NORMAL, look_at_time, NULL);
    crew_join(&crew);
}

KTEST(time_never_goes_back)
{
    look_everywhere();
}

static void
read_time(void *context)
{
    *(uint64_t *)context = time_now();
}

/* This processor's time before and after that of processor n. */
struct between {
    uint64_t before, there, after;
};

static struct between
time_between(uint32_t n)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct between b = {.before = time_now()};

    smp_call(BIT64(n), read_time, &b.there);
    b.after = time_now();
    irql_lower(old);
    return b;
}

KTEST(time_is_the_same_on_all_processors)
{
    for (uint32_t n = 0; n < cpu_count(); n++) {
        for (unsigned i = 0; i < 20; i++) {
            struct between b = time_between(n);

            KCHECK(b.before <= b.there);
            KCHECK(b.there <= b.after);
        }
    }
}

/* A processor whose counter is ahead, or behind: time goes on nevertheless, and tsc_sync() finds the truth. */
KTEST(time_with_offsets)
{
    uint32_t last = cpu_count() - 1;
    int64_t ms = (int64_t)(tsc_frequency() / 1000);
    struct between b;

    if (cpu_count() == 1) {
        ktest_skip("one processor");
        return;
    }
    KCHECK_EQ(thread_set_affinity(thread_current(), BIT64(0)), 0);
    tsc_set_offset(last, 2 * ms);
    b = time_between(last);
    KCHECK(b.there >= b.before + MS(2) - US(1)); /* rounding */
    KCHECK(b.after >= b.there);
    look_everywhere();
    tsc_set_offset(last, -2 * ms);
    look_everywhere();

    /* The counters themselves agree; on a busy host it may take more than one look to see it. */
    for (unsigned i = 0; i < 100; i++) {
        tsc_sync();
        b = time_between(last);
        if (b.there >= b.before && b.there <= b.after)
            break;
    }
    tsc_set_offset(last, 0);
    KCHECK(b.there >= b.before && b.there <= b.after);
    look_everywhere();
    KCHECK_EQ(thread_set_affinity(thread_current(), smp_mask_all()), 0);
}

/* -- against the board's counters */

/* The TSC's time and a counter at the same moment, to less than 50 us. False if the host never let us. */
static bool
read_both(const struct clock_source *s, uint64_t *time, uint64_t *counter)
{
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t old = irql_raise(DISPATCH_LEVEL);
        uint64_t before = time_now(), after;

        *counter = s->read();
        after = time_now();
        irql_lower(old);
        if (after - before < US(50)) {
            *time = before + (after - before) / 2;
            return true;
        }
    }
    return false;
}

static void
check_speed(const struct clock_source *s)
{
    uint64_t wrap = clock_source_ns(s, 0, s->mask);

    for (unsigned i = 0; i < 20; i++) {
        uint64_t from, to, counter_from, counter_to, time, counted;

        if (!read_both(s, &from, &counter_from))
            continue;
        thread_sleep(MS(150));
        if (!read_both(s, &to, &counter_to))
            continue;
        time = to - from;
        if (time > wrap / 2)
            continue;
        counted = clock_source_ns(s, counter_from, counter_to);
        KCHECK(time >= MS(150));
        if (time > counted + counted / 100 || counted > time + time / 100)
            ktest_fail(__FILE__, __LINE__, "%s: %lu ns, time_now(): %lu ns", s->name, (unsigned long)counted,
                       (unsigned long)time);
        return;
    }
    ktest_skip("%s: the host lets us read no two clocks at a time", s->name);
}

KTEST(time_runs_at_the_right_speed)
{
    const struct clock_source *s;

    KCHECK(clock_source_at(0) != NULL);
    for (size_t i = 0; (s = clock_source_at(i)); i++)
        if (s->mask > s->hz)
            check_speed(s);
}

static void
check_stall(const struct clock_source *s, uint64_t us)
{
    uint64_t from = s->read(), counted;

    stall_us(us);
    counted = clock_source_ns(s, from, s->read() + 1); /* the first count may have been almost over */
    if (counted < US(us))
        ktest_fail(__FILE__, __LINE__, "stall_us(%lu) took %lu ns by %s", (unsigned long)us,
                   (unsigned long)counted, s->name);
}

KTEST(stall_is_never_short)
{
    static const uint64_t us[] = {1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
    const struct clock_source *s;
    uint8_t old;

    for (size_t i = 0; (s = clock_source_at(i)); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(us); k++)
            check_stall(s, us[k]);
        old = irql_raise(HIGH_LEVEL);
        for (unsigned k = 0; k < 100; k++)
            check_stall(s, 1 + k % 10);
        irql_lower(old);
    }
    stall_us(0);
}

static void
stall_in_turn(void *context)
{
    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = time_now();

        stall_us(100);
        KCHECK(time_now() - before >= US(100));
        thread_yield();
    }
}

/* Threads that move between processors while they stall. */
KTEST(stall_is_never_short_for_threads)
{
    struct crew crew = {0};

    for (uint32_t n = 0; n < 2 * cpu_count(); n++)
        crew_add(&crew, PRIORITY_NORMAL, UINT64_MAX, stall_in_turn, NULL);
    crew_join(&crew);
}

KTEST(clock_sources_count)
{
    const struct clock_source *s;
    size_t n = 0;

    while ((s = clock_source_at(n))) {
        uint64_t from = s->read(), end = time_now() + SECONDS(10);

        KCHECK(from <= s->mask);
        while (s->read() == from && time_now() < end)
            stall_us(1);
        KCHECK(s->read() != from);
        /* across the wrap, and a whole second */
        KCHECK_EQ(clock_source_ns(s, s->mask, 0), SECONDS(1) / s->hz);
        if (s->hz < s->mask)
            KCHECK_EQ(clock_source_ns(s, s->mask - 5, s->hz - 6), SECONDS(1));
        n++;
    }
    KCHECK(n >= 1);
    KCHECK(clock_source_at(1000) == NULL);
}
