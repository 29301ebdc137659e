/*
 * Where a program's paths begin: its root, its working directory, its umask.
 */
#include "kernel/fs/file.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"

#define CONTEXT_TAG POOL_TAG('f', 's', 'c', 't')

/* [c] lock */
struct fs_context {
    spinlock_t lock;
    uint32_t refs;             /* [a] */
    uint32_t umask;            /* [c] */
    struct dentry *root, *cwd; /* [c] references */
};

static int
context_make(struct dentry *root, struct dentry *cwd, uint32_t umask, struct fs_context **out)
{
    struct fs_context *c = pool_zalloc(sizeof(*c), CONTEXT_TAG);

    if (!c) {
        dentry_put(root);
        dentry_put(cwd);
        return -ENOMEM;
    }
    spin_init(&c->lock, LOCK_FILES, "file context");
    c->refs = 1;
    c->root = root;
    c->cwd = cwd;
    c->umask = umask;
    *out = c;
    return 0;
}

int
fs_context_new(struct fs_context **out)
{
    return context_make(vfs_root(), vfs_root(), 022, out);
}

int
fs_context_copy(struct fs_context *from, struct fs_context **out)
{
    return context_make(fs_context_root(from), fs_context_cwd(from), fs_context_umask(from), out);
}

void
fs_context_get(struct fs_context *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
}

void
fs_context_put(struct fs_context *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
        return;
    dentry_put(c->root);
    dentry_put(c->cwd);
    pool_free(c, CONTEXT_TAG);
}

static struct dentry *
hold(struct fs_context *c, struct dentry *const *which)
{
    uint8_t old = spin_lock(&c->lock);
    struct dentry *d = *which;

    dentry_get(d);
    spin_unlock(&c->lock, old);
    return d;
}

struct dentry *
fs_context_cwd(struct fs_context *c)
{
    return hold(c, &c->cwd);
}

struct dentry *
fs_context_root(struct fs_context *c)
{
    return hold(c, &c->root);
}

static int
change(struct fs_context *c, struct dentry **which, struct dentry *d)
{
    const struct vnode *v = dentry_vnode(d);
    struct dentry *before;
    uint8_t old;

    if (!v || !vnode_is(v, S_IFDIR))
        return -ENOTDIR;
    dentry_get(d);
    old = spin_lock(&c->lock);
    before = *which;
    *which = d;
    spin_unlock(&c->lock, old);
    dentry_put(before);
    return 0;
}

int
fs_context_chdir(struct fs_context *c, struct dentry *d)
{
    return change(c, &c->cwd, d);
}

int
fs_context_chroot(struct fs_context *c, struct dentry *d)
{
    return change(c, &c->root, d);
}

uint32_t
fs_context_umask(struct fs_context *c)
{
    return __atomic_load_n(&c->umask, __ATOMIC_RELAXED);
}

uint32_t
fs_context_set_umask(struct fs_context *c, uint32_t mask)
{
    return __atomic_exchange_n(&c->umask, mask, __ATOMIC_RELAXED);
}
