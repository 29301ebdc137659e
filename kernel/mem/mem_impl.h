/*
 * What the files of kernel/mem share among themselves.
 *
 *   init.c    the map -> early memory -> page tables -> frame table -> frame.c
 *   frame.c   buddy.c behind a lock, with caches                memtest.c  the test of free frames
 *   table.c   the kernel's page tables
 *   space.c   ranges mapped on demand (range.c)                 stack.c    kernel stacks
 *   pool.c    small objects                                     dma.c      device buffers
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/layout.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/region.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"

#define LOW_MEMORY_END 0x100000 /* memory below is the firmware's and the trampoline's */
#define LARGE_PAGE     (UINT64_C(1) << 21)
#define HUGE_PAGE      (UINT64_C(1) << 30)

/*
 * Parts of the dynamic range. The tables of a part are never given back, and a part holds pages of one size
 * only, so no entry ever changes between a table and a large page.
 */
#define STACKS_BASE DYNAMIC_BASE
#define STACKS_SIZE MiB(256)
#define SMALL_BASE  (STACKS_BASE + STACKS_SIZE)
#define SMALL_SIZE  (GiB(256) - STACKS_SIZE)
#define LARGE_BASE  (SMALL_BASE + SMALL_SIZE)
#define LARGE_SIZE  GiB(256)
_Static_assert(LARGE_BASE + LARGE_SIZE == DYNAMIC_END, "the parts fill the dynamic range");

/* -- init.c */

/* The firmware's map in order, without `reserved`. [I] after mem_init(). */
extern struct region_list mem_layout;

/* Is all of this in the direct map? */
bool mem_is_mapped(uint64_t pa, uint64_t size);

/* -- space.c, stack.c */

/* The dynamic range is empty. Boot processor, during mem_init(). */
/* Parts of mem_init(). Once. */
void space_init(void);

/* The stack that runs now is the boot processor's first: fill what of it was not used yet. During mem_init(). */
void stack_init(void);

/* Mapped stacks, and those of them that nobody uses. Locks: the space lock. */
void stack_count(uint64_t *total, uint64_t *kept);

/* All changes of the kernel's page tables after mem_init(). */
extern spinlock_t space_lock;

/*
 * Take mapped 4 KiB pages out of the tables and out of all processors' sight, then free the frames.
 * PASSIVE_LEVEL. Locks: none held; takes the space lock.
 */
void space_withdraw(uint64_t va, uint64_t size);

/* `count` zeroed single frames, chained through struct frame.next. Returns the first, or 0 (then none is out). */
uint32_t chain_alloc(uint64_t count, unsigned flags);
void chain_free(uint32_t first);

/* Map a chain of frames, with its reserved tables. Locks: the space lock. */
void chain_map(uint32_t first, uint64_t va, unsigned flags);

/* -- frame.c */

/* Frames [first, first + count) are free from now on. Boot processor, during mem_init(). */
void frame_give(uint32_t first, uint32_t count);

/* If a free block begins at this frame, take it out. Not the frames in the caches. */
bool frame_take(uint32_t first, unsigned *order);

/* Turn a block that is out into single frames that are out. */
void frame_split(uint32_t first, unsigned order);

/* -- memtest.c */

#if DEBUG
/* Tests: the memory test finds this physical address to be bad. 0: none. */
extern uint64_t memtest_pretend_bad;
#endif

/* -- table.c */

extern uint64_t table_root; /* [I] physical address of the PML4 */

/* Entry bits for enum map_flags. */
uint64_t table_bits(unsigned flags);

/* The first table. `source` gives zeroed frames, or 0; table_set_source() exchanges it. */
void table_init(uint64_t (*source)(void));
void table_set_source(uint64_t (*source)(void));

/*
 * See that the tables for pages of `page` bytes (PAGE_SIZE, LARGE_PAGE, HUGE_PAGE) in a range exist. The range
 * consists of whole ones.
 * Locks:   the space lock, or the boot processor alone; so for all that follow
 * Returns: 0, or -ENOMEM; then some tables were made, and stay
 */
int table_reserve(uint64_t va, uint64_t size, uint64_t page);

/* Map a reserved range that is not mapped yet. */
void table_set(uint64_t va, uint64_t pa, uint64_t size, uint64_t bits, uint64_t page);

/* Clear the entries of a reserved range. Each one that was present is passed to gone(); the caller flushes. */
void table_clear(uint64_t va, uint64_t size, uint64_t page, void (*gone)(void *context, uint64_t entry),
                 void *context);

/* Give the mapped 4 KiB pages of a range other bits; the caller flushes. */
void table_protect(uint64_t va, uint64_t size, uint64_t bits);

/* One entry of 4 KiB that is mapped, with or without its present bit; the rest of it stays. No lock. */
void table_set_present(uint64_t va, bool present);

/* Tables in use. */
uint64_t table_frames(void);
