/* Sorting in place. */
#pragma once
#include <stddef.h>

/* < 0: a comes before b; 0: either may; > 0: b comes before a */
typedef int sort_compare(const void *a, const void *b, void *context);

/*
 * Sort `count` elements of `size` bytes at `base`. Heap sort: O(n log n) comparisons at worst, no memory, not
 * stable. Takes no locks; any IRQL at which `compare` may run.
 */
void sort(void *base, size_t count, size_t size, sort_compare *compare, void *context);
