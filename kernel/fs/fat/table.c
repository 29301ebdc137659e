/* Entries of the FAT (overview, 4). */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"

#define ENTRY_32   0x0fffffffu /* the upper four bits are reserved */
#define BAD_12     0xff7u
#define FLAGS_LEFT 1u /* the cluster number whose entry has the flags */

/* The view shows block `index` from now on. */
static int
view_move(struct fat *f, struct fat_view *v, uint64_t index)
{
    int err;

    if (v->held && v->index == index)
        return 0;
    fat_view_end(f, v);
    err = f->io->get(f->context, index, &v->hold);
    v->held = !err;
    v->index = index;
    return err;
}

void
fat_view_end(struct fat *f, struct fat_view *v)
{
    if (v->held)
        f->io->put(f->context, &v->hold);
    v->held = false;
}

/* The number in a cluster's entry; of 12 bits it may lie in two blocks. */
static int
entry_view(struct fat *f, struct fat_view *v, uint32_t cluster, uint32_t *value)
{
    uint64_t position = f->g.fat_start + f->g.active * f->g.fat_size +
                        (f->g.bits == 12 ? cluster + cluster / 2 : (uint64_t)cluster * (f->g.bits / 8));
    int err = view_move(f, v, position / FAT_BLOCK);
    const uint8_t *at;
    uint8_t two[2];

    if (err)
        return err;
    at = v->hold.bytes + position % FAT_BLOCK;
    if (f->g.bits == 32) {
        *value = get_le32(at) & ENTRY_32;
        return 0;
    }
    two[0] = at[0];
    if (position % FAT_BLOCK == FAT_BLOCK - 1) {
        err = view_move(f, v, position / FAT_BLOCK + 1);
        two[1] = err ? 0 : v->hold.bytes[0];
    } else {
        two[1] = at[1];
    }
    *value = get_le16(two);
    if (f->g.bits == 12)
        *value = cluster & 1 ? *value >> 4 : *value & 0xfff;
    return err;
}

static int
entry_read(struct fat *f, uint32_t cluster, uint32_t *value)
{
    struct fat_view v = {.held = false};
    int err = entry_view(f, &v, cluster, value);

    fat_view_end(f, &v);
    return err;
}

/* All ones in the bits of an entry. */
static uint32_t
ones(const struct fat *f)
{
    return f->g.bits == 32 ? ENTRY_32 : (1u << f->g.bits) - 1;
}

int
fat_next(struct fat *f, struct fat_view *v, uint32_t cluster, int64_t *next)
{
    uint32_t value, bad = ones(f) - 8;
    char text[FAT_WHY];
    int err = entry_view(f, v, cluster, &value);

    if (err)
        return err;
    if (fat_is_cluster(f, value))
        *next = value;
    else if (value > bad)
        *next = FAT_END;
    else if (value == bad)
        *next = FAT_BAD;
    else if (value == 0)
        *next = FAT_FREE;
    else
        err = -EIO;
    if (err) {
        snprintf(text, sizeof(text), "cluster %u leads to %u, and the volume has 2 to %u", cluster, value,
                 f->g.clusters + 1);
        f->io->complain(f->context, text);
    }
    return err;
}

/* ---- changes ---- */

#define DIRTY_16    0x25u /* of the boot sector: a byte whose bit 0 says that the volume is in use */
#define DIRTY_32    0x41u
#define FLAG_BIT_16 15u /* of cluster 1's entry: set when it is not */
#define FLAG_BIT_32 27u

/* Bytes of an entry; 12 bits have two, which they share with others. */
static unsigned
width(const struct fat *f)
{
    return f->g.bits == 32 ? 4 : 2;
}

/* Where a cluster's entry begins in a FAT. */
static uint64_t
offset_of(const struct fat *f, uint32_t cluster)
{
    return f->g.bits == 12 ? cluster + cluster / 2 : (uint64_t)cluster * width(f);
}

/* The copies that are written: all, or the active one. */
static bool
is_written(const struct fat *f, unsigned copy)
{
    return f->g.mirrored || copy == f->g.active;
}

static void
entry_put(const struct fat *f, uint8_t *at, uint32_t value)
{
    if (f->g.bits == 32)
        put_le32(at, (get_le32(at) & ~ENTRY_32) | value);
    else
        put_le16(at, (uint16_t)value);
}

/* One byte of a 12-bit entry: those of its bits that `mask` has. */
static int
byte_put(struct fat *f, uint64_t position, uint8_t value, uint8_t mask)
{
    struct fat_hold h;
    uint8_t *at;
    int err = fat_edit(f, position, 1, DIRT_TABLE, &h, &at);

    if (err)
        return err;
    *at = (uint8_t)((*at & ~mask) | (value & mask));
    f->io->put(f->context, &h);
    return 0;
}

static int
entry_put_12(struct fat *f, uint64_t fat, uint32_t cluster, uint32_t value)
{
    uint64_t at = fat + offset_of(f, cluster);
    bool odd = cluster & 1;
    int err = byte_put(f, at, (uint8_t)(odd ? value << 4 : value), odd ? 0xf0 : 0xff);

    return err ? err : byte_put(f, at + 1, (uint8_t)(odd ? value >> 4 : value >> 8), odd ? 0xff : 0x0f);
}

/* What is put into entries of clusters that follow one another. */
struct filling {
    bool chained;  /* each leads to the one behind it; else all are free */
    uint32_t last; /* of a chain: what the last one has */
};

static uint32_t
filling_value(const struct filling *l, uint32_t cluster, uint32_t left)
{
    return !l->chained ? 0 : left == 1 ? l->last : cluster + 1;
}

/* Of one copy of the FAT. */
static int
copy_fill(struct fat *f, unsigned copy, uint32_t cluster, uint32_t count, const struct filling *l)
{
    uint64_t fat = f->g.fat_start + copy * f->g.fat_size;
    unsigned each = width(f);
    int err = 0;

    for (; count && !err && f->g.bits == 12; cluster++, count--)
        err = entry_put_12(f, fat, cluster, filling_value(l, cluster, count));
    while (count && !err) {
        uint64_t position = fat + offset_of(f, cluster);
        uint32_t n = MIN(count, (uint32_t)(FAT_BLOCK - position % FAT_BLOCK) / each);
        struct fat_hold h;
        uint8_t *at;

        err = fat_edit(f, position, n * each, DIRT_TABLE, &h, &at);
        if (err)
            break;
        for (; n; n--, count--, cluster++, at += each)
            entry_put(f, at, filling_value(l, cluster, count));
        f->io->put(f->context, &h);
    }
    return err;
}

static int
fill(struct fat *f, uint32_t first, uint32_t count, const struct filling *l)
{
    int err = 0;

    for (unsigned copy = 0; copy < f->g.fats && !err; copy++)
        if (is_written(f, copy))
            err = copy_fill(f, copy, first, count, l);
    return err;
}

int
fat_table_chain(struct fat *f, uint32_t first, uint32_t count, uint32_t last)
{
    return fill(f, first, count, &(struct filling){true, last ? last : ones(f)});
}

int
fat_table_clear(struct fat *f, uint32_t first, uint32_t count)
{
    return fill(f, first, count, &(struct filling){false, 0});
}

bool
fat_table_is_near(const struct fat *f, uint32_t cluster, uint32_t first, uint32_t count)
{
    uint64_t low = offset_of(f, MIN(cluster, first)),
             high = offset_of(f, MAX(cluster, first + count - 1)) + width(f) - 1;

    return (f->g.fat_start + low) / DIRT_SECTOR == (f->g.fat_start + high) / DIRT_SECTOR;
}

/* ---- what is free ---- */

/* A 12-bit entry in two sectors cannot be changed at once: such a cluster is not given to anybody. */
static bool
is_usable(const struct fat *f, uint32_t cluster)
{
    return f->g.bits != 12 || fat_table_is_near(f, cluster, cluster, 1);
}

/* Entries of clusters that follow one another, as far as one block has them. */
struct entries {
    struct fat_hold hold;
    const uint8_t *at;
    uint32_t count;
};

/* Not for 12 bits. */
static int
entries_get(struct fat *f, uint32_t cluster, uint32_t count, struct entries *e)
{
    uint64_t position = f->g.fat_start + f->g.active * f->g.fat_size + offset_of(f, cluster);
    uint32_t room = (uint32_t)(FAT_BLOCK - position % FAT_BLOCK) / width(f);
    int err = f->io->get(f->context, position / FAT_BLOCK, &e->hold);

    e->at = e->hold.bytes + position % FAT_BLOCK;
    e->count = MIN(count, room);
    return err;
}

static bool
is_free(const struct fat *f, const uint8_t *at)
{
    return f->g.bits == 32 ? !(get_le32(at) & ENTRY_32) : !get_le16(at);
}

/* The first cluster in [from, until) that is free, or is not; until: none. */
static int
search(struct fat *f, uint32_t from, uint32_t until, bool free, uint32_t *found)
{
    uint32_t value;
    int err = 0;

    while (from < until && !err && f->g.bits == 12) {
        err = entry_read(f, from, &value);
        if (!err && (value == 0 && is_usable(f, from)) == free)
            break;
        from += !err;
    }
    while (from < until && !err && f->g.bits != 12) {
        struct entries e;
        uint32_t i = 0;

        err = entries_get(f, from, until - from, &e);
        if (err)
            break;
        while (i < e.count && is_free(f, e.at + (size_t)i * width(f)) != free)
            i++;
        f->io->put(f->context, &e.hold);
        from += i;
        if (i < e.count)
            break;
    }
    *found = from;
    return err;
}

int
fat_table_find(struct fat *f, uint32_t from, uint32_t until, uint32_t most, uint32_t *cluster,
               uint32_t *count)
{
    uint32_t end;
    int err = search(f, from, until, true, cluster);

    *count = 0;
    if (err || *cluster == until)
        return err;
    err = search(f, *cluster, MIN(until, *cluster + MIN(most, until - *cluster)), false, &end);
    *count = end - *cluster;
    return err;
}

int
fat_table_count(struct fat *f, uint32_t first, uint32_t count, uint32_t *free)
{
    uint32_t at = first, until = first + count, run;
    int err = 0;

    *free = 0;
    while (at < until && !err) {
        uint32_t cluster;

        err = fat_table_find(f, at, until, until - at, &cluster, &run);
        *free += err ? 0 : run;
        at = run ? cluster + run : until;
    }
    return err;
}

/* ---- is the volume in use? ---- */

int
fat_flags(struct fat *f, bool *clean, bool *no_errors)
{
    uint32_t value, top = f->g.bits == 32 ? FLAG_BIT_32 : FLAG_BIT_16;
    struct fat_hold h;
    int err = entry_read(f, FLAGS_LEFT, &value);

    *clean = f->g.bits == 12 || err || value >> top & 1;
    *no_errors = f->g.bits == 12 || err || value >> (top - 1) & 1;
    if (!err)
        err = f->io->get(f->context, 0, &h);
    if (err)
        return err;
    *clean &= !(h.bytes[f->g.bits == 32 ? DIRTY_32 : DIRTY_16] & 1);
    f->io->put(f->context, &h);
    return 0;
}

/* The same of the boot sector, which is all that FAT12 has. */
static int
boot_flag_set(struct fat *f, bool in_use)
{
    struct fat_hold h;
    uint8_t *at;
    int err = fat_edit(f, f->g.bits == 32 ? DIRTY_32 : DIRTY_16, 1, DIRT_TABLE, &h, &at);

    if (err)
        return err;
    *at = (uint8_t)((*at & ~1u) | in_use);
    f->io->put(f->context, &h);
    return 0;
}

int
fat_mark(struct fat *f, bool in_use)
{
    uint32_t value, bit = 1u << (f->g.bits == 32 ? FLAG_BIT_32 : FLAG_BIT_16);
    int err = boot_flag_set(f, in_use);

    if (err || f->g.bits == 12)
        return err;
    err = entry_read(f, FLAGS_LEFT, &value);
    if (err)
        return err;
    value = in_use ? value & ~bit : value | bit;
    return fill(f, FLAGS_LEFT, 1, &(struct filling){true, value});
}
