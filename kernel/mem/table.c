#include "kernel/cpu/features.h"
#include "kernel/cpu/paging.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"

/*
 * The kernel's page tables. Tables are only ever added, and entries are written in one piece, so others may walk
 * them (paging_leaf()) without a lock.
 */

#define PML4_SHIFT 39
#define LEVEL_BITS 9

uint64_t table_root;

static uint64_t (*table_source)(void); /* [I] but for the change at the end of mem_init() */
static uint64_t table_count;           /* [s] */

uint64_t
table_bits(unsigned flags)
{
    uint64_t bits = PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;

    if (flags & MAP_WRITE)
        bits |= PTE_WRITE;
    if (!(flags & MAP_EXEC) && cpu_has(CPU_NX))
        bits |= PTE_NX;
    if (flags & MAP_UNCACHED)
        bits |= PTE_PCD | PTE_PWT;
    else if (flags & MAP_WRITE_COMBINING)
        bits |= PTE_PWT; /* kernel/cpu/features.h: the PAT */
    return bits;
}

static void
entry_set(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static uint64_t
table_new(void)
{
    uint64_t pa = table_source();

    if (pa)
        table_count++;
    return pa;
}

void
table_init(uint64_t (*source)(void))
{
    table_source = source;
    table_root = table_new();
}

void
table_set_source(uint64_t (*source)(void))
{
    table_source = source;
}

/* The entry for va at the level whose entries cover 2^shift bytes; NULL if a table is missing and not made. */
static uint64_t *
table_entry(uint64_t va, unsigned shift, bool make)
{
    uint64_t *table = phys_to_virt(table_root);

    for (unsigned level = PML4_SHIFT; level > shift; level -= LEVEL_BITS) {
        uint64_t *entry = &table[va >> level & 511];

        if (!(*entry & PTE_PRESENT)) {
            uint64_t pa = make ? table_new() : 0;

            if (!pa)
                return NULL;
            entry_set(entry, pa | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
        }
        DEBUG_ASSERT(level == PML4_SHIFT || !(*entry & PTE_LARGE));
        table = phys_to_virt(*entry & PTE_ADDRESS);
    }
    return &table[va >> shift & 511];
}

static unsigned
page_shift(uint64_t page)
{
    return (unsigned)__builtin_ctzll(page);
}

/* Is the entry for va in another table than the one before it? */
static bool
table_begins(uint64_t va, uint64_t page)
{
    return !(va & ((page << LEVEL_BITS) - 1));
}

int
table_reserve(uint64_t va, uint64_t size, uint64_t page)
{
    for (uint64_t at = va; at < va + size; at += page)
        if ((at == va || table_begins(at, page)) && !table_entry(at, page_shift(page), true))
            return -ENOMEM;
    return 0;
}

void
table_set(uint64_t va, uint64_t pa, uint64_t size, uint64_t bits, uint64_t page)
{
    uint64_t *entry = NULL;

    bits |= page > PAGE_SIZE ? PTE_LARGE : 0;
    for (uint64_t at = va; at < va + size; at += page, pa += page) {
        entry = at == va || table_begins(at, page) ? table_entry(at, page_shift(page), false) : entry + 1;
        DEBUG_ASSERT(!(*entry & PTE_PRESENT));
        entry_set(entry, pa | bits);
    }
}

void
table_clear(uint64_t va, uint64_t size, uint64_t page, void (*gone)(void *context, uint64_t entry),
            void *context)
{
    for (uint64_t end = va + size; va < end; va += page) {
        uint64_t *entry = table_entry(va, page_shift(page), false);
        uint64_t old = *entry;

        if (!(old & PTE_PRESENT))
            continue;
        entry_set(entry, 0);
        if (gone)
            gone(context, old);
    }
}

void
table_protect(uint64_t va, uint64_t size, uint64_t bits)
{
    for (uint64_t end = va + size; va < end; va += PAGE_SIZE) {
        uint64_t *entry = table_entry(va, PAGE_SHIFT, false);

        entry_set(entry, (*entry & PTE_ADDRESS) | bits);
    }
}

void
table_set_present(uint64_t va, bool present)
{
    uint64_t *entry = table_entry(va, PAGE_SHIFT, false);

    if (present)
        __atomic_fetch_or(entry, PTE_PRESENT, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(entry, ~PTE_PRESENT, __ATOMIC_RELAXED);
}

uint64_t
table_frames(void)
{
    return table_count;
}
