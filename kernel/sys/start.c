/*
 * The start of all programs: what the kernel calls on their behalf, and process 1.
 */
#include "kernel/console/log.h"
#include "kernel/fs/file.h"
#include "kernel/sched/futex.h"
#include "kernel/sched/process.h"
#include "kernel/sys/life.h"
#include "kernel/sys/sys.h"
#include "lib/errname.h"
#include "lib/errno.h"
#include "lib/string.h"

#define CONSOLE "/dev/console"

int
sys_init(void)
{
    struct user_vectors v = {.leave = deliver_leave, .exception = fault_exception, .page_fault = fault_page};
    int err = sys_table_init(&v);

    if (err)
        return err;
    process_init();
    futex_init();
    user_init(&v);
    return 0;
}

/* What the first program is, for its thread. [I] */
static struct {
    struct exec_first program;
    int err;
    struct event begun; /* or not: err */
} first;

/* Numbers 0, 1 and 2. Without a console a program may still do its work. */
static void
console_open(struct process *p)
{
    struct dentry *root = vfs_root();
    struct walk w = {root, root};
    struct file *f;
    int err = vfs_open(&w, CONSOLE, O_RDWR, 0, &f);

    if (err)
        log_warn("sys: no %s for the first program: %s", CONSOLE, errtext(-err));
    for (int fd = 0; fd < 3 && err >= 0; fd++) {
        if (fd)
            file_get(f);
        err = fd_set(p->files, f, fd, false);
        if (err < 0)
            file_put(f);
    }
    dentry_put(root);
}

static void
first_run(void *context)
{
    struct task *t = context;

    console_open(t->process);
    first.err = exec_first(&first.program, &t->first);
    event_set(&first.begun);
    if (first.err) {
        process_kill(t->process, 127 << 8);
        task_exit(127 << 8);
    }
    user_enter(&t->first);
}

static int
first_make(struct process *p)
{
    int err = vm_create(&p->space);

    alarm_init(p);
    p->exit_signal = SIGCHLD;
    if (!err)
        err = fd_table_new(&p->files);
    if (!err)
        err = fs_context_new(&p->fs);
    if (!err)
        p->actions = signal_actions_new(NULL);
    return err || p->actions ? err : -ENOMEM;
}

int
process_start_first(const char *path, char *const argv[], char *const envp[])
{
    struct process *p;
    struct task *t;
    int err = process_new(&p);

    if (err)
        return err;
    strlcpy(p->name, "init", sizeof(p->name));
    err = first_make(p);
    if (!err)
        err = task_new(p, first_run, &t);
    if (err) {
        process_strip(p);
        process_put(p);
        return err;
    }
    first.program = (struct exec_first){path, argv, envp};
    event_init(&first.begun, EVENT_MANUAL, false);
    process_publish(p, NULL, false);
    process_put(p);
    err = task_start(t);
    if (!err)
        wait_event(&first.begun.waitable, WAIT_FOREVER);
    return err ? err : first.err;
}
