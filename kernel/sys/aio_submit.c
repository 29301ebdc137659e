/* Submitting asynchronous I/O: io_submit(2), io_cancel(2). */
#include "kernel/sys/aio.h"
#include "kernel/sys/call.h"
#include "lib/field.h"

/* Linux's struct iocb and its commands (linux/aio_abi.h). */
struct iocb {
    uint64_t data;
    uint32_t key, rw_flags;
    uint16_t opcode;
    int16_t priority;
    uint32_t fd;
    uint64_t buffer, size;
    int64_t offset;
    uint64_t reserved;
    uint32_t flags, event_fd;
};
_Static_assert(sizeof(struct iocb) == 64, "linux/aio_abi.h");

enum { CMD_PREAD = 0, CMD_PWRITE, CMD_FSYNC, CMD_FDSYNC, CMD_PREADV = 7, CMD_PWRITEV };

#define PARTS_MAX 64 /* of a PREADV or PWRITEV */

static void
transferred(struct async_io *io, long result)
{
    aio_slot_end(container_of(io, struct aio_slot, io), result);
}

/* What has to be waited for: here and now. */
static long
wait_for(struct file *f, const struct iocb *i)
{
    struct uio_part part[PARTS_MAX] = {{i->buffer, MIN(i->size, RW_MAX)}};
    struct uio u = {.part = part, .left = part[0].size};

    if (i->opcode == CMD_FSYNC || i->opcode == CMD_FDSYNC)
        return f->ops->fsync ? f->ops->fsync(f->vnode, i->opcode == CMD_FDSYNC) : 0;
    if (i->opcode == CMD_PREADV || i->opcode == CMD_PWRITEV) {
        if (i->size > PARTS_MAX)
            return -EINVAL;
        if (user_read(part, i->buffer, i->size * sizeof(part[0])))
            return -EFAULT;
        u.left = 0;
        for (uint64_t n = 0; n < i->size; n++) {
            if (part[n].size > RW_MAX - u.left)
                return -EINVAL;
            u.left += part[n].size;
        }
    }
    return i->opcode == CMD_PREAD || i->opcode == CMD_PREADV ? file_pread(f, &u, (uint64_t)i->offset)
                                                             : file_pwrite(f, &u, (uint64_t)i->offset);
}

/* f: a reference, which goes over if this returns 0. */
static int
start(struct aio_context *c, struct file *f, const struct iocb *i, uintptr_t at)
{
    struct aio_slot *t = aio_slot_begin(c);
    int err = -EOPNOTSUPP;
    long n;

    if (!t)
        return -EAGAIN;
    t->data = i->data;
    t->iocb = at;
    t->io.file = f;
    if (i->opcode <= CMD_PWRITE) {
        t->io.write = i->opcode == CMD_PWRITE;
        t->io.base = i->buffer;
        t->io.size = MIN(i->size, RW_MAX);
        t->io.position = (uint64_t)i->offset;
        t->io.done = transferred;
        err = file_start(f, &t->io);
    }
    if (!err)
        return 0;
    if (err == -EOPNOTSUPP) {
        n = wait_for(f, i);
        aio_slot_end(t, n);
        return 0;
    }
    aio_slot_cancel(t);
    return err;
}

static int
submit_one(struct aio_context *c, uintptr_t at)
{
    struct iocb i;
    struct file *f;
    bool moves;
    int err;

    if (user_read(&i, at, sizeof(i)))
        return -EFAULT;
    moves = i.opcode <= CMD_PWRITE || i.opcode == CMD_PREADV || i.opcode == CMD_PWRITEV;
    if (i.reserved || i.flags || (!moves && i.opcode != CMD_FSYNC && i.opcode != CMD_FDSYNC) ||
        (int64_t)i.size < 0 || (moves && i.offset < 0))
        return -EINVAL; /* flags: an eventfd, which there is none of */
    if (i.rw_flags)
        return -EOPNOTSUPP;
    f = call_file(i.fd);
    if (!f)
        return -EBADF;
    err = start(c, f, &i, at);
    if (err)
        file_put(f);
    return err;
}

#define AT_ONCE 16

/* ctx, nr, iocb ** */
SYSCALL(io_submit)
{
    struct aio_context *context = aio_find(a);
    int64_t done = 0, count = (int64_t)b;
    uint64_t at[AT_ONCE];
    int err = 0;

    if (!context)
        return -EINVAL;
    if (count < 0)
        err = -EINVAL;
    while (!err && done < count) {
        uint32_t some = (uint32_t)MIN(count - done, (int64_t)AT_ONCE);

        if (user_read(at, c + (uint64_t)done * sizeof(at[0]), some * sizeof(at[0])))
            err = -EFAULT;
        for (uint32_t i = 0; i < some && !err; i++) {
            err = submit_one(context, at[i]);
            done += !err;
        }
    }
    aio_put(context);
    return done ? done : err;
}

/* What has been given to a disk cannot be had back. */
SYSCALL(io_cancel)
{
    struct aio_context *context = aio_find(a);

    if (context)
        aio_put(context);
    return -EINVAL;
}
