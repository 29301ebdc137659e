/* A range set beside a model of it, one byte a unit, and operations on both from a stream of numbers. */
#pragma once
#include "kernel/mem/range.h"
#include "lib/field.h"
#include "tests/host/check.h"

#define SET_START UINT64_C(0xffffc0000000)
#define SET_SIZE  3000
#define PARTS_MAX 1500

static struct {
    struct range_set set;
    uint8_t used[SET_SIZE];
    struct range *part[PARTS_MAX];
    size_t parts;
} space;

static void
space_make(void)
{
    range_init(&space.set, SET_START, SET_SIZE);
    memset(space.used, 0, sizeof(space.used));
    space.parts = 0;
}

/* The lowest place where `size` units are free; SET_SIZE if there is none. */
static uint64_t
lowest_fit(uint64_t size)
{
    uint64_t run = 0;

    for (uint64_t i = 0; i < SET_SIZE; i++) {
        run = space.used[i] ? 0 : run + 1;
        if (run == size)
            return i + 1 - size;
    }
    return SET_SIZE;
}

static void
part_alloc(uint64_t size)
{
    struct range *r = malloc(sizeof(*r));
    uint64_t want = lowest_fit(size);
    bool found = range_alloc(&space.set, r, size);

    CHECK_EQ(found, want != SET_SIZE);
    if (!found) {
        free(r);
        return;
    }
    CHECK_EQ(r->start, SET_START + want);
    CHECK_EQ(r->size, size);
    memset(space.used + want, 1, size);
    space.part[space.parts++] = r;
}

static void
part_free(size_t i)
{
    struct range *r = space.part[i];

    space.part[i] = space.part[--space.parts];
    memset(space.used + (r->start - SET_START), 0, r->size);
    range_free(&space.set, r);
    free(r);
}

static void
part_find(uint64_t unit)
{
    struct range *r = range_find(&space.set, SET_START + unit);

    CHECK_EQ(r != NULL, space.used[unit]);
    if (r)
        CHECK(r->start <= SET_START + unit && SET_START + unit < r->start + r->size);
}

/* I1, I3 and the heap; returns the depth. */
static unsigned
tree_check(const struct range *n, uint64_t *end)
{
    unsigned left, right;
    uint64_t best;

    if (!n)
        return 0;
    left = tree_check(n->left, end);
    CHECK_EQ(n->start - n->gap, *end);
    *end = n->start + n->size;
    right = tree_check(n->right, end);
    best = MAX(n->gap, MAX(n->left ? n->left->best : 0, n->right ? n->right->best : 0));
    CHECK_EQ(n->best, best);
    CHECK(!n->left || n->left->priority <= n->priority);
    CHECK(!n->right || n->right->priority <= n->priority);
    return 1 + MAX(left, right);
}

/* 45 is three times the binary logarithm of PARTS_MAX, with room. */
static void
space_check(void)
{
    uint64_t end = SET_START;

    CHECK(tree_check(space.set.root, &end) <= 45);
    CHECK_EQ(end, SET_START + SET_SIZE);
}

static void
space_step(uint64_t (*next)(uint64_t below))
{
    uint64_t what = next(8);

    if (space.parts == PARTS_MAX || (what < 3 && space.parts))
        part_free(next(space.parts));
    else if (what < 7)
        part_alloc(1 + next(next(8) ? 8 : SET_SIZE));
    else
        part_find(next(SET_SIZE));
}

static void
space_end(void)
{
    space_check();
    while (space.parts)
        part_free(space.parts - 1);
    space_check();
    part_alloc(SET_SIZE);
    part_free(0);
}
