#include "kernel/sync/dpc.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/event.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/spin.h"
#include "kernel/trace/trace.h"

#define BATCH 32 /* DPCs run before expired timers and a better thread are looked at again */

enum { DPC_IDLE, DPC_ENTERING, DPC_QUEUED }; /* struct dpc.queued */

/* [q] lock, interrupts off */
struct dpc_queue {
    spinlock_t lock;
    struct list list;  /* [q] struct dpc, next to run first */
    uint64_t count;    /* [a] run; this processor only */
    struct dpc marker; /* [flush_lock] */
};
PERCPU static struct dpc_queue queue;

/* One dpc_flush() at a time. */
struct flush {
    struct event done;
    uint32_t left; /* [a] markers that have not run, and the one who sends them */
};
static struct mutex flush_lock;

void
dpc_init_cpu(void)
{
    struct dpc_queue *q = percpu_this(queue);

    spin_init(&q->lock, LOCK_DPC, "dpc queue");
    list_init(&q->list);
    if (cpu_number() == 0)
        mutex_init(&flush_lock);
}

void
dpc_init(struct dpc *d, void (*run)(struct dpc *d, void *context), void *context)
{
    *d = (struct dpc){.run = run, .context = context, .target = DPC_ANY_CPU, .importance = DPC_MEDIUM};
    list_init(&d->link);
}

/* Have the queue of processor `cpu` run. Interrupts off; leaves them as they were. */
static void
queue_wake(uint32_t cpu, uint64_t were_on)
{
    uint8_t old = irql_current();

    __atomic_store_n(&percpu_of(cpu, dispatch_state)->dpc, 1, __ATOMIC_RELEASE);
    if (cpu != cpu_number()) {
        smp_kick(cpu);
        interrupts_restore(were_on);
    } else if (old < DISPATCH_LEVEL && were_on) {
        irql_set(DISPATCH_LEVEL);
        interrupts_restore(were_on);
        dispatch_lower(old);
    } else {
        dispatch_want();
        interrupts_restore(were_on);
    }
}

bool
dpc_queue(struct dpc *d)
{
    uint64_t were_on = interrupts_save();
    uint32_t here = cpu_number();
    uint32_t cpu = d->target == here || d->target == DPC_ANY_CPU || !dispatch_online(d->target) ? here
                                                                                                : d->target;
    struct dpc_queue *q = percpu_of(cpu, queue);
    uint8_t idle = DPC_IDLE;

    if (!__atomic_compare_exchange_n(&d->queued, &idle, DPC_ENTERING, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        interrupts_restore(were_on);
        return false;
    }
    spin_lock_raw(&q->lock);
    d->cpu = cpu;
    if (d->importance == DPC_HIGH)
        list_add_head(&q->list, &d->link);
    else
        list_add_tail(&q->list, &d->link);
    __atomic_store_n(&d->queued, DPC_QUEUED, __ATOMIC_RELEASE);
    spin_unlock_raw(&q->lock);
    queue_wake(cpu, were_on);
    return true;
}

bool
dpc_cancel(struct dpc *d)
{
    uint8_t queued;

    while ((queued = __atomic_load_n(&d->queued, __ATOMIC_ACQUIRE)) != DPC_IDLE) {
        uint32_t cpu = __atomic_load_n(&d->cpu, __ATOMIC_ACQUIRE);
        struct dpc_queue *q = percpu_of(cpu, queue);
        uint64_t were_on;
        bool here;

        if (queued == DPC_ENTERING) { /* another processor is about to put it in, interrupts off */
            cpu_relax();
            continue;
        }
        were_on = spin_lock_interrupts(&q->lock);
        here = d->queued == DPC_QUEUED && d->cpu == cpu;
        if (here) {
            list_del(&d->link);
            __atomic_store_n(&d->queued, DPC_IDLE, __ATOMIC_RELEASE);
        }
        spin_unlock_interrupts(&q->lock, were_on);
        if (here)
            return true;
    }
    return false;
}

/* Take the next one out, if there still is one, and run it. */
static void
queue_run_one(struct dpc_queue *q)
{
    uint64_t were_on = spin_lock_interrupts(&q->lock);
    struct list *link = list_pop(&q->list);
    struct dpc *d;
    void (*run)(struct dpc *, void *);
    void *context;

    if (!link) {
        spin_unlock_interrupts(&q->lock, were_on);
        return;
    }
    d = list_entry(link, struct dpc, link);
    run = d->run;
    context = d->context;
    __atomic_store_n(&d->queued, DPC_IDLE, __ATOMIC_RELEASE);
    q->count++;
    spin_unlock_interrupts(&q->lock, were_on);
    trace(TRACE_DPC, (uintptr_t)run);
    run(d, context);
    trace(TRACE_DPC_END, (uintptr_t)run);
    DEBUG_ASSERT(irql_current() == DISPATCH_LEVEL);
}

void
dpc_run_queue(void)
{
    struct dpc_queue *q = percpu_this(queue);
    struct dispatch *state = percpu_this(dispatch_state);

    __atomic_store_n(&state->dpc, 0, __ATOMIC_SEQ_CST); /* before the look: who comes later sets it again */
    for (unsigned i = 0; i < BATCH; i++) {
        if (list_empty(&q->list))
            return;
        queue_run_one(q);
    }
    __atomic_store_n(&state->dpc, 1, __ATOMIC_RELEASE);
}

static void
flush_arrive(struct flush *f)
{
    if (__atomic_sub_fetch(&f->left, 1, __ATOMIC_ACQ_REL) == 0)
        event_set(&f->done);
}

static void
marker_run(struct dpc *d, void *context)
{
    flush_arrive(context);
}

/* Markers go to the end of every queue; when they have run, so has all that was before them. */
void
dpc_flush(void)
{
    struct flush f = {.left = 1};

    assert_irql(PASSIVE_LEVEL);
    event_init(&f.done, EVENT_MANUAL, false);
    mutex_lock(&flush_lock, WAIT_FOREVER);
    for (uint32_t cpu = 0; cpu < cpu_count(); cpu++) {
        struct dpc *marker = &percpu_of(cpu, queue)->marker;

        if (!dispatch_online(cpu))
            continue;
        dpc_init(marker, marker_run, &f);
        dpc_set_target(marker, cpu);
        __atomic_add_fetch(&f.left, 1, __ATOMIC_RELAXED);
        dpc_queue(marker);
    }
    flush_arrive(&f);
    wait_event(&f.done.waitable, WAIT_FOREVER);
    mutex_unlock(&flush_lock);
}

uint64_t
dpc_count(uint32_t cpu)
{
    return percpu_of(cpu, queue)->count;
}
