/*
 * Devices by name and number. /dev is a file system in memory as the root is; its nodes lead here by their numbers.
 */
#include "kernel/console/log.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define DEVICE_TAG POOL_TAG('d', 'e', 'v', 'f')

/* [m] devices_lock */
struct device {
    struct list link; /* [m] */
    const struct fs_ops *ops;
    void *private;
    uint64_t rdev;
    uint32_t mode;
    char name[64];
};

static struct mutex devices_lock;
static struct list devices = LIST_INIT(devices); /* [m] */
static bool mounted;                             /* [m] /dev is there */

void
devfs_init(void)
{
    mutex_init(&devices_lock);
}

/* Lock held. */
static struct device *
device_find(uint32_t mode, uint64_t rdev)
{
    struct device *d;

    list_for_each_entry(d, &devices, link)
        if (d->rdev == rdev && ((d->mode ^ mode) & S_IFMT) == 0)
            return d;
    return NULL;
}

int
devfs_open_node(struct file *f, uint32_t mode, uint64_t rdev)
{
    const struct device *d;

    mutex_lock(&devices_lock, WAIT_FOREVER);
    d = device_find(mode, rdev);
    if (d) {
        f->ops = d->ops;
        f->private = d->private;
    }
    mutex_unlock(&devices_lock);
    if (!d)
        return -ENXIO;
    return f->ops->open ? f->ops->open(f) : 0;
}

/* /dev/NAME, with the directories on the way. Lock held. */
static int
node_make(const struct device *d)
{
    struct walk w = {.root = vfs_root()};
    char path[sizeof(d->name) + 8];
    int err = 0;

    w.start = w.root;
    snprintf(path, sizeof(path), "/dev/%s", d->name);
    for (char *slash = strchr(path + 5, '/'); slash && (!err || err == -EEXIST);
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        err = vfs_mknod(&w, path, S_IFDIR | 0755, 0);
        *slash = '/';
    }
    if (!err || err == -EEXIST)
        err = vfs_mknod(&w, path, d->mode, d->rdev);
    dentry_put(w.root);
    return err == -EEXIST ? 0 : err;
}

int
devfs_add(const char *name, uint32_t mode, uint64_t rdev, const struct fs_ops *ops, void *private)
{
    struct device *d = pool_zalloc(sizeof(*d), DEVICE_TAG);
    int err = 0;

    if (!d)
        return -ENOMEM;
    *d = (struct device){.ops = ops, .private = private, .rdev = rdev, .mode = mode};
    strlcpy(d->name, name, sizeof(d->name));
    mutex_lock(&devices_lock, WAIT_FOREVER);
    list_add_tail(&devices, &d->link);
    if (mounted)
        err = node_make(d);
    mutex_unlock(&devices_lock);
    return err;
}

void
devfs_remove(const char *name)
{
    struct walk w = {.root = vfs_root()};
    struct device *d, *found = NULL;
    char path[sizeof(d->name) + 8];

    w.start = w.root;
    snprintf(path, sizeof(path), "/dev/%s", name);
    mutex_lock(&devices_lock, WAIT_FOREVER);
    list_for_each_entry(d, &devices, link)
        if (strcmp(d->name, name) == 0)
            found = d;
    if (found) {
        list_del(&found->link);
        if (mounted)
            vfs_unlink(&w, path, false);
    }
    mutex_unlock(&devices_lock);
    pool_free(found, DEVICE_TAG);
    dentry_put(w.root);
}

int
devfs_populate(void)
{
    static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
                                           {"/proc/self/fd/0", "/dev/stdin"},
                                           {"/proc/self/fd/1", "/dev/stdout"},
                                           {"/proc/self/fd/2", "/dev/stderr"}};
    struct walk w = {.root = vfs_root()};
    struct device *d;
    int err = 0;

    w.start = w.root;
    mutex_lock(&devices_lock, WAIT_FOREVER);
    mounted = true;
    list_for_each_entry(d, &devices, link)
        if (!err)
            err = node_make(d);
    mutex_unlock(&devices_lock);
    for (size_t i = 0; !err && i < ARRAY_SIZE(links); i++)
        err = vfs_symlink(&w, links[i][0], links[i][1]);
    dentry_put(w.root);
    return err;
}
