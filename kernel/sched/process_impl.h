/*
 * Between process.c (numbers, the table), family.c (the tree), task.c and signal*.c.
 *
 * Spin locks, in this order: numbers_lock; process->lock; signal_actions.lock.
 */
#pragma once
#include "kernel/sched/process.h"

#define PID_MAX 32768
#define PID_FIRST                                                                                            \
    300 /* after the numbers have been used up once, the lower ones stay with those who have them */

/*
 * A number in use: by a process, by a task, by a group, by a session, or by several of these. [n] numbers_lock
 */
struct number {
    int value;               /* [I] */
    uint32_t refs;           /* [n] */
    struct process *process; /* [n] who has it; NULL: nobody yet, or not any more */
    struct task *task;       /* [n] likewise */
    struct list members;     /* [n] struct process.member of the group */
    struct number *next;     /* [n] in its chain of the table */
};

/* What a process does on each signal; CLONE_SIGHAND shares it. */
struct signal_actions {
    uint32_t refs; /* [a] */
    spinlock_t lock;
    struct signal_action action[SIGNALS]; /* [lock] */
};

extern spinlock_t numbers_lock;
extern struct list processes; /* [t] struct process.all by number; and numbers_lock */

/* A new number with one reference; NULL: no memory, or none is free. IRQL: PASSIVE_LEVEL. */
struct number *number_new(void);

/* Locks: numbers_lock held. */
struct number *number_find(int value);
static inline struct number *
number_get(struct number *n)
{
    n->refs++;
    return n;
}
void number_put(struct number *n);

/* Move a process to another group and session. Locks: the tree lock, numbers_lock. */
void group_set(struct process *p, struct number *group, struct number *session);
void group_leave(struct process *p);

/* Locks: p->lock held. info: NULL: SI_KERNEL. t NULL: any task. Returns as signal_process(). */
int signal_send(struct process *p, struct task *t, int signal, const struct signal_info *info);

/* Take out and free what waits in a queue. Locks: p->lock held. */
void signal_queue_clear(struct process *p, struct list *queued);

/* Signals for any task, of which one that does not block them may not know: wake those. Locks: p->lock held. */
void signal_retarget(struct process *p);

/* The next of `wanted` that is pending for a task. Locks: its process's lock. Returns: its number, or 0. */
int signal_dequeue(struct task *t, uint64_t wanted, struct signal_info *info);
