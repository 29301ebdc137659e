/*
 * Entries put into directories, changed and taken out. A name's entries go into one sector of 512 bytes if they fit there, so that
 * the medium has all of them or none.
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/civil.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define NS         INT64_C(1000000000)
#define YEAR_FIRST 1980
#define YEAR_LAST  2107

/* ---- what an entry says ---- */

struct stamp {
    uint16_t date, time;
    uint8_t hundredths;
};

/* As the medium has it: 1980 to 2107, 2 seconds, and 10 ms beside them. */
static struct stamp
time_encode(int64_t ns)
{
    int64_t seconds = ns / NS - (ns % NS < 0);
    struct civil_time t;

    civil_from_unix(seconds, &t);
    if (t.year < YEAR_FIRST)
        return (struct stamp){.date = 1 << 5 | 1};
    if (t.year > YEAR_LAST)
        return (struct stamp){0xff9f, 0xbf7d, 199};
    return (
        struct stamp){.date = (uint16_t)((t.year - YEAR_FIRST) << 9 | t.month << 5 | t.day),
                      .time = (uint16_t)(t.hour << 11 | t.minute << 5 | t.second / 2),
                      .hundredths = (uint8_t)((t.second % 2 ? 100 : 0) + (ns - seconds * NS) / (NS / 100))};
}

void
fat_entry_encode(const struct fat *f, const struct fat_file *file, uint8_t *entry)
{
    struct stamp born = time_encode(file->born),
                 modified = file->modified == file->born ? born : time_encode(file->modified),
                 accessed = file->accessed == file->born ? born : time_encode(file->accessed);
    uint32_t first = file->dir.chain.first;

    entry[DIR_ATTRIBUTES] = file->attributes;
    entry[DIR_BORN_HUNDREDTHS] = born.hundredths;
    put_le16(entry + DIR_BORN_TIME, born.time);
    put_le16(entry + DIR_BORN_DATE, born.date);
    put_le16(entry + DIR_ACCESSED_DATE, accessed.date);
    put_le16(entry + DIR_CLUSTER_HIGH, f->g.bits == 32 ? (uint16_t)(first >> 16) : 0);
    put_le16(entry + DIR_TIME, modified.time);
    put_le16(entry + DIR_DATE, modified.date);
    put_le16(entry + DIR_CLUSTER, (uint16_t)first);
    put_le32(entry + DIR_SIZE, file->is_directory ? 0 : file->size);
}

int
fat_entry_write(struct fat *f, const struct fat_file *file)
{
    struct fat_hold h;
    uint8_t *at;
    int err = fat_edit(f, file->entry, FAT_ENTRY, DIRT_ENTRY, &h, &at);

    if (err)
        return err;
    fat_entry_encode(f, file, at);
    f->io->put(f->context, &h);
    return 0;
}

/* ---- room ---- */

/* One more cluster of zeros at a directory's end. */
static int
directory_grow(struct fat *f, struct fat_file *dir)
{
    uint64_t bytes = (uint64_t)dir->dir.chain.length * f->g.cluster;
    int err;

    if (dir->dir.is_root_area || bytes / FAT_ENTRY >= FAT_DIR_ENTRIES)
        return -ENOSPC;
    err = fat_file_grow(f, dir, bytes + 1);
    if (err)
        return err;
    err = fat_cluster_clear(f, dir->dir.chain.last, DIRT_FRESH);
    if (err)
        fat_file_ungrow(f, dir, (uint32_t)(bytes / f->g.cluster));
    else
        fat_index_extend(dir->dir.index, (uint32_t)((bytes + f->g.cluster) / FAT_ENTRY));
    return err;
}

/* Nobody uses it, and the directory does not end there. */
static int
slot_delete(struct fat *f, struct fat_file *dir, uint32_t slot)
{
    struct fat_hold h;
    uint64_t position;
    uint8_t *at;
    int err = fat_dir_position(f, &dir->dir, slot, &position);

    if (!err)
        err = fat_edit(f, position, FAT_ENTRY, DIRT_ENTRY, &h, &at);
    if (err)
        return err;
    at[0] = FAT_DELETED;
    f->io->put(f->context, &h);
    return 0;
}

/* Slots that nobody uses, up to the next sector: they are not the directory's end any more. */
static int
slots_skip(struct fat *f, struct fat_file *dir, uint32_t first, uint32_t count)
{
    int err = 0;

    for (uint32_t i = 0; i < count && !err; i++)
        err = slot_delete(f, dir, first + i);
    return err;
}

/* `n` slots for a name. */
static int
room_find(struct fat *f, struct fat_file *dir, uint32_t n, uint32_t *slot)
{
    uint32_t end = fat_index_end(dir->dir.index), skip;
    int err = 0;

    *slot = fat_index_room(dir->dir.index, n);
    if (*slot != UINT32_MAX)
        return 0;
    skip = end % FAT_SECTOR_SLOTS + n > FAT_SECTOR_SLOTS && n <= FAT_SECTOR_SLOTS
               ? (FAT_SECTOR_SLOTS - end % FAT_SECTOR_SLOTS) % FAT_SECTOR_SLOTS
               : 0;
    if (dir->dir.is_root_area && end + skip + n > fat_index_slots(dir->dir.index))
        skip = 0; /* it cannot grow: rather a name in two sectors than none */
    if (end + skip + n > FAT_DIR_ENTRIES)
        return -ENOSPC;
    while (!err && end + skip + n > fat_index_slots(dir->dir.index))
        err = directory_grow(f, dir);
    if (!err)
        err = slots_skip(f, dir, end, skip);
    *slot = end + skip;
    return err;
}

/* ---- in and out ---- */

/* Behind the directory's end, where old ones may lie, whatever the overview says. */
static int
end_mark(struct fat *f, struct fat_file *dir, uint32_t slot)
{
    struct fat_hold h;
    uint64_t position;
    uint8_t *at;
    int err = fat_dir_position(f, &dir->dir, slot, &position);

    if (err)
        return err == -ENOENT ? 0 : err;
    err = f->io->get(f->context, position / FAT_BLOCK, &h);
    if (err)
        return err;
    at = h.bytes + position % FAT_BLOCK;
    f->io->put(f->context, &h);
    if (!*at)
        return 0;
    err = fat_edit(f, position, FAT_ENTRY, DIRT_ENTRY, &h, &at);
    if (err)
        return err;
    *at = 0;
    f->io->put(f->context, &h);
    return 0;
}

static int
slots_put(struct fat *f, struct fat_file *dir, const struct fat_new_name *n, const struct fat_file *file,
          uint32_t first, uint64_t *entry)
{
    uint32_t count = fat_name_entries(n);
    int err = 0;

    for (uint32_t i = 0; i < count && !err; i++) {
        struct fat_hold h;
        uint8_t *at;

        err = fat_dir_position(f, &dir->dir, first + i, entry);
        if (!err)
            err = fat_edit(f, *entry, FAT_ENTRY, DIRT_ENTRY, &h, &at);
        if (err)
            break;
        if (i + 1 < count) {
            fat_name_long_entry(n, i, at);
        } else {
            memset(at, 0, FAT_ENTRY);
            memcpy(at, n->short_name, sizeof(n->short_name));
            at[DIR_CASE] = n->case_bits;
            fat_entry_encode(f, file, at);
        }
        f->io->put(f->context, &h);
    }
    return err;
}

/* A short name that nobody in the directory has. */
static int
alias_find(struct fat *f, struct fat_file *dir, struct fat_new_name *n, const struct fat_entry *ignored)
{
    struct fat_entry other;
    char name[FAT_NAME_BYTES + 1];
    int err = -EEXIST;

    for (unsigned attempt = 0; err == -EEXIST && fat_name_alias(n, attempt); attempt++) {
        uint8_t entry[FAT_ENTRY] = {0};

        memcpy(entry, n->short_name, sizeof(n->short_name));
        err = fat_dir_find(f, &dir->dir, name, fat_short_name(entry, name), &other);
        if (!err)
            err = ignored && other.slot == ignored->slot ? -ENOENT : -EEXIST;
    }
    return err == -ENOENT ? 0 : err == -EEXIST ? -ENOSPC : err;
}

int
fat_entry_prepare(struct fat *f, struct fat_file *dir, struct fat_new_name *n,
                  const struct fat_entry *ignored)
{
    int err = dir->dir.index ? 0 : fat_index_make(f, &dir->dir);

    if (!err)
        err = fat_index_reserve(dir->dir.index);
    return err ? err : alias_find(f, dir, n, ignored);
}

int
fat_entry_end(struct fat *f, struct fat_file *dir, uint32_t slot, uint32_t n)
{
    return slot + n > fat_index_end(dir->dir.index) ? end_mark(f, dir, slot + n) : 0;
}

int
fat_entry_put(struct fat *f, struct fat_file *dir, const struct fat_new_name *n, struct fat_file *file,
              uint32_t slot, struct fat_entry *e)
{
    uint32_t scan = slot;
    int err = fat_entry_end(f, dir, slot, fat_name_entries(n));

    if (!err)
        err = slots_put(f, dir, n, file, slot, &file->entry);
    if (!err)
        err = fat_dir_next(f, &dir->dir, &scan, e); /* the names as everybody reads them */
    if (!err)
        fat_index_add(dir->dir.index, e);
    return err;
}

int
fat_entry_add(struct fat *f, struct fat_file *dir, struct fat_new_name *n, struct fat_file *file,
              const struct fat_entry *ignored, struct fat_entry *e)
{
    uint32_t slot;
    int err = fat_entry_prepare(f, dir, n, ignored);

    if (!err)
        err = room_find(f, dir, fat_name_entries(n), &slot);
    return err ? err : fat_entry_put(f, dir, n, file, slot, e);
}

int
fat_entry_remove(struct fat *f, struct fat_file *dir, const struct fat_entry *e)
{
    int err = 0;

    for (uint32_t slot = e->slot + 1; slot-- > e->first_slot && !err;) /* the short one first */
        err = slot_delete(f, dir, slot);
    if (!err && dir->dir.index)
        fat_index_remove(dir->dir.index, e);
    return err;
}
