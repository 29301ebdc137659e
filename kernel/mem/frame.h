/*
 * Page frames: physical memory in pages of 4 KiB, given out in blocks of 2^order (buddy system), with a small
 * cache of single frames on each processor.
 *
 * Not for: small objects (pool.h), virtual ranges (space.h), device buffers (dma.h gives frames with limits).
 * An allocation that cannot be met returns 0 / -ENOMEM: an ordinary result. Physical page 0 is never given out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/layout.h"

#define PAGE_SIZE    4096ul
#define PAGE_SHIFT   12
#define FRAME_ORDERS 11 /* blocks of 4 KiB .. 4 MiB */

/*
 * One range of the firmware's memory map. Ranges may overlap and come in any order: the worst kind wins, which
 * is the one with the greatest number; numbers that are not listed count as reserved.
 */
enum mem_kind { MEM_USABLE = 1, MEM_RESERVED, MEM_ACPI_RECLAIM, MEM_ACPI_NVS, MEM_BAD };
struct mem_region {
    uint64_t start, size; /* bytes */
    enum mem_kind kind;
};

enum frame_state {
    FRAME_NONE,   /* not memory, reserved, or not the first of its block */
    FRAME_FREE,   /* first of a free block */
    FRAME_CACHED, /* free, in a processor's cache */
    FRAME_USED,   /* first of a block that is given out */
    FRAME_POOL,   /* the same, and the pool's */
    FRAME_BAD,    /* found bad by frame_memtest() */
};

/* A frame's descriptor. [f] frame lock. While a block is given out, the members marked "owner" of its first
 * descriptor are its owner's, with undefined contents at first. */
struct frame {
    uint32_t next, prev; /* [f] free list, as frame numbers; owner */
    uint8_t order;       /* [f] of the block that starts here */
    uint8_t state;       /* [f] enum frame_state */
    uint16_t use;        /* owner */
    uint32_t refs;       /* owner */
};
_Static_assert(sizeof(struct frame) == 16, "the table costs 1/256 of memory");

/*
 * Build the allocator from the map, minus `reserved` (the kernel image, modules, the page below 1 MiB kept for
 * processor start; their kind does not matter), and the final page tables, and switch to these. Memory below
 * 1 MiB is mapped but never given out. `limit`: memory above is ignored (kernel option mem=), 0: none.
 * Boot processor, once, after cpu_init(). Panics if there is no room at all.
 *
 * Afterwards the direct map holds usable and ACPI memory of the map, and nothing else: device memory and
 * reserved ranges (many firmwares keep ACPI tables there) are reached through space_map().
 */
void mem_init(const struct mem_region *map, size_t count, const struct mem_region *reserved,
              size_t reserved_count, uint64_t limit);

/*
 * 2^order contiguous frames (order < FRAME_ORDERS, checked), aligned to their size; contents undefined, or zeros
 * with FRAME_ZERO. The highest memory that is free is taken, FRAME_BELOW_4G: below 4 GiB.
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: physical address, or 0
 */
#define FRAME_ZERO     1u
#define FRAME_BELOW_4G 2u
uint64_t frame_alloc(unsigned order, unsigned flags);

/* Give back what frame_alloc() gave, with the same order; anything else is a panic. IRQL: <= DISPATCH_LEVEL. */
void frame_free(uint64_t pa, unsigned order);

/* What a device can reach. Zero members mean no limit. */
struct dma_limits {
    uint64_t max_address; /* highest byte address the device can drive, e.g. 0xffffffff */
    uint64_t align;       /* power of two */
    uint64_t boundary;    /* power of two that a buffer must not cross, e.g. 64 KiB */
};

/*
 * Contiguous frames for `size` bytes (rounded up to pages, at most 4 MiB) within the limits. The search is
 * bounded: at most BUDDY_SCAN blocks of each size are looked at (buddy.h).
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: 0 and *pa; -ENOMEM; -EINVAL for a size of 0 or above 4 MiB, an alignment or boundary that is not a
 *          power of two, or limits that no buffer of this size can meet
 */
int frame_alloc_limited(size_t size, const struct dma_limits *limits, uint64_t *pa);
void frame_free_range(uint64_t pa, size_t size);

/* Is any of these bytes memory of the map, usable or ACPI's? What a device claims must not be. Any IRQL. */
bool mem_overlaps(uint64_t pa, uint64_t size);

/* A frame's descriptor; NULL for an address that is not usable memory. Any IRQL. */
struct frame *frame_of(uint64_t pa);

struct frame_stats {
    uint64_t total;        /* frames of usable memory from 1 MiB on, the kernel's own among them */
    uint64_t managed;      /* of these, given to the allocator at start */
    uint64_t free, cached; /* frames; cached ones are free, on some processor */
    uint64_t free_blocks[FRAME_ORDERS];
    uint64_t failures; /* allocations that returned 0 or -ENOMEM */
};
void frame_stats(struct frame_stats *out);

/*
 * Is there so little left that programs get no more? The rest is the kernel's, which needs it to bring storage I/O to
 * its end. IRQL: any.
 */
bool frame_scarce(void);

/*
 * Memory that was reserved at the start and is in use no more (the image of the root): the whole pages in it become
 * free. Memory that the map does not call usable stays what it is. IRQL: <= DISPATCH_LEVEL.
 */
void mem_release(uint64_t pa, uint64_t size);

/* Give the cached single frames of all processors back to the buddy system. IRQL: <= DISPATCH_LEVEL. */
void frame_drain(void);

/*
 * Test every free frame with patterns (boot option "memtest"). Bad ones are taken out. Holds one block, up to
 * 4 MiB, at a time. Progress goes to the log.
 * IRQL:    PASSIVE_LEVEL
 * Returns: the number of bad frames
 */
uint64_t frame_memtest(void);

#if DEBUG
/*
 * Let the n-th allocation from now on fail, once (n = 1: the next); 0: none. Counts frame and pool allocations
 * alike, on all processors; what the allocators do for themselves does not count.
 * Returns: what was left of the previous setting, 0 if it has fired. IRQL: any
 */
uint64_t alloc_fail_at(uint64_t n);

/* Asked once by each allocation that is to count. */
bool alloc_should_fail(void);
#else
static inline bool
alloc_should_fail(void)
{
    return false;
}
#endif

/* The direct map. */
static inline void *
phys_to_virt(uint64_t pa)
{
    return (void *)(pa + DIRECT_MAP_BASE);
}

/* Physical address of an address in the direct map or in the kernel image. Others: space_physical(). */
static inline uint64_t
virt_to_phys(const void *va)
{
    uint64_t a = (uint64_t)va;

    return a >= KERNEL_BASE ? a - KERNEL_BASE : a - DIRECT_MAP_BASE;
}
