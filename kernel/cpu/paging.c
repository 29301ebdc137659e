#include "kernel/cpu/paging.h"
#include "kernel/cpu/layout.h"
#include "kernel/cpu/regs.h"

uint64_t
paging_leaf(uintptr_t va, uint64_t *size)
{
    uint64_t entry = cr3_read();

    if ((int64_t)(va << 16) >> 16 != (int64_t)va)
        return 0;
    for (int shift = 39; shift >= 12; shift -= 9) {
        const uint64_t *table = (const uint64_t *)((entry & PTE_ADDRESS) + DIRECT_MAP_BASE);

        entry = table[va >> shift & 511];
        if (!(entry & PTE_PRESENT))
            return 0;
        if (shift == 12 || (shift < 39 && entry & PTE_LARGE)) {
            *size = 1ull << shift;
            return entry;
        }
    }
    return 0;
}

bool
memory_readable(const void *va, size_t size)
{
    uintptr_t at = (uintptr_t)va, end = at + size;
    uint64_t page;

    if (end < at)
        return false;
    while (at < end) {
        if (!paging_leaf(at, &page))
            return false;
        at = ALIGN_DOWN(at, page) + page;
    }
    return true;
}

void
paging_load(uint64_t root)
{
    cr3_write(root);
}
