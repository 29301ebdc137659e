/*
 * Pages by index, of a file in memory or of a device: a tree of tables with 512 entries each, as high as the file needs. Holes cost
 * nothing.
 */
#pragma once
#include <stdint.h>

struct pages {
    void *root;      /* NULL: no page at all */
    unsigned height; /* tables on the way to a page; 0 with an empty root */
    uint64_t count;  /* pages */
};

/* The page's address, or 0: a hole. The caller locks, here and below. */
uint64_t pages_find(const struct pages *p, uint64_t index);

/* The same of as many as lie together in one table: *pages is where they stand (0: a hole), from `index` on. Returns: how many, at
 * most `max`; 0: there is no table. */
uint32_t pages_find_run(const struct pages *p, uint64_t index, const uint64_t **pages, uint32_t max);

/* Enter a page where a hole was. Returns 0 or -ENOMEM. IRQL: <= DISPATCH_LEVEL. */
int pages_add(struct pages *p, uint64_t index, uint64_t pa);

/* Another address for a page that is there. */
void pages_set(struct pages *p, uint64_t index, uint64_t pa);

/* The first page with an index >= *index, which is set to its own. Returns its address; 0: none. */
uint64_t pages_next(const struct pages *p, uint64_t *index);

/* Take one page out. Returns its address; 0: a hole. Empty tables are freed. */
uint64_t pages_remove(struct pages *p, uint64_t index);

/* Take the last page with an index >= first out. Returns its address, 0 if there is none; empty tables are freed. */
uint64_t pages_take_from(struct pages *p, uint64_t first);
