#include "kernel/mem/range.h"
#include <stddef.h>
#include "lib/field.h"

static void
node_update(struct range *n)
{
    n->best = n->gap;
    if (n->left)
        n->best = MAX(n->best, n->left->best);
    if (n->right)
        n->best = MAX(n->best, n->right->best);
}

/* Cut a tree into what begins before `start` and the rest. */
static void
tree_split(struct range *n, uint64_t start, struct range **before, struct range **rest)
{
    if (!n) {
        *before = *rest = NULL;
        return;
    }
    if (n->start < start) {
        tree_split(n->right, start, &n->right, rest);
        *before = n;
    } else {
        tree_split(n->left, start, before, &n->left);
        *rest = n;
    }
    node_update(n);
}

/* All of `a` lies before all of `b`. */
static struct range *
tree_join(struct range *a, struct range *b)
{
    if (!a || !b)
        return a ? a : b;
    if (a->priority > b->priority) {
        a->right = tree_join(a->right, b);
        node_update(a);
        return a;
    }
    b->left = tree_join(a, b->left);
    node_update(b);
    return b;
}

static struct range *
tree_insert(struct range *n, struct range *r)
{
    if (!n || r->priority > n->priority) {
        tree_split(n, r->start, &r->left, &r->right);
        node_update(r);
        return r;
    }
    if (r->start < n->start)
        n->left = tree_insert(n->left, r);
    else
        n->right = tree_insert(n->right, r);
    node_update(n);
    return n;
}

static struct range *
tree_remove(struct range *n, struct range *r)
{
    if (n == r)
        return tree_join(r->left, r->right);
    if (r->start < n->start)
        n->left = tree_remove(n->left, r);
    else
        n->right = tree_remove(n->right, r);
    node_update(n);
    return n;
}

/* The gap of r changes: bring `best` up to date from the root to it. */
static void
tree_set_gap(struct range *n, struct range *r, uint64_t gap)
{
    if (n == r)
        r->gap = gap;
    else
        tree_set_gap(r->start < n->start ? n->left : n->right, r, gap);
    node_update(n);
}

/* The part with the lowest address before which `size` units are free. */
static struct range *
tree_fit(struct range *n, uint64_t size)
{
    while (n && n->best >= size) {
        if (n->left && n->left->best >= size)
            n = n->left;
        else if (n->gap >= size)
            return n;
        else
            n = n->right;
    }
    return NULL;
}

/* The first part that begins behind `at`. */
static struct range *
tree_after(struct range *n, uint64_t at)
{
    struct range *found = NULL;

    while (n) {
        if (n->start > at) {
            found = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return found;
}

/* Xorshift with 32 bits; good enough to balance a tree. */
static uint32_t
set_random(struct range_set *set)
{
    uint32_t x = set->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return set->random = x;
}

void
range_init(struct range_set *set, uint64_t start, uint64_t size)
{
    *set = (struct range_set){.random = 0x9e3779b9};
    set->end.start = start + size;
    set->end.gap = set->end.best = size;
    set->end.priority = set_random(set);
    set->root = &set->end;
}

bool
range_alloc(struct range_set *set, struct range *r, uint64_t size)
{
    struct range *next = tree_fit(set->root, size);

    if (!next)
        return false;
    *r = (struct range){.start = next->start - next->gap, .size = size, .priority = set_random(set)};
    tree_set_gap(set->root, next, next->gap - size);
    set->root = tree_insert(set->root, r);
    return true;
}

void
range_free(struct range_set *set, struct range *r)
{
    struct range *next = tree_after(set->root, r->start);

    tree_set_gap(set->root, next, next->gap + r->gap + r->size);
    set->root = tree_remove(set->root, r);
}

struct range *
range_find(const struct range_set *set, uint64_t at)
{
    struct range *n = set->root;

    while (n) {
        if (at < n->start)
            n = n->left;
        else if (at - n->start < n->size)
            return n;
        else
            n = n->right;
    }
    return NULL;
}
