/*
 * The console as devices.
 */
#include "kernel/console/tty.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "lib/errno.h"
#include "lib/field.h"

static long
tty_file_read(struct file *f, struct uio *u, uint64_t position)
{
    char bytes[256];
    long n = tty_read(bytes, MIN(u->left, sizeof(bytes)), WAIT_FOREVER);

    return n > 0 ? uio_to(u, bytes, (size_t)n) : n;
}

static long
tty_file_write(struct file *f, struct uio *u, uint64_t position)
{
    long done = 0;

    while (u->left) {
        char bytes[256];
        long n = uio_from(u, bytes, sizeof(bytes));

        if (n <= 0)
            return done ? done : n;
        tty_write(bytes, (size_t)n);
        done += n;
    }
    return done;
}

static const struct fs_ops tty_ops = {.read = tty_file_read, .write = tty_file_write};

int
dev_tty_init(void)
{
    return devfs_add("console", S_IFCHR | 0600, makedev(5, 1), &tty_ops, NULL);
}
