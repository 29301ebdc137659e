/* What is in files: read and written through the block cache, and mapped. */
#include "kernel/console/log.h"
#include "kernel/fs/fat/fat_vfs.h"
#include "kernel/mem/page.h"
#include "lib/errno.h"
#include "lib/string.h"

#define WALK_MOST 512u          /* clusters that are looked for ahead */
#define SIZE_MOST 0xffffffffull /* of a file (overview, 6.5) */
#define AT_ONCE   16u           /* pages between two looks at the volume's lock */
#define STEP      (1u << 20)    /* bytes of zeros between two */

/* Where byte `at` of a file is, and how many bytes follow it there. */
static int
run_find(struct fat_volume *v, struct fat_node *n, uint64_t at, uint64_t *position, uint64_t *size)
{
    uint32_t cluster, count, in = (uint32_t)(at % v->fat.g.cluster);
    int err;

    mutex_lock(&n->chain_lock, WAIT_FOREVER);
    err = fat_walk(&v->fat, &n->file.dir.chain, (uint32_t)(at / v->fat.g.cluster), WALK_MOST, &cluster,
                   &count);
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

/* ---- reading ---- */

static long
read_once(struct vnode *node, struct uio *u, uint64_t at)
{
    struct fat_volume *v = fat_volume_of(node);
    struct fat_node *n = fat_node_of(node);
    uint64_t size = __atomic_load_n(&node->size, __ATOMIC_RELAXED),
             left = at < size ? MIN((uint64_t)u->left, size - at) : 0, done = 0;

    while (done < left) {
        uint64_t position, room;
        long moved = run_find(v, n, at + done, &position, &room);

        if (!moved)
            moved = cached_read(v->cache, u, position, (size_t)MIN(room, left - done), position + room,
                                v->device->disk->block_size, &n->ahead);
        if (moved <= 0)
            return done ? (long)done : moved;
        done += (uint64_t)moved;
    }
    return (long)done;
}

long
fat_vfs_read_at(struct vnode *node, struct uio *u, uint64_t at)
{
    const struct fat_node *n = fat_node_of(node);
    struct uio again = *u;
    uint32_t generation;
    long moved;

    do { /* what was read may have been given to others meanwhile */
        generation = __atomic_load_n(&n->generation, __ATOMIC_ACQUIRE);
        *u = again;
        moved = read_once(node, u, at);
    } while (generation != __atomic_load_n(&n->generation, __ATOMIC_ACQUIRE));
    return moved;
}

long
fat_vfs_read(struct file *f, struct uio *u, uint64_t position)
{
    return vnode_is(f->vnode, S_IFDIR) ? -EISDIR : fat_vfs_read_at(f->vnode, u, position);
}

/* ---- writing: clusters, then what is in them, then the size ---- */

/* Pages that are being filled. */
struct filling {
    uint64_t index[AT_ONCE], pa[AT_ONCE];
    uint8_t sectors[AT_ONCE];
    unsigned count;
};

/* They are dirty from now on. */
static int
filling_end(struct fat_volume *v, struct filling *l)
{
    int err = 0;

    fat_change_begin(v);
    for (unsigned i = 0; i < l->count && !err; i++)
        err = order_dirty(&v->order, l->index[i], l->pa[i], l->sectors[i], DIRT_DATA);
    v->fat.changed = true;
    fat_change_end(v);
    while (l->count)
        page_put(l->pa[--l->count]);
    return err;
}

/* What is known of the bytes of a file that are written. */
struct need {
    uint64_t run, run_end; /* positions: clusters of the file that follow one another */
    uint64_t live;         /* bytes of the file that matter */
    uint64_t file_at;      /* the byte of it at position `at` */
};

/* Must a page of the device be there before it is written? Not if all of it is the file's, and nothing in it matters yet: then
 * nobody reads it before the file's size says so, and a program's memory may end in the middle of it. */
static bool
is_read(const struct need *d, uint64_t position)
{
    uint64_t page = ALIGN_DOWN(position, PAGE_SIZE);

    return page < d->run || page + PAGE_SIZE > d->run_end || d->file_at - (position - page) < d->live;
}

/*
 * Up to n bytes into one page. from: the program's memory; NULL: zeros.
 * Returns: bytes; -EFAULT, -EIO and others
 */
static long
page_fill(struct fat_volume *v, struct filling *l, const struct need *d, uint64_t position, size_t n,
          struct uio *from)
{
    uint64_t index = position / PAGE_SIZE, *pa = &l->pa[l->count];
    uint32_t offset = (uint32_t)(position % PAGE_SIZE);
    long moved = (long)n;
    bool read = is_read(d, position), whole = n == PAGE_SIZE && !read;
    int err = read ? cache_page(v->cache, index, 0, pa) : cache_fresh(v->cache, index, whole, pa);
    size_t touched;

    if (err)
        return err;
    if (from)
        moved = uio_from(from, (char *)phys_to_virt(*pa) + offset, n);
    else
        memset((char *)phys_to_virt(*pa) + offset, 0, n);
    if (whole && moved < (long)n) /* the rest is not what somebody else had there */
        memset((char *)phys_to_virt(*pa) + MAX(moved, 0), 0, n - (size_t)MAX(moved, 0));
    if (moved <= 0 && !read) {
        page_put(*pa);
        return moved;
    }
    touched = read ? n : (size_t)moved; /* how much of what did not come whole is there, nobody knows */
    l->index[l->count] = index;
    l->sectors[l->count++] = (uint8_t)((0xffu << offset / DIRT_SECTOR) &
                                       (0xffu >> (DIRT_SECTORS - 1 - (offset + touched - 1) / DIRT_SECTOR)));
    return moved;
}

/* The same of n bytes that follow one another on the device, from position `at` on, at byte d->file_at of the file. */
static long
run_fill(struct fat_volume *v, struct filling *l, struct need *d, uint64_t at, size_t n, struct uio *from)
{
    size_t done = 0;

    while (done < n) {
        size_t part = MIN(n - done, PAGE_SIZE - (at + done) % PAGE_SIZE);
        long moved = page_fill(v, l, d, at + done, part, from);
        int err = 0;

        if (moved <= 0)
            return done ? (long)done : moved ? moved : -EFAULT;
        done += (size_t)moved;
        d->file_at += (uint64_t)moved;
        if (l->count == AT_ONCE)
            err = filling_end(v, l);
        if (err)
            return err;
        if ((size_t)moved < part)
            break;
    }
    return (long)done;
}

/* [at, at + n) of a file, whose clusters are there. `live`: how many bytes of it matter. Returns: bytes, or the first error */
static long
range_fill(struct fat_volume *v, struct fat_node *node, uint64_t at, size_t n, uint64_t live,
           struct uio *from)
{
    struct filling l = {.count = 0};
    size_t done = 0, part = 0;
    long moved = 0;
    int err;

    do {
        uint64_t position, room;
        struct need d = {.live = live, .file_at = at + done};

        err = run_find(v, node, at + done, &position, &room);
        if (err)
            break;
        d.run = position - (at + done) % v->fat.g.cluster;
        d.run_end = position + room;
        part = MIN(room, n - done);
        moved = run_fill(v, &l, &d, position, part, from);
        done += moved > 0 ? (size_t)moved : 0;
    } while (done < n && moved == (long)part);
    if (!err && moved < 0)
        err = (int)moved;
    moved = filling_end(v, &l);
    return moved ? moved : done ? (long)done : err;
}

/* Clusters for `size` bytes, or as many as there are: the end of these. */
static int
room_make(struct fat_volume *v, struct fat_node *n, uint64_t size, uint64_t *end)
{
    int err;

    fat_change_begin(v);
    err = fat_begin(&v->fat);
    if (!err) {
        mutex_lock(&n->chain_lock, WAIT_FOREVER);
        err = fat_file_grow(&v->fat, &n->file, size);
        *end = MIN((uint64_t)n->file.dir.chain.length * v->fat.g.cluster, size);
        mutex_unlock(&n->chain_lock);
    }
    fat_change_end(v);
    return err;
}

/* A new size, and times. */
static int
size_set(struct fat_volume *v, struct fat_node *n, uint64_t size)
{
    int err;

    fat_change_begin(v);
    n->file.size = (uint32_t)size;
    n->file.modified = vfs_now();
    n->file.attributes |= FAT_ARCHIVE;
    err = fat_file_touch(&v->fat, &n->file);
    fat_change_end(v);
    __atomic_store_n(&n->vnode->size, size, __ATOMIC_RELAXED);
    n->vnode->blocks = DIV_ROUND_UP(size, (uint64_t)v->fat.g.cluster) * (v->fat.g.cluster / 512);
    return err;
}

/* Clusters that were taken for what did not come. */
static void
room_trim(struct fat_volume *v, struct fat_node *n)
{
    fat_change_begin(v);
    mutex_lock(&n->chain_lock, WAIT_FOREVER);
    if (!v->fat.read_only)
        (void)fat_file_cut(&v->fat, &n->file, n->file.size);
    mutex_unlock(&n->chain_lock);
    fat_change_end(v);
}

/* Zeros from the end up to `size`, a part at a time; what there is no room for stays out. */
static int
grow_by_zeros(struct fat_volume *v, struct fat_node *n, uint64_t size)
{
    int err = 0;

    while (n->file.size < size && !err) {
        uint64_t from = n->file.size, until = MIN(ALIGN_DOWN(from, (uint64_t)STEP) + STEP, size), end = from;
        long moved;

        err = room_make(v, n, until, &end);
        if (end < until)
            return err ? err : -ENOSPC;
        moved = range_fill(v, n, from, (size_t)(until - from), from, NULL);
        if (moved < 0)
            return (int)moved;
        err = size_set(v, n, from + (uint64_t)moved);
        fat_throttle(v);
    }
    return err;
}

long
fat_vfs_write(struct file *f, struct uio *u, uint64_t position)
{
    struct fat_volume *v = fat_volume_of(f->vnode);
    struct fat_node *n = fat_node_of(f->vnode);
    uint64_t end = position;
    size_t size;
    long moved;
    int err;

    if (vnode_is(f->vnode, S_IFDIR))
        return -EISDIR;
    if (position >= SIZE_MOST)
        return -EFBIG;
    size = (size_t)MIN((uint64_t)u->left, SIZE_MOST - position);
    err = position > n->file.size ? grow_by_zeros(v, n, position) : 0;
    if (!err)
        err = room_make(v, n, MAX(position + size, (uint64_t)n->file.size), &end);
    if (err && (err != -ENOSPC || end <= position)) {
        room_trim(v, n);
        return err;
    }
    size = (size_t)MIN((uint64_t)size, end - position);
    moved = range_fill(v, n, position, size, n->file.size, u);
    if (moved > 0)
        err = size_set(v, n, MAX(position + (uint64_t)moved, (uint64_t)n->file.size));
    if (moved < (long)size)
        room_trim(v, n);
    fat_throttle(v);
    return moved > 0 && err && err != -ENOSPC ? err : moved;
}

int
fat_vfs_resize(struct vnode *node, uint64_t size)
{
    struct fat_volume *v = fat_volume_of(node);
    struct fat_node *n = fat_node_of(node);
    int err;

    if (size > SIZE_MOST)
        return -EFBIG;
    if (size > n->file.size) {
        uint32_t old = n->file.size;

        err = grow_by_zeros(v, n, size);
        if (err && n->file.size != old)
            (void)fat_vfs_resize(node, old);
        return err;
    }
    fat_change_begin(v);
    err = fat_begin(&v->fat);
    if (!err) {
        mutex_lock(&n->chain_lock, WAIT_FOREVER);
        n->file.modified = vfs_now();
        err = fat_file_cut(&v->fat, &n->file, (uint32_t)size);
        __atomic_add_fetch(&n->generation, 1, __ATOMIC_RELEASE);
        mutex_unlock(&n->chain_lock);
    }
    fat_change_end(v);
    if (err)
        return err;
    __atomic_store_n(&node->size, size, __ATOMIC_RELAXED);
    node->blocks = DIV_ROUND_UP(size, (uint64_t)v->fat.g.cluster) * (v->fat.g.cluster / 512);
    return 0;
}

int
fat_vfs_fsync(struct vnode *node, bool data_only)
{
    struct fat_volume *v = fat_volume_of(node);
    int err = 0;

    fat_change_begin(v);
    if (fat_node_of(node)->file.dirty_era == v->fat.era)
        err = fat_commit(&v->fat);
    fat_change_end(v);
    return err;
}
