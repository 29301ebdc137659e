#include "kernel/sync/timer.h"
#include "kernel/hw/clock.h"
#include "tests/guest/kernel/sync/crew.h"

/* An emulated processor may be away for a while, so one timer may be this late; the best of several not. */
#define LATE      SECONDS(2)
#define LATE_BEST MS(5)

/* A timer that notes when it fires. */
struct probe {
    struct timer timer;
    struct dpc dpc;
    uint64_t deadline, fired_at;
    unsigned fired;
    unsigned place, *sequence;
    uint8_t irql;
    bool early;
    bool taken; /* [a] one thread sets or cancels it */
};

static void
probe_fired(struct probe *p)
{
    p->fired_at = time_now();
    p->early |= p->fired_at < p->deadline;
    p->irql = irql_current();
    if (p->sequence)
        p->place = count_up(p->sequence);
    count_up(&p->fired);
}

static void
probe_dpc(struct dpc *d, void *context)
{
    probe_fired(context);
}

static void
probe_call(struct timer *t)
{
    probe_fired(container_of(t, struct probe, timer));
}

static void
probe_init(struct probe *p, unsigned *sequence)
{
    *p = (struct probe){.sequence = sequence};
    timer_init(&p->timer);
    dpc_init(&p->dpc, probe_dpc, p);
}

static bool
probe_set(struct probe *p, uint64_t ns)
{
    p->deadline = timer_deadline(ns);
    return timer_set(&p->timer, p->deadline, 0, &p->dpc);
}

KTEST(timer_fires_once_never_early)
{
    static const uint64_t delays[] = {0, 1, US(1), US(50), US(999), MS(3), MS(20), MS(70)};
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct probe p;

        probe_init(&p, NULL);
        KCHECK(!probe_set(&p, delays[i]));
        await_count(&p.fired, 1);
        KCHECK(!p.early);
        KCHECK(p.fired_at - p.deadline < LATE);
        best = MIN(best, p.fired_at - p.deadline);
        KCHECK_EQ(p.irql, DISPATCH_LEVEL);
        KCHECK(!timer_is_set(&p.timer));
        KCHECK(!timer_cancel(&p.timer));
        thread_sleep(MS(1));
        KCHECK_EQ(p.fired, 1);
    }
    KCHECK(best < LATE_BEST);
}

/* The TSC, after which timers go, is one witness; the board's counter is another. */
KTEST(timer_agrees_with_a_second_clock)
{
    const struct clock_source *clock = clock_source_at(0);
    struct probe p;
    uint64_t from, ns;

    if (!clock) {
        ktest_skip("this board has no second clock");
        return;
    }
    probe_init(&p, NULL);
    from = clock->read();
    probe_set(&p, MS(40));
    await_count(&p.fired, 1);
    ns = clock_source_ns(clock, from, clock->read());
    KCHECK(ns >= MS(40) - MS(1));
    KCHECK(ns < MS(40) + LATE);
}

KTEST(timer_calls_without_a_dpc)
{
    struct probe p;

    probe_init(&p, NULL);
    timer_init_call(&p.timer, probe_call);
    p.deadline = timer_deadline(MS(2));
    timer_set(&p.timer, p.deadline, 0, NULL);
    await_count(&p.fired, 1);
    KCHECK(!p.early);
    KCHECK_EQ(p.irql, DISPATCH_LEVEL);
    timer_cancel(&p.timer);
}

KTEST(timer_order_is_that_of_deadlines)
{
    static const unsigned order[] = {5, 2, 8, 0, 7, 1, 9, 4, 3, 6};
    struct probe p[10];
    unsigned sequence = 0;
    uint64_t base = timer_deadline(MS(5));
    uint8_t old = irql_raise(DISPATCH_LEVEL); /* all of them on this processor's queue */

    for (unsigned i = 0; i < 10; i++) {
        probe_init(&p[i], &sequence);
        timer_set(&p[i].timer, base + order[i] * US(100), 0, &p[i].dpc);
    }
    irql_lower(old);
    await_count(&sequence, 10);
    for (unsigned i = 0; i < 10; i++)
        KCHECK_EQ(p[i].place, order[i] + 1);
}

KTEST(timer_cancelled_does_not_fire)
{
    struct probe p;
    uint8_t old;

    probe_init(&p, NULL);
    KCHECK(!timer_cancel(&p.timer));
    old = irql_raise(DISPATCH_LEVEL); /* at which it would fire */
    probe_set(&p, MS(5));
    KCHECK(timer_is_set(&p.timer));
    KCHECK(timer_cancel(&p.timer));
    KCHECK(!timer_cancel(&p.timer));
    irql_lower(old);
    thread_sleep(MS(10));
    KCHECK_EQ(p.fired, 0);
}

KTEST(timer_set_again_replaces)
{
    struct probe p;
    uint8_t old;

    probe_init(&p, NULL);
    old = irql_raise(DISPATCH_LEVEL);
    KCHECK(!probe_set(&p, MS(2)));
    KCHECK(probe_set(&p, SECONDS(100)));
    irql_lower(old);
    thread_sleep(MS(10));
    KCHECK_EQ(p.fired, 0);
    KCHECK(probe_set(&p, US(10)));
    await_count(&p.fired, 1);
    thread_sleep(MS(40));
    KCHECK_EQ(p.fired, 1);
    KCHECK(!p.early);
}

/* Longer than the APIC's counter can count: still set when that has run out many times over. */
KTEST(timer_may_be_longer_than_the_counter)
{
    struct probe p;

    probe_init(&p, NULL);
    probe_set(&p, SECONDS(1000000));
    thread_sleep(MS(20));
    KCHECK(timer_is_set(&p.timer));
    KCHECK(timer_cancel(&p.timer));
    timer_set(&p.timer, UINT64_MAX, 0, &p.dpc);
    thread_sleep(MS(2));
    KCHECK(timer_cancel(&p.timer));
    KCHECK_EQ(p.fired, 0);
}

KTEST(timer_periodic_keeps_its_grid)
{
    struct probe p;
    uint64_t start = timer_deadline(MS(5));
    unsigned fired;

    probe_init(&p, NULL);
    p.deadline = start;
    timer_set(&p.timer, start, MS(5), &p.dpc);
    thread_sleep(MS(200));
    KCHECK(timer_is_set(&p.timer));
    KCHECK(timer_cancel(&p.timer));
    dpc_flush();
    fired = load(&p.fired);
    KCHECK(fired <= (p.fired_at - start) / MS(5) + 1);
    KCHECK(fired >= 3);
    KCHECK(!p.early);
    thread_sleep(MS(12));
    KCHECK_EQ(load(&p.fired), fired);
}

/* While the processor is held at DISPATCH_LEVEL periods pass; they are not made up for. */
KTEST(timer_periodic_leaves_missed_periods_out)
{
    struct probe p;
    uint64_t lowered;
    uint8_t old;

    probe_init(&p, NULL);
    old = irql_raise(DISPATCH_LEVEL);
    timer_set(&p.timer, timer_deadline(MS(1)), MS(1), &p.dpc);
    stall_us(20500);
    KCHECK_EQ(load(&p.fired), 0);
    lowered = time_now();
    irql_lower(old);
    await_count(&p.fired, 2);
    timer_cancel(&p.timer);
    dpc_flush();
    KCHECK(load(&p.fired) <= (p.fired_at - lowered) / MS(1) + 2);
}

/* -- thousands, set and cancelled at random on all processors; every one ends exactly once */

#define CROWD  512
#define ROUNDS 1000

static struct {
    struct probe probes[CROWD];
    unsigned set, cancelled;
} crowd;

/*
 * One thread at a time has a timer: a cancellation that waits for fire() to return also ends what others have set
 * meanwhile, and would count once for all of that. What goes on at once is setting, cancelling and firing.
 */
static void
crowd_run(void *context)
{
    uint64_t random = 362436069ull + cpu_number() * 521288629ull;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct probe *p = &crowd.probes[random_next(&random) % CROWD];
        bool was_set;

        if (__atomic_exchange_n(&p->taken, true, __ATOMIC_ACQUIRE))
            continue;
        if (random_next(&random) % 3 == 0) {
            was_set = timer_cancel(&p->timer);
        } else {
            was_set = timer_set(&p->timer, timer_deadline(random_next(&random) % MS(20)), 0, NULL);
            count_up(&crowd.set);
        }
        if (was_set)
            count_up(&crowd.cancelled);
        __atomic_store_n(&p->taken, false, __ATOMIC_RELEASE);
    }
}

KTEST(timer_thousands_end_exactly_once)
{
    struct crew c = {.count = 0};
    unsigned fired = 0;

    crowd.set = crowd.cancelled = 0;
    for (unsigned i = 0; i < CROWD; i++) {
        probe_init(&crowd.probes[i], NULL);
        timer_init_call(&crowd.probes[i].timer, probe_call);
    }
    crew_everywhere(&c, PRIORITY_NORMAL, crowd_run, NULL);
    crew_join(&c);
    thread_sleep(MS(30));
    for (unsigned i = 0; i < CROWD; i++) {
        KCHECK(!timer_cancel(&crowd.probes[i].timer));
        fired += crowd.probes[i].fired;
    }
    KCHECK(crowd.set > ROUNDS / 2);
    KCHECK(fired > 0);
    KCHECK_EQ(fired, crowd.set - crowd.cancelled);
}

/* -- cancelling against firing: after timer_cancel() the memory may be used for something else */

static struct {
    struct timer timer;
    unsigned alive, dead_calls, calls;
} victim;

/* Long enough to be met by a cancellation. */
static void
victim_fire(struct timer *t)
{
    count_up(&victim.calls);
    for (unsigned i = 0; i < 2000; i++) {
        if (!load(&victim.alive))
            count_up(&victim.dead_calls);
        cpu_relax();
    }
}

/* Set on one processor, cancelled on the next at about the time when it fires. */
KTEST(timer_cancel_waits_for_the_call)
{
    uint64_t random = 123456789;

    victim.calls = victim.dead_calls = 0;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t deadline, moment;

        KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_C(1) << i % cpu_count()), 0);
        timer_init_call(&victim.timer, victim_fire);
        store(&victim.alive, 1);
        deadline = timer_deadline(US(200));
        timer_set(&victim.timer, deadline, 0, NULL);
        KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_C(1) << (i + 1) % cpu_count()), 0);
        moment = deadline + random_next(&random) % US(400);
        while (time_now() < moment)
            cpu_relax();
        timer_cancel(&victim.timer);
        store(&victim.alive, 0);
    }
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
    KCHECK(victim.calls > 0);
    KCHECK_EQ(victim.dead_calls, 0);
}
