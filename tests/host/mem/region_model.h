/*
 * What region_normalise() must say, page by page, by definition; and its invariants. Both the test and the fuzzer
 * check against it.
 */
#pragma once
#include "kernel/mem/region.h"
#include "lib/field.h"
#include "tests/host/check.h"

struct region_input {
    struct mem_region map[300], reserved[20];
    size_t count, reserved_count;
    uint64_t limit;
};

static uint64_t
region_end(const struct mem_region *r)
{
    uint64_t end = r->start + r->size;

    return end < r->start ? UINT64_MAX : end;
}

/* Does the range decide about the page at `page`, and what does it say? 0: nothing. */
static unsigned
region_says(const struct mem_region *r, bool reserved, uint64_t limit, uint64_t page)
{
    unsigned kind = reserved || r->kind < MEM_USABLE || r->kind > MEM_BAD ? MEM_RESERVED : r->kind;
    uint64_t last = page + PAGE_SIZE - 1;
    bool touches = r->size && r->start <= last && region_end(r) > page;
    bool covers = touches && r->start <= page && region_end(r) > last;

    if (kind == MEM_USABLE)
        return covers && (limit == 0 || last < limit) ? kind : 0;
    return touches ? kind : 0;
}

static unsigned
region_wanted(const struct region_input *in, uint64_t page)
{
    unsigned kind = 0;

    if (page >= REGION_ADDRESS_END)
        return 0;
    for (size_t i = 0; i < in->count; i++)
        kind = MAX(kind, region_says(&in->map[i], false, in->limit, page));
    for (size_t i = 0; i < in->reserved_count; i++)
        kind = MAX(kind, region_says(&in->reserved[i], true, in->limit, page));
    return kind;
}

static void
region_check_page(const struct region_input *in, const struct region_list *out, uint64_t page)
{
    const struct mem_region *r = region_find(out, page), *last = &out->region[REGION_MAX - 1];

    if (out->truncated && page >= last->start + last->size)
        CHECK(!r);
    else if (!CHECK_EQ(r ? r->kind : 0, region_wanted(in, page)))
        fprintf(stderr, "page %#llx\n", (unsigned long long)page);
}

static void
region_check_around(const struct region_input *in, const struct region_list *out, uint64_t address)
{
    uint64_t page = ALIGN_DOWN(address, PAGE_SIZE);

    region_check_page(in, out, page);
    if (page)
        region_check_page(in, out, page - PAGE_SIZE);
    if (page < ALIGN_DOWN(UINT64_MAX, PAGE_SIZE))
        region_check_page(in, out, page + PAGE_SIZE);
}

static void
region_check_invariants(const struct region_list *out)
{
    uint64_t end = 0;
    unsigned kind = 0;

    CHECK(out->count <= REGION_MAX);
    CHECK(!out->truncated || out->count == REGION_MAX);
    for (size_t i = 0; i < out->count; i++) {
        const struct mem_region *r = &out->region[i];

        CHECK(r->size && r->start >= end && !((r->start | r->size) & (PAGE_SIZE - 1)));
        CHECK(i == 0 || r->start > end || r->kind != kind || r->start == GiB(4));
        CHECK(r->start >= GiB(4) || r->start + r->size <= GiB(4));
        end = r->start + r->size;
        kind = r->kind;
    }
    CHECK(end <= REGION_ADDRESS_END);
}

static void
region_check_input(const struct region_input *in)
{
    static struct region_list out;

    region_normalise(in->map, in->count, in->reserved, in->reserved_count, in->limit, &out);
    region_check_invariants(&out);
    for (size_t i = 0; i < in->count; i++) {
        region_check_around(in, &out, in->map[i].start);
        region_check_around(in, &out, region_end(&in->map[i]));
    }
    for (size_t i = 0; i < in->reserved_count; i++) {
        region_check_around(in, &out, in->reserved[i].start);
        region_check_around(in, &out, region_end(&in->reserved[i]));
    }
    region_check_around(in, &out, in->limit);
    region_check_around(in, &out, GiB(4));
    region_check_around(in, &out, REGION_ADDRESS_END);
    region_check_page(in, &out, 0);
}
