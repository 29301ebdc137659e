/*
 * Tasks: the threads of programs, and when all of them are to end.
 *
 * I1  A task is in its process's list from task_start() to task_leave(); who finds it there under process->lock may use
 *     it as long as the lock is held.
 * I2  A process that is `exiting` gets no further task; each of its tasks was interrupted, so it sees it when it
 *     leaves the kernel.
 */
#include "kernel/mem/pool.h"
#include "kernel/sched/process_impl.h"

#define TAG POOL_TAG('t', 'a', 's', 'k')

static unsigned count; /* [a] */

struct process *
process_current(void)
{
    struct task *t = task_current();

    return t ? t->process : NULL;
}

unsigned
task_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

/* The process's number for its first task, else one of its own. */
static struct number *
number_for(struct process *p)
{
    struct number *n = NULL;
    uint8_t old = spin_lock(&numbers_lock);

    if (p->task_count == 0)
        n = number_get(p->number);
    spin_unlock(&numbers_lock, old);
    return n ? n : number_new();
}

static void
number_drop(struct number *n)
{
    uint8_t old = spin_lock(&numbers_lock);

    number_put(n);
    spin_unlock(&numbers_lock, old);
}

int
task_new(struct process *p, void (*run)(void *task), struct task **out)
{
    struct task *t;
    int err = -ENOMEM;

    if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) > p->limits[RLIMIT_NPROC].now) {
        err = -EAGAIN;
        goto count;
    }
    t = pool_zalloc(sizeof(*t), TAG);
    if (!t)
        goto count;
    t->number = number_for(p);
    if (!t->number)
        goto task;
    err = thread_create_stopped(&t->thread, p->name, PRIORITY_NORMAL, UINT64_MAX, run, t);
    if (err)
        goto number;
    process_get(p);
    t->process = p;
    t->tid = t->number->value;
    t->context.root = vm_root(p->space);
    t->thread->task = t;
    t->thread->context.user = &t->context;
    list_init(&t->link);
    list_init(&t->queued);
    t->start_ns = time_now();
    *out = t;
    return 0;
number:
    number_drop(t->number);
task:
    pool_free(t, TAG);
count:
    __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
    return err;
}

void
task_drop(struct task *t)
{
    thread_drop(t->thread);
    number_drop(t->number);
    process_put(t->process);
    pool_free(t, TAG);
    __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
}

int
task_start(struct task *t)
{
    struct process *p = t->process;
    struct thread *thread = t->thread;
    uint8_t old = spin_lock(&numbers_lock);
    bool ending;

    spin_lock_raw(&p->lock);
    ending = p->task_count && (p->exiting || task_current()->ending);
    if (!ending) {
        list_add_tail(&p->tasks, &t->link);
        p->task_count++;
        t->number->task = t;
    }
    spin_unlock_raw(&p->lock);
    spin_unlock(&numbers_lock, old);
    if (ending)
        return -EINTR;
    thread->context.user_work = 1; /* what was sent before it began */
    thread_start(thread);
    thread_detach(thread);
    return 0;
}

/* ---- the end ---- */

bool
task_leave(void)
{
    struct task *t = task_current();
    struct process *p = t->process;
    uint64_t ns = thread_time(t->thread);
    uint8_t old = spin_lock(&numbers_lock);
    bool last;

    t->number->task = NULL;
    spin_lock_raw(&p->lock);
    list_del(&t->link);
    signal_queue_clear(p, &t->queued);
    p->dead_ns += ns;
    last = --p->task_count == 0;
    if (p->task_count == 1)
        event_set(&p->alone);
    signal_retarget(p);
    spin_unlock_raw(&p->lock);
    number_put(t->number);
    spin_unlock(&numbers_lock, old);
    t->thread->context.user = NULL;
    return last;
}

void
task_end(void)
{
    struct task *t = task_current();

    t->thread->task = NULL;
    process_put(t->process);
    pool_free(t, TAG);
    __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
    thread_exit(0);
}

void
process_kill(struct process *p, int status)
{
    uint8_t old = spin_lock(&p->lock);
    struct task *t;

    if (!p->exiting) {
        p->exiting = true;
        p->exit_status = status;
        list_for_each_entry(t, &p->tasks, link)
            thread_interrupt(t->thread);
    }
    spin_unlock(&p->lock, old);
}

/* Whom exec has left alone takes the number of the process. */
static void
number_take(struct task *t)
{
    struct process *p = t->process;
    uint8_t old = spin_lock(&numbers_lock);

    if (t->number != p->number) {
        t->number->task = NULL;
        number_put(t->number);
        t->number = number_get(p->number);
        t->number->task = t;
        t->tid = p->pid;
    }
    spin_unlock(&numbers_lock, old);
}

int
task_alone(void)
{
    struct task *self = task_current(), *t;
    struct process *p = self->process;
    uint8_t old = spin_lock(&p->lock);
    bool alone = p->task_count == 1, ending = p->exiting || self->ending;

    event_clear(&p->alone);
    if (!alone && !ending)
        list_for_each_entry(t, &p->tasks, link)
            if (t != self) {
                t->ending = true;
                thread_interrupt(t->thread);
            }
    spin_unlock(&p->lock, old);
    if (ending)
        return -EINTR;
    if (!alone && task_wait_killable(&p->alone))
        return -EINTR;
    number_take(self);
    return 0;
}

/* Is the running task to end? What else user_work stands for is looked at later, when the kernel is left. */
static bool
is_killed(struct task *t)
{
    struct process *p = t->process;
    uint8_t old = spin_lock(&p->lock);
    bool is = p->exiting || t->ending;

    spin_unlock(&p->lock, old);
    return is;
}

int
task_wait_killable(struct event *e)
{
    struct task *t = task_current();
    int err = -EINTR;

    while (err == -EINTR) {
        __atomic_store_n(&t->thread->context.user_work, 0, __ATOMIC_SEQ_CST);
        if (is_killed(t))
            break;
        err = wait_event_interruptible(&e->waitable, WAIT_FOREVER);
    }
    __atomic_store_n(&t->thread->context.user_work, 1, __ATOMIC_SEQ_CST);
    return err;
}

/* ---- vfork ---- */

void
process_vfork_done(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);

    if (p->vfork_done)
        event_set(p->vfork_done);
    p->vfork_done = NULL;
    spin_unlock(&p->lock, old);
}
