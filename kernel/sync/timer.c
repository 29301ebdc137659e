/*
 * I1  A timer that is set is in the queue of processor t->cpu, and t->cpu changes only under the lock of the
 *     queue that it names, while the timer is in none.
 * I2  A timer whose fire() runs on processor p stays p's until fire() has returned; so who holds the lock of its
 *     queue knows whether fire() runs.
 * I3  The local APIC timer is armed for the first deadline of the queue or an earlier moment.
 */
#include "kernel/sync/timer.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"

#define NEVER UINT64_MAX

/* [q] lock, DISPATCH_LEVEL */
struct timer_queue {
    spinlock_t lock;
    struct heap heap;      /* [q] */
    struct timer *running; /* [q] its fire() is being called */
    uint64_t armed;        /* [q] moment for which the APIC's timer is armed; NEVER: not */
};
PERCPU static struct timer_queue queue;

void
timer_init_cpu(void)
{
    struct timer_queue *q = percpu_this(queue);

    spin_init(&q->lock, LOCK_TIMER, "timer queue");
    q->armed = NEVER;
}

void
timer_init_call(struct timer *t, void (*fire)(struct timer *t))
{
    *t = (struct timer){.fire = fire, .cpu = cpu_number()};
}

void
timer_init(struct timer *t)
{
    timer_init_call(t, NULL);
}

uint64_t
timer_deadline(uint64_t ns)
{
    uint64_t now = time_now();

    return ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
}

/* Lock the queue that t belongs to. IRQL: DISPATCH_LEVEL. */
static struct timer_queue *
queue_lock_of(const struct timer *t)
{
    for (;;) {
        uint32_t cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
        struct timer_queue *q = percpu_of(cpu, queue);

        spin_lock_raw(&q->lock);
        if (__atomic_load_n(&t->cpu, __ATOMIC_RELAXED) == cpu)
            return q;
        spin_unlock_raw(&q->lock);
    }
}

/* Returns: was it in? Locks: q->lock held, t is q's. */
static bool
queue_remove(struct timer_queue *q, struct timer *t)
{
    if (!t->set)
        return false;
    heap_remove(&q->heap, &t->node);
    t->set = false;
    return true;
}

/* Arm this processor's timer for the first deadline, if that is not so already. Locks: q->lock held. */
static void
queue_arm(struct timer_queue *q)
{
    uint64_t now, deadline = q->heap.top ? q->heap.top->key : NEVER;

    if (deadline >= q->armed)
        return;
    q->armed = deadline;
    now = time_now();
    apic_timer_arm(deadline > now ? deadline - now : 0);
}

/* Like queue_arm(), also for the queue of another processor, which then does it itself. */
static void
queue_arm_on(struct timer_queue *q, uint32_t cpu)
{
    if (cpu == cpu_number()) {
        queue_arm(q);
        return;
    }
    __atomic_store_n(&percpu_of(cpu, dispatch_state)->timer, 1, __ATOMIC_RELEASE);
    smp_kick(cpu);
}

bool
timer_set(struct timer *t, uint64_t deadline, uint64_t period, struct dpc *dpc)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct timer_queue *q = queue_lock_of(t), *here = percpu_this(queue);
    bool was_set;

    while (q != here && !t->set && q->running != t) { /* I1, I2: bring it here */
        __atomic_store_n(&t->cpu, cpu_number(), __ATOMIC_RELEASE);
        spin_unlock_raw(&q->lock);
        q = queue_lock_of(t);
    }
    was_set = queue_remove(q, t);
    t->node.key = deadline;
    t->period = period;
    t->dpc = dpc;
    t->set = true;
    if (heap_insert(&q->heap, &t->node))
        queue_arm_on(q, t->cpu);
    spin_unlock_raw(&q->lock);
    irql_lower(old);
    return was_set;
}

bool
timer_cancel(struct timer *t)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    bool was_set = false;

    for (;;) {
        struct timer_queue *q = queue_lock_of(t);
        bool running = q->running == t && q != percpu_this(queue);

        was_set |= queue_remove(q, t);
        spin_unlock_raw(&q->lock);
        if (!running)
            break;
        cpu_relax();
    }
    irql_lower(old);
    return was_set;
}

bool
timer_is_set(const struct timer *t)
{
    return __atomic_load_n(&t->set, __ATOMIC_RELAXED);
}

/* The next moment of the timer's grid after `now`. */
static uint64_t
period_next(const struct timer *t, uint64_t now)
{
    uint64_t late = now - t->node.key;

    return now > NEVER - t->period ? NEVER : now - late % t->period + t->period;
}

/* Fire one that is due and out of the heap. Locks: q->lock held; given up while fire() runs. */
static void
queue_fire(struct timer_queue *q, struct timer *t, uint64_t now)
{
    t->set = t->period != 0;
    if (t->set) {
        t->node.key = period_next(t, now);
        heap_insert(&q->heap, &t->node);
    }
    if (t->dpc) {
        dpc_queue(t->dpc);
        return;
    }
    q->running = t;
    spin_unlock_raw(&q->lock);
    t->fire(t);
    spin_lock_raw(&q->lock);
    q->running = NULL;
}

void
timer_run_queue(void)
{
    struct timer_queue *q = percpu_this(queue);
    uint64_t now = time_now();

    __atomic_store_n(&percpu_this(dispatch_state)->timer, 0, __ATOMIC_SEQ_CST);
    spin_lock_raw(&q->lock);
    q->armed = NEVER;
    while (q->heap.top && q->heap.top->key <= now) {
        struct timer *t = container_of(q->heap.top, struct timer, node);

        heap_remove(&q->heap, &t->node);
        queue_fire(q, t, now);
    }
    queue_arm(q);
    spin_unlock_raw(&q->lock);
}

/* The APIC's timer has gone off. IRQL: CLOCK_LEVEL. */
void
timer_clock(void)
{
    uint64_t were_on = interrupts_save();

    __atomic_store_n(&percpu_this(dispatch_state)->timer, 1, __ATOMIC_RELEASE);
    dispatch_want();
    interrupts_restore(were_on);
}
