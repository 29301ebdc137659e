// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c tests/faults/fatcheck.c
/*
 * Each of many operations, with the n-th request to the device failing (once, or from then on), and with the n-th allocation
 * failing, for every n until none is hit: what is on the medium stays good, what fails is told, and nothing that was durable is lost.
 */
#include "tests/host/fat/tree.h"
#include "tests/host/fat/image.h"

/* Files that are durable before: A (3 clusters), B.TXT (empty), "a long name.text" (1), DIR with IN and SUB; SOME of 20. */
static int a, b, long_name, dir, in, sub, some;

static void
prepare(const uint8_t *image, size_t size)
{
    tree_start(image, size);
    machine.flushed = NULL;
    a = do_create(0, "A", false);
    b = do_create(0, "B.TXT", false);
    long_name = do_create(0, "a long name.text", false);
    dir = do_create(0, "DIR", true);
    in = do_create(dir, "IN", false);
    sub = do_create(dir, "SUB", true);
    some = do_create(0, "some.dat", false);
    CHECK(a > 0 && b > 0 && long_name > 0 && dir > 0 && in > 0 && sub > 0 && some > 0);
    CHECK_EQ(do_write(a, 0, 3 * tree.f.g.cluster), 0);
    CHECK_EQ(do_write(long_name, 0, 100), 0);
    CHECK_EQ(do_write(in, 0, 700), 0);
    CHECK_EQ(do_write(some, 0, 20 * tree.f.g.cluster), 0);
    CHECK_EQ(do_commit(true), 0);
    machine.flushed = states_check;
    tree.subsets = 2;
}

static int
ended(int k)
{
    return k < 0 ? k : 0;
}

static int
op_create(void)
{
    return ended(do_create(0, "new", false));
}
static int
op_create_long(void)
{
    return ended(do_create(0, "a new name that takes some entries.of.many", false));
}
static int
op_mkdir(void)
{
    return ended(do_create(0, "newdir", true));
}
static int
op_mkdir_below(void)
{
    return ended(do_create(sub, "deep", true));
}
static int
op_append(void)
{
    return do_write(a, tree.item[a].size, 5000);
}
static int
op_append_little(void)
{
    return do_write(long_name, 100, 10);
}
static int
op_overwrite(void)
{
    return do_write(some, 1000, 3000);
}
static int
op_first_write(void)
{
    return do_write(b, 0, 9000);
}
static int
op_hole(void)
{
    return do_write(b, 5000, 10);
}
static int
op_cut(void)
{
    return do_cut(some, 5 * tree.f.g.cluster);
}
static int
op_cut_all(void)
{
    return do_cut(some, 0);
}
static int
op_cut_nothing(void)
{
    return do_cut(b, 0);
}

static int
op_unlink(void)
{
    return do_unlink(some);
}
static int
op_unlink_long(void)
{
    return do_unlink(long_name);
}
static int
op_rmdir(void)
{
    return do_unlink(sub);
}
static int
op_rename_same(void)
{
    return do_rename(a, 0, "C", 0);
}
static int
op_rename_longer(void)
{
    return do_rename(a, 0, "a much longer name than it had before.text", 0);
}
static int
op_rename_over(void)
{
    return do_rename(a, 0, "B.TXT", b);
}
static int
op_rename_over_large(void)
{
    return do_rename(long_name, 0, "some.dat", some);
}
static int
op_rename_away(void)
{
    return do_rename(a, dir, "A", 0);
}
static int
op_rename_empty(void)
{
    return do_rename(b, dir, "B.TXT", 0);
}
static int
op_rename_dir(void)
{
    return do_rename(sub, 0, "SUB", 0);
}
static int
op_rename_full_dir(void)
{
    return do_rename(dir, 0, "another name for the directory", 0);
}
static int
op_rename_case(void)
{
    return do_rename(a, 0, "a", 0);
}

static int
op_create_write(void)
{
    int k = do_create(0, "fresh", false);

    return k < 0 ? k : do_write(k, 0, 3000);
}

static int
op_cut_and_append(void)
{
    int err = do_cut(some, 5 * tree.f.g.cluster);

    return err ? err : do_write(some, tree.item[some].size, 4000);
}

static int
op_replace(void)
{
    int k = do_create(0, "temporary", false), err = k < 0 ? k : do_write(k, 0, 2000);

    return err ? err : do_rename(k, 0, "some.dat", some);
}

static int
op_many_names(void)
{
    int err = 0;

    for (int n = 0; n < 20 && !err; n++) {
        char name[60];

        snprintf(name, sizeof name, "file of many in a directory, %d", n);
        err = ended(do_create(sub, name, false));
    }
    return err;
}

static const struct {
    const char *name;
    int (*run)(void);
} operations[] = {{"create", op_create},
                  {"create a long name", op_create_long},
                  {"create and write", op_create_write},
                  {"mkdir", op_mkdir},
                  {"mkdir below", op_mkdir_below},
                  {"append", op_append},
                  {"append a little", op_append_little},
                  {"overwrite", op_overwrite},
                  {"write the first", op_first_write},
                  {"leave a hole", op_hole},
                  {"cut", op_cut},
                  {"cut to nothing", op_cut_all},
                  {"cut what is empty", op_cut_nothing},
                  {"cut and append", op_cut_and_append},
                  {"unlink", op_unlink},
                  {"unlink a long name", op_unlink_long},
                  {"rmdir", op_rmdir},
                  {"rename in place", op_rename_same},
                  {"rename to a longer name", op_rename_longer},
                  {"rename over a file", op_rename_over},
                  {"rename over a large file", op_rename_over_large},
                  {"rename into a directory", op_rename_away},
                  {"rename an empty file", op_rename_empty},
                  {"rename an empty directory", op_rename_dir},
                  {"rename a full directory", op_rename_full_dir},
                  {"rename by case", op_rename_case},
                  {"replace by a new file", op_replace},
                  {"make many names", op_many_names}};

static const char *const shapes[] = {"-F 12 -s 1", "-F 16 -s 1", "-F 12 -s 8"};

/* The medium, as somebody finds it who comes later. */
static void
medium_check(const char *what)
{
    char said[2048];
    int verdict = fatcheck(machine.medium, machine.size, "", said, sizeof said);

    if (!CHECK(verdict <= FATCHECK_LEAK))
        fprintf(stderr, "  %s: %s\n", what, said);
}

static void
test_requests_that_fail(const uint8_t *image, size_t size, bool once)
{
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
        bool hit = true;

        for (long n = 0; hit && n < 200; n++) {
            int err, later;

            prepare(image, size);
            check_row("%s, request %ld %s", operations[o].name, n, once ? "once" : "and all others");
            machine.io_left = n;
            machine.io_once = once;
            err = operations[o].run();
            later = err ? err : do_commit(true);
            hit = machine.io_hit;
            CHECK_EQ(later != 0, hit);
            if (hit) {
                CHECK(tree.f.failed && tree.f.read_only);
                machine.io_left = -1;
                CHECK(fat_commit(&tree.f) != 0); /* no later success makes a lost write good */
                CHECK_EQ(ended(do_create(0, "later", false)), -EROFS);
            }
            medium_check(operations[o].name);
            tree_end();
        }
    }
}

static void
test_memory_that_is_missing(const uint8_t *image, size_t size)
{
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
        bool hit = true;

        for (unsigned long n = 1; hit && n < 500; n++) {
            int err;

            prepare(image, size);
            check_row("%s, allocation %lu", operations[o].name, n);
            machine.memory_left = n;
            err = operations[o].run();
            hit = machine.memory_left == 0;
            machine.memory_left = 0;
            CHECK(err == 0 || (hit && err == -ENOMEM));
            CHECK(!tree.f.failed);
            CHECK_EQ(do_commit(true), 0);
            medium_check(operations[o].name);
            CHECK_EQ(machine.complaints, 0);
            tree_end();
        }
    }
}

static void
test_blocks_that_cannot_be_read(const uint8_t *image, size_t size)
{
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
        bool hit = true;

        for (long n = 0; hit && n < 1000; n++) {
            int err;

            prepare(image, size);
            for (int k = 1; k < ITEMS; k++) /* so that it is to be read again */
                evict(k);
            check_row("%s, block %ld", operations[o].name, n);
            machine.get_left = n;
            err = operations[o].run();
            hit = machine.get_hit;
            machine.get_left = -1;
            CHECK(err == 0 || (hit && err == -EIO));
            if (!tree.f.failed)
                CHECK_EQ(fat_sync(&tree.f), 0);
            medium_check(operations[o].name);
            tree_end();
        }
    }
}

int
main(void)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t size;
        uint8_t *image = image_make(shapes[s], s == 1 ? 2300 : s ? 1200 : 128, &size);

        test_requests_that_fail(image, size, true);
        test_requests_that_fail(image, size, false);
        test_memory_that_is_missing(image, size);
        test_blocks_that_cannot_be_read(image, size);
        free(image);
    }
    printf("  %lu crash states\n", tree.states);
    return check_report();
}
