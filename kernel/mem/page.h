/*
 * Single frames that several have: pages of files and of programs, counted by frame.refs.
 *
 * I1  A page comes into being with one reference, from page_alloc().
 * I2  Who maps a page, or keeps it in a file, holds one reference. The last page_put() gives the frame back.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/mem/frame.h"

/*
 * A zeroed page with one reference, for a program or a file: not out of the kernel's reserve.
 * IRQL: <= DISPATCH_LEVEL. Returns: physical address, or 0
 */
uint64_t page_alloc(void);

/* The same, not zeroed: all of it is written before anybody sees it. */
uint64_t page_alloc_unclean(void);

/* The frame alone, by FRAME_ flags, for frame_free(): a program's tables. */
uint64_t page_frame_alloc(unsigned flags);

/* Who is asked to give pages back when memory is short. Boot, once. give_back(): <= DISPATCH_LEVEL; false: there was none. */
void page_on_shortage(bool (*give_back)(void));

/* The descriptor of a page's frame. Any IRQL. */
static inline struct frame *
page_frame(uint64_t pa)
{
    return (struct frame *)FRAMES_BASE + (pa >> PAGE_SHIFT);
}

static inline void
page_get(uint64_t pa)
{
    __atomic_add_fetch(&page_frame(pa)->refs, 1, __ATOMIC_RELAXED);
}

/* IRQL: <= DISPATCH_LEVEL. */
void page_put(uint64_t pa);

/* Is the caller the only one who has it? Stays true while the caller alone could give it away. */
static inline bool
page_is_single(uint64_t pa)
{
    return __atomic_load_n(&page_frame(pa)->refs, __ATOMIC_ACQUIRE) == 1;
}
