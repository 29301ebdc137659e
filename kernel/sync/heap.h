/*
 * A pairing heap of nodes that live in the structures ordered by it: the smallest key on top.
 * Inserting is O(1), taking out O(log n) amortised, and a node that was put in late and is taken out early,
 * as the timeouts of waits are, costs next to nothing.
 *
 * Pure; the lock is the caller's. (Fredman, Sedgewick, Sleator, Tarjan: The pairing heap, 1986.)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct heap_node {
    uint64_t key;
    struct heap_node *child;       /* first child */
    struct heap_node *next, *prev; /* siblings; prev of a first child: its parent */
};

struct heap {
    struct heap_node *top; /* smallest key; NULL: empty */
};

/* Put a node in whose key is set. Nodes of equal key come out in no particular order. Returns: is it the top now? */
bool heap_insert(struct heap *h, struct heap_node *n);

/* Take out a node that is in. */
void heap_remove(struct heap *h, struct heap_node *n);
