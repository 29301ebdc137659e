#include "kernel/cpu/tlb.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/smp.h"
#include "lib/field.h"

#define PAGE       4096
#define SINGLE_MAX 32 /* pages; more are dearer one by one than loading the whole again */

struct range {
    uintptr_t va, end; /* page-aligned */
};

/* Global translations too: SDM vol. 3A, 4.10.4.1. */
void
tlb_flush_all_here(void)
{
    uint64_t cr4 = cr4_read();

    cr4_write(cr4 & ~CR4_PGE);
    cr4_write(cr4);
}

static void
flush_here(void *context)
{
    const struct range *r = context;

    if ((r->end - r->va) / PAGE > SINGLE_MAX) {
        tlb_flush_all_here();
        return;
    }
    for (uintptr_t va = r->va; va != r->end; va += PAGE)
        tlb_flush_page(va);
}

void
tlb_flush_here(uintptr_t va)
{
    tlb_flush_page(va);
}

void
tlb_flush_range_on(uint64_t mask, uintptr_t va, size_t size)
{
    struct range r = {ALIGN_DOWN(va, (uintptr_t)PAGE), ALIGN_UP(va + size, (uintptr_t)PAGE)};

    smp_call(mask, flush_here, &r);
}

void
tlb_flush_range(uintptr_t va, size_t size)
{
    tlb_flush_range_on(smp_mask_all(), va, size);
}
