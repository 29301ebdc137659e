#include "kernel/mem/frame.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/mem/buddy.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

/*
 * The buddy system behind one lock, and in front of it a cache of single frames on each processor, refilled and
 * emptied CACHE_BATCH frames at a time. A cache has a lock of its own, nearly always free: frame_drain() reaches
 * the caches of other processors through it.
 *
 * I1  A frame in a cache is FRAME_CACHED and lies at or above 16 MiB, unless nothing else was free.
 */

#define CACHE_SIZE  32
#define CACHE_BATCH 16

#define RESERVE_PART  128ul /* programs leave the kernel a 128th of memory */
#define RESERVE_LEAST 64ul  /* frames */

/* [c] the cache's lock, at DISPATCH_LEVEL */
struct frame_cache {
    spinlock_t lock;
    bool ready;                 /* [a] the lock is initialised; set by the cache's own processor */
    uint32_t count;             /* [c] */
    uint32_t frame[CACHE_SIZE]; /* [c] */
};

static PERCPU struct frame_cache frame_cache;

static spinlock_t frame_lock = SPINLOCK(LOCK_FRAME, "frame");
static struct buddy buddy = {.frames = (struct frame *)FRAMES_BASE}; /* frame_lock */
static uint64_t failures;                                            /* [a] */

static uint64_t
frame_address(uint32_t number)
{
    return (uint64_t)number << PAGE_SHIFT;
}

/* This processor's cache, locked. */
static struct frame_cache *
cache_lock(uint8_t *irql)
{
    struct frame_cache *c;

    *irql = irql_raise(DISPATCH_LEVEL);
    c = percpu_this(frame_cache);
    if (!c->ready) {
        spin_init(&c->lock, LOCK_FRAME_CACHE, "frame cache");
        __atomic_store_n(&c->ready, true, __ATOMIC_RELEASE);
    }
    spin_lock_raw(&c->lock);
    return c;
}

static void
cache_unlock(struct frame_cache *c, uint8_t irql)
{
    spin_unlock_raw(&c->lock);
    irql_lower(irql);
}

/* The cache is empty. Taken by ascending addresses, as they are found: pages that follow one another go to a device at once. */
static void
cache_refill(struct frame_cache *c)
{
    uint32_t room = CACHE_BATCH;

    spin_lock_raw(&frame_lock);
    while (room) {
        uint32_t first = buddy_alloc(&buddy, 0, ZONE_HIGH);

        if (!first)
            break;
        buddy.frames[first].state = FRAME_CACHED;
        c->frame[--room] = first;
    }
    spin_unlock_raw(&frame_lock);
    c->count = CACHE_BATCH - room;
    if (room) /* memory is short */
        memmove(c->frame, c->frame + room, c->count * sizeof(c->frame[0]));
}

/* Give back what the cache holds beyond `keep` frames. */
static void
cache_drain(struct frame_cache *c, uint32_t keep)
{
    spin_lock_raw(&frame_lock);
    while (c->count > keep) {
        uint32_t first = c->frame[--c->count];

        buddy.frames[first].state = FRAME_USED;
        ASSERT(buddy_free(&buddy, first, 0) == 0);
    }
    spin_unlock_raw(&frame_lock);
}

static uint32_t
cache_alloc(void)
{
    uint8_t irql;
    struct frame_cache *c = cache_lock(&irql);
    uint32_t first = 0;

    if (c->count == 0)
        cache_refill(c);
    if (c->count) {
        first = c->frame[--c->count];
        buddy.frames[first].state = FRAME_USED;
    }
    cache_unlock(c, irql);
    return first;
}

static void
cache_free(uint32_t first)
{
    uint8_t irql;
    struct frame_cache *c = cache_lock(&irql);

    if (c->count == CACHE_SIZE)
        cache_drain(c, CACHE_SIZE - CACHE_BATCH);
    buddy.frames[first].state = FRAME_CACHED;
    c->frame[c->count++] = first;
    cache_unlock(c, irql);
}

static uint32_t
block_alloc(unsigned order, enum buddy_zone_id zone)
{
    uint8_t irql = spin_lock(&frame_lock);
    uint32_t first = buddy_alloc(&buddy, order, zone);

    spin_unlock(&frame_lock, irql);
    return first;
}

uint64_t
frame_alloc(unsigned order, unsigned flags)
{
    enum buddy_zone_id zone = flags & FRAME_BELOW_4G ? ZONE_LOW : ZONE_HIGH;
    uint32_t first = 0;

    ASSERT(order < FRAME_ORDERS);
    assert_irql_max(DISPATCH_LEVEL);
    if (!alloc_should_fail()) {
        first = order == 0 && zone == ZONE_HIGH ? cache_alloc() : block_alloc(order, zone);
        if (!first) {
            frame_drain();
            first = block_alloc(order, zone);
        }
    }
    if (!first) {
        __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
        return 0;
    }
    if (flags & FRAME_ZERO)
        memset(phys_to_virt(frame_address(first)), 0, PAGE_SIZE << order);
    return frame_address(first);
}

void
frame_free(uint64_t pa, unsigned order)
{
    uint32_t first = (uint32_t)(pa >> PAGE_SHIFT);
    const struct frame *f = frame_of(pa);
    uint8_t irql;
    int err;

    assert_irql_max(DISPATCH_LEVEL);
    if (!f || pa & ((PAGE_SIZE << order) - 1) || f->state != FRAME_USED || f->order != order)
        panic("mem: frame_free(%#lx, %u): no such block is out", (unsigned long)pa, order);
    if (order == 0 && first >= ZONE_ISA_END) {
        cache_free(first);
        return;
    }
    irql = spin_lock(&frame_lock);
    err = buddy_free(&buddy, first, order);
    spin_unlock(&frame_lock, irql);
    ASSERT(err == 0);
}

/* What the limits mean in frames. */
static int
limits_decode(size_t size, const struct dma_limits *limits, struct buddy_limits *out)
{
    uint64_t max = limits && limits->max_address ? limits->max_address : UINT64_MAX;
    uint64_t align = limits && limits->align ? limits->align : 1;
    uint64_t boundary = limits ? limits->boundary : 0;
    uint64_t last;

    if (size == 0 || size > PAGE_SIZE << BUDDY_LARGEST)
        return -EINVAL;
    if (!is_power_of_two(align) || (boundary && !is_power_of_two(boundary)))
        return -EINVAL;
    if ((boundary && size > boundary) || max < PAGE_SIZE - 1)
        return -EINVAL;
    last = MIN((max - (PAGE_SIZE - 1)) >> PAGE_SHIFT, (uint64_t)UINT32_MAX - 1);
    align = MAX(align, PAGE_SIZE) >> PAGE_SHIFT;
    if (last < DIV_ROUND_UP(size, PAGE_SIZE) || align > last)
        return -EINVAL; /* not even from frame 1 on */
    *out = (struct buddy_limits){(uint32_t)last, (uint32_t)align};
    return 0;
}

static uint32_t
run_alloc(uint32_t count, const struct buddy_limits *limits)
{
    uint8_t irql = spin_lock(&frame_lock);
    uint32_t first = buddy_alloc_run(&buddy, count, limits);

    spin_unlock(&frame_lock, irql);
    return first;
}

int
frame_alloc_limited(size_t size, const struct dma_limits *limits, uint64_t *pa)
{
    uint32_t count = (uint32_t)DIV_ROUND_UP(size, PAGE_SIZE), first = 0;
    struct buddy_limits in_frames;
    int err = limits_decode(size, limits, &in_frames);

    assert_irql_max(DISPATCH_LEVEL);
    if (err)
        return err;
    if (!alloc_should_fail()) {
        first = run_alloc(count, &in_frames);
        if (!first) {
            frame_drain();
            first = run_alloc(count, &in_frames);
        }
    }
    if (!first) {
        __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
        return -ENOMEM;
    }
    *pa = frame_address(first);
    return 0;
}

void
frame_free_range(uint64_t pa, size_t size)
{
    uint32_t count = (uint32_t)DIV_ROUND_UP(size, PAGE_SIZE);
    uint8_t irql;
    int err = -EINVAL;

    assert_irql_max(DISPATCH_LEVEL);
    if (frame_of(pa) && !(pa & (PAGE_SIZE - 1)) && count) {
        irql = spin_lock(&frame_lock);
        err = buddy_free_run(&buddy, (uint32_t)(pa >> PAGE_SHIFT), count);
        spin_unlock(&frame_lock, irql);
    }
    if (err)
        panic("mem: frame_free_range(%#lx, %lu): no such range is out", (unsigned long)pa,
              (unsigned long)size);
}

struct frame *
frame_of(uint64_t pa)
{
    static const struct mem_region *last; /* [a] where the one before was: most memory is in one region */
    const struct mem_region *r = __atomic_load_n(&last, __ATOMIC_RELAXED);

    if (!r || pa < r->start || pa - r->start >= r->size) {
        r = region_find(&mem_layout, pa);
        if (!r || r->kind != MEM_USABLE)
            return NULL;
        __atomic_store_n(&last, r, __ATOMIC_RELAXED);
    }
    return &buddy.frames[pa >> PAGE_SHIFT];
}

void
frame_stats(struct frame_stats *out)
{
    uint8_t irql;

    *out = (struct frame_stats){.total = region_bytes(&mem_layout, MEM_USABLE, LOW_MEMORY_END) >> PAGE_SHIFT};
    for (uint32_t n = 0; n < CPU_MAX; n++)
        if (percpu_blocks[n])
            out->cached += __atomic_load_n(&percpu_of(n, frame_cache)->count, __ATOMIC_RELAXED);
    irql = spin_lock(&frame_lock);
    out->managed = buddy.total;
    out->free = buddy.free + out->cached;
    for (unsigned z = 0; z < BUDDY_ZONES; z++)
        for (unsigned order = 0; order < FRAME_ORDERS; order++)
            out->free_blocks[order] += buddy.zone[z].blocks[order];
    spin_unlock(&frame_lock, irql);
    out->failures = __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

bool
frame_scarce(void)
{
    uint64_t total = __atomic_load_n(&buddy.total, __ATOMIC_RELAXED);

    return __atomic_load_n(&buddy.free, __ATOMIC_RELAXED) < MAX(total / RESERVE_PART, RESERVE_LEAST);
}

void
mem_release(uint64_t pa, uint64_t size)
{
    uint64_t start = ALIGN_UP(MAX(pa, LOW_MEMORY_END), PAGE_SIZE), end = ALIGN_DOWN(pa + size, PAGE_SIZE);

    if (start < end && mem_is_mapped(start, end - start))
        frame_give((uint32_t)(start >> PAGE_SHIFT), (uint32_t)((end - start) >> PAGE_SHIFT));
}

void
frame_drain(void)
{
    for (uint32_t n = 0; n < CPU_MAX; n++) {
        struct frame_cache *c = percpu_blocks[n] ? percpu_of(n, frame_cache) : NULL;
        uint8_t irql;

        if (!c || !__atomic_load_n(&c->ready, __ATOMIC_ACQUIRE))
            continue;
        irql = spin_lock(&c->lock);
        cache_drain(c, 0);
        spin_unlock(&c->lock, irql);
    }
}

void
frame_give(uint32_t first, uint32_t count)
{
    uint8_t irql = spin_lock(&frame_lock);

    buddy_add(&buddy, first, count);
    spin_unlock(&frame_lock, irql);
}

bool
frame_take(uint32_t first, unsigned *order)
{
    uint8_t irql = spin_lock(&frame_lock);
    bool taken = buddy_take(&buddy, first, order);

    spin_unlock(&frame_lock, irql);
    return taken;
}

void
frame_split(uint32_t first, unsigned order)
{
    uint8_t irql = spin_lock(&frame_lock);

    buddy_split(&buddy, first, order);
    spin_unlock(&frame_lock, irql);
}

#if DEBUG
static uint64_t fail_countdown; /* [a] 0: off */

uint64_t
alloc_fail_at(uint64_t n)
{
    return __atomic_exchange_n(&fail_countdown, n, __ATOMIC_RELAXED);
}

bool
alloc_should_fail(void)
{
    uint64_t left = __atomic_load_n(&fail_countdown, __ATOMIC_RELAXED);

    while (left)
        if (__atomic_compare_exchange_n(&fail_countdown, &left, left - 1, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return left == 1;
    return false;
}
#endif
