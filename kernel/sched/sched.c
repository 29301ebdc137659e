#include "kernel/cpu/smp.h"
#include "kernel/sched/sched_impl.h"
#include "kernel/cpu/user.h"
#include "kernel/sync/dispatch.h"
#include "lib/field.h"

PERCPU struct run_queue run_queue;
uint64_t sched_online;
uint64_t sched_idle;

static void slice_fire(struct timer *timer);

void
run_queue_init(struct thread *current, struct thread *idle)
{
    struct run_queue *q = percpu_this(run_queue);

    spin_init(&q->lock, LOCK_RUNQUEUE, "run queue");
    q->cpu = cpu_number();
    q->current = current;
    q->priority = current->priority;
    q->idle = idle;
    timer_init_call(&q->slice, slice_fire);
    for (unsigned p = 0; p < PRIORITIES; p++)
        list_init(&q->list[p]);
    current->state = THREAD_RUNNING;
    current->switched_in = context_ticks();
    percpu_self()->thread = current;
    percpu_self()->idle_thread = idle;
}

/* -- the queue */

static unsigned
highest_bit(uint32_t bits)
{
    return 31 - (unsigned)__builtin_clz(bits);
}

/* Anyone of this priority or above waiting? */
static bool
waiting_from(const struct run_queue *q, unsigned priority)
{
    return (uint64_t)q->ready >> priority != 0;
}

static bool
waiting_at(const struct run_queue *q, unsigned priority)
{
    return q->ready >> priority & 1;
}

void
run_queue_add(struct run_queue *q, struct thread *t)
{
    list_add_tail(&q->list[t->priority], &t->link);
    q->ready |= BIT(t->priority);
    t->queued = true;
    t->state = THREAD_READY;
    t->slice_start = t->run_ticks;
}

/* A thread that was interrupted in its slice stays the first of its priority, and keeps what is left. */
static void
queue_add_first(struct run_queue *q, struct thread *t)
{
    list_add_head(&q->list[t->priority], &t->link);
    q->ready |= BIT(t->priority);
    t->queued = true;
    t->state = THREAD_READY;
}

void
run_queue_remove(struct run_queue *q, struct thread *t)
{
    list_del(&t->link);
    if (list_empty(&q->list[t->priority]))
        q->ready &= ~BIT(t->priority);
    t->queued = false;
}

struct run_queue *
run_queue_lock_of(const struct thread *t)
{
    for (;;) {
        uint32_t cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
        struct run_queue *q = percpu_of(cpu, run_queue);

        spin_lock_raw(&q->lock);
        if (__atomic_load_n(&t->cpu, __ATOMIC_RELAXED) == cpu)
            return q;
        spin_unlock_raw(&q->lock);
    }
}

/* -- the switch */

static struct thread *
queue_best(struct run_queue *q)
{
    struct thread *t;

    if (!q->ready)
        return q->idle;
    t = list_entry(q->list[highest_bit(q->ready)].next, struct thread, link);
    run_queue_remove(q, t);
    return t;
}

static void
account(struct thread *t, uint64_t now)
{
    t->run_ticks += now - t->switched_in;
    t->switched_in = now;
}

void
sched_switch(struct run_queue *q, struct thread *from)
{
    struct thread *to = queue_best(q);
    uint64_t now = context_ticks();

    from->run_ticks += now - from->switched_in;
    to->switched_in = now;
    to->switches++;
    to->state = THREAD_RUNNING;
    q->switches++;
    q->current = to;
    q->priority = to->priority;
    /* An equal one waits and no slice is measured: have sched_preempt() come once more, to set the timer. */
    percpu_this(dispatch_state)->thread = waiting_at(q, to->priority) && !q->slice_armed;
    percpu_self()->thread = to;
    if (to->context.user)
        user_switch(to->context.user, (uintptr_t)to->stack);
    context_switch(&from->context, &to->context);
    spin_unlock_raw(&percpu_this(run_queue)->lock);
}

void
sched_first(void)
{
    spin_unlock_raw(&percpu_this(run_queue)->lock);
    dispatch_lower(PASSIVE_LEVEL);
}

bool
sched_block(void)
{
    struct run_queue *q = percpu_this(run_queue);
    struct thread *t = thread_current();
    int32_t armed = __atomic_load_n(&t->wait_state, __ATOMIC_RELAXED);

    spin_lock_raw(&q->lock);
    if ((armed != WAIT_ARMED && armed != WAIT_ARMED_OPEN) ||
        !__atomic_compare_exchange_n(&t->wait_state, &armed, armed + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        spin_unlock_raw(&q->lock);
        return false;
    }
    DEBUG_ASSERT(t != q->idle);
    t->state = THREAD_BLOCKED;
    sched_switch(q, t);
    return true;
}

/* -- time slices */

/* Ticks that the running thread may still run. Locks: q->lock held. */
static uint64_t
slice_left(const struct run_queue *q)
{
    const struct thread *t = q->current;
    uint64_t used = t->run_ticks + (context_ticks() - t->switched_in) - t->slice_start;
    uint64_t slice = THREAD_SLICE * (tsc_frequency() / 1000) / 1000000;

    return used < slice ? slice - used : 0;
}

/* After unlocking, when slice_armed was set. */
static void
slice_arm(struct run_queue *q, uint64_t ticks)
{
    timer_set(&q->slice, timer_deadline(ticks_to_ns(ticks)), 0, NULL);
}

/* Have the processor of q look for a better thread. */
static void
preempt_request(const struct run_queue *q)
{
    __atomic_store_n(&percpu_of(q->cpu, dispatch_state)->thread, 1, __ATOMIC_RELEASE);
}

static void
slice_fire(struct timer *timer)
{
    struct run_queue *q = container_of(timer, struct run_queue, slice);
    uint64_t left = 0;
    bool waiting;

    spin_lock_raw(&q->lock);
    waiting = waiting_at(q, q->current->priority);
    if (waiting) {
        left = slice_left(q);
        if (left == 0) {
            q->slice_over = true;
            preempt_request(q);
        }
    }
    q->slice_armed = left > 0;
    spin_unlock_raw(&q->lock);
    if (left > 0)
        slice_arm(q, left);
    else if (waiting && q->cpu != cpu_number())
        smp_kick(q->cpu);
}

/*
 * A thread waits in a queue: wake a processor that idles, to take it over. One that goes idle just now may have
 * looked at the queue too soon; then it is seen here. (It sets its bit, then looks at the queues; here a queue was
 * filled, then the bits are looked at.)
 */
static void
offer(uint64_t affinity)
{
    uint64_t idle;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    idle = __atomic_load_n(&sched_idle, __ATOMIC_RELAXED) & affinity;
    if (idle)
        smp_kick((uint32_t)__builtin_ctzll(idle));
}

/* The running thread stays. Locks: q->lock held, given up. */
static void
preempt_not(struct run_queue *q, struct thread *t)
{
    bool arm = waiting_at(q, t->priority) && !q->slice_armed;
    uint64_t left = 0;

    q->priority = t->priority;
    if (arm) {
        q->slice_armed = true;
        left = slice_left(q);
    }
    spin_unlock_raw(&q->lock);
    if (arm)
        slice_arm(q, left);
}

void
sched_preempt(void)
{
    struct run_queue *q = percpu_this(run_queue);
    struct thread *t = thread_current();
    bool over, away = !thread_may_run_on(t, q->cpu);

    if (away)
        dpc_queue(&t->left_dpc); /* comes when another thread runs here */
    spin_lock_raw(&q->lock);
    __atomic_store_n(&percpu_this(dispatch_state)->thread, 0, __ATOMIC_RELAXED);
    over = q->slice_over && !waiting_from(q, t->priority + 1);
    q->slice_over = false;
    if (away) {
        t->state = THREAD_READY;
    } else if (!waiting_from(q, t->priority + !over)) {
        preempt_not(q, t);
        return;
    } else if (t != q->idle) {
        account(t, context_ticks());
        if (over)
            run_queue_add(q, t);
        else
            queue_add_first(q, t);
        offer(t->affinity);
    }
    sched_switch(q, t);
}

void
thread_yield(void)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct run_queue *q = percpu_this(run_queue);
    struct thread *t = thread_current();

    spin_lock_raw(&q->lock);
    if (waiting_from(q, t->priority)) {
        account(t, context_ticks());
        run_queue_add(q, t);
        sched_switch(q, t);
    } else {
        spin_unlock_raw(&q->lock);
    }
    dispatch_lower(old);
}

/* -- making threads ready */

static uint8_t
priority_on(uint32_t cpu)
{
    return __atomic_load_n(&percpu_of(cpu, run_queue)->priority, __ATOMIC_RELAXED);
}

/* The processor that runs what is least important. */
static uint32_t
least_busy(uint64_t allowed)
{
    uint32_t best = (uint32_t)__builtin_ctzll(allowed);

    for (uint64_t rest = allowed & (allowed - 1); rest; rest &= rest - 1) {
        uint32_t cpu = (uint32_t)__builtin_ctzll(rest);

        if (priority_on(cpu) < priority_on(best))
            best = cpu;
    }
    return best;
}

/*
 * Where a thread is to run: here if this processor idles (no interrupt is needed), where it was if that one
 * idles, on any that idles; else where it preempts, its last processor preferred; else where it was.
 */
static uint32_t
place(const struct thread *t)
{
    uint32_t here = cpu_number(), last = t->cpu, other;
    uint64_t allowed = t->affinity & __atomic_load_n(&sched_online, __ATOMIC_ACQUIRE);
    uint64_t idle = allowed & __atomic_load_n(&sched_idle, __ATOMIC_RELAXED);

    if (allowed == BIT64(last))
        return last;
    if (idle)
        return idle >> here & 1 ? here : idle >> last & 1 ? last : (uint32_t)__builtin_ctzll(idle);
    if (allowed >> last & 1 && priority_on(last) < t->priority)
        return last;
    if (allowed >> here & 1 && priority_on(here) < t->priority)
        return here;
    other = least_busy(allowed);
    return allowed >> last & 1 && priority_on(other) >= t->priority ? last : other;
}

/* Move a thread that is in no run queue to processor `cpu`. When this returns it has left its stack (I3). */
static void
move(struct thread *t, uint32_t cpu)
{
    struct run_queue *from = percpu_of(t->cpu, run_queue);

    spin_lock_raw(&from->lock);
    __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELEASE);
    spin_unlock_raw(&from->lock);
}

/* t has been put into q, or raised there: does it preempt? Locks: q->lock held. */
static bool
preempts(struct run_queue *q, const struct thread *t)
{
    if (t->priority <= q->priority)
        return false;
    if (q->priority == PRIORITY_IDLE)
        __atomic_fetch_and(&sched_idle, ~BIT64(q->cpu), __ATOMIC_RELAXED);
    q->priority = t->priority;
    preempt_request(q);
    return true;
}

void
sched_wake(struct thread *t)
{
    uint32_t cpu = place(t);
    struct run_queue *q = percpu_of(cpu, run_queue);
    uint64_t affinity = t->affinity;
    bool preempt, arm = false;

    if (cpu != t->cpu)
        move(t, cpu);
    spin_lock_raw(&q->lock);
    run_queue_add(q, t);
    preempt = preempts(q, t);
    if (!preempt) {
        arm = t->priority == q->priority && !q->slice_armed;
        q->slice_armed |= arm;
    }
    spin_unlock_raw(&q->lock); /* from here on t may run, and end */
    if (preempt) {
        if (cpu != cpu_number())
            smp_kick(cpu);
        return;
    }
    if (arm)
        timer_set(&q->slice, timer_deadline(THREAD_SLICE), 0, NULL);
    offer(affinity);
}

void
sched_set_priority(struct thread *t, uint8_t priority)
{
    struct run_queue *q = run_queue_lock_of(t);
    bool preempt = false;

    if (t->queued) {
        run_queue_remove(q, t);
        t->priority = priority;
        run_queue_add(q, t);
        preempt = preempts(q, t);
    } else {
        t->priority = priority;
        if (q->current == t && t->state == THREAD_RUNNING) {
            q->priority = priority;
            preempt = waiting_from(q, priority + 1u);
            if (preempt)
                preempt_request(q);
        }
    }
    spin_unlock_raw(&q->lock);
    if (preempt && q->cpu != cpu_number())
        smp_kick(q->cpu);
}

/* -- where threads may run */

int
thread_set_affinity(struct thread *t, uint64_t affinity)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct run_queue *q;
    bool moved = false, request = false;

    if (!(affinity & __atomic_load_n(&sched_online, __ATOMIC_ACQUIRE))) {
        irql_lower(old);
        return -EINVAL;
    }
    q = run_queue_lock_of(t);
    t->affinity = affinity;
    if (thread_may_run_on(t, q->cpu)) {
        if (t->queued)
            offer(affinity);
    } else {
        moved = t->queued;
        request = t->state == THREAD_RUNNING;
        if (moved)
            run_queue_remove(q, t);
        if (request)
            preempt_request(q);
    }
    spin_unlock_raw(&q->lock);
    if (moved)
        sched_wake(t);
    if (request && q->cpu != cpu_number())
        smp_kick(q->cpu);
    dispatch_lower(old);
    return 0;
}

uint64_t
ticks_to_ns(uint64_t ticks)
{
    uint64_t hz = tsc_frequency();

    return hz ? ticks / hz * SECONDS(1) + ticks % hz * SECONDS(1) / hz : 0;
}

uint64_t
sched_switches(uint32_t cpu)
{
    return percpu_of(cpu, run_queue)->switches;
}

uint64_t
sched_idle_ns(uint32_t cpu)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct run_queue *q = percpu_of(cpu, run_queue);
    uint64_t ticks;

    spin_lock_raw(&q->lock);
    ticks = q->idle->run_ticks;
    if (q->current == q->idle)
        ticks += context_ticks() - q->idle->switched_in;
    spin_unlock(&q->lock, old);
    return ticks_to_ns(ticks);
}
