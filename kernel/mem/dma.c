#include "kernel/mem/dma.h"
#include "lib/field.h"
#include "lib/string.h"

int
dma_alloc(size_t size, const struct dma_limits *limits, struct dma_buffer *out)
{
    uint64_t pa;
    int err = frame_alloc_limited(size, limits, &pa);

    if (err)
        return err;
    out->pa = pa;
    out->va = phys_to_virt(pa);
    out->size = ALIGN_UP(size, PAGE_SIZE);
    memset(out->va, 0, out->size);
    return 0;
}

void
dma_free(struct dma_buffer *b)
{
    frame_free_range(b->pa, b->size);
    *b = (struct dma_buffer){0};
}
