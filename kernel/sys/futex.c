/*
 * futex(2), and the lists of robust mutexes that threads leave behind.
 */
#include "kernel/sched/futex.h"
#include "kernel/hw/clock.h"
#include "kernel/sched/process.h"
#include "kernel/sys/call.h"
#include "kernel/sys/life.h"

/* linux/futex.h */
enum {
    FUTEX_WAIT,
    FUTEX_WAKE,
    FUTEX_FD,
    FUTEX_REQUEUE,
    FUTEX_CMP_REQUEUE,
    FUTEX_WAKE_OP,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
};
#define FUTEX_PRIVATE    128u
#define FUTEX_REALTIME   256u
#define FUTEX_OWNER      0x3fffffffu /* the thread's number in a mutex's word */
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_WAITERS    0x80000000u

#define ROBUST_MAX       2048 /* of one list: a program may have tied it into a ring */
#define ROBUST_HEAD_SIZE 24

/* The moment until which to wait. absolute: by the monotonic clock, or by the wall's. */
static int
deadline_get(uintptr_t at, bool absolute, bool wall, uint64_t *deadline)
{
    uint64_t ns, now = time_now(), then;
    int err = call_timespec(at, &ns);

    if (err)
        return err;
    if (ns == UINT64_MAX) {
        *deadline = UINT64_MAX;
        return 0;
    }
    if (absolute && !wall) {
        *deadline = ns;
        return 0;
    }
    then = absolute ? wall_clock_now() : 0;
    ns = ns > then ? ns - then : 0;
    *deadline = ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
    return 0;
}

static long
wait_call(uintptr_t at, unsigned op, uint32_t value, uintptr_t timeout, uint32_t mask)
{
    bool absolute = (op & 127) == FUTEX_WAIT_BITSET;
    uint64_t deadline;
    int err = deadline_get(timeout, absolute, op & FUTEX_REALTIME, &deadline);

    if (err)
        return err;
    if (!mask)
        return -EINVAL;
    err = futex_wait(at, !(op & FUTEX_PRIVATE), value, mask, deadline);
    if (err == -EINTR && (!timeout || absolute))
        return -ERESTARTSYS;
    return err;
}

SYSCALL(futex)
{
    unsigned op = (unsigned)b, most = MIN((unsigned)c, (unsigned)INT32_MAX);
    bool shared = !(op & FUTEX_PRIVATE);
    uint32_t expected = (uint32_t)f;

    switch (op & ~(FUTEX_PRIVATE | FUTEX_REALTIME)) {
    case FUTEX_WAIT:
        return wait_call(a, op, (uint32_t)c, d, FUTEX_ANY);
    case FUTEX_WAIT_BITSET:
        return wait_call(a, op, (uint32_t)c, d, (uint32_t)f);
    case FUTEX_WAKE:
        return futex_wake(a, shared, most, FUTEX_ANY);
    case FUTEX_WAKE_BITSET:
        return (uint32_t)f ? futex_wake(a, shared, most, (uint32_t)f) : -EINVAL;
    case FUTEX_REQUEUE:
        return futex_requeue(a, e, shared, most, (unsigned)d, NULL);
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(a, e, shared, most, (unsigned)d, &expected);
    case FUTEX_WAKE_OP:
        return futex_wake_op(a, e, shared, most, (unsigned)d, (uint32_t)f);
    default:
        return -ENOSYS;
    }
}

/* ---- robust lists ---- */

SYSCALL(set_robust_list)
{
    if (b != ROBUST_HEAD_SIZE)
        return -EINVAL;
    task_current()->robust_list = a;
    return 0;
}

SYSCALL(get_robust_list)
{
    uint64_t size = ROBUST_HEAD_SIZE;
    struct task *t = task_current();

    if ((int)a && (int)a != t->tid)
        return -EPERM;
    if (user_write(b, &t->robust_list, sizeof(t->robust_list)) || user_write(c, &size, sizeof(size)))
        return -EFAULT;
    return 0;
}

/* A mutex of the list, if the thread has it indeed. */
static void
mutex_abandon(const struct task *t, uintptr_t at)
{
    uint32_t was, expected;

    if (user_load32(at, &was))
        return;
    do {
        expected = was;
        if ((expected & FUTEX_OWNER) != (uint32_t)t->tid)
            return;
        if (user_cmpxchg32(at, expected, (expected & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &was))
            return;
    } while (was != expected);
    if (was & FUTEX_WAITERS)
        futex_wake(at, true, 1, FUTEX_ANY);
}

/* The head: the first entry, the offset from entries to words, an entry that is just being locked or unlocked. */
void
robust_list_walk(struct task *t)
{
    uint64_t head[3], entry;

    if (!t->robust_list || user_read(head, t->robust_list, sizeof(head)))
        return;
    entry = head[0];
    for (unsigned i = 0; i < ROBUST_MAX && (entry & ~1ull) != t->robust_list; i++) {
        uint64_t next;
        bool more = user_read(&next, entry & ~1ull, sizeof(next)) == 0;

        if (entry != head[2])
            mutex_abandon(t, (entry & ~1ull) + head[1]);
        if (!more)
            return;
        entry = next;
    }
    if (head[2])
        mutex_abandon(t, (head[2] & ~1ull) + head[1]);
}
