/*
 * Bitmaps: arrays of 64-bit words, of which the caller states the number of bits and holds the lock.
 * Numbers of bits start at 0; a search that finds nothing returns `bits`, the size of the map.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool
bitmap_test(const uint64_t *map, size_t bit)
{
    return map[bit / 64] >> bit % 64 & 1;
}

static inline void
bitmap_set(uint64_t *map, size_t bit)
{
    map[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline void
bitmap_clear(uint64_t *map, size_t bit)
{
    map[bit / 64] &= ~(UINT64_C(1) << bit % 64);
}

/* The n bits from `first` on. */
void bitmap_set_run(uint64_t *map, size_t first, size_t n);
void bitmap_clear_run(uint64_t *map, size_t first, size_t n);

/* The first set, or clear, bit that is >= from. */
size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from);
size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from);

/* The first n >= 1 clear bits in a row that begin at a multiple of `align`. */
size_t bitmap_find_clear_run(const uint64_t *map, size_t bits, size_t n, size_t align);

/* How many are set. */
size_t bitmap_count(const uint64_t *map, size_t bits);

/* Over the numbers of all set bits; `bit` is a size_t of the caller. */
#define bitmap_for_each(bit, map, bits)                                                                      \
    for (bit = bitmap_find_set(map, bits, 0); bit < (bits); bit = bitmap_find_set(map, bits, bit + 1))
