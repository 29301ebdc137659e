/*
 * A buddy system beside a model of it, one byte a frame, and operations on both chosen by a stream of numbers:
 * random ones in the test, the input of the fuzzer.
 *
 * The memory: a piece in the ISA zone, one that crosses 16 MiB, one that crosses 4 GiB, all with ragged ends.
 */
#pragma once
#include "kernel/mem/buddy.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/check.h"

#define WORLD_END  (ZONE_LOW_END + 8192)
#define BLOCKS_MAX 4096

enum { NOT_OURS, IS_FREE, IS_OUT };

struct held {
    uint32_t first, count;
    unsigned order; /* RUN: from buddy_alloc_run() */
};
#define RUN 99

static struct {
    struct buddy buddy;
    uint8_t *owner;
    uint64_t free;
    struct held held[BLOCKS_MAX];
    size_t held_count;
} world;

static const struct {
    uint32_t first, count;
} world_memory[] = {
    {257, 700},
    {958, 3},
    {2048, 1024},
    {3333, 2222},
    {ZONE_LOW_END - 2500, 5001},
    {ZONE_LOW_END + 4096, 1024},
};

static void
world_make(void)
{
    if (!world.owner) {
        world.owner = calloc(WORLD_END, 1);
        world.buddy.frames = calloc(WORLD_END, sizeof(struct frame));
    }
    struct frame *frames = world.buddy.frames;
    world.buddy = (struct buddy){.frames = frames};
    world.held_count = 0;
    world.free = 0;
    for (size_t i = 0; i < ARRAY_SIZE(world_memory); i++) {
        memset(frames + world_memory[i].first, 0, world_memory[i].count * sizeof(*frames));
        memset(world.owner + world_memory[i].first, IS_FREE, world_memory[i].count);
        buddy_add(&world.buddy, world_memory[i].first, world_memory[i].count);
        world.free += world_memory[i].count;
    }
}

static bool
all_are(uint32_t first, uint32_t count, uint8_t owner)
{
    for (uint32_t i = 0; i < count; i++)
        if (world.owner[first + i] != owner)
            return false;
    return true;
}

/* Is there an aligned stretch of 2^order free frames below `end` whose first `count` end at `last` or before? */
static bool
stretch_exists(unsigned order, uint32_t align, uint32_t count, uint32_t end, uint64_t last)
{
    uint32_t step = MAX(BIT(order), align);

    for (size_t i = 0; i < ARRAY_SIZE(world_memory); i++) {
        uint32_t stop = MIN(world_memory[i].first + world_memory[i].count, end);

        for (uint32_t f = ALIGN_UP(world_memory[i].first, step); f + BIT(order) <= stop; f += step)
            if (f + count - 1 <= last && all_are(f, BIT(order), IS_FREE))
                return true;
    }
    return false;
}

static void
world_hold(uint32_t first, uint32_t count, unsigned order)
{
    CHECK(all_are(first, count, IS_FREE));
    memset(world.owner + first, IS_OUT, count);
    world.free -= count;
    world.held[world.held_count++] = (struct held){first, count, order};
}

static void
op_alloc(unsigned order, unsigned zone)
{
    const uint32_t ends[] = {ZONE_ISA_END, ZONE_LOW_END, WORLD_END};
    uint32_t first = buddy_alloc(&world.buddy, order, (enum buddy_zone_id)zone);

    if (!first) {
        CHECK(!stretch_exists(order, 1, BIT(order), ends[zone], UINT32_MAX));
        return;
    }
    CHECK(first % BIT(order) == 0 && first + BIT(order) <= ends[zone]);
    /* a higher zone is used up first */
    if (zone == ZONE_HIGH && first < ZONE_LOW_END)
        CHECK_EQ(world.buddy.zone[ZONE_HIGH].orders >> order, 0);
    world_hold(first, BIT(order), order);
}

static void
op_alloc_run(uint32_t count, const struct buddy_limits *limits)
{
    uint32_t first = buddy_alloc_run(&world.buddy, count, limits);
    unsigned order = 0;

    while (BIT(order) < count)
        order++;
    if (!first) {
        CHECK(!stretch_exists(order, limits->align, count, WORLD_END, limits->last));
        return;
    }
    CHECK(first % limits->align == 0 && (uint64_t)first + count - 1 <= limits->last);
    CHECK(first / BIT(order) == (first + count - 1) / BIT(order));
    world_hold(first, count, RUN);
}

static void
op_free(size_t i)
{
    struct held h = world.held[i];

    world.held[i] = world.held[--world.held_count];
    memset(world.owner + h.first, IS_FREE, h.count);
    world.free += h.count;
    if (h.order == RUN) {
        CHECK_EQ(buddy_free_run(&world.buddy, h.first, h.count), 0);
        CHECK_EQ(buddy_free_run(&world.buddy, h.first, h.count), -EINVAL);
    } else {
        CHECK_EQ(buddy_free(&world.buddy, h.first, h.order + 1), -EINVAL);
        CHECK_EQ(buddy_free(&world.buddy, h.first, h.order), 0);
        CHECK_EQ(buddy_free(&world.buddy, h.first, h.order), -EINVAL);
    }
}

/* Take whatever begins there, split it and give it back frame by frame. */
static void
op_take(uint32_t first)
{
    unsigned order;

    if (!buddy_take(&world.buddy, first, &order))
        return;
    CHECK(all_are(first, BIT(order), IS_FREE));
    buddy_split(&world.buddy, first, order);
    for (uint32_t i = BIT(order); i-- > 0;)
        CHECK_EQ(buddy_free(&world.buddy, first + i, 0), 0);
}

static void
world_step(uint64_t (*next)(uint64_t below))
{
    uint64_t what = next(16);

    if (world.held_count == BLOCKS_MAX || (what < 7 && world.held_count)) {
        op_free(next(world.held_count));
    } else if (what < 12) {
        op_alloc((unsigned)next(next(4) ? 4 : FRAME_ORDERS), (unsigned)next(BUDDY_ZONES));
    } else if (what < 15) {
        const uint32_t lasts[] = {511, 957, 4095, 5555, ZONE_LOW_END - 1, ZONE_LOW_END + 99, UINT32_MAX};
        struct buddy_limits limits = {lasts[next(ARRAY_SIZE(lasts))], BIT(next(next(3) ? 5 : 13))};

        op_alloc_run(1 + (uint32_t)next(next(3) ? 20 : 1024), &limits);
    } else {
        uint64_t i = next(ARRAY_SIZE(world_memory));

        op_take(world_memory[i].first + (uint32_t)next(world_memory[i].count));
    }
}

/* The lists, against the model and I1, I2, I5. */
static void
world_check(void)
{
    const struct buddy *b = &world.buddy;
    uint64_t free = 0;

    for (unsigned z = 0; z < BUDDY_ZONES; z++)
        for (unsigned order = 0; order < FRAME_ORDERS; order++) {
            uint32_t length = 0, prev = 0;

            for (uint32_t f = b->zone[z].head[order]; f; prev = f, f = b->frames[f].next, length++) {
                const struct frame *buddy = &b->frames[f ^ BIT(order)];

                CHECK(f % BIT(order) == 0 && all_are(f, BIT(order), IS_FREE));
                CHECK(b->frames[f].state == FRAME_FREE && b->frames[f].order == order);
                CHECK_EQ(b->frames[f].prev, prev);
                CHECK_EQ(z, f < ZONE_ISA_END ? ZONE_ISA : f < ZONE_LOW_END ? ZONE_LOW : ZONE_HIGH);
                CHECK(order == BUDDY_LARGEST || buddy->state != FRAME_FREE || buddy->order != order);
                free += BIT(order);
                if (length > WORLD_END)
                    abort();
            }
            CHECK_EQ(b->zone[z].blocks[order], length);
            CHECK_EQ(b->zone[z].orders >> order & 1, length != 0);
        }
    CHECK_EQ(b->free, free);
    CHECK_EQ(b->free, world.free);
}

static void
world_end(void)
{
    while (world.held_count)
        op_free(world.held_count - 1);
    world_check();
    CHECK_EQ(world.buddy.free, world.buddy.total);
}
