/*
 * Clusters taken and given back. How many are free is counted by groups, each when it is first looked at, so that mounting a
 * large volume costs nothing and a full part of it is searched once.
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

/* FSInfo (overview, 5). */
#define FSINFO_LEAD   0x41615252u
#define FSINFO_STRUCT 0x61417272u
#define FSINFO_NONE   UINT32_MAX
enum { FSI_STRUCT = 484, FSI_FREE = 488, FSI_NEXT = 492 };

static uint32_t
group_first(uint32_t group)
{
    return FAT_FIRST + group * FAT_GROUP;
}

static uint32_t
group_end(const struct fat *f, uint32_t group)
{
    return FAT_FIRST + MIN((group + 1) * FAT_GROUP, f->g.clusters);
}

int
fat_space_init(struct fat *f)
{
    struct fat_hold h;
    const uint8_t *info;

    f->groups = DIV_ROUND_UP(f->g.clusters, FAT_GROUP);
    f->group_free = fat_memory(NULL, 0, f->groups * sizeof(*f->group_free));
    if (!f->group_free)
        return -ENOMEM;
    memset(f->group_free, 0xff, f->groups * sizeof(*f->group_free));
    f->free_hint = FSINFO_NONE;
    f->next = FAT_FIRST;
    if (!f->g.fsinfo || f->io->get(f->context, f->g.fsinfo / FAT_BLOCK, &h))
        return 0;
    info = h.bytes + f->g.fsinfo % FAT_BLOCK;
    if (get_le32(info) == FSINFO_LEAD && get_le32(info + FSI_STRUCT) == FSINFO_STRUCT) {
        if (get_le32(info + FSI_FREE) <= f->g.clusters)
            f->free_hint = get_le32(info + FSI_FREE);
        if (fat_is_cluster(f, get_le32(info + FSI_NEXT)))
            f->next = get_le32(info + FSI_NEXT);
    }
    f->io->put(f->context, &h);
    return 0;
}

void
fat_space_free(struct fat *f)
{
    (void)fat_memory(f->group_free, f->groups * sizeof(*f->group_free), 0);
    f->group_free = NULL;
}

static int
group_learn(struct fat *f, uint32_t group)
{
    uint32_t first = group_first(group), free;
    int err = f->group_free[group] == FAT_UNKNOWN
                  ? fat_table_count(f, first, group_end(f, group) - first, &free)
                  : 1;

    if (err)
        return err < 0 ? err : 0;
    f->group_free[group] = (uint16_t)free;
    f->groups_known++;
    f->free_known += free;
    return 0;
}

int
fat_space_learn(struct fat *f, uint32_t *group)
{
    int err = 0;

    while (*group < f->groups && f->group_free[*group] != FAT_UNKNOWN)
        ++*group;
    if (*group == f->groups)
        return -ENODATA;
    err = group_learn(f, *group);
    return err;
}

uint32_t
fat_space(const struct fat *f)
{
    uint32_t free = f->free_known;

    if (f->groups_known != f->groups && f->free_hint != FSINFO_NONE)
        free = MAX(f->free_hint, free);
    return MIN(free + f->freed_clusters, f->g.clusters);
}

int
fat_space_write(struct fat *f)
{
    struct fat_hold h;
    uint8_t *info;
    int err;

    if (!f->g.fsinfo || (f->free_hint == FSINFO_NONE && f->groups_known != f->groups))
        return 0;
    err = fat_edit(f, f->g.fsinfo, DIRT_SECTOR, DIRT_TABLE, &h, &info);
    if (err)
        return err;
    if (get_le32(info) == FSINFO_LEAD && get_le32(info + FSI_STRUCT) == FSINFO_STRUCT) {
        put_le32(info + FSI_FREE, fat_space(f));
        put_le32(info + FSI_NEXT, f->next);
    }
    f->io->put(f->context, &h);
    return 0;
}

/* ---- taking ---- */

/* The counts of the groups that these are in, by as much for each cluster. */
static void
count(struct fat *f, uint32_t cluster, uint32_t n, int each)
{
    if (f->free_hint != FSINFO_NONE)
        f->free_hint = each > 0 ? MIN(f->free_hint + n, f->g.clusters) : f->free_hint - MIN(n, f->free_hint);
    while (n) {
        uint32_t group = (cluster - FAT_FIRST) / FAT_GROUP, part = MIN(n, group_end(f, group) - cluster);

        if (f->group_free[group] != FAT_UNKNOWN) {
            f->group_free[group] = (uint16_t)(f->group_free[group] + each * (int)part);
            f->free_known += (uint32_t)(each * (int)part);
        }
        cluster += part;
        n -= part;
    }
}

/* In one group, from a cluster of it on. A run may go on into the next ones. */
static int
group_search(struct fat *f, uint32_t group, uint32_t from, uint32_t want, uint32_t *cluster, uint32_t *got)
{
    uint32_t end = group_end(f, group), more;
    int err = group_learn(f, group);

    *got = 0;
    if (err || !f->group_free[group])
        return err;
    err = fat_table_find(f, from, end, want, cluster, got);
    while (!err && *got && *got < want && *cluster + *got == end && ++group < f->groups) {
        uint32_t next;

        err = group_learn(f, group);
        if (!err)
            err = fat_table_find(f, end, end + 1, 1, &next, &more);
        if (err || !more)
            break;
        err = fat_table_find(f, end, group_end(f, group), want - *got, &next, &more);
        *got += err ? 0 : more;
        end = group_end(f, group);
    }
    return err;
}

int
fat_alloc(struct fat *f, uint32_t goal, uint32_t want, uint32_t *cluster, uint32_t *got)
{
    uint32_t from = fat_is_cluster(f, goal)      ? goal
                    : fat_is_cluster(f, f->next) ? f->next
                                                 : FAT_FIRST,
             first = (from - FAT_FIRST) / FAT_GROUP;

    *got = 0;
    for (uint32_t i = 0; i <= f->groups && !*got;
         i++) { /* the first one once more, for what is before `from` */
        uint32_t group = (first + i) % f->groups;
        int err = group_search(f, group, i ? group_first(group) : from, want, cluster, got);

        if (err)
            return err;
    }
    if (!*got)
        return -ENOSPC;
    count(f, *cluster, *got, -1);
    f->next = *cluster + *got;
    return 0;
}

void
fat_alloc_undo(struct fat *f, uint32_t cluster, uint32_t n)
{
    count(f, cluster, n, 1);
}

int
fat_free(struct fat *f, uint32_t cluster, uint32_t n)
{
    int err = fat_table_clear(f, cluster, n);

    if (!err)
        count(f, cluster, n, 1);
    return err;
}
