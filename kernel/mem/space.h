/*
 * The kernel's half of the address space: final page tables, and ranges mapped on demand.
 *
 * W^X: nothing is writable and executable. What is mapped on demand is in pages of 2 MiB where address and size
 * are multiples of that, else in pages of 4 KiB.
 * Unmapping takes the translation out on all processors before it returns.
 *
 * The entries of the PML4 for this half (256 .. 511) never change after mem_init(): an address space of a
 * process is a PML4 with a copy of them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_STACK_SIZE (24 * 1024)

enum map_flags {
    MAP_WRITE = 1,
    MAP_EXEC = 2,
    MAP_UNCACHED = 4,        /* strong uncacheable: device registers */
    MAP_WRITE_COMBINING = 8, /* frame buffers */
};

/*
 * Map physical memory or device memory (any alignment; the offset in the page is kept). Without a flag: to read,
 * cached. What the direct map has already is not mapped again if it is wanted cached and not executable.
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: the address for space_unmap(), or NULL: no memory, no address space, a size of 0, an address beyond
 *          what the processor has, or MAP_WRITE with MAP_EXEC
 */
void *space_map(uint64_t pa, size_t size, unsigned flags);
#define space_map_device(pa, size) space_map((pa), (size), MAP_WRITE | MAP_UNCACHED)

/* Undo space_map(), given what it returned. NULL is allowed. PASSIVE_LEVEL: other processors are waited for. */
void space_unmap(void *va);

/*
 * Virtually contiguous memory out of single frames, with an unmapped page behind it; zeroed.
 * IRQL:    PASSIVE_LEVEL
 * Returns: the address for space_free(), page-aligned, or NULL (as space_map())
 */
void *space_alloc(size_t size, unsigned flags);
void space_free(void *va);

/* Change the protection of whole pages in a range from space_alloc(). PASSIVE_LEVEL. Returns 0 or -EINVAL. */
int space_protect(void *va, size_t size, unsigned flags);

/*
 * Make one mapped page of 4 KiB (of space_map_device()) fault, or not any more, as seen from this processor; others are told
 * by tlb_flush_range(). The mapping stays: whoever calls knows that it does. Any IRQL.
 */
void space_set_present(const void *va, bool present);

/*
 * A kernel stack of KERNEL_STACK_SIZE with guard pages below and above, filled with a pattern. A few that were
 * freed are kept for the next ones.
 * IRQL:    PASSIVE_LEVEL
 * Returns: its top (the address behind it, 16-byte aligned), or NULL. stack_free() takes the top.
 */
void *stack_alloc(void);
void stack_free(void *top);

/* Bytes ever used, from the pattern; also of the boot processor's first stack. Any IRQL. */
size_t stack_high_water(const void *top);

/* Give the stacks that are kept back to the frame allocator (tests, low memory). PASSIVE_LEVEL. */
void stack_drain(void);

/* Is this address in a guard page of some kernel stack? For the page fault report. Any IRQL. */
bool stack_guard_hit(uintptr_t va);

/*
 * Have a frame seen, to be read, at SHARED_DATA (layout.h), for good. Once. PASSIVE_LEVEL.
 */
void space_show_shared(uint64_t pa);

/* Physical address behind any mapped kernel address; false if not mapped. Any IRQL. */
bool space_physical(const void *va, uint64_t *pa);

struct space_stats {
    uint64_t mapped_ranges, mapped_bytes; /* on demand, without stacks */
    uint64_t page_table_frames;
    uint64_t stacks, stacks_kept; /* mapped; of these, not in use */
};
void space_stats(struct space_stats *out);
