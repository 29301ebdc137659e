/*
 * Processes, and the program threads (tasks) in them. A task is carried by one struct thread, whose `task` it is.
 *
 * Life: process_new() makes a process without tasks; task_new() adds one; a process ends when its last task
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
#include "kernel/sync/poll.h"
#include "kernel/sync/timer.h"

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

struct signal_actions; /* what is done on each signal; counted: CLONE_SIGHAND shares it */
struct number;         /* process.c: a number that a process, task, group or session has */

/*
 * [I] fixed   [t] the tree lock   [s] lock, DISPATCH_LEVEL   [a] atomic
 * [o] changed by its only task, or with all tasks at rest, under lock: others read it under lock
 */
struct process {
    int pid;       /* [I] */
    int pgid, sid; /* [t] and the numbers' lock, so either suffices to read */
    uint32_t refs; /* [a] */
    spinlock_t lock;
    struct number *number;          /* [I] */
    struct number *group, *session; /* as pgid, sid */
    struct list member;             /* [t] of its group; and the numbers' lock */
    struct process *parent;         /* [t] NULL: process 1, or not in the tree */
    int parent_pid;                 /* [a] its number, 0: none */
    struct list children;           /* [t] struct process.sibling */
    struct list sibling;            /* [t] */
    struct list all;                /* [t] every process, by number; and the numbers' lock */
    struct list tasks;              /* [s] struct task.link */
    uint32_t task_count;            /* [s] */
    uint8_t state;                  /* [s] enum process_state */
    bool exiting;                   /* [s] exit_group or a deadly signal: all tasks are to end */
    bool execed;                    /* [a] it runs another program than its parent */
    bool stopping;                  /* [s] a stop signal was taken, and no SIGCONT has come since */
    bool stop_reported, continued;  /* [s] the stop was waited for; a SIGCONT that nobody has waited for */
    bool resumed;                   /* [s] SIGCONT has come and the parent is to be told */
    int exit_status;                /* [s] as wait4 gives it: code << 8 | signal */
    int stop_signal;                /* [s] of the last stop */
    int exit_signal;                /* [t] to the parent, SIGCHLD mostly */
    int death_signal;               /* [a] when its parent ends (prctl), or 0 */
    struct signal_actions *actions; /* [o] NULL: a zombie */
    uint64_t pending;               /* [s] for any task */
    struct list queued;             /* [s] struct signal_queued */
    uint32_t queued_count;          /* [s] here and in all tasks */
    struct vm_space *space;         /* [o] NULL: a zombie; so the next three */
    struct fd_table *files;         /* [o] */
    struct fs_context *fs;          /* [o] */
    struct dentry *executable;      /* [o] a reference, for /proc/PID/exe */
    struct list aio;                /* [s] struct aio_context.link */
    struct tty *tty;                /* [t] controlling terminal, NULL: none */
    char name[PROCESS_NAME_MAX];    /* [o] */
    int8_t nice;                    /* [s] -20 .. 19 */
    uintptr_t arguments, arguments_end, environment, environment_end; /* [o] program addresses */
    struct rlimit limits[RLIMITS];                                    /* [s] */
    uint64_t start_ns;                                                /* [I] since boot */
    uint64_t dead_ns,
        child_ns; /* [s] CPU time of tasks that ended; of children waited for (all of it user time) */
    struct poll_queue child_queue; /* a child changed its state; for wait4 */
    struct event resume;           /* set while it is not stopped */
    struct event alone;            /* exec: only one task is left */
    struct event *vfork_done;      /* [s] of the parent, who sleeps until this process execs or ends */
    struct timer alarm;            /* ITIMER_REAL */
    uint64_t alarm_period;         /* [s] ns */
    uint64_t alarm_deadline;       /* [s] ns of time_now(); 0: not set */
};

/* [I] fixed   [o] the task itself   [s] process->lock   [n] the numbers' lock */
struct task {
    int tid;                 /* [n] changed by exec alone */
    struct process *process; /* [I] a reference */
    struct number *number;   /* [n] */
    struct thread *thread;   /* [I] */
    struct trap_frame first; /* [I] registers to begin with */
    struct user_context context;
    struct list link;        /* [s] */
    bool ending;             /* [s] another task execs: end */
    uint64_t blocked;        /* [s] signal mask; written by the task alone */
    uint64_t waited;         /* [s] signals that it waits for (sigtimedwait), blocked or not */
    uint64_t pending;        /* [s] */
    struct list queued;      /* [s] */
    uint64_t saved_mask;     /* [o] sigsuspend, ppoll: to restore after the handler */
    bool restore_mask;       /* [o] */
    uintptr_t altstack;      /* [o] */
    uint64_t altstack_size;  /* [o] */
    uint32_t altstack_flags; /* [o] */
    uintptr_t clear_tid;     /* [o] set_tid_address */
    uintptr_t set_tid;       /* [o] CLONE_CHILD_SETTID: where to write the number at first */
    uint64_t fault_address;  /* [o] of its last page fault that became a signal */
    uintptr_t robust_list;   /* [o] */
    uint64_t start_ns;       /* [I] */
};

/* The running ones; NULL in a kernel thread. IRQL: any. */
static inline struct task *
task_current(void)
{
    return thread_current()->task;
}
struct process *process_current(void);

/* By number, with a reference; NULL. PASSIVE_LEVEL. process_put() at PASSIVE_LEVEL. */
struct process *process_find(int pid);
void process_get(struct process *p);
void process_put(struct process *p);

/* All processes, also zombies, by ascending number; show() at PASSIVE_LEVEL with the tree lock held: it must not block on programs. */
void process_for_each(void (*show)(void *context, struct process *p), void *context);
/* The numbers of processes > after, ascending, at most n of them. For /proc. Returns how many. PASSIVE_LEVEL. */
unsigned process_list(int after, int *pids, unsigned n);

/* CPU time used so far in ns, of all tasks; of one. */
uint64_t process_time(struct process *p);

/* References to what it has, for others than itself; NULL: a zombie. */
struct vm_space *process_space(struct process *p);

/* Sessions and groups. PASSIVE_LEVEL. */
int process_setsid(void);                         /* the new session's number, or -EPERM */
int process_setpgid(int pid, int pgid);           /* 0, -ESRCH, -EPERM, -EINVAL, -EACCES */
bool process_group_in_session(int pgid, int sid); /* is there such a group in that session? */
/* The terminal hangs up or its session ends: no process keeps it. */
void process_tty_forget(struct tty *tty);

/* Processes, zombies among them; and tasks. For loadavg and limits. */
unsigned process_count(void);
unsigned task_count(void);

/* ---- beginning and end, for kernel/sys ---- */

/* Once, before all else here. */
void process_init(void);

/*
 * A process that nobody sees yet, with a number, limits and one reference; no tasks, nothing shared with anybody.
 * process_put() gives it up again. PASSIVE_LEVEL. Returns: 0; -EAGAIN: too many; -ENOMEM
 */
int process_new(struct process **out);

/*
 * Put it into the tree: a child of `parent`, of its group, session and terminal (NULL: the first of all); or, sibling, a
 * child of the parent's parent. The tree has its own reference. It has no task yet, but can be signalled.
 */
void process_publish(struct process *p, struct process *parent, bool sibling);

/*
 * A task of the process, and the thread that will call run(task); its number is the process's if it is the first, whose
 * `space` is set. Not yet in the process's list. PASSIVE_LEVEL. Returns: 0; -EAGAIN: RLIMIT_NPROC; -ENOMEM
 */
int task_new(struct process *p, void (*run)(void *task), struct task **out);

/*
 * It begins, or (task_drop) never will. Returns: 0; -EINTR: the process is ending (the task is still the caller's; not
 * for the first one).
 */
int task_start(struct task *t);
void task_drop(struct task *t);

/*
 * The running task takes itself out of its process; it is no program's any more: it touches no program memory, and
 * ends with task_end(). Returns: was it the last?
 */
bool task_leave(void);
_Noreturn void task_end(void);

/* All other tasks of the running task's process end; then it has the process's number. Returns 0 or -EINTR (killed). */
int task_alone(void);

/* Wait until an event is set, or the running task is to end: 0 or -EINTR. Other signals wait. PASSIVE_LEVEL. */
int task_wait_killable(struct event *e);

/*
 * Have all tasks of a process end; the first status stands. IRQL: <= DISPATCH_LEVEL
 */
void process_kill(struct process *p, int status);

/*
 * The last task has left, and space, files and so on are given back: children go to process 1, the process becomes a zombie
 * (or goes, if its parent does not care), its parent hears of it. PASSIVE_LEVEL.
 */
void process_end(struct process *p);

/* Tell the parent that it was stopped or continued (CLD_). PASSIVE_LEVEL. */
void process_report(struct process *p, int code);

/* Is the group of p without a member whose parent is of the same session, but of another group? PASSIVE_LEVEL. */
bool process_is_orphaned(struct process *p);

/* The tree lock: children and parents stay as they are. */
void process_tree_lock(void);
void process_tree_unlock(void);

/* A zombie child of the caller goes for good. Locks: the tree lock. The reference of the tree goes to the caller. */
void process_reap(struct process *zombie);

/* The process that vfork suspended goes on; also if there is none. */
void process_vfork_done(struct process *p);

/* What runs when process 1 ends (status as wait4 gives it). */
void process_on_first_end(void (*run)(int status));

/* What runs when the leader of a session with a terminal ends, before process_tty_forget(). */
void process_on_session_end(void (*run)(struct tty *tty));
