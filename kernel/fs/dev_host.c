/*
 * Byte channels to the emulator: QEMU's isa-debugcon at ports of ours. By them `portolan exec` gets what a command prints,
 * and its status. A port that is there reads as 0xe9.
 */
#include "kernel/cpu/io.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "kernel/sync/mutex.h"
#include "lib/errno.h"
#include "lib/field.h"

#define HOST_MAJOR 240 /* for local use */
#define PRESENT    0xe9

static const struct channel {
    const char *name;
    uint16_t port;
} channels[] = {{"hostout", 0xe80}, {"hosterr", 0xe81}, {"hoststatus", 0xe82}};

static struct mutex whole; /* what one process writes at once comes out so */

static long
host_write(struct file *f, struct uio *u, uint64_t position)
{
    const struct channel *c = f->private;
    long done = 0, n = 0;

    mutex_lock(&whole, WAIT_FOREVER);
    while (u->left) {
        uint8_t bytes[512];

        n = uio_from(u, bytes, sizeof(bytes));
        if (n <= 0)
            break;
        port_write_bytes(c->port, bytes, (size_t)n);
        done += n;
    }
    mutex_unlock(&whole);
    return done ? done : n;
}

static const struct fs_ops host_ops = {.write = host_write};

int
dev_host_init(void)
{
    int err = 0;

    mutex_init(&whole);
    for (uint32_t i = 0; i < ARRAY_SIZE(channels) && !err; i++)
        if (port_read8(channels[i].port) == PRESENT)
            err = devfs_add(channels[i].name, S_IFCHR | 0200, makedev(HOST_MAJOR, i), &host_ops,
                            (void *)&channels[i]);
    return err;
}
