#include "kernel/mem/buddy.h"
#include "lib/errno.h"
#include "lib/field.h"

static struct buddy_zone *
zone_of(struct buddy *b, uint32_t first)
{
    return &b->zone[first < ZONE_ISA_END ? ZONE_ISA : first < ZONE_LOW_END ? ZONE_LOW : ZONE_HIGH];
}

static void
block_link(struct buddy *b, uint32_t first, unsigned order)
{
    struct buddy_zone *z = zone_of(b, first);
    struct frame *f = &b->frames[first];

    f->state = FRAME_FREE;
    f->order = (uint8_t)order;
    f->prev = 0;
    f->next = z->head[order];
    if (f->next)
        b->frames[f->next].prev = first;
    z->head[order] = first;
    z->blocks[order]++;
    z->orders |= BIT(order);
    b->free += BIT(order);
}

static void
block_unlink(struct buddy *b, uint32_t first)
{
    struct buddy_zone *z = zone_of(b, first);
    struct frame *f = &b->frames[first];

    if (f->next)
        b->frames[f->next].prev = f->prev;
    if (f->prev)
        b->frames[f->prev].next = f->next;
    else
        z->head[f->order] = f->next;
    if (--z->blocks[f->order] == 0)
        z->orders &= ~BIT(f->order);
    b->free -= BIT(f->order);
    f->state = FRAME_NONE;
}

/* Put a block in that is in nobody's hands, together with its free buddies (I2). */
static void
block_merge(struct buddy *b, uint32_t first, unsigned order)
{
    b->frames[first].state = FRAME_NONE;
    for (; order < BUDDY_LARGEST; order++) {
        uint32_t buddy = first ^ BIT(order);
        const struct frame *f = &b->frames[buddy];

        if (f->state != FRAME_FREE || f->order != order)
            break;
        block_unlink(b, buddy);
        first &= ~BIT(order);
    }
    block_link(b, first, order);
}

/* The largest aligned block at the left end of a run. */
static unsigned
run_order(uint32_t first, uint32_t count)
{
    unsigned order = 31 - (unsigned)__builtin_clz(count);

    if (first)
        order = MIN(order, (unsigned)__builtin_ctz(first));
    return MIN(order, (unsigned)BUDDY_LARGEST);
}

static void
run_merge(struct buddy *b, uint32_t first, uint32_t count)
{
    while (count) {
        unsigned order = run_order(first, count);

        block_merge(b, first, order);
        first += BIT(order);
        count -= BIT(order);
    }
}

static void
run_mark_used(struct buddy *b, uint32_t first, uint32_t count)
{
    while (count) {
        unsigned order = run_order(first, count);

        b->frames[first].state = FRAME_USED;
        b->frames[first].order = (uint8_t)order;
        first += BIT(order);
        count -= BIT(order);
    }
}

static bool
run_is_used(const struct buddy *b, uint32_t first, uint32_t count)
{
    while (count) {
        unsigned order = run_order(first, count);

        if (b->frames[first].state != FRAME_USED || b->frames[first].order != order)
            return false;
        first += BIT(order);
        count -= BIT(order);
    }
    return true;
}

void
buddy_add(struct buddy *b, uint32_t first, uint32_t count)
{
    b->total += count;
    run_merge(b, first, count);
}

/* Take a free block out and keep the first `count` frames of it. */
static void
block_carve(struct buddy *b, uint32_t first, uint32_t count)
{
    uint32_t size = BIT(b->frames[first].order);

    block_unlink(b, first);
    run_mark_used(b, first, count);
    run_merge(b, first + count, size - count);
}

uint32_t
buddy_alloc(struct buddy *b, unsigned order, enum buddy_zone_id zone)
{
    for (int z = (int)zone; z >= 0; z--) {
        uint32_t orders = b->zone[z].orders >> order << order;
        uint32_t first;

        if (!orders)
            continue;
        first = b->zone[z].head[__builtin_ctz(orders)];
        block_carve(b, first, BIT(order));
        return first;
    }
    return 0;
}

int
buddy_free(struct buddy *b, uint32_t first, unsigned order)
{
    const struct frame *f = &b->frames[first];

    if (f->state != FRAME_USED || f->order != order)
        return -EINVAL;
    block_merge(b, first, order);
    return 0;
}

/* Smallest order whose blocks have at least `count` frames. */
static unsigned
order_for(uint32_t count)
{
    unsigned order = count == 1 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);

    return MIN(order, (unsigned)BUDDY_LARGEST);
}

/* A block in one list whose left end fits; looks at `budget` blocks. */
static uint32_t
list_search(const struct buddy *b, uint32_t first, uint32_t count, const struct buddy_limits *limits,
            uint32_t budget)
{
    for (; first && budget; budget--) {
        if (!(first & (limits->align - 1)) && first <= limits->last && count - 1 <= limits->last - first)
            return first;
        first = b->frames[first].next;
    }
    return 0;
}

/* Blocks that are aligned by their size first; then smaller ones, of which some may lie right. */
static uint32_t
zone_search(const struct buddy *b, unsigned z, uint32_t count, const struct buddy_limits *limits)
{
    unsigned least = order_for(count), aligned = MAX(least, order_for(limits->align));
    uint32_t budget = z == ZONE_ISA ? UINT32_MAX : BUDDY_SCAN, first = 0;

    for (unsigned order = aligned; order <= BUDDY_LARGEST && !first; order++)
        first = list_search(b, b->zone[z].head[order], count, limits, budget);
    for (unsigned order = least; order < aligned && !first; order++)
        first = list_search(b, b->zone[z].head[order], count, limits, budget);
    return first;
}

uint32_t
buddy_alloc_run(struct buddy *b, uint32_t count, const struct buddy_limits *limits)
{
    uint32_t first = 0;

    for (unsigned z = BUDDY_ZONES; z-- > 0 && !first;)
        first = zone_search(b, z, count, limits);
    if (first)
        block_carve(b, first, count);
    return first;
}

int
buddy_free_run(struct buddy *b, uint32_t first, uint32_t count)
{
    if (!run_is_used(b, first, count))
        return -EINVAL;
    run_merge(b, first, count);
    return 0;
}

bool
buddy_take(struct buddy *b, uint32_t first, unsigned *order)
{
    const struct frame *f = &b->frames[first];

    if (f->state != FRAME_FREE)
        return false;
    *order = f->order;
    block_carve(b, first, BIT(*order));
    return true;
}

void
buddy_split(struct buddy *b, uint32_t first, unsigned order)
{
    for (uint32_t i = 0; i < BIT(order); i++) {
        b->frames[first + i].state = FRAME_USED;
        b->frames[first + i].order = 0;
    }
}
