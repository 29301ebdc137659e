/*
 * FAT under the VFS: volumes on block devices, read through the block cache. Read-only as yet.
 *
 * I1  A file or directory has one node at a time: struct fat_volume.nodes, by where its entry is on the volume.
 * I2  A node whose vnode's last reference has gone stays listed until evict() takes it out; who finds it meanwhile passes on.
 *
 * Locks: a node's chain_lock; below it, the volume's nodes_lock. No program memory is touched under either.
 */
#include "kernel/console/log.h"
#include "kernel/fs/cached.h"
#include "kernel/fs/fat/fat_impl.h"
#include "kernel/fs/file.h"
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

#define FAT_TAG      POOL_TAG('v', 'f', 'a', 't')
#define MAGIC        0x4d44
#define LISTS        64
#define WALK_MOST    512u /* clusters that are looked for ahead */
#define BACKUP_USUAL 6    /* sector of FAT32's second boot sector */
#define ROOT_INO     1

_Static_assert(FAT_BLOCK == PAGE_SIZE, "struct fat_io is the block cache");

struct fat_volume {
    struct fat fat;
    struct fs *fs;
    struct block_device *device;
    struct cache *cache;
    struct mutex nodes_lock;
    uint32_t listed;          /* nodes_lock */
    struct list nodes[LISTS]; /* struct fat_node.link, by ino */
};

struct fat_node {
    struct list link; /* nodes_lock; of the root not listed */
    struct vnode *vnode;
    struct mutex chain_lock;
    struct fat_dir dir; /* chain_lock; a file has its chain here too */
    struct read_ahead ahead;
};

static struct fat_node *
node_of(const struct vnode *v)
{
    return v->private;
}

static struct fat_volume *
volume_of(const struct vnode *v)
{
    return v->fs->private;
}

/* ---- struct fat_io ---- */

void *
fat_memory(void *old, size_t old_size, size_t size)
{
    void *new = size ? pool_alloc(size, FAT_TAG) : NULL;

    if (size && !new)
        return NULL;
    if (new &&old)
        memcpy(new, old, MIN(old_size, size));
    pool_free(old, FAT_TAG);
    return new;
}

static int
block_get(void *context, uint64_t index, struct fat_hold *h)
{
    struct fat_volume *v = context;
    uint64_t pa;
    int err = cache_page(v->cache, index, 0, &pa);

    if (!err)
        *h = (struct fat_hold){.bytes = phys_to_virt(pa), .token = pa};
    return err;
}

static void
block_put(void *context, struct fat_hold *h)
{
    page_put(h->token);
}

static void
volume_complain(void *context, const char *text)
{
    const struct fat_volume *v = context;

    log_err("vfat: %s: damaged: %s", v->device->name, text);
}

static const struct fat_io io = {block_get, block_put, volume_complain};

/* ---- nodes ---- */

static struct list *
list_of(struct fat_volume *v, uint64_t ino)
{
    return &v->nodes[ino / FAT_ENTRY % LISTS];
}

static uint32_t
mode_of(const struct fat_entry *e)
{
    uint32_t bits = e->attributes & FAT_DIRECTORY ? S_IFDIR | 0755 : S_IFREG | 0755;

    return e->attributes & FAT_READ_ONLY ? bits & ~0222u : bits;
}

static struct vnode *
node_new(struct fat_volume *v, uint32_t mode, uint64_t ino, uint32_t first)
{
    struct fat_node *n = pool_zalloc(sizeof(*n), FAT_TAG);
    struct vnode *node = n ? vnode_new(v->fs, &fat_ops, mode, ino) : NULL;

    if (!node) {
        pool_free(n, FAT_TAG);
        return NULL;
    }
    mutex_init(&n->chain_lock);
    n->vnode = node;
    n->dir.chain.first = first;
    list_init(&n->link);
    node->private = n;
    return node;
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

/* Its entry's place: no two files have the same, and none has the root's number. */
static uint64_t
ino_of(const struct fat_node *dir, const struct fat_entry *e)
{
    uint64_t below = dir->dir.is_root_area ? 0 : dir->dir.chain.first, at = (uint64_t)e->slot * FAT_ENTRY;

    return (below << 21 | at) + (uint64_t)2 * FAT_ENTRY;
}

static int
node_get(struct fat_volume *v, const struct fat_node *dir, const struct fat_entry *e, struct vnode **out)
{
    uint64_t ino = ino_of(dir, e);
    struct fat_node *n;

    *out = NULL;
    mutex_lock(&v->nodes_lock, WAIT_FOREVER);
    list_for_each_entry(n, list_of(v, ino), link)
        if (n->vnode->ino == ino && vnode_revive(n->vnode)) {
            *out = n->vnode;
            break;
        }
    if (!*out)
        *out = node_new(v, mode_of(e), ino, e->first);
    if (*out && list_empty(&node_of(*out)->link)) {
        struct vnode *new = *out;

        new->size = e->size;
        new->blocks = DIV_ROUND_UP((uint64_t)e->size, v->fat.g.cluster) * (v->fat.g.cluster / 512);
        new->nlink = e->attributes &FAT_DIRECTORY ? 2 : 1;
        new->times = (struct vnode_times){e->accessed, e->modified, e->modified, e->born};
        list_add_tail(list_of(v, ino), &node_of(new)->link);
        v->listed++;
    }
    mutex_unlock(&v->nodes_lock);
    return *out ? 0 : -ENOMEM;
}

static void
fat_evict(struct vnode *v)
{
    struct fat_volume *volume = volume_of(v);
    struct fat_node *n = node_of(v);

    if (volume) { /* the root, which is not listed, goes after its volume */
        mutex_lock(&volume->nodes_lock, WAIT_FOREVER);
        list_del(&n->link);
        volume->listed--;
        mutex_unlock(&volume->nodes_lock);
    }
    fat_chain_free(&n->dir.chain);
    pool_free(n, FAT_TAG);
}

/* ---- directories ---- */

static int
fat_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    struct fat_volume *v = volume_of(dir);
    struct fat_node *n = node_of(dir);
    struct fat_entry *e = pool_alloc(sizeof(*e), FAT_TAG);
    int err;

    if (!e)
        return -ENOMEM;
    mutex_lock(&n->chain_lock, WAIT_FOREVER);
    err = fat_dir_find(&v->fat, &n->dir, name, len, e);
    mutex_unlock(&n->chain_lock);
    if (!err)
        err = node_get(v, n, e, out);
    pool_free(e, FAT_TAG);
    return err;
}

/* The position is the slot behind the last entry that was taken. */
static int
fat_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    struct fat_volume *v = volume_of(dir);
    struct fat_node *n = node_of(dir);
    struct fat_entry *e = pool_alloc(sizeof(*e), FAT_TAG);
    uint32_t slot = (uint32_t)MIN(*position, (uint64_t)FAT_DIR_ENTRIES);
    int err = e ? 0 : -ENOMEM;

    while (!err) {
        mutex_lock(&n->chain_lock, WAIT_FOREVER);
        err = fat_dir_next(&v->fat, &n->dir, &slot, e);
        mutex_unlock(&n->chain_lock);
        if (err || !emit(context, e->name, e->length, ino_of(n, e), mode_of(e) & S_IFMT, slot))
            break;
        *position = slot;
    }
    pool_free(e, FAT_TAG);
    return err == -ENOENT ? 0 : err;
}

/* ---- files ---- */

/* Where byte `at` of a file is, and how many bytes follow it there. */
static int
run_find(struct fat_volume *v, struct fat_node *n, uint64_t at, uint64_t *position, uint64_t *size)
{
    uint32_t cluster, count, in = (uint32_t)(at % v->fat.g.cluster);
    int err;

    mutex_lock(&n->chain_lock, WAIT_FOREVER);
    err = fat_walk(&v->fat, &n->dir.chain, (uint32_t)(at / v->fat.g.cluster), WALK_MOST, &cluster, &count);
    mutex_unlock(&n->chain_lock);
    if (err == -ENODATA) {
        log_err("vfat: %s: damaged: a file of %lu bytes has clusters for %lu", v->device->name,
                n->vnode->size, at);
        return -EIO;
    }
    if (err)
        return err;
    *position = fat_position(&v->fat, cluster) + in;
    *size = (uint64_t)count * v->fat.g.cluster - in;
    return 0;
}

static long
read_at(struct vnode *node, struct uio *u, uint64_t at)
{
    struct fat_volume *v = volume_of(node);
    struct fat_node *n = node_of(node);
    uint64_t left = at < node->size ? MIN((uint64_t)u->left, node->size - at) : 0, done = 0;

    while (done < left) {
        uint64_t position, size;
        long moved = run_find(v, n, at + done, &position, &size);

        if (!moved)
            moved = cached_read(v->cache, u, position, (size_t)MIN(size, left - done), position + size,
                                v->device->disk->block_size, &n->ahead);
        if (moved <= 0)
            return done ? (long)done : moved;
        done += (uint64_t)moved;
    }
    return (long)done;
}

static long
fat_read(struct file *f, struct uio *u, uint64_t position)
{
    return vnode_is(f->vnode, S_IFDIR) ? -EISDIR : read_at(f->vnode, u, position);
}

/* ---- mapping: a page of its own for each who asks; nobody writes the file ---- */

static int
object_page(struct vm_object *o, uint64_t index, bool write, uint64_t *pa)
{
    struct vnode *v = container_of(o, struct vnode, object);
    struct uio_part part;
    struct uio u;
    long n;

    if (index >= DIV_ROUND_UP(v->size, PAGE_SIZE))
        return -ENXIO;
    *pa = page_alloc();
    if (!*pa)
        return -ENOMEM;
    uio_kernel(&u, &part, phys_to_virt(*pa), PAGE_SIZE);
    n = read_at(v, &u, index * PAGE_SIZE);
    if (n > 0)
        return 0;
    page_put(*pa);
    return -EIO;
}

static void
object_get(struct vm_object *o)
{
    vnode_get(container_of(o, struct vnode, object));
}

static void
object_put(struct vm_object *o)
{
    vnode_put(container_of(o, struct vnode, object));
}

static const struct vm_object_ops object_ops = {.page = object_page, .get = object_get, .put = object_put};

static struct vm_object *
fat_object(struct vnode *v)
{
    v->object.ops = &object_ops;
    return &v->object;
}

/* ---- the volume ---- */

/* The boot sector, or if it is none the second one that FAT32 has. */
static int
geometry_read(struct fat_volume *v, char *why)
{
    const uint64_t backup = (uint64_t)BACKUP_USUAL * v->device->disk->block_size;
    struct fat_hold h;
    char other[FAT_WHY];
    int err = block_get(v, 0, &h);

    if (err) {
        strlcpy(why, "its first sector cannot be read", FAT_WHY);
        return err;
    }
    err = fat_bpb_read(h.bytes, v->device->size, &v->fat.g, why);
    if (err && backup + 512 <= FAT_BLOCK &&
        !fat_bpb_read(h.bytes + backup, v->device->size, &v->fat.g, other) && v->fat.g.bits == 32) {
        log_warn("vfat: %s: the boot sector is damaged (%s): the second one is used", v->device->name, why);
        err = 0;
    }
    block_put(v, &h);
    return err;
}

static struct fat_volume *
volume_new(struct block_device *b, struct fs *fs)
{
    struct fat_volume *v = pool_zalloc(sizeof(*v), FAT_TAG);

    if (!v)
        return NULL;
    v->device = b;
    v->fs = fs;
    v->fat.io = &io;
    v->fat.context = v;
    mutex_init(&v->nodes_lock);
    for (unsigned i = 0; i < LISTS; i++)
        list_init(&v->nodes[i]);
    v->cache = cache_open(b);
    if (v->cache)
        return v;
    pool_free(v, FAT_TAG);
    return NULL;
}

static void
volume_free(struct fat_volume *v)
{
    cache_close(v->cache);
    pool_free(v, FAT_TAG);
}

static int
root_make(struct fat_volume *v)
{
    struct vnode *root = node_new(v, S_IFDIR | 0755, ROOT_INO, v->fat.g.root_cluster);

    if (!root)
        return -ENOMEM;
    root->nlink = 2;
    node_of(root)->dir.is_root_area = v->fat.g.bits != 32;
    v->fs->root = root;
    return 0;
}

static struct block_device *
device_open(const char *source)
{
    return block_open(strncmp(source, "/dev/", 5) ? source : source + 5);
}

static int
fat_mount(struct fs *fs, const char *source, const char *options)
{
    struct block_device *b = device_open(source);
    struct fat_volume *v = b ? volume_new(b, fs) : NULL;
    bool clean = true, good = true;
    char why[FAT_WHY] = "";
    int err = v ? geometry_read(v, why) : b ? -ENOMEM : -ENODEV;

    if (!err) {
        fs->private = v;
        err = root_make(v);
    }
    if (err) {
        log_err("vfat: %s cannot be mounted: %s", source,
                why[0] ? why
                : b    ? "no memory"
                       : "there is no such disk");
        if (v)
            volume_free(v);
        if (b)
            block_close(b);
        return err;
    }
    fs->read_only = true;
    (void)fat_flags(&v->fat, &clean, &good);
    if (!clean || !good)
        log_warn("vfat: %s: %s; fsck.fat finds out what is wrong", b->name,
                 clean ? "the disk had errors" : "it was not unmounted the last time");
    return 0;
}

static bool
fat_is_busy(struct fs *fs)
{
    struct fat_volume *v = fs->private;
    bool busy;

    mutex_lock(&v->nodes_lock, WAIT_FOREVER);
    busy = v->listed != 0;
    mutex_unlock(&v->nodes_lock);
    return busy;
}

static void
fat_unmount(struct fs *fs)
{
    struct fat_volume *v = fs->private;
    struct block_device *b = v->device;

    fs->private = NULL;
    volume_free(v);
    block_close(b);
}

static int
fat_statfs(struct fs *fs, struct fs_stats *out)
{
    const struct fat_volume *v = fs->private;

    *out = (struct fs_stats){.block_size = v->fat.g.cluster,
                             .blocks = v->fat.g.clusters,
                             .magic = MAGIC,
                             .name_max = FAT_NAME_BYTES};
    return 0;
}

const struct fs_ops fat_ops = {.name = "vfat",
                               .mount = fat_mount,
                               .unmount = fat_unmount,
                               .is_busy = fat_is_busy,
                               .statfs = fat_statfs,
                               .lookup = fat_lookup,
                               .readdir = fat_readdir,
                               .read = fat_read,
                               .object = fat_object,
                               .evict = fat_evict};
