#include "kernel/mem/pages.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/field.h"

#define PAGES_TAG  POOL_TAG('p', 'g', 'e', 's')
#define BITS_EACH  9
#define ENTRIES    (1u << BITS_EACH)
#define HEIGHT_MAX 6 /* 2^54 pages */

/* A table's entries are tables, or at the lowest level addresses of pages. */
struct table {
    uint64_t entry[ENTRIES];
};

static unsigned
slot(uint64_t index, unsigned level)
{
    return index >> (BITS_EACH * level) & (ENTRIES - 1);
}

static bool
reaches(unsigned height, uint64_t index)
{
    return height >= HEIGHT_MAX || index >> (BITS_EACH * height) == 0;
}

uint64_t
pages_find(const struct pages *p, uint64_t index)
{
    const struct table *t = p->root;

    if (!reaches(p->height, index))
        return 0;
    for (unsigned level = p->height; t && level-- > 0;) {
        uint64_t entry = t->entry[slot(index, level)];

        if (level == 0)
            return entry;
        t = (const struct table *)entry;
    }
    return 0;
}

uint32_t
pages_find_run(const struct pages *p, uint64_t index, const uint64_t **pages, uint32_t max)
{
    const struct table *t = p->root;
    uint32_t room = ENTRIES - slot(index, 0);

    if (!reaches(p->height, index))
        return 0;
    for (unsigned level = p->height; t && level-- > 1;)
        t = (const struct table *)t->entry[slot(index, level)];
    if (!t)
        return 0;
    *pages = &t->entry[slot(index, 0)];
    return max < room ? max : room;
}

/* Put tables on top until the index can be reached. */
static int
raise(struct pages *p, uint64_t index)
{
    while (!p->root || !reaches(p->height, index)) {
        struct table *t = pool_zalloc(sizeof(*t), PAGES_TAG);

        if (!t)
            return -ENOMEM;
        t->entry[0] = (uint64_t)p->root;
        do
            p->height++;
        while (!p->root && !reaches(p->height, index)); /* the first one is as high as it needs to be */
        p->root = t;
    }
    return 0;
}

int
pages_add(struct pages *p, uint64_t index, uint64_t pa)
{
    struct table *t;
    int err = index >> (BITS_EACH * HEIGHT_MAX) ? -EFBIG : raise(p, index);

    if (err)
        return err;
    t = p->root;
    for (unsigned level = p->height - 1; level > 0; level--) {
        uint64_t *entry = &t->entry[slot(index, level)];

        if (!*entry)
            *entry = (uint64_t)pool_zalloc(sizeof(*t), PAGES_TAG);
        if (!*entry)
            return -ENOMEM;
        t = (struct table *)*entry;
    }
    t->entry[slot(index, 0)] = pa;
    p->count++;
    return 0;
}

void
pages_set(struct pages *p, uint64_t index, uint64_t pa)
{
    struct table *t = p->root;

    for (unsigned level = p->height - 1; level > 0; level--)
        t = (struct table *)t->entry[slot(index, level)];
    t->entry[slot(index, 0)] = pa;
}

static int
last_slot(const struct table *t)
{
    int i = ENTRIES - 1;

    while (i >= 0 && !t->entry[i])
        i--;
    return i;
}

/* Below a table at `level` whose first page is `base`: the first page that is not below `from`. */
static uint64_t
next_below(const struct table *t, unsigned level, uint64_t base, uint64_t from, uint64_t *index)
{
    uint64_t each = 1ull << (BITS_EACH * level);
    uint64_t i = from > base ? (from - base) / each : 0;

    for (; i < ENTRIES; i++) {
        uint64_t at = base + i * each, found;

        if (!t->entry[i])
            continue;
        *index = at;
        if (level == 0)
            return t->entry[i];
        found = next_below((const struct table *)t->entry[i], level - 1, at, from, index);
        if (found)
            return found;
    }
    return 0;
}

uint64_t
pages_next(const struct pages *p, uint64_t *index)
{
    return p->root && reaches(p->height, *index) ? next_below(p->root, p->height - 1, 0, *index, index) : 0;
}

/* An empty table at the end of a way goes, and so do those that it leaves empty. */
static void
way_trim(struct pages *p, struct table **way, unsigned level, uint64_t index)
{
    for (; level < p->height && last_slot(way[level]) < 0; level++) {
        pool_free(way[level], PAGES_TAG);
        if (level + 1 == p->height)
            *p = (struct pages){.count = p->count};
        else
            way[level + 1]->entry[slot(index, level + 1)] = 0;
    }
}

uint64_t
pages_remove(struct pages *p, uint64_t index)
{
    struct table *way[HEIGHT_MAX], *t = p->root;
    uint64_t pa = 0;

    if (!t || !reaches(p->height, index))
        return 0;
    for (unsigned level = p->height; t && level-- > 0;) {
        way[level] = t;
        if (level == 0)
            pa = t->entry[slot(index, 0)];
        else
            t = (struct table *)t->entry[slot(index, level)];
    }
    if (!pa)
        return 0;
    way[0]->entry[slot(index, 0)] = 0;
    p->count--;
    way_trim(p, way, 0, index);
    return pa;
}

/* The way down to the last page, emptied on the way back up. */
uint64_t
pages_take_from(struct pages *p, uint64_t first)
{
    struct table *way[HEIGHT_MAX], *t = p->root;
    unsigned level = p->height;
    uint64_t index = 0, pa = 0;

    if (!t)
        return 0;
    while (level-- > 0) {
        int i = last_slot(t);

        way[level] = t;
        if (i < 0)
            break; /* an empty table, left by pages_add() without memory */
        index |= (uint64_t)i << (BITS_EACH * level);
        if (level == 0)
            pa = t->entry[i];
        else
            t = (struct table *)t->entry[i];
    }
    if (pa && index < first)
        return 0;
    if (pa) {
        way[0]->entry[slot(index, 0)] = 0;
        p->count--;
        level = 0;
    }
    way_trim(p, way, level, index);
    return pa ? pa : p->root ? pages_take_from(p, first) : 0;
}
