/*
 * Threads and who runs when.
 *
 * 32 priorities; on each processor the ready thread of the highest runs. Threads of equal priority take turns
 * of THREAD_SLICE when one waits for another. Each processor has its run queue; a thread that wakes goes to a
 * processor that idles, else to one that runs something of lower priority, else to the one where it ran last;
 * a processor about to idle takes from the others.
 *
 * A thread ends by returning from its function or by thread_exit(), never from outside. Whoever created it
 * calls thread_join() or thread_detach() exactly once.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/context.h"
#include "kernel/cpu/percpu.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/event.h"
#include "kernel/sync/wait.h"
#include "kernel/sync/work.h"

#define THREAD_SLICE    MS(10)
#define THREAD_NAME_MAX 24

enum {
    PRIORITY_IDLE = 0, /* the idle threads alone */
    PRIORITY_LOWEST = 1,
    PRIORITY_NORMAL = 8,
    PRIORITY_HIGH = 16, /* system threads that others wait for */
    PRIORITY_HIGHEST = 31,
    PRIORITIES = 32
};

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_ENDED };

struct mutex;
struct task;

/* struct thread.wait_state of a wait that has not ended; kernel/sync/wait_impl.h tells how. OPEN: interruptible. */
enum { WAIT_ARMED = INT32_MIN, WAIT_BLOCKED, WAIT_ARMED_OPEN, WAIT_BLOCKED_OPEN };

/* [I] fixed at creation   [q] lock of run queue `cpu`   [o] the thread itself
 * [p] the inheritance lock of mutex.c   [t] the thread list's lock   [a] atomic */
struct thread {
    struct context context;     /* [q] stack pointer and FPU area: first, switch.S */
    int32_t wait_state;         /* [a] WAIT_ARMED, WAIT_BLOCKED, or how the last wait ended */
    uint32_t cpu;               /* [q] where it runs, or ran last */
    uint8_t priority;           /* [q] in effect: base or inherited, the higher */
    uint8_t base_priority;      /* [p] */
    uint8_t state;              /* [q] enum thread_state */
    bool queued;                /* [q] in a run queue */
    struct list link;           /* [q] run queue; while being woken: the waker's */
    uint64_t affinity;          /* [q] bit n: may run on processor n */
    uint64_t slice_start;       /* [q] run_ticks when its slice began */
    uint64_t switched_in;       /* [q] ticks */
    uint64_t run_ticks;         /* [q] time run until switched_in */
    uint64_t switches;          /* [q] times it was given a processor */
    struct event ended;         /* set when it has left its stack for good */
    struct mutex *blocked_on;   /* [p] */
    struct list contended;      /* [p] mutexes it owns that others wait for */
    void *stack;                /* [I] top; NULL: not from stack_alloc() (boot, idle) */
    void (*run)(void *context); /* [I] */
    void *run_context;          /* [I] */
    int exit_code;              /* [o] */
    struct task *task;          /* [I] the program's thread that it carries; NULL: none */
    uint8_t fate;               /* [a] enum thread_fate of thread.c */
    struct dpc left_dpc;        /* runs when it has left its stack, or its processor for another */
    struct work reap;           /* frees a detached one */
    struct list all;            /* [t] */
    uint64_t id;                /* [I] ascending, never used again */
    char name[THREAD_NAME_MAX]; /* [I] */
};

/*
 * The running context becomes the first thread, and this processor's idle thread is made. Boot processor, once,
 * interrupts off; after mem_init(), irq_init(), the measuring of the clocks and fpu_init(). Panics without memory.
 */
void sched_init(void);

/*
 * The running context of another processor becomes its idle thread, at PASSIVE_LEVEL. Interrupts off; after
 * fpu_init() and irq_init_secondary() there.
 */
_Noreturn void sched_start_secondary(void);

/*
 * Make a thread that runs run(context) and start it.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -ENOMEM; -EINVAL for a priority outside PRIORITY_LOWEST..PRIORITY_HIGHEST or an affinity
 *          without a processor
 */
int thread_create(struct thread **out, const char *name, unsigned priority, void (*run)(void *context),
                  void *context);
int thread_create_on(struct thread **out, const char *name, unsigned priority, uint64_t affinity,
                     void (*run)(void *context), void *context);

/*
 * The same in two steps, for who has something to do to the thread before it runs: thread_start() it, or thread_drop()
 * it, which frees it.
 */
int thread_create_stopped(struct thread **out, const char *name, unsigned priority, uint64_t affinity,
                          void (*run)(void *context), void *context);
void thread_start(struct thread *t);
void thread_drop(struct thread *t);

/*
 * Have a program's thread look what is to be done (user_vectors.leave) before it goes on in ring 3: a wait that is
 * interruptible ends with -EINTR, a processor that runs it in ring 3 enters the kernel. IRQL: <= DISPATCH_LEVEL.
 */
void thread_interrupt(struct thread *t);

/* End the running thread, which owns no mutex and holds no lock. PASSIVE_LEVEL. */
_Noreturn void thread_exit(int code);

/* Wait for its end and free it. PASSIVE_LEVEL. Returns: 0 and *code (may be NULL); -ETIMEDOUT: still there. */
int thread_join(struct thread *t, uint64_t timeout, int *code);

/* Give the thread up: it is freed when it ends. PASSIVE_LEVEL. */
void thread_detach(struct thread *t);

/* Base priority. IRQL <= DISPATCH_LEVEL. Returns: the old one, or -EINVAL. */
int thread_set_priority(struct thread *t, unsigned priority);

/* Processors it may run on. The caller itself moves at once, others at their next turn.
 * PASSIVE_LEVEL. Returns: 0, or -EINVAL without a processor that runs. */
int thread_set_affinity(struct thread *t, uint64_t affinity);

/* Give others of the same priority their turn. IRQL <= APC_LEVEL. */
void thread_yield(void);

/* Sleep at least `ns`. IRQL <= APC_LEVEL; WAIT_FOREVER is not allowed. */
void thread_sleep(uint64_t ns);

/* Processor time it has used, in ns. IRQL <= DISPATCH_LEVEL. */
uint64_t thread_time(const struct thread *t);

/* What `threads` shows. */
struct thread_info {
    uint64_t id;
    char name[THREAD_NAME_MAX];
    uint8_t state, priority, base_priority;
    uint32_t cpu;
    uint64_t affinity, run_ns, switches;
    uint64_t stack_used; /* high-water mark in bytes; 0: not known */
};

/* Calls show() for every thread but the idle ones, at PASSIVE_LEVEL, no lock held. PASSIVE_LEVEL. */
void thread_for_each(void (*show)(void *context, const struct thread_info *i), void *context);

/* Nanoseconds that processor n has idled; its thread switches. */
uint64_t sched_idle_ns(uint32_t cpu);
uint64_t sched_switches(uint32_t cpu);

/* The rest is for kernel/sync, which ends waits: not for others. */

/*
 * Block the running thread until its wait is claimed (kernel/sync/wait_impl.h). Returns: false if it was before.
 * IRQL: DISPATCH_LEVEL, no locks held; comes back at DISPATCH_LEVEL, perhaps on another processor.
 */
bool sched_block(void);

/* Make a thread ready whose wait was claimed after it had blocked. IRQL: DISPATCH_LEVEL; then dispatch_lower(). */
void sched_wake(struct thread *t);

/* Set the priority in effect, moving it in its run queue. IRQL: DISPATCH_LEVEL; then dispatch_lower(). */
void sched_set_priority(struct thread *t, uint8_t priority);
