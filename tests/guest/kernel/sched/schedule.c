/*
 * Who runs when, and where.
 */
#include "kernel/sched/thread.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/event.h"
#include "kernel/sync/timer.h"
#include "lib/field.h"
#include "tests/guest/kernel/sync/crew.h"

static struct {
    unsigned stop;
    unsigned turns[CREW_MAX]; /* of spinning thread i */
    unsigned cpus;            /* mask of processors seen */
} spin;

/* Burn time until told to stop, with a bound. */
static void
spin_run(void *context)
{
    unsigned *turns = context;
    uint64_t end = time_now() + SECONDS(15);

    while (!load(&spin.stop) && time_now() < end) {
        __atomic_fetch_or(&spin.cpus, BIT(cpu_number()), __ATOMIC_RELAXED);
        store(turns, *turns + 1);
    }
}

static void
spin_reset(void)
{
    spin.stop = spin.cpus = 0;
    for (unsigned i = 0; i < CREW_MAX; i++)
        spin.turns[i] = 0;
}

/* A spinner of low priority on every processor does not keep this thread, of normal priority, from running. */
KTEST(sched_preempts_a_spinning_thread)
{
    struct crew c = {.count = 0};
    uint64_t start;

    spin_reset();
    for (uint32_t n = 0; n < cpu_count(); n++)
        crew_add(&c, PRIORITY_LOWEST, UINT64_C(1) << n, spin_run, &spin.turns[n]);
    for (uint32_t n = 0; n < cpu_count(); n++)
        await_count(&spin.turns[n], 1);
    start = time_now();
    for (unsigned i = 0; i < 20; i++)
        thread_sleep(MS(1));
    KCHECK(time_now() - start < SECONDS(5)); /* they spin for longer than that */
    store(&spin.stop, 1);
    crew_join(&c);
}

/* What a waker at PASSIVE_LEVEL wakes runs before the waker goes on, if it is of higher priority. */
static struct {
    struct event event;
    unsigned ran;
} wake;

static void
wake_run(void *context)
{
    KCHECK_EQ(wait_event(&wake.event.waitable, SECONDS(10)), 0);
    store(&wake.ran, 1);
}

static void
wake_dpc(struct dpc *d, void *context)
{
    event_set(&wake.event);
}

/* Wake a thread of this priority on this processor, by `by`: has it run when that returned? */
static unsigned
wake_test(unsigned priority, void (*by)(void))
{
    struct crew c = {.count = 0};
    uint64_t end = time_now() + SECONDS(5);
    unsigned ran;

    event_init(&wake.event, EVENT_AUTO, false);
    wake.ran = 0;
    crew_add(&c, priority, 1, wake_run, NULL);
    while (list_empty(&wake.event.waitable.waiters) && time_now() < end)
        thread_sleep(US(100));
    by();
    ran = load(&wake.ran);
    crew_join(&c);
    return ran;
}

static void
by_event(void)
{
    event_set(&wake.event);
}

static void
by_dpc(void)
{
    struct dpc d;

    dpc_init(&d, wake_dpc, NULL);
    dpc_queue(&d);
}

/* The IRQL is lowered as a driver does it, so an interrupt has to do it. */
static void
by_event_at_dispatch_level(void)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    event_set(&wake.event);
    KCHECK_EQ(load(&wake.ran), 0);
    irql_set(old);
}

KTEST(sched_higher_priority_runs_at_once)
{
    KCHECK_EQ(thread_set_affinity(thread_current(), 1), 0);
    KCHECK_EQ(wake_test(PRIORITY_HIGH, by_event), 1);
    KCHECK_EQ(wake_test(PRIORITY_HIGH, by_dpc), 1);
    KCHECK_EQ(wake_test(PRIORITY_HIGH, by_event_at_dispatch_level), 1);
    KCHECK_EQ(wake_test(PRIORITY_LOWEST, by_event), 0);
    KCHECK_EQ(wake_test(PRIORITY_NORMAL, by_event), 0);
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
}

/* Has each of them run, and none much more than its share? */
static bool
shared_equally(const struct crew *c)
{
    uint64_t most = 0, least = UINT64_MAX;

    for (unsigned i = 0; i < c->count; i++) {
        most = MAX(most, c->threads[i]->run_ticks);
        least = MIN(least, c->threads[i]->run_ticks);
    }
    return least && most < 3 * least;
}

/*
 * Equal threads on one processor take turns; none has much more than its share. While the host runs something else the time
 * counts as that of whoever was running here, so they are given some to even that out.
 */
KTEST(sched_equal_threads_share_one_processor)
{
    uint64_t start = time_now(), end;
    struct crew c = {.count = 0};

    spin_reset();
    for (unsigned i = 0; i < 4; i++)
        crew_add(&c, PRIORITY_LOWEST + 1, 1, spin_run, &spin.turns[i]);
    for (unsigned i = 0; i < 4; i++)
        await_count(&spin.turns[i], 1);
    end = time_now() + SECONDS(10); /* they spin for longer than that */
    do
        thread_sleep(MS(400));
    while (!shared_equally(&c) && time_now() < end);
    KCHECK(shared_equally(&c));
    for (unsigned i = 0; i < 4; i++) {
        KCHECK(c.threads[i]->switches >= 3);
        KCHECK(c.threads[i]->switches < (time_now() - start) / MS(1));
    }
    store(&spin.stop, 1);
    crew_join(&c);
}

/* Preemption by a higher one does not cost the preempted its place, nor the others theirs: all go on. */
static void
pester_run(void *context)
{
    while (!load(&spin.stop))
        thread_sleep(MS(2));
}

KTEST(sched_shares_although_preempted_within_slices)
{
    struct crew c = {.count = 0};

    spin_reset();
    crew_add(&c, PRIORITY_NORMAL, 1, pester_run, NULL);
    for (unsigned i = 0; i < 3; i++)
        crew_add(&c, PRIORITY_LOWEST + 1, 1, spin_run, &spin.turns[i]);
    for (unsigned i = 0; i < 3; i++)
        await_count(&spin.turns[i], 1);
    store(&spin.stop, 1);
    crew_join(&c);
}

/* With one thread a processor, all processors are used, though all threads were made on one. */
KTEST(sched_uses_all_processors)
{
    struct crew c = {.count = 0};
    uint64_t end = time_now() + SECONDS(5);
    unsigned all = (unsigned)(BIT64(cpu_count()) - 1);

    spin_reset();
    for (uint32_t n = 0; n < cpu_count(); n++)
        crew_add(&c, PRIORITY_LOWEST + 1, UINT64_MAX, spin_run, &spin.turns[n]);
    while (load(&spin.cpus) != all && time_now() < end)
        thread_sleep(MS(1));
    KCHECK_EQ(load(&spin.cpus), all);
    store(&spin.stop, 1);
    crew_join(&c);
}

/* Threads that wait on one processor are taken over by one that falls idle. */
static void
short_run(void *context)
{
    uint64_t end = time_now() + MS(3);

    while (time_now() < end)
        __atomic_fetch_or(&spin.cpus, BIT(cpu_number()), __ATOMIC_RELAXED);
}

KTEST(sched_idle_processor_takes_over)
{
    struct crew c = {.count = 0};
    uint8_t old;

    if (cpu_count() < 2) {
        ktest_skip("one processor");
        return;
    }
    spin_reset();
    KCHECK_EQ(thread_set_affinity(thread_current(), 1), 0);
    for (unsigned i = 0; i < 8; i++)
        crew_add(&c, PRIORITY_NORMAL, 1, short_run, NULL);
    old = irql_raise(DISPATCH_LEVEL); /* they wait here; now they may go elsewhere */
    for (unsigned i = 0; i < 8; i++)
        KCHECK_EQ(thread_set_affinity(c.threads[i], UINT64_MAX), 0);
    dispatch_lower(old);
    thread_sleep(MS(1));
    crew_join(&c);
    KCHECK(load(&spin.cpus) != 1);
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
}

KTEST(sched_affinity_moves_the_caller_at_once)
{
    for (unsigned i = 0; i < 20 * cpu_count(); i++) {
        KCHECK_EQ(thread_set_affinity(thread_current(), BIT64(i % cpu_count())), 0);
        KCHECK_EQ(cpu_number(), i % cpu_count());
        KCHECK_EQ(irql_current(), PASSIVE_LEVEL);
    }
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
}

KTEST(sched_affinity_moves_a_running_thread)
{
    struct crew c = {.count = 0};
    unsigned last = cpu_count() - 1;
    uint64_t end = time_now() + SECONDS(5);

    spin_reset();
    crew_add(&c, PRIORITY_LOWEST + 1, 1, spin_run, &spin.turns[0]);
    await_count(&spin.turns[0], 1);
    KCHECK_EQ(load(&spin.cpus), 1);
    KCHECK_EQ(thread_set_affinity(c.threads[0], BIT64(last)), 0);
    while (!(load(&spin.cpus) & BIT(last)) && time_now() < end)
        thread_sleep(US(500));
    KCHECK(load(&spin.cpus) & BIT(last));
    thread_sleep(MS(2));
    store(&spin.cpus, 0);
    thread_sleep(MS(5));
    KCHECK_EQ(load(&spin.cpus) & ~BIT(last), 0);
    store(&spin.stop, 1);
    crew_join(&c);
}

/* Raised above this thread a waiting thread runs at once; lowered below the waiting ones a running one stops. */
KTEST(sched_priority_change_takes_effect_at_once)
{
    struct crew c = {.count = 0};
    struct thread *self = thread_current();

    spin_reset();
    KCHECK_EQ(thread_set_affinity(self, 1), 0);
    crew_add(&c, PRIORITY_LOWEST, 1, short_run, NULL);
    KCHECK_EQ(load(&spin.cpus), 0);
    KCHECK_EQ(thread_set_priority(c.threads[0], PRIORITY_HIGH), PRIORITY_LOWEST);
    KCHECK_EQ(load(&spin.cpus), 1);
    crew_join(&c);

    spin_reset();
    crew_add(&c, PRIORITY_LOWEST + 1, 1, short_run, NULL);
    KCHECK_EQ(load(&spin.cpus), 0);
    KCHECK_EQ(thread_set_priority(self, PRIORITY_LOWEST), PRIORITY_NORMAL);
    KCHECK_EQ(load(&spin.cpus), 1);
    KCHECK_EQ(thread_set_priority(self, PRIORITY_NORMAL), PRIORITY_LOWEST);
    crew_join(&c);
    KCHECK_EQ(thread_set_affinity(self, UINT64_MAX), 0);
}

/* Yielding goes round among equals, and to nobody of lower priority. */
static struct {
    unsigned sequence[6], n;
} ring;

static void
ring_run(void *context)
{
    for (unsigned i = 0; i < 2; i++) {
        ring.sequence[ring.n++] = (unsigned)(uintptr_t)context;
        thread_yield();
    }
}

KTEST(sched_yield_goes_round)
{
    struct crew c = {.count = 0};
    struct thread *self = thread_current();

    ring.n = 0;
    KCHECK_EQ(thread_set_affinity(self, 1), 0);
    for (unsigned i = 0; i < 3; i++)
        crew_add(&c, PRIORITY_LOWEST + 1, 1, ring_run, (void *)(uintptr_t)i);
    thread_yield();
    KCHECK_EQ(ring.n, 0);
    crew_join(&c);
    for (unsigned i = 0; i < 6; i++)
        KCHECK_EQ(ring.sequence[i], i % 3);
    KCHECK_EQ(thread_set_affinity(self, UINT64_MAX), 0);
}

/* When nothing is to be done the processors sleep, and the idle threads have the time. */
KTEST(sched_idles_when_nothing_is_to_be_done)
{
    uint64_t idle = 0, start = time_now();

    for (uint32_t n = 0; n < cpu_count(); n++)
        idle -= sched_idle_ns(n);
    thread_sleep(MS(100));
    for (uint32_t n = 0; n < cpu_count(); n++)
        idle += sched_idle_ns(n);
    KCHECK(idle >= MS(100) * cpu_count() / 2);
    KCHECK(idle <= (time_now() - start) * cpu_count());
}

/* Two threads hand a token to and fro, on one processor and on two: nothing is lost, nobody starves. */
static struct {
    struct event to[2];
    unsigned handed;
} token;

static void
token_run(void *context)
{
    unsigned me = (unsigned)(uintptr_t)context;

    for (unsigned i = 0; i < 2000; i++) {
        if (wait_event(&token.to[me].waitable, SECONDS(10)) != 0) {
            ktest_fail(__FILE__, __LINE__, "the token is lost in round %u", i);
            return;
        }
        count_up(&token.handed);
        event_set(&token.to[!me]);
    }
}

static void
token_test(uint64_t first, uint64_t second)
{
    struct crew c = {.count = 0};

    event_init(&token.to[0], EVENT_AUTO, false);
    event_init(&token.to[1], EVENT_AUTO, false);
    token.handed = 0;
    crew_add(&c, PRIORITY_NORMAL, first, token_run, (void *)0);
    crew_add(&c, PRIORITY_NORMAL, second, token_run, (void *)1);
    event_set(&token.to[0]);
    crew_join(&c);
    KCHECK_EQ(token.handed, 4000);
}

KTEST(sched_hands_a_token_to_and_fro)
{
    uint64_t switches = sched_switches(0);

    token_test(1, 1);
    KCHECK(sched_switches(0) - switches >= 4000);
    token_test(1, BIT64(cpu_count() - 1));
    token_test(UINT64_MAX, UINT64_MAX);
}

/* Everything at once: threads of all priorities on all processors wait, wake, sleep, yield, move, change. */
static struct {
    struct event events[8];
    unsigned steps;
} chaos;

static void
chaos_run(void *context)
{
    uint64_t random = 0x2545f4914f6cdd1du * ((uintptr_t)context + 1);

    for (unsigned i = 0; i < 150; i++) {
        struct event *e = &chaos.events[random_next(&random) % 8];

        switch (random_next(&random) % 7) {
        case 0:
            wait_event(&e->waitable, US(random_next(&random) % 300));
            break;
        case 1:
        case 2:
            event_set(e);
            break;
        case 3:
            thread_sleep(US(random_next(&random) % 200));
            break;
        case 4:
            thread_yield();
            break;
        case 5:
            thread_set_affinity(thread_current(), BIT64(random_next(&random) % cpu_count()));
            break;
        default:
            thread_set_priority(thread_current(), PRIORITY_LOWEST + random_next(&random) % 7);
            break;
        }
        count_up(&chaos.steps);
    }
}

KTEST(sched_survives_everything_at_once)
{
    struct crew c = {.count = 0};

    chaos.steps = 0;
    for (unsigned i = 0; i < 8; i++)
        event_init(&chaos.events[i], i % 2 ? EVENT_AUTO : EVENT_MANUAL, false);
    for (unsigned i = 0; i < 24; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, chaos_run, (void *)(uintptr_t)i);
    crew_join(&c);
    KCHECK_EQ(chaos.steps, 24 * 150);
}

/* A thread that is preempted by one that may run here only goes on elsewhere, where nothing is to be done. */
KTEST(sched_preempted_thread_goes_on_elsewhere)
{
    struct crew low = {.count = 0}, high = {.count = 0};
    unsigned turns;

    if (cpu_count() < 2) {
        ktest_skip("one processor");
        return;
    }
    spin_reset();
    KCHECK_EQ(thread_set_affinity(thread_current(), 1), 0); /* the other processor sleeps */
    crew_add(&low, PRIORITY_LOWEST + 1, 1, spin_run, &spin.turns[0]);
    await_count(&spin.turns[0], 1);
    KCHECK_EQ(thread_set_affinity(low.threads[0], 3), 0);
    crew_add(&high, PRIORITY_LOWEST + 2, 1, spin_run, &spin.turns[1]);
    await_count(&spin.turns[1], 1);
    turns = load(&spin.turns[0]);
    await_count(&spin.turns[0], turns + 1000);
    store(&spin.stop, 1);
    crew_join(&low);
    crew_join(&high);
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
}
