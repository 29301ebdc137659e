/*
 * ioctl(2) on terminals: Linux's requests (asm-generic/ioctls.h).
 */
#include "kernel/console/tty.h"
#include "kernel/cpu/user.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"

#define TCGETS     0x5401
#define TCSETS     0x5402
#define TCSETSW    0x5403
#define TCSETSF    0x5404
#define TCSBRK     0x5409
#define TCXONC     0x540a
#define TCFLSH     0x540b
#define TIOCSCTTY  0x540e
#define TIOCGPGRP  0x540f
#define TIOCSPGRP  0x5410
#define TIOCOUTQ   0x5411
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD   0x541b
#define TIOCNOTTY  0x5422
#define TIOCGSID   0x5429

#define TCIFLUSH  0
#define TCOFLUSH  1
#define TCIOFLUSH 2

static long
termios_get(struct tty *t, uintptr_t to)
{
    uint8_t old = spin_lock(&t->lock);
    struct termios copy = t->discipline.termios;

    spin_unlock(&t->lock, old);
    return user_write(to, &copy, sizeof(copy));
}

/* What was written has been written: there is nothing to wait for. */
static long
termios_set(struct tty *t, uintptr_t from, bool flush)
{
    struct termios wanted;
    uint8_t old;

    if (user_read(&wanted, from, sizeof(wanted)))
        return -EFAULT;
    old = spin_lock(&t->lock);
    if (flush)
        discipline_flush(&t->discipline);
    discipline_set(&t->discipline, &wanted);
    spin_unlock(&t->lock, old);
    event_set(&t->changed); /* who waits looks again, by the new rules */
    return 0;
}

static long
flush(struct tty *t, uintptr_t which)
{
    uint8_t old;

    if (which > TCIOFLUSH)
        return -EINVAL;
    if (which == TCOFLUSH)
        return 0;
    old = spin_lock(&t->lock);
    discipline_flush(&t->discipline);
    spin_unlock(&t->lock, old);
    return 0;
}

static long
number_put(uintptr_t to, int n)
{
    return user_write(to, &n, sizeof(n));
}

static long
foreground_set(struct tty *t, uintptr_t from)
{
    const struct process *p = process_current();
    int group;
    uint8_t old;

    if (user_read(&group, from, sizeof(group)))
        return -EFAULT;
    if (p->tty != t || t->session != p->sid)
        return -ENOTTY;
    if (group < 0)
        return -EINVAL;
    if (!process_group_in_session(group, p->sid))
        return -EPERM;
    if (t->foreground && p->pgid != t->foreground && !signal_is_ignored(SIGTTOU)) {
        signal_group(p->pgid, SIGTTOU, NULL);
        return -EINTR;
    }
    old = spin_lock(&t->lock);
    t->foreground = group;
    spin_unlock(&t->lock, old);
    return 0;
}

static long
size_set(struct tty *t, uintptr_t from)
{
    struct tty_size size;
    uint8_t old;
    bool changed;
    int group;

    if (user_read(&size, from, sizeof(size)))
        return -EFAULT;
    old = spin_lock(&t->lock);
    changed = size.rows != t->size.rows || size.columns != t->size.columns;
    t->size = size;
    group = t->foreground;
    spin_unlock(&t->lock, old);
    if (changed && group)
        signal_group(group, SIGWINCH, NULL);
    return 0;
}

static long
count_get(struct tty *t, uintptr_t to)
{
    uint8_t old = spin_lock(&t->lock);
    int n = (int)discipline_count(&t->discipline);

    spin_unlock(&t->lock, old);
    return number_put(to, n);
}

/* A session's leader gives the terminal up for all of it. */
static long
give_up(struct tty *t)
{
    struct process *p = process_current();

    if (p->tty != t)
        return -ENOTTY;
    if (p->sid == p->pid) {
        tty_session_end(t);
        process_tty_forget(t);
    }
    p->tty = NULL;
    return 0;
}

long
tty_ioctl(struct tty *t, unsigned request, uintptr_t argument)
{
    bool mine = process_current()->tty == t;

    switch (request) {
    case TCGETS:
        return termios_get(t, argument);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return termios_set(t, argument, request == TCSETSF);
    case TCFLSH:
        return flush(t, argument);
    case TCSBRK:
    case TCXONC:
        return 0;
    case TIOCSCTTY:
        return tty_control(t);
    case TIOCNOTTY:
        return give_up(t);
    case TIOCGPGRP:
        return mine ? number_put(argument, t->foreground) : -ENOTTY;
    case TIOCSPGRP:
        return foreground_set(t, argument);
    case TIOCGSID:
        return mine ? number_put(argument, t->session) : -ENOTTY;
    case TIOCGWINSZ:
        return user_write(argument, &t->size, sizeof(t->size));
    case TIOCSWINSZ:
        return size_set(t, argument);
    case TIOCOUTQ:
        return number_put(argument, 0);
    case FIONREAD:
        return count_get(t, argument);
    default:
        return -ENOTTY;
    }
}
