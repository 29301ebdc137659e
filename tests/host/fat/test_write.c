// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c tests/faults/fatcheck.c
/*
 * Random work on volumes of every type. The power is cut at every point: before each write, and with any of those that the
 * medium has not flushed yet. In the end all is as a model has it, and nothing is lost.
 *
 * test_write [TIMES [x]]: so many times as much; with a second word without cuts, for more of the rest.
 */
#include "tests/host/fat/image.h"
#include "tests/host/fat/tree.h"

static const char *const names[] = {"A",
                                    "B.TXT",
                                    "readme",
                                    "Readme.Long.Name",
                                    "a name with blanks.text",
                                    "UPPER.c",
                                    "\xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac.dat",
                                    "another rather long name, of more than one entry.jpeg",
                                    "x.y.z",
                                    "LONGNA~1.TXT",
                                    "longname of which there are many 1",
                                    "longname of which there are many 2",
                                    "longname of which there are many 3",
                                    "longname of which there are many 4",
                                    "longname of which there are many 5",
                                    "longname of which there are many 6"};
#define NAMES (sizeof names / sizeof *names)

static int
pick(bool directory)
{
    for (int tries = 0; tries < 50; tries++) {
        int k = (int)(check_random() % ITEMS);

        if (tree.item[k].used && tree.item[k].is_directory == directory && (k || directory) &&
            depth_of(k) < 5)
            return k;
    }
    return 0;
}

static int
named(int parent, const char *name)
{
    for (int k = 1; k < ITEMS; k++)
        if (tree.item[k].used && tree.item[k].parent == parent &&
            fat_names_match(tree.item[k].name, strlen(tree.item[k].name), name, strlen(name)))
            return k;
    return 0;
}

static int
random_rename(void)
{
    int k = pick(check_random() % 4 == 0), parent = pick(true), replaced;
    const char *name = names[check_random() % NAMES];

    if (!k || is_below(parent, k) || (tree.item[k].is_directory && depth_of(parent) > 2))
        return 0;
    replaced = named(parent, name);
    if (replaced == k || (replaced && (is_below(tree.item[k].parent, replaced) ||
                                       tree.item[replaced].is_directory != tree.item[k].is_directory ||
                                       has_children(replaced))))
        return 0;
    return do_rename(k, parent, name, replaced);
}

static int
random_step(uint32_t most)
{
    uint32_t what = (uint32_t)check_random() % 100;
    int k, err;

    if (what < 22) {
        err = do_create(pick(true), names[check_random() % NAMES], what < 6);
        return err > 0 || err == -EEXIST ? 0 : err;
    }
    if (what < 45) {
        k = pick(false);
        return k ? do_write(k, check_random() % 3 ? tree.item[k].size : (uint32_t)(check_random() % most),
                            1 + (uint32_t)(check_random() % most))
                 : 0;
    }
    if (what < 55) {
        k = pick(false);
        return k && tree.item[k].size
                   ? do_cut(k, check_random() % 3 ? (uint32_t)(check_random() % tree.item[k].size) : 0)
                   : 0;
    }
    if (what < 65) {
        k = pick(check_random() % 4 == 0);
        if (!k)
            return 0;
        err = do_unlink(k);
        return err == -ENOTEMPTY ? 0 : err;
    }
    if (what < 80)
        return random_rename();
    if (what < 92)
        return do_commit(what < 83);
    evict((int)(check_random() % ITEMS));
    return 0;
}

struct shape {
    const char *options;
    unsigned kib, steps;
};
static const struct shape shapes[] = {
    {"-F 12 -s 1", 128, 4000},        {"-F 12 -s 4 -S 512 -r 32", 512, 3000},
    {"-F 16 -s 1", 2300, 1500},       {"-F 16 -s 2 -S 1024 -f 1", 10000, 500},
    {"-F 32 -s 1", 34000, 250},       {"-F 12 -s 8", 1200, 2000},
    {"-F 12 -S 4096 -s 1", 2400, 500}};

static void
test_random_work(unsigned scale, bool cuts)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t size;
        uint8_t *image = image_make(shapes[s].options, shapes[s].kib, &size);
        unsigned long before = tree.states;

        tree_start(image, size);
        tree.subsets = 6;
        if (!cuts)
            machine.flushed = NULL;
        for (unsigned n = 0; n < shapes[s].steps * scale && check.failed < 5; n++) {
            int err;

            check_row("%s, step %u", shapes[s].options, n);
            err = random_step(3 * tree.f.g.cluster);
            if (!CHECK(err == 0 || err == -ENOSPC))
                fprintf(stderr, "  error %d: %s\n", -err, machine.said);
            if (!CHECK_EQ(machine.complaints, 0))
                fprintf(stderr, "  %s\n", machine.said);
            if (n % 200 == 199) {
                CHECK_EQ(do_commit(true), 0);
                CHECK(tree_compare() <= FATCHECK_LEAK);
            }
        }
        CHECK_EQ(do_commit(true), 0);
        CHECK_EQ(fat_close(&tree.f), 0);
        CHECK_EQ(tree_compare(), 0);
        CHECK_EQ(machine.holds, 0);
        tree_end();
        free(image);
        printf("  %s: %lu crash states\n", shapes[s].options, tree.states - before);
    }
}

int
main(int argc, char **argv)
{
    test_random_work(argc > 1 ? (unsigned)atoi(argv[1]) : 1, argc <= 2);
    return check_report();
}
