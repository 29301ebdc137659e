// Bitmaps against arrays of bool.
// sources: lib/bitmap.c
#include "lib/bitmap.h"
#include "tests/host/check.h"

enum { MAX_BITS = 200 };

struct model {
    size_t bits;
    bool bit[MAX_BITS];
    uint64_t *map; /* exact size */
};

static void
check_same(const struct model *m)
{
    size_t bit, count = 0, visited = 0;

    for (size_t i = 0; i < m->bits; i++) {
        CHECK_EQ(bitmap_test(m->map, i), m->bit[i]);
        count += m->bit[i];
    }
    CHECK_EQ(bitmap_count(m->map, m->bits), count);
    bitmap_for_each(bit, m->map, m->bits) {
        CHECK(m->bit[bit]);
        visited++;
    }
    CHECK_EQ(visited, count);
}

static size_t
slow_find(const struct model *m, size_t from, bool value)
{
    while (from < m->bits && m->bit[from] != value)
        from++;
    return from < m->bits ? from : m->bits;
}

static size_t
slow_find_run(const struct model *m, size_t n, size_t align)
{
    for (size_t first = 0; first + n <= m->bits; first += align) {
        if (slow_find(m, first, true) >= first + n)
            return first;
    }
    return m->bits;
}

static void
check_searches(const struct model *m)
{
    for (size_t from = 0; from <= m->bits; from++) {
        check_row("%zu bits, from %zu", m->bits, from);
        CHECK_EQ(bitmap_find_set(m->map, m->bits, from), slow_find(m, from, true));
        CHECK_EQ(bitmap_find_clear(m->map, m->bits, from), slow_find(m, from, false));
    }
    for (int i = 0; i < 20; i++) {
        size_t n = 1 + check_random_below(i % 2 ? 12 : MAX_BITS), align = (size_t)1 << check_random_below(8);

        if (i % 5 == 0)
            align = 1 + check_random_below(7);
        check_row("%zu bits, run of %zu at multiples of %zu", m->bits, n, align);
        CHECK_EQ(bitmap_find_clear_run(m->map, m->bits, n, align), slow_find_run(m, n, align));
    }
}

/* Bits that lie behind the end of the map, in its last word, do not matter and do not change. */
static void
test_random(void)
{
    for (int round = 0; round < 300; round++) {
        struct model m = {.bits = 1 + check_random_below(MAX_BITS)};
        size_t words = BITMAP_WORDS(m.bits);
        uint64_t behind = m.bits % 64 ? check_random() & UINT64_MAX << m.bits % 64 : 0;

        m.map = calloc(words, sizeof *m.map);
        m.map[words - 1] = behind;
        for (int step = 0; step < 8; step++) {
            size_t first = check_random_below(m.bits), n = check_random_below(m.bits - first + 1);
            bool value = check_random_below(2);

            check_row("%zu bits, %s %zu from %zu", m.bits, value ? "set" : "clear", n, first);
            if (step % 2) {
                (value ? bitmap_set : bitmap_clear)(m.map, first);
                m.bit[first] = value;
            } else {
                (value ? bitmap_set_run : bitmap_clear_run)(m.map, first, n);
                memset(m.bit + first, value, n);
            }
            check_same(&m);
            if (m.bits % 64)
                CHECK_EQ(m.map[words - 1] & UINT64_MAX << m.bits % 64, behind);
            check_searches(&m);
        }
        free(m.map);
    }
}

static void
test_edges(void)
{
    uint64_t map[2] = {0, 0};

    check_row("edges");
    CHECK_EQ(bitmap_find_clear(map, 0, 0), 0);
    CHECK_EQ(bitmap_count(map, 0), 0);
    CHECK_EQ(bitmap_find_clear_run(map, 128, 128, 1), 0);
    CHECK_EQ(bitmap_find_clear_run(map, 128, 129, 1), 128);
    CHECK_EQ(bitmap_find_clear_run(map, 128, SIZE_MAX, 1), 128);
    bitmap_set_run(map, 0, 128);
    CHECK(map[0] == UINT64_MAX && map[1] == UINT64_MAX);
    CHECK_EQ(bitmap_find_clear_run(map, 128, 1, 1), 128);
    bitmap_clear_run(map, 60, 8);
    CHECK(map[0] == UINT64_MAX >> 4 && map[1] == UINT64_MAX << 4);
    CHECK_EQ(bitmap_find_clear_run(map, 128, 8, 4), 60);
    CHECK_EQ(bitmap_find_clear_run(map, 128, 4, 8), 64);
    CHECK_EQ(BITMAP_WORDS(0), 0);
    CHECK_EQ(BITMAP_WORDS(64), 1);
    CHECK_EQ(BITMAP_WORDS(65), 2);
}

int
main(void)
{
    test_edges();
    test_random();
    return check_report();
}
