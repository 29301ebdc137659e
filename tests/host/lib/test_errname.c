// Numbers of errors are the host's (which has Linux's); each has a name and a text of its own.
// sources: lib/errname.c
#define _GNU_SOURCE /* strerrorname_np */
#include <limits.h>
#include <errno.h>
#include "lib/errname.h"
#include "lib/errno.h" /* a number that differs from the host's is a macro defined twice: no build */
#include "tests/host/check.h"

static void
test_names(void)
{
    static const struct {
        int err;
        const char *name, *text;
    } rows[] = {
        {0, "OK", "success"},
        {EPERM, "EPERM", "operation not permitted"},
        {ENOENT, "ENOENT", "no such file or directory"},
        {-EIO, "EIO", "input/output error"},
        {EWOULDBLOCK, "EAGAIN", "try again"},
        {-ECANCELED, "ECANCELED", "cancelled"},
        {41, "E?", "unknown error"}, /* a gap */
        {ECANCELED + 1, "E?", "unknown error"},
        {INT_MAX, "E?", "unknown error"},
        {INT_MIN, "E?", "unknown error"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row("error %d", rows[i].err);
        CHECK_STR(errname(rows[i].err), rows[i].name);
        CHECK_STR(errtext(rows[i].err), rows[i].text);
    }
}

/* The names are those that the host gives to the numbers, and no two texts are the same. */
static void
test_all_rows(void)
{
    int named = 0;

    for (int err = 1; err <= ECANCELED; err++) {
        check_row("error %d", err);
        if (!strcmp(errname(err), "E?"))
            continue;
        named++;
        CHECK_STR(errname(err), strerrorname_np(err));
        for (int other = 0; other < err; other++)
            CHECK(!strcmp(errname(other), "E?") || strcmp(errtext(other), errtext(err)));
    }
    CHECK(named > 50);
}

int
main(void)
{
    test_names();
    test_all_rows();
    return check_report();
}
