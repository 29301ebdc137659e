#include "kernel/console/tty.h"
#include "kernel/console/screen.h"
#include "kernel/console/serial.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sched/process.h"
#include "kernel/sync/dispatch.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define DECISECOND MS(100) /* VTIME's unit */

#define POLLIN  0x041u /* with POLLRDNORM */
#define POLLOUT 0x104u
#define POLLHUP 0x010u

struct tty console_tty;

/* Called with the lock held: what has to be done is kept until it is released. */
static void
echo_keep(struct discipline *d, const char *text, size_t n)
{
    struct tty *t = container_of(d, struct tty, discipline);

    n = MIN(n, sizeof(t->echo) - t->echo_count);
    memcpy(t->echo + t->echo_count, text, n);
    t->echo_count += n;
}

static void
signal_keep(struct discipline *d, int signal)
{
    container_of(d, struct tty, discipline)->raise = signal;
}

void
tty_init(unsigned outputs)
{
    struct tty *t = &console_tty;
    unsigned columns, rows;

    spin_init(&t->lock, LOCK_DEVICE, "tty");
    discipline_init(&t->discipline);
    t->discipline.echo = echo_keep;
    t->discipline.signal = signal_keep;
    t->outputs = outputs;
    event_init(&t->changed, EVENT_MANUAL, false);
    poll_queue_init(&t->queue);
    screen_size(&columns, &rows);
    t->size = (struct tty_size){.rows = (uint16_t)(rows ? rows : 24),
                                .columns = (uint16_t)(columns ? columns : 80)};
}

void
tty_write(const char *bytes, size_t n)
{
    if (console_tty.outputs & TTY_SERIAL)
        serial_write(bytes, n);
    if (console_tty.outputs & TTY_SCREEN)
        screen_write(bytes, n);
}

static void
input_byte(struct tty *t, uint8_t byte)
{
    uint8_t old = spin_lock(&t->lock);
    char echo[sizeof(t->echo)];
    size_t n;
    int signal, group;

    discipline_input(&t->discipline, byte);
    n = t->echo_count;
    memcpy(echo, t->echo, n);
    t->echo_count = 0;
    signal = t->raise;
    t->raise = 0;
    group = t->foreground;
    spin_unlock_raw(&t->lock);
    tty_write(echo, n);
    if (signal && group)
        signal_group(group, signal, NULL);
    dispatch_lower(old);
}

void
tty_input(const char *bytes, size_t n)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    for (size_t i = 0; i < n; i++)
        input_byte(&console_tty, (uint8_t)bytes[i]);
    event_set(&console_tty.changed);
    poll_wake(&console_tty.queue);
    dispatch_lower(old);
}

/* ---- job control ---- */

/* Is the running process of this terminal's session, but not of its foreground group? */
static bool
in_background(const struct tty *t)
{
    const struct process *p = process_current();

    return p && p->tty == t && t->foreground && p->pgid != t->foreground;
}

/* A background process does what only the foreground may: its group stops. Returns -EINTR, or -EIO if it cannot. */
static int
background_stop(int signal)
{
    struct process *p = process_current();

    if (signal_is_ignored(signal))
        return signal == SIGTTOU ? 0 : -EIO;
    if (process_is_orphaned(p))
        return -EIO;
    signal_group(p->pgid, signal, NULL);
    return -EINTR;
}

int
tty_write_check(struct tty *t)
{
    if (!(t->discipline.termios.local & TOSTOP) || !in_background(t))
        return 0;
    return background_stop(SIGTTOU);
}

int
tty_control(struct tty *t)
{
    struct process *p = process_current();
    uint8_t old;
    int err = 0;

    if (p->sid != p->pid || (p->tty && p->tty != t))
        return -EPERM;
    old = spin_lock(&t->lock);
    if (t->session && t->session != p->sid) {
        err = -EPERM;
    } else {
        t->session = p->sid;
        t->foreground = p->pgid;
        t->hung_up = false;
        p->tty = t;
    }
    spin_unlock(&t->lock, old);
    return err;
}

void
tty_session_end(struct tty *t)
{
    uint8_t old = spin_lock(&t->lock);
    int group = t->foreground;

    t->session = t->foreground = 0;
    t->hung_up = true;
    discipline_init(&t->discipline);
    t->discipline.echo = echo_keep;
    t->discipline.signal = signal_keep;
    spin_unlock(&t->lock, old);
    if (group) {
        signal_group(group, SIGHUP, NULL);
        signal_group(group, SIGCONT, NULL);
    }
    event_set(&t->changed);
    poll_wake(&t->queue);
}

/* ---- reading ---- */

/* One look. Returns bytes, 0: end of file, -EAGAIN: nothing yet; *wait: how long to wait for it. */
static long
read_now(struct tty *t, uint8_t *bytes, size_t size, uint64_t *wait)
{
    struct discipline *d = &t->discipline;
    uint8_t old = spin_lock(&t->lock);
    bool raw = !(d->termios.local & ICANON);
    uint8_t least = d->termios.character[VMIN], time = d->termios.character[VTIME];
    long n = -EAGAIN;

    *wait = raw && time ? time * DECISECOND : WAIT_FOREVER;
    if (discipline_ready(d) || (raw && least > size && discipline_count(d) >= size))
        n = (long)discipline_read(d, bytes, size);
    else if (raw && !least && !time)
        n = (long)discipline_read(d, bytes, size);
    else if (raw && least && time && !discipline_count(d))
        *wait = WAIT_FOREVER; /* the clock starts with the first byte */
    if (n == -EAGAIN && t->hung_up)
        n = 0;
    if (n == -EAGAIN)
        event_clear(&t->changed);
    spin_unlock(&t->lock, old);
    return n;
}

/* The time between bytes is over: what there is. */
static long
read_rest(struct tty *t, uint8_t *bytes, size_t size)
{
    uint8_t old = spin_lock(&t->lock);
    long n = (long)discipline_read(&t->discipline, bytes, size);

    spin_unlock(&t->lock, old);
    return n;
}

long
tty_read(struct tty *t, uint8_t *bytes, size_t size, bool block)
{
    for (;;) {
        uint64_t wait;
        long n;
        int err = in_background(t) ? background_stop(SIGTTIN) : 0;

        if (err)
            return err;
        n = read_now(t, bytes, size, &wait);
        if (n != -EAGAIN || !block)
            return n;
        err = wait_event_interruptible(&t->changed.waitable, wait);
        if (err == -EINTR)
            return err;
        if (err == -ETIMEDOUT)
            return read_rest(t, bytes, size);
    }
}

unsigned
tty_poll(struct tty *t, struct poll_waiter *w, struct event *event)
{
    unsigned is = POLLOUT;
    uint8_t old;

    if (w)
        poll_add(&t->queue, w, event);
    old = spin_lock(&t->lock);
    if (discipline_ready(&t->discipline))
        is |= POLLIN;
    if (t->hung_up)
        is |= POLLHUP | POLLIN;
    spin_unlock(&t->lock, old);
    return is;
}

uint64_t
tty_dropped(void)
{
    uint8_t old = spin_lock(&console_tty.lock);
    uint64_t n = console_tty.discipline.dropped;

    spin_unlock(&console_tty.lock, old);
    return n;
}
