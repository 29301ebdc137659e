/* Page frames: what is given out, limits for devices, exhaustion, statistics, the memory test. */
#include "kernel/mem/frame.h"
#include "kernel/cpu/irql.h"
#include "kernel/mem/buddy.h"
#include "kernel/mem/dma.h"
#include "kernel/mem/mem_impl.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

static bool
is_filled(uint64_t pa, size_t size, uint8_t byte)
{
    const uint8_t *p = phys_to_virt(pa);

    for (size_t i = 0; i < size; i++)
        if (p[i] != byte)
            return false;
    return true;
}

KTEST(frame_alloc_gives_each_order_aligned_and_zeroed)
{
    struct mem_taken before = mem_taken();

    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        size_t size = PAGE_SIZE << order;
        uint64_t pa = frame_alloc(order, 0);

        if (!pa) {
            KCHECK(order > 8); /* a machine with 32 MiB may have no 4 MiB in a row */
            continue;
        }
        KCHECK_EQ(pa & (size - 1), 0);
        KCHECK(pa >= LOW_MEMORY_END);
        memset(phys_to_virt(pa), 0xa5, size);
        frame_free(pa, order);
        pa = frame_alloc(order, FRAME_ZERO);
        KCHECK(pa && is_filled(pa, size, 0));
        if (pa)
            frame_free(pa, order);
    }
    mem_check_same(&before);
}

KTEST(frame_alloc_works_at_dispatch_level)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);
    uint64_t single = frame_alloc(0, 0), block = frame_alloc(3, FRAME_BELOW_4G);

    KCHECK(single && block && single != block);
    if (single)
        frame_free(single, 0);
    if (block)
        frame_free(block, 3);
    KCHECK_EQ(irql_current(), DISPATCH_LEVEL);
    irql_lower(irql);
}

KTEST(frame_alloc_goes_from_the_top_down)
{
    const struct mem_region *last = NULL;
    uint64_t pa = frame_alloc(0, 0), low = frame_alloc(0, FRAME_BELOW_4G);

    for (size_t i = 0; i < mem_layout.count; i++)
        if (mem_layout.region[i].kind == MEM_USABLE)
            last = &mem_layout.region[i];
    KCHECK(last);
    KCHECK(pa && low && low < GiB(4));
    KCHECK(!last || last->start < GiB(4) || pa >= GiB(4));
    KCHECK(!last || last->start + last->size <= MiB(17) || pa >= MiB(16));
    if (pa)
        frame_free(pa, 0);
    if (low)
        frame_free(low, 0);
}

KTEST(frame_free_merges_what_belongs_together)
{
    uint64_t single[200];
    struct frame_stats before, after;

    frame_drain();
    frame_stats(&before);
    for (size_t i = 0; i < ARRAY_SIZE(single); i++)
        single[i] = frame_alloc(0, 0);
    for (size_t i = 0; i < ARRAY_SIZE(single); i++)
        if (single[i * 7 % ARRAY_SIZE(single)])
            frame_free(single[i * 7 % ARRAY_SIZE(single)], 0);
    frame_drain();
    frame_stats(&after);
    KCHECK_EQ(after.free, before.free);
    KCHECK_EQ(after.cached, 0);
    for (unsigned order = 0; order < FRAME_ORDERS; order++)
        KCHECK_EQ(after.free_blocks[order], before.free_blocks[order]);
}

static bool
limits_hold(uint64_t pa, size_t size, const struct dma_limits *l)
{
    uint64_t last = pa + size - 1;

    return (!l->max_address || last <= l->max_address) && (!l->align || pa % l->align == 0) &&
           (!l->boundary || pa / l->boundary == last / l->boundary);
}

/* Every combination of what real devices ask for. */
KTEST(frame_limits_hold_in_every_combination)
{
    static const uint64_t tops[] = {0, 0xffffff, 0x7fffff, 0xfffffff, 0x7fffffff, 0xffffffff, 0xfffffffff};
    static const uint64_t aligns[] = {0, 512, 4096, 0x10000, 0x100000};
    static const uint64_t boundaries[] = {0, 0x10000, 0x20000, 0x400000, 0x100000000};
    static const size_t sizes[] = {1, 4096, 4097, 3 * 4096, 0x10000, 0x11000, 0x50000};
    struct mem_taken before = mem_taken();
    unsigned given = 0;

    for (size_t t = 0; t < ARRAY_SIZE(tops); t++)
        for (size_t a = 0; a < ARRAY_SIZE(aligns); a++)
            for (size_t b = 0; b < ARRAY_SIZE(boundaries); b++)
                for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
                    struct dma_limits l = {tops[t], aligns[a], boundaries[b]};
                    uint64_t pa;
                    int err = frame_alloc_limited(sizes[s], &l, &pa);

                    if (l.boundary && sizes[s] > l.boundary) {
                        KCHECK_EQ(err, -EINVAL);
                        continue;
                    }
                    KCHECK_EQ(err, 0);
                    if (err)
                        continue;
                    if (!limits_hold(pa, sizes[s], &l))
                        ktest_fail(__FILE__, __LINE__, "%#lx, %#lx bytes: max %#lx align %#lx boundary %#lx",
                                   pa, sizes[s], l.max_address, l.align, l.boundary);
                    memset(phys_to_virt(pa), 0x5a, sizes[s]);
                    frame_free_range(pa, sizes[s]);
                    given++;
                }
    KCHECK(given > 1000);
    mem_check_same(&before);
}

KTEST(frame_limits_that_nothing_can_meet_are_refused)
{
    static const struct {
        size_t size;
        struct dma_limits limits;
        int err;
    } rows[] = {
        {0, {0, 0, 0}, -EINVAL},
        {MiB(4) + 1, {0, 0, 0}, -EINVAL},
        {4096, {0, 3, 0}, -EINVAL},
        {4096, {0, 0, 0x3000}, -EINVAL},
        {8192, {0, 0, 4096}, -EINVAL},
        {4096, {100, 0, 0}, -EINVAL},
        {8192, {8191, 0, 0}, -EINVAL},
        {4096, {0xffffff, 0x1000000, 0}, -EINVAL},
        {4096, {0xfffff, 0, 0}, -ENOMEM}, /* below 1 MiB nothing is given out */
        {1, {0, UINT64_C(1) << 63, 0}, -EINVAL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t pa = 1;
        int err = frame_alloc_limited(rows[i].size, &rows[i].limits, &pa);

        if (err != rows[i].err)
            ktest_fail(__FILE__, __LINE__, "row %zu: %d, want %d", i, err, rows[i].err);
        if (!err)
            frame_free_range(pa, rows[i].size);
    }
}

KTEST(dma_buffer_is_zeroed_and_within_limits)
{
    const struct dma_limits isa = {0xffffff, 0, 0x10000};
    struct mem_taken before = mem_taken();
    struct dma_buffer b;

    for (int round = 0; round < 2; round++) {
        KCHECK_EQ(dma_alloc(5000, &isa, &b), 0);
        KCHECK_EQ(b.size, 8192);
        KCHECK(b.pa + b.size <= MiB(16) && b.va == phys_to_virt(b.pa));
        KCHECK(is_filled(b.pa, b.size, 0));
        memset(b.va, 0xff, b.size);
        dma_free(&b);
        KCHECK(!b.va && !b.size);
    }
    mem_check_same(&before);
}

/* All of it, to the last frame, comes back; and a limit is still met when most is gone. */
KTEST(frame_exhaustion_is_an_ordinary_result)
{
    struct mem_taken before = mem_taken();
    const struct dma_limits isa = {0xffffff, 0, 0};
    struct frame_stats s;
    uint32_t chain = memory_hog(0);
    uint64_t pa;

    frame_stats(&s);
    KCHECK(s.free < 64);
    while ((pa = frame_alloc(0, 0))) {
        frame_of(pa)->next = chain;
        chain = (uint32_t)(pa >> PAGE_SHIFT);
    }
    KCHECK_EQ(frame_alloc(5, 0), 0);
    KCHECK_EQ(frame_alloc_limited(4096, &isa, &pa), -ENOMEM);
    KCHECK_EQ(frame_alloc_limited(MiB(1), NULL, &pa), -ENOMEM);
    frame_stats(&s);
    KCHECK(s.failures >= 4);
    memory_release(chain);
    mem_check_same(&before);
}

KTEST(frame_of_knows_memory_only)
{
    uint64_t pa = frame_alloc(0, 0), end = 0;

    for (size_t i = 0; i < mem_layout.count; i++)
        end = MAX(end, mem_layout.region[i].start + mem_layout.region[i].size);
    KCHECK(pa && frame_of(pa) && frame_of(pa) == frame_of(pa + PAGE_SIZE - 1));
    KCHECK(!frame_of(0xa0000));
    KCHECK(!frame_of(0xfee00000));
    KCHECK(!frame_of(end));
    KCHECK(!frame_of(UINT64_MAX));
    if (pa)
        frame_free(pa, 0);
}

/* With most memory out of the way, so that it does not take long. */
KTEST(frame_memtest_takes_bad_frames_out)
{
    struct mem_taken before = mem_taken();
    uint32_t chain = memory_hog(2000);
    uint64_t bad = frame_alloc(0, 0);
    struct frame_stats sound, s;

    KCHECK(bad);
    if (!bad)
        return;
    frame_free(bad, 0);
    frame_drain();
    frame_stats(&sound);
    KCHECK_EQ(frame_memtest(), 0);
    frame_stats(&s);
    KCHECK_EQ(s.free, sound.free);
    memtest_pretend_bad = bad;
    KCHECK_EQ(frame_memtest(), 1);
    memtest_pretend_bad = 0;
    frame_stats(&s);
    KCHECK_EQ(s.free, sound.free - 1);
    KCHECK_EQ(frame_of(bad)->state, FRAME_BAD);
    KCHECK_EQ(frame_memtest(), 0);     /* not found a second time */
    frame_of(bad)->state = FRAME_USED; /* it was sound, after all */
    frame_free(bad, 0);
    memory_release(chain);
    mem_check_same(&before);
}
