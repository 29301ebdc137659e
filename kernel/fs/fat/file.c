/* Files and directories: made, grown, cut, removed. What they must not do to the medium before its time is order.c's. */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define DEPTH_MOST 256u /* directories above one that are looked at */

int
fat_file_touch(struct fat *f, struct fat_file *file)
{
    struct fat_hold h;
    uint8_t *at;
    int err;

    file->dirty_era = f->era; /* also the root's, which has no entry: its own content has changed */
    if (!file->entry)
        return 0;
    if (!list_empty(&file->link))
        return 0;
    err = fat_edit(f, file->entry, FAT_ENTRY, DIRT_ENTRY, &h, &at);
    if (err)
        return err;
    f->io->put(f->context, &h);
    list_add_tail(&f->dirty, &file->link);
    return 0;
}

int
fat_cluster_clear(struct fat *f, uint32_t cluster, enum dirt_kind kind)
{
    uint64_t position = fat_position(f, cluster), end = position + f->g.cluster;
    int err = 0;

    while (position < end && !err) {
        uint32_t offset = (uint32_t)(position % FAT_BLOCK),
                 size = (uint32_t)MIN(end - position, (uint64_t)(FAT_BLOCK - offset));
        struct fat_hold h;
        uint8_t sectors = (uint8_t)((0xffu << offset / DIRT_SECTOR) &
                                    (0xffu >> (DIRT_SECTORS - (offset + size) / DIRT_SECTOR)));

        err = size == FAT_BLOCK ? f->io->fresh(f->context, position / FAT_BLOCK, &h)
                                : f->io->get(f->context, position / FAT_BLOCK, &h);
        if (err)
            break;
        err = f->io->dirty(f->context, position / FAT_BLOCK, &h, sectors, kind);
        if (!err)
            memset(h.bytes + offset, 0, size);
        f->io->put(f->context, &h);
        position += size;
    }
    f->changed = true;
    return err;
}

int
fat_cluster_copy(struct fat *f, uint32_t from, uint32_t to)
{
    uint64_t source = fat_position(f, from), target = fat_position(f, to);
    int err = 0;

    for (uint32_t i = 0; i < f->g.cluster && !err; i += DIRT_SECTOR) {
        struct fat_hold a, b;
        uint8_t *at;

        err = f->io->get(f->context, (source + i) / FAT_BLOCK, &a);
        if (err)
            break;
        err = fat_edit(f, target + i, DIRT_SECTOR, DIRT_DATA, &b, &at);
        if (!err) {
            memcpy(at, a.bytes + (source + i) % FAT_BLOCK, DIRT_SECTOR);
            f->io->put(f->context, &b);
        }
        f->io->put(f->context, &a);
    }
    return err;
}

/* ---- clusters ---- */

/* The chain's last cluster leads to new ones, whose own entries are written. */
static int
chain_join(struct fat *f, struct fat_file *file, uint32_t first, uint32_t count)
{
    uint32_t last = file->dir.chain.last;
    int err;

    if (file->loose_era == f->era || fat_table_is_near(f, last, first, count))
        return fat_table_chain(f, last, 1, first);
    err = fat_join(f, last, first);
    if (!err)
        file->loose_era = f->era;
    return err;
}

/* One run more, of at most `want` clusters. */
static int
chain_extend(struct fat *f, struct fat_file *file, uint32_t want, uint32_t *got)
{
    struct fat_chain *c = &file->dir.chain;
    uint32_t cluster, length = c->length;
    int err = fat_alloc(f, length ? c->last + 1 : 0, want, &cluster, got);

    if (err)
        return err;
    err = fat_chain_append(c, cluster, *got);
    if (err)
        goto undo;
    err = fat_table_chain(f, cluster, *got, 0);
    fat_chain_cut(c, length);
    if (!err && length)
        err = chain_join(f, file, cluster, *got);
    if (!err && !length)
        err = fat_file_touch(f, file);
    if (err) {
        (void)fat_table_clear(f, cluster, *got);
        goto undo;
    }
    if (!length)
        file->loose_era = f->era;
    (void)fat_chain_append(c, cluster, *got); /* there is room: it was done before */
    return 0;
undo:
    fat_alloc_undo(f, cluster, *got);
    return err;
}

/* What is written behind its end would be read as what was there before. */
static int
too_short(struct fat *f, const struct fat_file *file, uint32_t length)
{
    char text[FAT_WHY];

    snprintf(text, sizeof(text), "a file of %u bytes has %u clusters of %u bytes", file->size, length,
             f->g.cluster);
    f->io->complain(f->context, text);
    return -EIO;
}

int
fat_file_grow(struct fat *f, struct fat_file *file, uint64_t size)
{
    uint64_t need = DIV_ROUND_UP(size, (uint64_t)f->g.cluster);
    uint32_t length = 0, got;
    int err = fat_chain_end(f, &file->dir.chain, &length);

    if (!err && !file->is_directory && length < DIV_ROUND_UP((uint64_t)file->size, (uint64_t)f->g.cluster))
        err = too_short(f, file, length);
    if (!err && length < need && length && fat_is_cut(f, file->dir.chain.last)) {
        err = fat_commit(f);
        if (!err && fat_is_cut(f, file->dir.chain.last))
            err = -ENOMEM; /* which is why it is left */
    }
    while (!err && length < need) {
        err = chain_extend(f, file, (uint32_t)(need - length), &got);
        if (err == -ENOSPC && f->freed_count) { /* what was given up is free behind a commit */
            err = fat_commit(f);
            continue;
        }
        length += err ? 0 : got;
    }
    if (!err)
        file->dirty_era = f->era;
    return err;
}

void
fat_file_ungrow(struct fat *f, struct fat_file *file, uint32_t length)
{
    struct fat_chain *c = &file->dir.chain;

    while (c->length > length) { /* what was changed is in memory, and is dirty: nothing here can fail */
        uint32_t last = c->last;

        fat_chain_cut(c, c->length - 1);
        if (c->length && !fat_unjoin(f, c->last, 1))
            (void)fat_table_chain(f, c->last, 1, 0);
        (void)fat_free(f, last, 1);
    }
}

/* All clusters from index `keep` on. */
static int
chain_give_up(struct fat *f, struct fat_chain *c, uint32_t keep)
{
    int err = 0;

    for (uint32_t i = 0; i < c->runs && !err; i++) {
        const struct fat_run *r = &c->run[i];
        uint32_t skip = keep > r->index ? keep - r->index : 0;

        if (skip >= r->count)
            continue;
        err = fat_give_up(f, r->cluster + skip, r->count - skip);
        if (!err)
            (void)fat_unjoin(f, r->cluster + skip, r->count - skip);
    }
    return err;
}

/* The first cluster behind index `keep`. */
static uint32_t
cluster_at(const struct fat_chain *c, uint32_t index)
{
    uint32_t i = c->runs;

    while (i > 1 && c->run[i - 1].index > index)
        i--;
    return c->run[i - 1].cluster + (index - c->run[i - 1].index);
}

int
fat_file_cut(struct fat *f, struct fat_file *file, uint32_t size)
{
    struct fat_chain *c = &file->dir.chain;
    uint32_t keep = (uint32_t)DIV_ROUND_UP((uint64_t)size, (uint64_t)f->g.cluster), length = 0, last = 0;
    int err = fat_chain_end(f, c, &length);

    if (!err)
        err = fat_reserve(f, c->runs + 1);
    if (!err)
        err = fat_file_touch(f, file);
    if (err)
        return err;
    if (length > keep && keep) {
        last = cluster_at(c, keep - 1);
        if (fat_unjoin(f, last, 1)) {
            file->loose_era = 0; /* the medium knows the end that it has now */
        } else {
            (void)fat_cut(f, last, cluster_at(c, keep));
            file->cut_era = f->era;
        }
    }
    if (length > keep) {
        (void)chain_give_up(f, c, keep);
        fat_chain_cut(c, keep);
    }
    file->size = size;
    return 0;
}

/* ---- names ---- */

/* "." and ".." of a new directory. */
static int
dots_write(struct fat *f, const struct fat_file *file, const struct fat_file *parent)
{
    struct fat_file up = *file;
    struct fat_hold h;
    uint8_t *at;
    int err = fat_cluster_clear(f, file->dir.chain.first, DIRT_DATA);

    if (!err)
        err = fat_edit(f, fat_position(f, file->dir.chain.first), 2 * FAT_ENTRY, DIRT_DATA, &h, &at);
    if (err)
        return err;
    up.dir.chain.first = parent->entry ? parent->dir.chain.first : 0; /* 0: the root */
    memcpy(at, ".          ", 11);
    fat_entry_encode(f, file, at);
    memcpy(at + FAT_ENTRY, "..         ", 11);
    fat_entry_encode(f, &up, at + FAT_ENTRY);
    f->io->put(f->context, &h);
    return 0;
}

int
fat_directory_begin(struct fat *f, struct fat_file *file, const struct fat_file *parent)
{
    int err = fat_file_grow(f, file, 1);

    return err ? err : dots_write(f, file, parent);
}

static void
touch_times(struct fat *f, struct fat_file *dir)
{
    dir->modified = f->io->now(f->context);
    (void)fat_file_touch(f, dir); /* a time is not worth failing for */
}

int
fat_file_make(struct fat *f, struct fat_file *dir, const char *name, size_t length, struct fat_file *file,
              struct fat_entry *e)
{
    struct fat_new_name n;
    int err = fat_name_parse(name, length, &n);

    if (!err)
        err = fat_begin(f);
    if (!err) {
        file->born = file->modified = file->accessed = f->io->now(f->context);
        file->made_era = f->era;
        file->dirty_era = f->era;
        if (file->is_directory)
            err = fat_directory_begin(f, file, dir);
    }
    if (!err)
        err = fat_entry_add(f, dir, &n, file, NULL, e);
    if (!err)
        touch_times(f, dir);
    else if (file->dir.chain.first)
        (void)chain_give_up(f, &file->dir.chain, 0); /* else they are lost until fsck.fat */
    return err;
}

/* The first cluster of the directory above one, by its ".."; 0: the root. */
static int
parent_of(struct fat *f, uint32_t first, uint32_t *above)
{
    uint64_t position = fat_position(f, first) + FAT_ENTRY;
    struct fat_hold h;
    const uint8_t *at;
    int err = f->io->get(f->context, position / FAT_BLOCK, &h);

    if (err)
        return err;
    at = h.bytes + position % FAT_BLOCK;
    *above = memcmp(at, "..         ", 11) ? 0 : get_le16(at + DIR_CLUSTER);
    if (*above && f->g.bits == 32)
        *above |= (uint32_t)get_le16(at + DIR_CLUSTER_HIGH) << 16;
    f->io->put(f->context, &h);
    return 0;
}

int
fat_dir_check(struct fat *f, const struct fat_file *dir, const struct fat_entry *e)
{
    uint32_t above = dir->entry ? dir->dir.chain.first : 0;
    bool bad = !fat_is_cluster(f, e->first) || (f->g.bits == 32 && e->first == f->g.root_cluster);
    char text[FAT_WHY];
    int err = 0;

    for (unsigned depth = 0; !bad && !err && depth < DEPTH_MOST && fat_is_cluster(f, above); depth++) {
        bad = above == e->first;
        err = parent_of(f, above, &above);
    }
    if (err || !bad)
        return err;
    snprintf(text, sizeof(text), "the directory in cluster %u is no directory, or above itself", e->first);
    f->io->complain(f->context, text);
    return -EIO;
}

int
fat_dir_is_empty(struct fat *f, struct fat_dir *d)
{
    struct fat_entry e;
    uint32_t slot = 0;
    int err = fat_dir_next(f, d, &slot, &e);

    return err == -ENOENT ? 0 : err ? err : -ENOTEMPTY;
}

int
fat_file_unlink(struct fat *f, struct fat_file *dir, const struct fat_entry *e, struct fat_file *file)
{
    int err = fat_begin(f);

    if (!err && file->is_directory)
        err = fat_dir_is_empty(f, &file->dir);
    if (!err)
        err = fat_entry_remove(f, dir, e);
    if (err)
        return err;
    file->entry = 0;
    list_del(&file->link);
    list_init(&file->link);
    touch_times(f, dir);
    return 0;
}

int
fat_file_drop(struct fat *f, struct fat_file *file, bool removed)
{
    bool waits = (file->loose_era == f->era && f->joins.count) || file->cut_era == f->era;
    uint32_t length = 0;
    int err = 0;

    if (removed && !f->read_only && file->dir.chain.first) {
        err = fat_chain_end(f, &file->dir.chain, &length);
        if (!err)
            err = chain_give_up(f, &file->dir.chain, 0);
    } else if (!removed && waits && !f->failed) {
        err = fat_commit(f);
    }
    if (!list_empty(&file->link)) {
        if (!removed)
            err = fat_entry_write(f, file);
        list_del(&file->link);
        list_init(&file->link);
    }
    fat_index_free(&file->dir);
    fat_chain_free(&file->dir.chain);
    return err;
}
