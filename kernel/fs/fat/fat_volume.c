/* Volumes on block devices: mounted, written back, taken down. */
#include "kernel/console/log.h"
#include "kernel/fs/fat/fat_vfs.h"
#include "kernel/hw/clock.h"
#include "kernel/mem/page.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MAGIC        0x4d44
#define BACKUP_USUAL 6 /* sector of FAT32's second boot sector */
#define ROOT_INO     1
#define PERIOD       MS(5000) /* what was changed is on the medium after that time */
#define COUNT_PAUSE  MS(1)
#define COUNT_GROUPS 64u
#define DIRTY_SHARE  8      /* of memory may wait to be written */
#define DIRTY_MOST   16384u /* pages */

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

static int
block_fresh(void *context, uint64_t index, struct fat_hold *h)
{
    struct fat_volume *v = context;
    uint64_t pa;
    int err = cache_fresh(v->cache, index, false, &pa);

    if (!err)
        *h = (struct fat_hold){.bytes = phys_to_virt(pa), .token = pa};
    return err;
}

static void
block_put(void *context, struct fat_hold *h)
{
    page_put(h->token);
}

static int
block_dirty(void *context, uint64_t index, const struct fat_hold *h, uint8_t sectors, enum dirt_kind kind)
{
    struct fat_volume *v = context;

    return order_dirty(&v->order, index, h->token, sectors, kind);
}

static int
blocks_write(void *context, enum dirt_stage stage, bool *any)
{
    struct fat_volume *v = context;

    return order_write(&v->order, stage, any);
}

static int
device_flush(void *context)
{
    struct fat_volume *v = context;

    return block_flush(v->device);
}

static void
volume_complain(void *context, const char *text)
{
    struct fat_volume *v = context;
    bool was_writable = !v->fat.read_only;

    v->fat.read_only = true;
    if (v->fs->root)
        v->fs->read_only = true;
    log_err("vfat: %s: damaged: %s%s", v->device->name, text,
            was_writable ? "; nothing is written to it any more" : "");
}

static int64_t
now_get(void *context)
{
    return vfs_now();
}

static const struct fat_io io = {.get = block_get,
                                 .fresh = block_fresh,
                                 .put = block_put,
                                 .dirty = block_dirty,
                                 .write = blocks_write,
                                 .flush = device_flush,
                                 .complain = volume_complain,
                                 .now = now_get};

/* ---- writing back ---- */

/* Free clusters are counted while nobody waits for anything, some groups at a time. false: there is nothing to count now. */
static bool
count_some(struct fat_volume *v, uint32_t *group)
{
    int err = 0;

    for (unsigned n = 0; n < COUNT_GROUPS && !err; n++) {
        fat_change_begin(v);
        err = v->frozen ? -EROFS : fat_space_learn(&v->fat, group);
        fat_change_end(v);
    }
    return err == 0;
}

static void
writer_run(void *context)
{
    struct fat_volume *v = context;
    uint64_t last = time_now();
    uint32_t group = 0;

    while (!__atomic_load_n(&v->stopping, __ATOMIC_ACQUIRE)) {
        bool counting = count_some(v, &group);

        if (wait_event(&v->wake.waitable, counting ? COUNT_PAUSE : PERIOD) == -ETIMEDOUT &&
            time_now() - last < PERIOD)
            continue;
        fat_change_begin(v);
        if (!v->fat.failed && v->fat.changed)
            (void)fat_commit(&v->fat); /* who wants to know asks fsync() */
        fat_change_end(v);
        last = time_now();
    }
}

void
fat_throttle(struct fat_volume *v)
{
    struct frame_stats memory;
    uint64_t most, dirty = order_pages(&v->order);

    if (dirty < 1024)
        return;
    frame_stats(&memory);
    most = MIN(memory.total / DIRTY_SHARE, (uint64_t)DIRTY_MOST);
    if (dirty > most) {
        fat_change_begin(v);
        (void)fat_commit(&v->fat);
        fat_change_end(v);
    } else if (dirty > most / 2) {
        (void)event_set(&v->wake);
    }
}

int
fat_vfs_sync(struct fs *fs)
{
    struct fat_volume *v = fs->private;
    int err;

    fat_change_begin(v);
    err = fat_sync(&v->fat);
    fat_change_end(v);
    return err;
}

/* ---- mounting ---- */

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
        log_warn("vfat: %s: the boot sector is damaged (%s): the second one is used, read-only",
                 v->device->name, why);
        v->fs->read_only = true;
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
    v->fat.era = 1;
    list_init(&v->fat.dirty);
    mutex_init(&v->change_lock);
    mutex_init(&v->nodes_lock);
    event_init(&v->wake, EVENT_AUTO, false);
    for (unsigned i = 0; i < FAT_LISTS; i++)
        list_init(&v->nodes[i]);
    v->cache = cache_open(b);
    if (v->cache && !order_init(&v->order, v->cache, b))
        return v;
    if (v->cache)
        cache_close(v->cache);
    pool_free(v, FAT_TAG);
    return NULL;
}

static void
volume_free(struct fat_volume *v)
{
    fat_forget(&v->fat);
    order_end(&v->order);
    cache_close(v->cache);
    pool_free(v, FAT_TAG);
}

static int
root_make(struct fat_volume *v)
{
    struct vnode *root = fat_node_new(v, S_IFDIR | 0755, ROOT_INO);
    struct fat_file *file;

    if (!root)
        return -ENOMEM;
    root->nlink = 2;
    file = &fat_node_of(root)->file;
    file->is_directory = true;
    file->attributes = FAT_DIRECTORY;
    file->dir.is_root_area = v->fat.g.bits != 32;
    file->dir.chain.first = v->fat.g.root_cluster;
    v->fs->root = root;
    return 0;
}

static struct block_device *
device_open(const char *source)
{
    return block_open(strncmp(source, "/dev/", 5) ? source : source + 5);
}

/* Was it left as it should be? A word if not. */
static void
state_read(struct fat_volume *v)
{
    bool clean = true, good = true;

    (void)fat_flags(&v->fat, &clean, &good);
    v->fat.was_dirty = v->fat.marked = !clean;
    if (!clean || !good)
        log_warn("vfat: %s: %s; fsck.fat finds out what is wrong", v->device->name,
                 clean ? "the disk had errors" : "it was not unmounted the last time");
}

static int
volume_start(struct fat_volume *v, char *why)
{
    int err = geometry_read(v, why);

    if (!err)
        err = fat_space_init(&v->fat);
    if (err)
        return err;
    v->fs->read_only |= v->device->disk->read_only;
    v->fat.read_only = v->fs->read_only;
    state_read(v);
    v->fs->private = v;
    err = thread_create(&v->writer, "vfat", PRIORITY_NORMAL, writer_run, v);
    if (err)
        return err;
    err = root_make(v);
    if (!err)
        return 0;
    __atomic_store_n(&v->stopping, true, __ATOMIC_RELEASE);
    (void)event_set(&v->wake);
    (void)thread_join(v->writer, WAIT_FOREVER, NULL);
    return err;
}

int
fat_vfs_mount(struct fs *fs, const char *source, const char *options)
{
    struct block_device *b = device_open(source);
    struct fat_volume *v = NULL;
    char why[FAT_WHY] = "";
    int err = b ? block_hold(b) : -ENODEV;

    if (err) {
        if (b)
            block_close(b);
        else
            log_err("vfat: %s cannot be mounted: there is no such disk", source);
        return err;
    }
    v = volume_new(b, fs);
    err = v ? volume_start(v, why) : -ENOMEM;
    if (!err)
        return 0;
    log_err("vfat: %s cannot be mounted: %s", source, why[0] ? why : "no memory");
    if (v)
        volume_free(v);
    block_release(b);
    block_close(b);
    return err;
}

bool
fat_vfs_is_busy(struct fs *fs)
{
    struct fat_volume *v = fs->private;
    bool busy;

    mutex_lock(&v->nodes_lock, WAIT_FOREVER);
    busy = v->listed != 0;
    mutex_unlock(&v->nodes_lock);
    return busy;
}

int
fat_vfs_freeze(struct fs *fs, bool frozen)
{
    struct fat_volume *v = fs->private;
    int err = 0;

    fat_change_begin(v);
    v->frozen = frozen;
    if (frozen) {
        err = fat_close(&v->fat);
        v->fat.read_only = true;
    } else if (v->fat.failed || v->device->disk->read_only) {
        err = -EROFS;
    } else {
        v->fat.read_only = false;
    }
    fat_change_end(v);
    return err;
}

void
fat_vfs_unmount(struct fs *fs)
{
    struct fat_volume *v = fs->private;
    struct block_device *b = v->device;

    __atomic_store_n(&v->stopping, true, __ATOMIC_RELEASE);
    (void)event_set(&v->wake);
    (void)thread_join(v->writer, WAIT_FOREVER, NULL);
    if (!v->fat.read_only && fat_vfs_freeze(fs, true))
        log_err("vfat: %s: what was written last is lost", b->name);
    fat_index_free(&fat_node_of(fs->root)->file.dir);
    fs->private = NULL;
    volume_free(v);
    block_release(b);
    block_close(b);
}

int
fat_vfs_statfs(struct fs *fs, struct fs_stats *out)
{
    struct fat_volume *v = fs->private;
    uint32_t free;

    fat_change_begin(v);
    free = fat_space(&v->fat);
    fat_change_end(v);
    *out = (struct fs_stats){.block_size = v->fat.g.cluster,
                             .blocks = v->fat.g.clusters,
                             .free_blocks = free,
                             .magic = MAGIC,
                             .name_max = FAT_NAME_BYTES};
    return 0;
}
