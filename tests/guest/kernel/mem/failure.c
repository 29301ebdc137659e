/*
 * Every failure branch has run: each operation is repeated with its first, second, ... allocation failing, until
 * none fails. It says so each time, and nothing is left behind.
 */
#include "kernel/cpu/paging.h"
#include "kernel/cpu/tsc.h"
#include "kernel/mem/dma.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sched/thread.h"
#include "lib/field.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

#define TAG POOL_TAG('f', 'a', 'i', 'l')

static bool
try_frame(void)
{
    uint64_t pa = frame_alloc(2, FRAME_ZERO);

    if (pa)
        frame_free(pa, 2);
    return pa != 0;
}

static bool
try_pool_small(void)
{
    void *p = pool_zalloc(1500, TAG);

    pool_free(p, TAG);
    return p != NULL;
}

static bool
try_pool_large(void)
{
    void *p = pool_alloc(30000, TAG);

    pool_free(p, TAG);
    return p != NULL;
}

static bool
try_dma(void)
{
    const struct dma_limits limits = {0xffffffff, 0x1000, 0x10000};
    struct dma_buffer b;

    if (dma_alloc(12000, &limits, &b))
        return false;
    dma_free(&b);
    return true;
}

static bool
try_map(void)
{
    void *p = space_map(0xfec00000, 0x5000, MAP_UNCACHED);

    space_unmap(p);
    return p != NULL;
}

/* Larger than the tables there are, the first time. */
static bool
try_map_large(void)
{
    void *p = space_map(GiB(16), MiB(64), MAP_UNCACHED);

    space_unmap(p);
    return p != NULL;
}

static bool
try_space(void)
{
    void *p = space_alloc(7 * PAGE_SIZE, MAP_WRITE);

    space_free(p);
    return p != NULL;
}

static bool
try_stack(void)
{
    void *top = stack_alloc();

    if (top)
        stack_free(top);
    return top != NULL;
}

static void
nothing(void *context)
{
}

static bool
try_thread(void)
{
    struct thread *t;

    if (thread_create(&t, "fail", PRIORITY_NORMAL, nothing, NULL))
        return false;
    KCHECK_EQ(thread_join(t, SECONDS(10), NULL), 0);
    return true;
}

#define FILLERS 8192 /* more than the pages of all tables that tests before this one have left */

/* Is the table with the entries for the 4 KiB pages around va missing? */
static bool
table_missing(uint64_t va)
{
    uint64_t table = table_root;

    for (int shift = 39; shift > 12; shift -= 9) {
        uint64_t entry = ((const uint64_t *)phys_to_virt(table))[va >> shift & 511];

        if (!(entry & PTE_PRESENT))
            return true;
        table = entry & PTE_ADDRESS;
    }
    return false;
}

/* Map pages until the next one needs a table that is not there. */
static size_t
fill_tables(void *filler[FILLERS])
{
    size_t n = 0;

    for (bool missing = false; n < FILLERS && !missing; n++) {
        filler[n] = space_map(0xfec00000, 1, MAP_UNCACHED);
        if (!filler[n])
            break;
        missing = table_missing((uint64_t)filler[n] + PAGE_SIZE);
    }
    KCHECK(n && table_missing((uint64_t)filler[n - 1] + PAGE_SIZE));
    return n;
}

/* The same for stacks. */
static size_t
fill_stacks(void *filler[FILLERS])
{
    struct frame_stats s;
    size_t n = 0;

    for (bool missing = false; n < FILLERS && !missing; n++) {
        frame_stats(&s);
        filler[n] = s.free > 1000 ? stack_alloc() : NULL;
        if (!filler[n])
            break;
        missing = table_missing((uint64_t)filler[n] + 2 * PAGE_SIZE);
    }
    KCHECK(n && table_missing((uint64_t)filler[n - 1] + 2 * PAGE_SIZE));
    return n;
}

/* Where page tables are missing their allocation fails as well; the first time only, since tables stay. */
KTEST(failure_of_each_page_table_is_reported_and_leaks_nothing)
{
    struct mem_taken before = mem_taken();
    static void *filler[FILLERS];
    size_t n = fill_tables(filler);

    fail_each("space_map, new table", try_map, 2);
    while (n)
        space_unmap(filler[--n]);
    n = fill_tables(filler);
    fail_each("space_alloc, new table", try_space, 9);
    while (n)
        space_unmap(filler[--n]);
    n = fill_stacks(filler);
    fail_each("stack_alloc, new table", try_stack, 8);
    while (n)
        stack_free(filler[--n]);
    mem_check_same(&before);
}

KTEST(failure_of_each_allocation_is_reported_and_leaks_nothing)
{
    fail_each("frame_alloc", try_frame, 1);
    fail_each("pool_zalloc", try_pool_small, 1); /* a page too, if no slab has room */
    fail_each("pool_alloc", try_pool_large, 2);
    fail_each("dma_alloc", try_dma, 1);
    fail_each("space_map", try_map, 1);
    fail_each("space_map, large", try_map_large, 1);
    fail_each("space_alloc", try_space, 7);
    fail_each("stack_alloc", try_stack, 6);
    fail_each("thread_create", try_thread, 2);
}
