#include "kernel/cpu/irql.h"
#include "kernel/mem/mem_impl.h"

/*
 * The test of free frames. Block by block: a free block is taken out of the buddy system, so that nobody else
 * touches it, and goes back without the frames that failed.
 *
 * Two passes over a block: each word holds its own address, then the complement. So every bit is 0 and 1 once,
 * and two addresses that are the same memory cell show.
 */

#define PROGRESS GiB(1)

#if DEBUG
uint64_t memtest_pretend_bad;
#endif

/* Volatile: the compiler must not know what memory holds. */
static void
words_write(volatile uint64_t *from, size_t count, uint64_t flip)
{
    for (size_t i = 0; i < count; i++)
        from[i] = (uint64_t)&from[i] ^ flip;
}

static bool
words_hold(const volatile uint64_t *from, size_t count, uint64_t flip)
{
    for (size_t i = 0; i < count; i++)
        if (from[i] != ((uint64_t)&from[i] ^ flip))
            return false;
    return true;
}

static bool
frame_holds(uint64_t pa, uint64_t flip)
{
#if DEBUG
    if (pa == memtest_pretend_bad)
        return false;
#endif
    return words_hold(phys_to_virt(pa), PAGE_SIZE / sizeof(uint64_t), flip);
}

/* Test single frames that are out: bad ones become FRAME_BAD. Returns their number. */
static uint64_t
frames_test(uint64_t pa, uint64_t count)
{
    const uint64_t flips[] = {0, UINT64_MAX};
    uint64_t bad = 0;

    for (size_t pass = 0; pass < ARRAY_SIZE(flips); pass++) {
        words_write(phys_to_virt(pa), count * PAGE_SIZE / sizeof(uint64_t), flips[pass]);
        for (uint64_t at = pa; at < pa + count * PAGE_SIZE; at += PAGE_SIZE) {
            if (frame_of(at)->state == FRAME_BAD || frame_holds(at, flips[pass]))
                continue;
            frame_of(at)->state = FRAME_BAD;
            log_err("mem: the frame at %#lx does not hold what is written, left out", (unsigned long)at);
            bad++;
        }
    }
    return bad;
}

/* Test a block that was taken out and give it back but for bad frames. */
static uint64_t
block_test(uint64_t pa, unsigned order)
{
    uint64_t bad;

    frame_split((uint32_t)(pa >> PAGE_SHIFT), order);
    bad = frames_test(pa, BIT64(order));
    for (uint64_t at = pa; at < pa + (PAGE_SIZE << order); at += PAGE_SIZE)
        if (frame_of(at)->state != FRAME_BAD)
            frame_free(at, 0);
    return bad;
}

static uint64_t
region_test(uint64_t start, uint64_t end)
{
    uint64_t bad = 0, pa = start;

    while (pa < end) {
        unsigned order = 0;

        if (frame_take((uint32_t)(pa >> PAGE_SHIFT), &order))
            bad += block_test(pa, order);
        if (pa / PROGRESS != (pa + (PAGE_SIZE << order)) / PROGRESS)
            log_info("mem: tested up to %lu MiB", (unsigned long)(pa + (PAGE_SIZE << order)) >> 20);
        pa += PAGE_SIZE << order;
    }
    return bad;
}

uint64_t
frame_memtest(void)
{
    uint64_t bad = 0;

    assert_irql(PASSIVE_LEVEL);
    frame_drain();
    for (size_t i = 0; i < mem_layout.count; i++) {
        const struct mem_region *r = &mem_layout.region[i];

        if (r->kind == MEM_USABLE && r->start + r->size > LOW_MEMORY_END)
            bad += region_test(MAX(r->start, (uint64_t)LOW_MEMORY_END), r->start + r->size);
    }
    frame_drain();
    return bad;
}
