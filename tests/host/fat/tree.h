/*
 * A tree of files and directories on the machine's volume, and beside it what should be in it. Whatever is changed is checked at
 * every point where the power could be cut: by fatcheck, which is written apart from the file system, and by what was promised.
 */
#pragma once
#include "tests/host/fat/machine.h"

#define ITEMS     64
#define NAME_SIZE 80
#define PATH_SIZE 600

struct item {
    bool used, is_directory, loaded;
    bool promised; /* durable, and nothing has changed since */
    int parent;
    char name[NAME_SIZE];
    struct fat_file file;
    uint8_t *content;
    uint32_t size;
};

static struct {
    struct fat f;
    struct item item[ITEMS]; /* 0: the root */
    unsigned long states;    /* crash states that were checked */
    bool has_both;           /* now a rename of the kind that leaves both names for a moment */
    unsigned subsets;        /* random ones of each run of writes */
    struct {
        bool active;
        char mark[2][PATH_SIZE + 40]; /* one of these is there */
    } either;
} tree;

static uint32_t
crc32(const uint8_t *p, size_t n)
{
    uint32_t c = ~0u;

    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static inline void
path_of(const struct item *i, char path[PATH_SIZE])
{
    char rest[PATH_SIZE] = "";

    for (; i != tree.item; i = &tree.item[i->parent]) {
        char longer[PATH_SIZE + NAME_SIZE];

        snprintf(longer, sizeof longer, "%s%s%s", i->name, rest[0] ? "/" : "", rest);
        snprintf(rest, sizeof rest, "%.*s", PATH_SIZE - 1, longer);
    }
    memcpy(path, rest, PATH_SIZE);
}

/* fatcheck has a question mark for each unit of UTF-16 that is not ASCII. */
static inline void
ascii_make(char *text)
{
    char *to = text;

    for (; *text; text++)
        if ((*text & 0xc0) != 0x80)
            *to++ = *text & 0x80 ? '?' : *text;
    *to = 0;
}

static inline void
mark_of(const struct item *i, char *mark, size_t size)
{
    char path[PATH_SIZE];

    path_of(i, path);
    ascii_make(path);
    if (i->is_directory)
        snprintf(mark, size, "- - %s", path);
    else
        snprintf(mark, size, "%u %08x %s", i->size, i->content ? crc32(i->content, i->size) : 0, path);
}

/* ---- the power is cut ---- */

#define PROMISES 12u /* fatcheck looks at each of them for each file */

static char promises[PROMISES * (PATH_SIZE + 40)];

/* What is durable, some of it each time. */
static inline void
promises_make(void)
{
    unsigned lines = 0, first = (unsigned)check_random() % ITEMS;

    promises[0] = 0;
    for (unsigned k = 0; k < ITEMS && lines < PROMISES; k++) {
        const struct item *i = &tree.item[(first + k) % ITEMS];
        char line[PATH_SIZE + 40];

        if (!i->used || !i->promised || i == tree.item)
            continue;
        mark_of(i, line, sizeof line);
        if (lines++)
            strcat(promises, "\n");
        strcat(promises, line);
    }
}

static inline void
state_check(const uint8_t *image, const char *what)
{
    char said[2048];
    int verdict = fatcheck(image, machine.size, promises, said, sizeof said);

    tree.states++;
    if (verdict > FATCHECK_LEAK && tree.has_both &&
        (strstr(said, "in two chains") || strstr(said, "wrong \"..\"")))
        return;
    if (!CHECK(verdict <= FATCHECK_LEAK))
        fprintf(stderr, "  %s: %s\n", what, said);
    if (verdict <= FATCHECK_LEAK && tree.either.active &&
        fatcheck(image, machine.size, tree.either.mark[0], said, sizeof said) > FATCHECK_LEAK)
        if (!CHECK(fatcheck(image, machine.size, tree.either.mark[1], said, sizeof said) <= FATCHECK_LEAK))
            fprintf(stderr, "  neither name: %s\n", said);
}

/* The medium with those of the logged writes that `has` says. */
static inline void
state_with(uint8_t *image, bool (*has)(uint32_t n, uint32_t k), uint32_t k, const char *what)
{
    for (uint32_t n = 0; n < machine.logged; n++)
        if (has(n, k))
            memcpy(image + (size_t)machine.log[n].sector * DIRT_SECTOR, machine.log[n].bytes, DIRT_SECTOR);
    state_check(image, what);
    for (uint32_t n = 0; n < machine.logged; n++)
        memcpy(image + (size_t)machine.log[n].sector * DIRT_SECTOR,
               machine.medium + (size_t)machine.log[n].sector * DIRT_SECTOR, DIRT_SECTOR);
}

static inline bool
has_before(uint32_t n, uint32_t k)
{
    return n < k;
}

static inline bool
has_but(uint32_t n, uint32_t k)
{
    return n != k;
}

static inline bool
has_only(uint32_t n, uint32_t k)
{
    return n == k;
}

static inline bool
has_some(uint32_t n, uint32_t k)
{
    return (n * 2654435761u ^ k * 40503u) >> 7 & 1;
}

/* Every state that the medium can be in before the flush that comes now. */
static inline void
states_check(void)
{
    static uint8_t *image;
    static size_t size;
    uint32_t most = machine.logged < 200 ? machine.logged : 200, step = machine.logged / (most ? most : 1);

    if (!machine.logged)
        return;
    if (size != machine.size)
        image = realloc(image, size = machine.size);
    memcpy(image, machine.medium, size);
    promises_make();
    for (uint32_t k = 0; k <= most; k++) {
        uint32_t n = k * step;

        state_with(image, has_before, n, "a prefix");
        if (machine.logged > 1) {
            state_with(image, has_but, n, "all but one");
            state_with(image, has_only, n, "one alone");
        }
    }
    for (unsigned k = 0; k < tree.subsets && machine.logged > 2; k++)
        state_with(image, has_some, (uint32_t)check_random(), "a subset");
}

/* ---- nodes ---- */

static inline void
load_file(struct item *i, const struct fat_entry *e, struct fat_file *dir)
{
    i->file = (struct fat_file){.is_directory = i->is_directory,
                                .attributes = e->attributes,
                                .size = e->size,
                                .born = e->born,
                                .modified = e->modified,
                                .accessed = e->accessed,
                                .dir.chain.first = e->first};
    list_init(&i->file.link);
    CHECK_EQ(fat_dir_position(&tree.f, &dir->dir, e->slot, &i->file.entry), 0);
    i->loaded = true;
}

static inline int
load(int k)
{
    struct item *i = &tree.item[k];
    struct fat_entry e;
    int err;

    if (i->loaded)
        return 0;
    err = load(i->parent);
    if (!err)
        err = fat_dir_find(&tree.f, &tree.item[i->parent].file.dir, i->name, strlen(i->name), &e);
    if (!err)
        load_file(i, &e, &tree.item[i->parent].file);
    return err;
}

static inline void
evict(int k)
{
    struct item *i = &tree.item[k];

    if (!k || !i->loaded)
        return;
    for (int c = 1; c < ITEMS; c++)
        if (tree.item[c].used && tree.item[c].parent == k)
            evict(c);
    (void)fat_file_drop(&tree.f, &i->file, false);
    i->loaded = false;
}

static inline void
unpromise(int k)
{
    tree.item[k].promised = false;
    for (int c = 1; c < ITEMS; c++)
        if (tree.item[c].used && tree.item[c].parent == k)
            unpromise(c);
}

static inline int
item_new(void)
{
    for (int k = 1; k < ITEMS; k++)
        if (!tree.item[k].used) {
            tree.item[k] = (struct item){.used = false};
            return k;
        }
    return 0;
}

static inline void
item_end(int k)
{
    free(tree.item[k].content);
    tree.item[k] = (struct item){.used = false};
}

/* ---- what programs do ---- */

static inline int
do_create(int parent, const char *name, bool is_directory)
{
    struct fat_entry e;
    int k = item_new(), err = k ? load(parent) : -ENOSPC;
    struct item *i = &tree.item[k];

    if (err)
        return err;
    err = fat_dir_find(&tree.f, &tree.item[parent].file.dir, name, strlen(name), &e);
    if (err != -ENOENT)
        return err ? err : -EEXIST;
    list_init(&i->file.link);
    i->file.is_directory = i->is_directory = is_directory;
    i->file.attributes = is_directory ? FAT_DIRECTORY : FAT_ARCHIVE;
    i->parent = parent;
    err = fat_file_make(&tree.f, &tree.item[parent].file, name, strlen(name), &i->file, &e);
    if (err) {
        (void)fat_file_drop(&tree.f, &i->file, false);
        return err;
    }
    snprintf(i->name, sizeof i->name, "%s", name);
    i->used = i->loaded = true;
    return k;
}

static inline int
bytes_put(struct item *i, uint32_t at, const uint8_t *from, uint32_t n)
{
    int err = 0;

    while (n && !err) {
        uint32_t cluster, count, in = at % tree.f.g.cluster, part = tree.f.g.cluster - in;
        struct fat_hold h;
        uint64_t position;
        uint8_t *to;

        part = part < n ? part : n;
        err = fat_walk(&tree.f, &i->file.dir.chain, at / tree.f.g.cluster, 1, &cluster, &count);
        if (err)
            break;
        position = fat_position(&tree.f, cluster) + in;
        if (part > FAT_BLOCK - position % FAT_BLOCK)
            part = (uint32_t)(FAT_BLOCK - position % FAT_BLOCK);
        err = fat_edit(&tree.f, position, part, DIRT_DATA, &h, &to);
        if (err)
            break;
        memcpy(to, from, part);
        tree.f.io->put(NULL, &h);
        at += part;
        from += part;
        n -= part;
    }
    return err;
}

/* What is between the end and `at` becomes zeros. */
static inline int
do_write(int k, uint32_t at, uint32_t n)
{
    struct item *i = &tree.item[k];
    uint32_t end = at + n > i->size ? at + n : i->size;
    uint8_t *content = calloc(1, end + 1);
    int err = load(k);

    memcpy(content, i->content ? i->content : content, i->size);
    tree.either.active = false;
    for (uint32_t b = 0; b < n; b++)
        content[at + b] = (uint8_t)check_random();
    if (!err)
        err = fat_begin(&tree.f);
    if (!err)
        err = fat_file_grow(&tree.f, &i->file, end);
    if (!err)
        i->promised = false;
    if (!err && at > i->size)
        err = bytes_put(i, i->size, content + i->size, at - i->size);
    if (!err)
        err = bytes_put(i, at, content + at, n);
    if (!err) {
        i->file.size = end;
        err = fat_file_touch(&tree.f, &i->file);
    }
    if (err) {
        free(content);
        return err;
    }
    free(i->content);
    i->content = content;
    i->size = end;
    return 0;
}

static inline int
do_cut(int k, uint32_t size)
{
    struct item *i = &tree.item[k];
    int err = load(k);

    if (size > i->file.size)
        return err;

    if (!err)
        err = fat_begin(&tree.f);
    tree.either.active = false;
    if (!err)
        i->promised = false;
    if (!err)
        err = fat_file_cut(&tree.f, &i->file, size);
    if (!err)
        i->size = size;
    return err;
}

static inline int
do_unlink(int k)
{
    struct item *i = &tree.item[k];
    struct fat_entry e;
    int err = load(k);

    if (!err)
        err = fat_dir_find(&tree.f, &tree.item[i->parent].file.dir, i->name, strlen(i->name), &e);
    tree.either.active = false;
    if (!err) {
        i->promised = false;
        err = fat_file_unlink(&tree.f, &tree.item[i->parent].file, &e, &i->file);
    }
    if (err)
        return err;
    err = fat_file_drop(&tree.f, &i->file, true);
    item_end(k);
    return err;
}

static inline bool
is_below(int k, int ancestor)
{
    for (; k; k = tree.item[k].parent)
        if (k == ancestor)
            return true;
    return ancestor == 0;
}

static inline unsigned
depth_of(int k)
{
    unsigned depth = 0;

    for (; k; k = tree.item[k].parent)
        depth++;
    return depth;
}

static inline bool
has_children(int k)
{
    for (int c = 1; c < ITEMS; c++)
        if (tree.item[c].used && tree.item[c].parent == k)
            return true;
    return false;
}

/* replaced: what has the name there, or 0. */
static inline int
do_rename(int k, int parent, const char *name, int replaced)
{
    struct item *i = &tree.item[k];
    struct fat_entry e, other;
    struct fat_rename r = {.name = name, .length = strlen(name), .entry = &e, .replaced_entry = &other};
    bool was_promised = i->promised;
    int err = load(k), old_parent = i->parent;

    if (!err)
        err = load(parent);
    if (!err && replaced)
        err = load(replaced);
    if (!err)
        err = fat_dir_find(&tree.f, &tree.item[i->parent].file.dir, i->name, strlen(i->name), &e);
    if (!err && replaced)
        err = fat_dir_find(&tree.f, &tree.item[parent].file.dir, name, strlen(name), &other);
    if (err)
        return err;
    r.from = &tree.item[i->parent].file;
    r.to = &tree.item[parent].file;
    r.file = &i->file;
    r.replaced = replaced ? &tree.item[replaced].file : NULL;
    mark_of(i, tree.either.mark[0], sizeof tree.either.mark[0]);
    tree.has_both = i->is_directory ? has_children(k) : i->size > (1u << 20);
    unpromise(k);
    if (replaced)
        unpromise(replaced);
    {
        struct item as = *i;

        as.parent = parent;
        snprintf(as.name, sizeof as.name, "%s", replaced ? tree.item[replaced].name : name);
        mark_of(&as, tree.either.mark[1], sizeof tree.either.mark[1]);
        tree.either.active = was_promised && !i->is_directory;
    }
    err = fat_rename(&tree.f, &r);
    tree.has_both = false;
    if (err)
        return err;
    i->parent = parent;
    snprintf(i->name, sizeof i->name, "%s", replaced ? tree.item[replaced].name : name);
    if (replaced) {
        err = fat_file_drop(&tree.f, &tree.item[replaced].file, true);
        item_end(replaced);
    }
    (void)old_parent;
    return err;
}

static inline int
do_commit(bool all)
{
    int err = all ? fat_sync(&tree.f) : fat_commit(&tree.f);

    if (err)
        return err;
    tree.either.active = false;
    for (int k = 1; k < ITEMS; k++)
        tree.item[k].promised = tree.item[k].used;
    return 0;
}

/* ---- all of it ---- */

static inline void
tree_start(const uint8_t *image, size_t size)
{
    machine_start(image, size);
    machine.flushed = states_check;
    memset(tree.item, 0, sizeof tree.item);
    tree.has_both = tree.either.active = false;
    CHECK_EQ(machine_mount(&tree.f), 0);
    tree.item[0] = (struct item){.used = true, .loaded = true, .is_directory = true};
    tree.item[0].file = (struct fat_file){.is_directory = true,
                                          .dir.is_root_area = tree.f.g.bits != 32,
                                          .dir.chain.first = tree.f.g.root_cluster};
    list_init(&tree.item[0].file.link);
}

/* All is as it should be, read from the medium by somebody new. Returns: what fatcheck says of it */
static inline int
tree_compare(void)
{
    char said[2048];

    for (int k = 1; k < ITEMS; k++)
        evict(k);
    for (int k = 1; k < ITEMS; k++) {
        struct item *i = &tree.item[k];

        if (!i->used)
            continue;
        if (!CHECK_EQ(load(k), 0))
            fprintf(stderr, "  %s\n", i->name);
        CHECK_EQ(i->file.size, i->is_directory ? 0 : i->size);
        for (uint32_t at = 0; at < i->size;) {
            uint32_t cluster, count, n;

            if (!CHECK_EQ(fat_walk(&tree.f, &i->file.dir.chain, at / tree.f.g.cluster, 1, &cluster, &count),
                          0))
                break;
            n = tree.f.g.cluster < i->size - at ? tree.f.g.cluster : i->size - at;
            CHECK(!memcmp(machine.memory + fat_position(&tree.f, cluster), i->content + at, n));
            at += n;
        }
    }
    promises_make();
    return fatcheck(machine.medium, machine.size, promises, said, sizeof said);
}

static inline void
tree_end(void)
{
    for (int k = ITEMS - 1; k >= 0; k--) {
        if (tree.item[k].loaded)
            (void)fat_file_drop(&tree.f, &tree.item[k].file, false);
        free(tree.item[k].content);
    }
    machine_forget(&tree.f);
}
