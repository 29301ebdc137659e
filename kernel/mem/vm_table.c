/*
 * Page tables of a program's half: finding, filling and emptying entries.
 */
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/vm_impl.h"
#include "lib/field.h"

#define ENTRIES    512
#define LEVELS     4
#define USER_SLOTS 256
#define BATCH      64 /* pages between two flushes */

static uint64_t *
table_at(uint64_t entry)
{
    return phys_to_virt(entry & PTE_ADDRESS);
}

static unsigned
index_at(uintptr_t at, int level)
{
    return at >> (PAGE_SHIFT + 9 * level) & (ENTRIES - 1);
}

uint64_t *
vm_entry(struct vm_space *s, uintptr_t at, bool make)
{
    uint64_t *table = phys_to_virt(s->root);

    for (int level = LEVELS - 1; level > 0; level--) {
        uint64_t *entry = &table[index_at(at, level)];

        if (!*entry) {
            uint64_t pa = make ? page_frame_alloc(FRAME_ZERO) : 0;

            if (!pa)
                return NULL;
            *entry = pa | PTE_PRESENT | PTE_WRITE | PTE_USER;
        }
        table = table_at(*entry);
    }
    return &table[index_at(at, 0)];
}

void
vm_entries(struct vm_space *s, uintptr_t start, uintptr_t end,
           void (*visit)(void *context, uintptr_t at, uint64_t *entry), void *context)
{
    uintptr_t at = start;

    while (at < end) {
        uint64_t *table = phys_to_virt(s->root);
        int level = LEVELS - 1;
        uintptr_t next;

        while (level > 0 && table[index_at(at, level)])
            table = table_at(table[index_at(at, level--)]);
        if (level > 0) { /* nothing here: on behind what this entry covers */
            next = ALIGN_UP(at + 1, 1ul << (PAGE_SHIFT + 9 * level));
            at = next > at ? next : end;
            continue;
        }
        next = MIN(end, ALIGN_UP(at + 1, PAGE_SIZE * ENTRIES));
        for (; at < next; at += PAGE_SIZE)
            if (table[index_at(at, 0)])
                visit(context, at, &table[index_at(at, 0)]);
    }
}

struct zap {
    struct vm_space *space;
    uintptr_t from, to; /* of the pages that wait */
    uint64_t page[BATCH];
    unsigned count;
};

static void
zap_flush(struct zap *z)
{
    if (!z->count)
        return;
    user_flush(z->space->root, z->from, z->to - z->from);
    for (unsigned i = 0; i < z->count; i++)
        page_put(z->page[i]);
    z->space->resident -= z->count;
    z->count = 0;
}

static void
zap_one(void *context, uintptr_t at, uint64_t *entry)
{
    struct zap *z = context;

    if (!z->count)
        z->from = at;
    z->to = at + PAGE_SIZE;
    z->page[z->count++] = *entry & PTE_ADDRESS;
    *entry = 0;
    if (z->count == BATCH)
        zap_flush(z);
}

void
vm_zap(struct vm_space *s, uintptr_t start, uintptr_t end)
{
    struct zap z = {.space = s};

    vm_entries(s, start, end, zap_one, &z);
    zap_flush(&z);
}

static void
table_free(uint64_t pa, int level)
{
    uint64_t *table = phys_to_virt(pa);
    unsigned count = level == LEVELS - 1 ? USER_SLOTS : ENTRIES;

    for (unsigned i = 0; level > 0 && i < count; i++)
        if (table[i])
            table_free(table[i] & PTE_ADDRESS, level - 1);
    frame_free(pa, 0);
}

void
vm_tables_free(uint64_t root)
{
    table_free(root, LEVELS - 1);
}

uint64_t
vm_bits(unsigned prot)
{
    if (!prot)
        return PTE_KEPT;
    return PTE_PRESENT | PTE_USER | (prot & VM_EXEC ? 0 : PTE_NX);
}

void
vm_enter(struct vm_space *s, uint64_t *entry, uint64_t pa, uint64_t bits)
{
    __atomic_store_n(entry, pa | bits, __ATOMIC_RELEASE);
    s->resident++;
    s->peak = MAX(s->peak, s->resident);
}
