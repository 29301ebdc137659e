/*
 * The master boot record: four entries, of which one may be extended, a chain of records with a logical partition each.
 * Entries: status, first CHS, type, last CHS, first block, number of blocks (both 32 bits, from the record or, of a link, from
 * the extended partition).
 */
#include "kernel/block/table.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"

#define ENTRIES_AT   446
#define ENTRY_SIZE   16
#define ENTRIES      4
#define SIGNATURE_AT 510
#define LOGICAL_MAX  (TABLE_PARTS_MAX - TABLE_LOGICAL + 1)

struct entry {
    uint8_t status, type;
    uint32_t start, count;
};

static struct entry
entry_of(const uint8_t *record, unsigned i)
{
    const uint8_t *e = record + ENTRIES_AT + (size_t)ENTRY_SIZE * i;

    return (struct entry){e[0], e[4], get_le32(e + 8), get_le32(e + 12)};
}

static bool
is_extended(uint8_t type)
{
    return type == 0x05 || type == 0x0f || type == 0x85;
}

/* A boot sector of a file system has the same signature, and code or texts where the entries would be. */
static bool
looks_like_entries(const uint8_t *record)
{
    bool any = false;

    for (unsigned i = 0; i < ENTRIES; i++) {
        struct entry e = entry_of(record, i);

        if (e.status & 0x7f)
            return false;
        any |= e.type != 0;
    }
    return any;
}

/* start is from the disk's beginning here. */
static int
add(const struct table_disk *d, struct table *t, uint32_t number, uint64_t start, const struct entry *e)
{
    const struct table_part p = {.number = number, .start = start, .count = e->count, .type = e->type};

    if (!start || !e->count)
        return table_refuse(t, "partition %u begins at block %lu and has %u blocks", number, start, e->count);
    if (start >= d->blocks || e->count > d->blocks - start)
        return table_refuse(t, "partition %u ends behind the disk's end: block %lu of %lu", number,
                            start + e->count, d->blocks);
    return table_add(t, &p);
}

/* A record of the chain: its first entry is a partition, its second leads to the next. *next 0: the end. */
static int
logical(const struct table_disk *d, struct table *t, const struct entry *whole, uint64_t at, uint32_t number,
        uint64_t *next)
{
    const uint8_t *record = d->room + d->size;
    struct entry e, link;
    int err = d->read(d->context, at, d->room + d->size);

    *next = 0;
    if (err)
        return err;
    if (get_le16(record + SIGNATURE_AT) != 0xaa55)
        return table_refuse(t, "the record of partition %u, at block %lu, has no signature", number, at);
    e = entry_of(record, 0);
    link = entry_of(record, 1);
    if (e.type && at + e.start + e.count > (uint64_t)whole->start + whole->count)
        return table_refuse(t, "partition %u ends behind the extended partition", number);
    if (e.type) {
        err = add(d, t, number, at + e.start, &e);
        if (err)
            return err;
    }
    if (!link.type)
        return 0;
    if (!is_extended(link.type) || !link.start || link.start >= whole->count)
        return table_refuse(t, "the record behind partition %u lies outside of the extended partition",
                            number);
    *next = (uint64_t)whole->start + link.start;
    return 0;
}

static int
extended(const struct table_disk *d, struct table *t, const struct entry *whole)
{
    uint64_t seen[LOGICAL_MAX], at = whole->start, next;

    if (!whole->start || whole->start >= d->blocks || whole->count > d->blocks - whole->start)
        return table_refuse(t, "the extended partition ends behind the disk's end");
    for (uint32_t n = 0; at; n++, at = next) {
        int err;

        if (n == LOGICAL_MAX)
            return table_refuse(t, "more than %u logical partitions", LOGICAL_MAX);
        for (uint32_t i = 0; i < n; i++)
            if (seen[i] == at)
                return table_refuse(t, "the chain of logical partitions comes back to block %lu", at);
        seen[n] = at;
        err = logical(d, t, whole, at, TABLE_LOGICAL + n, &next);
        if (err)
            return err;
    }
    return 0;
}

int
table_mbr(const struct table_disk *d, struct table *t)
{
    bool has_extended = false;
    int err = 0;

    if (!looks_like_entries(d->room))
        return 0;
    t->kind = TABLE_MBR;
    for (unsigned i = 0; i < ENTRIES && !err; i++) {
        struct entry e = entry_of(d->room, i);

        if (!e.type)
            continue;
        if (!is_extended(e.type)) {
            err = add(d, t, i + 1, e.start, &e);
            continue;
        }
        if (has_extended)
            return table_refuse(t, "there are two extended partitions");
        has_extended = true;
        err = extended(d, t, &e);
    }
    return err;
}
