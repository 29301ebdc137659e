#include "kernel/mem/page.h"

static bool (*shortage)(void); /* [I] after boot */

void
page_on_shortage(bool (*give_back)(void))
{
    shortage = give_back;
}

uint64_t
page_frame_alloc(unsigned flags)
{
    uint64_t pa;

    do
        pa = frame_scarce() ? 0 : frame_alloc(0, flags);
    while (!pa && shortage && shortage());
    return pa;
}

static uint64_t
alloc(unsigned flags)
{
    uint64_t pa = page_frame_alloc(flags);

    if (pa)
        __atomic_store_n(&page_frame(pa)->refs, 1, __ATOMIC_RELAXED);
    return pa;
}

uint64_t
page_alloc(void)
{
    return alloc(FRAME_ZERO);
}

uint64_t
page_alloc_unclean(void)
{
    return alloc(0);
}

void
page_put(uint64_t pa)
{
    if (__atomic_sub_fetch(&page_frame(pa)->refs, 1, __ATOMIC_ACQ_REL) == 0)
        frame_free(pa, 0);
}
