/*
 * What a processor does with nothing to run: looks for threads that wait elsewhere, then sleeps. And how
 * the scheduler begins, on the boot processor and on the others.
 */
#include "kernel/cpu/fpu.h"
#include "kernel/mem/space.h"
#include "kernel/sched/sched_impl.h"
#include "kernel/sync/dispatch.h"
#include "lib/field.h"

PERCPU static struct thread idle_thread;
_Static_assert(CPU_MAX == 64, "one bit for each processor in a uint64_t");

/* The best thread of this queue that may run on processor `here`, taken out. Locks: q->lock held. */
static struct thread *
take_from(struct run_queue *q, uint32_t here)
{
    struct thread *t;

    for (uint32_t ready = q->ready; ready;) {
        unsigned priority = 31 - (unsigned)__builtin_clz(ready);

        list_for_each_entry(t, &q->list[priority], link) {
            if (!thread_may_run_on(t, here))
                continue;
            run_queue_remove(q, t);
            __atomic_store_n(&t->cpu, here, __ATOMIC_RELEASE);
            return t;
        }
        ready &= ~BIT(priority);
    }
    return NULL;
}

/* Bring a waiting thread over from the other processors, the next one first. IRQL: DISPATCH_LEVEL. */
static struct thread *
steal(uint32_t here)
{
    uint64_t rest = __atomic_load_n(&sched_online, __ATOMIC_ACQUIRE) & ~BIT64(here);

    rest = rest >> here | rest << (CPU_MAX - here) % CPU_MAX; /* bit i: processor here + i */
    for (; rest; rest &= rest - 1) {
        uint32_t cpu = (here + (uint32_t)__builtin_ctzll(rest)) % CPU_MAX;
        struct run_queue *q = percpu_of(cpu, run_queue);
        struct thread *t;

        if (!__atomic_load_n(&q->ready, __ATOMIC_RELAXED))
            continue;
        spin_lock_raw(&q->lock);
        t = take_from(q, here);
        spin_unlock_raw(&q->lock);
        if (t)
            return t;
    }
    return NULL;
}

/* Say that this processor idles, then look for work: in this order, see offer() in sched.c. */
static void
look_for_work(struct run_queue *q)
{
    struct thread *t;

    __atomic_fetch_or(&sched_idle, BIT64(q->cpu), __ATOMIC_SEQ_CST);
    t = steal(q->cpu);
    if (!t)
        return;
    __atomic_fetch_and(&sched_idle, ~BIT64(q->cpu), __ATOMIC_RELAXED);
    spin_lock_raw(&q->lock);
    run_queue_add(q, t);
    percpu_this(dispatch_state)->thread = 1;
    spin_unlock_raw(&q->lock);
}

/*
 * An interrupt may have switched to a thread and come back here between the look and the sleep: then the bit is
 * gone, and it is time to look again. One that comes later wakes from the sleep.
 */
_Noreturn static void
idle_loop(void)
{
    struct run_queue *q = percpu_this(run_queue);

    for (;;) {
        uint64_t were_on;

        irql_raise(DISPATCH_LEVEL);
        look_for_work(q);
        dispatch_lower(PASSIVE_LEVEL);
        were_on = interrupts_save();
        if (__atomic_load_n(&sched_idle, __ATOMIC_RELAXED) >> q->cpu & 1)
            context_idle();
        else
            interrupts_restore(were_on);
    }
}

static void
idle_first(void)
{
    sched_first();
    idle_loop();
}

static struct thread *
idle_prepare(void)
{
    struct thread *idle = percpu_this(idle_thread);

    thread_prepare(idle, "idle", PRIORITY_IDLE, BIT64(cpu_number()));
    return idle;
}

void
sched_init(void)
{
    struct thread *first = thread_alloc(), *idle = idle_prepare();
    void *stack = stack_alloc();

    if (!first || !stack)
        panic("sched: no memory for the first threads");
    dispatch_init();
    dispatch_set_switch(sched_preempt);
    thread_prepare(first, "main", PRIORITY_NORMAL, UINT64_MAX);
    thread_list_add(first);
    thread_detach(first);
    context_init(&idle->context, stack, idle_first);
    run_queue_init(first, idle);
    __atomic_fetch_or(&sched_online, BIT64(cpu_number()), __ATOMIC_RELEASE);
}

void
sched_start_secondary(void)
{
    struct thread *idle = idle_prepare();

    ASSERT(percpu_self()->canary == percpu_blocks[0]->canary); /* threads come from other processors */
    dispatch_init();
    run_queue_init(idle, idle);
    __atomic_fetch_or(&sched_online, BIT64(cpu_number()), __ATOMIC_RELEASE);
    irql_lower(PASSIVE_LEVEL);
    interrupts_restore(true);
    idle_loop();
}
