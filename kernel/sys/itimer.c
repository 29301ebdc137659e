/*
 * A process's interval timer of real time: alarm(2), setitimer(2).
 */
#include "kernel/sched/process.h"
#include "kernel/sys/life.h"
#include "kernel/sys/syscall.h"

enum { ITIMER_REAL };

/* sys/time.h */
struct itimerval {
    int64_t interval[2], value[2]; /* seconds, microseconds */
};

static void
alarm_fire(struct timer *t)
{
    struct process *p = container_of(t, struct process, alarm);
    uint8_t old = spin_lock(&p->lock);

    p->alarm_deadline = p->alarm_period ? p->alarm_deadline + p->alarm_period : 0;
    spin_unlock(&p->lock, old);
    signal_process(p, SIGALRM, NULL);
}

void
alarm_init(struct process *p)
{
    timer_init_call(&p->alarm, alarm_fire);
}

void
alarm_stop(struct process *p)
{
    timer_cancel(&p->alarm);
}

/* ns until it fires next, 0: it is not set; and its period. */
static uint64_t
alarm_get(struct process *p, uint64_t *period)
{
    uint8_t old = spin_lock(&p->lock);
    uint64_t deadline = p->alarm_deadline, now = time_now();

    *period = p->alarm_period;
    spin_unlock(&p->lock, old);
    if (!deadline)
        return 0;
    return deadline > now ? deadline - now : 1;
}

/* ns 0: off. */
static void
alarm_set(struct process *p, uint64_t ns, uint64_t period)
{
    uint64_t deadline = ns ? timer_deadline(ns) : 0;
    uint8_t old;

    timer_cancel(&p->alarm);
    old = spin_lock(&p->lock);
    p->alarm_deadline = deadline;
    p->alarm_period = ns ? period : 0;
    spin_unlock(&p->lock, old);
    if (ns)
        timer_set(&p->alarm, deadline, period, NULL);
}

SYSCALL(alarm)
{
    struct process *p = process_current();
    uint64_t period, left = alarm_get(p, &period);

    alarm_set(p, SECONDS((uint64_t)(uint32_t)a), 0);
    return (long)((left + SECONDS(1) - 1) / SECONDS(1));
}

static int
timeval_ns(const int64_t tv[2], uint64_t *ns)
{
    if (tv[0] < 0 || tv[1] < 0 || tv[1] >= 1000000)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)tv[0], SECONDS(1), ns) ||
        __builtin_add_overflow(*ns, US((uint64_t)tv[1]), ns))
        *ns = UINT64_MAX / 2; /* some 300 years */
    return 0;
}

static void
ns_timeval(uint64_t ns, int64_t tv[2])
{
    tv[0] = (int64_t)(ns / SECONDS(1));
    tv[1] = (int64_t)(ns % SECONDS(1) / US(1));
}

static int
itimer_put(uintptr_t at)
{
    struct itimerval v;
    uint64_t period, left = alarm_get(process_current(), &period);

    ns_timeval(left, v.value);
    ns_timeval(period, v.interval);
    return user_write(at, &v, sizeof(v));
}

SYSCALL(getitimer)
{
    return (int)a != ITIMER_REAL ? -EINVAL : itimer_put(b);
}

SYSCALL(setitimer)
{
    struct itimerval v = {0};
    uint64_t value, period;

    if ((int)a != ITIMER_REAL)
        return -EINVAL;
    if (b && user_read(&v, b, sizeof(v)))
        return -EFAULT;
    if (timeval_ns(v.value, &value) || timeval_ns(v.interval, &period))
        return -EINVAL;
    if (c && itimer_put(c))
        return -EFAULT;
    alarm_set(process_current(), value, period);
    return 0;
}
