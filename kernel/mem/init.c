#include "kernel/cpu/features.h"
#include "kernel/cpu/paging.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/space.h"
#include "lib/field.h"
#include "lib/string.h"

/*
 * From the firmware's map to an allocator, in this order: the map is put in order; page tables come from early
 * memory, which is cut off the end of the highest range that the boot page tables reach; with the final tables in
 * place the frame table comes from the highest memory of all; what is left goes to the buddy system.
 *
 * Nothing here fails: a machine on which it cannot be done cannot be used, so it is a panic that says why.
 */

/* kernel.ld and boot/entry.S */
extern char text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];
extern char boot_guard[];

#define FOUR_GIB    GiB(4)
#define FRAME_BLOCK (PAGE_SIZE << (FRAME_ORDERS - 1))                    /* memory of a largest block */
#define TABLE_BLOCK ((FRAME_BLOCK >> PAGE_SHIFT) * sizeof(struct frame)) /* its part of the table */

struct region_list mem_layout;

static struct region_list early;      /* [I] after mem_init(): what was left for the allocator */
static uint64_t early_end = FOUR_GIB; /* how far memory can be reached */

/* Zeroed memory out of the highest range; whole pages. 0: there is none. */
static uint64_t
early_alloc(uint64_t size)
{
    for (size_t i = early.count; i-- > 0;) {
        struct mem_region *r = &early.region[i];
        uint64_t end = r->start + r->size;

        if (r->kind != MEM_USABLE || end > early_end || r->size < size)
            continue;
        if (end - size < LOW_MEMORY_END)
            return 0;
        r->size -= size;
        memset(phys_to_virt(end - size), 0, size);
        return end - size;
    }
    return 0;
}

static uint64_t
early_frame(void)
{
    uint64_t pa = early_alloc(PAGE_SIZE);

    if (!pa)
        panic("mem: no memory for the page tables: %lu KiB usable below 4 GiB",
              (unsigned long)(region_bytes(&mem_layout, MEM_USABLE, 0) >> 10));
    return pa;
}

static uint64_t
later_frame(void)
{
    return frame_alloc(0, FRAME_ZERO);
}

/* The largest page that may begin here. */
static uint64_t
page_fitting(uint64_t va, uint64_t pa, uint64_t size)
{
    uint64_t at = va | pa;

    if (cpu_has(CPU_PAGE1G) && !(at & (HUGE_PAGE - 1)) && size >= HUGE_PAGE)
        return HUGE_PAGE;
    return !(at & (LARGE_PAGE - 1)) && size >= LARGE_PAGE ? LARGE_PAGE : PAGE_SIZE;
}

static void
map_early(uint64_t va, uint64_t pa, uint64_t size, unsigned flags)
{
    while (size) {
        uint64_t page = page_fitting(va, pa, size);

        if (table_reserve(va, page, page))
            panic("mem: no memory for the page tables");
        table_set(va, pa, page, table_bits(flags), page);
        va += page;
        pa += page;
        size -= page;
    }
}

/* One stretch of memory in the direct map. The kernel's code and constants are read-only there as well. */
static void
map_direct(uint64_t start, uint64_t end)
{
    uint64_t fixed_start = virt_to_phys(text_start), fixed_end = virt_to_phys(rodata_end);

    while (start < end) {
        bool fixed = start >= fixed_start && start < fixed_end;
        uint64_t stop = end;

        if (fixed)
            stop = MIN(end, fixed_end);
        else if (start < fixed_start)
            stop = MIN(end, fixed_start);
        map_early(DIRECT_MAP_BASE + start, start, stop - start, fixed ? 0 : MAP_WRITE);
        start = stop;
    }
}

static bool
kind_is_mapped(enum mem_kind kind)
{
    return kind == MEM_USABLE || kind == MEM_ACPI_RECLAIM || kind == MEM_ACPI_NVS;
}

bool
mem_is_mapped(uint64_t pa, uint64_t size)
{
    while (size) {
        const struct mem_region *r = region_find(&mem_layout, pa);
        uint64_t part;

        if (!r || !kind_is_mapped(r->kind))
            return false;
        part = MIN(size, r->start + r->size - pa);
        pa += part;
        size -= part;
    }
    return true;
}

/* Differences, since the end of what is asked for may be beyond 2^64. */
bool
mem_overlaps(uint64_t pa, uint64_t size)
{
    for (size_t i = 0; i < mem_layout.count; i++) {
        const struct mem_region *r = &mem_layout.region[i];

        if (kind_is_mapped(r->kind) && (pa - r->start < r->size || r->start - pa < size))
            return true;
    }
    return false;
}

static void
map_memory(void)
{
    uint64_t start = 0, end = 0;

    for (size_t i = 0; i < mem_layout.count; i++) {
        const struct mem_region *r = &mem_layout.region[i];

        if (!kind_is_mapped(r->kind))
            continue;
        if (r->start != end) {
            map_direct(start, end);
            start = r->start;
        }
        end = r->start + r->size;
    }
    map_direct(start, end);
}

static void
map_image_part(const char *start, const char *end, unsigned flags)
{
    map_early((uint64_t)start, virt_to_phys(start), (uint64_t)(end - start), flags);
}

/* The image: code, constants, data, and no page below the boot processor's stack. */
static void
map_image(void)
{
    map_image_part(text_start, text_end, MAP_EXEC);
    map_image_part(rodata_start, rodata_end, 0);
    map_image_part(data_start, boot_guard, MAP_WRITE);
    map_image_part(boot_guard + PAGE_SIZE, data_end, MAP_WRITE);
}

/* The frame table, where there is memory: by largest blocks, so that every buddy has a descriptor. */
static void
map_frame_table(void)
{
    uint64_t next = 0;

    for (size_t i = 0; i < mem_layout.count; i++) {
        const struct mem_region *r = &mem_layout.region[i];

        if (r->kind != MEM_USABLE)
            continue;
        for (uint64_t b = MAX(next, r->start / FRAME_BLOCK); b * FRAME_BLOCK < r->start + r->size; b++) {
            uint64_t pa = early_alloc(TABLE_BLOCK);

            if (!pa)
                panic("mem: no memory for the frame table");
            map_early(FRAMES_BASE + b * TABLE_BLOCK, pa, TABLE_BLOCK, MAP_WRITE);
            next = b + 1;
        }
    }
}

static void
give_memory(void)
{
    for (size_t i = 0; i < early.count; i++) {
        const struct mem_region *r = &early.region[i];
        uint64_t start = MAX(r->start, LOW_MEMORY_END), end = r->start + r->size;

        if (r->kind == MEM_USABLE && start < end)
            frame_give((uint32_t)(start >> PAGE_SHIFT), (uint32_t)((end - start) >> PAGE_SHIFT));
    }
}

void
mem_init(const struct mem_region *map, size_t count, const struct mem_region *reserved, size_t reserved_count,
         uint64_t limit)
{
    uint64_t reach = BIT64(cpu_physical_bits());
    struct frame_stats stats;

    limit = limit ? MIN(limit, reach) : reach;
    region_normalise(map, count, NULL, 0, limit, &mem_layout);
    region_normalise(map, count, reserved, reserved_count, limit, &early);
    if (mem_layout.truncated || early.truncated)
        log_warn("mem: the firmware's map has more than %u ranges: the highest are left out", REGION_MAX);

    table_init(early_frame);
    map_memory();
    map_image();
    if (table_reserve(SHARED_DATA, PAGE_SIZE, PAGE_SIZE) ||
        table_reserve(DYNAMIC_BASE, HUGE_PAGE, HUGE_PAGE)) /* entries in the PML4 */
        panic("mem: no memory for the page tables");
    paging_load(table_root);
    early_end = UINT64_MAX;
    map_frame_table();
    give_memory();
    table_set_source(later_frame);
    space_init();
    stack_init();
    frame_stats(&stats);
    log_info("mem: %lu MiB usable, %lu KiB taken by the kernel", (unsigned long)(stats.total >> 8),
             (unsigned long)((stats.total - stats.free) * 4));
}
