/*
 * The frame allocator under random load on all processors. Each block is stamped in every page, and entered in a
 * map of owners: nothing is given out twice, nothing changes while it is out, and limits hold all the time.
 */
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/space.h"
#include "lib/field.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

#define HELD  64
#define STEPS 6000
#define LIMIT SECONDS(4)

struct block {
    uint64_t pa;
    size_t size;
    unsigned order; /* RANGE: from frame_alloc_limited() */
};
#define RANGE 99

static uint8_t *owned;               /* [a] one byte a frame */
static uint64_t steps_done, refused; /* [a] */

static uint64_t *
page_stamp(uint64_t pa)
{
    return (uint64_t *)phys_to_virt(pa) + cpu_number() % 8;
}

static void
block_enter(const struct block *b, uint64_t stamp)
{
    for (uint64_t pa = b->pa; pa < b->pa + b->size; pa += PAGE_SIZE) {
        if (__atomic_exchange_n(&owned[pa >> PAGE_SHIFT], 1, __ATOMIC_RELAXED))
            ktest_fail(__FILE__, __LINE__, "frame %#lx is given out twice", pa);
        *page_stamp(pa) = pa ^ stamp;
    }
}

static void
block_leave(const struct block *b, uint64_t stamp)
{
    for (uint64_t pa = b->pa; pa < b->pa + b->size; pa += PAGE_SIZE) {
        if (*page_stamp(pa) != (pa ^ stamp))
            ktest_fail(__FILE__, __LINE__, "frame %#lx has changed while it was out", pa);
        if (!__atomic_exchange_n(&owned[pa >> PAGE_SHIFT], 0, __ATOMIC_RELAXED))
            ktest_fail(__FILE__, __LINE__, "frame %#lx was nobody's", pa);
    }
    if (b->order == RANGE)
        frame_free_range(b->pa, b->size);
    else
        frame_free(b->pa, b->order);
}

static bool
block_get_limited(struct block *b, uint64_t *random)
{
    static const uint64_t tops[] = {0, 0xffffff, 0x1ffffff, 0xffffffff};
    struct dma_limits l = {tops[mem_random(random, 4)], BIT64(mem_random(random, 17)),
                           mem_random(random, 2) ? 0x40000 : 0};

    b->order = RANGE;
    b->size = (1 + mem_random(random, 40)) * PAGE_SIZE;
    if (frame_alloc_limited(b->size, &l, &b->pa))
        return false;
    if ((l.max_address && b->pa + b->size - 1 > l.max_address) || b->pa % l.align ||
        (l.boundary && b->pa / l.boundary != (b->pa + b->size - 1) / l.boundary))
        ktest_fail(__FILE__, __LINE__, "%#lx, %#lx bytes: max %#lx align %#lx boundary %#lx", b->pa, b->size,
                   l.max_address, l.align, l.boundary);
    return true;
}

static bool
block_get(struct block *b, uint64_t *random)
{
    uint64_t what = mem_random(random, 10);

    if (what == 0)
        return block_get_limited(b, random);
    b->order = what < 6 ? 0 : (unsigned)mem_random(random, 6);
    b->size = PAGE_SIZE << b->order;
    b->pa = frame_alloc(b->order, what == 9 ? FRAME_BELOW_4G : 0);
    if (what == 9 && b->pa >= GiB(4))
        ktest_fail(__FILE__, __LINE__, "%#lx is not below 4 GiB", b->pa);
    return b->pa != 0;
}

static void
load(void *context)
{
    struct block held[HELD] = {{0}};
    uint64_t stamp = 0x1234567890abcdef * (cpu_number() + 1), random = stamp, end = time_now() + LIMIT;

    for (unsigned i = 0; i < STEPS && time_now() < end && !ktest_failed(); i++) {
        struct block *b = &held[mem_random(&random, HELD)];

        if (b->pa) {
            block_leave(b, stamp);
            b->pa = 0;
        } else if (block_get(b, &random)) {
            block_enter(b, stamp);
        } else {
            b->pa = 0;
            __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
        }
        if (mem_random(&random, 500) == 0)
            frame_drain();
        __atomic_fetch_add(&steps_done, 1, __ATOMIC_RELAXED);
    }
    for (size_t i = 0; i < HELD; i++)
        if (held[i].pa)
            block_leave(&held[i], stamp);
}

static void
load_on_all(void)
{
    struct mem_taken before;
    uint64_t end = 0;

    for (size_t i = 0; i < mem_layout.count; i++)
        if (mem_layout.region[i].kind == MEM_USABLE)
            end = MAX(end, mem_layout.region[i].start + mem_layout.region[i].size);
    owned = space_alloc(end >> PAGE_SHIFT, MAP_WRITE);
    KCHECK(owned);
    if (!owned)
        return;
    before = mem_taken();
    steps_done = refused = 0;
    on_each_processor(load, NULL);
    KCHECK(steps_done >= 200 * cpu_count());
    mem_check_same(&before);
    for (uint64_t i = 0; i < end >> PAGE_SHIFT; i++)
        if (owned[i])
            KCHECK_EQ(owned[i], 0);
    space_free(owned);
}

KTEST(frame_load_on_all_processors)
{
    load_on_all();
    KCHECK(refused * 10 < steps_done);
}

/* The same where there is not enough: the caches of others are drained, and refusals come. */
KTEST(frame_load_on_all_processors_with_little_memory)
{
    struct mem_taken before = mem_taken();
    uint32_t chain = memory_hog(700);

    load_on_all();
    memory_release(chain);
    mem_check_same(&before);
}
