#include "tests/guest/kernel/mem/mem_probe.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sched/thread.h"
#include "lib/field.h"
#include "tests/guest/ktest.h"

struct mem_taken
mem_taken(void)
{
    struct frame_stats frames;
    struct space_stats space;
    struct mem_taken taken;

    stack_drain();
    pool_drain();
    frame_drain();
    frame_stats(&frames);
    space_stats(&space);
    pool_totals(&taken.pool_objects, &taken.pool_bytes);
    taken.frames = frames.managed - frames.free - space.page_table_frames;
    taken.ranges = space.mapped_ranges;
    taken.mapped_bytes = space.mapped_bytes;
    taken.stacks = space.stacks;
    return taken;
}

void
mem_check_same(const struct mem_taken *before)
{
    struct mem_taken now = mem_taken();

    KCHECK_EQ(now.frames, before->frames);
    KCHECK_EQ(now.pool_objects, before->pool_objects);
    KCHECK_EQ(now.pool_bytes, before->pool_bytes);
    KCHECK_EQ(now.ranges, before->ranges);
    KCHECK_EQ(now.mapped_bytes, before->mapped_bytes);
    KCHECK_EQ(now.stacks, before->stacks);
}

void
on_each_processor(void (*run)(void *context), void *context)
{
    struct thread *t[CPU_MAX] = {NULL};

    for (uint32_t n = 0; n < cpu_count(); n++)
        KCHECK_EQ(thread_create_on(&t[n], "mem test", PRIORITY_NORMAL, BIT64(n), run, context), 0);
    for (uint32_t n = 0; n < cpu_count(); n++)
        if (t[n])
            KCHECK_EQ(thread_join(t[n], SECONDS(60), NULL), 0);
}

uint64_t
mem_random(uint64_t *state, uint64_t below)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return (x >> 11) % below;
}

uint32_t
memory_hog(uint64_t left)
{
    struct frame_stats s;
    uint32_t chain = 0;

    for (unsigned order = FRAME_ORDERS; order-- > 0;)
        for (frame_stats(&s); s.free >= left + BIT(order); frame_stats(&s)) {
            uint64_t pa = frame_alloc(order, 0);

            if (!pa)
                break;
            frame_of(pa)->next = chain;
            chain = (uint32_t)(pa >> PAGE_SHIFT);
        }
    return chain;
}

void
memory_release(uint32_t chain)
{
    while (chain) {
        uint64_t pa = (uint64_t)chain << PAGE_SHIFT;
        const struct frame *f = frame_of(pa);

        chain = f->next;
        frame_free(pa, f->order);
    }
}

void
fail_each(const char *what, bool (*try)(void), unsigned least)
{
    struct mem_taken before = mem_taken();
    unsigned n = 1;

    for (; n < 200 && !ktest_failed(); n++) {
        bool done, fired;

        (void)mem_taken(); /* empties the caches: each round allocates anew */
        alloc_fail_at(n);
        done = try();
        fired = alloc_fail_at(0) == 0;
        mem_check_same(&before);
        if (fired && done)
            ktest_fail(__FILE__, __LINE__, "%s: allocation %u failed, and it says that all is well", what, n);
        if (!fired && !done)
            ktest_fail(__FILE__, __LINE__, "%s: fails, with no allocation failing", what);
        if (!fired)
            break;
    }
    if (n <= least || n == 200)
        ktest_fail(__FILE__, __LINE__, "%s: %u allocations failed one by one", what, n - 1);
}
