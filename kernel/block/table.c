#include "kernel/block/table.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define SIGNATURE_AT    510
#define ENTRIES_AT      446
#define TYPE_AT         4
#define TYPE_PROTECTIVE 0xee

int
table_refuse(struct table *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(t->why, sizeof(t->why), format, args);
    va_end(args);
    return -EINVAL;
}

int
table_add(struct table *t, const struct table_part *p)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct table_part *o = &t->part[i];

        if (p->start < o->start + o->count && o->start < p->start + p->count)
            return table_refuse(t, "partitions %u and %u overlap", o->number, p->number);
    }
    if (t->count == TABLE_PARTS_MAX || p->number > TABLE_PARTS_MAX)
        return table_refuse(t, "more than %u partitions", TABLE_PARTS_MAX);
    t->part[t->count++] = *p;
    return 0;
}

int
table_read(const struct table_disk *d, struct table *t)
{
    const uint8_t *b = d->room;
    int err;

    memset(t, 0, sizeof(*t));
    if (d->blocks < 2)
        return 0;
    err = d->read(d->context, 0, d->room);
    if (err || get_le16(b + SIGNATURE_AT) != 0xaa55)
        return err;
    for (unsigned i = 0; i < 4; i++)
        if (b[ENTRIES_AT + 16 * i + TYPE_AT] == TYPE_PROTECTIVE)
            return table_gpt(d, t);
    return table_mbr(d, t);
}
