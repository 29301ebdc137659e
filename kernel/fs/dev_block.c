/*
 * Disks and partitions as files: /dev/sda, /dev/sda1. With O_DIRECT a transfer goes straight to or from the program's pages;
 * without, through the block cache, and every write has reached the device when write(2) returns (its own cache is flushed by
 * fsync).
 */
#include "kernel/block/block.h"
#include "kernel/cpu/user.h"
#include "kernel/fs/async.h"
#include "kernel/fs/cached.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "kernel/fs/text.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/vm.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define DIRECT_PIECES 129
#define FILE_TAG      POOL_TAG('b', 'd', 'e', 'v')
#define DISCARD_MAX   (UINT64_C(1) << 30)

/* Linux's requests (linux/fs.h, linux/hdreg.h). */
#define BLKROGET      0x125eu
#define BLKRRPART     0x125fu
#define BLKGETSIZE    0x1260u
#define BLKFLSBUF     0x1261u
#define BLKSSZGET     0x1268u
#define BLKDISCARD    0x1277u
#define BLKIOMIN      0x1278u
#define BLKIOOPT      0x1279u
#define BLKPBSZGET    0x127bu
#define BLKROTATIONAL 0x127eu
#define BLKBSZGET     0x80081270u
#define BLKGETSIZE64  0x80081272u
#define HDIO_GETGEO   0x0301u

/* An open file. */
struct block_file {
    struct block_device *device;
    struct cache *cache;
    struct read_ahead ahead;
};

/* ---- straight to the program's pages ---- */

static long
direct(struct block_device *b, enum block_op op, struct uio *u, uint64_t position, size_t size)
{
    struct vm_space *space = process_current()->space;
    uint32_t max = MIN(b->disk->max_pieces, (uint32_t)DIRECT_PIECES);
    struct data_piece piece[DIRECT_PIECES];
    size_t done = 0;

    while (done < size) {
        struct block_request r = {.device = b, .op = (uint8_t)op, .start = position + done, .piece = piece};
        size_t left = MIN(u->part->size - u->done_in_part, size - done), pinned;
        int n;

        if (!left) {
            u->part++;
            u->done_in_part = 0;
            continue;
        }
        n = vm_pin(space, u->part->base + u->done_in_part, MIN(left, (size_t)b->disk->max_bytes),
                   op == BLOCK_READ, piece, max, &pinned);
        if (n < 0)
            return done ? (long)done : n;
        r.size = (uint32_t)ALIGN_DOWN(pinned, (size_t)b->disk->block_size);
        r.pieces = (uint32_t)n;
        if (r.size != pinned) /* a buffer that no block fits into */
            r.error = -EINVAL;
        else
            (void)block_execute(&r);
        vm_unpin(piece, (uint32_t)n);
        if (r.error)
            return done ? (long)done : r.error;
        u->done_in_part += r.size;
        u->left -= r.size;
        done += r.size;
    }
    return (long)done;
}

/* Every part of the memory begins and ends at a block. */
static bool
is_aligned(const struct block_device *b, const struct uio *u, uint64_t position, size_t size)
{
    size_t mask = b->disk->block_size - 1, in_part = u->done_in_part, seen = 0;

    if ((position | size) & mask)
        return false;
    for (const struct uio_part *p = u->part; seen < size; p++, in_part = 0) {
        if ((p->base + in_part) & 3 || (p->size - in_part) & mask)
            return false;
        seen += p->size - in_part;
    }
    return true;
}

/* ---- the same, not waited for ---- */

#define ASYNC_MAX (8ul << 20)
#define ASYNC_TAG POOL_TAG('a', 's', 'y', 'n')

static void
async_end(struct async_io *io, int error)
{
    const struct block_file *bf = io->file->private;

    if (io->write)
        cache_drop(bf->cache, io->position, io->size);
    vm_unpin(io->piece, io->pieces);
    if (io->piece != io->here)
        pool_free(io->piece, ASYNC_TAG);
    io->done(io, io->moved ? (long)io->moved : error);
}

/* As much as the disk takes at once of what is left. */
static void
async_send(struct async_io *io)
{
    struct block_request *r = &io->request;
    const struct disk *d = r->device->disk;
    uint32_t n = 0, bytes = 0;

    r->piece = io->piece + io->sent;
    while (n < MIN(d->max_pieces, io->pieces - io->sent) && bytes + r->piece[n].size <= d->max_bytes)
        bytes += r->piece[n++].size;
    r->start = io->position + io->moved;
    r->size = bytes;
    r->pieces = n;
    io->sent += n;
    block_submit(r);
}

static void
async_sent(struct block_request *r)
{
    struct async_io *io = r->context;

    if (!r->error)
        io->moved += r->size;
    if (r->error || io->sent == io->pieces)
        async_end(io, r->error);
    else
        async_send(io);
}

/* All of it at once, or nothing: what is larger, goes past the end or is to go in parts that no block fits into is waited
 * for instead. */
static int
block_start(struct file *f, struct async_io *io)
{
    struct block_device *b = ((struct block_file *)f->private)->device;
    const struct disk *d = b->disk;
    uint32_t max = (uint32_t)((io->size + (io->base & (PAGE_SIZE - 1)) + PAGE_SIZE - 1) / PAGE_SIZE);
    size_t pinned = 0;
    int n;

    if (!(f->flags & O_DIRECT) || (f->flags & O_DSYNC && io->write) || io->size > ASYNC_MAX || io->base & 3 ||
        (io->position | io->size) & (d->block_size - 1) || d->max_bytes < VM_PIECE_MAX ||
        io->position > b->size || io->size > b->size - io->position)
        return -EOPNOTSUPP;
    if (max > d->max_pieces && io->base & (d->block_size - 1))
        return -EOPNOTSUPP;
    io->piece = max <= ASYNC_PIECES ? io->here : pool_alloc(max * sizeof(*io->piece), ASYNC_TAG);
    if (!io->piece)
        return -EOPNOTSUPP;
    n = vm_pin(process_current()->space, io->base, io->size, !io->write, io->piece, max, &pinned);
    if (pinned != io->size) {
        vm_unpin(io->piece, (uint32_t)MAX(n, 0));
        if (io->piece != io->here)
            pool_free(io->piece, ASYNC_TAG);
        return -EOPNOTSUPP;
    }
    io->pieces = (uint32_t)n;
    io->sent = 0;
    io->moved = 0;
    io->request = (struct block_request){
        .device = b, .op = io->write ? BLOCK_WRITE : BLOCK_READ, .done = async_sent, .context = io};
    async_send(io);
    return 0;
}

static long
transfer(struct file *f, struct uio *u, uint64_t position, enum block_op op)
{
    struct block_file *bf = f->private;
    struct block_device *b = bf->device;
    size_t size;
    long n;

    if (__atomic_load_n(&b->gone, __ATOMIC_ACQUIRE))
        return -ENODEV;
    if (position >= b->size || !u->left)
        return op == BLOCK_READ || !u->left ? 0 : -ENOSPC;
    size = (size_t)MIN((uint64_t)u->left, b->size - position);
    if (op == BLOCK_WRITE && b->disk->read_only)
        return -EROFS;
    if (!(f->flags & O_DIRECT) || u->kernel)
        return op == BLOCK_READ
                   ? cached_read(bf->cache, u, position, size, b->size, b->disk->block_size, &bf->ahead)
                   : cached_write(bf->cache, u, position, size, b->disk->block_size);
    if (!is_aligned(b, u, position, size))
        return -EINVAL;
    n = direct(b, op, u, position, size);
    if (op == BLOCK_WRITE)
        cache_drop(bf->cache, position, size);
    return n;
}

static long
block_read(struct file *f, struct uio *u, uint64_t position)
{
    return transfer(f, u, position, BLOCK_READ);
}

static long
block_write(struct file *f, struct uio *u, uint64_t position)
{
    return transfer(f, u, position, BLOCK_WRITE);
}

/* ---- the rest ---- */

static int
block_file_new(struct block_device *b, struct block_file **out)
{
    struct block_file *bf = pool_zalloc(sizeof(*bf), FILE_TAG);

    if (!bf)
        return -ENOMEM;
    bf->device = b;
    bf->cache = cache_open(b);
    if (!bf->cache) {
        pool_free(bf, FILE_TAG);
        return -ENOMEM;
    }
    *out = bf;
    return 0;
}

static int
block_file_open(struct file *f)
{
    struct block_device *b = block_open_number(f->vnode->rdev);
    bool writes = (f->flags & O_ACCMODE) != O_RDONLY;
    struct block_file *bf = NULL;
    int err = 0;

    if (!b)
        return -ENXIO;
    if (b->disk->ops->open && !(f->flags & O_NONBLOCK)) /* with it: the drive, whatever is in it */
        err = b->disk->ops->open(b->disk);
    if (!err && writes && b->disk->read_only)
        err = -EROFS;
    if (!err && f->flags & O_EXCL && __atomic_load_n(&b->held, __ATOMIC_ACQUIRE))
        err = -EBUSY;
    if (!err)
        err = block_file_new(b, &bf);
    if (err)
        block_close(b);
    f->private = bf;
    return err;
}

static void
block_file_release(struct file *f)
{
    struct block_file *bf = f->private;

    cache_close(bf->cache);
    block_close(bf->device);
    pool_free(bf, FILE_TAG);
}

static int
block_fsync(struct vnode *v, bool data_only)
{
    struct block_device *b = block_open_number(v->rdev);
    int err;

    if (!b)
        return -EIO; /* it has gone */
    err = block_flush(b);
    block_close(b);
    return err;
}

static int64_t
block_seek(struct file *f, int64_t offset, int whence)
{
    const struct block_device *b = ((struct block_file *)f->private)->device;
    int64_t from = whence == 0 ? 0 : whence == 1 ? (int64_t)f->position : (int64_t)b->size;

    if (whence < 0 || whence > 2 || (offset > 0 && from > INT64_MAX - offset) || from + offset < 0)
        return -EINVAL;
    return from + offset;
}

/* What old programs want to hear: 255 heads and 63 sectors, as many cylinders as there is room for. */
static int
geometry(const struct block_device *b, uintptr_t argument)
{
    struct {
        uint8_t heads, sectors;
        uint16_t cylinders;
        uint64_t start;
    } g = {255, 63, (uint16_t)MIN(b->size / SECTOR / (255ul * 63), (uint64_t)UINT16_MAX), b->start / SECTOR};

    return user_write(argument, &g, sizeof(g)) ? -EFAULT : 0;
}

static int
discard(const struct block_file *bf, uintptr_t argument, bool may_write)
{
    struct block_device *b = bf->device;
    uint64_t range[2];
    int err = 0;

    if (!may_write)
        return -EBADF;
    if (user_read(range, argument, sizeof(range)))
        return -EFAULT;
    if ((range[0] | range[1]) & (b->disk->block_size - 1) || range[0] > b->size ||
        range[1] > b->size - range[0])
        return -EINVAL;
    while (range[1] && !err) {
        struct block_request r = {.device = b,
                                  .op = BLOCK_DISCARD,
                                  .start = range[0],
                                  .size = (uint32_t)MIN(range[1], DISCARD_MAX)};

        err = block_execute(&r);
        cache_drop(bf->cache, r.start, r.size);
        range[0] += r.size;
        range[1] -= r.size;
    }
    return err;
}

static int
answer(uintptr_t argument, uint64_t value, size_t size)
{
    return user_write(argument, &value, size) ? -EFAULT : 0;
}

/* Volumes that the system has mounted by itself give way. */
static int
partitions_reread(struct disk *d)
{
    int err = block_reread(d);

    if (err != -EBUSY)
        return err;
    vfs_give_way(d->whole.name);
    return block_reread(d);
}

static long
block_ioctl(struct file *f, unsigned request, uintptr_t argument)
{
    struct block_file *bf = f->private;
    struct block_device *b = bf->device;
    struct disk *d = b->disk;
    bool may_write = (f->flags & O_ACCMODE) != O_RDONLY;

    switch (request) {
    case BLKGETSIZE64:
        return answer(argument, b->size, 8);
    case BLKGETSIZE:
        return answer(argument, b->size / SECTOR, 8);
    case BLKSSZGET:
        return answer(argument, d->block_size, 4);
    case BLKPBSZGET:
    case BLKIOMIN:
        return answer(argument, d->physical_size, 4);
    case BLKIOOPT:
        return answer(argument, 0, 4);
    case BLKBSZGET:
        return answer(argument, PAGE_SIZE, 4);
    case BLKROGET:
        return answer(argument, d->read_only, 4);
    case BLKROTATIONAL:
        return answer(argument, d->rotates, 2);
    case BLKFLSBUF:
        cache_drop(bf->cache, 0, b->size);
        return block_flush(b);
    case BLKRRPART:
        return b->part ? -EINVAL : partitions_reread(d);
    case BLKDISCARD:
        return discard(bf, argument, may_write);
    case HDIO_GETGEO:
        return geometry(b, argument);
    default:
        return d->ops->ioctl ? d->ops->ioctl(d, request, argument, may_write) : -ENOTTY;
    }
}

static const struct fs_ops block_file_ops = {.open = block_file_open,
                                             .release = block_file_release,
                                             .read = block_read,
                                             .write = block_write,
                                             .start = block_start,
                                             .seek = block_seek,
                                             .fsync = block_fsync,
                                             .ioctl = block_ioctl};

/* ---- nodes, and /proc ---- */

static void
added(struct block_device *b)
{
    int err = devfs_add(b->name, S_IFBLK | 0660, b->number, &block_file_ops, NULL);

    if (err)
        log_err("%s: no node in /dev: error %d", b->name, err);
}

static void
removed(struct block_device *b)
{
    devfs_remove(b->name);
}

static void
partition_line(void *context, struct block_device *b)
{
    text_add(context, "%4u %8u %10lu %s\n", block_major(b->number), block_minor(b->number), b->size / 1024,
             b->name);
}

static void
show_partitions(struct text *t)
{
    text_add(t, "major minor  #blocks  name\n\n");
    block_for_each(partition_line, t);
}

void
block_stats_show(struct text *t, const struct block_device *b)
{
    const struct block_stats *s = &b->stats;
    const struct disk *d = b->disk;
    uint64_t weighted = (s->ns[BLOCK_READ] + s->ns[BLOCK_WRITE] + s->ns[BLOCK_DISCARD] + s->ns[BLOCK_FLUSH]) /
                        MS(1);

    for (unsigned op = BLOCK_READ; op <= BLOCK_WRITE; op++)
        text_add(t, "%lu %lu %lu %lu ", s->done[op], s->merged[op], s->bytes[op] / SECTOR, s->ns[op] / MS(1));
    text_add(t, "%u %lu %lu ", b->part ? 0 : d->active, d->busy / MS(1), weighted);
    text_add(t, "%lu %lu %lu %lu ", s->done[BLOCK_DISCARD], s->merged[BLOCK_DISCARD],
             s->bytes[BLOCK_DISCARD] / SECTOR, s->ns[BLOCK_DISCARD] / MS(1));
    text_add(t, "%lu %lu\n", s->done[BLOCK_FLUSH], s->ns[BLOCK_FLUSH] / MS(1));
}

static void
diskstats_line(void *context, struct block_device *b)
{
    text_add(context, "%4u %7u %s ", block_major(b->number), block_minor(b->number), b->name);
    block_stats_show(context, b);
}

static void
show_diskstats(struct text *t)
{
    block_for_each(diskstats_line, t);
}

int
dev_block_init(void)
{
    int err = procfs_add("partitions", show_partitions);

    cache_init();
    block_init(added, removed);
    return err ? err : procfs_add("diskstats", show_diskstats);
}
