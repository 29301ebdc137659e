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
static struct mutex mounts_lock;                 /* [m] */
static struct list mounts = LIST_INIT(mounts);   /* [m] */
static struct list leaving = LIST_INIT(leaving); /* [m] taken down while in use */
static struct dentry *root;                      /* [I] after the first mount */
static uint64_t last_device;                     /* [m] */

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

/* ---- taking down; lock held ---- */

/* Nobody has anything of it but `held` references to its top. */
static bool
is_idle(struct fs *fs, uint32_t held)
{
    if (fs->ops->sync && !fs->read_only)
        (void)fs->ops->sync(fs); /* a device that fails keeps nobody from taking it away */
    return dentry_forget(fs) == 0 && __atomic_load_n(&fs->top->refs, __ATOMIC_ACQUIRE) <= held &&
           !(fs->ops->is_busy && fs->ops->is_busy(fs));
}

static bool
has_mounts(const struct fs *fs)
{
    struct fs *other;

    list_for_each_entry(other, &mounts, link)
        if (other != fs && other->covered && other->covered->fs == fs)
            return true;
    return false;
}

/* Nobody finds it any more. Returns: what it was mounted on, whose reference is the caller's */
static struct dentry *
uncover(struct fs *fs)
{
    struct dentry *on = fs->covered;

    __atomic_store_n(&on->mounted, NULL, __ATOMIC_RELEASE);
    list_del(&fs->link);
    fs->covered = NULL;
    return on;
}

static void
end(struct fs *fs)
{
    if (fs->ops->unmount)
        fs->ops->unmount(fs);
    dentry_put(fs->top);
}

/* Those that were taken down while they were in use, and are no longer. */
static void
reap(void)
{
    struct fs *fs, *next;

    list_for_each_entry_safe(fs, next, &leaving, link)
        if (is_idle(fs, 1)) {
            list_del(&fs->link);
            end(fs);
        }
}

/* Mounted by the system itself, and not in use? */
static bool
gives_way(struct fs *fs)
{
    return !strcmp(fs->options, "auto") && fs->covered && !has_mounts(fs) && is_idle(fs, 1);
}

/* The system's own mount of the same device gives way. */
static bool
give_way(const struct fs_ops *ops, const char *source)
{
    struct fs *fs;

    list_for_each_entry(fs, &mounts, link)
        if (fs->ops == ops && !strcmp(fs->source, source) && gives_way(fs)) {
            dentry_put(uncover(fs));
            end(fs);
            return true;
        }
    return false;
}

/* Is it of a partition of this disk? */
static bool
is_of_disk(const struct fs *fs, const char *disk)
{
    size_t n = strlen(disk);

    return !strncmp(fs->source, "/dev/", 5) && !strncmp(fs->source + 5, disk, n) &&
           fs->source[5 + n] >= '0' && fs->source[5 + n] <= '9';
}

void
vfs_give_way(const char *disk)
{
    struct fs *fs, *next;
    bool all = true;

    mutex_lock(&mounts_lock, WAIT_FOREVER);
    list_for_each_entry(fs, &mounts, link)
        all = all && (!is_of_disk(fs, disk) || gives_way(fs));
    if (all)
        list_for_each_entry_safe(fs, next, &mounts, link)
            if (is_of_disk(fs, disk)) {
                dentry_put(uncover(fs));
                end(fs);
            }
    mutex_unlock(&mounts_lock);
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
    reap();
    err = fs_make(ops, source, read_only, options, &fs);
    if (err == -EBUSY && give_way(ops, source))
        err = fs_make(ops, source, read_only, options, &fs);
    if (!err) {
        err = cover(fs, on);
        ASSERT(!err);
    }
    mutex_unlock(&mounts_lock);
    return err;
}

int
vfs_unmount(struct dentry *at, bool lazy)
{
    struct fs *fs = at->fs;
    struct dentry *on = NULL;
    bool idle = false;

    if (at != fs->top)
        return -EINVAL;
    mutex_lock(&mounts_lock, WAIT_FOREVER);
    if (fs->covered && !has_mounts(fs)) {
        idle = is_idle(fs, 2); /* the mount's reference, and the caller's */
        if (idle || lazy)
            on = uncover(fs);
        if (on && !idle)
            list_add_tail(&leaving, &fs->link);
    }
    mutex_unlock(&mounts_lock);
    if (!on)
        return -EBUSY;
    dentry_put(on);
    if (idle)
        end(fs);
    return 0;
}

int
vfs_remount(struct dentry *at, bool read_only)
{
    struct fs *fs = at->fs;
    int err = 0;

    if (at != fs->top)
        return -EINVAL;
    mutex_lock(&mounts_lock, WAIT_FOREVER);
    if (fs->read_only != read_only && fs->ops->freeze)
        err = fs->ops->freeze(fs, read_only);
    if (!err)
        fs->read_only = read_only;
    mutex_unlock(&mounts_lock);
    return err;
}

int
vfs_sync(void)
{
    struct fs *fs;
    int first = 0;

    mutex_lock(&mounts_lock, WAIT_FOREVER);
    reap();
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

static void
freeze_all(struct list *list)
{
    struct fs *fs;

    list_for_each_entry(fs, list, link) {
        int err = fs->ops->freeze && !fs->read_only ? fs->ops->freeze(fs, true) : 0;

        if (err)
            log_err("fs: %s (%s) is not as it should be: error %d", fs->source, fs->ops->name, err);
        fs->read_only = true;
    }
}

void
vfs_shutdown(void)
{
    mutex_lock(&mounts_lock, WAIT_FOREVER);
    freeze_all(&mounts);
    freeze_all(&leaving);
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
