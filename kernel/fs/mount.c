/*
 * File systems: their types, and where they are mounted.
 */
#include "kernel/console/log.h"
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

#define TYPES_MAX 16

static const struct fs_ops *types[TYPES_MAX]; /* [I] after boot */
static unsigned type_count;
static struct mutex mounts_lock;               /* [m] */
static struct list mounts = LIST_INIT(mounts); /* [m] */
static struct dentry *root;                    /* [I] after the first mount */
static uint64_t last_device;                   /* [m] */

void
mount_init(void)
{
    mutex_init(&mounts_lock);
}

void
fs_register(const struct fs_ops *ops)
{
    ASSERT(type_count < TYPES_MAX);
    types[type_count++] = ops;
}

const struct fs_ops *
fs_find(const char *name)
{
    for (unsigned i = 0; i < type_count; i++)
        if (strcmp(types[i]->name, name) == 0)
            return types[i];
    return NULL;
}

void
fs_for_each(void (*show)(void *context, const struct fs_ops *ops), void *context)
{
    for (unsigned i = 0; i < type_count; i++)
        show(context, types[i]);
}

struct dentry *
vfs_root(void)
{
    dentry_get(root);
    return root;
}

/* A mounted file system that covers nothing yet. Lock held. */
static int
fs_make(const struct fs_ops *ops, const char *source, bool read_only, const char *options, struct fs **out)
{
    struct fs *fs = pool_zalloc(sizeof(*fs), FS_TAG);
    int err;

    if (!fs)
        return -ENOMEM;
    fs->ops = ops;
    fs->device = ++last_device;
    fs->read_only = read_only;
    strlcpy(fs->source, source[0] ? source : ops->name, sizeof(fs->source));
    strlcpy(fs->options, options, sizeof(fs->options));
    err = ops->mount(fs, source, options);
    if (err)
        goto free;
    fs->top = dentry_new_root(fs, fs->root);
    if (!fs->top) {
        err = -ENOMEM;
        goto unmount;
    }
    *out = fs;
    return 0;
unmount:
    if (ops->unmount)
        ops->unmount(fs);
    vnode_put(fs->root);
free:
    pool_free(fs, FS_TAG);
    return err;
}

/* Lock held. */
static int
cover(struct fs *fs, struct dentry *on)
{
    if (!on) {
        if (root)
            return -EBUSY;
        root = fs->top;
    } else {
        dentry_get(on);
        fs->covered = on;
        __atomic_store_n(&on->mounted, fs, __ATOMIC_RELEASE);
    }
    list_add_tail(&mounts, &fs->link);
    return 0;
}

int
vfs_mount(const char *type, const char *source, struct dentry *on, bool read_only, const char *options)
{
    const struct fs_ops *ops = fs_find(type);
    struct fs *fs;
    int err;

    if (!ops)
        return -ENODEV;
    if (on && !vnode_is(dentry_vnode(on), S_IFDIR))
        return -ENOTDIR;
    mutex_lock(&mounts_lock, WAIT_FOREVER);
    err = fs_make(ops, source, read_only, options, &fs);
    if (!err) {
        err = cover(fs, on);
        ASSERT(!err);
    }
    mutex_unlock(&mounts_lock);
    return err;
}

/* Lock held. */
static int
uncover(struct fs *fs)
{
    struct dentry *on = fs->covered;
    struct fs *other;
    int err;

    list_for_each_entry(other, &mounts, link)
        if (other != fs && other->covered && other->covered->fs == fs)
            return -EBUSY;
    if (fs->ops->sync)
        (void)fs->ops->sync(fs); /* a device that fails keeps nobody from taking it away */
    err = dentry_forget(fs);
    if (!err &&
        __atomic_load_n(&fs->top->refs, __ATOMIC_ACQUIRE) > 2) /* the mount's, and the caller's walk */
        err = -EBUSY;
    if (!err && fs->ops->is_busy && fs->ops->is_busy(fs))
        err = -EBUSY;
    if (err)
        return err;
    __atomic_store_n(&on->mounted, NULL, __ATOMIC_RELEASE);
    list_del(&fs->link);
    return 0;
}

int
vfs_unmount(struct dentry *at, bool lazy)
{
    struct fs *fs = at->fs;
    int err;

    if (at != fs->top)
        return -EINVAL;
    if (!fs->covered || lazy)
        return -EBUSY;
    mutex_lock(&mounts_lock, WAIT_FOREVER);
    err = uncover(fs);
    mutex_unlock(&mounts_lock);
    if (err)
        return err;
    dentry_put(fs->covered);
    fs->covered = NULL;
    if (fs->ops->unmount)
        fs->ops->unmount(fs);
    dentry_put(fs->top);
    return 0;
}

int
vfs_sync(void)
{
    struct fs *fs;
    int first = 0;

    mutex_lock(&mounts_lock, WAIT_FOREVER);
    list_for_each_entry(fs, &mounts, link) {
        int err = fs->ops->sync ? fs->ops->sync(fs) : 0;

        if (err) {
            log_err("fs: sync of %s (%s) failed: %d", fs->source, fs->ops->name, err);
            first = first ? first : err;
        }
    }
    mutex_unlock(&mounts_lock);
    return first;
}

void
vfs_shutdown(void)
{
    struct fs *fs;

    mutex_lock(&mounts_lock, WAIT_FOREVER);
    list_for_each_entry(fs, &mounts, link) {
        int err = fs->ops->freeze && !fs->read_only ? fs->ops->freeze(fs, true) : 0;

        if (err)
            log_err("fs: %s (%s) is not as it should be: error %d", fs->source, fs->ops->name, err);
        fs->read_only = true;
    }
    mutex_unlock(&mounts_lock);
}

void
vfs_for_each_mount(void (*show)(void *context, const struct fs *fs), void *context)
{
    struct fs *fs;

    mutex_lock(&mounts_lock, WAIT_FOREVER);
    list_for_each_entry(fs, &mounts, link)
        show(context, fs);
    mutex_unlock(&mounts_lock);
}
