/*
 * System calls about scheduling: processors, policies (there is one), turns, barriers.
 */
#include "kernel/cpu/smp.h"
#include "kernel/sched/process.h"
#include "kernel/sys/syscall.h"
#include "lib/field.h"

SYSCALL(sched_yield)
{
    thread_yield();
    return 0;
}

/* ---- processors ---- */

/* Is it the number of the caller, or of any task? */
static bool
task_exists(int tid)
{
    return tid == 0 || signal_thread(0, tid, 0, NULL) == 0;
}

static bool
is_self(int tid)
{
    return tid == 0 || tid == task_current()->tid;
}

SYSCALL(sched_getaffinity)
{
    uint64_t mask = smp_mask_all();

    if (b < sizeof(mask) || b % sizeof(mask))
        return -EINVAL;
    if (!task_exists((int)a))
        return -ESRCH;
    if (is_self((int)a))
        mask &= thread_current()->affinity;
    return user_write(c, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

/* A task's own alone: others' threads may end meanwhile. */
SYSCALL(sched_setaffinity)
{
    uint64_t mask = 0;

    if (user_read(&mask, c, MIN(b, sizeof(mask))))
        return -EFAULT;
    if (!task_exists((int)a))
        return -ESRCH;
    return is_self((int)a) ? thread_set_affinity(thread_current(), mask) : -EPERM;
}

/* ---- policies: linux/sched.h ---- */

enum { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5 };

static bool
is_policy(int policy)
{
    return policy >= SCHED_OTHER && policy <= SCHED_IDLE && policy != 4;
}

SYSCALL(sched_get_priority_min)
{
    return !is_policy((int)a) ? -EINVAL : (int)a == SCHED_FIFO || (int)a == SCHED_RR;
}

SYSCALL(sched_get_priority_max)
{
    return !is_policy((int)a) ? -EINVAL : (int)a == SCHED_FIFO || (int)a == SCHED_RR ? 99 : 0;
}

SYSCALL(sched_getscheduler)
{
    return (int)a < 0 ? -EINVAL : task_exists((int)a) ? SCHED_OTHER : -ESRCH;
}

SYSCALL(sched_getparam)
{
    int32_t priority = 0;

    if ((int)a < 0 || !b)
        return -EINVAL;
    return task_exists((int)a) ? user_write(b, &priority, sizeof(priority)) : -ESRCH;
}

/* Only what is so anyway. */
static long
policy_set(int tid, int policy, uintptr_t parameter)
{
    int32_t priority;

    if (tid < 0 || !is_policy(policy & 0xff) || !parameter)
        return -EINVAL;
    if (user_read(&priority, parameter, sizeof(priority)))
        return -EFAULT;
    if (!task_exists(tid))
        return -ESRCH;
    if ((policy & 0xff) == SCHED_FIFO || (policy & 0xff) == SCHED_RR)
        return -EPERM;
    return priority ? -EINVAL : 0;
}

SYSCALL(sched_setscheduler)
{
    return policy_set((int)a, (int)b, c);
}

SYSCALL(sched_setparam)
{
    return policy_set((int)a, SCHED_OTHER, b);
}

/* ---- membarrier: linux/membarrier.h ---- */

enum {
    MEMBARRIER_QUERY = 0,
    MEMBARRIER_GLOBAL = 1,
    MEMBARRIER_PRIVATE_EXPEDITED = 8,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16,
};

static void
barrier_here(void *context)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

SYSCALL(membarrier)
{
    if (b)
        return -EINVAL;
    switch ((int)a) {
    case MEMBARRIER_QUERY:
        return MEMBARRIER_GLOBAL | MEMBARRIER_PRIVATE_EXPEDITED | MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
    case MEMBARRIER_GLOBAL:
    case MEMBARRIER_PRIVATE_EXPEDITED:
        smp_call(smp_mask_all(), barrier_here, NULL);
        return 0;
    case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
        return 0;
    default:
        return -EINVAL;
    }
}
