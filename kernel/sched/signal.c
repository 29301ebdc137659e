/*
 * Sending signals: marking them as pending, and waking those whom they concern.
 *
 * I1  A pending signal is a bit in process->pending or task->pending, and perhaps its information in `queued` beside
 *     it: one for each of 1..31 (a second one is not noted), any number up to QUEUED_MAX for the others.
 * I2  A task that has a signal pending which it does not block has user_work set.
 * I3  What would be ignored is not even marked, unless the target blocks it: it may change its mind before it looks.
 * I4  SIGCONT takes back stop signals that are pending, a stop signal takes back SIGCONT.
 */
#include "kernel/mem/pool.h"
#include "kernel/sched/process_impl.h"

#define TAG        POOL_TAG('s', 'i', 'g', ' ')
#define QUEUED_MAX 256 /* of one process */
#define REAL_TIME  32  /* the first signal that is queued, not merged */

#define STOPS    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define NOTHINGS (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

/* SIGCHLD, SIGURG and SIGWINCH do nothing (signal(7)). */
enum signal_deed
signal_deed(int signal)
{
    if (signal == SIGCONT)
        return SIGNAL_CONTINUES;
    if (SIGNAL_BIT(signal) & STOPS)
        return SIGNAL_STOPS;
    return SIGNAL_BIT(signal) & NOTHINGS ? SIGNAL_DOES_NOTHING : SIGNAL_TERMINATES;
}

/* ---- queues ---- */

static void
queued_free(struct process *p, struct signal_queued *q)
{
    list_del(&q->link);
    pool_free(q, TAG);
    p->queued_count--;
}

void
signal_queue_clear(struct process *p, struct list *queued)
{
    struct signal_queued *q, *following;

    assert_held(&p->lock);
    list_for_each_entry_safe(q, following, queued, link)
        queued_free(p, q);
}

/* Signals that are not pending any more. Locks: p->lock. */
static void
forget(struct process *p, uint64_t *pending, struct list *queued, uint64_t signals)
{
    struct signal_queued *q, *following;

    if (!(*pending & signals))
        return;
    *pending &= ~signals;
    list_for_each_entry_safe(q, following, queued, link)
        if (SIGNAL_BIT(q->info.signo) & signals)
            queued_free(p, q);
}

static void
forget_all(struct process *p, uint64_t signals)
{
    struct task *t;

    forget(p, &p->pending, &p->queued, signals);
    list_for_each_entry(t, &p->tasks, link)
        forget(p, &t->pending, &t->queued, signals);
}

/* Without memory a signal goes without its information, as long as it says enough by its number alone. */
static int
enqueue(struct process *p, struct list *queued, int signal, const struct signal_info *info)
{
    struct signal_queued *q = NULL;

    if (p->queued_count < QUEUED_MAX)
        q = pool_alloc(sizeof(*q), TAG);
    if (!q)
        return signal >= REAL_TIME && info && info->code < 0 ? -EAGAIN : 0;
    if (info)
        q->info = *info;
    else
        q->info = (struct signal_info){.code = SI_KERNEL};
    q->info.signo = signal;
    list_add_tail(queued, &q->link);
    p->queued_count++;
    return 0;
}

/* ---- the target ---- */

static bool
task_blocks(const struct task *t, int signal)
{
    return __atomic_load_n(&t->blocked, __ATOMIC_RELAXED) & SIGNAL_BIT(signal);
}

/* Would it look at once? */
static bool
task_takes(const struct task *t, int signal)
{
    return !task_blocks(t, signal) || t->waited & SIGNAL_BIT(signal);
}

/* Do all tasks block it? (A process that has none yet blocks nothing.) Locks: p->lock. */
static bool
all_block(struct process *p, int signal)
{
    struct task *t;

    list_for_each_entry(t, &p->tasks, link)
        if (!task_blocks(t, signal))
            return false;
    return !list_empty(&p->tasks);
}

/* Who gets a signal for the whole process; NULL: all block it. Locks: p->lock. */
static struct task *
task_for(struct process *p, int signal)
{
    struct task *t;

    list_for_each_entry(t, &p->tasks, link)
        if (task_takes(t, signal))
            return t;
    return NULL;
}

void
signal_retarget(struct process *p)
{
    struct task *t;

    if (!p->pending)
        return;
    list_for_each_entry(t, &p->tasks, link)
        if (p->pending & ~__atomic_load_n(&t->blocked, __ATOMIC_RELAXED))
            thread_interrupt(t->thread);
}

/* I3. Process 1 gets only what it has a handler for: a system without it is at its end. Locks: p->lock. */
static bool
is_ignored(struct process *p, const struct task *t, int signal)
{
    const struct signal_action *a = &p->actions->action[signal - 1];
    bool blocked = t ? task_blocks(t, signal) : all_block(p, signal);
    uint64_t handler;

    spin_lock_raw(&p->actions->lock);
    handler = a->handler;
    spin_unlock_raw(&p->actions->lock);
    if (p->pid == 1 && handler == SIGNAL_DEFAULT && (SIGNAL_KERNEL & SIGNAL_BIT(signal)))
        return true;
    if (blocked)
        return false;
    if (handler == SIGNAL_DEFAULT)
        return p->pid == 1 || signal_deed(signal) == SIGNAL_DOES_NOTHING;
    return handler == SIGNAL_IGNORED;
}

/* I4. Locks: p->lock. */
static void
stop_or_continue(struct process *p, int signal)
{
    if (SIGNAL_BIT(signal) & STOPS)
        forget_all(p, SIGNAL_BIT(SIGCONT));
    if (signal != SIGCONT)
        return;
    forget_all(p, STOPS);
    p->stopping = false;
    if (p->state == PROCESS_STOPPED) {
        struct task *t;

        p->state = PROCESS_RUNNING;
        p->continued = p->resumed = true;
        event_set(&p->resume);
        list_for_each_entry(t, &p->tasks, link)
            thread_interrupt(t->thread);
    }
}

static void
kill_all(struct process *p)
{
    struct task *t;

    if (!p->exiting) {
        p->exiting = true;
        p->exit_status = SIGKILL;
    }
    list_for_each_entry(t, &p->tasks, link)
        thread_interrupt(t->thread);
}

int
signal_send(struct process *p, struct task *t, int signal, const struct signal_info *info)
{
    uint64_t *pending = t ? &t->pending : &p->pending;
    int err;

    assert_held(&p->lock);
    if (signal < 0 || signal > SIGNALS)
        return -EINVAL;
    if (signal == 0 || p->state == PROCESS_ZOMBIE || !p->actions || p->exiting)
        return 0;
    stop_or_continue(p, signal);
    if (is_ignored(p, t, signal))
        return 0;
    if (signal == SIGKILL) {
        kill_all(p);
        return 0;
    }
    if (signal < REAL_TIME && (*pending & SIGNAL_BIT(signal)))
        return 0;
    err = enqueue(p, t ? &t->queued : &p->queued, signal, info);
    if (err)
        return err;
    *pending |= SIGNAL_BIT(signal);
    if (!t)
        t = task_for(p, signal);
    if (t && task_takes(t, signal))
        thread_interrupt(t->thread);
    return 0;
}

int
signal_process(struct process *p, int signal, const struct signal_info *info)
{
    uint8_t old = spin_lock(&p->lock);
    int err = signal_send(p, NULL, signal, info);

    spin_unlock(&p->lock, old);
    return err;
}

int
signal_task(struct task *t, int signal, const struct signal_info *info)
{
    uint8_t old = spin_lock(&t->process->lock);
    int err = signal_send(t->process, t, signal, info);

    spin_unlock(&t->process->lock, old);
    return err;
}

int
signal_thread(int group, int tid, int signal, const struct signal_info *info)
{
    uint8_t old = spin_lock(&numbers_lock);
    struct number *n = number_find(tid);
    struct task *t = n ? n->task : NULL;
    int err = -ESRCH;

    if (t && (!group || t->process->pid == group))
        err = signal_task(t, signal, info);
    spin_unlock(&numbers_lock, old);
    return err;
}

int
signal_group(int pgid, int signal, const struct signal_info *info)
{
    uint8_t old = spin_lock(&numbers_lock);
    struct number *n = number_find(pgid);
    int result = -ESRCH;
    struct process *p;

    if (n)
        list_for_each_entry(p, &n->members, member) {
            int err = signal_process(p, signal, info);

            if (err == 0 || result == -ESRCH)
                result = err;
        }
    spin_unlock(&numbers_lock, old);
    return result;
}

int
signal_all(const struct process *but, int signal, const struct signal_info *info)
{
    uint8_t old = spin_lock(&numbers_lock);
    int result = -ESRCH;
    struct process *p;

    list_for_each_entry(p, &processes, all)
        if (p->pid != 1 && p != but) {
            int err = signal_process(p, signal, info);

            if (err == 0 || result == -ESRCH)
                result = err;
        }
    spin_unlock(&numbers_lock, old);
    return result;
}

/* ---- taking one out; here for the sake of queued_free() ---- */

/* The information that waits for a signal, if there is any; its bit goes with the last. Locks: p->lock. */
static void
dequeue(struct process *p, uint64_t *pending, struct list *queued, int signal, struct signal_info *info)
{
    struct signal_queued *q, *following;
    bool found = false, more = false;

    *info = (struct signal_info){.signo = signal, .code = SI_USER};
    list_for_each_entry_safe(q, following, queued, link) {
        if (q->info.signo != signal)
            continue;
        if (found) {
            more = true;
            break;
        }
        found = true;
        *info = q->info;
        queued_free(p, q);
    }
    if (!more)
        *pending &= ~SIGNAL_BIT(signal);
}

int
signal_dequeue(struct task *t, uint64_t wanted, struct signal_info *info)
{
    static const uint64_t own_deeds = SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) |
                                      SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS);
    struct process *p = t->process;
    uint64_t set = t->pending & wanted;
    int signal;

    assert_held(&p->lock);
    if (set) {
        signal = __builtin_ctzll(set & own_deeds ? set & own_deeds : set) + 1;
        dequeue(p, &t->pending, &t->queued, signal, info);
        return signal;
    }
    set = p->pending & wanted;
    if (!set)
        return 0;
    signal = __builtin_ctzll(set) + 1;
    dequeue(p, &p->pending, &p->queued, signal, info);
    return signal;
}
