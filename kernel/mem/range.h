/*
 * Who has which part of an address range: first fit from the lowest address. Pure: no locks, no hardware, no
 * allocation; the caller brings the structure that describes a part, and so giving back cannot fail.
 *
 * A tree of the parts in use, by address. Each knows the free units right before it, and the greatest such gap
 * in its subtree, so finding room, a part and giving back are O(log n). The tree is a treap: a binary tree
 * by address and a heap by a random priority, which keeps it balanced whatever the order of requests. (lib/tree.h
 * has no place for the greatest gap.)
 *
 * I1  Parts do not overlap; between two neighbours lies exactly the gap of the right one.
 * I2  A last part of no size, range_set.end, has the gap behind all others. It is always in the tree.
 * I3  best = the greatest gap in the subtree.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* [s] the lock that the caller holds around every call */
struct range {
    struct range *left, *right; /* [s] */
    uint64_t start, size;       /* [I] while in the set; units, e.g. page numbers */
    uint64_t gap, best;         /* [s] */
    uint32_t priority;          /* [I] greater than those below */
};

struct range_set {
    struct range *root; /* [s] */
    struct range end;   /* [s] */
    uint32_t random;    /* [s] */
};

/* A set of which [start, start + size) is free. */
void range_init(struct range_set *set, uint64_t start, uint64_t size);

/* Find room for `size` > 0 units and enter *r for it. Returns false if no gap is large enough. */
bool range_alloc(struct range_set *set, struct range *r, uint64_t size);

/* Take r out, which is in the set. */
void range_free(struct range_set *set, struct range *r);

/* The part that holds the unit `at`; NULL if it is free. */
struct range *range_find(const struct range_set *set, uint64_t at);
