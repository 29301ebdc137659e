/*
 * /sys, as far as tools look there for block devices (Linux: Documentation/ABI/stable/sysfs-block):
 *
 *   /sys/block/sda             a disk: its facts, queue/ and a directory for each partition
 *   /sys/class/block/NAME      links to all of them, by name
 *   /sys/dev/block/MAJOR:MINOR and by number
 *
 * Nothing is kept: what there is, and a text, is asked of the list of devices when somebody looks.
 */
#include "kernel/block/block.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/text.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define SYS_TAG   POOL_TAG('s', 'y', 's', ' ')
#define SYS_MAGIC 0x62656572
#define LINK_SIZE 64

enum place {
    ROOT,        /* /sys */
    CLASS,       /* /sys/class */
    DEV,         /* /sys/dev */
    BLOCK,       /* /sys/block */
    CLASS_BLOCK, /* /sys/class/block */
    DEV_BLOCK,   /* /sys/dev/block */
    DISK,        /* /sys/block/sda */
    QUEUE,       /* /sys/block/sda/queue */
    PART,        /* /sys/block/sda/sda1 */
    LINK,        /* of CLASS_BLOCK and DEV_BLOCK */
    FACT,        /* a file */
};

struct fact {
    enum place in;
    const char *name;
    void (*show)(struct text *t, const struct block_device *b);
};

/* A vnode's private part. [I] */
struct node {
    enum place place;
    uint64_t device;         /* from DISK on: its number */
    const struct fact *fact; /* FACT's */
};

extern const struct fs_ops sysfs_ops;

/* ---- facts ---- */

static void
show_dev(struct text *t, const struct block_device *b)
{
    text_add(t, "%u:%u\n", block_major(b->number), block_minor(b->number));
}

static void
show_size(struct text *t, const struct block_device *b)
{
    text_add(t, "%lu\n", b->size / SECTOR);
}

static void
show_start(struct text *t, const struct block_device *b)
{
    text_add(t, "%lu\n", b->start / SECTOR);
}

static void
show_partition(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->part);
}

static void
show_read_only(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->read_only);
}

static void
show_removable(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->removable);
}

static void
show_block_size(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->block_size);
}

static void
show_physical_size(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->physical_size);
}

static void
show_zero(struct text *t, const struct block_device *b)
{
    text_add(t, "0\n");
}

static void
show_max_size(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->max_bytes / 1024);
}

static void
show_max_pieces(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->max_pieces);
}

static void
show_depth(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->depth);
}

static void
show_rotates(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->rotates);
}

static void
show_discard_unit(struct text *t, const struct block_device *b)
{
    text_add(t, "%u\n", b->disk->can_discard ? b->disk->block_size : 0);
}

static void
show_write_cache(struct text *t, const struct block_device *b)
{
    text_add(t, "write %s\n", __atomic_load_n(&b->disk->has_cache, __ATOMIC_RELAXED) ? "back" : "through");
}

static const struct fact facts[] = {
    {DISK, "dev", show_dev},
    {DISK, "size", show_size},
    {DISK, "ro", show_read_only},
    {DISK, "removable", show_removable},
    {DISK, "alignment_offset", show_zero},
    {DISK, "stat", block_stats_show},
    {PART, "dev", show_dev},
    {PART, "size", show_size},
    {PART, "ro", show_read_only},
    {PART, "partition", show_partition},
    {PART, "start", show_start},
    {PART, "alignment_offset", show_zero},
    {PART, "stat", block_stats_show},
    {QUEUE, "logical_block_size", show_block_size},
    {QUEUE, "hw_sector_size", show_block_size},
    {QUEUE, "physical_block_size", show_physical_size},
    {QUEUE, "minimum_io_size", show_physical_size},
    {QUEUE, "optimal_io_size", show_zero},
    {QUEUE, "max_sectors_kb", show_max_size},
    {QUEUE, "max_hw_sectors_kb", show_max_size},
    {QUEUE, "max_segments", show_max_pieces},
    {QUEUE, "nr_requests", show_depth},
    {QUEUE, "rotational", show_rotates},
    {QUEUE, "discard_granularity", show_discard_unit},
    {QUEUE, "write_cache", show_write_cache},
};

/* Directories that are always there. */
static const struct {
    enum place in, place;
    const char *name;
} folders[] = {
    {ROOT, BLOCK, "block"}, {ROOT, CLASS, "class"},        {ROOT, DEV, "dev"},
    {DISK, QUEUE, "queue"}, {CLASS, CLASS_BLOCK, "block"}, {DEV, DEV_BLOCK, "block"},
};

/* ---- devices in a directory ---- */

/* What a directory has of a device: its name there, and as what; false: nothing. name has room for BLOCK_NAME. */
static bool
entry_of(const struct node *dir, const struct block_device *b, char *name, enum place *place)
{
    switch (dir->place) {
    case BLOCK:
        *place = DISK;
        break;
    case DISK:
        *place = PART;
        break;
    case CLASS_BLOCK:
    case DEV_BLOCK:
        *place = LINK;
        break;
    default:
        return false;
    }
    if (dir->place == BLOCK && b->part)
        return false;
    if (dir->place == DISK && (!b->part || b->disk->whole.number != dir->device))
        return false;
    if (dir->place == DEV_BLOCK)
        snprintf(name, BLOCK_NAME, "%u:%u", block_major(b->number), block_minor(b->number));
    else
        snprintf(name, BLOCK_NAME, "%s", b->name);
    return true;
}

static uint32_t
mode_of(enum place p)
{
    return p == FACT ? S_IFREG | 0444 : p == LINK ? S_IFLNK | 0777 : S_IFDIR | 0555;
}

static uint64_t
ino_of(const struct node *n)
{
    uint64_t kind = n->place == FACT ? FACT + (uint64_t)(n->fact - facts) : n->place;

    return 1 + kind + n->device * 64;
}

static int
node_make(struct fs *fs, const struct node *n, struct vnode **out)
{
    struct node *copy = pool_alloc(sizeof(*copy), SYS_TAG);
    struct vnode *v = copy ? vnode_new(fs, &sysfs_ops, mode_of(n->place), ino_of(n)) : NULL;

    if (!v) {
        pool_free(copy, SYS_TAG);
        return -ENOMEM;
    }
    *copy = *n;
    v->private = copy;
    *out = v;
    return 0;
}

struct search {
    const struct node *dir;
    const char *name;
    size_t len;
    struct node found;
    bool is_found;
};

static void
search_device(void *context, struct block_device *b)
{
    struct search *s = context;
    char name[BLOCK_NAME];
    enum place place;

    if (!entry_of(s->dir, b, name, &place) || strlen(name) != s->len || memcmp(name, s->name, s->len) != 0)
        return;
    s->found = (struct node){.place = place, .device = b->number};
    s->is_found = true;
}

static bool
is_named(const char *name, const struct search *s)
{
    return strlen(name) == s->len && memcmp(name, s->name, s->len) == 0;
}

static int
sys_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    const struct node *n = dir->private;
    struct search s = {.dir = n, .name = name, .len = len};

    for (size_t i = 0; i < ARRAY_SIZE(folders) && !s.is_found; i++)
        if (folders[i].in == n->place && is_named(folders[i].name, &s)) {
            s.found = (struct node){.place = folders[i].place, .device = n->device};
            s.is_found = true;
        }
    for (size_t i = 0; i < ARRAY_SIZE(facts) && !s.is_found; i++)
        if (facts[i].in == n->place && is_named(facts[i].name, &s)) {
            s.found = (struct node){.place = FACT, .device = n->device, .fact = &facts[i]};
            s.is_found = true;
        }
    if (!s.is_found)
        block_for_each(search_device, &s);
    return s.is_found ? node_make(dir->fs, &s.found, out) : -ENOENT;
}

/* ---- lists ---- */

struct listing {
    const struct node *dir;
    dir_emit *emit;
    void *context;
    uint64_t at, *position;
    bool full;
};

static void
list_one(struct listing *l, const char *name, const struct node *n)
{
    if (l->full || l->at++ < *l->position)
        return;
    if (l->emit(l->context, name, strlen(name), ino_of(n), mode_of(n->place) & S_IFMT, l->at))
        *l->position = l->at;
    else
        l->full = true;
}

static void
list_device(void *context, struct block_device *b)
{
    struct listing *l = context;
    char name[BLOCK_NAME];
    enum place place;

    if (entry_of(l->dir, b, name, &place))
        list_one(l, name, &(struct node){.place = place, .device = b->number});
}

static int
sys_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    const struct node *n = dir->private;
    struct listing l = {.dir = n, .emit = emit, .context = context, .position = position};

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (folders[i].in == n->place)
            list_one(&l, folders[i].name, &(struct node){.place = folders[i].place, .device = n->device});
    for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
        if (facts[i].in == n->place)
            list_one(&l, facts[i].name,
                     &(struct node){.place = FACT, .device = n->device, .fact = &facts[i]});
    block_for_each(list_device, &l);
    return 0;
}

/* ---- texts ---- */

struct telling {
    const struct node *node;
    struct text text;
    char link[LINK_SIZE];
    bool is_there;
};

static void
tell_device(void *context, struct block_device *b)
{
    struct telling *t = context;

    if (b->number != t->node->device)
        return;
    t->is_there = true;
    if (t->node->place == FACT)
        t->node->fact->show(&t->text, b);
    else if (b->part)
        snprintf(t->link, sizeof(t->link), "../../block/%s/%s", b->disk->whole.name, b->name);
    else
        snprintf(t->link, sizeof(t->link), "../../block/%s", b->name);
}

static long
sys_read(struct file *f, struct uio *u, uint64_t position)
{
    struct telling t = {.node = f->vnode->private};
    long n;

    block_for_each(tell_device, &t);
    n = t.is_there ? text_read(&t.text, u, position) : -ENODEV;
    text_free(&t.text);
    return n;
}

static long
sys_readlink(struct vnode *v, char *text, size_t size)
{
    struct telling t = {.node = v->private};
    size_t n;

    block_for_each(tell_device, &t);
    n = MIN(strlen(t.link), size);
    memcpy(text, t.link, n);
    return t.is_there ? (long)n : -ENOENT;
}

static int
sys_open(struct file *f)
{
    return (f->flags & O_ACCMODE) == O_RDONLY ? 0 : -EACCES;
}

static int
sys_mount(struct fs *fs, const char *source, const char *options)
{
    return node_make(fs, &(struct node){.place = ROOT}, &fs->root);
}

static int
sys_statfs(struct fs *fs, struct fs_stats *out)
{
    *out = (struct fs_stats){.block_size = 4096, .magic = SYS_MAGIC, .name_max = NAME_MAX};
    return 0;
}

static void
sys_evict(struct vnode *v)
{
    pool_free(v->private, SYS_TAG);
}

const struct fs_ops sysfs_ops = {
    .name = "sysfs",
    .nodev = true,
    .uncached = true,
    .mount = sys_mount,
    .statfs = sys_statfs,
    .lookup = sys_lookup,
    .readdir = sys_readdir,
    .readlink = sys_readlink,
    .open = sys_open,
    .read = sys_read,
    .evict = sys_evict,
};
