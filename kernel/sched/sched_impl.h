/*
 * Run queues: between sched.c (who runs), idle.c (who has nothing to run) and thread.c (beginning and end).
 *
 * I1  A thread is RUNNING on processor t->cpu, or READY and in that processor's run queue, or READY and in nobody's
 *     because somebody is just moving it (`queued` says which), or BLOCKED, or ENDED.
 * I2  t->cpu changes under the lock of the run queue that it names.
 * I3  The lock of a run queue is held from the decision to switch until the next thread has unlocked it. So
 *     whoever gets the lock knows that a thread that does not run here any more has left its stack.
 */
#pragma once
#include "kernel/sched/thread.h"
#include "kernel/sync/timer.h"

/* [q] lock, DISPATCH_LEVEL */
struct run_queue {
    spinlock_t lock;
    uint32_t cpu;           /* [I] */
    uint32_t ready;         /* [q] bit p: list[p] is not empty; others look without the lock */
    uint8_t priority;       /* [q] of what runs or is about to; others look without the lock */
    bool slice_armed;       /* [q] the timer `slice` is set or about to be */
    bool slice_over;        /* [q] the running thread has used its slice up and another one waits */
    struct thread *current; /* [q] */
    struct thread *idle;    /* [I] */
    uint64_t switches;      /* [q] */
    struct timer slice;
    struct list list[PRIORITIES]; /* [q] struct thread.link, next to run first */
};
extern PERCPU struct run_queue run_queue;

extern uint64_t sched_online; /* [a] processors that run threads */
extern uint64_t sched_idle;   /* [a] those whose idle thread looks for work or sleeps */

/* Set up this processor's queue, with what runs now and what is to run when nothing else does. */
void run_queue_init(struct thread *current, struct thread *idle);

/* Put a ready thread in, or take it out. Locks: q->lock held. */
void run_queue_add(struct run_queue *q, struct thread *t);
void run_queue_remove(struct run_queue *q, struct thread *t);

/* Lock the run queue that a thread belongs to. IRQL: DISPATCH_LEVEL. */
struct run_queue *run_queue_lock_of(const struct thread *t);

/* Switch from the running thread, whose state is set, to the best ready one. Locks: q->lock held, given up. */
void sched_switch(struct run_queue *q, struct thread *from);

/* Where every new thread's stack begins: unlock, lower to PASSIVE_LEVEL. */
void sched_first(void);

/* The switch as dispatch_run() calls it: to a better thread, or to an equal one at the end of a slice. */
void sched_preempt(void);

static inline bool
thread_may_run_on(const struct thread *t, uint32_t cpu)
{
    return t->affinity >> cpu & 1;
}

/* thread.c: fill in what every thread has, and put it into the list of all unless it is an idle one. */
void thread_prepare(struct thread *t, const char *name, unsigned priority, uint64_t affinity);
void thread_list_add(struct thread *t);

/* thread.c: memory for a thread, with FPU state, without a stack; or NULL. */
struct thread *thread_alloc(void);

/* Ticks of the time stamp counter in nanoseconds. IRQL: any. */
uint64_t ticks_to_ns(uint64_t ticks);
