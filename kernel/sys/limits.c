/*
 * Limits, and what was used: getrlimit(2), getrusage(2), times(2), priorities.
 */
#include "kernel/sched/process.h"
#include "kernel/sys/call.h"
#include "kernel/sys/life.h"
#include "kernel/sys/usage.h"
#include "lib/field.h"

#define FILES_MAX FD_MAX

/* ---- limits ---- */

void
limits_of(struct process *p, struct vm_limits *limits)
{
    limits->size = p->limits[RLIMIT_AS].now;
    limits->stack = p->limits[RLIMIT_STACK].now;
    limits->data = p->limits[RLIMIT_DATA].now;
}

/* A process by number, 0: the caller's, with a reference. */
static struct process *
process_get_by(int pid)
{
    struct process *p = process_current();

    if (pid && pid != p->pid)
        return process_find(pid);
    process_get(p);
    return p;
}

static int
limit_set(struct process *p, unsigned which, const struct rlimit *set)
{
    struct vm_limits limits;
    struct vm_space *s;
    uint8_t old;

    if (set->now > set->max)
        return -EINVAL;
    if (which == RLIMIT_NOFILE && set->max > FILES_MAX)
        return -EPERM;
    old = spin_lock(&p->lock);
    p->limits[which] = *set;
    spin_unlock(&p->lock, old);
    s = process_space(p);
    if (s) {
        limits_of(p, &limits);
        vm_set_limits(s, &limits);
        vm_put(s);
    }
    return 0;
}

static long
limit_call(int pid, unsigned which, uintptr_t set_at, uintptr_t get_at)
{
    struct rlimit set, was;
    struct process *p;
    uint8_t old;
    int err = 0;

    if (which >= RLIMITS)
        return -EINVAL;
    if (set_at && user_read(&set, set_at, sizeof(set)))
        return -EFAULT;
    p = process_get_by(pid);
    if (!p)
        return -ESRCH;
    old = spin_lock(&p->lock);
    was = p->limits[which];
    spin_unlock(&p->lock, old);
    if (set_at)
        err = limit_set(p, which, &set);
    process_put(p);
    if (!err && get_at && user_write(get_at, &was, sizeof(was)))
        return -EFAULT;
    return err;
}

SYSCALL(getrlimit)
{
    return b ? limit_call(0, (unsigned)a, 0, b) : -EFAULT;
}

SYSCALL(setrlimit)
{
    return b ? limit_call(0, (unsigned)a, b, 0) : -EFAULT;
}

SYSCALL(prlimit64)
{
    return limit_call((int)a, (unsigned)b, c, d);
}

/* ---- use ---- */

void
usage_fill(struct rusage *u, uint64_t ns, struct vm_space *space)
{
    struct vm_stats stats = {0};

    if (space)
        vm_stats(space, &stats);
    *u = (struct rusage){.user = {(int64_t)(ns / SECONDS(1)), (int64_t)(ns % SECONDS(1) / US(1))},
                         .max_resident = (int64_t)(stats.peak_resident / KiB(1)),
                         .minor_faults = (int64_t)stats.minor_faults};
}

enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };

SYSCALL(getrusage)
{
    struct process *p = process_current();
    struct rusage u;

    switch ((int)a) {
    case RUSAGE_SELF:
        usage_fill(&u, process_time(p), p->space);
        break;
    case RUSAGE_CHILDREN:
        usage_fill(&u, p->child_ns, NULL);
        break;
    case RUSAGE_THREAD:
        usage_fill(&u, thread_time(thread_current()), p->space);
        break;
    default:
        return -EINVAL;
    }
    return user_write(b, &u, sizeof(u));
}

/* In ticks of 1/100 s, AT_CLKTCK. */
SYSCALL(times)
{
    struct process *p = process_current();
    int64_t t[4] = {(int64_t)(process_time(p) / MS(10)), 0, (int64_t)(p->child_ns / MS(10)), 0};

    if (a && user_write(a, t, sizeof(t)))
        return -EFAULT;
    return (long)(time_now() / MS(10));
}

/* ---- priorities ---- */

#define NICE_MIN  (-20)
#define NICE_MAX  19
#define NICE_STEP 4 /* of nice for one of the scheduler's */

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

/* getpriority and setpriority of several processes. [o] its caller's */
struct nice_call {
    int which, who;
    bool set;
    int nice;   /* to set */
    int lowest; /* found */
    bool found;
};

static void
nice_set(struct process *p, int nice)
{
    unsigned priority = (unsigned)(PRIORITY_NORMAL - nice / NICE_STEP);
    uint8_t old = spin_lock(&p->lock);
    struct task *t;

    p->nice = (int8_t)nice;
    list_for_each_entry(t, &p->tasks, link)
        thread_set_priority(t->thread, priority);
    spin_unlock(&p->lock, old);
}

static void
nice_one(void *context, struct process *p)
{
    struct nice_call *c = context;

    if (p->state == PROCESS_ZOMBIE || (c->which == PRIO_PROCESS && p->pid != c->who) ||
        (c->which == PRIO_PGRP && p->pgid != c->who))
        return;
    c->found = true;
    c->lowest = MIN(c->lowest, p->nice);
    if (c->set)
        nice_set(p, c->nice);
}

static int
nice_do(struct nice_call *c)
{
    struct process *self = process_current();

    if (c->which < PRIO_PROCESS || c->which > PRIO_USER)
        return -EINVAL;
    if (c->which == PRIO_USER && c->who)
        return -ESRCH;
    if (!c->who)
        c->who = c->which == PRIO_PGRP ? self->pgid : self->pid;
    c->lowest = NICE_MAX;
    process_for_each(nice_one, c);
    return c->found ? 0 : -ESRCH;
}

SYSCALL(getpriority)
{
    struct nice_call call = {.which = (int)a, .who = (int)b};
    int err = nice_do(&call);

    return err ? err : 20 - call.lowest;
}

SYSCALL(setpriority)
{
    struct nice_call call = {
        .which = (int)a, .who = (int)b, .set = true, .nice = MAX(NICE_MIN, MIN(NICE_MAX, (int)c))};

    return nice_do(&call);
}
