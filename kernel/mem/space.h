/*
 * The kernel's half of the address space: final page tables, and ranges mapped on demand.
 *
 * W^X: nothing is writable and executable. Pages of 1 GiB and 2 MiB where size and alignment allow.
 * Unmapping takes the translation out on all processors before it returns.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_STACK_SIZE (24 * 1024)

enum map_flags {
    MAP_WRITE = 1,
    MAP_EXEC = 2,
    MAP_UNCACHED = 4,           /* strong uncacheable: device registers */
    MAP_WRITE_COMBINING = 8,    /* frame buffers */
};

/*
 * Map physical memory or device memory (any alignment; the offset in the page is kept).
 * IRQL:    <= DISPATCH_LEVEL (mapping); PASSIVE_LEVEL (unmapping: other processors are waited for)
 * Returns: the address, or NULL without memory or address space
 */
void *space_map(uint64_t pa, size_t size, unsigned flags);
void  space_unmap(void *va, size_t size);
#define space_map_device(pa, size) space_map((pa), (size), MAP_WRITE | MAP_UNCACHED)

/* Virtually contiguous memory out of single frames, with an unmapped page behind it; zeroed. PASSIVE_LEVEL. */
void *space_alloc(size_t size, unsigned flags);
void  space_free(void *va);

/* Change the protection of whole pages in a range from space_alloc(). PASSIVE_LEVEL. Returns 0 or -EINVAL. */
int space_protect(void *va, size_t size, unsigned flags);

/*
 * A kernel stack of KERNEL_STACK_SIZE with guard pages below and above, filled with a pattern.
 * Returns its top (highest address, 16-byte aligned), or NULL. stack_free takes the top.
 */
void  *stack_alloc(void);
void   stack_free(void *top);
size_t stack_high_water(const void *top);   /* bytes ever used, from the pattern */

/* Is this address in the guard page of some kernel stack? For the page fault report. Any IRQL. */
bool stack_guard_hit(uintptr_t va);

/* Physical address behind any mapped kernel address; false if not mapped. */
bool space_physical(const void *va, uint64_t *pa);

/* Load the final page tables on a processor that comes up. */
void space_activate(void);

struct space_stats {
    uint64_t mapped_ranges, mapped_bytes, page_table_frames;
};
void space_stats(struct space_stats *out);
