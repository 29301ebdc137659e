/*
 * System calls about time: clocks, sleeping.
 */
#include "kernel/cpu/tsc.h"
#include "kernel/hw/clock.h"
#include "kernel/sys/call.h"

enum {
    CLOCK_REALTIME,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_THREAD_CPUTIME_ID,
    CLOCK_MONOTONIC_RAW,
    CLOCK_REALTIME_COARSE,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_BOOTTIME,
};
#define TIMER_ABSTIME 1

struct timespec {
    int64_t seconds, ns;
};

static int
timespec_ns(const struct timespec *t, uint64_t *ns)
{
    if (t->seconds < 0 || t->ns < 0 || t->ns >= (int64_t)SECONDS(1))
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)t->seconds, SECONDS(1), ns) ||
        __builtin_add_overflow(*ns, (uint64_t)t->ns, ns))
        *ns = UINT64_MAX; /* more than 500 years */
    return 0;
}

int
call_timespec(uintptr_t at, uint64_t *ns)
{
    struct timespec t;

    *ns = UINT64_MAX;
    if (!at)
        return 0;
    if (user_read(&t, at, sizeof(t)))
        return -EFAULT;
    return timespec_ns(&t, ns);
}

int
call_put_timespec(uintptr_t at, uint64_t ns)
{
    struct timespec t = {(int64_t)(ns / SECONDS(1)), (int64_t)(ns % SECONDS(1))};

    return at ? user_write(at, &t, sizeof(t)) : 0;
}

/* A clock's time in ns. Returns 0 or -EINVAL. */
static int
clock_read(int id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ns = wall_clock_now();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = time_now();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = process_time(process_current());
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = thread_time(thread_current());
        return 0;
    default:
        return -EINVAL;
    }
}

SYSCALL(clock_gettime)
{
    uint64_t ns;
    int err = clock_read((int)a, &ns);

    if (err)
        return err;
    return b ? call_put_timespec(b, ns) : -EFAULT;
}

SYSCALL(clock_getres)
{
    uint64_t ns;
    int err = clock_read((int)a, &ns);

    return err ? err : call_put_timespec(b, 1);
}

SYSCALL(clock_settime)
{
    uint64_t ns;
    int err = b ? call_timespec(b, &ns) : -EFAULT;

    if (err)
        return err;
    if ((int)a != CLOCK_REALTIME)
        return -EINVAL;
    wall_clock_set(ns);
    return 0;
}

SYSCALL(gettimeofday)
{
    uint64_t ns = wall_clock_now();
    int64_t tv[2] = {(int64_t)(ns / SECONDS(1)), (int64_t)(ns % SECONDS(1) / US(1))};
    int32_t zone[2] = {0};

    if ((a && user_write(a, tv, sizeof(tv))) || (b && user_write(b, zone, sizeof(zone))))
        return -EFAULT;
    return 0;
}

SYSCALL(settimeofday)
{
    int64_t tv[2];

    if (!a)
        return 0;
    if (user_read(tv, a, sizeof(tv)))
        return -EFAULT;
    if (tv[0] < 0 || tv[1] < 0 || tv[1] >= 1000000 || (uint64_t)tv[0] > UINT64_MAX / SECONDS(2))
        return -EINVAL;
    wall_clock_set(SECONDS((uint64_t)tv[0]) + US((uint64_t)tv[1]));
    return 0;
}

SYSCALL(time)
{
    int64_t now = (int64_t)(wall_clock_now() / SECONDS(1));

    if (a && user_write(a, &now, sizeof(now)))
        return -EFAULT;
    return now;
}

/* Sleep until `deadline` by time_now(). Returns 0 or -EINTR. */
static int
sleep_until(uint64_t deadline)
{
    struct event never;
    uint64_t now;
    int err = -ETIMEDOUT;

    event_init(&never, EVENT_MANUAL, false);
    while (err == -ETIMEDOUT && (now = time_now()) < deadline)
        err = wait_event_interruptible(&never.waitable,
                                       deadline == UINT64_MAX ? WAIT_FOREVER : deadline - now);
    return err == -EINTR ? -EINTR : 0;
}

static long
sleep_for(uint64_t ns, uintptr_t left)
{
    uint64_t now = time_now(), deadline = ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
    int err = sleep_until(deadline);

    now = time_now();
    if (err && call_put_timespec(left, deadline > now ? deadline - now : 0))
        return -EFAULT;
    return err;
}

SYSCALL(nanosleep)
{
    uint64_t ns;
    int err = a ? call_timespec(a, &ns) : -EFAULT;

    return err ? err : sleep_for(ns, b);
}

SYSCALL(clock_nanosleep)
{
    uint64_t ns, now;
    int err = c ? call_timespec(c, &ns) : -EFAULT;

    if (!err)
        err = clock_read((int)a, &now);
    if (err)
        return err;
    if ((int)a == CLOCK_THREAD_CPUTIME_ID || (int)a == CLOCK_PROCESS_CPUTIME_ID)
        return -EOPNOTSUPP;
    if (!(b & TIMER_ABSTIME))
        return sleep_for(ns, d);
    if (ns <= now)
        return 0;
    return call_restart(sleep_until(ns == UINT64_MAX ? ns : time_now() + (ns - now)));
}
