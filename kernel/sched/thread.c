/*
 * Beginning and end of threads.
 *
 * I1  A thread that ends leaves its stack for good by switching away; a DPC that it left on its processor runs
 *     after that (both at DISPATCH_LEVEL), and says so.
 * I2  The memory of a thread is freed once, at PASSIVE_LEVEL, by whoever comes second: its end or
 *     thread_detach(); or by thread_join(), which waits for the end. `fate` decides it.
 */
#include "kernel/cpu/fpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sched/sched_impl.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/mutex.h"
#include "lib/field.h"
#include "lib/string.h"

#define TAG POOL_TAG('t', 'h', 'r', 'd')

enum thread_fate { FATE_OPEN, FATE_ENDED, FATE_DETACHED };

static spinlock_t list_lock = SPINLOCK(LOCK_THREAD, "thread list");
static struct list threads = LIST_INIT(threads); /* [t] by ascending id */
static uint64_t last_id;                         /* [t] */

/* -- memory */

struct thread *
thread_alloc(void)
{
    struct thread *t = pool_zalloc(sizeof(*t) + FPU_ALIGN + fpu_area_size(), TAG);

    if (!t)
        return NULL;
    t->context.fpu = (void *)ALIGN_UP((uintptr_t)(t + 1), (uintptr_t)FPU_ALIGN);
    fpu_area_init(t->context.fpu);
    return t;
}

void
thread_list_add(struct thread *t)
{
    uint8_t old = spin_lock(&list_lock);

    t->id = ++last_id;
    list_add_tail(&threads, &t->all);
    spin_unlock(&list_lock, old);
}

/* It has left its stack, and nobody knows it any more. PASSIVE_LEVEL. */
static void
thread_free(struct thread *t)
{
    uint8_t old = spin_lock(&list_lock);

    list_del(&t->all);
    spin_unlock(&list_lock, old);
    if (t->stack)
        stack_free(t->stack);
    pool_free(t, TAG);
}

static void
reap(struct work *w)
{
    thread_free(container_of(w, struct thread, reap));
}

/* I1. The thread has ended, or has only left a processor on which it may not run any more (sched_preempt()). */
static void
thread_left(struct dpc *d, void *context)
{
    struct thread *t = context;

    if (t->state != THREAD_ENDED)
        sched_wake(t);
    else if (__atomic_exchange_n(&t->fate, FATE_ENDED, __ATOMIC_ACQ_REL) == FATE_DETACHED)
        work_queue(&t->reap);
    else
        event_set(&t->ended);
}

void
thread_prepare(struct thread *t, const char *name, unsigned priority, uint64_t affinity)
{
    strlcpy(t->name, name, sizeof(t->name));
    t->cpu = cpu_number();
    t->priority = t->base_priority = (uint8_t)priority;
    t->state = THREAD_READY;
    t->affinity = affinity;
    list_init(&t->link);
    list_init(&t->contended);
    list_init(&t->all);
    event_init(&t->ended, EVENT_MANUAL, false);
    dpc_init(&t->left_dpc, thread_left, t);
    work_item_init(&t->reap, reap);
}

/* -- beginning */

static void
thread_begin(void)
{
    struct thread *t;

    sched_first();
    t = thread_current();
    t->run(t->run_context);
    thread_exit(0);
}

int
thread_create_stopped(struct thread **out, const char *name, unsigned priority, uint64_t affinity,
                      void (*run)(void *context), void *context)
{
    struct thread *t;

    assert_irql(PASSIVE_LEVEL);
    if (priority < PRIORITY_LOWEST || priority > PRIORITY_HIGHEST)
        return -EINVAL;
    if (!(affinity & __atomic_load_n(&sched_online, __ATOMIC_ACQUIRE)))
        return -EINVAL;
    t = thread_alloc();
    if (!t)
        return -ENOMEM;
    t->stack = stack_alloc();
    if (!t->stack) {
        pool_free(t, TAG);
        return -ENOMEM;
    }
    thread_prepare(t, name, priority, affinity);
    t->run = run;
    t->run_context = context;
    context_init(&t->context, t->stack, thread_begin);
    thread_list_add(t);
    *out = t;
    return 0;
}

void
thread_start(struct thread *t)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    t->cpu = cpu_number();
    sched_wake(t);
    dispatch_lower(old);
}

void
thread_drop(struct thread *t)
{
    thread_free(t);
}

int
thread_create_on(struct thread **out, const char *name, unsigned priority, uint64_t affinity,
                 void (*run)(void *context), void *context)
{
    int err = thread_create_stopped(out, name, priority, affinity, run, context);

    if (!err)
        thread_start(*out);
    return err;
}

int
thread_create(struct thread **out, const char *name, unsigned priority, void (*run)(void *context),
              void *context)
{
    return thread_create_on(out, name, priority, UINT64_MAX, run, context);
}

/* -- end */

void
thread_exit(int code)
{
    struct thread *t = thread_current();
    struct run_queue *q;

    assert_irql(PASSIVE_LEVEL);
    t->exit_code = code;
    irql_raise(DISPATCH_LEVEL);
    ASSERT(list_empty(&t->contended));
    dpc_queue(&t->left_dpc);
    q = percpu_this(run_queue);
    spin_lock_raw(&q->lock);
    t->state = THREAD_ENDED;
    sched_switch(q, t);
    panic("thread %s runs after its end", t->name);
}

int
thread_join(struct thread *t, uint64_t timeout, int *code)
{
    int result = wait_event(&t->ended.waitable, timeout);

    assert_irql(PASSIVE_LEVEL);
    if (result)
        return result;
    if (code)
        *code = t->exit_code;
    thread_free(t);
    return 0;
}

void
thread_detach(struct thread *t)
{
    assert_irql(PASSIVE_LEVEL);
    if (__atomic_exchange_n(&t->fate, FATE_DETACHED, __ATOMIC_ACQ_REL) == FATE_ENDED)
        thread_join(t, WAIT_FOREVER, NULL);
}

/* -- the rest of the interface */

void
thread_interrupt(struct thread *t)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    __atomic_store_n(&t->context.user_work, 1, __ATOMIC_SEQ_CST);
    if (wait_interrupt(t))
        sched_wake(t);
    else if (t != thread_current())
        smp_kick(__atomic_load_n(&t->cpu, __ATOMIC_RELAXED));
    dispatch_lower(old);
}

int
thread_set_priority(struct thread *t, unsigned priority)
{
    int old = t->base_priority;

    if (priority < PRIORITY_LOWEST || priority > PRIORITY_HIGHEST)
        return -EINVAL;
    mutex_set_base_priority(t, (uint8_t)priority);
    return old;
}

/* A wait for what never comes. */
void
thread_sleep(uint64_t ns)
{
    struct waitable never;

    DEBUG_ASSERT(ns != WAIT_FOREVER);
    waitable_init(&never, WAIT_NOTIFICATION, 0, "sleep");
    wait_event(&never, ns);
}

/* Locks: the run queue that t belongs to. */
static uint64_t
run_ticks(const struct thread *t)
{
    return t->run_ticks + (t->state == THREAD_RUNNING ? context_ticks() - t->switched_in : 0);
}

uint64_t
thread_time(const struct thread *t)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct run_queue *q = run_queue_lock_of(t);
    uint64_t ticks = run_ticks(t);

    spin_unlock_raw(&q->lock);
    irql_lower(old);
    return ticks_to_ns(ticks);
}

static void
info_fill(struct thread_info *i, const struct thread *t)
{
    struct run_queue *q = run_queue_lock_of(t);
    *i = (struct thread_info){.id = t->id,
                              .state = t->state,
                              .priority = t->priority,
                              .base_priority = t->base_priority,
                              .cpu = t->cpu,
                              .affinity = t->affinity,
                              .run_ns = ticks_to_ns(run_ticks(t)),
                              .switches = t->switches};
    spin_unlock_raw(&q->lock);
    strlcpy(i->name, t->name, sizeof(i->name));
}

/* The first thread with an id above `id`. Returns false if there is none. */
static bool
info_next(uint64_t id, struct thread_info *i)
{
    uint8_t old = spin_lock(&list_lock);
    const struct thread *t;
    bool found = false;

    list_for_each_entry(t, &threads, all) {
        found = t->id > id;
        if (found) {
            info_fill(i, t);
            i->stack_used = t->stack ? stack_high_water(t->stack) : 0;
            break;
        }
    }
    spin_unlock(&list_lock, old);
    return found;
}

void
thread_for_each(void (*show)(void *context, const struct thread_info *i), void *context)
{
    struct thread_info i = {.id = 0};

    assert_irql(PASSIVE_LEVEL);
    while (info_next(i.id, &i))
        show(context, &i);
}
