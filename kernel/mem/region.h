/*
 * The firmware's memory map, put in order. Pure: no state, no hardware; tested on the host.
 *
 * The input is hostile: ranges overlap, lie in any order, wrap around, begin and end anywhere, are of unknown
 * kinds, and there may be too many of them. What comes out:
 *
 * I1  Sorted by start, disjoint, none empty; starts and sizes are whole pages.
 * I2  A page is MEM_USABLE only if the input says so for all of it and nothing else for any of it: usable ranges
 *     are rounded inwards, others outwards, and the worst kind wins where they overlap.
 * I3  Neighbours that touch differ in kind, but for a cut at 4 GiB, which no range crosses (what lies below is
 *     what the first page tables reach).
 * I4  Nothing above REGION_ADDRESS_END.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/mem/frame.h"

/* Frame numbers have 32 bits (struct frame), and the last one stays free as an end marker. */
#define REGION_ADDRESS_END (((uint64_t)UINT32_MAX) << PAGE_SHIFT)
#define REGION_MAX         128

struct region_list {
    size_t count;
    bool truncated; /* there was no room for all: the highest ranges are missing */
    struct mem_region region[REGION_MAX];
};

/*
 * Put `map` in order. Ranges of `reserved` (it may be NULL) count as MEM_RESERVED whatever their kind says, and
 * usable memory at or above `limit` (0: none) is left out.
 */
void region_normalise(const struct mem_region *map, size_t count, const struct mem_region *reserved,
                      size_t reserved_count, uint64_t limit, struct region_list *out);

/* The range that holds the byte at `address`; NULL if none does. O(log n). */
const struct mem_region *region_find(const struct region_list *list, uint64_t address);

/* Bytes of a kind at or above `from`. */
uint64_t region_bytes(const struct region_list *list, enum mem_kind kind, uint64_t from);
