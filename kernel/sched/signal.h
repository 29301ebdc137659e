/*
 * Signals: Linux's numbers, structures and defaults. Sending marks and interrupts; the target itself acts on it when it
 * leaves the kernel (kernel/sys/signal.c).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"

/* clang-format off */
#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGABRT   6
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGUSR1   10
#define SIGSEGV   11
#define SIGUSR2   12
#define SIGPIPE   13
#define SIGALRM   14
#define SIGTERM   15
#define SIGSTKFLT 16
#define SIGCHLD   17
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXCPU   24
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGIO     29
#define SIGPWR    30
#define SIGSYS    31
#define SIGNALS   64
/* clang-format on */
#define SIGNAL_BIT(n) (1ull << ((n)-1))

/* Linux's siginfo_t, as far as it is used; 128 bytes for programs. */
struct signal_info {
    int32_t signo, error, code;
    int32_t pad;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status;
            int64_t utime, stime;
        } child; /* and kill: pid, uid */
        struct {
            uint64_t address;
        } fault;
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value;
        } queue;
        uint8_t bytes[112];
    };
};
_Static_assert(sizeof(struct signal_info) == 128, "siginfo_t");

/* si_code */
enum {
    SI_USER = 0,
    SI_KERNEL = 0x80,
    SI_TIMER = -2,
    SI_TKILL = -6,
    SEGV_MAPERR = 1,
    SEGV_ACCERR = 2,
    BUS_ADRALN = 1,
    BUS_ADRERR = 2,
    FPE_INTDIV = 1,
    FPE_FLTINV = 7,
    ILL_ILLOPN = 2,
    TRAP_BRKPT = 1,
    TRAP_TRACE = 2,
    CLD_EXITED = 1,
    CLD_KILLED,
    CLD_DUMPED,
    CLD_TRAPPED,
    CLD_STOPPED,
    CLD_CONTINUED
};

/* Linux's struct sigaction as rt_sigaction takes it. */
struct signal_action {
    uint64_t handler; /* 0: default, 1: ignore */
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};
#define SA_NOCLDSTOP 1u
#define SA_NOCLDWAIT 2u
#define SA_SIGINFO   4u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u
#define SA_RESTORER  0x04000000u

#define SIGNAL_DEFAULT 0 /* signal_action.handler */
#define SIGNAL_IGNORED 1
#define SIGNAL_KERNEL  (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP)) /* neither blocked nor handled */

struct process;
struct task;
struct signal_actions;

/*
 * Send to a process (any thread that does not block it), to one thread, to every process of a group.
 * info NULL: SI_KERNEL. The signal 0 only asks whether there is somebody.
 * IRQL:    <= DISPATCH_LEVEL (from the terminal's DPC too)
 * Returns: 0; -ESRCH; -EINVAL: no such signal; -EAGAIN: no memory for a queued one
 */
int signal_process(struct process *p, int signal, const struct signal_info *info);
int signal_task(struct task *t, int signal, const struct signal_info *info);
int signal_group(int pgid, int signal, const struct signal_info *info);

/* Has the running program thread a signal to act on? IRQL: any. */
bool signal_pending(void);

/* Would the running thread's process ignore it or block it (terminals: SIGTTIN, SIGTTOU)? */
bool signal_is_ignored(int signal);

/*
 * Set the running task's mask (without SIGKILL and SIGSTOP, whatever is asked); what this lets through is acted on when
 * the task leaves the kernel. PASSIVE_LEVEL, on behalf of a program.
 */
void signal_mask_set(uint64_t mask);

/* ---- the target's side, for kernel/sys ---- */

/* What happens without a handler. */
enum signal_deed { SIGNAL_TERMINATES, SIGNAL_DOES_NOTHING, SIGNAL_STOPS, SIGNAL_CONTINUES };
enum signal_deed signal_deed(int signal);

/*
 * Take a pending signal of `wanted` from the running task, or its process: those of its own deeds first, then the
 * lowest. *action: what is to be done (SA_RESETHAND has been obeyed). One that stops by default marks the process as
 * about to stop. Returns: its number, or 0.
 */
int signal_take(uint64_t wanted, struct signal_info *info, struct signal_action *action);

/*
 * Wait up to `timeout` ns for one of `set`, blocked or not, and take it; no handler runs.
 * Returns: its number; -EAGAIN: none has come; -EINTR: another one has
 */
int signal_wait(uint64_t set, uint64_t timeout, struct signal_info *info);

/* Pending for the running task, blocked or not. */
uint64_t signal_pending_set(void);

/*
 * For the running task by its own deed (a fault): if it is blocked or ignored, that ends, and with it the program.
 * Returns: will it end the program (there is no handler)?
 */
bool signal_force(int signal, const struct signal_info *info);

/* All others stop too, unless SIGCONT has come since signal_take(). Returns: did it? */
bool signal_stop(int signal);

/* What is done on a signal: get and set. -EINVAL: no such signal, or one that cannot be set. */
int signal_action_swap(int signal, const struct signal_action *set, struct signal_action *was);

/* A table of defaults, or a copy, with one reference; NULL: no memory. */
struct signal_actions *signal_actions_new(const struct signal_actions *from);
void signal_actions_get(struct signal_actions *a);
void signal_actions_put(struct signal_actions *a);

/* exec: what had a handler has none any more. The table is the running process's alone. */
void signal_actions_reset(struct signal_actions *a);

/* By number (tkill): group 0: any process. -ESRCH. */
int signal_thread(int group, int tid, int signal, const struct signal_info *info);

/* All but process 1 and `but` (kill -1). -ESRCH if there is none. */
int signal_all(const struct process *but, int signal, const struct signal_info *info);
