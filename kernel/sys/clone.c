/*
 * fork(2), vfork(2), clone(2): a new task, in a new process or in the caller's.
 */
#include "kernel/fs/file.h"
#include "kernel/sched/process.h"
#include "kernel/sys/life.h"
#include "kernel/sys/syscall.h"
#include "lib/string.h"

/* sched.h of Linux */
#define CLONE_SIGNAL         0x000000ffu
#define CLONE_VM             0x00000100u
#define CLONE_FS             0x00000200u
#define CLONE_FILES          0x00000400u
#define CLONE_SIGHAND        0x00000800u
#define CLONE_PTRACE         0x00002000u
#define CLONE_VFORK          0x00004000u
#define CLONE_PARENT         0x00008000u
#define CLONE_THREAD         0x00010000u
#define CLONE_SYSVSEM        0x00040000u
#define CLONE_SETTLS         0x00080000u
#define CLONE_PARENT_SETTID  0x00100000u
#define CLONE_CHILD_CLEARTID 0x00200000u
#define CLONE_DETACHED       0x00400000u
#define CLONE_UNTRACED       0x00800000u
#define CLONE_CHILD_SETTID   0x01000000u
#define CLONE_IO             0x80000000u
#define CLONE_IGNORED        (CLONE_PTRACE | CLONE_SYSVSEM | CLONE_DETACHED | CLONE_UNTRACED | CLONE_IO)
#define CLONE_KNOWN                                                                                          \
    (CLONE_SIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT |         \
     CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID |         \
     CLONE_IGNORED)
/* A thread has these in common with its process, or there could be no one process. */
#define CLONE_THREAD_SHARES (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND)

struct clone {
    unsigned flags;
    uintptr_t stack; /* 0: the caller's */
    uintptr_t parent_tid, child_tid;
    uint64_t tls;
};

static int
clone_check(const struct clone *c)
{
    unsigned f = c->flags;

    if (f & ~CLONE_KNOWN)
        return -EINVAL;
    if ((f & CLONE_THREAD) && (f & CLONE_THREAD_SHARES) != CLONE_THREAD_SHARES)
        return -EINVAL;
    if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
        return -EINVAL;
    if ((f & CLONE_SIGNAL) > SIGNALS)
        return -EINVAL;
    if ((f & CLONE_SETTLS) && c->tls >= USER_END)
        return -EPERM;
    return 0;
}

/* Where every task of a program begins. */
static void
task_begin(void *context)
{
    struct task *t = context;

    if (t->set_tid)
        (void)user_write(t->set_tid, &t->tid,
                         sizeof(t->tid)); /* as on Linux, it is no matter if this fails */
    user_enter(&t->first);
}

/* ---- what a new process has of its parent ---- */

static int
space_copy(struct process *p, struct process *from, unsigned flags)
{
    if (!(flags & CLONE_VM))
        return vm_fork(from->space, &p->space);
    vm_get(p->space = from->space);
    return 0;
}

static int
files_copy(struct process *p, struct process *from, unsigned flags)
{
    if (!(flags & CLONE_FILES))
        return fd_table_copy(from->files, &p->files);
    fd_table_get(p->files = from->files);
    return 0;
}

static int
fs_copy(struct process *p, struct process *from, unsigned flags)
{
    if (!(flags & CLONE_FS))
        return fs_context_copy(from->fs, &p->fs);
    fs_context_get(p->fs = from->fs);
    return 0;
}

static int
actions_copy(struct process *p, struct process *from, unsigned flags)
{
    if (flags & CLONE_SIGHAND)
        signal_actions_get(p->actions = from->actions);
    else
        p->actions = signal_actions_new(from->actions);
    return p->actions ? 0 : -ENOMEM;
}

static void
fields_copy(struct process *p, struct process *from)
{
    uint8_t old = spin_lock(&from->lock);

    memcpy(p->name, from->name, sizeof(p->name));
    memcpy(p->limits, from->limits, sizeof(p->limits));
    p->nice = from->nice;
    p->arguments = from->arguments;
    p->arguments_end = from->arguments_end;
    p->environment = from->environment;
    p->environment_end = from->environment_end;
    p->executable = from->executable;
    spin_unlock(&from->lock, old);
    if (p->executable)
        dentry_get(p->executable);
}

static int
process_copy(struct process *from, unsigned flags, struct process **out)
{
    struct process *p;
    int err = process_new(&p);

    if (err)
        return err;
    alarm_init(p);
    fields_copy(p, from);
    p->exit_signal = (int)(flags & CLONE_SIGNAL);
    err = space_copy(p, from, flags);
    if (!err)
        err = files_copy(p, from, flags);
    if (!err)
        err = fs_copy(p, from, flags);
    if (!err)
        err = actions_copy(p, from, flags);
    if (err) {
        process_strip(p);
        process_put(p);
        return err;
    }
    *out = p;
    return 0;
}

/* ---- the task ---- */

/* A task in p with the caller's registers, but as `c` says. */
static int
task_copy(struct process *p, const struct clone *c, struct task **out)
{
    struct task *self = task_current(), *t;
    int err = task_new(p, task_begin, &t);

    if (err)
        return err;
    t->first = *user_frame();
    t->first.vector = TRAP_REPLACED;
    t->first.rax = 0;
    if (c->stack)
        t->first.rsp = c->stack;
    t->context.fs_base = c->flags & CLONE_SETTLS ? c->tls : self->context.fs_base;
    t->context.gs_base = self->context.gs_base;
    t->blocked = self->blocked;
    if (!(c->flags & CLONE_VM) || c->flags & CLONE_VFORK) {
        t->altstack = self->altstack;
        t->altstack_size = self->altstack_size;
        t->altstack_flags = self->altstack_flags;
    }
    t->set_tid = c->flags & CLONE_CHILD_SETTID ? c->child_tid : 0;
    t->clear_tid = c->flags & CLONE_CHILD_CLEARTID ? c->child_tid : 0;
    user_fpu_copy(t->thread);
    thread_set_priority(t->thread, self->thread->base_priority);
    *out = t;
    return 0;
}

static long
clone_thread(const struct clone *c)
{
    struct task *t;
    int err = task_copy(process_current(), c, &t), tid;

    if (err)
        return err;
    tid = t->tid;
    if ((c->flags & CLONE_PARENT_SETTID) && user_write(c->parent_tid, &tid, sizeof(tid)))
        err = -EFAULT;
    if (!err)
        err = task_start(t);
    if (err) {
        task_drop(t);
        return err;
    }
    return tid;
}

/* Wait until the child has another program, or has ended. Who is killed waits no longer. */
static void
vfork_wait(struct process *child, struct event *done)
{
    uint8_t old;

    if (!task_wait_killable(done))
        return;
    old = spin_lock(&child->lock);
    child->vfork_done = NULL;
    spin_unlock(&child->lock, old);
}

/* p has all but a task. From process_publish() on nothing can fail. */
static int
process_begin(struct process *p, const struct clone *c)
{
    struct task *t;
    int err = task_copy(p, c, &t), tid;

    if (err)
        return err;
    tid = p->pid;
    if ((c->flags & CLONE_PARENT_SETTID) && user_write(c->parent_tid, &tid, sizeof(tid)))
        err = -EFAULT;
    if (err) {
        task_drop(t);
        return err;
    }
    process_publish(p, process_current(), c->flags & CLONE_PARENT);
    return task_start(t);
}

static long
clone_process(const struct clone *c)
{
    struct process *p;
    struct event done;
    int err = process_copy(process_current(), c->flags, &p), pid;

    if (err)
        return err;
    pid = p->pid;
    if (c->flags & CLONE_VFORK) {
        event_init(&done, EVENT_MANUAL, false);
        p->vfork_done = &done;
    }
    err = process_begin(p, c);
    if (err)
        process_strip(p);
    else if (c->flags & CLONE_VFORK)
        vfork_wait(p, &done);
    process_put(p);
    return err ? err : pid;
}

static long
clone_call(const struct clone *c)
{
    int err = clone_check(c);

    if (err)
        return err;
    return c->flags & CLONE_THREAD ? clone_thread(c) : clone_process(c);
}

SYSCALL(clone)
{
    struct clone call = {.flags = (unsigned)a, .stack = b, .parent_tid = c, .child_tid = d, .tls = e};

    return clone_call(&call);
}

SYSCALL(fork)
{
    struct clone call = {.flags = SIGCHLD};

    return clone_call(&call);
}

SYSCALL(vfork)
{
    struct clone call = {.flags = SIGCHLD | CLONE_VM | CLONE_VFORK};

    return clone_call(&call);
}
