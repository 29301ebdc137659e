#include "kernel/sync/mutex.h"
#include "tests/guest/kernel/sync/crew.h"

#define MAKERS   4
#define TAKERS   4
#define ITEMS    500 /* of each maker */
#define CAPACITY 7

/* A bounded queue. Everything is under the mutex. */
static struct {
    struct mutex mutex;
    struct cond not_empty, not_full;
    unsigned items[CAPACITY], head, count;
    uint64_t made, taken; /* sums of what went in and came out */
    unsigned made_n, taken_n, most;
} queue;

static void
queue_put(unsigned item)
{
    KCHECK_EQ(mutex_lock(&queue.mutex, SECONDS(20)), 0);
    while (queue.count == CAPACITY)
        KCHECK_EQ(cond_wait(&queue.not_full, &queue.mutex, SECONDS(20)), 0);
    queue.items[(queue.head + queue.count++) % CAPACITY] = item;
    if (queue.count > queue.most)
        queue.most = queue.count;
    queue.made += item;
    queue.made_n++;
    cond_signal(&queue.not_empty);
    mutex_unlock(&queue.mutex);
}

static void
queue_take(void)
{
    KCHECK_EQ(mutex_lock(&queue.mutex, SECONDS(20)), 0);
    while (queue.count == 0)
        KCHECK_EQ(cond_wait(&queue.not_empty, &queue.mutex, SECONDS(20)), 0);
    queue.taken += queue.items[queue.head];
    queue.taken_n++;
    queue.head = (queue.head + 1) % CAPACITY;
    queue.count--;
    cond_signal(&queue.not_full);
    mutex_unlock(&queue.mutex);
}

static void
make_run(void *context)
{
    for (unsigned i = 0; i < ITEMS; i++)
        queue_put((unsigned)(uintptr_t)context * ITEMS + i);
}

static void
take_run(void *context)
{
    for (unsigned i = 0; i < ITEMS; i++)
        queue_take();
}

KTEST(cond_producers_and_consumers)
{
    struct crew c = {.count = 0};

    queue.head = queue.count = queue.made_n = queue.taken_n = queue.most = 0;
    queue.made = queue.taken = 0;
    mutex_init(&queue.mutex);
    cond_init(&queue.not_empty);
    cond_init(&queue.not_full);
    for (unsigned i = 0; i < MAKERS; i++) {
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, make_run, (void *)(uintptr_t)i);
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, take_run, NULL);
    }
    crew_join(&c);
    KCHECK_EQ(queue.made_n, MAKERS * ITEMS);
    KCHECK_EQ(queue.taken_n, TAKERS * ITEMS);
    KCHECK_EQ(queue.made, queue.taken);
    KCHECK_EQ(queue.count, 0);
    KCHECK(queue.most <= CAPACITY && queue.most > 0);
}

KTEST(cond_wait_times_out_and_owns_the_mutex_again)
{
    struct mutex m;
    struct cond c;
    uint64_t start;

    mutex_init(&m);
    cond_init(&c);
    mutex_lock(&m, 0);
    start = time_now();
    KCHECK_EQ(cond_wait(&c, &m, MS(5)), -ETIMEDOUT);
    KCHECK(time_now() - start >= MS(5));
    KCHECK(mutex_held(&m));
    mutex_unlock(&m);
    KCHECK_EQ(cond_signal(&c), 0);
    KCHECK_EQ(cond_broadcast(&c), 0);
}

static struct {
    struct mutex mutex;
    struct cond cond;
    unsigned waiting, woken, go;
} gate;

static void
gate_run(void *context)
{
    mutex_lock(&gate.mutex, SECONDS(10));
    gate.waiting++;
    while (!gate.go)
        KCHECK_EQ(cond_wait(&gate.cond, &gate.mutex, SECONDS(10)), 0);
    gate.go--;
    gate.woken++;
    mutex_unlock(&gate.mutex);
}

/* Let `go` of them through, by `wake`. Whoever waits does so when the mutex is free: it was released for that. */
static unsigned
gate_open(unsigned go, unsigned (*wake)(struct cond *))
{
    unsigned n;

    mutex_lock(&gate.mutex, SECONDS(10));
    gate.go = go;
    n = wake(&gate.cond);
    mutex_unlock(&gate.mutex);
    return n;
}

KTEST(cond_signal_wakes_one_broadcast_all)
{
    struct crew c = {.count = 0};

    mutex_init(&gate.mutex);
    cond_init(&gate.cond);
    gate.waiting = gate.woken = gate.go = 0;
    for (unsigned i = 0; i < 8; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, gate_run, NULL);
    await_count(&gate.waiting, 8);
    KCHECK_EQ(gate_open(1, cond_signal), 1);
    await_count(&gate.woken, 1);
    KCHECK_EQ(gate_open(7, cond_broadcast), 7);
    crew_join(&c);
    KCHECK_EQ(gate.woken, 8);
}
