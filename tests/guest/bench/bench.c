/*
 * The benchmarks of the foundation. One line a benchmark in the table at the end.
 */
#include "tests/guest/bench/bench.h"
#include "kernel/console/log.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/marker.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/event.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/timer.h"
#include "lib/field.h"

#define ROUNDS 1000
#define WARM   20 /* rounds before, so that caches and run queues are as usual */
#define TAG    POOL_TAG('b', 'n', 'c', 'h')
#define FAR    SECONDS(3600)

static struct event ping, pong;
static struct thread *partner;
static bool stop;
static struct dpc dpc;
static volatile unsigned dpcs;
static struct mutex mutex;
static struct timer timer;

static void
answer(void *context)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        wait_event(&ping.waitable, WAIT_FOREVER);
        event_set(&pong);
    }
}

static void
take_turns(void *context)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        thread_yield();
}

static void
partner_start(void (*run)(void *))
{
    stop = false;
    event_init(&ping, EVENT_AUTO, false);
    event_init(&pong, EVENT_AUTO, false);
    if (thread_create_on(&partner, "bench", PRIORITY_NORMAL, BIT64(cpu_number()), run, NULL))
        panic("bench: no memory for a thread");
}

static void
partner_stop(void)
{
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    event_set(&ping);
    thread_join(partner, SECONDS(10), NULL);
}

static void
event_begin(void)
{
    partner_start(answer);
}

static void
yield_begin(void)
{
    partner_start(take_turns);
}

/* There and back: two switches. */
static void
event_round(void)
{
    event_set(&ping);
    wait_event(&pong.waitable, WAIT_FOREVER);
}

static void
dpc_run(struct dpc *d, void *context)
{
    dpcs++;
}

static void
dpc_begin(void)
{
    dpc_init(&dpc, dpc_run, NULL);
}

static void
dpc_round(void)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    dpc_queue(&dpc);
    dispatch_lower(old);
}

static void
frame_round(void)
{
    frame_free(frame_alloc(0, 0), 0);
}

static void
pool_round(void)
{
    pool_free(pool_alloc(100, TAG), TAG);
}

static void
timer_begin(void)
{
    timer_init(&timer);
}

static void
timer_round(void)
{
    timer_set(&timer, time_now() + FAR, 0, &dpc);
    timer_cancel(&timer);
}

static void
mutex_begin(void)
{
    mutex_init(&mutex);
}

static void
mutex_round(void)
{
    mutex_lock(&mutex, WAIT_FOREVER);
    mutex_unlock(&mutex);
}

static void
interrupt_round(void)
{
    apic_send_self(VECTOR_DISPATCH);
}

static void
nothing_round(void)
{
}

struct bench {
    const char *name;
    void (*begin)(void), (*round)(void), (*end)(void);
    unsigned divisor; /* what is named happens so often in a round */
};

static const struct bench benches[] = {
    {"an empty round", NULL, nothing_round, NULL, 1},
    {"context switch, woken by an event", event_begin, event_round, partner_stop, 2},
    {"context switch, by yielding", yield_begin, thread_yield, partner_stop, 2},
    {"DPC, queued and run", dpc_begin, dpc_round, NULL, 1},
    {"interrupt to oneself, sent, entered and left", NULL, interrupt_round, NULL, 1},
    {"frame, allocated and freed", NULL, frame_round, NULL, 1},
    {"pool object, allocated and freed", NULL, pool_round, NULL, 1},
    {"timer, set and cancelled", timer_begin, timer_round, NULL, 1},
    {"mutex, locked and unlocked", mutex_begin, mutex_round, NULL, 1},
};

static void
bench_one(const struct bench *b)
{
    if (b->begin)
        b->begin();
    for (unsigned i = 0; i < WARM; i++)
        b->round();
    marker(MARKER_BEGIN);
    for (unsigned i = 0; i < ROUNDS; i++)
        b->round();
    marker(MARKER_END);
    if (b->end)
        b->end();
    log_info("bench: %u %s", ROUNDS * b->divisor, b->name);
}

void
bench_run(void)
{
    thread_set_affinity(thread_current(), BIT64(0));
    for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
        bench_one(&benches[i]);
}
