/*
 * Waiting for files: poll(2), select(2) and their relatives. (No epoll: who needs it takes these.)
 */
#include "kernel/mem/pool.h"
#include "kernel/sync/poll.h"
#include "kernel/sys/call.h"
#include "lib/field.h"
#include "lib/string.h"

#define POLL_TAG     POOL_TAG('p', 'o', 'l', 'l')
#define SELECT_MAX   1024
#define SELECT_WORDS (SELECT_MAX / 64)

/* poll.h of Linux */
struct pollfd {
    int32_t fd;
    int16_t events, revents;
};
_Static_assert(sizeof(struct pollfd) == 8, "poll.h");

/* One file that is waited for. */
struct watch {
    struct poll_waiter waiter;
    struct file *file; /* a reference; NULL: no such number */
};

struct poll_set {
    struct event event;
    struct watch *watch; /* count of them */
    struct pollfd *fds;
    unsigned count;
};

/* One look at all; the first look enters the waiters. Returns how many have something. */
static long
poll_look(struct poll_set *p, bool enter)
{
    long ready = 0;

    for (unsigned i = 0; i < p->count; i++) {
        struct pollfd *fd = &p->fds[i];
        struct watch *w = &p->watch[i];
        unsigned wanted = (unsigned)fd->events | POLLERR | POLLHUP, is;

        if (fd->fd < 0)
            is = 0;
        else if (!w->file)
            is = POLLNVAL;
        else
            is = file_poll(w->file, enter ? &w->waiter : NULL, &p->event) & wanted;
        fd->revents = (int16_t)is;
        ready += is != 0;
    }
    return ready;
}

/* deadline: by the monotonic clock, UINT64_MAX: none. Returns how many are ready, or -EINTR. */
static long
poll_wait(struct poll_set *p, uint64_t deadline)
{
    long ready = poll_look(p, true);

    while (!ready) {
        uint64_t now = time_now();
        int err;

        if (deadline <= now)
            return 0;
        err = wait_event_interruptible(&p->event.waitable,
                                       deadline == UINT64_MAX ? WAIT_FOREVER : deadline - now);
        ready = poll_look(p, false);
        if (err == -EINTR && !ready)
            return -EINTR;
    }
    return ready;
}

/* fds are in kernel memory; their revents are filled in. */
static long
poll_files(struct pollfd *fds, unsigned count, uint64_t deadline)
{
    struct poll_set p = {.fds = fds, .count = count};
    long ready;

    p.watch = pool_zalloc(MAX(count, 1u) * sizeof(*p.watch), POLL_TAG);
    if (!p.watch)
        return -ENOMEM;
    event_init(&p.event, EVENT_AUTO, false);
    for (unsigned i = 0; i < count; i++)
        if (fds[i].fd >= 0)
            p.watch[i].file = call_file((uint64_t)fds[i].fd);
    ready = poll_wait(&p, deadline);
    for (unsigned i = 0; i < count; i++) {
        poll_remove(&p.watch[i].waiter);
        file_put(p.watch[i].file);
    }
    pool_free(p.watch, POLL_TAG);
    return ready;
}

static uint64_t
deadline_of(uint64_t ns)
{
    uint64_t now = time_now();

    return ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
}

static long
poll_call(uintptr_t at, uint64_t count, uint64_t ns)
{
    struct pollfd *fds;
    long ready;

    if (count > FD_MAX)
        return -EINVAL;
    fds = pool_alloc(MAX(count, 1ul) * sizeof(*fds), POLL_TAG);
    if (!fds)
        return -ENOMEM;
    ready = user_read(fds, at, count * sizeof(*fds)) ? -EFAULT
                                                     : poll_files(fds, (unsigned)count, deadline_of(ns));
    if (ready >= 0 && user_write(at, fds, count * sizeof(*fds)))
        ready = -EFAULT;
    pool_free(fds, POLL_TAG);
    return ready;
}

SYSCALL(poll)
{
    return poll_call(a, (unsigned)b, (int)c < 0 ? UINT64_MAX : MS((uint64_t)(int)c));
}

/* What is left of the time goes back to the program, as Linux has it. */
static void
left_put(uintptr_t at, uint64_t deadline)
{
    uint64_t now = time_now();

    if (at)
        call_put_timespec(at, deadline > now ? deadline - now : 0);
}

SYSCALL(ppoll)
{
    uint64_t ns, deadline;
    long ready;
    int err = call_timespec(c, &ns);

    if (!err)
        err = call_mask_set(d, e);
    if (err)
        return err;
    deadline = deadline_of(ns);
    ready = poll_call(a, (unsigned)b, ns);
    call_mask_done(d, ready);
    left_put(c, deadline);
    return ready;
}

/* ---- the signal mask of ppoll and pselect6 ---- */

int
call_mask_set(uintptr_t at, uint64_t size)
{
    struct task *self = task_current();
    uint64_t mask;

    if (!at)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (user_read(&mask, at, sizeof(mask)))
        return -EFAULT;
    self->saved_mask = self->blocked;
    signal_mask_set(mask);
    return 0;
}

void
call_mask_done(uintptr_t at, long result)
{
    struct task *self = task_current();

    if (!at)
        return;
    if (result == -EINTR)
        self->restore_mask = true;
    else
        signal_mask_set(self->saved_mask);
}

/* ---- select ---- */

enum { SET_READ, SET_WRITE, SET_EXCEPT, SETS };

/* linux/poll.h: what select's three sets mean */
static const uint16_t set_events[SETS] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR,
                                          POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

struct select_call {
    uint64_t set[SETS][SELECT_WORDS];
    struct pollfd fds[SELECT_MAX];
    unsigned count; /* of fds */
};

static int
sets_get(struct select_call *s, unsigned n, const uintptr_t at[SETS])
{
    for (unsigned i = 0; i < SETS; i++)
        if (at[i] && user_read(s->set[i], at[i], DIV_ROUND_UP(n, 64) * 8))
            return -EFAULT;
    for (unsigned fd = 0; fd < n; fd++) {
        unsigned events = 0;

        for (unsigned i = 0; i < SETS; i++)
            if (s->set[i][fd / 64] >> (fd % 64) & 1)
                events |= set_events[i];
        if (events)
            s->fds[s->count++] = (struct pollfd){.fd = (int32_t)fd, .events = (int16_t)events};
    }
    return 0;
}

/* The sets as they go back. Returns the number of bits in them, or -EBADF. */
static long
sets_make(struct select_call *s)
{
    long bits = 0;

    for (unsigned i = 0; i < s->count; i++) {
        const struct pollfd *p = &s->fds[i];

        if (p->revents & POLLNVAL)
            return -EBADF;
        for (unsigned k = 0; k < SETS; k++) {
            uint64_t *word = &s->set[k][p->fd / 64], bit = 1ull << (p->fd % 64);

            if (!(*word & bit))
                continue;
            if (p->revents & set_events[k])
                bits++;
            else
                *word &= ~bit;
        }
    }
    return bits;
}

static long
select_files(unsigned n, const uintptr_t at[SETS], uint64_t deadline)
{
    struct select_call *s = pool_zalloc(sizeof(*s), POLL_TAG);
    long result;

    if (!s)
        return -ENOMEM;
    result = sets_get(s, n, at);
    if (result == 0)
        result = poll_files(s->fds, s->count, deadline);
    if (result >= 0)
        result = sets_make(s);
    for (unsigned i = 0; i < SETS && result >= 0; i++)
        if (at[i] && user_write(at[i], s->set[i], DIV_ROUND_UP(n, 64) * 8))
            result = -EFAULT;
    pool_free(s, POLL_TAG);
    return result;
}

static long
select_call(uint64_t n, uint64_t in, uint64_t out, uint64_t except, uint64_t deadline)
{
    const uintptr_t at[SETS] = {in, out, except};

    if ((int)n < 0)
        return -EINVAL;
    return select_files(MIN((unsigned)n, (unsigned)SELECT_MAX), at, deadline);
}

SYSCALL(select)
{
    int64_t tv[2] = {0};
    uint64_t deadline = UINT64_MAX, now;
    long ready;

    if (e) {
        if (user_read(tv, e, sizeof(tv)))
            return -EFAULT;
        if (tv[0] < 0 || tv[1] < 0)
            return -EINVAL;
        if ((uint64_t)tv[0] < UINT64_MAX / SECONDS(4) && (uint64_t)tv[1] < UINT64_MAX / US(4))
            deadline = deadline_of(SECONDS((uint64_t)tv[0]) + US((uint64_t)tv[1]));
    }
    ready = select_call(a, b, c, d, deadline);
    now = time_now();
    if (e && deadline != UINT64_MAX) {
        uint64_t left = deadline > now ? deadline - now : 0;

        tv[0] = (int64_t)(left / SECONDS(1));
        tv[1] = (int64_t)(left % SECONDS(1) / US(1));
        (void)user_write(e, tv, sizeof(tv)); /* as on Linux, the result stands even so */
    }
    return ready;
}

SYSCALL(pselect6)
{
    uint64_t mask[2] = {0}, ns, deadline;
    long ready;
    int err = f && user_read(mask, f, sizeof(mask)) ? -EFAULT : call_timespec(e, &ns);

    if (!err)
        err = call_mask_set(mask[0], mask[1]);
    if (err)
        return err;
    deadline = deadline_of(ns);
    ready = select_call(a, b, c, d, deadline);
    call_mask_done(mask[0], ready);
    left_put(e, deadline);
    return ready;
}
