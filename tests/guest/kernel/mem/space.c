/* The kernel's address space: protection of every page, mapping on demand, and that all processors see it. */
#include "kernel/mem/space.h"
#include "kernel/cpu/guard.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/smp.h"
#include "kernel/mem/mem_impl.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

extern char text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];

#define UPPER_HALF 0xffff800000000000

/* Every leaf of the tables: calls visit() with its address, size and entry. */
static void
walk(uint64_t table_pa, uint64_t va, unsigned shift,
     void (*visit)(uint64_t va, uint64_t size, uint64_t entry))
{
    const uint64_t *table = phys_to_virt(table_pa);

    for (uint64_t i = 0; i < 512; i++) {
        uint64_t at = va | i << shift;

        if (!(table[i] & PTE_PRESENT))
            continue;
        if (shift == 39 && i >= 256)
            at |= UPPER_HALF;
        if (shift == 12 || table[i] & PTE_LARGE)
            visit(at, BIT64(shift), table[i]);
        else
            walk(table[i] & PTE_ADDRESS, at, shift - 9, visit);
    }
}

static uint64_t pages_seen, executable;

static void
page_check(uint64_t va, uint64_t size, uint64_t entry)
{
    bool executes = !(entry & PTE_NX), writes = entry & PTE_WRITE;

    pages_seen++;
    if (va < UPPER_HALF || entry & PTE_USER || (executes && writes))
        ktest_fail(__FILE__, __LINE__, "page %#lx of %#lx bytes: entry %#lx", va, size, entry);
    if (executes) {
        if (guard_range_has(va)) /* a driver's code */
            return;
        executable += size;
        if (va < (uint64_t)text_start || va + size > (uint64_t)text_end)
            ktest_fail(__FILE__, __LINE__, "page %#lx is executable", va);
    }
}

KTEST(space_no_page_is_writable_and_executable)
{
    if (!cpu_has(CPU_NX)) {
        ktest_skip("this processor has no NX");
        return;
    }
    pages_seen = executable = 0;
    walk(table_root, 0, 39, page_check);
    KCHECK(pages_seen > 500);
    KCHECK_EQ(executable, text_end - text_start);
}

/* The image, page by page, under both of its addresses. */
KTEST(space_image_has_the_protection_of_its_sections)
{
    if (!cpu_has(CPU_NX)) {
        ktest_skip("this processor has no NX");
        return;
    }
    for (const char *p = text_start; p < data_end; p += PAGE_SIZE) {
        uint64_t size, entry = paging_leaf((uintptr_t)p, &size);
        uint64_t alias = paging_leaf((uintptr_t)phys_to_virt(virt_to_phys(p)), &size);
        bool data = p >= data_start;

        if (stack_guard_hit((uintptr_t)p)) {
            KCHECK_EQ(entry, 0);
            continue;
        }
        KCHECK_EQ(entry & PTE_ADDRESS, virt_to_phys(p));
        KCHECK_EQ(!(entry & PTE_WRITE), !data);
        KCHECK_EQ(!(entry & PTE_NX), p < text_end);
        KCHECK_EQ(!(alias & PTE_WRITE), !data);
        KCHECK(alias & PTE_NX);
    }
}

KTEST(space_direct_map_holds_memory_and_nothing_else)
{
    uint64_t last = 0;

    for (size_t i = 0; i < mem_layout.count; i++) {
        const struct mem_region *r = &mem_layout.region[i];
        bool memory = r->kind != MEM_RESERVED && r->kind != MEM_BAD;
        uint64_t ends[] = {r->start, r->start + r->size - PAGE_SIZE};

        for (size_t n = 0; n < ARRAY_SIZE(ends); n++) {
            uint64_t pa = 0;

            KCHECK_EQ(space_physical(phys_to_virt(ends[n] + 5), &pa), memory);
            KCHECK_EQ(pa, memory ? ends[n] + 5 : 0);
        }
        if (last != r->start)
            KCHECK(!space_physical(phys_to_virt(last), &last));
        last = r->start + r->size;
    }
    KCHECK(!space_physical((void *)0x1000, &last));
    KCHECK(!space_physical(phys_to_virt(0xfee00000), &last));
}

KTEST(space_map_gives_another_view_of_the_same_memory)
{
    static const struct {
        unsigned flags;
        uint64_t bits;
    } rows[] = {
        {MAP_WRITE | MAP_UNCACHED, PTE_WRITE | PTE_PCD | PTE_PWT | PTE_NX},
        {MAP_WRITE | MAP_WRITE_COMBINING, PTE_WRITE | PTE_PWT | PTE_NX},
        {MAP_UNCACHED, PTE_PCD | PTE_PWT | PTE_NX},
        {MAP_EXEC, 0},
    };
    const uint64_t mask = PTE_WRITE | PTE_PCD | PTE_PWT | (cpu_has(CPU_NX) ? PTE_NX : 0);
    struct mem_taken before = mem_taken();
    uint64_t pa = frame_alloc(1, FRAME_ZERO), size;
    uint64_t *direct = phys_to_virt(pa);

    KCHECK(pa);
    for (size_t i = 0; pa && i < ARRAY_SIZE(rows); i++) {
        uint64_t *view = space_map(pa + 0x18, PAGE_SIZE, rows[i].flags); /* two pages */
        uint64_t there;

        KCHECK(view && ((uint64_t)view & (PAGE_SIZE - 1)) == 0x18);
        if (!view)
            continue;
        KCHECK(view < direct || view > direct + 1024);
        direct[3] = i + 1;
        direct[0x18 / 8 + 511] = i + 100;
        KCHECK_EQ(view[0], i + 1);
        KCHECK_EQ(view[511], i + 100);
        KCHECK_EQ(paging_leaf((uintptr_t)view, &size) & mask, rows[i].bits & mask);
        KCHECK(space_physical(view, &there) && there == pa + 0x18);
        space_unmap(view);
        KCHECK_EQ(paging_leaf((uintptr_t)view, &size), 0);
        KCHECK_EQ(paging_leaf((uintptr_t)view + PAGE_SIZE, &size), 0);
    }
    if (pa)
        frame_free(pa, 1);
    mem_check_same(&before);
}

KTEST(space_map_uses_the_direct_map_and_large_pages)
{
    struct mem_taken before = mem_taken();
    uint64_t pa = frame_alloc(9, 0), size;
    char *view;

    if (!pa) {
        ktest_skip("no 2 MiB of memory in a row");
        return;
    }
    view = space_map(pa + 100, 5000, MAP_WRITE);
    KCHECK(view == (char *)phys_to_virt(pa + 100));
    space_unmap(view);
    KCHECK(paging_leaf((uintptr_t)view, &size));
    view = space_map(pa, MiB(2), MAP_WRITE | MAP_UNCACHED);
    KCHECK(view);
    if (view) {
        uint64_t there;

        KCHECK(paging_leaf((uintptr_t)view, &size) && size == MiB(2));
        KCHECK(space_physical(view + 0x12345, &there) && there == pa + 0x12345);
        view[MiB(2) - 1] = 77;
        KCHECK_EQ(((char *)phys_to_virt(pa))[MiB(2) - 1], 77);
        space_unmap(view);
        KCHECK_EQ(paging_leaf((uintptr_t)view, &size), 0);
    }
    frame_free(pa, 9);
    mem_check_same(&before);
}

KTEST(space_map_refuses_what_cannot_be)
{
    struct mem_taken before = mem_taken();
    uint64_t beyond = BIT64(cpu_physical_bits());

    KCHECK(!space_map(0xfee00000, 0, MAP_UNCACHED));
    KCHECK(!space_map(beyond, 1, MAP_UNCACHED));
    KCHECK(!space_map(beyond - PAGE_SIZE, PAGE_SIZE + 1, MAP_UNCACHED));
    KCHECK(!space_map(UINT64_MAX, 2, MAP_UNCACHED));
    KCHECK(!space_map(0xfee00000, UINT64_MAX, MAP_UNCACHED));
    KCHECK(!space_map(0xfee00000, PAGE_SIZE, MAP_WRITE | MAP_EXEC));
    KCHECK(!space_map(0, SMALL_SIZE + LARGE_SIZE, MAP_UNCACHED));
    KCHECK(!space_alloc(0, MAP_WRITE));
    KCHECK(!space_alloc(UINT64_MAX, MAP_WRITE));
    KCHECK(!space_alloc(PAGE_SIZE, MAP_WRITE | MAP_EXEC));
    space_unmap(NULL);
    space_free(NULL);
    mem_check_same(&before);
}

KTEST(space_alloc_is_zeroed_and_ends_with_an_unmapped_page)
{
    struct mem_taken before = mem_taken();
    uint64_t size;

    for (int round = 0; round < 2; round++) {
        uint8_t *p = space_alloc(10 * PAGE_SIZE + 1, MAP_WRITE);

        KCHECK(p && !((uint64_t)p & (PAGE_SIZE - 1)));
        if (!p)
            return;
        for (size_t i = 0; i < 11 * PAGE_SIZE; i++)
            if (p[i])
                KCHECK_EQ(p[i], 0);
        KCHECK(memory_readable(p, 11 * PAGE_SIZE));
        KCHECK_EQ(paging_leaf((uintptr_t)p + 11 * PAGE_SIZE, &size), 0);
        memset(p, 0xff, 11 * PAGE_SIZE);
        space_free(p);
        KCHECK(!memory_readable(p, 1));
    }
    mem_check_same(&before);
}

KTEST(space_protect_changes_whole_pages_of_its_range)
{
    char *p = space_alloc(4 * PAGE_SIZE, MAP_WRITE);
    uint64_t size;

    KCHECK(p);
    if (!p)
        return;
    KCHECK_EQ(space_protect(p + PAGE_SIZE, 2 * PAGE_SIZE, MAP_EXEC), 0);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t entry = paging_leaf((uintptr_t)p + i * PAGE_SIZE, &size);
        bool changed = i == 1 || i == 2;

        KCHECK_EQ(!(entry & PTE_WRITE), changed);
        KCHECK_EQ(!(entry & PTE_NX), changed || !cpu_has(CPU_NX));
    }
    KCHECK_EQ(space_protect(p, 4 * PAGE_SIZE, MAP_WRITE | MAP_EXEC), -EINVAL);
    KCHECK_EQ(space_protect(p, 5 * PAGE_SIZE, 0), -EINVAL);
    KCHECK_EQ(space_protect(p + PAGE_SIZE, 4 * PAGE_SIZE, 0), -EINVAL);
    KCHECK_EQ(space_protect(p + 1, PAGE_SIZE, 0), -EINVAL);
    KCHECK_EQ(space_protect(p, 0, 0), -EINVAL);
    KCHECK_EQ(space_protect(phys_to_virt(MiB(16)), PAGE_SIZE, 0), -EINVAL);
    KCHECK_EQ(space_protect(text_start, PAGE_SIZE, MAP_WRITE), -EINVAL);
    space_free(p);
    KCHECK_EQ(space_protect(p, PAGE_SIZE, 0), -EINVAL);
}

struct look {
    const uint64_t *at;
    uint64_t seen[CPU_MAX];
};

static void
look_here(void *context)
{
    struct look *l = context;

    l->seen[cpu_number()] = __atomic_load_n(l->at, __ATOMIC_RELAXED);
}

/* All processors read *at: `want` is there. */
static void
look_check(const uint64_t *at, uint64_t want)
{
    struct look l = {.at = at};

    smp_call(UINT64_MAX, look_here, &l);
    for (uint32_t n = 0; n < cpu_count(); n++)
        KCHECK_EQ(l.seen[n], want);
}

/* The lowest address is used again, for another frame: no processor may still see the first one. */
KTEST(space_alloc_and_free_are_seen_by_all_processors)
{
    struct mem_taken before = mem_taken();
    uint64_t *first = NULL;

    for (uint64_t round = 0; round < 40; round++) {
        uint64_t *p = space_alloc(PAGE_SIZE, MAP_WRITE);
        uint64_t other;

        if (!first)
            first = p;
        KCHECK(p && p == first);
        if (!p)
            break;
        *p = round;
        look_check(p, round);
        other = frame_alloc(0, 0); /* the next round gets another frame */
        space_free(p);
        if (other)
            frame_free(other, 0);
    }
    mem_check_same(&before);
}

static void
views_check(uint64_t pa, size_t size)
{
    const uint64_t *first = NULL;

    for (uint64_t round = 0; round < 20; round++) {
        uint64_t here = pa + round % 2 * size;
        uint64_t *view = space_map(here, size, MAP_UNCACHED);

        if (!first)
            first = view;
        KCHECK(view && view == first);
        *(uint64_t *)phys_to_virt(here) = round;
        if (view)
            look_check(view, round);
        space_unmap(view);
    }
}

KTEST(space_map_and_unmap_are_seen_by_all_processors)
{
    struct mem_taken before = mem_taken();
    uint64_t pages = frame_alloc(1, 0), large = frame_alloc(10, 0);

    KCHECK(pages);
    if (pages) {
        views_check(pages, PAGE_SIZE);
        frame_free(pages, 1);
    }
    if (large) {
        views_check(large, MiB(2));
        frame_free(large, 10);
    }
    mem_check_same(&before);
}

static void
load(void *context)
{
    uint64_t random = 77 + cpu_number();
    uint64_t *held[16] = {NULL};
    size_t sizes[16];

    for (unsigned i = 0; i < 150 && !ktest_failed(); i++) {
        size_t n = mem_random(&random, 16);

        if (held[n]) {
            for (size_t at = 0; at < sizes[n] / 8; at += 512)
                if (held[n][at] != (uint64_t)&held[n][at])
                    ktest_fail(__FILE__, __LINE__, "%p holds %#lx", &held[n][at], held[n][at]);
            space_free(held[n]);
            held[n] = NULL;
            continue;
        }
        sizes[n] = (1 + mem_random(&random, 12)) * PAGE_SIZE;
        held[n] = space_alloc(sizes[n], MAP_WRITE);
        for (size_t at = 0; held[n] && at < sizes[n] / 8; at += 512) {
            if (held[n][at])
                ktest_fail(__FILE__, __LINE__, "%p is not zeroed", &held[n][at]);
            held[n][at] = (uint64_t)&held[n][at];
        }
    }
    for (size_t n = 0; n < 16; n++)
        space_free(held[n]);
}

KTEST(space_load_on_all_processors)
{
    struct mem_taken before = mem_taken();

    on_each_processor(load, NULL);
    mem_check_same(&before);
}
