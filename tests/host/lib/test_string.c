// The string functions, under other names, against the host's.
// sources:
#include "lib/string.h"
#include "tests/host/check.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define memcpy      lib_memcpy
#define memmove     lib_memmove
#define memset      lib_memset
#define memcmp      lib_memcmp
#define memchr      lib_memchr
#define strlen      lib_strlen
#define strnlen     lib_strnlen
#define strcmp      lib_strcmp
#define strncmp     lib_strncmp
#define strcasecmp  lib_strcasecmp
#define strncasecmp lib_strncasecmp
#define strchr      lib_strchr
#define strrchr     lib_strrchr
#define strstr      lib_strstr
#define strspn      lib_strspn
#define strcspn     lib_strcspn
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strcasecmp
#undef strncasecmp
#undef strchr
#undef strrchr
#undef strstr
#undef strspn
#undef strcspn
#include <strings.h>

enum { AREA = 512 };

static void
fill(unsigned char *a, unsigned char *b)
{
    for (size_t i = 0; i < AREA; i++)
        a[i] = b[i] = (unsigned char)check_random();
}

/* Any offsets and lengths, also of areas that overlap; the bytes around them stay. */
static void
test_copy_and_fill(void)
{
    unsigned char ours[AREA], theirs[AREA];

    for (int round = 0; round < 20000; round++) {
        size_t n = check_random_below(round % 2 ? 20 : 200);
        size_t from = check_random_below(AREA - n + 1), to = check_random_below(AREA - n + 1);
        int byte = (int)check_random();

        check_row("from %zu, to %zu, n %zu", from, to, n);
        fill(ours, theirs);
        CHECK(lib_memmove(ours + to, ours + from, n) == ours + to);
        memmove(theirs + to, theirs + from, n);
        CHECK(!memcmp(ours, theirs, AREA));

        CHECK(lib_memset(ours + to, byte, n) == ours + to);
        memset(theirs + to, byte, n);
        CHECK(!memcmp(ours, theirs, AREA));

        unsigned char other[AREA];
        memcpy(other, ours, AREA);
        CHECK(lib_memcpy(ours + to, other + from, n) == ours + to);
        memcpy(theirs + to, other + from, n);
        CHECK(!memcmp(ours, theirs, AREA));
    }
}

static int
sign(int x)
{
    return (x > 0) - (x < 0);
}

static void
test_memcmp_memchr(void)
{
    for (int round = 0; round < 20000; round++) {
        size_t n = check_random_below(40);
        unsigned char *a = malloc(n + 1), *b = malloc(n + 1); /* exact sizes: ASan sees a byte too much */
        int byte = (int)check_random_below(512);

        for (size_t i = 0; i < n; i++)
            a[i] = b[i] = (unsigned char)(check_random_below(3) * 127);
        if (n && round % 4)
            b[check_random_below(n)] = (unsigned char)check_random();
        a[n] = 1;
        b[n] = 2;
        check_row("n %zu", n);
        CHECK_EQ(sign(lib_memcmp(a, b, n)), sign(memcmp(a, b, n)));
        CHECK(lib_memchr(b, byte, n) == memchr(b, byte, n));
        free(a);
        free(b);
    }
}

/* A string of up to `max` characters, few of them different, with bytes above 127, in memory of its size. */
static char *
random_string(size_t max)
{
    static const char letters[] = {'a', 'b', 'A', 'B', 'z', 'Z', '@', '[', (char)0x80, (char)0xe9};
    size_t n = check_random_below(max + 1), kinds = 1 + check_random_below(sizeof letters);
    char *s = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        s[i] = letters[check_random_below(kinds)];
    s[n] = '\0';
    return s;
}

static void
test_strings(void)
{
    for (int round = 0; round < 50000; round++) {
        char *a = random_string(round % 3 ? 12 : 60), *b = random_string(round % 3 ? 3 : 60);
        size_t n = check_random_below(16);
        int c = (int)check_random_below(300);

        check_row("\"%s\", \"%s\", n %zu", a, b, n);
        CHECK_EQ(lib_strlen(a), strlen(a));
        CHECK_EQ(lib_strnlen(a, n), strnlen(a, n));
        CHECK_EQ(sign(lib_strcmp(a, b)), sign(strcmp(a, b)));
        CHECK_EQ(sign(lib_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        CHECK_EQ(sign(lib_strcasecmp(a, b)), sign(strcasecmp(a, b)));
        CHECK_EQ(sign(lib_strncasecmp(a, b, n)), sign(strncasecmp(a, b, n)));
        CHECK(lib_strchr(a, *b) == strchr(a, *b));
        CHECK(lib_strrchr(a, *b) == strrchr(a, *b));
        CHECK(lib_strchr(a, c) == strchr(a, c));
        CHECK(lib_strrchr(a, c) == strrchr(a, c));
        CHECK(lib_strstr(a, b) == strstr(a, b));
        CHECK_EQ(lib_strspn(a, b), strspn(a, b));
        CHECK_EQ(lib_strcspn(a, b), strcspn(a, b));
        free(a);
        free(b);
    }
}

/* Strings that end where strncmp and strnlen must stop need no NUL. */
static void
test_unterminated(void)
{
    char *s = malloc(4);

    memcpy(s, "abcd", 4);
    check_row("no NUL");
    CHECK_EQ(lib_strnlen(s, 4), 4);
    CHECK_EQ(lib_strncmp(s, "abcd and more", 4), 0);
    CHECK_EQ(lib_strncasecmp(s, "ABCD and more", 4), 0);
    free(s);
}

static void
test_strlcpy_strlcat(void)
{
    static const struct {
        const char *before, *from;
        size_t size, copied, appended;
        const char *copy, *append;
    } rows[] = {
        {"ab", "cde", 8, 3, 5, "cde", "abcde"}, {"ab", "cde", 6, 3, 5, "cde", "abcde"},
        {"ab", "cde", 5, 3, 5, "cde", "abcd"},  {"ab", "cde", 3, 3, 5, "cd", "ab"},
        {"", "cde", 1, 3, 3, "", ""},           {"ab", "", 3, 0, 2, "", "ab"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *to = malloc(rows[i].size);

        check_row("row %zu", i);
        CHECK_EQ(strlcpy(to, rows[i].from, rows[i].size), rows[i].copied);
        CHECK_STR(to, rows[i].copy);
        strcpy(to, rows[i].before);
        CHECK_EQ(strlcat(to, rows[i].from, rows[i].size), rows[i].appended);
        CHECK_STR(to, rows[i].append);
        free(to);
    }
    char full[2] = {'x', 'y'};

    check_row("no room at all");
    CHECK_EQ(strlcpy(full, "abc", 0), 3);
    CHECK_EQ(strlcat(full, "abc", 2), 5);
    CHECK(full[0] == 'x' && full[1] == 'y');
}

int
main(void)
{
    test_copy_and_fill();
    test_memcmp_memchr();
    test_strings();
    test_unterminated();
    test_strlcpy_strlcat();
    return check_report();
}
