/* ISO 9660 under the VFS: media of CDs and images on disks, read through the block cache. */
#include "kernel/console/log.h"
#include "kernel/fs/cached.h"
#include "kernel/fs/file.h"
#include "kernel/fs/iso9660/iso_impl.h"
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

#define ISO_TAG POOL_TAG('i', 's', 'o', ' ')
#define MAGIC   0x9660

_Static_assert(ISO_BLOCK == PAGE_SIZE, "struct iso_io is the block cache");

struct iso_volume {
    struct iso iso;
    struct block_device *device;
    struct cache *cache;
    uint32_t nodes; /* [a] but the root */
};

struct iso_node {
    uint64_t record; /* its first one; 0: the root */
    uint32_t parts;
    struct read_ahead ahead;
    struct iso_extent part[]; /* [I] */
};

static struct iso_node *
node_of(const struct vnode *v)
{
    return v->private;
}

static struct iso_volume *
volume_of(const struct vnode *v)
{
    return v->fs->private;
}

/* ---- struct iso_io ---- */

static int
block_get(void *context, uint64_t index, struct iso_hold *h)
{
    struct iso_volume *v = context;
    uint64_t pa;
    int err = cache_page(v->cache, index, 0, &pa);

    if (!err)
        *h = (struct iso_hold){.bytes = phys_to_virt(pa), .token = pa};
    return err;
}

static void
block_put(void *context, struct iso_hold *h)
{
    page_put(h->token);
}

static void
volume_complain(void *context, const char *text)
{
    const struct iso_volume *v = context;

    log_err("iso9660: %s: damaged: %s", v->device->name, text);
}

static const struct iso_io io = {block_get, block_put, volume_complain};

/* ---- nodes ---- */

static uint32_t
mode_of(const struct iso_entry *e)
{
    static const uint32_t types[] = {
        [ISO_FILE] = S_IFREG, [ISO_DIRECTORY] = S_IFDIR, [ISO_LINK] = S_IFLNK, [ISO_OTHER] = S_IFREG};

    return types[e->type] | e->mode;
}

/* A record's place; records begin at even bytes. */
static uint64_t
ino_of(const struct iso_entry *e)
{
    return e->record / 2;
}

static int
node_make(struct fs *fs, const struct iso_entry *e, struct vnode **out)
{
    struct iso_volume *v = fs->private;
    size_t size = sizeof(struct iso_node) + e->parts * sizeof(struct iso_extent);
    struct iso_node *n = pool_zalloc(size, ISO_TAG);
    struct vnode *node = n ? vnode_new(fs, &iso_ops, mode_of(e), ino_of(e)) : NULL;

    if (!node) {
        pool_free(n, ISO_TAG);
        return -ENOMEM;
    }
    n->record = e->record;
    n->parts = e->parts;
    memcpy(n->part, e->part, e->parts * sizeof(*n->part));
    node->private = n;
    node->size = e->type == ISO_FILE ? e->size : 0;
    node->blocks = DIV_ROUND_UP(e->size, (uint64_t)ISO_SECTOR) * (ISO_SECTOR / 512);
    node->nlink = MAX(e->links, 1u);
    node->uid = e->uid;
    node->gid = e->gid;
    node->times = (struct vnode_times){e->modified, e->modified, e->modified, e->modified};
    __atomic_add_fetch(&v->nodes, 1, __ATOMIC_RELAXED);
    *out = node;
    return 0;
}

static void
iso_evict(struct vnode *node)
{
    struct iso_volume *v = volume_of(node);

    if (v)
        __atomic_sub_fetch(&v->nodes, 1, __ATOMIC_RELEASE);
    pool_free(node->private, ISO_TAG);
}

/* Where a directory is. It must not be one that it is in: what contains itself would never end. */
static int
directory_check(const struct vnode *dir, const struct iso_entry *e)
{
    const struct iso_node *n = node_of(dir);

    if (e->type != ISO_DIRECTORY || (e->parts == 1 && e->part[0].position != n->part[0].position &&
                                     e->part[0].position != volume_of(dir)->iso.root.position))
        return 0;
    return iso_damaged(&volume_of(dir)->iso, "a directory that contains itself, or is none", e->record);
}

static int
iso_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    struct iso_entry *e = pool_alloc(sizeof(*e), ISO_TAG);
    int err = e ? iso_find(&volume_of(dir)->iso, &node_of(dir)->part[0], name, len, e) : -ENOMEM;

    if (!err)
        err = directory_check(dir, e);
    if (!err)
        err = node_make(dir->fs, e, out);
    pool_free(e, ISO_TAG);
    return err;
}

static int
iso_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    struct iso_entry *e = pool_alloc(sizeof(*e), ISO_TAG);
    uint64_t at = *position;
    int err = e ? 0 : -ENOMEM;

    while (!err) {
        err = iso_next(&volume_of(dir)->iso, &node_of(dir)->part[0], &at, e);
        if (err || !emit(context, e->name, e->length, ino_of(e), mode_of(e) & S_IFMT, at))
            break;
        *position = at;
    }
    pool_free(e, ISO_TAG);
    return err == -ENOENT ? 0 : err;
}

static long
iso_readlink(struct vnode *node, char *text, size_t size)
{
    char link[ISO_LINK_MOST + 1];
    long n = iso_link(&volume_of(node)->iso, node_of(node)->record, link);

    if (n > 0)
        memcpy(text, link, MIN((size_t)n, size));
    return n < 0 ? n : (long)MIN((size_t)n, size);
}

/* ---- files ---- */

/* The extent that byte `at` of a file is in, and where it begins in the file. */
static const struct iso_extent *
part_find(const struct iso_node *n, uint64_t at, uint64_t *begin)
{
    *begin = 0;
    for (uint32_t i = 0; i < n->parts; i++) {
        if (at - *begin < n->part[i].size)
            return &n->part[i];
        *begin += n->part[i].size;
    }
    return NULL;
}

static long
read_at(struct vnode *node, struct uio *u, uint64_t at)
{
    struct iso_volume *v = volume_of(node);
    struct iso_node *n = node_of(node);
    uint64_t done = 0, begin;
    const struct iso_extent *p;

    while (u->left && (p = part_find(n, at + done, &begin)) != NULL && at + done < node->size) {
        uint64_t in = at + done - begin, left = MIN((uint64_t)u->left, p->size - in);
        long moved = cached_read(v->cache, u, p->position + in, (size_t)left, p->position + p->size,
                                 v->device->disk->block_size, &n->ahead);

        if (moved <= 0)
            return done ? (long)done : moved;
        done += (uint64_t)moved;
    }
    return (long)done;
}

static long
iso_read(struct file *f, struct uio *u, uint64_t position)
{
    return vnode_is(f->vnode, S_IFDIR) ? -EISDIR : read_at(f->vnode, u, position);
}

/* ---- volumes ---- */

static struct iso_volume *
volume_new(struct block_device *b)
{
    struct iso_volume *v = pool_zalloc(sizeof(*v), ISO_TAG);

    if (!v)
        return NULL;
    v->device = b;
    v->iso.io = &io;
    v->iso.context = v;
    v->cache = cache_open(b);
    if (v->cache)
        return v;
    pool_free(v, ISO_TAG);
    return NULL;
}

static void
volume_free(struct iso_volume *v)
{
    cache_close(v->cache);
    pool_free(v, ISO_TAG);
}

static int
volume_start(struct iso_volume *v, struct fs *fs, char *why)
{
    int err = iso_volume_read(&v->iso, v->device->size, why);
    struct iso_entry *e;

    if (err)
        return err;
    e = pool_zalloc(sizeof(*e), ISO_TAG);
    if (!e)
        return -ENOMEM;
    *e = (struct iso_entry){
        .type = ISO_DIRECTORY, .mode = 0555, .links = 2, .record = 2, .parts = 1, .part = {v->iso.root}};
    fs->private = v;
    err = node_make(fs, e, &fs->root);
    v->nodes = 0; /* the root is not counted */
    pool_free(e, ISO_TAG);
    return err;
}

static int
iso_mount(struct fs *fs, const char *source, const char *options)
{
    struct block_device *b = block_open(strncmp(source, "/dev/", 5) ? source : source + 5);
    int err = b ? block_hold(b) : -ENODEV;
    struct iso_volume *v;
    char why[ISO_WHY] = "";

    if (err) {
        if (b)
            block_close(b);
        return err;
    }
    if (b->disk->ops->open)
        err = b->disk->ops->open(b->disk);
    v = err ? NULL : volume_new(b);
    if (!err)
        err = v ? volume_start(v, fs, why) : -ENOMEM;
    if (!err) {
        fs->read_only = true;
        return 0;
    }
    log_err("iso9660: %s cannot be mounted: %s", source,
            why[0]           ? why
            : err == -ENOMEM ? "no memory"
                             : "it cannot be read");
    if (v)
        volume_free(v);
    block_release(b);
    block_close(b);
    return err;
}

static bool
iso_is_busy(struct fs *fs)
{
    const struct iso_volume *v = fs->private;

    return __atomic_load_n(&v->nodes, __ATOMIC_ACQUIRE) != 0;
}

static void
iso_unmount(struct fs *fs)
{
    struct iso_volume *v = fs->private;
    struct block_device *b = v->device;

    fs->private = NULL;
    volume_free(v);
    block_release(b);
    block_close(b);
}

static int
iso_statfs(struct fs *fs, struct fs_stats *out)
{
    const struct iso_volume *v = fs->private;

    *out = (struct fs_stats){.block_size = ISO_SECTOR,
                             .blocks = v->iso.size / ISO_SECTOR,
                             .magic = MAGIC,
                             .name_max = ISO_NAME_BYTES};
    return 0;
}

const struct fs_ops iso_ops = {.name = "iso9660",
                               .mount = iso_mount,
                               .unmount = iso_unmount,
                               .is_busy = iso_is_busy,
                               .statfs = iso_statfs,
                               .lookup = iso_lookup,
                               .readdir = iso_readdir,
                               .readlink = iso_readlink,
                               .read = iso_read,
                               .read_at = read_at,
                               .object = vnode_copies,
                               .evict = iso_evict};
