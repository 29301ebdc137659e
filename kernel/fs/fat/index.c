/*
 * A directory's names by hash, and which of its slots are taken: made when the directory is first searched, and kept up to date.
 * Finding a name, and room for one, costs the same in a directory of ten and of sixty thousand.
 *
 * The table holds words: the upper half of the hash, the first slot of the entry. Both names of an entry are in it.
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define SIZE_FIRST 64u
#define EMPTY      UINT32_MAX
#define GONE       (UINT32_MAX - 1)
#define HASHES     65535u /* no word with one is EMPTY or GONE */
#define SECTOR     FAT_SECTOR_SLOTS
#define SECTORS    (FAT_DIR_ENTRIES / SECTOR)

struct fat_index {
    uint32_t *table;
    uint32_t size, filled;  /* words; of them not EMPTY */
    uint32_t slots, end;    /* there are so many; the first one that was never used */
    uint16_t hint[SECTOR];  /* no sector before has n + 1 free slots together, before `end` */
    uint16_t used[SECTORS]; /* a bit each */
};

/* ---- the table ---- */

static uint32_t
word_of(uint32_t hash, uint32_t slot)
{
    return hash % HASHES << 16 | slot;
}

static uint32_t
home_of(const struct fat_index *x, uint32_t word)
{
    return (uint32_t)((uint64_t)(word >> 16) * x->size >> 16);
}

static void
word_put(struct fat_index *x, uint32_t word)
{
    uint32_t at = home_of(x, word);

    while (x->table[at] != EMPTY && x->table[at] != GONE)
        at = (at + 1) % x->size;
    x->filled += x->table[at] == EMPTY;
    x->table[at] = word;
}

static int
table_grow(struct fat_index *x)
{
    uint32_t *old = x->table, old_size = x->size, live = 0;

    for (uint32_t i = 0; i < old_size; i++)
        live += old[i] != EMPTY && old[i] != GONE;
    x->size = MAX(old_size, SIZE_FIRST);
    while (x->size < 3 * (live + 2))
        x->size *= 2;
    x->table = fat_memory(NULL, 0, x->size * sizeof(*x->table));
    if (!x->table) {
        x->table = old;
        x->size = old_size;
        return -ENOMEM;
    }
    memset(x->table, 0xff, x->size * sizeof(*x->table));
    x->filled = 0;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i] != EMPTY && old[i] != GONE)
            word_put(x, old[i]);
    (void)fat_memory(old, old_size * sizeof(*old), 0);
    return 0;
}

static void
word_remove(struct fat_index *x, uint32_t word)
{
    uint32_t at = home_of(x, word);

    for (; x->table[at] != EMPTY; at = (at + 1) % x->size)
        if (x->table[at] == word) {
            x->table[at] = GONE;
            return;
        }
}

bool
fat_index_next(const struct fat_index *x, uint32_t hash, uint32_t *cursor, uint32_t *slot)
{
    uint32_t word = word_of(hash, 0), home = home_of(x, word);

    for (; *cursor < x->size; ++*cursor) {
        uint32_t there = x->table[(home + *cursor) % x->size];

        if (there == EMPTY)
            return false;
        if (there != GONE && there >> 16 == word >> 16) {
            *slot = there & 0xffff;
            ++*cursor;
            return true;
        }
    }
    return false;
}

/* ---- slots ---- */

static void
slots_use(struct fat_index *x, uint32_t first, uint32_t last, bool used)
{
    for (uint32_t s = first; s <= last; s++) {
        uint16_t bit = (uint16_t)(1u << s % SECTOR);

        if (used)
            x->used[s / SECTOR] |= bit;
        else
            x->used[s / SECTOR] &= (uint16_t)~bit;
    }
    if (!used)
        for (uint32_t n = 0; n < SECTOR; n++)
            x->hint[n] = MIN(x->hint[n], (uint16_t)(first / SECTOR));
}

/* Where n free ones are together in a sector; SECTOR: nowhere. */
static uint32_t
sector_room(uint16_t used, uint32_t n)
{
    uint32_t want = (1u << n) - 1;

    for (uint32_t at = 0; at + n <= SECTOR; at++)
        if (!(used >> at & want))
            return at;
    return SECTOR;
}

uint32_t
fat_index_room(struct fat_index *x, uint32_t n)
{
    uint32_t sector, at;

    if (n > SECTOR)
        return UINT32_MAX;
    for (sector = x->hint[n - 1]; (sector + 1) * SECTOR <= x->end; sector++) {
        at = sector_room(x->used[sector], n);
        if (at < SECTOR) {
            x->hint[n - 1] = (uint16_t)sector;
            return sector * SECTOR + at;
        }
    }
    x->hint[n - 1] = (uint16_t)MIN(sector, SECTORS - 1);
    return UINT32_MAX;
}

uint32_t
fat_index_room_near(const struct fat_index *x, uint32_t n, const struct fat_entry *old)
{
    uint32_t sector = old->slot / SECTOR, base = sector * SECTOR, at;
    uint16_t used = x->used[sector];

    if (n > SECTOR)
        return UINT32_MAX;
    for (uint32_t s = MAX(old->first_slot, base); s <= old->slot; s++)
        used &= (uint16_t) ~(1u << s % SECTOR);
    at = sector_room(used, n);
    return at < SECTOR && base + at + n <= x->slots && base + at <= x->end ? base + at : UINT32_MAX;
}

uint32_t
fat_index_end(const struct fat_index *x)
{
    return x->end;
}

uint32_t
fat_index_slots(const struct fat_index *x)
{
    return x->slots;
}

/* ---- entries ---- */

static int
names_add(struct fat_index *x, const struct fat_entry *e)
{
    int err = x->filled + 2 > x->size / 4 * 3 ? table_grow(x) : 0;

    if (err)
        return err;
    word_put(x, word_of(fat_name_hash(e->name, e->length), e->first_slot));
    if (!fat_names_match(e->name, e->length, e->short_name, e->short_length))
        word_put(x, word_of(fat_name_hash(e->short_name, e->short_length), e->first_slot));
    return 0;
}

int
fat_index_reserve(struct fat_index *x)
{
    return x->filled + 2 > x->size / 4 * 3 ? table_grow(x) : 0;
}

void
fat_index_add(struct fat_index *x, const struct fat_entry *e)
{
    (void)names_add(x, e);
    slots_use(x, e->first_slot, e->slot, true);
    x->end = MAX(x->end, e->slot + 1);
}

void
fat_index_remove(struct fat_index *x, const struct fat_entry *e)
{
    word_remove(x, word_of(fat_name_hash(e->name, e->length), e->first_slot));
    if (!fat_names_match(e->name, e->length, e->short_name, e->short_length))
        word_remove(x, word_of(fat_name_hash(e->short_name, e->short_length), e->first_slot));
    slots_use(x, e->first_slot, e->slot, false);
}

void
fat_index_extend(struct fat_index *x, uint32_t slots)
{
    x->slots = MIN(slots, FAT_DIR_ENTRIES);
}

/* ---- life ---- */

/* Which slots are taken, and where the directory ends. Long entries are counted with their names; those of no name are free. */
static int
slots_learn(struct fat *f, struct fat_dir *d, struct fat_index *x)
{
    uint32_t end = SECTOR;
    int err = 0;

    for (x->end = 0; end == SECTOR && !err; x->end += end) {
        end = 0;
        err = fat_dir_used(f, d, x->end, &x->used[MIN(x->end / SECTOR, SECTORS - 1)], &end);
    }
    return err == -ENOENT ? 0 : err;
}

static int
names_learn(struct fat *f, struct fat_dir *d, struct fat_index *x)
{
    struct fat_entry e;
    uint32_t slot = 0;
    int err = 0;

    while (!err) {
        err = fat_dir_next(f, d, &slot, &e);
        if (!err)
            err = names_add(x, &e);
        if (!err)
            slots_use(x, e.first_slot, e.slot, true);
    }
    return err == -ENOENT ? 0 : err;
}

int
fat_index_make(struct fat *f, struct fat_dir *d)
{
    struct fat_index *x = fat_memory(NULL, 0, sizeof(*x));
    uint32_t length = 0;
    int err = x ? 0 : -ENOMEM;

    if (!err) {
        memset(x, 0, sizeof(*x));
        err = table_grow(x);
    }
    if (!err && !d->is_root_area)
        err = fat_chain_end(f, &d->chain, &length);
    if (!err) {
        uint64_t bytes = d->is_root_area ? f->g.root_size : (uint64_t)length * f->g.cluster;

        fat_index_extend(x, (uint32_t)MIN(bytes / FAT_ENTRY, (uint64_t)FAT_DIR_ENTRIES));
        err = slots_learn(f, d, x);
    }
    if (!err)
        err = names_learn(f, d, x);
    d->index = x;
    if (err && x)
        fat_index_free(d);
    return err;
}

void
fat_index_free(struct fat_dir *d)
{
    struct fat_index *x = d->index;

    if (!x)
        return;
    (void)fat_memory(x->table, x->size * sizeof(*x->table), 0);
    (void)fat_memory(x, sizeof(*x), 0);
    d->index = NULL;
}
