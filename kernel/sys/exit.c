/*
 * The end of tasks and processes.
 */
#include "kernel/fs/file.h"
#include "kernel/sched/futex.h"
#include "kernel/sched/process.h"
#include "kernel/sys/aio.h"
#include "kernel/sys/life.h"
#include "kernel/sys/syscall.h"

void
task_robust_end(void)
{
    struct task *t = task_current();
    uint32_t zero = 0;

    robust_list_walk(t);
    t->robust_list = 0;
    if (t->clear_tid) {
        if (!user_write(t->clear_tid, &zero, sizeof(zero)))
            futex_wake(t->clear_tid, true, 1, FUTEX_ANY);
        t->clear_tid = 0;
    }
}

void
process_strip(struct process *p)
{
    struct vm_space *space = p->space;
    struct fd_table *files = p->files;
    struct fs_context *fs = p->fs;
    struct dentry *executable = p->executable;
    struct signal_actions *actions = p->actions;
    uint8_t old;

    aio_end(p);
    old = spin_lock(&p->lock);
    p->space = NULL;
    p->files = NULL;
    p->fs = NULL;
    p->executable = NULL;
    p->actions = NULL;
    spin_unlock(&p->lock, old);
    if (space)
        vm_put(space);
    fd_table_put(files);
    fs_context_put(fs);
    dentry_put(executable);
    signal_actions_put(actions);
}

static void
status_set(struct process *p, int status)
{
    uint8_t old = spin_lock(&p->lock);

    if (!p->exiting) {
        p->exiting = true;
        p->exit_status = status;
    }
    spin_unlock(&p->lock, old);
}

void
task_exit(int status)
{
    struct process *p = process_current();

    task_robust_end();
    user_set_root(0); /* from here on its memory may go, and this thread may still be interrupted */
    if (task_leave()) {
        status_set(p, status);
        alarm_stop(p);
        process_strip(p);
        process_vfork_done(p);
        process_end(p);
    }
    task_end();
}

SYSCALL(exit)
{
    task_exit((int)(a & 0xff) << 8);
}

SYSCALL(exit_group)
{
    process_kill(process_current(), (int)(a & 0xff) << 8);
    task_exit((int)(a & 0xff) << 8);
}
