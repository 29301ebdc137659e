/*
 * The tree of processes: parents and children, groups and sessions, and how a process goes.
 *
 * I1  Everybody in the tree but the first process has a parent that is no zombie: a process that ends gives its
 *     children to the first one.
 * I2  A zombie stays in the tree and in its group until its parent has waited for it (process_reap()).
 */
#include "kernel/console/log.h"
#include "kernel/sched/process_impl.h"

static struct mutex tree;
static struct process *first;                /* [t] process 1 */
static void (*first_end)(int status);        /* [I] */
static void (*session_end)(struct tty *tty); /* [I] */
static struct number nobody = {.refs = 1};   /* group and session 0: process 1's, until it makes its own */

void
process_init(void)
{
    mutex_init(&tree);
    list_init(&nobody.members);
}

void
process_on_first_end(void (*run)(int status))
{
    first_end = run;
}

void
process_on_session_end(void (*run)(struct tty *tty))
{
    session_end = run;
}

void
process_tree_lock(void)
{
    mutex_lock(&tree, WAIT_FOREVER);
}

void
process_tree_unlock(void)
{
    mutex_unlock(&tree);
}

/* ---- groups and sessions ---- */

void
group_leave(struct process *p)
{
    assert_mutex_held(&tree);
    list_del(&p->member);
    number_put(p->group);
    number_put(p->session);
    p->group = p->session = NULL;
}

void
group_set(struct process *p, struct number *group, struct number *session)
{
    number_get(group);
    number_get(session);
    if (p->group)
        group_leave(p);
    p->group = group;
    p->session = session;
    p->pgid = group->value;
    p->sid = session->value;
    list_add_tail(&group->members, &p->member);
}

int
process_setsid(void)
{
    struct process *p = process_current();
    int result = -EPERM;
    uint8_t old;

    process_tree_lock();
    old = spin_lock(&numbers_lock);
    if (list_empty(&p->number->members)) {
        group_set(p, p->number, p->number);
        result = p->pid;
        p->tty = NULL;
    }
    spin_unlock(&numbers_lock, old);
    process_tree_unlock();
    return result;
}

/* May p go into the group `pgid`, which is to be of its own session? Locks: the tree lock, numbers_lock. */
static int
group_change(struct process *p, int pgid)
{
    struct number *n = number_find(pgid);

    if (p->sid == p->pid)
        return -EPERM;
    if (pgid != p->pid) {
        if (!n || list_empty(&n->members))
            return -EPERM;
        if (list_entry(n->members.next, struct process, member)->session != p->session)
            return -EPERM;
    }
    group_set(p, n, p->session);
    return 0;
}

int
process_setpgid(int pid, int pgid)
{
    struct process *self = process_current(), *p;
    struct number *n;
    int err = 0;
    uint8_t old;

    if (pgid < 0)
        return -EINVAL;
    process_tree_lock();
    old = spin_lock(&numbers_lock);
    n = number_find(pid ? pid : self->pid);
    p = n ? n->process : NULL;
    if (!p || (p != self && p->parent != self))
        err = -ESRCH;
    else if (p != self && p->session != self->session)
        err = -EPERM;
    else if (p != self && __atomic_load_n(&p->execed, __ATOMIC_RELAXED))
        err = -EACCES;
    else
        err = group_change(p, pgid ? pgid : p->pid);
    spin_unlock(&numbers_lock, old);
    process_tree_unlock();
    return err;
}

bool
process_group_in_session(int pgid, int sid)
{
    uint8_t old = spin_lock(&numbers_lock);
    struct number *n = number_find(pgid);
    bool is = n && !list_empty(&n->members) &&
              list_entry(n->members.next, struct process, member)->sid == sid;

    spin_unlock(&numbers_lock, old);
    return is;
}

void
process_tty_forget(struct tty *tty)
{
    struct process *p;

    process_tree_lock();
    list_for_each_entry(p, &processes, all)
        if (p->tty == tty)
            p->tty = NULL;
    process_tree_unlock();
}

/* As if `without` were not in the group any more (it is ending); NULL: nobody. Locks: the tree lock. */
static bool
group_is_orphaned(const struct number *group, const struct process *without)
{
    struct process *p;

    list_for_each_entry(p, &group->members, member) {
        const struct process *parent;

        if (without && p == without)
            continue;
        parent = p->parent;
        if (p->state == PROCESS_ZOMBIE || !parent || parent == first)
            continue;
        if (parent->group != p->group && parent->session == p->session)
            return false;
    }
    return true;
}

bool
process_is_orphaned(struct process *p)
{
    bool is;

    process_tree_lock();
    is = group_is_orphaned(p->group, NULL);
    process_tree_unlock();
    return is;
}

/* A group that nobody of its session watches any more: what is stopped in it would stay so. Locks: the tree lock. */
static void
group_release(const struct number *group, const struct process *without)
{
    bool stopped = false;
    struct process *p;

    if (!group_is_orphaned(group, without))
        return;
    list_for_each_entry(p, &group->members, member)
        stopped |= p->state == PROCESS_STOPPED;
    if (!stopped)
        return;
    list_for_each_entry(p, &group->members, member) {
        signal_process(p, SIGHUP, NULL);
        signal_process(p, SIGCONT, NULL);
    }
}

/* ---- parents and children ---- */

static void
number_sort_in(struct process *p)
{
    struct list *at = processes.prev;

    while (at != &processes && list_entry(at, struct process, all)->pid > p->pid)
        at = at->prev;
    list_add_after(at, &p->all);
}

static void
parent_set(struct process *p, struct process *parent)
{
    p->parent = parent;
    __atomic_store_n(&p->parent_pid, parent ? parent->pid : 0, __ATOMIC_RELAXED);
}

void
process_publish(struct process *p, struct process *from, bool sibling)
{
    struct process *parent;
    uint8_t old;

    process_tree_lock();
    process_get(p);
    parent = from && sibling && from->parent ? from->parent : from;
    if (from) {
        if (sibling)
            p->exit_signal = from->exit_signal;
        parent_set(p, parent);
        p->tty = from->tty;
        list_add_tail(&parent->children, &p->sibling);
    } else {
        first = p;
    }
    old = spin_lock(&numbers_lock);
    group_set(p, from ? from->group : &nobody, from ? from->session : &nobody);
    number_sort_in(p);
    p->number->process = p;
    spin_unlock(&numbers_lock, old);
    process_tree_unlock();
}

/* Out of the tree and all tables. Locks: the tree lock. */
static void
unlink(struct process *p)
{
    uint8_t old = spin_lock(&numbers_lock);

    p->number->process = NULL;
    group_leave(p);
    list_del(&p->all);
    spin_unlock(&numbers_lock, old);
    list_del(&p->sibling);
    parent_set(p, NULL);
    if (p == first)
        first = NULL;
}

void
process_reap(struct process *zombie)
{
    struct process *parent = zombie->parent;
    uint64_t ns = zombie->dead_ns + zombie->child_ns;
    uint8_t old;

    assert_mutex_held(&tree);
    DEBUG_ASSERT(zombie->state == PROCESS_ZOMBIE);
    unlink(zombie);
    if (!parent)
        return;
    old = spin_lock(&parent->lock);
    parent->child_ns += ns;
    spin_unlock(&parent->lock, old);
}

/* What a process does on SIGCHLD. */
static struct signal_action
child_action(struct process *parent)
{
    uint8_t old = spin_lock(&parent->lock);
    struct signal_action a = {0};

    if (parent->actions)
        a = parent->actions->action[SIGCHLD - 1];
    spin_unlock(&parent->lock, old);
    return a;
}

/* As siginfo has it: the number that goes with a CLD_ code. */
static int
status_of(const struct process *p, int code)
{
    switch (code) {
    case CLD_STOPPED:
        return p->stop_signal;
    case CLD_CONTINUED:
        return SIGCONT;
    case CLD_EXITED:
        return p->exit_status >> 8;
    default:
        return p->exit_status & 0x7f;
    }
}

/* Locks: the tree lock. */
static void
parent_tell(struct process *p, int code)
{
    bool stop = code == CLD_STOPPED || code == CLD_CONTINUED;
    struct signal_info info = {.signo = stop ? SIGCHLD : p->exit_signal, .code = code};

    info.child.pid = p->pid;
    info.child.status = status_of(p, code);
    info.child.utime = (int64_t)((p->dead_ns + p->child_ns) / MS(10));
    if (info.signo && !(stop && child_action(p->parent).flags & SA_NOCLDSTOP))
        signal_process(p->parent, info.signo, &info);
    poll_wake(&p->parent->child_queue);
}

void
process_report(struct process *p, int code)
{
    process_tree_lock();
    if (p->parent)
        parent_tell(p, code);
    process_tree_unlock();
}

/* A zombie's parent hears of it; unless it has said that it will never wait for its children. Locks: the tree lock. */
static void
zombie_report(struct process *p)
{
    struct signal_action a = child_action(p->parent);

    parent_tell(p, p->exit_status & 0x7f ? CLD_KILLED : CLD_EXITED);
    if (p->exit_signal == SIGCHLD && (a.handler == SIGNAL_IGNORED || a.flags & SA_NOCLDWAIT)) {
        process_reap(p);
        process_put(p);
    }
}

/* Children go to the heir; NULL: the first process itself has ended, and there is none. Locks: the tree lock. */
static void
children_give(struct process *p, struct process *heir)
{
    struct process *child, *following;

    list_for_each_entry_safe(child, following, &p->children, sibling) {
        list_del(&child->sibling);
        parent_set(child, heir);
        child->exit_signal = SIGCHLD;
        if (child->death_signal)
            signal_process(child, child->death_signal, NULL);
        if (!heir)
            continue;
        list_add_tail(&heir->children, &child->sibling);
        if (child->state == PROCESS_ZOMBIE)
            zombie_report(child);
        else if (child->group != p->group && child->session == p->session)
            group_release(child->group, NULL);
    }
}

static void
zombie_make(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);

    signal_queue_clear(p, &p->queued);
    p->state = PROCESS_ZOMBIE;
    spin_unlock(&p->lock, old);
}

void
process_end(struct process *p)
{
    struct tty *tty = p->sid == p->pid ? p->tty : NULL;
    int status = p->exit_status;
    bool was_first;

    if (tty) {
        if (session_end)
            session_end(tty);
        process_tty_forget(tty);
    }
    process_tree_lock();
    was_first = p == first;
    zombie_make(p);
    children_give(p, was_first ? NULL : first);
    if (p->parent) {
        if (p->parent->group != p->group && p->parent->session == p->session)
            group_release(p->group, p);
        zombie_report(p);
    } else {
        unlink(p);
        process_put(p);
    }
    process_tree_unlock();
    if (was_first && first_end)
        first_end(status);
}
