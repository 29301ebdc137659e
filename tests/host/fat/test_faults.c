// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c tests/faults/fatcheck.c
/*
 * Each of many operations, with the n-th request to the device failing (once, or from then on), and with the n-th allocation
 * failing, for every n until none is hit: what is on the medium stays good, what fails is told, and nothing that was durable is lost.
 */
#include "tests/host/fat/image.h"
#include "tests/host/fat/operations.h"

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

/* A directory is dirty when a name in it has come, gone or changed, the root too: fsync(2) asks by that. */
static void
test_directories_know_that_they_changed(const uint8_t *image, size_t size)
{
    int (*const in_root[])(void) = {op_create, op_unlink, op_rename_same, op_rename_away};

    for (size_t i = 0; i < sizeof in_root / sizeof *in_root; i++) {
        prepare(image, size);
        check_row("operation %zu", i);
        CHECK(tree.item[0].file.dirty_era < tree.f.era);
        CHECK_EQ(in_root[i](), 0);
        CHECK_EQ(tree.item[0].file.dirty_era, tree.f.era);
        tree_end();
    }
}

/* What was written to a file is not forgotten when a rename of it finds no room: the directory has to grow, and the disk is full. */
static void
test_a_rename_that_fails_forgets_nothing(const uint8_t *image, size_t size)
{
    int k, err = 0;

    prepare(image, size);
    check_row("a full disk");
    if (tree.f.g.cluster != 16 * FAT_ENTRY)
        return tree_end(); /* more names than a tree has */
    for (int n = 0; n < 14; n++) {
        char name[16];

        snprintf(name, sizeof name, "F%d", n);
        CHECK(do_create(sub, name, false) > 0);
    }
    CHECK_EQ(do_commit(true), 0);
    machine.flushed = NULL;
    while (!err)
        err = do_write(some, tree.item[some].size, 40 * tree.f.g.cluster);
    CHECK_EQ(err, -ENOSPC);
    CHECK_EQ(do_commit(true), 0);
    k = long_name; /* its size changes, within its cluster */
    CHECK_EQ(do_write(k, 100, 50), 0);
    tree.item[k].file.made_era = tree.f.era; /* as if no commit had entered it: its entry moves */
    CHECK_EQ(do_rename(k, sub, "it", 0), -ENOSPC);
    CHECK_EQ(do_commit(true), 0);
    CHECK(tree_compare() <= FATCHECK_LEAK);
    tree_end();
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
        test_directories_know_that_they_changed(image, size);
        test_a_rename_that_fails_forgets_nothing(image, size);
        free(image);
    }
    printf("  %lu crash states\n", tree.states);
    return check_report();
}
