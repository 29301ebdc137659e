/*
 * The buddy system: blocks of 2^order frames, each aligned to its size, split and merged. Pure: no locks, no
 * hardware, works on an array of struct frame; frame.c puts locks and caches around it.
 *
 * I1  A free block is in the list of its zone and order; its first frame is FRAME_FREE and knows its order; no
 *     other frame of it is FRAME_FREE.
 * I2  Two free buddies of the same order never exist: they are merged (up to the largest order).
 * I3  A block that is out has a first frame FRAME_USED (or a state that its owner gave it) with its order.
 *     A run that is not a power of two is out as its blocks: the fewest aligned ones, from the left.
 * I4  Frame 0 is never given in; 0 means none.
 * I5  Zones begin and end at multiples of the largest block, so no block lies in two.
 *
 * Allocation and freeing take O(orders). A search with a limit looks at BUDDY_SCAN blocks of each list at most.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/mem/frame.h"

enum buddy_zone_id { ZONE_ISA, ZONE_LOW, ZONE_HIGH, BUDDY_ZONES };

#define ZONE_ISA_END  (UINT32_C(1) << (24 - PAGE_SHIFT)) /* 16 MiB: what ISA DMA reaches */
#define ZONE_LOW_END  (UINT32_C(1) << (32 - PAGE_SHIFT)) /* 4 GiB: what 32-bit devices reach */
#define BUDDY_LARGEST (FRAME_ORDERS - 1)
#define BUDDY_SCAN    1024

/* [f] the lock that the caller holds around every call */
struct buddy_zone {
    uint32_t head[FRAME_ORDERS];   /* [f] first free block, 0: none */
    uint32_t blocks[FRAME_ORDERS]; /* [f] length of that list */
    uint32_t orders;               /* [f] bit n: the list of order n is not empty */
};

struct buddy {
    struct frame *frames; /* [I] indexed by frame number; the 4 MiB around each given frame exist */
    uint64_t total;       /* [f] frames given in */
    uint64_t free;        /* [f] of these, in the lists */
    struct buddy_zone zone[BUDDY_ZONES];
};

/* What a run of frames must keep to. */
struct buddy_limits {
    uint32_t last;  /* highest frame number allowed */
    uint32_t align; /* in frames, a power of two */
};

/* Give frames to the allocator for good. They are in nobody's hands, and their descriptors are zero. */
void buddy_add(struct buddy *b, uint32_t first, uint32_t count);

/* A block out of `zone` or a lower one, the highest first. Returns its first frame, or 0. */
uint32_t buddy_alloc(struct buddy *b, unsigned order, enum buddy_zone_id zone);

/* Returns 0, or -EINVAL if no such block is out (nothing has changed then). */
int buddy_free(struct buddy *b, uint32_t first, unsigned order);

/*
 * `count` frames (1 .. the largest block) in a row, from a multiple of limits->align, in a stretch aligned to
 * `count` rounded up to a power of two: so no boundary is crossed that `count` does not exceed itself.
 * Searches the highest zone first, in it the smallest block that is large enough first. Where the limit or a large
 * alignment makes it look on, it gives up after BUDDY_SCAN blocks of an order, but for the ISA zone, in which it
 * finds whatever fits.
 * Returns the first frame, or 0.
 */
uint32_t buddy_alloc_run(struct buddy *b, uint32_t count, const struct buddy_limits *limits);

/* Returns 0, or -EINVAL if the run is not out as it came from buddy_alloc_run() (nothing has changed then). */
int buddy_free_run(struct buddy *b, uint32_t first, uint32_t count);

/* If a free block begins at `first`, take it out and say its order; false if none does. */
bool buddy_take(struct buddy *b, uint32_t first, unsigned *order);

/* Turn a block that is out into single frames that are out. */
void buddy_split(struct buddy *b, uint32_t first, unsigned order);
