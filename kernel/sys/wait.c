/*
 * wait4(2) and waitid(2): what has become of children.
 */
#include "kernel/sched/process.h"
#include "kernel/sys/call.h"
#include "kernel/sys/usage.h"

/* linux/wait.h */
#define WNOHANG    1u
#define WSTOPPED   2u
#define WEXITED    4u
#define WCONTINUED 8u
#define WNOWAIT    0x01000000u
#define WNOTHREAD  0x20000000u
#define WALL       0x40000000u
#define WCLONE     0x80000000u

enum { P_ALL, P_PID, P_PGID };

struct wait {
    int which; /* P_ALL.. */
    int id;
    unsigned options;
    /* what was found; pid 0: nothing yet */
    int pid, code, status; /* code: CLD_; status: as wait4 has it */
    uint64_t ns;           /* of a child that has ended */
};

static bool
is_wanted(const struct wait *w, const struct process *child)
{
    bool clone = child->exit_signal != SIGCHLD;

    if (!(w->options & WALL) && clone != !!(w->options & WCLONE))
        return false;
    switch (w->which) {
    case P_PID:
        return child->pid == w->id;
    case P_PGID:
        return child->pgid == w->id;
    default:
        return true;
    }
}

/* Has it anything to report that is asked for? Once reported, it is not again, but with WNOWAIT. Locks: the tree lock. */
static bool
child_look(struct wait *w, struct process *child)
{
    bool stays = w->options & WNOWAIT;
    uint8_t old = spin_lock(&child->lock);

    if (child->state == PROCESS_ZOMBIE) {
        if (w->options & WEXITED) {
            w->code = child->exit_status & 0x7f ? CLD_KILLED : CLD_EXITED;
            w->status = child->exit_status;
            w->ns = child->dead_ns + child->child_ns;
        }
    } else if (child->state == PROCESS_STOPPED && !child->stop_reported && (w->options & WSTOPPED)) {
        w->code = CLD_STOPPED;
        w->status = child->stop_signal << 8 | 0x7f;
        child->stop_reported = !stays;
    } else if (child->continued && (w->options & WCONTINUED)) {
        w->code = CLD_CONTINUED;
        w->status = 0xffff;
        child->continued = stays;
    }
    spin_unlock(&child->lock, old);
    if (w->code)
        w->pid = child->pid;
    return w->code != 0;
}

/* One look at all children. Returns 0, or -ECHILD: there is none for whom one could wait. */
static int
children_look(struct wait *w)
{
    struct process *child, *zombie = NULL;
    int result = -ECHILD;

    process_tree_lock();
    list_for_each_entry(child, &process_current()->children, sibling) {
        if (!is_wanted(w, child))
            continue;
        result = 0;
        if (child_look(w, child)) {
            if (child->state == PROCESS_ZOMBIE && !(w->options & WNOWAIT))
                process_reap(zombie = child);
            break;
        }
    }
    process_tree_unlock();
    if (zombie)
        process_put(zombie);
    return result;
}

static int
wait_for_child(struct wait *w)
{
    struct poll_waiter waiter = {0};
    struct event event;
    int err;

    event_init(&event, EVENT_AUTO, false);
    poll_add(&process_current()->child_queue, &waiter, &event);
    err = children_look(w);
    while (!err && !w->pid && !(w->options & WNOHANG)) {
        err = wait_event_interruptible(&event.waitable, WAIT_FOREVER);
        if (!err)
            err = children_look(w);
    }
    poll_remove(&waiter);
    return err == -EINTR ? -ERESTARTSYS : err;
}

static int
usage_put(const struct wait *w, uintptr_t at)
{
    struct rusage u;

    if (!at || !w->pid)
        return 0;
    usage_fill(&u, w->ns, NULL);
    return user_write(at, &u, sizeof(u));
}

SYSCALL(wait4)
{
    struct wait w = {.options = (unsigned)c | WEXITED};
    int32_t pid = (int32_t)a, err;

    if ((unsigned)c & ~(WNOHANG | WSTOPPED | WCONTINUED | WNOTHREAD | WALL | WCLONE))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    w.which = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    w.id = pid > 0 ? pid : pid == 0 ? process_current()->pgid : -pid;
    err = wait_for_child(&w);
    if (err)
        return err;
    if ((w.pid && b && user_write(b, &w.status, sizeof(w.status))) || usage_put(&w, d))
        return -EFAULT;
    return w.pid;
}

static int
info_put(const struct wait *w, uintptr_t at)
{
    struct signal_info info = {0};

    if (!at)
        return 0;
    if (w->pid) {
        info.signo = SIGCHLD;
        info.code = w->code;
        info.child.pid = w->pid;
        info.child.status = w->code == CLD_EXITED || w->code == CLD_STOPPED ? w->status >> 8
                            : w->code == CLD_CONTINUED                      ? SIGCONT
                                                                            : w->status & 0x7f;
    }
    return user_write(at, &info, sizeof(info));
}

SYSCALL(waitid)
{
    struct wait w = {.which = (int)a, .id = (int)b, .options = (unsigned)d};
    int err;

    if (w.options & ~(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE))
        return -EINVAL;
    if (!(w.options & (WSTOPPED | WEXITED | WCONTINUED)) || w.which < P_ALL || w.which > P_PGID)
        return -EINVAL;
    if ((w.which == P_PID && w.id <= 0) || (w.which == P_PGID && w.id < 0))
        return -EINVAL;
    if (w.which == P_PGID && !w.id)
        w.id = process_current()->pgid;
    err = wait_for_child(&w);
    if (err)
        return err;
    return info_put(&w, c) || usage_put(&w, e) ? -EFAULT : 0;
}
