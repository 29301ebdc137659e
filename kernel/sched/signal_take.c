/*
 * The target's side of signals: masks, actions, and what is pending for the running task.
 */
#include "kernel/mem/pool.h"
#include "kernel/sched/process_impl.h"
#include "lib/string.h"

#define TAG POOL_TAG('s', 'i', 'g', 'a')

/* ---- what is pending ---- */

uint64_t
signal_pending_set(void)
{
    struct task *t = task_current();

    return __atomic_load_n(&t->pending, __ATOMIC_RELAXED) |
           __atomic_load_n(&t->process->pending, __ATOMIC_RELAXED);
}

bool
signal_pending(void)
{
    struct task *t = task_current();

    if (!t)
        return false;
    if (t->ending || t->process->exiting || t->process->state == PROCESS_STOPPED)
        return true;
    return signal_pending_set() & ~t->blocked;
}

bool
signal_is_ignored(int signal)
{
    struct task *t = task_current();
    struct process *p = t->process;
    uint8_t old;
    bool is;

    if (t->blocked & SIGNAL_BIT(signal))
        return true;
    old = spin_lock(&p->lock);
    is = p->actions->action[signal - 1].handler == SIGNAL_IGNORED;
    spin_unlock(&p->lock, old);
    return is;
}

void
signal_mask_set(uint64_t mask)
{
    struct task *t = task_current();
    struct process *p = t->process;
    uint8_t old = spin_lock(&p->lock);
    uint64_t was = t->blocked;

    mask &= ~SIGNAL_KERNEL;
    __atomic_store_n(&t->blocked, mask, __ATOMIC_RELAXED);
    if (p->pending & mask & ~was)
        signal_retarget(p);
    if ((t->pending | p->pending) & ~mask)
        __atomic_store_n(&t->thread->context.user_work, 1, __ATOMIC_SEQ_CST);
    spin_unlock(&p->lock, old);
}

int
signal_take(uint64_t wanted, struct signal_info *info, struct signal_action *action)
{
    struct task *t = task_current();
    struct process *p = t->process;
    uint8_t old = spin_lock(&p->lock);
    int signal = signal_dequeue(t, wanted, info);

    if (signal) {
        struct signal_action *a = &p->actions->action[signal - 1];

        spin_lock_raw(&p->actions->lock);
        *action = *a;
        if ((a->flags & SA_RESETHAND) && a->handler > SIGNAL_IGNORED)
            a->handler = SIGNAL_DEFAULT;
        spin_unlock_raw(&p->actions->lock);
        if (action->handler == SIGNAL_DEFAULT && signal_deed(signal) == SIGNAL_STOPS)
            p->stopping = true;
    }
    spin_unlock(&p->lock, old);
    return signal;
}

/* The next of `set`, if it is there; if not, and wait: from now on it wakes the task. */
static int
wait_look(uint64_t set, bool wait, struct signal_info *info)
{
    struct task *t = task_current();
    uint8_t old = spin_lock(&t->process->lock);
    int signal = signal_dequeue(t, set, info);

    t->waited = signal || !wait ? 0 : set;
    spin_unlock(&t->process->lock, old);
    return signal;
}

int
signal_wait(uint64_t set, uint64_t timeout, struct signal_info *info)
{
    struct event never;
    int signal, err;

    set &= ~SIGNAL_KERNEL;
    signal = wait_look(set, true, info);
    if (signal)
        return signal;
    event_init(&never, EVENT_MANUAL, false);
    err = wait_event_interruptible(&never.waitable, timeout);
    signal = wait_look(set, false, info);
    if (signal)
        return signal;
    return err == -EINTR ? -EINTR : -EAGAIN;
}

bool
signal_force(int signal, const struct signal_info *info)
{
    struct task *t = task_current();
    struct process *p = t->process;
    uint8_t old = spin_lock(&p->lock);
    struct signal_action *a = &p->actions->action[signal - 1];
    bool blocked = t->blocked & SIGNAL_BIT(signal), fatal;

    spin_lock_raw(&p->actions->lock);
    if (blocked || a->handler == SIGNAL_IGNORED)
        a->handler = SIGNAL_DEFAULT;
    fatal = a->handler == SIGNAL_DEFAULT;
    spin_unlock_raw(&p->actions->lock);
    t->blocked &= ~SIGNAL_BIT(signal);
    if (fatal) {
        if (!p->exiting) {
            struct task *other;

            p->exiting = true;
            p->exit_status = signal;
            list_for_each_entry(other, &p->tasks, link)
                thread_interrupt(other->thread);
        }
    } else {
        signal_send(p, t, signal, info);
    }
    spin_unlock(&p->lock, old);
    return fatal;
}

bool
signal_stop(int signal)
{
    struct process *p = process_current();
    uint8_t old = spin_lock(&p->lock);
    bool stop = p->stopping && !p->exiting;
    struct task *t;

    p->stopping = false;
    if (stop && p->state == PROCESS_RUNNING) {
        p->state = PROCESS_STOPPED;
        p->stop_signal = signal;
        p->stop_reported = p->continued = p->resumed = false;
        event_clear(&p->resume);
        list_for_each_entry(t, &p->tasks, link)
            thread_interrupt(t->thread);
    }
    spin_unlock(&p->lock, old);
    return stop;
}

/* ---- what is done about them ---- */

/* A new action that ignores takes back what is pending: so does a default that does nothing (POSIX). Locks: p->lock. */
static void
forget_ignored(struct process *p, int signal, const struct signal_action *a)
{
    struct signal_info info;
    struct task *t;

    if (a->handler != SIGNAL_IGNORED &&
        !(a->handler == SIGNAL_DEFAULT && signal_deed(signal) == SIGNAL_DOES_NOTHING))
        return;
    list_for_each_entry(t, &p->tasks, link)
        while (signal_dequeue(t, SIGNAL_BIT(signal), &info))
            ;
}

int
signal_action_swap(int signal, const struct signal_action *set, struct signal_action *was)
{
    struct process *p = process_current();
    struct signal_action *a;
    uint8_t old;

    if (signal < 1 || signal > SIGNALS || (set && (SIGNAL_BIT(signal) & SIGNAL_KERNEL)))
        return -EINVAL;
    old = spin_lock(&p->lock);
    a = &p->actions->action[signal - 1];
    spin_lock_raw(&p->actions->lock);
    *was = *a;
    if (set) {
        *a = *set;
        a->mask &= ~SIGNAL_KERNEL;
    }
    spin_unlock_raw(&p->actions->lock);
    if (set)
        forget_ignored(p, signal, set);
    spin_unlock(&p->lock, old);
    return 0;
}

struct signal_actions *
signal_actions_new(const struct signal_actions *from)
{
    struct signal_actions *a = pool_zalloc(sizeof(*a), TAG);

    if (!a)
        return NULL;
    if (from)
        memcpy(a->action, from->action, sizeof(a->action));
    a->refs = 1;
    spin_init(&a->lock, LOCK_SIGNAL, "signal actions");
    return a;
}

void
signal_actions_get(struct signal_actions *a)
{
    __atomic_add_fetch(&a->refs, 1, __ATOMIC_RELAXED);
}

void
signal_actions_put(struct signal_actions *a)
{
    if (a && __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) == 0)
        pool_free(a, TAG);
}

void
signal_actions_reset(struct signal_actions *a)
{
    uint8_t old = spin_lock(&a->lock);

    for (unsigned i = 0; i < SIGNALS; i++) {
        uint64_t handler = a->action[i].handler == SIGNAL_IGNORED ? SIGNAL_IGNORED : SIGNAL_DEFAULT;

        a->action[i] = (struct signal_action){.handler = handler};
    }
    spin_unlock(&a->lock, old);
}
