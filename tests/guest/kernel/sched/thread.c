#include "kernel/sched/thread.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sync/event.h"
#include "kernel/sync/work.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"
#include "tests/guest/kernel/sync/crew.h"

static unsigned runs;

static void
count_run(void *context)
{
    count_up(&runs);
    if (context)
        thread_exit((int)(intptr_t)context);
}

KTEST(thread_join_brings_the_exit_code)
{
    struct thread *t;
    int code = -1;

    runs = 0;
    KCHECK_EQ(thread_create(&t, "returns", PRIORITY_NORMAL, count_run, NULL), 0);
    KCHECK_EQ(thread_join(t, SECONDS(5), &code), 0);
    KCHECK_EQ(code, 0);
    KCHECK_EQ(thread_create(&t, "exits", PRIORITY_NORMAL, count_run, (void *)42), 0);
    KCHECK_EQ(thread_join(t, SECONDS(5), &code), 0);
    KCHECK_EQ(code, 42);
    KCHECK_EQ(runs, 2);
}

static void
wait_run(void *context)
{
    struct event *e = context;

    wait_event(&e->waitable, SECONDS(10));
}

KTEST(thread_join_times_out)
{
    struct thread *t;
    struct event e;

    event_init(&e, EVENT_MANUAL, false);
    KCHECK_EQ(thread_create(&t, "waits", PRIORITY_NORMAL, wait_run, &e), 0);
    KCHECK_EQ(thread_join(t, 0, NULL), -ETIMEDOUT);
    KCHECK_EQ(thread_join(t, MS(2), NULL), -ETIMEDOUT);
    event_set(&e);
    KCHECK_EQ(thread_join(t, SECONDS(5), NULL), 0);
}

KTEST(thread_create_checks_its_arguments)
{
    struct thread *t = NULL;

    KCHECK_EQ(thread_create(&t, "idle", PRIORITY_IDLE, count_run, NULL), -EINVAL);
    KCHECK_EQ(thread_create(&t, "high", PRIORITIES, count_run, NULL), -EINVAL);
    KCHECK_EQ(thread_create_on(&t, "nowhere", PRIORITY_NORMAL, 0, count_run, NULL), -EINVAL);
    KCHECK(t == NULL);
    KCHECK_EQ(thread_set_priority(thread_current(), PRIORITY_IDLE), -EINVAL);
    KCHECK_EQ(thread_set_priority(thread_current(), PRIORITIES), -EINVAL);
    KCHECK_EQ(thread_set_affinity(thread_current(), 0), -EINVAL);
}

/* -- nothing is left behind */

struct memory {
    uint64_t objects, bytes, frames;
};

/* What is in use. */
static struct memory
memory_used(void)
{
    struct memory m;
    struct frame_stats f;

    pool_totals(&m.objects, &m.bytes);
    frame_drain();
    frame_stats(&f);
    m.frames = f.total - f.free;
    return m;
}

/* What is in use when the work threads have freed what they have to: when it does not change for a while. */
static struct memory
memory_settled(void)
{
    uint64_t end = time_now() + SECONDS(10);
    struct memory m = memory_used(), last;

    do {
        last = m;
        thread_sleep(MS(40));
        m = memory_used();
    } while (m.objects != last.objects && time_now() < end);
    return m;
}

#define BATCH 50

static void
batch_run(unsigned n, bool detach)
{
    struct thread *t[BATCH];
    unsigned before = load(&runs);

    for (unsigned i = 0; i < n; i++) {
        int err = thread_create(&t[i], "many", PRIORITY_NORMAL + i % 3, count_run, NULL);

        KCHECK_EQ(err, 0);
        if (err)
            n = i;
        else if (detach)
            thread_detach(t[i]);
    }
    for (unsigned i = 0; i < n && !detach; i++)
        KCHECK_EQ(thread_join(t[i], SECONDS(10), NULL), 0);
    await_count(&runs, before + n);
}

/* The first rounds fill what the allocators keep. */
KTEST(thread_thousand_joined_leave_nothing)
{
    struct memory before, after;

    batch_run(BATCH, false);
    before = memory_settled();
    for (unsigned i = 0; i < 1000 / BATCH; i++)
        batch_run(BATCH, false);
    after = memory_settled();
    KCHECK_EQ(after.objects, before.objects);
    KCHECK_EQ(after.bytes, before.bytes);
    KCHECK(after.frames <= before.frames + 2); /* page tables may have grown with the first rounds */
}

KTEST(thread_detached_leave_nothing)
{
    struct memory before, after;

    batch_run(BATCH, true);
    before = memory_settled();
    for (unsigned i = 0; i < 4; i++)
        batch_run(BATCH, true);
    after = memory_settled();
    KCHECK_EQ(after.objects, before.objects);
    KCHECK_EQ(after.bytes, before.bytes);
}

/* Detaching races with the end: both orders occur. */
KTEST(thread_detach_at_any_moment)
{
    struct memory before, after;

    batch_run(BATCH, true);
    before = memory_settled();
    for (unsigned i = 0; i < 100; i++) {
        struct thread *t;

        KCHECK_EQ(thread_create(&t, "detached", PRIORITY_NORMAL, count_run, NULL), 0);
        if (i % 2)
            stall_us(i * 2);
        else
            thread_sleep(US(i * 4));
        thread_detach(t);
    }
    after = memory_settled();
    KCHECK_EQ(after.objects, before.objects);
}

/* Every allocation on the way of thread_create() fails once. */
KTEST(thread_create_without_memory)
{
    struct memory before, after;
    unsigned failures = 0;

    batch_run(BATCH, false);
    before = memory_settled();
    for (unsigned n = 1; n < 100; n++) {
        struct thread *t = NULL;
        bool fired;
        int err;

        alloc_fail_at(n);
        err = thread_create(&t, "poor", PRIORITY_NORMAL, count_run, NULL);
        fired = alloc_fail_at(0) == 0;
        if (err == 0)
            KCHECK_EQ(thread_join(t, SECONDS(5), NULL), 0);
        else
            KCHECK_EQ(err, -ENOMEM);
        KCHECK(err == 0 || fired);
        failures += err != 0;
        if (!fired)
            break;
    }
    after = memory_settled();
    KCHECK(failures >= 2);
    KCHECK_EQ(after.objects, before.objects);
    KCHECK_EQ(after.bytes, before.bytes);
}

/* -- what is told about threads */

struct find {
    const char *name;
    struct thread_info info;
    unsigned found, all;
    uint64_t last_id;
    bool ascending;
};

static void
find_show(void *context, const struct thread_info *i)
{
    struct find *f = context;

    f->ascending &= i->id > f->last_id;
    f->last_id = i->id;
    f->all++;
    if (strcmp(i->name, f->name) == 0) {
        f->info = *i;
        f->found++;
    }
}

static void
spend_run(void *context)
{
    struct event *e = context;
    char deep[2000];

    memset(deep, 1, sizeof(deep));
    stall_us(3000);
    KCHECK(memchr(deep, 0, sizeof(deep)) == NULL);
    wait_event(&e->waitable, SECONDS(10));
}

KTEST(thread_info_tells_time_switches_and_stack)
{
    struct find f = {.name = "spends much time in it", .ascending = true};
    struct thread *t;
    struct event e;

    event_init(&e, EVENT_MANUAL, false);
    KCHECK_EQ(thread_create_on(&t, "spends much time in its work", 11, 1, spend_run, &e), 0);
    for (unsigned i = 0; i < 1000 && list_empty(&e.waitable.waiters); i++)
        thread_sleep(US(200));
    KCHECK_EQ(strlen(t->name), THREAD_NAME_MAX - 1); /* cut */
    for (unsigned i = 0; i < 1000 && f.info.state != THREAD_BLOCKED;
         i++) { /* it has entered the list, now it blocks */
        thread_sleep(US(200));
        f = (struct find){.name = t->name, .ascending = true};
        thread_for_each(find_show, &f);
    }
    KCHECK_EQ(f.found, 1);
    KCHECK(f.all >= 2);
    KCHECK(f.ascending);
    KCHECK_EQ(f.info.priority, 11);
    KCHECK_EQ(f.info.state, THREAD_BLOCKED);
    KCHECK_EQ(f.info.affinity, 1);
    KCHECK(f.info.run_ns >= MS(3));
    KCHECK(f.info.run_ns < SECONDS(2));
    KCHECK(f.info.switches >= 1);
    KCHECK(f.info.stack_used >= 2000);
    KCHECK(f.info.stack_used < KERNEL_STACK_SIZE);
    event_set(&e);
    KCHECK_EQ(thread_join(t, SECONDS(5), NULL), 0);
}

KTEST(thread_sleep_is_never_short)
{
    static const uint64_t lengths[] = {0, 1, US(30), US(700), MS(3), MS(25)};

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        uint64_t start = time_now(), slept;

        thread_sleep(lengths[i]);
        slept = time_now() - start;
        KCHECK(slept >= lengths[i]);
        KCHECK(slept < lengths[i] + SECONDS(2));
    }
}
