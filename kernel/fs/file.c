/*
 * Open files: opening, reading and writing with a position, directories.
 */
#include "kernel/fs/file.h"
#include "kernel/fs/async.h"
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"

#define FILE_TAG POOL_TAG('f', 'i', 'l', 'e')
#define DOTS     2 /* positions of a directory that "." and ".." take */

#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#define SEEK_DATA 3
#define SEEK_HOLE 4

static bool
has_position(const struct vnode *v)
{
    return vnode_is(v, S_IFREG) || vnode_is(v, S_IFDIR) || vnode_is(v, S_IFBLK);
}

static bool
readable(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}

static bool
writable(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

int
file_open(struct vnode *v, struct dentry *d, unsigned flags, struct file **out)
{
    struct file *f = pool_zalloc(sizeof(*f), FILE_TAG);
    int err;

    if (!f)
        return -ENOMEM;
    f->vnode = v;
    f->dentry = d;
    f->ops = v->ops;
    f->refs = 1;
    f->flags = flags & ~(O_CREAT | O_TRUNC);
    mutex_init(&f->position_lock);
    vnode_get(v);
    if (d)
        dentry_get(d);
    err = f->ops->open && !(flags & O_PATH) ? f->ops->open(f) : 0;
    if (err) {
        vnode_put(f->vnode);
        dentry_put(d);
        pool_free(f, FILE_TAG);
        return err;
    }
    f->flags &= ~O_EXCL; /* only open() of a device asks for it */
    *out = f;
    return 0;
}

void
file_get(struct file *f)
{
    __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
}

void
file_put(struct file *f)
{
    if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL))
        return;
    if (f->ops->release && !(f->flags & O_PATH))
        f->ops->release(f);
    vnode_put(f->vnode);
    dentry_put(f->dentry);
    pool_free(f, FILE_TAG);
}

bool
file_put_unless_last(struct file *f)
{
    uint32_t refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);

    while (refs > 1)
        if (__atomic_compare_exchange_n(&f->refs, &refs, refs - 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return true;
    return false;
}

/* ---- reading and writing ---- */

long
file_pread(struct file *f, struct uio *u, uint64_t position)
{
    if (!readable(f))
        return -EBADF;
    if (vnode_is(f->vnode, S_IFDIR))
        return -EISDIR;
    if (!f->ops->read)
        return -EINVAL;
    if (u->left == 0)
        return 0;
    return f->ops->read(f, u, position);
}

long
file_read(struct file *f, struct uio *u)
{
    long n;

    if (!has_position(f->vnode))
        return file_pread(f, u, 0);
    mutex_lock(&f->position_lock, WAIT_FOREVER);
    n = file_pread(f, u, f->position);
    if (n > 0)
        f->position += (uint64_t)n;
    mutex_unlock(&f->position_lock);
    return n;
}

/* A regular file, with its lock. `position` is where it was written, for O_APPEND. */
static long
write_regular(struct file *f, struct uio *u, uint64_t *position)
{
    struct vnode *v = f->vnode;
    long n = -EFBIG;

    mutex_lock(&v->lock, WAIT_FOREVER);
    if (f->flags & O_APPEND)
        *position = v->size;
    if (u->limited && *position < u->limit)
        u->left = MIN(u->left, u->limit - *position);
    if (*position <= INT64_MAX && u->left <= INT64_MAX - *position && !(u->limited && *position >= u->limit))
        n = f->ops->write(f, u, *position);
    if (n > 0)
        v->times.modified = v->times.changed = vfs_now();
    mutex_unlock(&v->lock);
    return n;
}

static long
write_at(struct file *f, struct uio *u, uint64_t *position)
{
    long n;
    int err;

    if (!writable(f))
        return -EBADF;
    if (!f->ops->write)
        return -EINVAL;
    if (u->left == 0)
        return 0;
    n = vnode_is(f->vnode, S_IFREG) ? write_regular(f, u, position) : f->ops->write(f, u, *position);
    if (n > 0 && f->flags & O_DSYNC && f->ops->fsync) {
        err = f->ops->fsync(f->vnode, (f->flags & O_SYNC) != O_SYNC);
        n = err ? err : n;
    }
    return n;
}

long
file_pwrite(struct file *f, struct uio *u, uint64_t position)
{
    return write_at(f, u, &position);
}

long
file_write(struct file *f, struct uio *u)
{
    uint64_t nowhere = 0;
    long n;

    if (!has_position(f->vnode))
        return write_at(f, u, &nowhere);
    mutex_lock(&f->position_lock, WAIT_FOREVER);
    nowhere = f->position;
    n = write_at(f, u, &nowhere);
    if (n > 0)
        f->position = nowhere + (uint64_t)n;
    mutex_unlock(&f->position_lock);
    return n;
}

int
file_start(struct file *f, struct async_io *io)
{
    if (io->write ? !writable(f) : !readable(f))
        return -EBADF;
    return f->ops->start && io->size ? f->ops->start(f, io) : -EOPNOTSUPP;
}

long
file_read_kernel(struct file *f, void *to, size_t n, uint64_t position)
{
    size_t done = 0;

    while (done < n) {
        struct uio_part part;
        struct uio u;
        long k;

        uio_kernel(&u, &part, (char *)to + done, n - done);
        k = file_pread(f, &u, position + done);
        if (k < 0)
            return k;
        if (k == 0)
            break;
        done += (size_t)k;
    }
    return (long)done;
}

/* ---- the rest ---- */

static int64_t
seek_by_size(const struct vnode *v, uint64_t now, int64_t offset, int whence)
{
    int64_t size = (int64_t)v->size, to;

    switch (whence) {
    case SEEK_SET:
        to = offset;
        break;
    case SEEK_CUR:
        if (__builtin_add_overflow((int64_t)now, offset, &to))
            return -EOVERFLOW;
        break;
    case SEEK_END:
        if (__builtin_add_overflow(size, offset, &to))
            return -EOVERFLOW;
        break;
    case SEEK_DATA:
    case SEEK_HOLE: /* all is data, up to the end */
        if (offset < 0 || offset >= size)
            return -ENXIO;
        return whence == SEEK_DATA ? offset : size;
    default:
        return -EINVAL;
    }
    return to < 0 ? -EINVAL : to;
}

int64_t
file_seek(struct file *f, int64_t offset, int whence)
{
    int64_t to;

    if (f->flags & O_PATH)
        return -EBADF;
    if (!f->ops->seek && !has_position(f->vnode))
        return -ESPIPE;
    mutex_lock(&f->position_lock, WAIT_FOREVER);
    to = f->ops->seek ? f->ops->seek(f, offset, whence) : seek_by_size(f->vnode, f->position, offset, whence);
    if (to >= 0)
        f->position = (uint64_t)to;
    mutex_unlock(&f->position_lock);
    return to;
}

unsigned
file_poll(struct file *f, struct poll_waiter *w, struct event *event)
{
    if (f->flags & O_PATH)
        return POLLNVAL;
    if (!f->ops->poll)
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    return f->ops->poll(f, w, event);
}

int
file_truncate(struct file *f, uint64_t size)
{
    struct attr a = {.which = ATTR_SIZE, .size = size};

    return vfs_setattr(f->vnode, &a);
}

struct shifted {
    dir_emit *emit;
    void *context;
};

static bool
emit_shifted(void *context, const char *name, size_t len, uint64_t ino, uint32_t type, uint64_t next)
{
    const struct shifted *s = context;

    return s->emit(s->context, name, len, ino, type, next + DOTS);
}

/* "." and "..", then what the file system has. Locks: position_lock. */
static int
read_entries(struct file *f, dir_emit *emit, void *context)
{
    struct shifted shifted = {emit, context};
    struct vnode *v = f->vnode;
    uint64_t position;
    int err;

    if (f->position == 0) {
        if (!emit(context, ".", 1, v->ino, S_IFDIR, 1))
            return 0;
        f->position = 1;
    }
    if (f->position == 1) {
        const struct vnode *up = f->dentry ? dentry_vnode(f->dentry->parent) : v;

        if (!emit(context, "..", 2, up->ino, S_IFDIR, DOTS))
            return 0;
        f->position = DOTS;
    }
    position = f->position - DOTS;
    mutex_lock(&v->lock, WAIT_FOREVER);
    err = v->nlink ? v->ops->readdir(v, &position, emit_shifted, &shifted) : -ENOENT;
    mutex_unlock(&v->lock);
    f->position = position + DOTS;
    return err;
}

int
file_readdir(struct file *f, dir_emit *emit, void *context)
{
    int err;

    if (!readable(f))
        return -EBADF;
    if (!vnode_is(f->vnode, S_IFDIR) || !f->vnode->ops->readdir)
        return -ENOTDIR;
    mutex_lock(&f->position_lock, WAIT_FOREVER);
    err = read_entries(f, emit, context);
    mutex_unlock(&f->position_lock);
    return err;
}

/* ---- open(2) ---- */

static int
may_open(const struct dentry *d, const struct vnode *v, unsigned flags)
{
    bool write = (flags & O_ACCMODE) != O_RDONLY;

    if (vnode_is(v, S_IFLNK) && !(flags & O_PATH))
        return -ELOOP;
    if (flags & O_DIRECTORY && !vnode_is(v, S_IFDIR))
        return -ENOTDIR;
    if (flags & O_PATH)
        return 0;
    if (vnode_is(v, S_IFDIR) && (write || flags & O_CREAT))
        return -EISDIR;
    if (vnode_is(v, S_IFSOCK))
        return -ENXIO;
    if ((write || flags & O_TRUNC) && d->fs->read_only && (vnode_is(v, S_IFREG) || vnode_is(v, S_IFDIR)))
        return -EROFS;
    return 0;
}

static int
open_dentry(struct dentry *d, unsigned flags, struct file **out)
{
    struct vnode *v = dentry_vnode(d);
    struct attr empty = {.which = ATTR_SIZE};
    int err = may_open(d, v, flags);

    if (!err && flags & O_TRUNC && vnode_is(v, S_IFREG) && !(flags & O_PATH))
        err = vfs_setattr(v, &empty);
    return err ? err : file_open(v, d, flags, out);
}

/* One try. Returns -EAGAIN if the name has changed meanwhile. */
static int
open_once(const struct walk *w, const char *path, unsigned flags, uint32_t mode, struct file **out)
{
    bool create = flags & O_CREAT, exclusive = create && flags & O_EXCL;
    unsigned how = (create ? WALK_CREATE : 0) | (exclusive || flags & O_NOFOLLOW ? WALK_NOFOLLOW : 0);
    struct dentry *d;
    int err = vfs_walk(w, path, how, &d);

    if (err)
        return err;
    if (dentry_vnode(d))
        err = exclusive ? -EEXIST : 0;
    else
        err = vfs_create(d, S_IFREG | (mode & 07777), 0);
    if (err == -EEXIST && !exclusive)
        err = -EAGAIN;
    if (!err)
        err = open_dentry(d, flags, out);
    dentry_put(d);
    return err;
}

int
vfs_open(const struct walk *w, const char *path, unsigned flags, uint32_t mode, struct file **out)
{
    int err;

    if ((flags & O_TMPFILE) == O_TMPFILE && flags & (O_TMPFILE & ~O_DIRECTORY))
        return -EOPNOTSUPP;
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    do {
        err = open_once(w, path, flags, mode, out);
    } while (err == -EAGAIN);
    return err;
}
