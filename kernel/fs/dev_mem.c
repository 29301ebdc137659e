/*
 * Devices without hardware: null, zero, full, random numbers.
 */
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "kernel/hw/random.h"
#include "lib/errno.h"
#include "lib/field.h"

static long
null_read(struct file *f, struct uio *u, uint64_t position)
{
    return 0;
}

/* All of it is taken, and nothing looked at. */
static long
null_write(struct file *f, struct uio *u, uint64_t position)
{
    return (long)u->left;
}

static long
zero_read(struct file *f, struct uio *u, uint64_t position)
{
    return uio_zero(u, u->left);
}

static long
full_write(struct file *f, struct uio *u, uint64_t position)
{
    return -ENOSPC;
}

static long
random_read(struct file *f, struct uio *u, uint64_t position)
{
    long done = 0;

    while (u->left) {
        uint8_t bytes[256];
        size_t n = MIN(u->left, sizeof(bytes));
        long k;

        random_bytes(bytes, n);
        k = uio_to(u, bytes, n);
        if (k <= 0)
            return done ? done : k;
        done += k;
    }
    return done;
}

static int64_t
seek_nowhere(struct file *f, int64_t offset, int whence)
{
    return 0;
}

static const struct fs_ops null_ops = {.read = null_read, .write = null_write, .seek = seek_nowhere};
static const struct fs_ops zero_ops = {.read = zero_read, .write = null_write, .seek = seek_nowhere};
static const struct fs_ops full_ops = {.read = zero_read, .write = full_write, .seek = seek_nowhere};
static const struct fs_ops random_ops = {.read = random_read, .write = null_write, .seek = seek_nowhere};

/* Numbers: Linux's Documentation/admin-guide/devices.txt. */
int
dev_mem_init(void)
{
    static const struct {
        const char *name;
        uint32_t minor;
        const struct fs_ops *ops;
    } list[] = {{"null", 3, &null_ops},
                {"zero", 5, &zero_ops},
                {"full", 7, &full_ops},
                {"random", 8, &random_ops},
                {"urandom", 9, &random_ops}};
    int err = 0;

    for (size_t i = 0; i < ARRAY_SIZE(list) && !err; i++)
        err = devfs_add(list[i].name, S_IFCHR | 0666, makedev(1, list[i].minor), list[i].ops, NULL);
    return err;
}
