/*
 * Files for the loader, from any mounted file system.
 */
#include "drivers/control/control_impl.h"
#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define FILE_MAX (64u << 20)

static int
open_path(const char *path, unsigned flags, struct file **out)
{
    struct dentry *root = vfs_root();
    const struct walk w = {root, root};
    int err = vfs_open(&w, path, flags, 0, out);

    dentry_put(root);
    return err;
}

static int
files_read(const char *path, void **bytes, size_t *size)
{
    struct file *f;
    int err = open_path(path, O_RDONLY, &f);

    if (err)
        return err;
    *size = f->vnode->size;
    *bytes = NULL;
    if (!vnode_is(f->vnode, S_IFREG))
        err = -EINVAL;
    else if (!*size || *size > FILE_MAX)
        err = -EFBIG;
    else
        *bytes = space_alloc(*size, MAP_WRITE);
    if (!err && !*bytes)
        err = -ENOMEM;
    if (!err && file_read_kernel(f, *bytes, *size, 0) != (long)*size)
        err = -EIO;
    if (err)
        space_free(*bytes);
    file_put(f);
    return err;
}

struct listing {
    const char *folder, *suffix;
    void (*each)(void *context, const char *path);
    void *context;
};

static bool
list_one(void *context, const char *name, size_t len, uint64_t ino, uint32_t type, uint64_t next)
{
    const struct listing *l = context;
    size_t n = strlen(l->suffix);
    char path[256];

    if (len <= n || strncasecmp(name + len - n, l->suffix, n) || strlen(l->folder) + len + 2 > sizeof(path))
        return true;
    snprintf(path, sizeof(path), "%s/%.*s", l->folder, (int)len, name);
    l->each(l->context, path);
    return true;
}

static int
files_list(const char *folder, const char *suffix, void (*each)(void *context, const char *path),
           void *context)
{
    struct listing l = {folder, suffix, each, context};
    struct file *f;
    int err = open_path(folder, O_RDONLY | O_DIRECTORY, &f);

    if (err)
        return err;
    err = file_readdir(f, list_one, &l);
    file_put(f);
    return err;
}

const struct loader_files control_files = {.read = files_read, .free = space_free, .list = files_list};
