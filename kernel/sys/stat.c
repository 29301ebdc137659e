/*
 * System calls on what is known of files: stat, attributes, directories' contents, file systems.
 */
#include "kernel/mem/pool.h"
#include "kernel/sys/call.h"
#include "lib/field.h"
#include "lib/string.h"

/* struct stat of x86-64 (asm/stat.h). */
struct stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev;
    int64_t size, blksize, blocks;
    int64_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
    int64_t unused[3];
};
_Static_assert(sizeof(struct stat) == 144, "asm/stat.h");

struct statx_time {
    int64_t seconds;
    uint32_t ns;
    int32_t pad;
};

/* linux/stat.h */
struct statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spare[14];
};
_Static_assert(sizeof(struct statx) == 256, "linux/stat.h");
#define STATX_BASIC_STATS 0x7ffu
#define STATX_BTIME       0x800u

/* asm/statfs.h */
struct statfs {
    int64_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct statfs) == 120, "asm/statfs.h");
#define ST_RDONLY 1
#define ST_VALID  0x20

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#define UTIME_HERE (ATTR_ACCESSED | ATTR_MODIFIED)

#define BLOCK_SIZE 4096
#define SECOND     ((int64_t)SECONDS(1))

static void
stat_fill(struct stat *s, const struct vnode *v)
{
    const struct vnode_times *t = &v->times;

    *s = (struct stat){.dev = v->fs ? v->fs->device : 0,
                       .ino = v->ino,
                       .nlink = v->nlink,
                       .mode = v->mode,
                       .uid = v->uid,
                       .gid = v->gid,
                       .rdev = v->rdev,
                       .size = (int64_t)v->size,
                       .blksize = BLOCK_SIZE,
                       .blocks = (int64_t)v->blocks,
                       .atime = t->accessed / SECOND,
                       .atime_ns = t->accessed % SECOND,
                       .mtime = t->modified / SECOND,
                       .mtime_ns = t->modified % SECOND,
                       .ctime = t->changed / SECOND,
                       .ctime_ns = t->changed % SECOND};
}

static long
stat_put(const struct vnode *v, uintptr_t to)
{
    struct stat s;

    stat_fill(&s, v);
    return user_write(to, &s, sizeof(s));
}

static long
stat_at(int dirfd, uintptr_t path, unsigned flags, uintptr_t to)
{
    struct dentry *at;
    struct file *file;
    long err;

    if ((flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) {
        char first = 0;

        if (path && user_read(&first, path, 1))
            return -EFAULT;
        file = first ? NULL : call_file((uint64_t)dirfd);
        if (file) {
            err = stat_put(file->vnode, to);
            file_put(file);
            return err;
        }
    }
    err = call_dentry_get(dirfd, path, flags, &at);
    if (err)
        return err;
    err = stat_put(dentry_vnode(at), to);
    dentry_put(at);
    return err;
}

SYSCALL(stat)
{
    return stat_at(AT_FDCWD, a, 0, b);
}

SYSCALL(lstat)
{
    return stat_at(AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, b);
}

SYSCALL(newfstatat)
{
    return stat_at((int)a, b, (unsigned)d, c);
}

SYSCALL(fstat)
{
    struct file *file = call_file(a);
    long err;

    if (!file)
        return -EBADF;
    err = stat_put(file->vnode, b);
    file_put(file);
    return err;
}

static struct statx_time
statx_time(int64_t ns)
{
    return (struct statx_time){.seconds = ns / SECOND, .ns = (uint32_t)(ns % SECOND)};
}

static uint32_t
major_of(uint64_t device)
{
    return (uint32_t)((device >> 8 & 0xfff) | (device >> 32 & ~0xfffull));
}

static uint32_t
minor_of(uint64_t device)
{
    return (uint32_t)((device & 0xff) | (device >> 12 & ~0xffull));
}

static long
statx_put(const struct vnode *v, uintptr_t to)
{
    uint64_t device = v->fs ? v->fs->device : 0;
    struct statx s = {.mask = STATX_BASIC_STATS | STATX_BTIME,
                      .blksize = BLOCK_SIZE,
                      .nlink = v->nlink,
                      .uid = v->uid,
                      .gid = v->gid,
                      .mode = (uint16_t)v->mode,
                      .ino = v->ino,
                      .size = v->size,
                      .blocks = v->blocks,
                      .atime = statx_time(v->times.accessed),
                      .btime = statx_time(v->times.born),
                      .ctime = statx_time(v->times.changed),
                      .mtime = statx_time(v->times.modified),
                      .rdev_major = major_of(v->rdev),
                      .rdev_minor = minor_of(v->rdev),
                      .dev_major = major_of(device),
                      .dev_minor = minor_of(device)};

    return user_write(to, &s, sizeof(s));
}

SYSCALL(statx)
{
    struct dentry *at;
    struct file *file;
    char first = 0;
    long err;

    if (b && user_read(&first, b, 1))
        return -EFAULT;
    if (!first && (c & AT_EMPTY_PATH) && (int)a != AT_FDCWD) {
        file = call_file(a);
        err = file ? statx_put(file->vnode, e) : -EBADF;
        file_put(file);
        return err;
    }
    err = call_dentry_get((int)a, b, (unsigned)c, &at);
    if (err)
        return err;
    err = statx_put(dentry_vnode(at), e);
    dentry_put(at);
    return err;
}

/* ---- access and attributes: one user, who may do everything but execute what nobody may ---- */

static long
access_at(int dirfd, uintptr_t path, uint64_t want, unsigned flags)
{
    struct dentry *at;
    struct vnode *v;
    int err;

    if (want & ~7ull)
        return -EINVAL;
    err = call_dentry_get(dirfd, path, flags, &at);
    if (err)
        return err;
    v = dentry_vnode(at);
    if ((want & 2) && v->fs && v->fs->read_only && !vnode_is(v, S_IFCHR) && !vnode_is(v, S_IFBLK))
        err = -EROFS;
    else if ((want & 1) && !vnode_is(v, S_IFDIR) && !(v->mode & 0111))
        err = -EACCES;
    dentry_put(at);
    return err;
}

SYSCALL(access)
{
    return access_at(AT_FDCWD, a, b, 0);
}

SYSCALL(faccessat)
{
    return access_at((int)a, b, c, 0);
}

SYSCALL(faccessat2)
{
    return access_at((int)a, b, c, (unsigned)d);
}

static long
attr_at(int dirfd, uintptr_t path, unsigned flags, const struct attr *attr)
{
    struct dentry *at;
    int err = call_dentry_get(dirfd, path, flags, &at);

    if (err)
        return err;
    err = vfs_setattr(dentry_vnode(at), attr);
    dentry_put(at);
    return err;
}

static long
attr_of(uint64_t fd, const struct attr *attr)
{
    struct file *file = call_file(fd);
    int err;

    if (!file)
        return -EBADF;
    err = vfs_setattr(file->vnode, attr);
    file_put(file);
    return err;
}

static struct attr
attr_mode(uint64_t mode)
{
    return (struct attr){.which = ATTR_MODE, .mode = mode & 07777};
}

SYSCALL(chmod)
{
    struct attr attr = attr_mode(b);

    return attr_at(AT_FDCWD, a, 0, &attr);
}

SYSCALL(fchmod)
{
    struct attr attr = attr_mode(b);

    return attr_of(a, &attr);
}

SYSCALL(fchmodat)
{
    struct attr attr = attr_mode(c);

    return attr_at((int)a, b, 0, &attr);
}

/* An owner of -1 stays as it is. */
static struct attr
attr_owner(uint64_t uid, uint64_t gid)
{
    return (struct attr){.which = ATTR_OWNER, .uid = (uint32_t)uid, .gid = (uint32_t)gid};
}

SYSCALL(chown)
{
    struct attr attr = attr_owner(b, c);

    return attr_at(AT_FDCWD, a, 0, &attr);
}

SYSCALL(lchown)
{
    struct attr attr = attr_owner(b, c);

    return attr_at(AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, &attr);
}

SYSCALL(fchown)
{
    struct attr attr = attr_owner(b, c);

    return attr_of(a, &attr);
}

SYSCALL(fchownat)
{
    struct attr attr = attr_owner(c, d);

    return attr_at((int)a, b, (unsigned)e, &attr);
}

SYSCALL(truncate)
{
    struct attr attr = {.which = ATTR_SIZE, .size = b};

    return (int64_t)b < 0 ? -EINVAL : attr_at(AT_FDCWD, a, 0, &attr);
}

/* ---- times ---- */

/* Two struct timespec, with UTIME_NOW and UTIME_OMIT; address 0: both now. */
static int
times_get(struct attr *attr, uintptr_t at)
{
    int64_t t[4], *which[2] = {&attr->accessed, &attr->modified};

    *attr = (struct attr){.which = UTIME_HERE, .accessed = vfs_now(), .modified = vfs_now()};
    if (!at)
        return 0;
    if (user_read(t, at, sizeof(t)))
        return -EFAULT;
    for (int i = 0; i < 2; i++) {
        int64_t seconds = t[2 * i], ns = t[2 * i + 1];

        if (ns == UTIME_NOW)
            continue;
        if (ns == UTIME_OMIT) {
            attr->which &= ~(unsigned)(i ? ATTR_MODIFIED : ATTR_ACCESSED);
            continue;
        }
        if (ns < 0 || ns >= SECOND)
            return -EINVAL;
        if (__builtin_mul_overflow(seconds, SECOND, which[i]) ||
            __builtin_add_overflow(*which[i], ns, which[i]))
            return -EINVAL;
    }
    return 0;
}

SYSCALL(utimensat)
{
    struct attr attr;
    int err = times_get(&attr, c);

    if (err)
        return err;
    return b ? attr_at((int)a, b, (unsigned)d, &attr) : attr_of(a, &attr);
}

/* struct timeval pairs (utimes) and struct utimbuf (utime), in seconds and fractions of `unit` ns. */
static long
times_old(int dirfd, uintptr_t path, uintptr_t at, unsigned values, int64_t unit)
{
    struct attr attr = {.which = UTIME_HERE, .accessed = vfs_now(), .modified = vfs_now()};
    int64_t t[4] = {0};
    unsigned half = values / 2;

    if (at) {
        if (user_read(t, at, values * sizeof(*t)))
            return -EFAULT;
        if (t[0] < 0 || t[half] < 0 || t[0] > INT32_MAX * 2ll || t[half] > INT32_MAX * 2ll)
            return -EINVAL;
        attr.accessed = t[0] * SECOND;
        attr.modified = t[half] * SECOND;
        if (half == 2) {
            if (t[1] < 0 || t[3] < 0 || t[1] >= SECOND / unit || t[3] >= SECOND / unit)
                return -EINVAL;
            attr.accessed += t[1] * unit;
            attr.modified += t[3] * unit;
        }
    }
    return attr_at(dirfd, path, 0, &attr);
}

SYSCALL(utime)
{
    return times_old(AT_FDCWD, a, b, 2, 1);
}

SYSCALL(utimes)
{
    return times_old(AT_FDCWD, a, b, 4, 1000);
}

SYSCALL(futimesat)
{
    return times_old((int)a, b, c, 4, 1000);
}

/* ---- file systems ---- */

static long
statfs_put(struct vnode *v, uintptr_t to)
{
    struct fs_stats stats = {.name_max = NAME_MAX, .block_size = BLOCK_SIZE};
    struct statfs s;
    int err = v->fs && v->fs->ops->statfs ? v->fs->ops->statfs(v->fs, &stats) : 0;

    if (err)
        return err;
    s = (struct statfs){.type = stats.magic,
                        .bsize = (int64_t)stats.block_size,
                        .blocks = stats.blocks,
                        .bfree = stats.free_blocks,
                        .bavail = stats.free_blocks,
                        .files = stats.files,
                        .ffree = stats.free_files,
                        .fsid = {v->fs ? (int32_t)v->fs->device : 0},
                        .namelen = stats.name_max,
                        .frsize = (int64_t)stats.block_size,
                        .flags = ST_VALID | (v->fs && v->fs->read_only ? ST_RDONLY : 0)};
    return user_write(to, &s, sizeof(s));
}

SYSCALL(statfs)
{
    struct dentry *at;
    long err = call_dentry_get(AT_FDCWD, a, 0, &at);

    if (err)
        return err;
    err = statfs_put(dentry_vnode(at), b);
    dentry_put(at);
    return err;
}

SYSCALL(fstatfs)
{
    struct file *file = call_file(a);
    long err;

    if (!file)
        return -EBADF;
    err = statfs_put(file->vnode, b);
    file_put(file);
    return err;
}
