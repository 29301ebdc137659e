// The sort: its result is in order and holds what was given, and it never compares too often.
// sources: lib/sort.c
#include "lib/sort.h"
#include "tests/host/check.h"

/* Seven bytes: elements that no word is aligned to. */
struct element {
    uint8_t key, payload[6];
};

static int
by_key(const void *a, const void *b, void *context)
{
    size_t *comparisons = context;

    ++*comparisons;
    return ((const struct element *)a)->key - ((const struct element *)b)->key;
}

static uint64_t
hash(const struct element *e)
{
    uint64_t h = 0;

    memcpy(&h, e, sizeof *e);
    h *= 0x9e3779b97f4a7c15;
    return h ^ h >> 29;
}

static void
check_sorting(struct element *elements, size_t n)
{
    uint64_t before = 0, after = 0;
    size_t comparisons = 0, log = 1;

    for (size_t i = 0; i < n; i++)
        before += hash(&elements[i]);
    sort(elements, n, sizeof *elements, by_key, &comparisons);
    for (size_t i = 0; i < n; i++) {
        after += hash(&elements[i]);
        CHECK(i == 0 || elements[i - 1].key <= elements[i].key);
    }
    CHECK_EQ(after, before);
    while ((size_t)1 << log < n)
        log++;
    CHECK(comparisons <= 2 * n * (log + 1));
}

static void
test_shapes(void)
{
    for (size_t n = 0; n < 300; n += n < 20 ? 1 : 37) {
        struct element *elements = calloc(n, sizeof *elements);

        for (int shape = 0; shape < 5; shape++) {
            for (size_t i = 0; i < n; i++) {
                uint64_t r = check_random();
                const size_t keys[] = {i, n - i, 7, r, r % 3};

                memcpy(elements[i].payload, &r, sizeof elements[i].payload);
                elements[i].key = (uint8_t)keys[shape];
            }
            check_row("%zu elements, shape %d", n, shape);
            check_sorting(elements, n);
        }
        free(elements);
    }
}

static int
backwards(const void *a, const void *b, void *context)
{
    const uint64_t *x = a, *y = b;

    return (*x < *y) - (*x > *y);
}

static void
test_other_type(void)
{
    uint64_t numbers[] = {3, UINT64_MAX, 0, 7, 7, 1};
    static const uint64_t sorted[] = {UINT64_MAX, 7, 7, 3, 1, 0};

    check_row("numbers, backwards");
    sort(numbers, 6, sizeof numbers[0], backwards, NULL);
    CHECK(!memcmp(numbers, sorted, sizeof sorted));
}

int
main(void)
{
    test_shapes();
    test_other_type();
    return check_report();
}
