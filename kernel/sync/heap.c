#include "kernel/sync/heap.h"
#include <stddef.h>

/* Make the one with the greater key the first child of the other. Both are roots without siblings. */
static struct heap_node *
meld(struct heap_node *a, struct heap_node *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->key < a->key) {
        struct heap_node *t = a;
        a = b;
        b = t;
    }
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* One root out of a list of siblings: meld them in pairs from the left, then the pairs from the right. */
static struct heap_node *
meld_siblings(struct heap_node *first)
{
    struct heap_node *pairs = NULL, *root = NULL;

    while (first) {
        struct heap_node *a = first, *b = a->next, *pair;

        first = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct heap_node *pair = pairs;

        pairs = pair->next;
        pair->next = NULL;
        root = meld(root, pair);
    }
    if (root)
        root->prev = NULL;
    return root;
}

bool
heap_insert(struct heap *h, struct heap_node *n)
{
    n->child = n->next = n->prev = NULL;
    h->top = meld(h->top, n);
    return h->top == n;
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    struct heap_node *rest = n->child ? meld_siblings(n->child) : NULL;

    n->child = NULL;
    if (n == h->top) {
        h->top = rest;
        return;
    }
    if (n->prev->child == n)
        n->prev->child = n->next;
    else
        n->prev->next = n->next;
    if (n->next)
        n->next->prev = n->prev;
    n->next = n->prev = NULL;
    h->top = meld(h->top, rest);
}
