#include "kernel/fs/fs_impl.h"
#include "kernel/hw/clock.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"

int64_t
vfs_now(void)
{
    return (int64_t)wall_clock_now();
}

struct vnode *
vnode_new(struct fs *fs, const struct fs_ops *ops, uint32_t mode, uint64_t ino)
{
    struct vnode *v = pool_zalloc(sizeof(*v), FS_TAG);
    int64_t now = vfs_now();

    if (!v)
        return NULL;
    v->ops = ops;
    v->fs = fs;
    v->refs = 1;
    v->mode = mode;
    v->nlink = 1;
    v->ino = ino;
    v->times = (struct vnode_times){now, now, now, now};
    mutex_init(&v->lock);
    return v;
}

void
vnode_get(struct vnode *v)
{
    __atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
}

void
vnode_put(struct vnode *v)
{
    if (__atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL))
        return;
    if (v->ops->evict)
        v->ops->evict(v);
    pool_free(v, FS_TAG);
}

static int
attr_check(const struct vnode *v, const struct attr *a)
{
    if (v->fs && v->fs->read_only)
        return -EROFS;
    if (a->which & ATTR_SIZE) {
        if (vnode_is(v, S_IFDIR))
            return -EISDIR;
        if (!vnode_is(v, S_IFREG))
            return -EINVAL;
        if (a->size > INT64_MAX)
            return -EFBIG;
    }
    return v->ops->setattr ? 0 : -EPERM;
}

int
vfs_setattr(struct vnode *v, const struct attr *a)
{
    int err = attr_check(v, a);

    if (err)
        return err;
    mutex_lock(&v->lock, WAIT_FOREVER);
    err = v->ops->setattr(v, a);
    if (!err) {
        if (a->which & ATTR_MODE)
            v->mode = (v->mode & S_IFMT) | (a->mode & 07777);
        if (a->which & ATTR_OWNER && a->uid != UINT32_MAX)
            v->uid = a->uid;
        if (a->which & ATTR_OWNER && a->gid != UINT32_MAX)
            v->gid = a->gid;
        if (a->which & ATTR_ACCESSED)
            v->times.accessed = a->accessed;
        v->times.changed = vfs_now();
        if (a->which & ATTR_SIZE)
            v->times.modified = v->times.changed;
        if (a->which & ATTR_MODIFIED)
            v->times.modified = a->modified;
    }
    mutex_unlock(&v->lock);
    return err;
}
