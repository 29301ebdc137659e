/*
 * Processes, and the program threads (tasks) in them. A task is carried by one struct thread, whose `task` it is.
 *
 * Life: process_create() makes a process without tasks; task_create() adds one; a process ends when its last task
 * has: it becomes a zombie, keeps its number until its parent (or process 1) has waited for it. Beginning and end
 * as programs see them (fork, exec, exit, wait) are in kernel/sys.
 *
 * Locks: the tree lock (mutex) for parents, children, groups, sessions and the table of numbers as far as it changes;
 * process->lock (spin) for signals and states, so that signals can be sent from a DPC.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/user.h"
#include "kernel/mem/vm.h"
#include "kernel/sched/signal.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/event.h"
#include "kernel/sync/mutex.h"

#define PROCESS_MAX      4096
#define PROCESS_NAME_MAX 16 /* comm, with NUL */

struct fd_table;   /* kernel/fs/file.h */
struct fs_context; /* kernel/fs/file.h */
struct tty;        /* kernel/console/tty.h */
struct dentry;

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ZOMBIE };
enum {
    RLIMITS = 16,
    RLIMIT_CPU = 0,
    RLIMIT_FSIZE,
    RLIMIT_DATA,
    RLIMIT_STACK,
    RLIMIT_CORE,
    RLIMIT_RSS,
    RLIMIT_NPROC,
    RLIMIT_NOFILE,
    RLIMIT_MEMLOCK,
    RLIMIT_AS
};
#define RLIM_INFINITY UINT64_MAX

struct rlimit {
    uint64_t now, max;
};

struct signal_queued { /* a pending signal with its information */
    struct list link;
    struct signal_info info;
};

struct signal_actions { /* counted: CLONE_SIGHAND shares them */
    uint32_t refs;
    spinlock_t lock;
    struct signal_action action[SIGNALS];
};

/* [I] fixed   [t] the tree lock   [s] lock, DISPATCH_LEVEL   [o] its only task, or all tasks at rest   [a] atomic */
struct process {
    int pid;       /* [I] */
    int pgid, sid; /* [t] written under both, so either suffices to read */
    uint32_t refs; /* [a] */
    spinlock_t lock;
    struct process *parent;         /* [t] */
    struct list children;           /* [t] struct process.sibling */
    struct list sibling;            /* [t] */
    struct list all;                /* [t] every process, by number */
    struct list tasks;              /* [s] struct task.link */
    uint32_t task_count;            /* [s] */
    uint8_t state;                  /* [s] enum process_state */
    bool exiting;                   /* [s] exit_group or a deadly signal: all tasks are to end */
    int exit_status;                /* [s] as wait4 gives it: code << 8 | signal */
    int stop_signal;                /* [s] of the last stop, until it was waited for */
    bool continued;                 /* [s] until it was waited for */
    int exit_signal;                /* [I] to the parent, SIGCHLD mostly */
    struct signal_actions *actions; /* [o] */
    uint64_t pending;               /* [s] for any task */
    struct list queued;             /* [s] struct signal_queued */
    struct vm_space *space;         /* [o] */
    struct fd_table *files;         /* [o] */
    struct fs_context *fs;          /* [o] */
    struct tty *tty;                /* [t] controlling terminal, NULL: none */
    struct dentry *executable;      /* [o] a reference, for /proc/PID/exe */
    char name[PROCESS_NAME_MAX];    /* [o] */
    uintptr_t arguments, arguments_end, environment, environment_end; /* [o] program addresses */
    struct rlimit limits[RLIMITS];                                    /* [s] */
    uint64_t start_ns;                                                /* [I] since boot */
    uint64_t dead_ticks,
        child_ticks; /* [s] CPU time of tasks that ended; of children waited for (all of it user time) */
    struct event child_event;  /* a child changed its state; for wait4 */
    struct task *vfork_waiter; /* [s] who sleeps until this process execs or ends */
    struct event vfork_done;
};

/* [o] the task itself   [s] process->lock */
struct task {
    int tid;                 /* [I] */
    struct process *process; /* [I] a reference */
    struct thread *thread;   /* [I] */
    struct user_context context;
    struct list link;        /* [s] */
    uint64_t blocked;        /* [s] signal mask; written by the task alone */
    uint64_t pending;        /* [s] */
    struct list queued;      /* [s] */
    uint64_t saved_mask;     /* [o] sigsuspend, ppoll: to restore after the handler */
    bool restore_mask;       /* [o] */
    uintptr_t altstack;      /* [o] */
    uint64_t altstack_size;  /* [o] */
    uint32_t altstack_flags; /* [o] */
    uintptr_t clear_tid;     /* [o] set_tid_address */
    uintptr_t robust_list;   /* [o] */
    uint64_t start_ns;       /* [I] */
};

/* The running ones; NULL in a kernel thread. IRQL: any. */
struct task *task_current(void);
struct process *process_current(void);

/* By number, with a reference; NULL. PASSIVE_LEVEL. process_put() at PASSIVE_LEVEL. */
struct process *process_find(int pid);
void process_get(struct process *p);
void process_put(struct process *p);

/* All processes, also zombies, by ascending number; show() at PASSIVE_LEVEL with the tree lock held: it must not block on programs. */
void process_for_each(void (*show)(void *context, struct process *p), void *context);
/* The numbers of processes > after, ascending, at most n of them. For /proc. Returns how many. PASSIVE_LEVEL. */
unsigned process_list(int after, int *pids, unsigned n);

/* CPU time used so far in ns, of all tasks. */
uint64_t process_time(struct process *p);

/* Sessions and groups. PASSIVE_LEVEL. */
int process_setsid(void);                         /* the new session's number, or -EPERM */
int process_setpgid(int pid, int pgid);           /* 0, -ESRCH, -EPERM, -EINVAL, -EACCES */
bool process_group_in_session(int pgid, int sid); /* is there such a group in that session? */
/* The terminal hangs up or its session ends: no process keeps it. */
void process_tty_forget(struct tty *tty);

/* Numbers for loadavg and limits. */
unsigned process_count(void);
