/* Heap sort. */
#include "lib/sort.h"

struct array {
    unsigned char *base;
    size_t size;
    sort_compare *compare;
    void *context;
};

static int
order(const struct array *a, size_t i, size_t j)
{
    return a->compare(a->base + i * a->size, a->base + j * a->size, a->context);
}

static void
swap(const struct array *a, size_t i, size_t j)
{
    unsigned char *p = a->base + i * a->size, *q = a->base + j * a->size;

    for (size_t n = a->size; n; n--, p++, q++) {
        unsigned char byte = *p;

        *p = *q;
        *q = byte;
    }
}

/* Below `root` is a heap (no child is greater than its parent): make it one from `root` on. */
static void
sift_down(const struct array *a, size_t root, size_t count)
{
    size_t child;

    while ((child = 2 * root + 1) < count) {
        if (child + 1 < count && order(a, child, child + 1) < 0)
            child++;
        if (order(a, root, child) >= 0)
            return;
        swap(a, root, child);
        root = child;
    }
}

void
sort(void *base, size_t count, size_t size, sort_compare *compare, void *context)
{
    const struct array a = {.base = base, .size = size, .compare = compare, .context = context};

    for (size_t i = count / 2; i--;)
        sift_down(&a, i, count);
    for (size_t left = count; left > 1; left--) {
        swap(&a, 0, left - 1);
        sift_down(&a, 0, left - 1);
    }
}
