/*
 * Copying from file to file inside the kernel: sendfile(2), copy_file_range(2).
 */
#include "kernel/mem/pool.h"
#include "kernel/sys/call.h"
#include "lib/field.h"

#define COPY_TAG  POOL_TAG('c', 'o', 'p', 'y')
#define COPY_SIZE (64 * 1024ul)

/* An end of the copy: a file and where in it; position < 0: its own. */
struct end {
    struct file *file;
    int64_t position;
};

static long
end_read(struct end *e, void *buffer, size_t n)
{
    struct uio_part part;
    struct uio u;
    long got;

    uio_kernel(&u, &part, buffer, n);
    got = e->position < 0 ? file_read(e->file, &u) : file_pread(e->file, &u, (uint64_t)e->position);
    if (got > 0 && e->position >= 0)
        e->position += got;
    return got;
}

/* All n bytes, unless the first error comes before: then what was written, or the error. */
static long
end_write(struct end *e, void *buffer, size_t n)
{
    size_t done = 0;

    while (done < n) {
        struct uio_part part;
        struct uio u;
        long put;

        uio_kernel(&u, &part, (char *)buffer + done, n - done);
        put = e->position < 0 ? file_write(e->file, &u) : file_pwrite(e->file, &u, (uint64_t)e->position);
        if (put <= 0)
            return done ? (long)done : put;
        if (e->position >= 0)
            e->position += put;
        done += (size_t)put;
    }
    return (long)done;
}

/* What was read and could not be written goes back: the source's position shows what was copied. */
static void
end_unread(struct end *e, long n)
{
    if (e->position >= 0)
        e->position -= n;
    else
        file_seek(e->file, -n, 1);
}

static long
copy(struct end *from, struct end *to, size_t n)
{
    char *buffer = pool_alloc(COPY_SIZE, COPY_TAG);
    size_t done = 0;
    long got = 0;

    if (!buffer)
        return -ENOMEM;
    while (done < n && !signal_pending()) {
        long put;

        got = end_read(from, buffer, MIN(n - done, COPY_SIZE));
        if (got <= 0)
            break;
        put = end_write(to, buffer, (size_t)got);
        if (put < got)
            end_unread(from, got - MAX(put, 0l));
        done += (size_t)MAX(put, 0l);
        if (put < got) {
            got = put < 0 ? put : 0;
            break;
        }
    }
    pool_free(buffer, COPY_TAG);
    if (done == 0 && got == 0 && n > 0 && signal_pending())
        return -EINTR;
    return done ? (long)done : got;
}

/* The position at a program address; address 0: the file's own. */
static int
position_get(struct end *e, uintptr_t at)
{
    e->position = -1;
    if (!at)
        return 0;
    if (user_read(&e->position, at, sizeof(e->position)))
        return -EFAULT;
    return e->position < 0 ? -EINVAL : 0;
}

static int
position_put(const struct end *e, uintptr_t at)
{
    return at ? user_write(at, &e->position, sizeof(e->position)) : 0;
}

static long
copy_between(uint64_t in, uintptr_t in_at, uint64_t out, uintptr_t out_at, uint64_t n)
{
    struct end from = {.file = call_file(in)}, to = {.file = call_file(out)};
    long done = -EBADF;

    if (!from.file || !to.file)
        goto put;
    done =
        -EINVAL; /* what waits for its bytes (terminals, pipes) is no source: the call would wait for all of them */
    if (!vnode_is(from.file->vnode, S_IFREG) && !vnode_is(from.file->vnode, S_IFBLK))
        goto put;
    done = position_get(&from, in_at);
    if (done == 0)
        done = position_get(&to, out_at);
    if (done == 0)
        done = copy(&from, &to, MIN(n, RW_MAX));
    if (done == -EPIPE)
        signal_task(task_current(), SIGPIPE, NULL);
    if (done > 0 && (position_put(&from, in_at) || position_put(&to, out_at)))
        done = -EFAULT;
put:
    file_put(from.file);
    file_put(to.file);
    return call_restart(done);
}

SYSCALL(sendfile)
{
    return copy_between(b, c, a, 0, d);
}

SYSCALL(copy_file_range)
{
    return f ? -EINVAL : copy_between(a, b, c, d, e);
}
