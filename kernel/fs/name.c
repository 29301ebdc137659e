/*
 * Making, removing and moving names.
 */
#include "kernel/fs/fs_impl.h"
#include "lib/errno.h"
#include "lib/string.h"

#define RENAME_NOREPLACE 1u

/* One rename at a time: so the tree above two directories stays as it is while they are locked. */
static struct mutex rename_mutex;

void
vfs_init(void)
{
    mutex_init(&rename_mutex);
    mount_init();
}

/* Is the last name of a path "." or ".."? */
static bool
ends_in_dots(const char *path)
{
    size_t n = strlen(path), from;

    while (n > 0 && path[n - 1] == '/')
        n--;
    from = n;
    while (from > 0 && path[from - 1] != '/')
        from--;
    return (n - from == 1 && path[from] == '.') ||
           (n - from == 2 && path[from] == '.' && path[from + 1] == '.');
}

/* Lock the directory that a dentry is in, if it is still there. Returns its vnode, or NULL: walk again. */
static struct vnode *
parent_lock(struct dentry *d)
{
    struct vnode *dir = dentry_vnode(d->parent);

    mutex_lock(&dir->lock, WAIT_FOREVER);
    if (d->hashed && dentry_vnode(d->parent) == dir)
        return dir;
    mutex_unlock(&dir->lock);
    return NULL;
}

static int
may_create(const struct dentry *d, const struct vnode *dir)
{
    if (dentry_vnode(d))
        return -EEXIST;
    if (dir->nlink == 0)
        return -ENOENT;
    return d->fs->read_only ? -EROFS : 0;
}

static void
touch(struct vnode *dir)
{
    dir->times.modified = dir->times.changed = vfs_now();
}

int
vfs_create(struct dentry *d, uint32_t mode, uint64_t rdev)
{
    struct vnode *dir = d == d->fs->top ? NULL : parent_lock(d), *v;
    int err;

    if (!dir)
        return d == d->fs->top ? -EEXIST : dentry_vnode(d->parent)->ops->create ? -EAGAIN : -EROFS;
    err = may_create(d, dir);
    if (!err)
        err = dir->ops->create ? dir->ops->create(dir, d->name, d->length, mode, rdev, &v) : -EROFS;
    if (!err) {
        dentry_attach(d, v);
        touch(dir);
    }
    mutex_unlock(&dir->lock);
    return err;
}

int
vfs_mknod(const struct walk *w, const char *path, uint32_t mode, uint64_t rdev)
{
    unsigned flags = WALK_CREATE | WALK_NOFOLLOW | ((mode & S_IFMT) == S_IFDIR ? WALK_DIRECTORY : 0);
    struct dentry *d;
    int err;

    do {
        err = vfs_walk(w, path, flags, &d);
        if (err)
            return err;
        err = dentry_vnode(d) ? -EEXIST : vfs_create(d, mode, rdev);
        dentry_put(d);
    } while (err == -EAGAIN);
    return err;
}

int
vfs_symlink(const struct walk *w, const char *target, const char *path)
{
    struct vnode *dir, *v;
    struct dentry *d;
    int err = vfs_walk(w, path, WALK_CREATE | WALK_NOFOLLOW, &d);

    if (err)
        return err;
    dir = d == d->fs->top || dentry_vnode(d) ? NULL : parent_lock(d);
    if (!dir) {
        dentry_put(d);
        return -EEXIST;
    }
    err = may_create(d, dir);
    if (!err)
        err = dir->ops->symlink ? dir->ops->symlink(dir, d->name, d->length, target, &v) : -EPERM;
    if (!err) {
        dentry_attach(d, v);
        touch(dir);
    }
    mutex_unlock(&dir->lock);
    dentry_put(d);
    return err;
}

static int
link_to(struct dentry *from, struct dentry *d)
{
    struct vnode *v = dentry_vnode(from), *dir;
    int err;

    if (vnode_is(v, S_IFDIR))
        return -EPERM;
    if (dentry_vnode(d))
        return -EEXIST;
    if (from->fs != d->fs)
        return -EXDEV;
    dir = parent_lock(d);
    if (!dir)
        return -EEXIST;
    err = may_create(d, dir);
    if (!err)
        err = v->nlink == 0 ? -ENOENT : dir->ops->link ? dir->ops->link(dir, d->name, d->length, v) : -EPERM;
    if (!err) {
        vnode_get(v);
        dentry_attach(d, v);
        touch(dir);
        v->times.changed = vfs_now();
    }
    mutex_unlock(&dir->lock);
    return err;
}

int
vfs_link(const struct walk *from, const char *path, const struct walk *to, const char *to_path, bool follow)
{
    struct dentry *a, *b;
    int err = vfs_walk(from, path, follow ? 0 : WALK_NOFOLLOW, &a);

    if (err)
        return err;
    err = vfs_walk(to, to_path, WALK_CREATE | WALK_NOFOLLOW, &b);
    if (!err) {
        err = link_to(a, b);
        dentry_put(b);
    }
    dentry_put(a);
    return err;
}

static int
may_remove(const struct dentry *d, const struct vnode *v, bool directory)
{
    if (d == d->fs->top || d->mounted)
        return -EBUSY;
    if (directory && !vnode_is(v, S_IFDIR))
        return -ENOTDIR;
    if (!directory && vnode_is(v, S_IFDIR))
        return -EISDIR;
    return d->fs->read_only ? -EROFS : 0;
}

int
vfs_unlink(const struct walk *w, const char *path, bool directory)
{
    struct vnode *dir, *v;
    struct dentry *d;
    int err = vfs_walk(w, path, WALK_NOFOLLOW, &d);

    if (err)
        return err;
    v = dentry_vnode(d);
    err = directory && ends_in_dots(path) ? -EINVAL : may_remove(d, v, directory);
    if (!err && !dentry_vnode(d->parent)->ops->unlink)
        err = -EPERM;
    if (!err) {
        dir = parent_lock(d);
        if (dir) {
            mutex_lock(&v->lock, WAIT_FOREVER);
            err = dir->ops->unlink(dir, d->name, d->length, v);
            if (!err) {
                dentry_detach(d);
                touch(dir);
                v->times.changed = vfs_now();
            }
            mutex_unlock(&v->lock);
            if (!err && v->aliased)
                dentry_purge(d->parent, v);
            if (!err && vnode_is(v, S_IFDIR))
                dentry_purge(d, NULL); /* what is known to be missing in it holds it */
            mutex_unlock(&dir->lock);
        } else {
            err = -ENOENT;
        }
    }
    dentry_put(d);
    return err;
}

/* ---- rename ---- */

/* The rename mutex is held, so nobody moves meanwhile. */
static void
dirs_lock(struct dentry *a, struct dentry *b)
{
    struct vnode *va = dentry_vnode(a), *vb = dentry_vnode(b);
    bool b_first = dentry_below(a, b) || (!dentry_below(b, a) && (uintptr_t)vb < (uintptr_t)va);

    if (va == vb) {
        mutex_lock(&va->lock, WAIT_FOREVER);
        return;
    }
    mutex_lock(b_first ? &vb->lock : &va->lock, WAIT_FOREVER);
    mutex_lock(b_first ? &va->lock : &vb->lock, WAIT_FOREVER);
}

static void
dirs_unlock(struct vnode *va, struct vnode *vb)
{
    mutex_unlock(&va->lock);
    if (va != vb)
        mutex_unlock(&vb->lock);
}

/* rename(2): which may take the place of which. */
static int
may_rename(struct dentry *a, struct dentry *b, unsigned flags)
{
    const struct vnode *va = dentry_vnode(a), *vb = dentry_vnode(b);

    if (a == a->fs->top || b == b->fs->top || a->mounted || b->mounted)
        return -EBUSY;
    if (a->fs != b->fs)
        return -EXDEV;
    if (a->fs->read_only)
        return -EROFS;
    if (vb && flags & RENAME_NOREPLACE)
        return -EEXIST;
    if (vnode_is(va, S_IFDIR) && a != b && dentry_below(b, a))
        return -EINVAL;
    if (vb && va != vb) {
        if (dentry_below(a, b))
            return -ENOTEMPTY;
        if (vnode_is(va, S_IFDIR) && !vnode_is(vb, S_IFDIR))
            return -ENOTDIR;
        if (!vnode_is(va, S_IFDIR) && vnode_is(vb, S_IFDIR))
            return -EISDIR;
    }
    return dentry_vnode(a->parent)->ops->rename ? 0 : -EPERM;
}

/* Locks: the rename mutex. b may be a: another spelling of its name. */
static int
rename_locked(struct dentry *a, struct dentry *b, const char *name, size_t len)
{
    struct dentry *to_dir = b->parent;
    struct vnode *v = dentry_vnode(a), *from = dentry_vnode(a->parent), *to = dentry_vnode(to_dir), *replaced;
    int err;

    dirs_lock(a->parent, to_dir);
    replaced = b == a ? NULL : dentry_vnode(b);
    if (!a->hashed || !b->hashed || to->nlink == 0)
        err = -ENOENT;
    else
        err = from->ops->rename(from, a->name, a->length, v, to, name, len, replaced);
    if (!err) {
        if (b != a)
            dentry_detach(b);
        if (v->aliased)
            dentry_purge(a->parent, v);
        if (replaced && replaced->aliased)
            dentry_purge(to_dir, replaced);
        if (replaced && vnode_is(replaced, S_IFDIR))
            dentry_purge(b, NULL);
        if (dentry_move(a, to_dir, name, len))
            dentry_detach(a); /* the cache knows nothing then, and asks */
        touch(from);
        touch(to);
        v->times.changed = vfs_now();
    }
    dirs_unlock(from, to);
    return err;
}

/* The last name of a path. */
static const char *
last_name(const char *path, size_t *len)
{
    size_t end = strlen(path), from;

    while (end > 0 && path[end - 1] == '/')
        end--;
    for (from = end; from > 0 && path[from - 1] != '/';)
        from--;
    *len = end - from;
    return path + from;
}

/* The same file by both names: if they are one name with another spelling, that changes. */
static int
respell(struct dentry *a, struct dentry *b, const char *name, size_t len)
{
    if (a != b || !a->fs->ops->names_match || (a->length == len && !memcmp(a->name, name, len)))
        return 0;
    return rename_locked(a, a, name, len);
}

int
vfs_rename(const struct walk *from, const char *path, const struct walk *to, const char *to_path,
           unsigned flags)
{
    struct dentry *a, *b;
    const char *name;
    unsigned kind;
    size_t len;
    int err;

    if (flags & ~RENAME_NOREPLACE)
        return -EINVAL;
    if (ends_in_dots(path) || ends_in_dots(to_path))
        return -EBUSY;
    mutex_lock(&rename_mutex, WAIT_FOREVER);
    err = vfs_walk(from, path, WALK_NOFOLLOW, &a);
    if (err)
        goto unlock;
    kind = vnode_is(dentry_vnode(a), S_IFDIR) ? WALK_DIRECTORY : 0;
    err = vfs_walk(to, to_path, WALK_NOFOLLOW | WALK_CREATE | kind, &b);
    if (err)
        goto put;
    name = last_name(to_path, &len);
    err = may_rename(a, b, a == b ? 0 : flags);
    if (!err)
        err = dentry_vnode(a) == dentry_vnode(b) ? respell(a, b, name, len) : rename_locked(a, b, name, len);
    dentry_put(b);
put:
    dentry_put(a);
unlock:
    mutex_unlock(&rename_mutex);
    return err;
}
