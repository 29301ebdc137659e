/*
 * From an offset in a file to clusters. What is known of a chain is kept as runs, so a place in a long file is found by
 * bisection; the FAT is read once, forwards.
 *
 * A loop is found by Brent's way: a cluster is marked whenever the chain has become twice as long, and met again in a loop. So no
 * more than three times of what the chain really has is read of it.
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/errno.h"
#include "lib/format.h"

#define ROOM_FIRST 8u

static int
damaged(struct fat *f, struct fat_chain *c, const char *what)
{
    char text[FAT_WHY];

    snprintf(text, sizeof(text), "the chain from cluster %u %s after %u clusters", c->first, what, c->length);
    f->io->complain(f->context, text);
    c->broken = true;
    return -EIO;
}

int
fat_chain_append(struct fat_chain *c, uint32_t first, uint32_t count)
{
    struct fat_run *last = c->runs ? &c->run[c->runs - 1] : NULL;

    if (last && last->cluster + last->count == first) {
        last->count += count;
    } else {
        if (!c->run || c->runs == c->room) {
            uint32_t room = c->room ? 2 * c->room : ROOM_FIRST;
            void *more = fat_memory(c->run, c->room * sizeof(*c->run), room * sizeof(*c->run));

            if (!more)
                return -ENOMEM;
            c->run = more;
            c->room = room;
        }
        c->run[c->runs++] = (struct fat_run){c->length, first, count};
    }
    if (!c->length)
        c->first = first;
    c->last = first + count - 1;
    c->length += count;
    return 0;
}

void
fat_chain_cut(struct fat_chain *c, uint32_t length)
{
    while (c->runs && c->run[c->runs - 1].index >= length)
        c->runs--;
    if (c->runs) {
        struct fat_run *last = &c->run[c->runs - 1];

        last->count = length - last->index;
        c->last = last->cluster + last->count - 1;
    }
    c->length = length;
    c->first = length ? c->first : 0;
    c->mark = c->mark_at = 0;
    c->ended = true;
}

/* One more cluster at the end of what is known. */
static int
chain_add(struct fat *f, struct fat_chain *c, uint32_t cluster)
{
    if (c->length && cluster == c->mark)
        return damaged(f, c, "has a loop: it does not end");
    if (c->length >= 2 * c->mark_at) {
        c->mark = cluster;
        c->mark_at = c->length;
    }
    return fat_chain_append(c, cluster, 1);
}

/* Read the FAT on, until cluster `index` is known or the chain ends. */
static int
chain_learn(struct fat *f, struct fat_chain *c, uint32_t index)
{
    struct fat_view v = {.held = false};
    int err = c->broken ? -EIO : 0;

    if (!err && !c->length && !c->ended) {
        if (!c->first)
            c->ended = true;
        else if (!fat_is_cluster(f, c->first))
            return damaged(f, c, "begins outside of the volume");
        else
            err = chain_add(f, c, c->first);
    }
    while (!err && !c->ended && c->length <= index) {
        int64_t next;

        err = fat_next(f, &v, c->last, &next);
        if (err)
            break;
        if (next == FAT_END)
            c->ended = true;
        else if (next == FAT_FREE || next == FAT_BAD)
            err = damaged(f, c, next == FAT_FREE ? "runs into a free cluster" : "runs into a bad cluster");
        else
            err = chain_add(f, c, (uint32_t)next);
    }
    fat_view_end(f, &v);
    return err;
}

static const struct fat_run *
run_find(const struct fat_chain *c, uint32_t index)
{
    uint32_t low = 0, high = c->runs;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (c->run[middle].index <= index)
            low = middle;
        else
            high = middle;
    }
    return &c->run[low];
}

int
fat_walk(struct fat *f, struct fat_chain *c, uint32_t index, uint32_t most, uint32_t *cluster,
         uint32_t *count)
{
    uint32_t behind = most > UINT32_MAX - index ? UINT32_MAX
                                                : index + most; /* the first one that is not wanted */
    const struct fat_run *r;
    int err = c->length < behind ? chain_learn(f, c, behind - 1) : 0;

    if (index >= c->length)
        return err ? err : -ENODATA;
    r = run_find(c, index); /* what is known is good, whatever comes behind it */
    *cluster = r->cluster + (index - r->index);
    *count = r->count - (index - r->index);
    if (*count > most)
        *count = most;
    return 0;
}

int
fat_chain_end(struct fat *f, struct fat_chain *c, uint32_t *length)
{
    int err = c->ended ? 0 : chain_learn(f, c, UINT32_MAX - 1);

    *length = c->length;
    return err;
}

void
fat_chain_free(struct fat_chain *c)
{
    (void)fat_memory(c->run, c->room * sizeof(*c->run), 0);
    *c = (struct fat_chain){.first = c->first};
}
