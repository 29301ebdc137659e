/*
 * Memory that a device reads and writes: physically contiguous, within the device's limits, mapped cached (x86
 * keeps DMA coherent).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/mem/frame.h"

/* Memory of the direct map: a part of a page, or many pages that follow one another. */
struct data_piece {
    uint64_t pa;
    uint32_t size; /* bytes, not 0 */
};

/* One more piece of memory behind `count` others, with the last one where it continues it. Returns: false: no room for it. */
static inline bool
data_piece_add(struct data_piece *piece, uint32_t *count, uint32_t max, uint64_t pa, uint32_t size)
{
    struct data_piece *last = *count ? &piece[*count - 1] : NULL;

    if (last && last->pa + last->size == pa)
        last->size += size;
    else if (*count == max)
        return false;
    else
        piece[(*count)++] = (struct data_piece){pa, size};
    return true;
}

struct dma_buffer {
    void *va; /* in the direct map */
    uint64_t pa;
    size_t size; /* bytes, whole pages */
};

/*
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: 0, or as frame_alloc_limited(). The buffer is zeroed.
 */
int dma_alloc(size_t size, const struct dma_limits *limits, struct dma_buffer *out);
void dma_free(struct dma_buffer *b);
