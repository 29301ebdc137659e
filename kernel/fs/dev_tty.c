/*
 * The console as devices: /dev/console, /dev/tty1 and /dev/ttyS0 are one terminal, shown and typed on all its devices;
 * /dev/tty is the one that controls the process.
 */
#include "kernel/console/tty.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"
#include "lib/field.h"

#define CONSOLE makedev(5, 1)

static long
tty_file_read(struct file *f, struct uio *u, uint64_t position)
{
    uint8_t bytes[512];
    long n = tty_read(f->private, bytes, MIN(u->left, sizeof(bytes)), !(f->flags & O_NONBLOCK));

    return n > 0 ? uio_to(u, bytes, (size_t)n) : n;
}

static long
tty_file_write(struct file *f, struct uio *u, uint64_t position)
{
    long done = tty_write_check(f->private);

    if (done)
        return done;
    while (u->left) {
        char bytes[512];
        long n = uio_from(u, bytes, sizeof(bytes));

        if (n <= 0)
            return done ? done : n;
        tty_write(bytes, (size_t)n);
        done += n;
    }
    return done;
}

/* A session's leader without a terminal gets this one by opening it, unless it says O_NOCTTY, or by /dev/console. */
static int
tty_file_open(struct file *f)
{
    const struct process *p = process_current();
    struct tty *t = f->private;

    if (!t) {
        t = f->private = p ? p->tty : NULL;
        return t ? 0 : -ENXIO;
    }
    if (p && f->vnode->rdev != CONSOLE && p->sid == p->pid && !p->tty && !t->session &&
        !(f->flags & O_NOCTTY))
        tty_control(t);
    return 0;
}

static unsigned
tty_file_poll(struct file *f, struct poll_waiter *w, struct event *event)
{
    return tty_poll(f->private, w, event);
}

static long
tty_file_ioctl(struct file *f, unsigned request, uintptr_t argument)
{
    return tty_ioctl(f->private, request, argument);
}

static const struct fs_ops tty_ops = {
    .open = tty_file_open,
    .read = tty_file_read,
    .write = tty_file_write,
    .poll = tty_file_poll,
    .ioctl = tty_file_ioctl,
};

int
dev_tty_init(void)
{
    int err = devfs_add("console", S_IFCHR | 0600, makedev(5, 1), &tty_ops, &console_tty);

    process_on_session_end(tty_session_end);
    if (!err)
        err = devfs_add("tty", S_IFCHR | 0666, makedev(5, 0), &tty_ops, NULL);
    if (!err)
        err = devfs_add("tty1", S_IFCHR | 0600, makedev(4, 1), &tty_ops, &console_tty);
    if (!err)
        err = devfs_add("ttyS0", S_IFCHR | 0600, makedev(4, 64), &tty_ops, &console_tty);
    return err;
}
