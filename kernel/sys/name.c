/*
 * System calls on names: making, removing, renaming, linking; where paths begin.
 */
#include "kernel/mem/pool.h"
#include "kernel/sys/call.h"
#include "lib/string.h"

#define PATH_TAG POOL_TAG('p', 'a', 't', 'h')

static long
make_node(int dirfd, uintptr_t path, uint32_t mode, uint64_t rdev)
{
    struct call_path p;
    int err = call_path_get(&p, dirfd, path);

    if (err)
        return err;
    mode &= ~(fs_context_umask(process_current()->fs) & 0777);
    err = vfs_mknod(&p.walk, p.text, mode, rdev);
    call_path_put(&p);
    return err;
}

SYSCALL(mkdir)
{
    return make_node(AT_FDCWD, a, S_IFDIR | (b & 01777), 0);
}

SYSCALL(mkdirat)
{
    return make_node((int)a, b, S_IFDIR | (c & 01777), 0);
}

static long
make_special(int dirfd, uintptr_t path, uint64_t mode, uint64_t rdev)
{
    switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
        return make_node(dirfd, path, S_IFREG | (mode & 07777), 0);
    case S_IFIFO:
    case S_IFSOCK:
        return make_node(dirfd, path, mode & (S_IFMT | 07777), 0);
    case S_IFCHR:
    case S_IFBLK:
        return make_node(dirfd, path, mode & (S_IFMT | 07777), rdev);
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

SYSCALL(mknod)
{
    return make_special(AT_FDCWD, a, b, c);
}

SYSCALL(mknodat)
{
    return make_special((int)a, b, c, d);
}

static long
remove_name(int dirfd, uintptr_t path, bool directory)
{
    struct call_path p;
    int err = call_path_get(&p, dirfd, path);

    if (err)
        return err;
    err = vfs_unlink(&p.walk, p.text, directory);
    call_path_put(&p);
    return err;
}

SYSCALL(unlink)
{
    return remove_name(AT_FDCWD, a, false);
}

SYSCALL(rmdir)
{
    return remove_name(AT_FDCWD, a, true);
}

SYSCALL(unlinkat)
{
    if (c & ~(uint64_t)AT_REMOVEDIR)
        return -EINVAL;
    return remove_name((int)a, b, c & AT_REMOVEDIR);
}

/* Two paths; after 0 both are the caller's to put. */
static int
two_paths_get(struct call_path *p, struct call_path *q, int fd1, uintptr_t path1, int fd2, uintptr_t path2)
{
    int err = call_path_get(p, fd1, path1);

    if (err)
        return err;
    err = call_path_get(q, fd2, path2);
    if (err)
        call_path_put(p);
    return err;
}

static long
rename_at(int from_fd, uintptr_t from, int to_fd, uintptr_t to, uint64_t flags)
{
    struct call_path p, q;
    int err = two_paths_get(&p, &q, from_fd, from, to_fd, to);

    if (err)
        return err;
    err = vfs_rename(&p.walk, p.text, &q.walk, q.text, (unsigned)flags);
    call_path_put(&p);
    call_path_put(&q);
    return err;
}

SYSCALL(rename)
{
    return rename_at(AT_FDCWD, a, AT_FDCWD, b, 0);
}

SYSCALL(renameat)
{
    return rename_at((int)a, b, (int)c, d, 0);
}

SYSCALL(renameat2)
{
    return rename_at((int)a, b, (int)c, d, e);
}

static long
link_at(int from_fd, uintptr_t from, int to_fd, uintptr_t to, uint64_t flags)
{
    struct call_path p, q;
    int err;

    if (flags & ~(uint64_t)AT_SYMLINK_FOLLOW)
        return -EINVAL;
    err = two_paths_get(&p, &q, from_fd, from, to_fd, to);
    if (err)
        return err;
    err = vfs_link(&p.walk, p.text, &q.walk, q.text, flags & AT_SYMLINK_FOLLOW);
    call_path_put(&p);
    call_path_put(&q);
    return err;
}

SYSCALL(link)
{
    return link_at(AT_FDCWD, a, AT_FDCWD, b, 0);
}

SYSCALL(linkat)
{
    return link_at((int)a, b, (int)c, d, e);
}

static long
symlink_at(uintptr_t target, int dirfd, uintptr_t path)
{
    struct call_path p, q;
    int err = two_paths_get(&p, &q, AT_FDCWD, target, dirfd, path);

    if (err)
        return err;
    err = p.text[0] ? vfs_symlink(&q.walk, p.text, q.text) : -ENOENT;
    call_path_put(&p);
    call_path_put(&q);
    return err;
}

SYSCALL(symlink)
{
    return symlink_at(a, AT_FDCWD, b);
}

SYSCALL(symlinkat)
{
    return symlink_at(a, (int)b, c);
}

static long
readlink_at(int dirfd, uintptr_t path, uintptr_t to, uint64_t size)
{
    struct dentry *at;
    struct vnode *v;
    char *text;
    long n;
    int err;

    if ((int64_t)size <= 0)
        return -EINVAL;
    err = call_dentry_get(dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &at);
    if (err)
        return err;
    v = dentry_vnode(at);
    text = pool_alloc(PATH_MAX, PATH_TAG);
    if (!text)
        n = -ENOMEM;
    else if (!vnode_is(v, S_IFLNK) || !v->ops->readlink)
        n = -EINVAL;
    else
        n = v->ops->readlink(v, text, PATH_MAX);
    if (n > 0) {
        n = MIN(n, (long)MIN(size, (uint64_t)PATH_MAX));
        err = user_write(to, text, (size_t)n);
        n = err ? err : n;
    }
    pool_free(text, PATH_TAG);
    dentry_put(at);
    return n;
}

SYSCALL(readlink)
{
    return readlink_at(AT_FDCWD, a, b, c);
}

SYSCALL(readlinkat)
{
    return readlink_at((int)a, b, c, d);
}

SYSCALL(chdir)
{
    struct dentry *at;
    int err = call_dentry_get(AT_FDCWD, a, 0, &at);

    if (err)
        return err;
    err = fs_context_chdir(process_current()->fs, at);
    dentry_put(at);
    return err;
}

SYSCALL(fchdir)
{
    struct file *file = call_file(a);
    int err;

    if (!file)
        return -EBADF;
    err = file->dentry ? fs_context_chdir(process_current()->fs, file->dentry) : -ENOTDIR;
    file_put(file);
    return err;
}

SYSCALL(chroot)
{
    struct dentry *at;
    int err = call_dentry_get(AT_FDCWD, a, 0, &at);

    if (err)
        return err;
    err = fs_context_chroot(process_current()->fs, at);
    dentry_put(at);
    return err;
}

SYSCALL(getcwd)
{
    struct fs_context *context = process_current()->fs;
    struct dentry *at = fs_context_cwd(context), *root = fs_context_root(context);
    char *text = pool_alloc(PATH_MAX, PATH_TAG);
    char *path = text ? dentry_path(at, root, text, PATH_MAX) : NULL;
    long n = !text ? -ENOMEM : !path ? -ENAMETOOLONG : (long)strlen(path) + 1;

    if (n > 0 && (uint64_t)n > b)
        n = -ERANGE;
    if (n > 0 && user_write(a, path, (size_t)n))
        n = -EFAULT;
    pool_free(text, PATH_TAG);
    dentry_put(at);
    dentry_put(root);
    return n;
}

SYSCALL(umask)
{
    return fs_context_set_umask(process_current()->fs, a & 0777);
}

#define MS_RDONLY  1u
#define MS_REMOUNT 32u
#define MS_BIND    4096u
#define MS_MOVE    8192u

#define MNT_DETACH 2u
#define MNT_KNOWN  0xfu

/* What mount(2) brings as strings; missing ones are empty. */
struct mount_call {
    char source[64], type[16], options[64];
};

static int
mount_strings(struct mount_call *m, uintptr_t source, uintptr_t type, uintptr_t options)
{
    long n = source ? user_read_string(m->source, source, sizeof(m->source)) : 0;

    if (n >= 0 && type)
        n = user_read_string(m->type, type, sizeof(m->type));
    if (n >= 0 && options)
        n = user_read_string(m->options, options, sizeof(m->options));
    return n < 0 ? (int)n : 0;
}

SYSCALL(mount)
{
    struct mount_call m = {0};
    struct dentry *at;
    int err = mount_strings(&m, a, c, e);

    if (err)
        return err;
    if (d & (MS_BIND | MS_MOVE))
        return -EINVAL;
    err = call_dentry_get(AT_FDCWD, b, 0, &at);
    if (err)
        return err;
    err = d & MS_REMOUNT ? vfs_remount(at, d & MS_RDONLY)
                         : vfs_mount(m.type, m.source, at, d & MS_RDONLY, m.options);
    dentry_put(at);
    return err;
}

SYSCALL(umount2)
{
    struct dentry *at;
    int err;

    if (b & ~(uint64_t)MNT_KNOWN)
        return -EINVAL;
    err = call_dentry_get(AT_FDCWD, a, 0, &at);
    if (err)
        return err;
    err = vfs_unmount(at, b & MNT_DETACH);
    dentry_put(at);
    return err;
}
