/*
 * I1  `available` counts the items in the list; a cancelled one leaves a count behind, for which a thread
 *     wakes and finds nothing.
 * I2  An item that is queued while it runs is not in the list: the thread that runs it has `again` set and runs it
 *     once more. So an item runs on one thread at a time.
 */
#include "kernel/sync/work.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/event.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"

/* [q] lock */
struct worker {
    struct work *current; /* [q] the item being run; its memory may be gone already */
    bool again;           /* [q] I2; then it is not */
};

/* One work_flush() that waits. */
struct flush {
    struct list link;  /* [q] */
    struct work *work; /* [I] */
    struct event done;
};

static spinlock_t lock = SPINLOCK(LOCK_WORK, "work");
static struct list items = LIST_INIT(items);     /* [q] */
static struct list flushes = LIST_INIT(flushes); /* [q] */
static struct worker workers[WORK_THREADS];
static struct semaphore available;

void
work_item_init(struct work *w, void (*run)(struct work *w))
{
    *w = (struct work){.run = run};
    list_init(&w->link);
}

/* The thread that runs this item, or NULL. Locks: lock held. */
static struct worker *
worker_of(const struct work *w)
{
    for (unsigned i = 0; i < WORK_THREADS; i++)
        if (workers[i].current == w)
            return &workers[i];
    return NULL;
}

/* The item neither waits nor runs: tell those who wait for that. Locks: lock held. */
static void
flushes_end(const struct work *w)
{
    struct flush *f;

    list_for_each_entry(f, &flushes, link)
        if (f->work == w)
            event_set(&f->done);
}

bool
work_queue(struct work *w)
{
    uint8_t old = spin_lock(&lock);
    struct worker *running;
    bool queued = !w->queued;

    if (!queued) {
        spin_unlock(&lock, old);
        return false;
    }
    w->queued = true;
    running = worker_of(w);
    if (running)
        running->again = true;
    else
        list_add_tail(&items, &w->link);
    spin_unlock_raw(&lock);
    if (!running)
        semaphore_release(&available, 1);
    dispatch_lower(old);
    return true;
}

bool
work_cancel(struct work *w)
{
    uint8_t old = spin_lock(&lock);
    bool was_queued = w->queued;
    struct worker *running = worker_of(w);

    if (was_queued) {
        w->queued = false;
        if (running)
            running->again = false;
        else
            flushes_end(w);
        list_del(&w->link);
    }
    spin_unlock_raw(&lock);
    dispatch_lower(old);
    return was_queued;
}

int
work_flush(struct work *w, uint64_t timeout)
{
    struct flush f = {.work = w};
    uint8_t old;
    bool idle;
    int result;

    assert_irql(PASSIVE_LEVEL);
    event_init(&f.done, EVENT_MANUAL, false);
    old = spin_lock(&lock);
    idle = !w->queued && !worker_of(w);
    if (!idle)
        list_add_tail(&flushes, &f.link);
    spin_unlock(&lock, old);
    if (idle)
        return 0;
    result = wait_event(&f.done.waitable, timeout);
    old = spin_lock(&lock);
    list_del(&f.link);
    spin_unlock(&lock, old);
    return result;
}

/* Begin the next item, the same once more if it was queued meanwhile. Returns NULL if there is none. */
static struct work *
next_item(struct worker *me)
{
    uint8_t old = spin_lock(&lock);
    struct work *done = me->current, *w = NULL;

    if (me->again) {
        w = done;
    } else if (done) {
        me->current = NULL;
        flushes_end(done);
    } else if (!list_empty(&items)) {
        w = list_entry(list_pop(&items), struct work, link);
    }
    me->again = false;
    if (w) {
        w->queued = false;
        me->current = w;
    }
    spin_unlock_raw(&lock);
    dispatch_lower(old);
    return w;
}

static void
worker_run(void *context)
{
    struct worker *me = context;
    struct work *w;

    for (;;) {
        wait_event(&available.waitable, WAIT_FOREVER);
        while ((w = next_item(me)) != NULL) {
            w->run(w);
            DEBUG_ASSERT(irql_current() == PASSIVE_LEVEL);
        }
    }
}

int
work_init(void)
{
    semaphore_init(&available, 0, INT32_MAX);
    for (unsigned i = 0; i < WORK_THREADS; i++) {
        struct thread *t;
        int err = thread_create(&t, "worker", PRIORITY_HIGH, worker_run, &workers[i]);

        if (err)
            return err;
        thread_detach(t);
    }
    return 0;
}
