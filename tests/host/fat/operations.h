/* Operations on a small tree, each on its own: what is tried under faults, and in pairs. */
#pragma once
#include "tests/host/fat/tree.h"

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

/* What an operation before it has removed, or moved, is not there for the next one. */
static bool
is_there(int k, int parent)
{
    return tree.item[k].used && tree.item[k].parent == parent;
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
    if (!is_there(sub, dir))
        return 0;
    return ended(do_create(sub, "deep", true));
}
static int
op_append(void)
{
    if (!is_there(a, 0))
        return 0;
    return do_write(a, tree.item[a].size, 5000);
}
static int
op_append_little(void)
{
    if (!is_there(long_name, 0))
        return 0;
    return do_write(long_name, 100, 10);
}
static int
op_overwrite(void)
{
    if (!is_there(some, 0))
        return 0;
    return do_write(some, 1000, 3000);
}
static int
op_first_write(void)
{
    if (!is_there(b, 0))
        return 0;
    return do_write(b, 0, 9000);
}
static int
op_hole(void)
{
    if (!is_there(b, 0))
        return 0;
    return do_write(b, 5000, 10);
}
static int
op_cut(void)
{
    if (!is_there(some, 0))
        return 0;
    return do_cut(some, 5 * tree.f.g.cluster);
}
static int
op_cut_all(void)
{
    if (!is_there(some, 0))
        return 0;
    return do_cut(some, 0);
}
static int
op_cut_nothing(void)
{
    if (!is_there(b, 0))
        return 0;
    return do_cut(b, 0);
}

static int
op_unlink(void)
{
    if (!is_there(some, 0))
        return 0;
    return do_unlink(some);
}
static int
op_unlink_long(void)
{
    if (!is_there(long_name, 0))
        return 0;
    return do_unlink(long_name);
}
static int
op_rmdir(void)
{
    if (!is_there(sub, dir))
        return 0;
    return do_unlink(sub);
}
static int
op_rename_same(void)
{
    if (!is_there(a, 0))
        return 0;
    return do_rename(a, 0, "C", 0);
}
static int
op_rename_longer(void)
{
    if (!is_there(a, 0))
        return 0;
    return do_rename(a, 0, "a much longer name than it had before.text", 0);
}
static int
op_rename_over(void)
{
    if (!is_there(a, 0) || !is_there(b, 0))
        return 0;
    return do_rename(a, 0, "B.TXT", b);
}
static int
op_rename_over_large(void)
{
    if (!is_there(long_name, 0) || !is_there(some, 0))
        return 0;
    return do_rename(long_name, 0, "some.dat", some);
}
static int
op_rename_away(void)
{
    if (!is_there(a, 0) || !is_there(dir, 0))
        return 0;
    return do_rename(a, dir, "A", 0);
}
static int
op_rename_empty(void)
{
    if (!is_there(b, 0) || !is_there(dir, 0))
        return 0;
    return do_rename(b, dir, "B.TXT", 0);
}
static int
op_rename_dir(void)
{
    if (!is_there(sub, dir))
        return 0;
    return do_rename(sub, 0, "SUB", 0);
}
static int
op_rename_full_dir(void)
{
    if (!is_there(dir, 0))
        return 0;
    return do_rename(dir, 0, "another name for the directory", 0);
}
static int
op_rename_case(void)
{
    if (!is_there(a, 0))
        return 0;
    return do_rename(a, 0, "a", 0);
}

static int
op_create_write(void)
{
    int k = do_create(0, "fresh", false);

    return k < 0 ? k : do_write(k, 0, 3000);
}

static int
op_cut_and_append_on(void)
{
    int err = do_cut(some, 5 * tree.f.g.cluster);

    return err ? err : do_write(some, tree.item[some].size, 4000);
}

static int
op_cut_and_append(void)
{
    return !is_there(some, 0) ? 0 : op_cut_and_append_on();
}

static int
op_replace_on(void)
{
    int k = do_create(0, "temporary", false), err = k < 0 ? k : do_write(k, 0, 2000);

    return err ? err : do_rename(k, 0, "some.dat", some);
}

static int
op_replace(void)
{
    return !is_there(some, 0) ? 0 : op_replace_on();
}

static int
op_many_names(void)
{
    int err = 0;

    if (!is_there(sub, dir))
        return 0;
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
