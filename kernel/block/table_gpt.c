/* The GUID partition table (UEFI 2.10, 5.3). */
#include "kernel/block/table.h"
#include "lib/bytes.h"
#include "lib/crc32.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define HEADER_MIN  92
#define REVISION    0x00010000u
#define ENTRY_MIN   128u
#define ENTRY_MAX   4096u
#define ENTRIES_MAX 1024u

/* A header's fields. */
struct header {
    uint64_t my, alternate, first, last, entries_at;
    uint32_t entries, entry_size, entries_crc;
};

static int
header_read(const struct table_disk *d, struct table *t, uint64_t at, struct header *h)
{
    uint8_t *b = d->room;
    uint32_t size, crc;
    int err = d->read(d->context, at, b);

    if (err)
        return err;
    if (memcmp(b, "EFI PART", 8))
        return table_refuse(t, "no GPT header at block %lu", at);
    size = get_le32(b + 12);
    if (get_le32(b + 8) != REVISION || size < HEADER_MIN || size > d->size)
        return table_refuse(t, "GPT header at block %lu: revision %#x, size %u", at, get_le32(b + 8), size);
    crc = get_le32(b + 16);
    put_le32(b + 16, 0);
    if (crc32(0, b, size) != crc)
        return table_refuse(t, "GPT header at block %lu: its checksum is wrong", at);
    *h = (struct header){.my = get_le64(b + 24),
                         .alternate = get_le64(b + 32),
                         .first = get_le64(b + 40),
                         .last = get_le64(b + 48),
                         .entries_at = get_le64(b + 72),
                         .entries = get_le32(b + 80),
                         .entry_size = get_le32(b + 84),
                         .entries_crc = get_le32(b + 88)};
    return 0;
}

static int
header_check(const struct table_disk *d, struct table *t, uint64_t at, const struct header *h)
{
    uint64_t blocks = ((uint64_t)h->entries * h->entry_size + d->size - 1) / d->size;

    if (h->my != at)
        return table_refuse(t, "GPT header at block %lu says that it is at %lu", at, h->my);
    if (h->alternate == at || h->alternate >= d->blocks)
        return table_refuse(t, "GPT header at block %lu: the other one would be at %lu", at, h->alternate);
    if (!h->entries || h->entries > ENTRIES_MAX || h->entry_size < ENTRY_MIN || h->entry_size > ENTRY_MAX ||
        !is_power_of_two(h->entry_size))
        return table_refuse(t, "GPT header at block %lu: %u entries of %u bytes", at, h->entries,
                            h->entry_size);
    if (h->first > h->last || h->last >= d->blocks || h->first < 2)
        return table_refuse(t, "GPT header at block %lu: partitions from block %lu to %lu of %lu", at,
                            h->first, h->last, d->blocks);
    if (h->entries_at < 2 || h->entries_at >= d->blocks || blocks > d->blocks - h->entries_at ||
        (h->entries_at <= h->last && h->entries_at + blocks > h->first))
        return table_refuse(t, "GPT header at block %lu: its entries would be at block %lu", at,
                            h->entries_at);
    return 0;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
    while (n && !*p)
        p++, n--;
    return !n;
}

static int
entry_add(struct table *t, const struct header *h, const uint8_t *e, uint32_t number)
{
    struct table_part p = {.number = number, .start = get_le64(e + 32)};
    uint64_t last = get_le64(e + 40);

    if (is_zero(e, 16))
        return 0;
    if (p.start < h->first || last > h->last || p.start > last)
        return table_refuse(t, "partition %u: blocks %lu to %lu, of %lu to %lu", number, p.start, last,
                            h->first, h->last);
    p.count = last - p.start + 1;
    memcpy(p.guid, e + 16, sizeof(p.guid));
    for (unsigned i = 0; i < TABLE_LABEL - 1; i++) {
        uint16_t c = get_le16(e + 56 + 2ul * i);

        if (!c)
            break;
        p.label[i] = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    return table_add(t, &p);
}

/* Twice: their checksum first, so that nothing is taken from entries that are wrong. */
static int
entries_read(const struct table_disk *d, struct table *t, const struct header *h, bool take)
{
    uint64_t left = (uint64_t)h->entries * h->entry_size;
    uint32_t crc = 0, number = 1;
    uint8_t *room = d->room;

    for (uint64_t block = h->entries_at; left; block++) {
        uint32_t part = (uint32_t)MIN(left, d->size);
        int err = d->read(d->context, block, room);

        if (err)
            return err;
        crc = crc32(crc, room, part);
        for (uint32_t at = 0; take && at < part; at += h->entry_size, number++) {
            err = entry_add(t, h, room + at, number);
            if (err)
                return err;
        }
        left -= part;
    }
    return crc == h->entries_crc ? 0 : table_refuse(t, "the checksum of the GPT's entries is wrong");
}

static int
table_at(const struct table_disk *d, struct table *t, uint64_t at)
{
    struct header h = {0};
    int err = header_read(d, t, at, &h);

    t->count = 0;
    if (!err)
        err = header_check(d, t, at, &h);
    if (!err && h.entry_size > d->size)
        err = table_refuse(t, "GPT entries of %u bytes are larger than a block", h.entry_size);
    if (!err)
        err = entries_read(d, t, &h, false);
    return err ? err : entries_read(d, t, &h, true);
}

int
table_gpt(const struct table_disk *d, struct table *t)
{
    char why[TABLE_WHY];
    int err;

    t->kind = TABLE_GPT;
    err = table_at(d, t, 1);
    if (err != -EINVAL)
        return err;
    memcpy(why, t->why, sizeof(why));
    err = table_at(d, t, d->blocks - 1);
    memcpy(t->why, why, sizeof(why)); /* what was wrong with the first one */
    t->backup = !err;
    if (err)
        t->count = 0;
    return err;
}
