/* Searching and changing runs of bits, a word at a time. */
#include "lib/bitmap.h"
#include "lib/field.h"

/* The bits of word `first` / 64 that lie in [first, end). */
static uint64_t
word_mask(size_t first, size_t end)
{
    size_t in_word = MIN(end - first, 64 - first % 64);

    return UINT64_MAX >> (64 - in_word) << first % 64;
}

void
bitmap_set_run(uint64_t *map, size_t first, size_t n)
{
    for (size_t end = first + n; first < end; first = ALIGN_DOWN(first, 64) + 64)
        map[first / 64] |= word_mask(first, end);
}

void
bitmap_clear_run(uint64_t *map, size_t first, size_t n)
{
    for (size_t end = first + n; first < end; first = ALIGN_DOWN(first, 64) + 64)
        map[first / 64] &= ~word_mask(first, end);
}

/* The first bit >= from that differs from those of `flip` (0: a set one, all ones: a clear one). */
static size_t
find(const uint64_t *map, size_t bits, size_t from, uint64_t flip)
{
    for (; from < bits; from = ALIGN_DOWN(from, 64) + 64) {
        uint64_t hits = (map[from / 64] ^ flip) & word_mask(from, bits);

        if (hits)
            return ALIGN_DOWN(from, 64) + (size_t)__builtin_ctzll(hits);
    }
    return bits;
}

size_t
bitmap_find_set(const uint64_t *map, size_t bits, size_t from)
{
    return find(map, bits, from, 0);
}

size_t
bitmap_find_clear(const uint64_t *map, size_t bits, size_t from)
{
    return find(map, bits, from, UINT64_MAX);
}

size_t
bitmap_find_clear_run(const uint64_t *map, size_t bits, size_t n, size_t align)
{
    size_t from = 0;

    for (;;) {
        from = DIV_ROUND_UP(bitmap_find_clear(map, bits, from), align) * align;
        if (from >= bits || n > bits - from)
            return bits;
        size_t next = bitmap_find_set(map, bits, from);

        if (next - from >= n)
            return from;
        from = next;
    }
}

size_t
bitmap_count(const uint64_t *map, size_t bits)
{
    size_t count = 0;

    for (size_t first = 0; first < bits; first += 64)
        count += (size_t)__builtin_popcountll(map[first / 64] & word_mask(first, bits));
    return count;
}
