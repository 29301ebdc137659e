/*
 * Memory that a device reads and writes: physically contiguous, within the device's limits, mapped cached (x86
 * keeps DMA coherent).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "kernel/mem/frame.h"

/* Memory of the direct map: a part of a page, or many pages that follow one another. */
struct data_piece {
    uint64_t pa;
    uint32_t size; /* bytes, not 0 */
};

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
