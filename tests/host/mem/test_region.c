// The firmware's memory map put in order: real maps, hostile maps, random maps against a definition page by page.
// sources: kernel/mem/region.c
#include "tests/host/mem/region_model.h"

static struct region_list out;

static void
normalise(const struct mem_region *map, size_t count, uint64_t limit)
{
    region_normalise(map, count, NULL, 0, limit, &out);
    region_check_invariants(&out);
}

static void
expect(size_t i, uint64_t start, uint64_t end, enum mem_kind kind)
{
    check_row("range %zu", i);
    if (!CHECK(i < out.count))
        return;
    CHECK_EQ(out.region[i].start, start);
    CHECK_EQ(out.region[i].start + out.region[i].size, end);
    CHECK_EQ(out.region[i].kind, kind);
    check_row("%s", "");
}

static void
test_machine(void)
{
    /* As QEMU's q35 gives it, out of order */
    const struct mem_region map[] = {
        {0x100000, 0xfedf000, MEM_USABLE},   {0, 0x9fc00, MEM_USABLE},
        {0x9fc00, 0x400, MEM_RESERVED},      {0xf0000, 0x10000, MEM_RESERVED},
        {0xffdf000, 0x21000, MEM_RESERVED},  {0x100000000, 0x80000000, MEM_USABLE},
        {0xfffc0000, 0x40000, MEM_RESERVED},
    };
    const struct mem_region reserved[] = {{0x100000, 0x123456, MEM_USABLE}};

    normalise(map, ARRAY_SIZE(map), 0);
    CHECK_EQ(out.count, 7);
    expect(0, 0, 0x9f000, MEM_USABLE);
    expect(1, 0x9f000, 0xa0000, MEM_RESERVED);
    expect(2, 0xf0000, 0x100000, MEM_RESERVED);
    expect(3, 0x100000, 0xffdf000, MEM_USABLE);
    expect(4, 0xffdf000, 0x10000000, MEM_RESERVED);
    expect(5, 0xfffc0000, GiB(4), MEM_RESERVED);
    expect(6, GiB(4), GiB(6), MEM_USABLE);
    CHECK_EQ(region_bytes(&out, MEM_USABLE, MiB(1)), 0xfedf000 + GiB(2));
    CHECK_EQ(region_bytes(&out, MEM_USABLE, GiB(5)), GiB(1));

    region_normalise(map, ARRAY_SIZE(map), reserved, 1, MiB(128), &out);
    expect(2, 0xf0000, 0x224000, MEM_RESERVED);
    expect(3, 0x224000, MiB(128), MEM_USABLE);
    CHECK_EQ(region_bytes(&out, MEM_USABLE, MiB(1)), MiB(128) - 0x224000);
}

static void
test_edges(void)
{
    const struct mem_region wrap[] = {{0x1000, UINT64_MAX, MEM_USABLE}};
    const struct mem_region empty[] = {{0x1000, 0, MEM_BAD}, {0x1800, 0x1000, MEM_USABLE}};
    const struct mem_region unknown[] = {
        {0x1000, 0x4000, MEM_USABLE}, {0x2fff, 2, (enum mem_kind)77}, {0x4000, 0x1000, (enum mem_kind)0}};
    const struct mem_region joined[] = {{0x1000, 0x1000, MEM_USABLE}, {0x2000, 0x1000, MEM_USABLE}};

    normalise(NULL, 0, 0);
    CHECK_EQ(out.count, 0);
    CHECK(!region_find(&out, 0));
    normalise(wrap, 1, 0);
    CHECK_EQ(out.count, 2);
    expect(0, 0x1000, GiB(4), MEM_USABLE);
    expect(1, GiB(4), REGION_ADDRESS_END, MEM_USABLE);
    normalise(empty, 2, 0); /* less than a page is left of the second */
    CHECK_EQ(out.count, 0);
    normalise(unknown, 3, 0);
    CHECK_EQ(out.count, 2);
    expect(0, 0x1000, 0x2000, MEM_USABLE);
    expect(1, 0x2000, 0x5000, MEM_RESERVED);
    normalise(joined, 2, 0);
    CHECK_EQ(out.count, 1);
    normalise(joined, 2, 0x2fff); /* a limit inside a page leaves the page out */
    expect(0, 0x1000, 0x2000, MEM_USABLE);
}

static void
test_too_many(void)
{
    struct mem_region map[REGION_MAX + 1];

    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        map[i] = (struct mem_region){(ARRAY_SIZE(map) - i) * 0x2000, 0x1000, MEM_USABLE};
    normalise(map, REGION_MAX, 0);
    CHECK(!out.truncated);
    normalise(map, REGION_MAX + 1, 0);
    CHECK(out.truncated);
    expect(0, 0x2000, 0x3000, MEM_USABLE);
    CHECK(!region_find(&out, (ARRAY_SIZE(map)) * 0x2000));
}

/* Starts and sizes that meet often: few pages, unaligned; at 0, 4 GiB, the end of what is addressed, 2^64. */
static struct mem_region
random_range(void)
{
    const uint64_t bases[] = {0, GiB(4) - 0x8000, REGION_ADDRESS_END - 0x8000, UINT64_MAX - 0xffff};
    const uint64_t sizes[] = {0x1000, 0x3000, 0x10000, GiB(4), UINT64_MAX};
    uint64_t start = bases[check_random_below(4)] + check_random_below(0x10000);
    uint64_t size = check_random_below(sizes[check_random_below(5)]);

    if (check_random_below(2))
        start &= ~0xfffull;
    if (check_random_below(2))
        size &= ~0xfffull;
    return (struct mem_region){start, size, (enum mem_kind)check_random_below(7)};
}

static void
test_random(void)
{
    static struct region_input in;

    for (int round = 0; round < 3000; round++) {
        check_row("round %d", round);
        in.count = check_random_below(check_random_below(10) ? 12 : ARRAY_SIZE(in.map));
        in.reserved_count = check_random_below(4);
        in.limit = check_random_below(2) ? 0 : random_range().start;
        for (size_t i = 0; i < in.count; i++)
            in.map[i] = random_range();
        for (size_t i = 0; i < in.reserved_count; i++)
            in.reserved[i] = random_range();
        region_check_input(&in);
    }
}

int
main(void)
{
    test_machine();
    test_edges();
    test_too_many();
    test_random();
    return check_report();
}
