/* Entries of directories (overview, 6). */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/civil.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define NS          INT64_C(1000000000)
#define ATTRIBUTES  0x3fu
#define YEAR_FIRST  1980
#define CLUSTER_TOP 0x0fffffffu

/* Date, time and hundredths of a second of the medium, which are taken as UTC. 0: no such time. */
static int64_t
time_decode(uint16_t date, uint16_t time, uint8_t hundredths)
{
    struct civil_time t = {.year = YEAR_FIRST + (date >> 9),
                           .month = date >> 5 & 15,
                           .day = date & 31,
                           .hour = (uint8_t)(time >> 11),
                           .minute = time >> 5 & 63,
                           .second = (uint8_t)((time & 31) * 2)};

    if (!civil_valid(&t))
        return 0;
    return civil_to_unix(&t) * NS + (hundredths < 200 ? hundredths : 0) * (NS / 100);
}

/* ---- slots ---- */

/* Slots from `slot` on that lie in one block. */
struct slots {
    struct fat_hold hold;
    const uint8_t *entry;
    uint32_t count;
};

/* *left: bytes that follow there. */
static int
place(struct fat *f, struct fat_dir *d, uint32_t slot, uint64_t *position, uint64_t *left)
{
    uint64_t at = (uint64_t)slot * FAT_ENTRY;
    uint32_t cluster, count;
    int err;

    if (slot >= FAT_DIR_ENTRIES)
        return -ENOENT;
    if (d->is_root_area) {
        if (at >= f->g.root_size)
            return -ENOENT;
        *position = f->g.root_start + at;
        *left = f->g.root_size - at;
        return 0;
    }
    err = fat_walk(f, &d->chain, (uint32_t)(at / f->g.cluster), 1, &cluster, &count);
    if (err)
        return err == -ENODATA ? -ENOENT : err;
    *position = fat_position(f, cluster) + at % f->g.cluster;
    *left = f->g.cluster - at % f->g.cluster;
    return 0;
}

int
fat_dir_position(struct fat *f, struct fat_dir *d, uint32_t slot, uint64_t *position)
{
    uint64_t left;

    return place(f, d, slot, position, &left);
}

/* -ENOENT: the directory ends before. */
static int
slots_get(struct fat *f, struct fat_dir *d, uint32_t slot, struct slots *s)
{
    uint64_t position, left;
    uint32_t offset;
    int err = place(f, d, slot, &position, &left);

    if (err)
        return err;
    err = f->io->get(f->context, position / FAT_BLOCK, &s->hold);
    if (err)
        return err;
    offset = (uint32_t)(position % FAT_BLOCK);
    s->entry = s->hold.bytes + offset;
    s->count = (uint32_t)(MIN(left, (uint64_t)(FAT_BLOCK - offset)) / FAT_ENTRY);
    return 0;
}

static bool
is_label(const uint8_t *e)
{
    return (e[DIR_ATTRIBUTES] & (FAT_LABEL | FAT_DIRECTORY)) == FAT_LABEL;
}

static bool
is_dot(const uint8_t *e)
{
    return !memcmp(e, ".          ", 11) || !memcmp(e, "..         ", 11);
}

/* -- what an entry says */

static void
entry_decode(const struct fat *f, const uint8_t *e, const struct fat_lfn *l, struct fat_entry *out)
{
    out->length = fat_name(l, e, out->name);
    out->short_length = fat_short_name(e, out->short_name);
    out->attributes = e[DIR_ATTRIBUTES] & ATTRIBUTES;
    out->first = get_le16(e + DIR_CLUSTER);
    if (f->g.bits == 32)
        out->first |= (uint32_t)get_le16(e + DIR_CLUSTER_HIGH) << 16;
    out->size = out->attributes & FAT_DIRECTORY ? 0 : get_le32(e + DIR_SIZE);
    out->born = time_decode(get_le16(e + DIR_BORN_DATE), get_le16(e + DIR_BORN_TIME), e[DIR_BORN_HUNDREDTHS]);
    out->modified = time_decode(get_le16(e + DIR_DATE), get_le16(e + DIR_TIME), 0);
    out->accessed = time_decode(get_le16(e + DIR_ACCESSED_DATE), 0, 0);
}

/* One slot. Returns: 0: a file or directory, in *out; -EAGAIN: not yet; -ENOENT: the end */
static int
slot_take(const struct fat *f, const uint8_t *e, uint32_t slot, struct fat_lfn *l, struct fat_entry *out)
{
    int found = -EAGAIN;

    if (e[0] == 0)
        return -ENOENT;
    if (e[0] != FAT_DELETED && (e[DIR_ATTRIBUTES] & ATTRIBUTES) == FAT_LONG) {
        if (!l->left)
            out->first_slot = slot;
        fat_lfn_add(l, e);
        return -EAGAIN;
    }
    if (e[0] != FAT_DELETED && !is_label(e) && !is_dot(e)) {
        bool has_long = l->complete && l->checksum == fat_checksum(e);

        entry_decode(f, e, l, out);
        out->slot = slot;
        out->first_slot = has_long ? out->first_slot : slot;
        found = out->length ? 0 : -EAGAIN;
    }
    l->left = 0;
    l->complete = false;
    return found;
}

int
fat_dir_next(struct fat *f, struct fat_dir *d, uint32_t *slot, struct fat_entry *e)
{
    struct fat_lfn l = {.left = 0};
    int err = -EAGAIN;

    while (err == -EAGAIN) {
        struct slots s;

        err = slots_get(f, d, *slot, &s);
        if (err)
            break;
        err = -EAGAIN;
        for (uint32_t i = 0; i < s.count && err == -EAGAIN; i++, ++*slot)
            err = slot_take(f, s.entry + (size_t)i * FAT_ENTRY, *slot, &l, e);
        f->io->put(f->context, &s.hold);
    }
    return err;
}

int
fat_dir_used(struct fat *f, struct fat_dir *d, uint32_t first, uint16_t *used, uint32_t *end)
{
    struct slots s;
    int err = slots_get(f, d, first, &s);

    if (err)
        return err;
    *used = 0;
    for (*end = 0; *end < MIN(s.count, FAT_SECTOR_SLOTS) && s.entry[(size_t)*end * FAT_ENTRY]; ++*end) {
        const uint8_t *e = s.entry + (size_t)*end * FAT_ENTRY;

        if (e[0] != FAT_DELETED && (e[DIR_ATTRIBUTES] & ATTRIBUTES) != FAT_LONG)
            *used |= (uint16_t)(1u << *end);
    }
    f->io->put(f->context, &s.hold);
    return 0;
}

static bool
is_named(const struct fat_entry *e, const char *name, size_t length)
{
    return fat_names_match(name, length, e->name, e->length) ||
           fat_names_match(name, length, e->short_name, e->short_length);
}

int
fat_dir_find(struct fat *f, struct fat_dir *d, const char *name, size_t length, struct fat_entry *e)
{
    uint32_t slot = 0, cursor = 0, hash = fat_name_hash(name, length);
    int err = 0;

    while (d->index && !err && fat_index_next(d->index, hash, &cursor, &slot)) {
        err = fat_dir_next(f, d, &slot, e);
        if (!err && is_named(e, name, length))
            return 0;
    }
    if (d->index)
        return err ? err : -ENOENT;
    while ((err = fat_dir_next(f, d, &slot, e)) == 0)
        if (is_named(e, name, length))
            return 0;
    return err;
}

int
fat_dir_label(struct fat *f, struct fat_dir *root, char label[FAT_LABEL_BYTES + 1])
{
    uint32_t slot = 0;
    int err = 0;

    label[0] = 0;
    while (!err) {
        struct slots s;

        err = slots_get(f, root, slot, &s);
        if (err)
            break;
        for (uint32_t i = 0; i < s.count && !err; i++) {
            const uint8_t *e = s.entry + (size_t)i * FAT_ENTRY;

            if (e[0] != 0 && e[0] != FAT_DELETED && is_label(e))
                fat_label(e, label);
            err = e[0] == 0 || label[0] ? -ENOENT : 0;
        }
        slot += s.count;
        f->io->put(f->context, &s.hold);
    }
    return err == -ENOENT ? 0 : err;
}
