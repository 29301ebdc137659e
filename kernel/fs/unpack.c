/*
 * The root's image into the root.
 */
#include "kernel/fs/cpio.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

/* Names of one file: the first one's dentry stands for it until the archive ends. */
struct linked {
    struct linked *next;
    uint64_t ino;
    struct dentry *dentry; /* a reference */
};

struct unpack {
    struct walk walk;
    struct linked *linked;
    char *path; /* PATH_MAX */
};

/* Directories that an archive does not list come into being with 0755. */
static int
parents_make(struct unpack *u, const char *name)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        int err;

        memcpy(u->path, name, (size_t)(slash - name));
        u->path[slash - name] = 0;
        err = vfs_mknod(&u->walk, u->path, S_IFDIR | 0755, 0);
        if (err && err != -EEXIST)
            return err;
    }
    return 0;
}

static int
data_write(struct unpack *u, const struct cpio_member *m)
{
    struct uio_part part;
    struct file *f;
    struct uio uio;
    int err = vfs_open(&u->walk, m->name, O_WRONLY | O_CREAT | O_TRUNC, (uint32_t)m->mode & 07777, &f);
    long n;

    if (err)
        return err;
    uio_kernel(&uio, &part, m->data, m->size);
    n = file_write(f, &uio);
    file_put(f);
    return n < 0 ? (int)n : (size_t)n < m->size ? -ENOSPC : 0;
}

/* A file with several names: the first makes it, the others link to it; whichever brings the data writes it. */
static int
linked_make(struct unpack *u, const struct cpio_member *m)
{
    struct linked *l = u->linked;
    struct walk from;
    int err;

    while (l && l->ino != m->ino)
        l = l->next;
    if (l) {
        struct dentry *d = l->dentry;
        char *text = pool_alloc(PATH_MAX, FS_TAG);
        const char *path = text ? dentry_path(d, u->walk.root, text, PATH_MAX) : NULL;

        from = u->walk;
        err = path ? vfs_link(&from, path, &u->walk, m->name, false) : -ENOMEM;
        pool_free(text, FS_TAG);
        return err ? err : m->size ? data_write(u, m) : 0;
    }
    err = data_write(u, m);
    l = err ? NULL : pool_zalloc(sizeof(*l), FS_TAG);
    if (!l)
        return err ? err : -ENOMEM;
    err = vfs_walk(&u->walk, m->name, WALK_NOFOLLOW, &l->dentry);
    if (err) {
        pool_free(l, FS_TAG);
        return err;
    }
    l->ino = m->ino;
    l->next = u->linked;
    u->linked = l;
    return 0;
}

static int
link_make(struct unpack *u, const struct cpio_member *m)
{
    if (m->size >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(u->path, m->data, m->size);
    u->path[m->size] = 0;
    return vfs_symlink(&u->walk, u->path, m->name);
}

static int
attributes_set(struct unpack *u, const struct cpio_member *m)
{
    struct attr a = {.which = ATTR_MODE | ATTR_MODIFIED,
                     .mode = (uint32_t)m->mode & 07777,
                     .modified = (int64_t)m->mtime * 1000000000};
    struct dentry *d;
    int err = vfs_walk(&u->walk, m->name, WALK_NOFOLLOW, &d);

    if (err)
        return err;
    err = vfs_setattr(dentry_vnode(d), &a);
    dentry_put(d);
    return err;
}

static int
member_make(struct unpack *u, const struct cpio_member *m)
{
    uint32_t type = (uint32_t)m->mode & S_IFMT, mode = (uint32_t)m->mode & (S_IFMT | 07777);
    int err;

    if (!m->name[0] || strcmp(m->name, ".") == 0)
        return 0;
    err = parents_make(u, m->name);
    if (err)
        return err;
    if (type == S_IFREG)
        err = m->nlink > 1 ? linked_make(u, m) : data_write(u, m);
    else if (type == S_IFLNK)
        err = link_make(u, m);
    else
        err = vfs_mknod(&u->walk, m->name, mode, makedev((uint32_t)m->rdev_major, (uint32_t)m->rdev_minor));
    if (err == -EEXIST && type == S_IFDIR)
        err = 0;
    return err || type == S_IFLNK ? err : attributes_set(u, m);
}

int
cpio_unpack(const void *image, size_t size, const char **reason, size_t *at)
{
    struct unpack u = {.path = pool_alloc(PATH_MAX, FS_TAG)};
    struct cpio_member m;
    size_t next = 0;
    int result = u.path ? 1 : -ENOMEM;

    u.walk.root = u.walk.start = vfs_root();
    *at = 0;
    *reason = "it cannot be made";
    while (result > 0) {
        *at = next;
        result = cpio_next(image, size, &next, &m, reason);
        if (result > 0) {
            int err = member_make(&u, &m);

            result = err ? err : result;
        }
    }
    while (u.linked) {
        struct linked *l = u.linked;

        u.linked = l->next;
        dentry_put(l->dentry);
        pool_free(l, FS_TAG);
    }
    dentry_put(u.walk.root);
    pool_free(u.path, FS_TAG);
    return result;
}
