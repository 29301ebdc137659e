/*
 * The root in memory: directories, links, nodes.
 *
 * I1  An entry holds a reference to its vnode, so what has a name stays; what has none goes with its last user.
 * I2  A directory's entries are in two trees: by name, and by the order in which they came, which is what readdir's
 *     position counts; so it goes on at the right place whatever came and went.
 */
#include "kernel/fs/ramfs_impl.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

#define RAMFS_MAGIC 0x858458f6u
#define ENTRY_SIZE  64 /* what a directory's size counts for each */

struct ramfs_entry {
    struct tree_node by_name, by_order;
    struct vnode *vnode; /* a reference */
    uint64_t order;
    size_t length;
    char name[];
};

struct name {
    const char *text;
    size_t length;
};

static struct ramfs_entry *
entry_by_name(const struct tree_node *n)
{
    return n ? container_of(n, struct ramfs_entry, by_name) : NULL;
}

static struct ramfs_entry *
entry_by_order(const struct tree_node *n)
{
    return n ? container_of(n, struct ramfs_entry, by_order) : NULL;
}

static int
name_compare(const void *key, const struct tree_node *node)
{
    const struct name *k = key;
    const struct ramfs_entry *e = entry_by_name(node);
    int order = memcmp(k->text, e->name, MIN(k->length, e->length));

    return order ? order : k->length < e->length ? -1 : k->length > e->length;
}

static int
order_compare(const void *key, const struct tree_node *node)
{
    uint64_t k = *(const uint64_t *)key, e = entry_by_order(node)->order;

    return k < e ? -1 : k > e;
}

static struct ramfs_entry *
entry_find(const struct vnode *dir, const char *name, size_t len)
{
    struct name key = {name, len};

    return entry_by_name(tree_find(&ramfs_node(dir)->by_name, &key));
}

/* Takes over a reference to v. */
static int
entry_add(struct vnode *dir, const char *name, size_t len, struct vnode *v)
{
    struct ramfs_node *n = ramfs_node(dir);
    struct ramfs_entry *e = pool_zalloc(sizeof(*e) + len, RAMFS_TAG);
    struct name key = {name, len};

    if (!e)
        return -ENOMEM;
    memcpy(e->name, name, len);
    e->length = len;
    e->vnode = v;
    e->order = ++n->last_order;
    tree_insert(&n->by_name, &key, &e->by_name);
    tree_insert(&n->by_order, &e->order, &e->by_order);
    dir->size += ENTRY_SIZE;
    return 0;
}

/* The entry's reference goes to the caller. */
static struct vnode *
entry_remove(struct vnode *dir, struct ramfs_entry *e)
{
    struct ramfs_node *n = ramfs_node(dir);
    struct vnode *v = e->vnode;

    tree_remove(&n->by_name, &e->by_name);
    tree_remove(&n->by_order, &e->by_order);
    dir->size -= ENTRY_SIZE;
    pool_free(e, RAMFS_TAG);
    return v;
}

static struct vnode *
node_new(struct fs *fs, uint32_t mode)
{
    struct ramfs *r = fs->private;
    struct ramfs_node *n = pool_zalloc(sizeof(*n), RAMFS_TAG);
    struct vnode *v =
        n ? vnode_new(fs, &ramfs_ops, mode, __atomic_add_fetch(&r->last_ino, 1, __ATOMIC_RELAXED)) : NULL;

    if (!v) {
        pool_free(n, RAMFS_TAG);
        return NULL;
    }
    n->by_name.compare = name_compare;
    n->by_order.compare = order_compare;
    spin_init(&n->pages_lock, LOCK_PAGES, "pages of a file");
    v->private = n;
    if (vnode_is(v, S_IFDIR))
        v->nlink = 2;
    __atomic_add_fetch(&r->files, 1, __ATOMIC_RELAXED);
    return v;
}

static void
ramfs_evict(struct vnode *v)
{
    struct ramfs_node *n = ramfs_node(v);
    struct ramfs_entry *e;

    ramfs_resize(v, 0);
    while ((e = entry_by_name(n->by_name.root)) != NULL) /* only when the file system goes */
        vnode_put(entry_remove(v, e));
    pool_free(n->target, RAMFS_TAG);
    __atomic_sub_fetch(&ramfs_of(v)->files, 1, __ATOMIC_RELAXED);
    if (v == v->fs->root) /* unmounted; all the others have gone before */
        pool_free(ramfs_of(v), RAMFS_TAG);
    pool_free(n, RAMFS_TAG);
}

static int
ramfs_mount(struct fs *fs, const char *source, const char *options)
{
    struct ramfs *r = pool_zalloc(sizeof(*r), RAMFS_TAG);
    struct frame_stats frames;

    if (!r)
        return -ENOMEM;
    frame_stats(&frames);
    r->limit = frames.total / 2;
    fs->private = r;
    fs->root = node_new(fs, S_IFDIR | 0755);
    if (!fs->root)
        pool_free(r, RAMFS_TAG);
    return fs->root ? 0 : -ENOMEM;
}

static int
ramfs_statfs(struct fs *fs, struct fs_stats *out)
{
    const struct ramfs *r = fs->private;
    uint64_t used = __atomic_load_n(&r->pages, __ATOMIC_RELAXED);

    *out = (struct fs_stats){.block_size = PAGE_SIZE,
                             .blocks = r->limit,
                             .free_blocks = r->limit - MIN(used, r->limit),
                             .files = __atomic_load_n(&r->files, __ATOMIC_RELAXED),
                             .magic = RAMFS_MAGIC,
                             .name_max = NAME_MAX};
    return 0;
}

static int
ramfs_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    struct ramfs_entry *e = entry_find(dir, name, len);

    if (!e)
        return -ENOENT;
    vnode_get(e->vnode);
    *out = e->vnode;
    return 0;
}

/* A new node under a name; *out with a reference besides the entry's. */
static int
node_add(struct vnode *dir, const char *name, size_t len, struct vnode *v, struct vnode **out)
{
    int err = entry_add(dir, name, len, v);

    if (err) {
        vnode_put(v);
        return err;
    }
    if (vnode_is(v, S_IFDIR))
        dir->nlink++;
    vnode_get(v);
    *out = v;
    return 0;
}

static int
ramfs_create(struct vnode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev,
             struct vnode **out)
{
    struct vnode *v = node_new(dir->fs, mode);

    if (!v)
        return -ENOMEM;
    v->rdev = rdev;
    return node_add(dir, name, len, v, out);
}

static int
ramfs_symlink(struct vnode *dir, const char *name, size_t len, const char *target, struct vnode **out)
{
    size_t size = strlen(target);
    struct vnode *v = node_new(dir->fs, S_IFLNK | 0777);

    if (!v)
        return -ENOMEM;
    ramfs_node(v)->target = pool_alloc(size + 1, RAMFS_TAG);
    if (!ramfs_node(v)->target) {
        vnode_put(v);
        return -ENOMEM;
    }
    memcpy(ramfs_node(v)->target, target, size + 1);
    v->size = size;
    return node_add(dir, name, len, v, out);
}

static int
ramfs_link(struct vnode *dir, const char *name, size_t len, struct vnode *v)
{
    int err = entry_add(dir, name, len, v);

    if (err)
        return err;
    vnode_get(v);
    v->nlink++;
    return 0;
}

/* The last name of a directory goes with its own "." */
static void
name_lost(struct vnode *dir, struct vnode *v)
{
    if (vnode_is(v, S_IFDIR)) {
        v->nlink = 0;
        dir->nlink--;
    } else {
        v->nlink--;
    }
}

static int
ramfs_unlink(struct vnode *dir, const char *name, size_t len, struct vnode *v)
{
    struct ramfs_entry *e = entry_find(dir, name, len);

    if (!e || e->vnode != v)
        return -ENOENT;
    if (vnode_is(v, S_IFDIR) && ramfs_node(v)->by_name.root)
        return -ENOTEMPTY;
    name_lost(dir, v);
    vnode_put(entry_remove(dir, e)); /* not the last reference: the caller has one */
    return 0;
}

static int
ramfs_rename(struct vnode *from, const char *name, size_t len, struct vnode *v, struct vnode *to,
             const char *to_name, size_t to_len, struct vnode *replaced)
{
    struct ramfs_entry *e = entry_find(from, name, len), *old = entry_find(to, to_name, to_len);
    int err;

    if (!e || e->vnode != v || (old ? old->vnode : NULL) != replaced)
        return -ENOENT;
    if (replaced && vnode_is(replaced, S_IFDIR) && ramfs_node(replaced)->by_name.root)
        return -ENOTEMPTY;
    if (old && replaced) {
        name_lost(to, replaced);
        old->vnode = v;
        vnode_put(replaced);
    } else {
        err = entry_add(to, to_name, to_len, v);
        if (err)
            return err;
    }
    entry_remove(from, e); /* its reference is the new entry's */
    if (vnode_is(v, S_IFDIR)) {
        from->nlink--;
        to->nlink++;
    }
    return 0;
}

static int
ramfs_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    uint64_t from = *position + 1;
    const struct ramfs_entry *e = entry_by_order(tree_ceiling(&ramfs_node(dir)->by_order, &from));

    for (; e; e = entry_by_order(tree_next(&e->by_order))) {
        if (!emit(context, e->name, e->length, e->vnode->ino, e->vnode->mode & S_IFMT, e->order))
            break;
        *position = e->order;
    }
    return 0;
}

static long
ramfs_readlink(struct vnode *v, char *text, size_t size)
{
    size_t n = MIN(size, (size_t)v->size);

    memcpy(text, ramfs_node(v)->target, n);
    return (long)n;
}

static int
ramfs_setattr(struct vnode *v, const struct attr *a)
{
    if (a->which & ATTR_SIZE)
        ramfs_resize(v, a->size);
    return 0;
}

/* Nodes of devices and FIFOs lead elsewhere. */
static int
ramfs_open(struct file *f)
{
    switch (f->vnode->mode & S_IFMT) {
    case S_IFCHR:
    case S_IFBLK:
        return devfs_open_node(f, f->vnode->mode, f->vnode->rdev);
    case S_IFIFO:
        return fifo_open(f);
    default:
        return 0;
    }
}

const struct fs_ops ramfs_ops = {
    .name = "ramfs",
    .nodev = true,
    .mount = ramfs_mount,
    .statfs = ramfs_statfs,
    .lookup = ramfs_lookup,
    .create = ramfs_create,
    .symlink = ramfs_symlink,
    .link = ramfs_link,
    .unlink = ramfs_unlink,
    .rename = ramfs_rename,
    .readdir = ramfs_readdir,
    .readlink = ramfs_readlink,
    .read = ramfs_read,
    .write = ramfs_write,
    .setattr = ramfs_setattr,
    .open = ramfs_open,
    .object = ramfs_object,
    .evict = ramfs_evict,
};
