#include "kernel/sync/event.h"
#include "kernel/sync/timer.h"
#include "lib/string.h"
#include "tests/guest/kernel/sync/crew.h"

/* -- one object */

KTEST(event_poll_takes_what_is_there)
{
    struct event manual, automatic;

    event_init(&manual, EVENT_MANUAL, true);
    event_init(&automatic, EVENT_AUTO, true);
    KCHECK_EQ(wait_event(&manual.waitable, 0), 0);
    KCHECK_EQ(wait_event(&manual.waitable, 0), 0);
    KCHECK(event_clear(&manual));
    KCHECK_EQ(wait_event(&manual.waitable, 0), -ETIMEDOUT);
    KCHECK_EQ(wait_event(&automatic.waitable, 0), 0);
    KCHECK_EQ(wait_event(&automatic.waitable, 0), -ETIMEDOUT);
    KCHECK(!event_set(&automatic));
    KCHECK(event_set(&automatic));
    KCHECK(event_is_set(&automatic));
}

KTEST(event_wait_times_out_never_early)
{
    struct event e;
    uint64_t start = time_now(), waited;

    event_init(&e, EVENT_AUTO, false);
    KCHECK_EQ(wait_event(&e.waitable, MS(15)), -ETIMEDOUT);
    waited = time_now() - start;
    KCHECK(waited >= MS(15));
    KCHECK(waited < SECONDS(2));
    KCHECK(!event_set(&e)); /* the wait that timed out takes nothing */
    KCHECK(event_is_set(&e));
}

struct waiters {
    struct event event;
    unsigned ready, woken, timed_out;
    uint64_t timeout;
};

static void
wait_once(void *context)
{
    struct waiters *w = context;

    count_up(&w->ready);
    if (wait_event(&w->event.waitable, w->timeout) == 0)
        count_up(&w->woken);
    else
        count_up(&w->timed_out);
}

KTEST(event_manual_wakes_all)
{
    struct waiters w = {.timeout = SECONDS(10)};
    struct crew c = {.count = 0};

    event_init(&w.event, EVENT_MANUAL, false);
    for (unsigned i = 0; i < 20; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, wait_once, &w);
    await_count(&w.ready, 20);
    thread_sleep(MS(2));
    KCHECK_EQ(load(&w.woken), 0);
    event_set(&w.event);
    crew_join(&c);
    KCHECK_EQ(w.woken, 20);
    KCHECK(event_is_set(&w.event));
}

KTEST(event_auto_wakes_exactly_one)
{
    struct waiters w = {.timeout = SECONDS(10)};
    struct crew c = {.count = 0};

    event_init(&w.event, EVENT_AUTO, false);
    for (unsigned i = 0; i < 10; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, wait_once, &w);
    await_count(&w.ready, 10);
    thread_sleep(MS(2));
    for (unsigned i = 1; i <= 10; i++) {
        event_set(&w.event);
        await_count(&w.woken, i);
        thread_sleep(US(200));
        KCHECK_EQ(load(&w.woken), i);
        KCHECK(!event_is_set(&w.event));
    }
    crew_join(&c);
}

/* -- a signal against a timeout: each signal wakes one or stays, each wait ends once */

struct race {
    struct event event;
    struct semaphore semaphore;
    unsigned taken, timed_out, given, stop;
};

static void
race_wait(void *context)
{
    struct race *r = context;

    for (unsigned i = 0; i < 300; i++) {
        if (wait_event(&r->semaphore.waitable, US(10 + i % 50)) == 0)
            count_up(&r->taken);
        else
            count_up(&r->timed_out);
    }
}

static void
race_give(void *context)
{
    struct race *r = context;
    uint64_t random = 2463534242u;

    while (!load(&r->stop)) {
        stall_us(random_next(&random) % 60);
        if (semaphore_release(&r->semaphore, 1) == 0)
            count_up(&r->given);
        thread_yield();
    }
}

KTEST(wait_race_of_signal_and_timeout_loses_nothing)
{
    struct race r = {.taken = 0};
    struct crew waiters = {.count = 0}, giver = {.count = 0};

    semaphore_init(&r.semaphore, 0, INT32_MAX);
    crew_add(&giver, PRIORITY_NORMAL, UINT64_MAX, race_give, &r);
    for (unsigned i = 0; i < 4; i++)
        crew_add(&waiters, PRIORITY_NORMAL, UINT64_MAX, race_wait, &r);
    crew_join(&waiters);
    store(&r.stop, 1);
    crew_join(&giver);
    KCHECK_EQ(r.taken + r.timed_out, 4 * 300);
    KCHECK(r.taken > 0);
    KCHECK_EQ(r.taken + (unsigned)semaphore_count(&r.semaphore), r.given);
}

/* -- an object may be gone as soon as its wait has ended */

struct shot {
    struct event event;
    uint8_t after[64]; /* neighbours that a late access would change */
};

static struct shot *target;

static void
shot_fire(struct dpc *d, void *context)
{
    event_set(&__atomic_load_n(&target, __ATOMIC_ACQUIRE)->event);
}

__attribute__((noinline)) static void
shot_wait(struct dpc *d)
{
    struct shot s;

    event_init(&s.event, EVENT_AUTO, false);
    __atomic_store_n(&target, &s, __ATOMIC_RELEASE);
    dpc_queue(d);
    KCHECK_EQ(wait_event(&s.event.waitable, SECONDS(10)), 0);
    memset(&s, 0xa5, sizeof(s));
    for (unsigned i = 0; i < 50; i++) {
        cpu_relax();
        for (unsigned b = 0; b < sizeof(s); b++)
            if (((uint8_t *)&s)[b] != 0xa5) {
                ktest_fail(__FILE__, __LINE__, "byte %u of the event was written after the wait", b);
                return;
            }
    }
}

KTEST(wait_object_is_free_when_the_wait_has_ended)
{
    struct dpc d;

    dpc_init(&d, shot_fire, NULL);
    for (unsigned i = 0; i < 1000 && !ktest_failed(); i++) {
        dpc_set_target(&d, i % cpu_count());
        shot_wait(&d);
    }
}

/* -- semaphores */

KTEST(semaphore_counts_and_has_a_limit)
{
    struct semaphore s;

    semaphore_init(&s, 2, 3);
    KCHECK_EQ(wait_event(&s.waitable, 0), 0);
    KCHECK_EQ(wait_event(&s.waitable, 0), 0);
    KCHECK_EQ(wait_event(&s.waitable, 0), -ETIMEDOUT);
    KCHECK_EQ(semaphore_release(&s, 3), 0);
    KCHECK_EQ(semaphore_release(&s, 1), -EOVERFLOW);
    KCHECK_EQ(semaphore_release(&s, 0), -EOVERFLOW);
    KCHECK_EQ(semaphore_count(&s), 3);
}

static void
semaphore_take(void *context)
{
    struct race *r = context;

    if (wait_event(&r->semaphore.waitable, SECONDS(10)) == 0)
        count_up(&r->taken);
}

KTEST(semaphore_release_wakes_that_many)
{
    struct race r = {.taken = 0};
    struct crew c = {.count = 0};

    semaphore_init(&r.semaphore, 0, 100);
    for (unsigned i = 0; i < 9; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, semaphore_take, &r);
    thread_sleep(MS(3));
    semaphore_release(&r.semaphore, 4);
    await_count(&r.taken, 4);
    thread_sleep(MS(2));
    KCHECK_EQ(load(&r.taken), 4);
    semaphore_release(&r.semaphore, 6);
    crew_join(&c);
    KCHECK_EQ(r.taken, 9);
    KCHECK_EQ(semaphore_count(&r.semaphore), 1);
}

/* -- any of several */

KTEST(wait_any_takes_the_first_signalled_alone)
{
    struct event e[4];
    struct waitable *w[4];

    for (unsigned i = 0; i < 4; i++) {
        event_init(&e[i], EVENT_AUTO, i >= 2);
        w[i] = &e[i].waitable;
    }
    KCHECK_EQ(wait_any(w, 4, 0), 2);
    KCHECK(!event_is_set(&e[2]));
    KCHECK(event_is_set(&e[3]));
    KCHECK_EQ(wait_any(w, 4, MS(1)), 3);
    KCHECK_EQ(wait_any(w, 4, 0), -ETIMEDOUT);
    KCHECK_EQ(wait_any(w, 4, MS(2)), -ETIMEDOUT);
    KCHECK_EQ(wait_any(w, 0, 0), -EINVAL);
    KCHECK_EQ(wait_any(w, WAIT_ANY_MAX + 1, 0), -EINVAL);
}

struct any {
    struct event events[WAIT_ANY_MAX];
    struct waitable *objects[WAIT_ANY_MAX];
    unsigned n, wakes[WAIT_ANY_MAX], ended;
};

static void
any_run(void *context)
{
    struct any *a = context;

    for (unsigned i = 0; i < 3 * a->n; i++) {
        int got = wait_any(a->objects, a->n, SECONDS(10));

        KCHECK(got >= 0);
        if (got >= 0)
            a->wakes[got]++;
        count_up(&a->ended);
    }
}

static void
any_test(unsigned n)
{
    static struct any a;
    struct crew c = {.count = 0};

    memset(&a, 0, sizeof(a));
    a.n = n;
    for (unsigned i = 0; i < n; i++) {
        event_init(&a.events[i], EVENT_AUTO, false);
        a.objects[i] = &a.events[i].waitable;
    }
    crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, any_run, &a);
    for (unsigned i = 0; i < 3 * n; i++) {
        event_set(&a.events[i * 7 % n]);
        await_count(&a.ended, i + 1);
    }
    crew_join(&c);
    for (unsigned i = 0; i < n; i++) {
        KCHECK_EQ(a.wakes[i], 3);
        KCHECK(list_empty(&a.events[i].waitable.waiters));
    }
}

KTEST(wait_any_of_few_and_of_many)
{
    any_test(1);
    any_test(3);
    any_test(5);
    any_test(WAIT_ANY_MAX);
}

/* Several threads wait for several semaphores: units given equal units taken. */
static struct {
    struct semaphore semaphores[4];
    struct waitable *objects[4];
    unsigned taken[4], timed_out;
} pool;

static void
pool_take(void *context)
{
    for (unsigned i = 0; i < 200; i++) {
        int got = wait_any(pool.objects, 4, US(50));

        if (got >= 0)
            count_up(&pool.taken[got]);
        else
            count_up(&pool.timed_out);
    }
}

KTEST(wait_any_race_takes_each_unit_once)
{
    struct crew c = {.count = 0};
    uint64_t random = 0x9e3779b97f4a7c15u;
    unsigned given[4] = {0};

    memset(&pool, 0, sizeof(pool));
    for (unsigned i = 0; i < 4; i++) {
        semaphore_init(&pool.semaphores[i], 0, INT32_MAX);
        pool.objects[i] = &pool.semaphores[i].waitable;
    }
    for (unsigned i = 0; i < 4; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, pool_take, NULL);
    for (unsigned i = 0; i < 600; i++) {
        unsigned n = random_next(&random) % 4;

        if (semaphore_release(&pool.semaphores[n], 1) == 0)
            given[n]++;
        if (i % 4 == 0)
            thread_sleep(US(30));
    }
    crew_join(&c);
    for (unsigned i = 0; i < 4; i++)
        KCHECK_EQ(pool.taken[i] + (unsigned)semaphore_count(&pool.semaphores[i]), given[i]);
    KCHECK(pool.taken[0] + pool.taken[1] + pool.taken[2] + pool.taken[3] > 0);
}

/* -- timers as objects */

KTEST(waitable_timer_is_signalled_when_it_fires)
{
    struct waitable_timer t;
    uint64_t start = time_now(), deadline = timer_deadline(MS(4));
    int err;

    waitable_timer_init(&t, EVENT_AUTO);
    KCHECK(!waitable_timer_set(&t, deadline, 0));
    err = wait_event(&t.waitable, 0);
    KCHECK(err == -ETIMEDOUT || time_now() >= deadline); /* a slow host is late */
    if (err)
        KCHECK_EQ(wait_event(&t.waitable, SECONDS(5)), 0);
    KCHECK(time_now() - start >= MS(4));
    KCHECK_EQ(wait_event(&t.waitable, 0), -ETIMEDOUT);
    KCHECK(!waitable_timer_set(&t, timer_deadline(MS(1)), MS(1)));
    for (unsigned i = 0; i < 5; i++)
        KCHECK_EQ(wait_event(&t.waitable, SECONDS(5)), 0);
    KCHECK(waitable_timer_cancel(&t));
    waitable_timer_set(&t, timer_deadline(SECONDS(100)), 0);
    KCHECK(waitable_timer_cancel(&t));
}

KTEST(waitable_timer_setting_takes_the_signal_back)
{
    struct waitable_timer t;

    waitable_timer_init(&t, EVENT_MANUAL);
    waitable_timer_set(&t, timer_deadline(0), 0);
    KCHECK_EQ(wait_event(&t.waitable, SECONDS(5)), 0);
    KCHECK_EQ(wait_event(&t.waitable, 0), 0);
    waitable_timer_set(&t, timer_deadline(SECONDS(100)), 0);
    KCHECK_EQ(wait_event(&t.waitable, 0), -ETIMEDOUT);
    waitable_timer_cancel(&t);
}
