#include "kernel/sync/work.h"
#include "kernel/sync/event.h"
#include "tests/guest/kernel/sync/crew.h"

struct probe {
    struct work work;
    struct event go; /* run() waits for it if `hold` */
    unsigned runs, began, inside, overlaps, again;
    bool hold;
    uint8_t irql;
};

static void
probe_run(struct work *w)
{
    struct probe *p = container_of(w, struct probe, work);

    if (count_up(&p->inside) != 1)
        count_up(&p->overlaps);
    p->irql = irql_current();
    count_up(&p->began);
    if (p->hold)
        wait_event(&p->go.waitable, SECONDS(10));
    if (p->again > 0) {
        p->again--;
        work_queue(w);
    }
    __atomic_sub_fetch(&p->inside, 1, __ATOMIC_ACQ_REL);
    count_up(&p->runs);
}

static void
probe_init(struct probe *p, bool hold)
{
    *p = (struct probe){.hold = hold};
    work_item_init(&p->work, probe_run);
    event_init(&p->go, EVENT_AUTO, false);
}

KTEST(work_runs_at_passive_level)
{
    struct probe p;
    uint8_t old;

    probe_init(&p, false);
    p.irql = HIGH_LEVEL;
    old = irql_raise(DISPATCH_LEVEL);
    KCHECK(work_queue(&p.work));
    irql_lower(old);
    await_count(&p.runs, 1);
    KCHECK_EQ(p.irql, PASSIVE_LEVEL);
    KCHECK_EQ(work_flush(&p.work, SECONDS(5)), 0);
}

KTEST(work_queued_while_it_runs_runs_once_more)
{
    struct probe p;

    probe_init(&p, true);
    KCHECK(work_queue(&p.work));
    await_count(&p.began, 1);
    KCHECK(work_queue(&p.work));
    KCHECK(!work_queue(&p.work));
    KCHECK_EQ(work_flush(&p.work, MS(2)), -ETIMEDOUT);
    KCHECK_EQ(load(&p.began), 1); /* not on two threads at a time */
    event_set(&p.go);
    await_count(&p.began, 2);
    event_set(&p.go);
    KCHECK_EQ(work_flush(&p.work, SECONDS(5)), 0);
    KCHECK_EQ(p.runs, 2);
    KCHECK_EQ(p.overlaps, 0);
}

KTEST(work_may_queue_itself)
{
    struct probe p;

    probe_init(&p, false);
    p.again = 50;
    work_queue(&p.work);
    await_count(&p.runs, 51);
    KCHECK_EQ(work_flush(&p.work, SECONDS(5)), 0);
    KCHECK_EQ(p.runs, 51);
}

/* All threads are busy, so the next item waits in the queue. */
KTEST(work_cancelled_does_not_run)
{
    static struct probe busy[WORK_THREADS];
    struct probe p;

    for (unsigned i = 0; i < WORK_THREADS; i++) {
        probe_init(&busy[i], true);
        work_queue(&busy[i].work);
        await_count(&busy[i].began, 1);
    }
    probe_init(&p, false);
    KCHECK(!work_cancel(&p.work));
    KCHECK(work_queue(&p.work));
    KCHECK(work_cancel(&p.work));
    KCHECK(!work_cancel(&p.work));
    KCHECK_EQ(work_flush(&p.work, 0), 0);
    KCHECK(work_queue(&busy[0].work));
    KCHECK(work_cancel(&busy[0].work)); /* once more, while it runs */
    for (unsigned i = 0; i < WORK_THREADS; i++) {
        event_set(&busy[i].go);
        KCHECK_EQ(work_flush(&busy[i].work, SECONDS(5)), 0);
        KCHECK_EQ(busy[i].runs, 1);
    }
    thread_sleep(MS(2));
    KCHECK_EQ(p.runs, 0);
}

static struct probe crowd[40];
static unsigned crowd_queued;

static void
crowd_run(void *context)
{
    uint64_t random = 777767777 + cpu_number();

    for (unsigned i = 0; i < 500; i++)
        if (work_queue(&crowd[random_next(&random) % 40].work))
            count_up(&crowd_queued);
}

KTEST(work_runs_as_often_as_it_was_queued)
{
    struct crew c = {.count = 0};
    unsigned runs = 0;

    crowd_queued = 0;
    for (unsigned i = 0; i < 40; i++)
        probe_init(&crowd[i], false);
    crew_everywhere(&c, PRIORITY_NORMAL, crowd_run, NULL);
    crew_join(&c);
    for (unsigned i = 0; i < 40; i++) {
        KCHECK_EQ(work_flush(&crowd[i].work, SECONDS(5)), 0);
        runs += crowd[i].runs;
        KCHECK_EQ(crowd[i].overlaps, 0);
    }
    KCHECK_EQ(runs, crowd_queued);
}
