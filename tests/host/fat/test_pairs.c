// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c tests/faults/fatcheck.c
/*
 * Every pair of operations, with and without a commit between and behind them, with files let go between or not: the power is cut at
 * every point, and in the end all is as it should be.
 */
#include "tests/host/fat/image.h"
#include "tests/host/fat/operations.h"

#define OPERATIONS (sizeof operations / sizeof *operations)

static const char *const shapes[] = {"-F 12 -s 1", "-F 16 -s 1", "-F 12 -s 8"};

enum between { NOTHING, COMMIT, EVICT, BETWEEN };

static void
pair(const uint8_t *image, size_t size, size_t one, size_t other, enum between between)
{
    int err;

    prepare(image, size);
    check_row("%s, then %s (%d between)", operations[one].name, operations[other].name, (int)between);
    err = operations[one].run();
    CHECK(err == 0 || err == -ENOSPC);
    if (between == COMMIT)
        CHECK_EQ(do_commit(false), 0);
    for (int k = 1; k < ITEMS && between == EVICT; k++)
        evict(k);
    err = operations[other].run();
    CHECK(err == 0 || err == -ENOSPC || err == -EEXIST || err == -ENOTEMPTY);
    CHECK_EQ(do_commit(true), 0);
    CHECK(tree_compare() <= FATCHECK_LEAK);
    CHECK_EQ(machine.complaints, 0);
    CHECK_EQ(fat_close(&tree.f), 0);
    CHECK_EQ(tree_compare(), 0);
    tree_end();
}

int
main(void)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t size;
        uint8_t *image = image_make(shapes[s], s == 1 ? 2300 : s ? 1200 : 128, &size);

        for (size_t one = 0; one < OPERATIONS; one++)
            for (size_t other = 0; other < OPERATIONS; other++)
                for (enum between between = NOTHING; between < BETWEEN; between++)
                    pair(image, size, one, other, between);
        free(image);
    }
    printf("  %lu crash states\n", tree.states);
    return check_report();
}
