#include "kernel/sync/mutex.h"
#include "kernel/sync/event.h"
#include "tests/guest/kernel/sync/crew.h"

#define ROUNDS 2000

static struct {
    struct mutex mutex;
    unsigned counter, inside, overlaps;
} shared;

static void
count_locked(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned n;

        KCHECK_EQ(mutex_lock(&shared.mutex, SECONDS(20)), 0);
        if (count_up(&shared.inside) != 1)
            count_up(&shared.overlaps);
        n = load(&shared.counter);
        if (i % 32 == 0)
            thread_yield();
        store(&shared.counter, n + 1);
        __atomic_sub_fetch(&shared.inside, 1, __ATOMIC_ACQ_REL);
        mutex_unlock(&shared.mutex);
    }
}

KTEST(mutex_excludes_threads)
{
    struct crew c = {.count = 0};

    shared.counter = shared.inside = shared.overlaps = 0;
    mutex_init(&shared.mutex);
    for (unsigned i = 0; i < 6; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, count_locked, NULL);
    crew_join(&c);
    KCHECK_EQ(shared.counter, 6 * ROUNDS);
    KCHECK_EQ(shared.overlaps, 0);
}

KTEST(mutex_is_not_recursive_and_bounded)
{
    struct mutex m;

    mutex_init(&m);
    KCHECK(!mutex_held(&m));
    KCHECK_EQ(mutex_lock(&m, 0), 0);
    KCHECK(mutex_held(&m));
    KCHECK_EQ(mutex_lock(&m, 0), -EDEADLK);
    KCHECK_EQ(mutex_lock(&m, MS(1)), -EDEADLK);
    mutex_unlock(&m);
    KCHECK(!mutex_held(&m));
}

/* -- inheritance: thread i of the chain owns mutex i and waits for mutex i - 1 */

#define CHAIN 4

static struct {
    struct mutex mutexes[CHAIN];
    struct event release; /* ends the first owner's work */
    struct thread *threads[CHAIN];
    unsigned ready, done;
    int results[CHAIN];
    uint64_t timeout; /* of the last in the chain */
} chain;

static void
chain_run(void *context)
{
    unsigned i = (unsigned)(uintptr_t)context;

    if (i < CHAIN - 1)
        KCHECK_EQ(mutex_lock(&chain.mutexes[i], SECONDS(10)), 0);
    count_up(&chain.ready);
    if (i == 0)
        wait_event(&chain.release.waitable, SECONDS(10));
    else
        chain.results[i] = mutex_lock(&chain.mutexes[i - 1], i == CHAIN - 1 ? chain.timeout : SECONDS(10));
    if (i > 0 && chain.results[i] == 0)
        mutex_unlock(&chain.mutexes[i - 1]);
    if (i < CHAIN - 1)
        mutex_unlock(&chain.mutexes[i]);
    count_up(&chain.done);
}

/* Wait until thread i runs at this priority. */
static void
chain_await(unsigned i, unsigned priority)
{
    uint64_t end = time_now() + SECONDS(5);

    while (__atomic_load_n(&chain.threads[i]->priority, __ATOMIC_RELAXED) != priority && time_now() < end)
        thread_sleep(US(200));
    KCHECK_EQ(chain.threads[i]->priority, priority);
}

/* All threads of the chain: priorities 4, 5, 6 and, last, 20. */
static void
chain_start(struct crew *c, uint64_t timeout)
{
    event_init(&chain.release, EVENT_MANUAL, false);
    chain.ready = chain.done = 0;
    chain.timeout = timeout;
    for (unsigned i = 0; i < CHAIN; i++)
        mutex_init(&chain.mutexes[i]);
    for (unsigned i = 0; i < CHAIN; i++) {
        crew_add(c, i == CHAIN - 1 ? 20 : 4 + i, UINT64_MAX, chain_run, (void *)(uintptr_t)i);
        chain.threads[i] = c->threads[i];
        await_count(&chain.ready, i + 1);
    }
}

KTEST(mutex_owner_inherits_over_a_chain)
{
    struct crew c = {.count = 0};

    chain_start(&c, SECONDS(10));
    for (unsigned i = 0; i < CHAIN - 1; i++)
        chain_await(i, 20);
    KCHECK_EQ(chain.threads[0]->base_priority, 4);
    KCHECK_EQ(thread_set_priority(chain.threads[CHAIN - 1], 25), 20);
    for (unsigned i = 0; i < CHAIN - 1; i++)
        chain_await(i, 25);
    event_set(&chain.release);
    await_count(&chain.done, CHAIN);
    for (unsigned i = 1; i < CHAIN; i++) {
        KCHECK_EQ(chain.results[i], 0);
        KCHECK_EQ(chain.threads[i - 1]->priority, 3 + i); /* all given back */
    }
    crew_join(&c);
}

KTEST(mutex_inheritance_ends_with_a_timeout)
{
    struct crew c = {.count = 0};

    chain_start(&c, MS(300));
    chain_await(0, 20);
    chain_await(2, 6);
    chain_await(1, 6); /* thread 2 still waits for it */
    chain_await(0, 6);
    await_count(&chain.done, 1);
    KCHECK_EQ(chain.results[CHAIN - 1], -ETIMEDOUT);
    event_set(&chain.release);
    crew_join(&c);
    KCHECK_EQ(chain.results[1], 0);
    KCHECK_EQ(chain.results[2], 0);
}

/* The point of it all: a middle priority that hogs the processor cannot keep a high one waiting. */
static struct {
    struct mutex mutex;
    unsigned owned, low_done, high_done, stop;
} inversion;

static void
inversion_low(void *context)
{
    mutex_lock(&inversion.mutex, SECONDS(10));
    store(&inversion.owned, 1);
    stall_us(30000);
    store(&inversion.low_done, 1);
    mutex_unlock(&inversion.mutex);
}

static void
inversion_hog(void *context)
{
    uint64_t end = time_now() + SECONDS(10);

    while (!load(&inversion.stop) && time_now() < end)
        cpu_relax();
}

static void
inversion_high(void *context)
{
    KCHECK_EQ(mutex_lock(&inversion.mutex, SECONDS(10)), 0);
    KCHECK_EQ(load(&inversion.low_done), 1);
    store(&inversion.high_done, 1);
    mutex_unlock(&inversion.mutex);
    store(&inversion.stop, 1);
}

KTEST(mutex_inversion_is_resolved)
{
    struct crew c = {.count = 0};
    int normal = thread_set_priority(thread_current(), 28);
    uint64_t start;

    mutex_init(&inversion.mutex);
    inversion.owned = inversion.low_done = inversion.high_done = inversion.stop = 0;
    crew_add(&c, 3, 1, inversion_low, NULL);
    await_count(&inversion.owned, 1);
    crew_add(&c, 10, 1, inversion_hog, NULL);
    thread_sleep(MS(5));
    start = time_now();
    crew_add(&c, 20, 1, inversion_high, NULL);
    crew_join(&c);
    KCHECK_EQ(inversion.high_done, 1);
    KCHECK(time_now() - start < SECONDS(5));
    thread_set_priority(thread_current(), (unsigned)normal);
}

/* -- a circle of waits is refused to the one who would close it */

static struct {
    struct mutex a, b;
    unsigned has_b;
    int result;
} circle;

static void
circle_run(void *context)
{
    mutex_lock(&circle.b, SECONDS(10));
    store(&circle.has_b, 1);
    circle.result = mutex_lock(&circle.a, SECONDS(10));
    if (circle.result == 0)
        mutex_unlock(&circle.a);
    mutex_unlock(&circle.b);
}

KTEST(mutex_deadlock_is_refused)
{
    struct crew c = {.count = 0};
    uint64_t end = time_now() + SECONDS(5);

    mutex_init(&circle.a);
    mutex_init(&circle.b);
    circle.has_b = 0;
    KCHECK_EQ(mutex_lock(&circle.a, 0), 0);
    crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, circle_run, NULL);
    await_count(&circle.has_b, 1);
    while (list_empty(&circle.a.waitable.waiters) && time_now() < end)
        thread_sleep(US(100));
    KCHECK_EQ(mutex_lock(&circle.b, SECONDS(10)), -EDEADLK);
    mutex_unlock(&circle.a);
    crew_join(&c);
    KCHECK_EQ(circle.result, 0);
}

/* -- handed over by priority, then by age */

static struct {
    struct mutex mutex;
    unsigned waiting, sequence, place[6];
} turn;

static void
turn_run(void *context)
{
    unsigned i = (unsigned)(uintptr_t)context;

    count_up(&turn.waiting);
    KCHECK_EQ(mutex_lock(&turn.mutex, SECONDS(10)), 0);
    turn.place[i] = count_up(&turn.sequence);
    mutex_unlock(&turn.mutex);
}

static unsigned
turn_waiters(void)
{
    uint8_t old = spin_lock(&turn.mutex.waitable.lock);
    const struct list *link;
    unsigned n = 0;

    list_for_each(link, &turn.mutex.waitable.waiters)
        n++;
    spin_unlock(&turn.mutex.waitable.lock, old);
    return n;
}

KTEST(mutex_goes_to_the_highest_priority_then_the_oldest)
{
    static const unsigned priorities[6] = {5, 9, 7, 9, 5, 12}, want[6] = {5, 2, 4, 3, 6, 1};
    struct crew c = {.count = 0};

    mutex_init(&turn.mutex);
    turn.waiting = turn.sequence = 0;
    mutex_lock(&turn.mutex, 0);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t end = time_now() + SECONDS(5);

        crew_add(&c, priorities[i], UINT64_MAX, turn_run, (void *)(uintptr_t)i);
        while (turn_waiters() < i + 1 && time_now() < end)
            thread_sleep(US(100));
    }
    mutex_unlock(&turn.mutex);
    crew_join(&c);
    for (unsigned i = 0; i < 6; i++)
        KCHECK_EQ(turn.place[i], want[i]);
}

/* -- locks with short timeouts against unlocking: everybody who got it owned it alone */

static void
impatient_run(void *context)
{
    unsigned *got = context;

    for (unsigned i = 0; i < 400; i++) {
        if (mutex_lock(&shared.mutex, US(i % 40)) != 0)
            continue;
        if (count_up(&shared.inside) != 1)
            count_up(&shared.overlaps);
        if (i % 8 == 0)
            stall_us(20);
        __atomic_sub_fetch(&shared.inside, 1, __ATOMIC_ACQ_REL);
        mutex_unlock(&shared.mutex);
        count_up(got);
    }
}

KTEST(mutex_race_of_timeout_and_hand_over)
{
    struct crew c = {.count = 0};
    unsigned got = 0;

    shared.inside = shared.overlaps = 0;
    mutex_init(&shared.mutex);
    for (unsigned i = 0; i < 5; i++)
        crew_add(&c, PRIORITY_NORMAL + i, UINT64_MAX, impatient_run, &got);
    crew_join(&c);
    KCHECK(got > 0);
    KCHECK_EQ(shared.overlaps, 0);
    KCHECK_EQ(mutex_lock(&shared.mutex, 0), 0);
    mutex_unlock(&shared.mutex);
}
