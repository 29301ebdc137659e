/*
 * How programs begin and end: between clone.c, exec.c, exit.c, deliver.c and start.c.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/user.h"
#include "kernel/mem/vm.h"

struct process;
struct task;

/* What process 1 is to run; strings of the kernel. */
struct exec_first {
    const char *path;
    char *const *argv, *const *envp;
};

/* exec.c: the running task's process becomes that program. Returns 0: *f is how it begins; or -errno. */
int exec_first(const struct exec_first *from, struct trap_frame *f);

/* exit.c: the running task ends; `status` as wait4 gives it counts if it is the last of a process that is not killed. */
_Noreturn void task_exit(int status);

/* exit.c: what programs have asked to be done to their memory when a task goes (or execs): robust futexes, clear_tid. */
void task_robust_end(void);

/* exit.c: space, files and what else a process has (also one that never ran) are given back. */
void process_strip(struct process *p);

/* limits.c: what its address space has to obey. */
void limits_of(struct process *p, struct vm_limits *limits);

/* deliver.c, fault.c: what kernel/cpu calls. */
void deliver_leave(struct trap_frame *f);
void fault_exception(struct trap_frame *f, uint64_t address);
int fault_page(uintptr_t address, uint64_t error);

/* fault.c: end the running process by a signal that nothing can stop, and say why. */
void fault_kill(const struct trap_frame *f, int signal, const char *why, uint64_t address);

/* itimer.c: a process's timer is made; is stopped for good. */
void alarm_init(struct process *p);
void alarm_stop(struct process *p);

/* futex.c: the mutexes that a thread still holds, as its robust list says, are marked and handed on. */
void robust_list_walk(struct task *t);
