#include "kernel/mem/region.h"
#include "lib/field.h"

#define FOUR_GIB GiB(4)

/* The two inputs, seen as one list of page-aligned ranges. */
struct source {
    const struct mem_region *map, *reserved;
    size_t count, reserved_count;
    uint64_t limit;
};

struct extent {
    uint64_t start, end;
    unsigned kind; /* 0: nothing */
};

static unsigned
kind_known(unsigned kind)
{
    return kind >= MEM_USABLE && kind <= MEM_BAD ? kind : MEM_RESERVED;
}

/* The i-th range of the input in whole pages, within what can be addressed; kind 0 if nothing is left of it. */
static struct extent
source_extent(const struct source *s, size_t i)
{
    bool kept = i >= s->count;
    const struct mem_region *r = kept ? &s->reserved[i - s->count] : &s->map[i];
    uint64_t end = r->size > UINT64_MAX - r->start ? UINT64_MAX : r->start + r->size;
    struct extent e = {.kind = kept ? MEM_RESERVED : kind_known(r->kind)};
    uint64_t room = REGION_ADDRESS_END;

    if (e.kind == MEM_USABLE) {
        if (s->limit)
            room = MIN(room, ALIGN_DOWN(s->limit, PAGE_SIZE));
        e.start = ALIGN_UP(MIN(r->start, room), PAGE_SIZE);
        e.end = ALIGN_DOWN(MIN(end, room), PAGE_SIZE);
    } else {
        e.start = ALIGN_DOWN(MIN(r->start, room), PAGE_SIZE);
        e.end = ALIGN_UP(MIN(end, room), PAGE_SIZE);
    }
    if (e.start >= e.end || r->size == 0)
        e.kind = 0;
    return e;
}

/* The stretch that begins at `at` and in which the input says the same all along: its end and worst kind. */
static struct extent
source_stretch(const struct source *s, uint64_t at)
{
    struct extent found = {.start = at, .end = at < FOUR_GIB ? FOUR_GIB : REGION_ADDRESS_END};

    for (size_t i = 0; i < s->count + s->reserved_count; i++) {
        struct extent e = source_extent(s, i);

        if (e.kind == 0 || e.end <= at)
            continue;
        if (e.start > at) {
            found.end = MIN(found.end, e.start);
            continue;
        }
        found.end = MIN(found.end, e.end);
        found.kind = MAX(found.kind, e.kind);
    }
    return found;
}

static bool
list_append_extent(struct region_list *out, struct extent e)
{
    struct mem_region *last = out->count ? &out->region[out->count - 1] : NULL;

    if (last && last->kind == e.kind && last->start + last->size == e.start && e.start != FOUR_GIB) {
        last->size += e.end - e.start;
        return true;
    }
    if (out->count == REGION_MAX)
        return false;
    out->region[out->count++] = (struct mem_region){e.start, e.end - e.start, (enum mem_kind)e.kind};
    return true;
}

void
region_normalise(const struct mem_region *map, size_t count, const struct mem_region *reserved,
                 size_t reserved_count, uint64_t limit, struct region_list *out)
{
    const struct source s = {map, reserved, count, reserved_count, limit};
    struct extent e;

    out->count = 0;
    out->truncated = false;
    for (uint64_t at = 0; at < REGION_ADDRESS_END; at = e.end) {
        e = source_stretch(&s, at);
        if (e.kind && !list_append_extent(out, e)) {
            out->truncated = true;
            return;
        }
    }
}

const struct mem_region *
region_find(const struct region_list *list, uint64_t address)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct mem_region *r = &list->region[middle];

        if (address < r->start)
            high = middle;
        else if (address - r->start >= r->size)
            low = middle + 1;
        else
            return r;
    }
    return NULL;
}

uint64_t
region_bytes(const struct region_list *list, enum mem_kind kind, uint64_t from)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct mem_region *r = &list->region[i];

        if (r->kind == kind && r->start + r->size > from)
            bytes += r->start + r->size - MAX(r->start, from);
    }
    return bytes;
}
