/* Files and directories by name. */
#include "kernel/fs/fat/fat_vfs.h"
#include "lib/errno.h"
#include "lib/string.h"

static struct list *
list_of(struct fat_volume *v, uint64_t key)
{
    return &v->nodes[key / FAT_ENTRY % FAT_LISTS];
}

static uint32_t
mode_of(uint8_t attributes)
{
    uint32_t bits = attributes & FAT_DIRECTORY ? S_IFDIR | 0755 : S_IFREG | 0755;

    return attributes & FAT_READ_ONLY ? bits & ~0222u : bits;
}

/* Its entry's place: no two files have the same, and none has the root's number. */
static uint64_t
ino_of(uint64_t key)
{
    return key / FAT_ENTRY + 2;
}

/* ---- nodes ---- */

struct vnode *
fat_node_new(struct fat_volume *v, uint32_t mode, uint64_t ino)
{
    struct fat_node *n = pool_zalloc(sizeof(*n), FAT_TAG);
    struct vnode *node = n ? vnode_new(v->fs, &fat_ops, mode, ino) : NULL;

    if (!node) {
        pool_free(n, FAT_TAG);
        return NULL;
    }
    mutex_init(&n->chain_lock);
    n->vnode = node;
    list_init(&n->link);
    list_init(&n->file.link);
    node->private = n;
    return node;
}

/* What its vnode says of a file. */
static void
vnode_fill(const struct fat_volume *v, const struct fat_node *n)
{
    struct vnode *node = n->vnode;
    const struct fat_file *f = &n->file;

    node->size = f->size;
    node->blocks = DIV_ROUND_UP((uint64_t)f->size, v->fat.g.cluster) * (v->fat.g.cluster / 512);
    node->nlink = f->is_directory ? 2 : 1;
    node->times = (struct vnode_times){f->accessed, f->modified, f->modified, f->born};
}

/* A reference, unless the last one has gone. nodes_lock held. */
static bool
vnode_revive(struct vnode *v)
{
    uint32_t refs = __atomic_load_n(&v->refs, __ATOMIC_RELAXED);

    while (refs &&
           !__atomic_compare_exchange_n(&v->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ;
    return refs != 0;
}

/* The node of an entry's place. nodes_lock held. Returns: NULL: there is none. *dying: one that is going. */
static struct vnode *
node_find(struct fat_volume *v, uint64_t key, bool *dying)
{
    struct fat_node *n;

    *dying = false;
    list_for_each_entry(n, list_of(v, key), link)
        if (n->key == key) {
            *dying = !vnode_revive(n->vnode);
            return *dying ? NULL : n->vnode;
        }
    return NULL;
}

/* nodes_lock held. */
static void
node_list(struct fat_volume *v, struct fat_node *n, uint64_t key)
{
    n->key = key;
    list_add_tail(list_of(v, key), &n->link);
    v->listed++;
}

/* Its entry is somewhere else now, or nowhere (0). */
static void
node_move(struct fat_volume *v, struct fat_node *n, uint64_t key)
{
    mutex_lock(&v->nodes_lock, WAIT_FOREVER);
    list_del(&n->link);
    list_add_tail(list_of(v, key), &n->link);
    n->key = key;
    n->vnode->ino = key ? ino_of(key) : n->vnode->ino;
    mutex_unlock(&v->nodes_lock);
}

/* Returns: 0; -EAGAIN: somebody writes what the entry says: read it once more; -ENOMEM */
static int
node_get(struct fat_volume *v, const struct fat_entry *e, uint64_t key, struct vnode **out)
{
    struct fat_node *n;
    bool dying;

    mutex_lock(&v->nodes_lock, WAIT_FOREVER);
    *out = node_find(v, key, &dying);
    if (!*out && !dying) {
        *out = fat_node_new(v, mode_of(e->attributes), ino_of(key));
        n = *out ? fat_node_of(*out) : NULL;
        if (n) {
            n->file.entry = key;
            n->file.is_directory = e->attributes & FAT_DIRECTORY;
            n->file.attributes = e->attributes;
            n->file.size = e->size;
            n->file.born = e->born;
            n->file.modified = e->modified;
            n->file.accessed = e->accessed;
            n->file.dir.chain.first = e->first;
            vnode_fill(v, n);
            node_list(v, n, key);
        }
    }
    mutex_unlock(&v->nodes_lock);
    return *out ? 0 : dying ? -EAGAIN : -ENOMEM;
}

static void
fat_evict(struct vnode *v)
{
    struct fat_volume *volume = fat_volume_of(v);
    struct fat_node *n = fat_node_of(v);

    if (volume && n->key != UINT64_MAX &&
        v->ino != 1) { /* the root, which is not listed, goes after its volume */
        fat_change_begin(volume);
        (void)fat_file_drop(&volume->fat, &n->file, n->file.entry == 0);
        fat_change_end(volume);
        mutex_lock(&volume->nodes_lock, WAIT_FOREVER);
        list_del(&n->link);
        volume->listed--;
        mutex_unlock(&volume->nodes_lock);
    } else {
        fat_index_free(&n->file.dir);
        fat_chain_free(&n->file.dir.chain);
    }
    pool_free(n, FAT_TAG);
}

/* ---- looking ---- */

/* vnode->lock of the directory held. e: room */
static int
entry_find(struct vnode *dir, const char *name, size_t len, struct fat_entry *e, uint64_t *key)
{
    struct fat_volume *v = fat_volume_of(dir);
    struct fat_node *n = fat_node_of(dir);
    int err;

    mutex_lock(&n->chain_lock, WAIT_FOREVER);
    if (!n->file.dir.index)
        (void)fat_index_make(&v->fat, &n->file.dir); /* without it goes too */
    err = fat_dir_find(&v->fat, &n->file.dir, name, len, e);
    if (!err)
        err = fat_dir_position(&v->fat, &n->file.dir, e->slot, key);
    mutex_unlock(&n->chain_lock);
    return err;
}

static int
fat_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    struct fat_volume *v = fat_volume_of(dir);
    struct fat_entry e;
    uint64_t key;
    int err = -EAGAIN;

    while (err == -EAGAIN) {
        err = entry_find(dir, name, len, &e, &key);
        if (!err && e.attributes & FAT_DIRECTORY)
            err = fat_dir_check(&v->fat, &fat_node_of(dir)->file, &e);
        if (!err)
            err = node_get(v, &e, key, out);
        if (err == -EAGAIN)
            thread_sleep(MS(1));
    }
    if (!err && !fat_names_match(name, len, e.name, e.length))
        (*out)->aliased = true;
    return err;
}

/* The position is the slot behind the last entry that was taken. */
static int
fat_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    struct fat_volume *v = fat_volume_of(dir);
    struct fat_node *n = fat_node_of(dir);
    uint32_t slot = (uint32_t)MIN(*position, (uint64_t)FAT_DIR_ENTRIES);
    struct fat_entry e;
    int err = 0;

    while (!err) {
        uint64_t key = 0;

        mutex_lock(&n->chain_lock, WAIT_FOREVER);
        err = fat_dir_next(&v->fat, &n->file.dir, &slot, &e);
        if (!err)
            err = fat_dir_position(&v->fat, &n->file.dir, e.slot, &key);
        mutex_unlock(&n->chain_lock);
        if (err || !emit(context, e.name, e.length, ino_of(key), mode_of(e.attributes) & S_IFMT, slot))
            break;
        *position = slot;
    }
    return err == -ENOENT ? 0 : err;
}

/* ---- changing ---- */

static int
make(struct fat_volume *v, struct vnode *dir, const char *name, size_t len, struct fat_node *n)
{
    struct fat_node *parent = fat_node_of(dir);
    struct fat_entry e;
    uint64_t key;
    int err = entry_find(dir, name, len, &e, &key);

    if (err == -ENOENT) {
        fat_change_begin(v);
        mutex_lock(&parent->chain_lock, WAIT_FOREVER);
        err = fat_file_make(&v->fat, &parent->file, name, len, &n->file, &e);
        mutex_unlock(&parent->chain_lock);
        fat_change_end(v);
    } else if (!err) {
        err = -EEXIST;
    }
    return err;
}

static int
fat_create(struct vnode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct vnode **out)
{
    struct fat_volume *v = fat_volume_of(dir);
    uint32_t type = mode & S_IFMT;
    struct vnode *node;
    struct fat_node *n;
    int err;

    if (type != S_IFREG && type != S_IFDIR)
        return -EPERM;
    node = fat_node_new(v, type | 0755, 0);
    if (!node)
        return -ENOMEM;
    n = fat_node_of(node);
    n->file.is_directory = type == S_IFDIR;
    n->file.attributes = type == S_IFDIR ? FAT_DIRECTORY : FAT_ARCHIVE;
    err = make(v, dir, name, len, n);
    if (err) {
        n->key = UINT64_MAX; /* it never was anything */
        vnode_put(node);
        return err;
    }
    vnode_fill(v, n);
    node->ino = ino_of(n->file.entry);
    mutex_lock(&v->nodes_lock, WAIT_FOREVER);
    node_list(v, n, n->file.entry);
    mutex_unlock(&v->nodes_lock);
    *out = node;
    return 0;
}

static int
fat_unlink(struct vnode *dir, const char *name, size_t len, struct vnode *node)
{
    struct fat_volume *v = fat_volume_of(dir);
    struct fat_node *parent = fat_node_of(dir), *n = fat_node_of(node);
    struct fat_entry e;
    uint64_t key;
    int err = entry_find(dir, name, len, &e, &key);

    if (!err) {
        fat_change_begin(v);
        mutex_lock(&parent->chain_lock, WAIT_FOREVER);
        err = fat_file_unlink(&v->fat, &parent->file, &e, &n->file);
        mutex_unlock(&parent->chain_lock);
        fat_change_end(v);
    }
    if (!err) {
        node_move(v, n, 0);
        node->nlink = 0;
    }
    return err;
}

/* Both entries; the one that is replaced may be missing. */
static int
rename_find(struct vnode *from, const char *name, size_t len, struct vnode *to, const char *to_name,
            size_t to_len, bool replaces, struct fat_entry *e)
{
    uint64_t key;
    int err = entry_find(from, name, len, &e[0], &key);

    return err || !replaces ? err : entry_find(to, to_name, to_len, &e[1], &key);
}

static int
fat_rename_vfs(struct vnode *from, const char *name, size_t len, struct vnode *node, struct vnode *to,
               const char *to_name, size_t to_len, struct vnode *replaced)
{
    struct fat_volume *v = fat_volume_of(from);
    struct fat_entry *e = pool_alloc(2 * sizeof(*e), FAT_TAG);
    struct fat_node *n = fat_node_of(node), *gone = replaced ? fat_node_of(replaced) : NULL;
    struct fat_rename r = {.from = &fat_node_of(from)->file,
                           .to = &fat_node_of(to)->file,
                           .file = &n->file,
                           .replaced = gone ? &gone->file : NULL,
                           .entry = e,
                           .replaced_entry = e + 1,
                           .name = to_name,
                           .length = to_len};
    int err = e ? rename_find(from, name, len, to, to_name, to_len, replaced != NULL, e) : -ENOMEM;

    if (!err && replaced && vnode_is(replaced, S_IFDIR)) {
        mutex_lock(&replaced->lock, WAIT_FOREVER);
        err = fat_dir_is_empty(&v->fat, &gone->file.dir);
        mutex_unlock(&replaced->lock);
    }
    if (err) {
        pool_free(e, FAT_TAG);
        return err;
    }
    mutex_lock(&node->lock, WAIT_FOREVER); /* nobody writes to it while it is copied */
    fat_change_begin(v);
    mutex_lock(&n->chain_lock, WAIT_FOREVER);
    err = fat_rename(&v->fat, &r);
    __atomic_add_fetch(&n->generation, 1, __ATOMIC_RELEASE);
    mutex_unlock(&n->chain_lock);
    fat_change_end(v);
    mutex_unlock(&node->lock);
    if (!err && gone) {
        node_move(v, gone, 0);
        replaced->nlink = 0;
    }
    if (!err)
        node_move(v, n, n->file.entry);
    pool_free(e, FAT_TAG);
    return err;
}

static int
fat_setattr(struct vnode *node, const struct attr *a)
{
    struct fat_volume *v = fat_volume_of(node);
    struct fat_node *n = fat_node_of(node);
    int err = a->which & ATTR_SIZE ? fat_vfs_resize(node, a->size) : 0;

    if (a->which & ATTR_OWNER &&
        ((a->uid != 0 && a->uid != UINT32_MAX) || (a->gid != 0 && a->gid != UINT32_MAX)))
        return -EPERM;
    if (err || !(a->which & (ATTR_MODE | ATTR_ACCESSED | ATTR_MODIFIED)))
        return err;
    fat_change_begin(v);
    err = fat_begin(&v->fat);
    if (!err) {
        if (a->which & ATTR_MODE)
            n->file.attributes = (uint8_t)((n->file.attributes & ~FAT_READ_ONLY) |
                                           (a->mode & 0222 || n->file.is_directory ? 0 : FAT_READ_ONLY));
        if (a->which & ATTR_ACCESSED)
            n->file.accessed = a->accessed;
        if (a->which & ATTR_MODIFIED)
            n->file.modified = a->modified;
        err = fat_file_touch(&v->fat, &n->file);
    }
    fat_change_end(v);
    return err;
}

const struct fs_ops fat_ops = {.name = "vfat",
                               .mount = fat_vfs_mount,
                               .unmount = fat_vfs_unmount,
                               .is_busy = fat_vfs_is_busy,
                               .sync = fat_vfs_sync,
                               .freeze = fat_vfs_freeze,
                               .statfs = fat_vfs_statfs,
                               .name_hash = fat_name_hash,
                               .names_match = fat_names_match,
                               .lookup = fat_lookup,
                               .create = fat_create,
                               .unlink = fat_unlink,
                               .rename = fat_rename_vfs,
                               .readdir = fat_readdir,
                               .read = fat_vfs_read,
                               .write = fat_vfs_write,
                               .setattr = fat_setattr,
                               .fsync = fat_vfs_fsync,
                               .read_at = fat_vfs_read_at,
                               .object = vnode_copies,
                               .evict = fat_evict};
