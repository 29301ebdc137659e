/* Partitions of a disk become devices. */
#include "kernel/block/block_impl.h"
#include "kernel/block/table.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/format.h"

#define BLOCK_TAG POOL_TAG('b', 'l', 'c', 'k')

static int
block_read(void *context, uint64_t block, void *bytes)
{
    struct disk *d = context;

    return block_transfer(&d->whole, BLOCK_READ, block * d->block_size, bytes, d->block_size);
}

static void
part_enter(struct disk *d, const struct table_part *p)
{
    struct block_device *b = pool_zalloc(sizeof(*b), BLOCK_TAG);
    char last = d->whole.name[0];

    if (!b) {
        log_err("%s: no memory for partition %u", d->whole.name, p->number);
        return;
    }
    for (const char *c = d->whole.name; *c; c++)
        last = *c;
    snprintf(b->name, sizeof(b->name), last >= '0' && last <= '9' ? "%.11sp%u" : "%.12s%u", d->whole.name,
             p->number);
    b->part = p->number;
    b->start = p->start * d->block_size;
    b->size = p->count * d->block_size;
    d->parts[p->number - 1] = b;
    (void)device_enter(d, b);
}

struct table *
parts_read(struct disk *d)
{
    struct table *t = pool_zalloc(sizeof(*t), BLOCK_TAG);
    struct table_disk td = {.blocks = d->whole.size / d->block_size,
                            .size = d->block_size,
                            .read = block_read,
                            .context = d,
                            .room = pool_zalloc(2ul * d->block_size, BLOCK_TAG)};
    int err = d->whole_only ? -ENODEV : t && td.room ? table_read(&td, t) : -ENOMEM;

    if (err == -EINVAL)
        log_err("%s: the partition table is not used: %s", d->whole.name, t->why);
    else if (err && err != -ENODEV) /* it has none, or has gone meanwhile, which others say */
        log_err("%s: the partition table cannot be read: error %d", d->whole.name, err);
    else if (!err && t->backup)
        log_warn("%s: the backup partition table is used: %s", d->whole.name, t->why);
    pool_free(td.room, BLOCK_TAG);
    if (!err)
        return t;
    pool_free(t, BLOCK_TAG);
    return NULL;
}

void
parts_enter(struct disk *d, struct table *t)
{
    for (uint32_t i = 0; t && i < t->count && !d->whole.gone; i++)
        part_enter(d, &t->part[i]);
    pool_free(t, BLOCK_TAG);
}

int
parts_forget(struct disk *d)
{
    for (unsigned i = 0; i < BLOCK_PARTS_MAX; i++)
        if (d->parts[i] && d->parts[i]->opens)
            return -EBUSY;
    for (unsigned i = 0; i < BLOCK_PARTS_MAX; i++)
        if (d->parts[i]) {
            device_leave(d->parts[i]);
            pool_free(d->parts[i], BLOCK_TAG);
            d->parts[i] = NULL;
        }
    return 0;
}
