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

#define PAGE_SIZE   4096ul
#define PAGE_SHIFT  12
#define FRAME_ORDERS 11           /* blocks of 4 KiB .. 4 MiB */

/* One range of the firmware's memory map. Ranges may overlap and come in any order: the worst kind wins. */
enum mem_kind { MEM_USABLE = 1, MEM_RESERVED, MEM_ACPI_RECLAIM, MEM_ACPI_NVS, MEM_BAD };
struct mem_region {
    uint64_t      start, size;    /* bytes */
    enum mem_kind kind;
};

/* A frame's descriptor. [f] frame lock while free; the owner's while given out. */
struct frame {
    uint32_t next, prev;          /* [f] free list, as frame numbers; owner's use while given out */
    uint16_t order;               /* [f] of the block that starts here */
    uint16_t state;
    uint32_t refs;                /* owner's use */
};

/*
 * Build the allocator from the map, minus `reserved` (the kernel image, modules, the page below 1 MiB kept for
 * processor start). Also builds the final page tables' direct map, through space_init(). Boot processor, once.
 * `limit`: memory above is ignored (kernel option mem=), 0: none. Panics if there is no room at all.
 */
void mem_init(const struct mem_region *map, size_t count, const struct mem_region *reserved,
              size_t reserved_count, uint64_t limit);

/*
 * 2^order contiguous frames, aligned to their size; contents undefined (zeroed with FRAME_ZERO).
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: physical address, or 0
 */
#define FRAME_ZERO     1u
#define FRAME_BELOW_4G 2u         /* prefer nothing else: fail rather than go above */
uint64_t frame_alloc(unsigned order, unsigned flags);
void     frame_free(uint64_t pa, unsigned order);

/* What a device can reach. Zero members mean no limit. */
struct dma_limits {
    uint64_t max_address;         /* highest byte address the device can drive, e.g. 0xffffffff */
    uint64_t align;               /* power of two */
    uint64_t boundary;            /* power of two that a buffer must not cross, e.g. 64 KiB */
};

/*
 * Contiguous frames for `size` bytes (rounded up to pages, at most 4 MiB) within the limits. Bounded time.
 * Returns: 0 and *pa; -ENOMEM; -EINVAL for limits that contradict each other or the size
 */
int  frame_alloc_limited(size_t size, const struct dma_limits *limits, uint64_t *pa);
void frame_free_range(uint64_t pa, size_t size);

/* A frame's descriptor; NULL for an address that is not memory of ours. */
struct frame *frame_of(uint64_t pa);

struct frame_stats {
    uint64_t total, free, cached; /* frames; cached ones are free, on some processor */
    uint64_t free_blocks[FRAME_ORDERS];
    uint64_t failures;            /* allocations that returned 0 */
};
void frame_stats(struct frame_stats *out);

/* Give the cached single frames of all processors back to the buddy system (tests, low memory). */
void frame_drain(void);

/* Test every free frame with patterns (boot option "memtest"); returns the number of bad ones, which are
 * taken out. Progress goes to the log. PASSIVE_LEVEL. */
uint64_t frame_memtest(void);

/* Debug builds: let the n-th allocation from now on fail, once (n = 1: the next); 0: none. Counts frame and pool
 * allocations alike. Returns what was left of the previous setting, 0 if it has fired. */
uint64_t alloc_fail_at(uint64_t n);
bool     alloc_should_fail(void); /* asked by frame.c and pool.c */

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
