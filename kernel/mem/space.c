#include "kernel/mem/space.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/tlb.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/range.h"
#include "lib/errno.h"
#include "lib/string.h"

/*
 * Ranges mapped on demand, in two parts of the dynamic range: one for pages of 4 KiB, one for pages of 2 MiB
 * (mem_impl.h says why).
 *
 * I1  An address range is given back only when its entries are clear and all processors have been told.
 */

#define TAG POOL_TAG('s', 'p', 'c', 'e')

/* [s] space_lock */
struct part {
    struct range_set set; /* [s] in pages of this size */
    uint64_t page;        /* [I] bytes */
};

struct mapping {
    struct range range; /* first: range_find() gives it */
    struct part *part;  /* [I] */
    uint64_t bytes;     /* [I] mapped; the range may have a page more */
    bool owned;         /* [I] the frames belong to the mapping: space_alloc() */
};

spinlock_t space_lock = SPINLOCK(LOCK_SPACE, "space");

static struct part small = {.page = PAGE_SIZE}, large = {.page = LARGE_PAGE};
static uint64_t mapped_ranges, mapped_bytes; /* [s] */

void
space_init(void)
{
    range_init(&small.set, SMALL_BASE / PAGE_SIZE, SMALL_SIZE / PAGE_SIZE);
    range_init(&large.set, LARGE_BASE / LARGE_PAGE, LARGE_SIZE / LARGE_PAGE);
}

static uint64_t
mapping_address(const struct mapping *m)
{
    return m->range.start * m->part->page;
}

/* Find room for m, with tables. Locks: space_lock. */
static bool
mapping_place(struct mapping *m, uint64_t pages)
{
    if (!range_alloc(&m->part->set, &m->range, pages))
        return false;
    if (table_reserve(mapping_address(m), m->bytes, m->part->page)) {
        range_free(&m->part->set, &m->range);
        return false;
    }
    mapped_ranges++;
    mapped_bytes += m->bytes;
    return true;
}

static struct mapping *
mapping_new(struct part *part, uint64_t bytes, bool owned)
{
    struct mapping *m = pool_alloc(sizeof(*m), TAG);

    if (m)
        *m = (struct mapping){.part = part, .bytes = bytes, .owned = owned};
    return m;
}

/* The mapping that holds an address of the dynamic range; NULL if there is none. Locks: space_lock. */
static struct mapping *
mapping_find(uint64_t va)
{
    struct part *part = va >= LARGE_BASE ? &large : &small;

    return (struct mapping *)range_find(&part->set, va / part->page);
}

/* The mapping that begins in the page of va, and is of the kind asked for; anything else is a bug. */
static struct mapping *
mapping_at(const void *va, bool owned)
{
    uint8_t irql = spin_lock(&space_lock);
    struct mapping *m = mapping_find((uint64_t)va);

    spin_unlock(&space_lock, irql);
    if (!m || m->owned != owned || (uint64_t)va - mapping_address(m) >= PAGE_SIZE)
        panic("mem: %p was not mapped by space_%s()", va, owned ? "alloc" : "map");
    return m;
}

/* The entries are clear and everybody knows: the addresses are free again (I1). */
static void
mapping_release(struct mapping *m)
{
    uint8_t irql = spin_lock(&space_lock);

    range_free(&m->part->set, &m->range);
    mapped_ranges--;
    mapped_bytes -= m->bytes;
    spin_unlock(&space_lock, irql);
    pool_free(m, TAG);
}

static bool
flags_are_sane(unsigned flags)
{
    return !(flags & MAP_WRITE) || !(flags & MAP_EXEC);
}

static bool
in_direct_map(uint64_t va)
{
    return va >= DIRECT_MAP_BASE && va < DIRECT_MAP_END;
}

void *
space_map(uint64_t pa, size_t size, unsigned flags)
{
    uint64_t offset = pa & (PAGE_SIZE - 1), start = pa - offset, bytes, limit = BIT64(cpu_physical_bits());
    bool special = flags & (MAP_EXEC | MAP_UNCACHED | MAP_WRITE_COMBINING);
    struct mapping *m;
    uint8_t irql;

    assert_irql_max(DISPATCH_LEVEL);
    if (size == 0 || size > limit || pa > limit - size || !flags_are_sane(flags))
        return NULL;
    if (!special && mem_is_mapped(pa, size))
        return phys_to_virt(pa);
    bytes = ALIGN_UP(offset + size, PAGE_SIZE);
    m = mapping_new((start | bytes) & (LARGE_PAGE - 1) ? &small : &large, bytes, false);
    if (!m)
        return NULL;
    irql = spin_lock(&space_lock);
    if (!mapping_place(m, bytes / m->part->page)) {
        spin_unlock(&space_lock, irql);
        pool_free(m, TAG);
        return NULL;
    }
    table_set(mapping_address(m), start, bytes, table_bits(flags), m->part->page);
    spin_unlock(&space_lock, irql);
    return (void *)(mapping_address(m) + offset);
}

void
space_unmap(void *va)
{
    struct mapping *m;
    uint8_t irql;

    assert_irql(PASSIVE_LEVEL);
    if (!va || in_direct_map((uint64_t)va))
        return;
    m = mapping_at(va, false);
    irql = spin_lock(&space_lock);
    table_clear(mapping_address(m), m->bytes, m->part->page, NULL, NULL);
    spin_unlock(&space_lock, irql);
    tlb_flush_range(mapping_address(m), m->bytes);
    mapping_release(m);
}

uint32_t
chain_alloc(uint64_t count, unsigned flags)
{
    uint32_t first = 0;

    for (; count; count--) {
        uint64_t pa = frame_alloc(0, flags);

        if (!pa) {
            chain_free(first);
            return 0;
        }
        frame_of(pa)->next = first;
        first = (uint32_t)(pa >> PAGE_SHIFT);
    }
    return first;
}

void
chain_free(uint32_t first)
{
    while (first) {
        uint64_t pa = (uint64_t)first << PAGE_SHIFT;

        first = frame_of(pa)->next;
        frame_free(pa, 0);
    }
}

void
chain_map(uint32_t first, uint64_t va, unsigned flags)
{
    for (uint64_t pa = (uint64_t)first << PAGE_SHIFT; pa; va += PAGE_SIZE) {
        table_set(va, pa, PAGE_SIZE, table_bits(flags), PAGE_SIZE);
        pa = (uint64_t)frame_of(pa)->next << PAGE_SHIFT;
    }
}

static void
chain_collect(void *context, uint64_t entry)
{
    uint32_t *first = context;
    uint64_t pa = entry & PTE_ADDRESS;

    frame_of(pa)->next = *first;
    *first = (uint32_t)(pa >> PAGE_SHIFT);
}

void
space_withdraw(uint64_t va, uint64_t size)
{
    uint32_t chain = 0;
    uint8_t irql = spin_lock(&space_lock);

    table_clear(va, size, PAGE_SIZE, chain_collect, &chain);
    spin_unlock(&space_lock, irql);
    tlb_flush_range(va, size);
    chain_free(chain);
}

void *
space_alloc(size_t size, unsigned flags)
{
    uint64_t bytes = ALIGN_UP(size, PAGE_SIZE), va;
    struct mapping *m = NULL;
    uint32_t chain;
    uint8_t irql;
    bool placed;

    assert_irql(PASSIVE_LEVEL);
    if (size == 0 || size > SMALL_SIZE || !flags_are_sane(flags))
        return NULL;
    chain = chain_alloc(bytes / PAGE_SIZE, FRAME_ZERO);
    if (chain)
        m = mapping_new(&small, bytes, true);
    if (!m) {
        chain_free(chain);
        return NULL;
    }
    irql = spin_lock(&space_lock);
    placed = mapping_place(m, bytes / PAGE_SIZE + 1);
    va = mapping_address(m);
    if (placed)
        chain_map(chain, va, flags);
    spin_unlock(&space_lock, irql);
    if (placed)
        return (void *)va;
    pool_free(m, TAG);
    chain_free(chain);
    return NULL;
}

void
space_free(void *va)
{
    struct mapping *m;

    assert_irql(PASSIVE_LEVEL);
    if (!va)
        return;
    m = mapping_at(va, true);
    space_withdraw(mapping_address(m), m->bytes);
    mapping_release(m);
}

int
space_protect(void *va, size_t size, unsigned flags)
{
    uint64_t start = (uint64_t)va;
    uint8_t irql;
    struct mapping *m;
    bool valid;

    assert_irql(PASSIVE_LEVEL);
    if ((start | size) & (PAGE_SIZE - 1) || size == 0 || !flags_are_sane(flags))
        return -EINVAL;
    if (start < SMALL_BASE || start >= SMALL_BASE + SMALL_SIZE)
        return -EINVAL;
    irql = spin_lock(&space_lock);
    m = mapping_find(start);
    valid = m && m->owned && size <= m->bytes && start - mapping_address(m) <= m->bytes - size;
    if (valid)
        table_protect(start, size, table_bits(flags));
    spin_unlock(&space_lock, irql);
    if (!valid)
        return -EINVAL;
    tlb_flush_range(start, size);
    return 0;
}

void
space_set_present(const void *va, bool present)
{
    table_set_present((uint64_t)va, present);
    tlb_flush_here((uintptr_t)va);
}

bool
space_physical(const void *va, uint64_t *pa)
{
    uint64_t size, entry = paging_leaf((uintptr_t)va, &size);

    if (!entry)
        return false;
    *pa = (entry & PTE_ADDRESS & ~(size - 1)) | ((uint64_t)va & (size - 1));
    return true;
}

void
space_stats(struct space_stats *out)
{
    uint8_t irql = spin_lock(&space_lock);

    out->mapped_ranges = mapped_ranges;
    out->mapped_bytes = mapped_bytes;
    out->page_table_frames = table_frames();
    stack_count(&out->stacks, &out->stacks_kept);
    spin_unlock(&space_lock, irql);
}

void
space_show_shared(uint64_t pa)
{
    table_set(SHARED_DATA, pa, PAGE_SIZE, table_bits(0), PAGE_SIZE);
}
