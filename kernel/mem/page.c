#include "kernel/mem/page.h"

uint64_t
page_alloc(void)
{
    uint64_t pa = frame_scarce() ? 0 : frame_alloc(0, FRAME_ZERO);

    if (pa)
        __atomic_store_n(&page_frame(pa)->refs, 1, __ATOMIC_RELAXED);
    return pa;
}

void
page_put(uint64_t pa)
{
    if (__atomic_sub_fetch(&page_frame(pa)->refs, 1, __ATOMIC_ACQ_REL) == 0)
        frame_free(pa, 0);
}
