/*
 * Which write waits for which. At every moment the medium holds, as far as programs' files go, either what it held before a
 * commit or what it holds after, and at worst clusters that no file has; never a chain into a free cluster, two chains with one
 * cluster, or a file longer than its chain.
 *
 * A commit writes in this order; the device is flushed behind each step that wrote something:
 *
 *   1. what is in files, and new parts of directories (dirt.h: DATA, FRESH). Nothing on the medium leads to new clusters yet
 *   2. FATs: the chains of new clusters. Nothing leads to these either, or what does is in the same sector
 *   3. FATs: ends of chains that lead on to those (joins)
 *   4. entries of directories: names, first clusters, sizes
 *   5. FATs: new ends of chains that were cut
 *   6. FATs: clusters given up are free. Written with step 2 of the next commit
 *
 * I1  A cluster that was given up is not free, in memory too, before step 5 is done. So what was in it stays until nothing
 *     leads there, be it behind a file's end.
 * I2  A sector of 512 bytes is written whole or not at all.
 * I3  Entries of the FAT that a cut waits for are not changed before it is done (fat_is_cut()).
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"

#define ROOM_FIRST 16u
#define SYNC_TURNS 4

int
fat_edit(struct fat *f, uint64_t position, uint32_t size, enum dirt_kind kind, struct fat_hold *h,
         uint8_t **at)
{
    uint32_t offset = (uint32_t)(position % FAT_BLOCK), first = offset / DIRT_SECTOR,
             last = (offset + size - 1) / DIRT_SECTOR;
    int err = f->io->get(f->context, position / FAT_BLOCK, h);

    if (err)
        return err;
    err = f->io->dirty(f->context, position / FAT_BLOCK, h,
                       (uint8_t)((0xffu << first) & (0xffu >> (DIRT_SECTORS - 1 - last))), kind);
    if (err) {
        f->io->put(f->context, h);
        return err;
    }
    f->changed = true;
    *at = h->bytes + offset;
    return 0;
}

/* ---- steps ---- */

static int
flush(struct fat *f)
{
    int err = f->unflushed ? f->io->flush(f->context) : 0;

    if (!err)
        f->unflushed = false;
    return err;
}

static int
step(struct fat *f, enum dirt_stage stage)
{
    bool any = false;
    int err = f->io->write(f->context, stage, &any);

    f->unflushed |= any;
    return err ? err : flush(f);
}

/* Nothing is written any more: what is on the medium is good, and would not be for long. */
static int
fail(struct fat *f, int err)
{
    char text[FAT_WHY];

    snprintf(text, sizeof(text), "it cannot be written (error %d): read-only from now on", -err);
    f->io->complain(f->context, text);
    f->failed = f->read_only = true;
    return err;
}

int
fat_begin(struct fat *f)
{
    int err;

    if (f->read_only)
        return -EROFS;
    if (f->marked)
        return 0;
    err = fat_mark(f, true);
    if (err)
        return err;
    err = step(f, STAGE_TABLE);
    if (err)
        return fail(f, err);
    f->marked = true;
    return 0;
}

/* ---- what waits ---- */

/* Room for `n` more of `each` bytes. */
static void *
room_for(void *old, uint32_t count, uint32_t n, uint32_t *room, size_t each)
{
    uint32_t more = MAX(*room ? 2 * *room : ROOM_FIRST, count + n);
    void *new;

    if (count + n <= *room)
        return old;
    new = fat_memory(old, *room * each, more * each);
    if (new)
        *room = more;
    return new;
}

int
fat_reserve(struct fat *f, uint32_t runs)
{
    struct fat_freed *freed = room_for(f->freed, f->freed_count, runs, &f->freed_room, sizeof(*freed));
    struct fat_link *cuts;

    if (!freed)
        return -ENOMEM;
    f->freed = freed;
    cuts = room_for(f->cuts.link, f->cuts.count, 1, &f->cuts.room, sizeof(*cuts));
    if (!cuts)
        return -ENOMEM;
    f->cuts.link = cuts;
    return 0;
}

int
fat_give_up(struct fat *f, uint32_t cluster, uint32_t count)
{
    struct fat_freed *list = room_for(f->freed, f->freed_count, 1, &f->freed_room, sizeof(*list));

    if (!list)
        return -ENOMEM;
    f->freed = list;
    list[f->freed_count++] = (struct fat_freed){cluster, count};
    f->freed_clusters += count;
    f->changed = true;
    return 0;
}

static int
link_add(struct fat *f, struct fat_links *l, uint32_t cluster, uint32_t next)
{
    struct fat_link *list = room_for(l->link, l->count, 1, &l->room, sizeof(*list));

    if (!list)
        return -ENOMEM;
    l->link = list;
    list[l->count++] = (struct fat_link){cluster, next};
    f->changed = true;
    return 0;
}

int
fat_join(struct fat *f, uint32_t cluster, uint32_t next)
{
    return link_add(f, &f->joins, cluster, next);
}

int
fat_cut(struct fat *f, uint32_t cluster, uint32_t next)
{
    return link_add(f, &f->cuts, cluster, next);
}

bool
fat_unjoin(struct fat *f, uint32_t cluster, uint32_t count)
{
    uint32_t kept = 0, was = f->joins.count;

    for (uint32_t i = 0; i < was; i++)
        if (f->joins.link[i].cluster - cluster >= count)
            f->joins.link[kept++] = f->joins.link[i];
    f->joins.count = kept;
    return kept != was;
}

bool
fat_is_cut(const struct fat *f, uint32_t cluster)
{
    for (uint32_t i = 0; i < f->cuts.count; i++)
        if (f->cuts.link[i].cluster == cluster)
            return true;
    return false;
}

static int
joins_write(struct fat *f)
{
    int err = 0;

    if (!f->joins.count)
        return 0;
    for (uint32_t i = 0; i < f->joins.count && !err; i++)
        err = fat_table_chain(f, f->joins.link[i].cluster, 1, f->joins.link[i].next);
    if (!err)
        err = step(f, STAGE_TABLE);
    if (!err)
        f->joins.count = 0;
    return err;
}

/* Steps 5 and 6. What there is no memory for stays for the next time. */
static int
leftovers(struct fat *f)
{
    bool any = f->cuts.count != 0;
    int err = 0;

    while (f->cuts.count && !err) {
        err = fat_table_chain(f, f->cuts.link[f->cuts.count - 1].cluster, 1, 0);
        f->cuts.count -= !err;
    }
    if (any && !err)
        err = step(f, STAGE_TABLE);
    while (f->freed_count && !err) {
        const struct fat_freed *last = &f->freed[f->freed_count - 1];

        err = fat_free(f, last->cluster, last->count);
        if (!err) {
            f->freed_clusters -= last->count;
            f->freed_count--;
        }
    }
    f->changed |= f->cuts.count || f->freed_count;
    return err == -ENOMEM ? 0 : err;
}

/* ---- the commit ---- */

/* What programs did to files since the last one, as their entries say it. */
static int
entries_write(struct fat *f)
{
    struct fat_file *file, *next;
    int err = 0;

    list_for_each_entry_safe(file, next, &f->dirty, link) {
        err = fat_entry_write(f, file);
        if (err)
            break;
        list_del(&file->link);
        list_init(&file->link);
    }
    return err;
}

int
fat_commit(struct fat *f)
{
    int err;

    if (f->failed)
        return -EIO;
    if (!f->changed)
        return flush(f);
    err = entries_write(f);
    if (!err)
        err = step(f, STAGE_DATA);
    if (!err)
        err = step(f, STAGE_TABLE);
    if (!err)
        err = joins_write(f);
    if (!err)
        err = step(f, STAGE_ENTRY);
    if (err)
        return err == -ENOMEM ? err : fail(f, err);
    f->era++;
    f->changed = false;
    err = leftovers(f);
    return err ? fail(f, err) : 0;
}

int
fat_sync(struct fat *f)
{
    int err = fat_commit(f);

    for (int i = 0; i < SYNC_TURNS && f->changed && !err; i++)
        err = fat_commit(f);
    return err;
}

int
fat_close(struct fat *f)
{
    int err = fat_sync(f);

    if (err || !f->marked)
        return err;
    err = fat_space_write(f);
    if (!err)
        err = step(f, STAGE_TABLE);
    if (!err && !f->was_dirty) {
        err = fat_mark(f, false);
        if (!err)
            err = step(f, STAGE_TABLE);
        f->marked = err != 0;
    }
    f->changed = false;
    return err ? fail(f, err) : 0;
}

void
fat_forget(struct fat *f)
{
    (void)fat_memory(f->freed, f->freed_room * sizeof(*f->freed), 0);
    (void)fat_memory(f->joins.link, f->joins.room * sizeof(*f->joins.link), 0);
    (void)fat_memory(f->cuts.link, f->cuts.room * sizeof(*f->cuts.link), 0);
    f->freed = NULL;
    f->joins = f->cuts = (struct fat_links){NULL, 0, 0};
    f->freed_count = f->freed_room = f->freed_clusters = 0;
    fat_space_free(f);
}
