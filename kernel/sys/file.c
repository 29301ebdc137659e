/*
 * System calls on open files: reading, writing, seeking, numbers.
 */
#include "kernel/mem/pool.h"
#include "kernel/sys/call.h"
#include "lib/field.h"

/* Linux's struct iovec is struct uio_part. */
#define IOV_MAX  1024
#define IOV_HERE 8
#define PIECES   POOL_TAG('i', 'o', 'v', ' ')

#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_DUPFD_CLOEXEC 1030

#define FIONCLEX 0x5450
#define FIOCLEX  0x5451
#define FIONBIO  0x5421

#define O_CHANGEABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

#define FALLOC_FL_KEEP_SIZE 1

enum direction { READ, WRITE };

static long
transfer_done(long n, enum direction way)
{
    if (n == -EPIPE && way == WRITE)
        signal_task(task_current(), SIGPIPE, NULL);
    if (n == -EFBIG && way == WRITE && process_current()->limits[RLIMIT_FSIZE].now != RLIM_INFINITY)
        signal_task(task_current(), SIGXFSZ, NULL);
    return call_restart(n);
}

/* position: < 0: the file's own. */
static long
transfer(struct file *file, struct uio *u, int64_t position, enum direction way)
{
    u->limit = process_current()->limits[RLIMIT_FSIZE].now;
    u->limited = u->limit != RLIM_INFINITY;
    if (position < 0)
        return way == READ ? file_read(file, u) : file_write(file, u);
    return way == READ ? file_pread(file, u, (uint64_t)position) : file_pwrite(file, u, (uint64_t)position);
}

static long
transfer_one(uint64_t fd, uintptr_t base, uint64_t size, int64_t position, enum direction way)
{
    struct uio_part part = {base, MIN(size, RW_MAX)};
    struct uio u = {.part = &part, .left = part.size};
    struct file *file = call_file(fd);
    long n;

    if (!file)
        return -EBADF;
    n = transfer(file, &u, position, way);
    file_put(file);
    return transfer_done(n, way);
}

SYSCALL(read)
{
    return transfer_one(a, b, c, -1, READ);
}

SYSCALL(write)
{
    return transfer_one(a, b, c, -1, WRITE);
}

SYSCALL(pread64)
{
    return (int64_t)d < 0 ? -EINVAL : transfer_one(a, b, c, (int64_t)d, READ);
}

SYSCALL(pwrite64)
{
    return (int64_t)d < 0 ? -EINVAL : transfer_one(a, b, c, (int64_t)d, WRITE);
}

/* Fetch the pieces of a readv(); *u has them, in `here` or, if there are many, in the pool. */
static int
pieces_get(struct uio *u, struct uio_part *here, uintptr_t at, uint64_t count)
{
    struct uio_part *part = here;
    uint64_t sum = 0;

    if (count > IOV_MAX)
        return -EINVAL;
    if (count > IOV_HERE)
        part = pool_alloc(count * sizeof(*part), PIECES);
    if (!part)
        return -ENOMEM;
    *u = (struct uio){.part = part};
    if (user_read(part, at, count * sizeof(*part)))
        return -EFAULT;
    for (uint64_t i = 0; i < count; i++) {
        if (part[i].size > INT64_MAX)
            return -EINVAL;
        part[i].size = MIN(part[i].size, RW_MAX - sum);
        sum += part[i].size;
    }
    u->left = sum;
    return 0;
}

static long
transfer_many(uint64_t fd, uintptr_t at, uint64_t count, int64_t position, enum direction way)
{
    struct uio_part here[IOV_HERE], *first;
    struct uio u = {.part = here};
    struct file *file = call_file(fd);
    long n;

    if (!file)
        return -EBADF;
    n = pieces_get(&u, here, at, count);
    first = (struct uio_part *)u.part;
    if (n == 0)
        n = transfer(file, &u, position, way);
    if (first != here)
        pool_free(first, PIECES);
    file_put(file);
    return transfer_done(n, way);
}

SYSCALL(readv)
{
    return transfer_many(a, b, c, -1, READ);
}

SYSCALL(writev)
{
    return transfer_many(a, b, c, -1, WRITE);
}

SYSCALL(preadv)
{
    return (int64_t)d < 0 ? -EINVAL : transfer_many(a, b, c, (int64_t)d, READ);
}

SYSCALL(pwritev)
{
    return (int64_t)d < 0 ? -EINVAL : transfer_many(a, b, c, (int64_t)d, WRITE);
}

/* Flags of preadv2 that are hints may be left unheeded; others may not (preadv2(2)). */
SYSCALL(preadv2)
{
    if (f & ~1ul)
        return -EOPNOTSUPP;
    return (int64_t)d < -1 ? -EINVAL : transfer_many(a, b, c, (int64_t)d, READ);
}

SYSCALL(pwritev2)
{
    if (f & ~1ul)
        return -EOPNOTSUPP;
    return (int64_t)d < -1 ? -EINVAL : transfer_many(a, b, c, (int64_t)d, WRITE);
}

SYSCALL(lseek)
{
    struct file *file = call_file(a);
    long at;

    if (!file)
        return -EBADF;
    at = file_seek(file, (int64_t)b, (int)c);
    file_put(file);
    return at;
}

static long
open_at(int dirfd, uintptr_t path, uint64_t flags, uint64_t mode)
{
    struct process *self = process_current();
    struct call_path p;
    struct file *file;
    long fd;
    int err = call_path_get(&p, dirfd, path);

    if (err)
        return err;
    mode = mode & 07777 & ~fs_context_umask(self->fs);
    err = vfs_open(&p.walk, p.text, (unsigned)flags & ~O_CLOEXEC, (uint32_t)mode, &file);
    call_path_put(&p);
    if (err)
        return call_restart(err);
    fd = fd_add(self->files, file, 0, self->limits[RLIMIT_NOFILE].now, flags & O_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

SYSCALL(open)
{
    return open_at(AT_FDCWD, a, b, c);
}

SYSCALL(openat)
{
    return open_at((int)a, b, c, d);
}

SYSCALL(creat)
{
    return open_at(AT_FDCWD, a, O_CREAT | O_WRONLY | O_TRUNC, b);
}

SYSCALL(close)
{
    return fd_close(process_current()->files, (int)a);
}

#define CLOSE_RANGE_CLOEXEC 4u

struct range_close {
    struct fd_table *table;
    uint64_t first, last;
    int next; /* the lowest number in the range that was seen; -1: none */
};

static void
range_look(void *context, int fd, struct file *file)
{
    struct range_close *r = context;

    if (r->next < 0 && (uint64_t)fd >= r->first && (uint64_t)fd <= r->last)
        r->next = fd;
}

SYSCALL(close_range)
{
    struct range_close r = {process_current()->files, (unsigned)a, (unsigned)b, -1};

    if (r.first > r.last || (c & ~(uint64_t)CLOSE_RANGE_CLOEXEC))
        return -EINVAL;
    for (; r.first <= r.last && r.first < FD_MAX; r.first = (uint64_t)r.next + 1) {
        r.next = -1;
        fd_for_each(r.table, range_look, &r);
        if (r.next < 0)
            break;
        if (c & CLOSE_RANGE_CLOEXEC)
            fd_set_flags(r.table, r.next, 1);
        else
            fd_close(r.table, r.next);
    }
    return 0;
}

static long
duplicate(uint64_t fd, int least, bool close_on_exec)
{
    struct process *self = process_current();
    struct file *file = call_file(fd);
    long copy;

    if (!file)
        return -EBADF;
    copy = fd_add(self->files, file, least, self->limits[RLIMIT_NOFILE].now, close_on_exec);
    if (copy < 0)
        file_put(file);
    return copy;
}

SYSCALL(dup)
{
    return duplicate(a, 0, false);
}

static long
duplicate_to(uint64_t from, uint64_t to, bool close_on_exec)
{
    struct process *self = process_current();
    struct file *file = call_file(from);
    int err;

    if (!file)
        return -EBADF;
    err = (unsigned)to >= self->limits[RLIMIT_NOFILE].now ? -EBADF
                                                          : fd_set(self->files, file, (int)to, close_on_exec);
    if (err < 0)
        file_put(file);
    return err < 0 ? err : (long)(int)to;
}

SYSCALL(dup2)
{
    struct file *file;

    if ((int)a != (int)b)
        return duplicate_to(a, b, false);
    file = call_file(a);
    file_put(file);
    return file ? (long)(int)a : -EBADF;
}

SYSCALL(dup3)
{
    if ((int)a == (int)b || (c & ~(uint64_t)O_CLOEXEC))
        return -EINVAL;
    return duplicate_to(a, b, c & O_CLOEXEC);
}

static long
flags_change(uint64_t fd, uint64_t flags)
{
    struct file *file = call_file(fd);
    uint32_t old;

    if (!file)
        return -EBADF;
    old = __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
    __atomic_store_n(&file->flags, (old & ~O_CHANGEABLE) | (flags & O_CHANGEABLE), __ATOMIC_RELAXED);
    file_put(file);
    return 0;
}

static long
flags_read(uint64_t fd)
{
    struct file *file = call_file(fd);
    long flags;

    if (!file)
        return -EBADF;
    flags = __atomic_load_n(&file->flags, __ATOMIC_RELAXED) & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
    file_put(file);
    return flags | O_LARGEFILE;
}

SYSCALL(fcntl)
{
    struct fd_table *table = process_current()->files;

    switch ((int)b) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return c >= FD_MAX ? -EINVAL : duplicate(a, (int)c, b == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return fd_flags(table, (int)a);
    case F_SETFD:
        return fd_set_flags(table, (int)a, (int)c & 1);
    case F_GETFL:
        return flags_read(a);
    case F_SETFL:
        return flags_change(a, c);
    default:
        return fd_flags(table, (int)a) < 0 ? -EBADF : -EINVAL;
    }
}

static long
nonblocking_set(struct file *file, uintptr_t at)
{
    uint32_t on;

    if (user_read(&on, at, sizeof(on)))
        return -EFAULT;
    if (on)
        __atomic_or_fetch(&file->flags, O_NONBLOCK, __ATOMIC_RELAXED);
    else
        __atomic_and_fetch(&file->flags, ~O_NONBLOCK, __ATOMIC_RELAXED);
    return 0;
}

SYSCALL(ioctl)
{
    struct file *file = call_file(a);
    long result;

    if (!file)
        return -EBADF;
    switch ((unsigned)b) {
    case FIOCLEX:
    case FIONCLEX:
        result = fd_set_flags(process_current()->files, (int)a, (unsigned)b == FIOCLEX);
        break;
    case FIONBIO:
        result = nonblocking_set(file, c);
        break;
    default:
        result = file->flags & O_PATH ? -EBADF
                 : file->ops->ioctl   ? file->ops->ioctl(file, (unsigned)b, c)
                                      : -ENOTTY;
    }
    file_put(file);
    return call_restart(result);
}

SYSCALL(ftruncate)
{
    struct file *file = call_file(a);
    int err;

    if (!file)
        return -EBADF;
    err = (int64_t)b < 0 || (file->flags & O_ACCMODE) == O_RDONLY ? -EINVAL : file_truncate(file, b);
    file_put(file);
    return err;
}

/* Files here get their room when they are written: what a size asks for is promised, not taken. */
SYSCALL(fallocate)
{
    struct file *file = call_file(a);
    uint64_t end;
    long err = 0;

    if (!file)
        return -EBADF;
    if ((int64_t)c < 0 || (int64_t)d <= 0 || __builtin_add_overflow(c, d, &end))
        err = -EINVAL;
    else if (end > INT64_MAX)
        err = -EFBIG;
    else if ((file->flags & O_ACCMODE) == O_RDONLY)
        err = -EBADF;
    else if (!vnode_is(file->vnode, S_IFREG))
        err = vnode_is(file->vnode, S_IFIFO) ? -ESPIPE : -ENODEV;
    else if (b & ~FALLOC_FL_KEEP_SIZE)
        err = -EOPNOTSUPP;
    else if (b == 0 && end > file->vnode->size)
        err = file_truncate(file, end);
    file_put(file);
    return err;
}

static long
flush(uint64_t fd, bool data_only)
{
    struct file *file = call_file(fd);
    int err = 0;

    if (!file)
        return -EBADF;
    if (file->ops->fsync)
        err = file->ops->fsync(file->vnode, data_only);
    else if (!vnode_is(file->vnode, S_IFREG) && !vnode_is(file->vnode, S_IFDIR))
        err = -EINVAL;
    file_put(file);
    return err;
}

SYSCALL(fsync)
{
    return flush(a, false);
}

SYSCALL(fdatasync)
{
    return flush(a, true);
}

SYSCALL(sync)
{
    vfs_sync();
    return 0;
}

SYSCALL(syncfs)
{
    struct file *file = call_file(a);
    int err;

    if (!file)
        return -EBADF;
    err = file->vnode->fs && file->vnode->fs->ops->sync ? file->vnode->fs->ops->sync(file->vnode->fs) : 0;
    file_put(file);
    return err;
}

/* Advice may be left unheeded. */
SYSCALL(fadvise64)
{
    struct file *file = call_file(a);
    long err = !file ? -EBADF : file->dentry ? 0 : -ESPIPE;

    file_put(file);
    return err;
}

static long
pipe_make(uintptr_t at, uint64_t flags)
{
    struct process *self = process_current();
    uint64_t limit = self->limits[RLIMIT_NOFILE].now;
    bool close_on_exec = flags & O_CLOEXEC;
    struct file *reader, *writer;
    int fd[2];
    int err;

    if (flags & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
        return -EINVAL;
    err = pipe_create((unsigned)flags & ~O_CLOEXEC, &reader, &writer);
    if (err)
        return err;
    fd[0] = fd_add(self->files, reader, 0, limit, close_on_exec);
    if (fd[0] < 0) {
        file_put(reader);
        file_put(writer);
        return fd[0];
    }
    fd[1] = fd_add(self->files, writer, 0, limit, close_on_exec);
    if (fd[1] < 0) {
        file_put(writer);
        fd_close(self->files, fd[0]);
        return fd[1];
    }
    if (!user_write(at, fd, sizeof(fd)))
        return 0;
    fd_close(self->files, fd[0]);
    fd_close(self->files, fd[1]);
    return -EFAULT;
}

SYSCALL(pipe)
{
    return pipe_make(a, 0);
}

SYSCALL(pipe2)
{
    return pipe_make(a, b);
}
