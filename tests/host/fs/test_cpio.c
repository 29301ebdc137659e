// newc archives: members, several archives in a row, and every way in which one is cut or spoilt.
// sources: kernel/fs/cpio.c
#include "kernel/fs/cpio.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/fs/archive.h"

static struct archive a;

static void
make(void)
{
    a.size = 0;
    archive_add(&a, "./etc", 0040755, 1, 2, "");
    archive_add(&a, "/etc/motd", 0100644, 2, 1, "hello\n");
    archive_add(&a, "dev/null", 0020666, 3, 1, "");
    archive_end(&a);
}

static void
test_members(void)
{
    struct cpio_member m;
    const char *reason;
    size_t at = 0;

    make();
    CHECK_EQ(cpio_next(a.bytes, a.size, &at, &m, &reason), 1);
    CHECK_STR(m.name, "etc");
    CHECK_EQ(m.mode, 0040755);
    CHECK_EQ(m.nlink, 2);
    CHECK_EQ(m.size, 0);
    CHECK_EQ(cpio_next(a.bytes, a.size, &at, &m, &reason), 1);
    CHECK_STR(m.name, "etc/motd");
    CHECK_EQ(m.size, 6);
    CHECK(memcmp(m.data, "hello\n", 6) == 0);
    CHECK_EQ(m.mtime, 1700000000);
    CHECK_EQ(cpio_next(a.bytes, a.size, &at, &m, &reason), 1);
    CHECK_EQ(m.rdev_major, 5);
    CHECK_EQ(m.rdev_minor, 7);
    CHECK_EQ(cpio_next(a.bytes, a.size, &at, &m, &reason), 0);
}

static void
test_archives_in_a_row(void)
{
    struct cpio_member m;
    const char *reason;
    size_t at = 0, first, members = 0;

    make();
    first = a.size;
    archive_add(&a, "more", 0100644, 9, 1, "x");
    archive_end(&a);
    CHECK(a.size > first);
    for (; cpio_next(a.bytes, a.size, &at, &m, &reason) == 1; members++)
        CHECK((strcmp(m.name, "more") == 0) == (members == 3));
    CHECK_EQ(members, 4);
}

static void
test_nothing(void)
{
    static const uint8_t zeros[1024];
    struct cpio_member m;
    const char *reason;
    size_t at = 0;

    CHECK_EQ(cpio_next(zeros, 0, &at, &m, &reason), 0);
    CHECK_EQ(cpio_next(zeros, sizeof zeros, &at, &m, &reason), 0);
}

/* Cut at any byte, or with any byte changed: it ends, says why, and never points outside. */
static void
walk(const uint8_t *bytes, size_t size)
{
    struct cpio_member m;
    const char *reason = NULL;
    size_t at = 0, before = 0;
    int r;

    while ((r = cpio_next(bytes, size, &at, &m, &reason)) == 1) {
        CHECK(at > before && at <= size);
        CHECK(m.data >= bytes && m.data + m.size <= bytes + size);
        CHECK((const uint8_t *)m.name >= bytes && (const uint8_t *)m.name + strlen(m.name) < bytes + size);
        before = at;
    }
    CHECK(r == 0 || r == -EINVAL);
    CHECK(r == 0 || (reason && *reason && at <= size));
}

static void
test_cut(void)
{
    make();
    for (size_t size = 0; size < a.size; size++) {
        uint8_t *copy = malloc(size ? size : 1); /* so that one byte beyond is seen */

        memcpy(copy, a.bytes, size);
        check_row("cut at %zu", size);
        walk(copy, size);
        free(copy);
    }
    check_row("%s", "");
}

static void
test_spoilt(void)
{
    for (unsigned round = 0; round < 20000; round++) {
        make();
        for (unsigned n = 1 + (unsigned)check_random_below(3); n; n--)
            a.bytes[check_random_below(a.size)] = check_random_below(3)
                                                      ? (uint8_t) "0fF9 z"[check_random_below(6)]
                                                      : 0xff;
        walk(a.bytes, a.size);
    }
}

/* A member in front of a wrong one is still there: what is wrong is at the second one's place. */
static void
test_where_it_is_wrong(void)
{
    struct cpio_member m;
    const char *reason = "";
    size_t at = 0, second;

    make();
    CHECK_EQ(cpio_next(a.bytes, a.size, &at, &m, &reason), 1);
    second = at;
    a.bytes[second] = 'x';
    CHECK_EQ(cpio_next(a.bytes, a.size, &at, &m, &reason), -EINVAL);
    CHECK_EQ(at, second);
    CHECK(*reason);
}

int
main(void)
{
    test_members();
    test_archives_in_a_row();
    test_nothing();
    test_cut();
    test_spoilt();
    test_where_it_is_wrong();
    return check_report();
}
