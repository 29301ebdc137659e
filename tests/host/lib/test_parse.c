// Numbers, sizes, command line options, patterns.
// sources: lib/parse.c
#include <errno.h>
#include "lib/parse.h"
#include "tests/host/check.h"
#include "tests/host/lib/glob_slow.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows)[0])

static void
test_numbers(void)
{
    static const struct {
        const char *text;
        unsigned base;
        int err;
        uint64_t value;
        size_t length; /* of the number */
    } rows[] = {
        {"0", 0, 0, 0, 1},
        {"42", 0, 0, 42, 2},
        {"042", 0, 0, 42, 3},
        {"0x2A", 0, 0, 42, 4},
        {"0X2a", 16, 0, 42, 4},
        {"2a", 16, 0, 42, 2},
        {"0x2a", 10, 0, 0, 1},
        {"2a", 10, 0, 2, 1},
        {"2a", 0, 0, 2, 1},
        {"0x", 0, 0, 0, 1},
        {"0xg", 16, 0, 0, 1},
        {"12 34", 0, 0, 12, 2},
        {"18446744073709551615", 0, 0, UINT64_MAX, 20},
        {"18446744073709551616", 0, -ERANGE, 0, 0},
        {"99999999999999999999", 10, -ERANGE, 0, 0},
        {"0xffffffffffffffff", 0, 0, UINT64_MAX, 18},
        {"0x10000000000000000", 0, -ERANGE, 0, 0},
        {"0000000000000000000000000000001", 10, 0, 1, 31},
        {"", 0, -EINVAL, 0, 0},
        {" 1", 0, -EINVAL, 0, 0},
        {"-1", 0, -EINVAL, 0, 0},
        {"+1", 0, -EINVAL, 0, 0},
        {"x", 16, -EINVAL, 0, 0},
        {"g", 16, -EINVAL, 0, 0},
        {":", 10, -EINVAL, 0, 0},
        {"/", 10, -EINVAL, 0, 0},
    };

    for (size_t i = 0; i < ROWS(rows); i++) {
        const char *text = rows[i].text, *end = "untouched";
        uint64_t value = 77;

        check_row("\"%s\" in base %u", text, rows[i].base);
        CHECK_EQ(parse_u64(text, &end, rows[i].base, &value), rows[i].err);
        CHECK_EQ(value, rows[i].err ? 77 : rows[i].value);
        if (rows[i].err)
            CHECK_STR(end, "untouched");
        else
            CHECK(end == text + rows[i].length);

        bool whole = !rows[i].err && !text[rows[i].length];
        value = 77;
        CHECK_EQ(parse_u64(text, NULL, rows[i].base, &value), rows[i].err ? rows[i].err
                                                              : whole     ? 0
                                                                          : -EINVAL);
        CHECK_EQ(value, whole ? rows[i].value : 77);
    }
}

static void
test_random_numbers(void)
{
    for (int round = 0; round < 20000; round++) {
        char text[32];
        const char *end;
        char *host_end;
        uint64_t value, number = check_random() >> check_random_below(64);
        int base = check_random_below(2) ? 10 : 16;

        snprintf(text, sizeof text, base == 10 ? "%llu" : "%#llx", (unsigned long long)number);
        if (check_random_below(2))
            text[check_random_below(strlen(text))] = (char)(' ' + 1 + check_random_below(94));
        if (strchr("+-", text[0]))
            continue;
        if (check_random_below(8) == 0)
            strcat(text, "9");
        errno = 0;
        check_row("\"%s\" in base %d", text, base);
        unsigned long long want = strtoull(text, &host_end, base);
        int err = parse_u64(text, &end, (unsigned)base, &value);

        CHECK_EQ(err, host_end == text ? -EINVAL : -errno);
        if (!err) {
            CHECK_EQ(value, want);
            CHECK(end == host_end);
        }
    }
}

static void
test_sizes(void)
{
    static const struct {
        const char *text;
        int err;
        uint64_t value;
    } rows[] = {
        {"0", 0, 0},
        {"512", 0, 512},
        {"64K", 0, 65536},
        {"64k", 0, 65536},
        {"256M", 0, UINT64_C(256) << 20},
        {"6G", 0, UINT64_C(6) << 30},
        {"6g", 0, UINT64_C(6) << 30},
        {"3T", 0, UINT64_C(3) << 40},
        {"0x10M", 0, UINT64_C(16) << 20},
        {"16777215T", 0, UINT64_C(16777215) << 40},
        {"16777216T", -ERANGE, 0},
        {"99999999999999999999K", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"M", -EINVAL, 0},
        {"1X", -EINVAL, 0},
        {"1KB", -EINVAL, 0},
        {"1 K", -EINVAL, 0},
        {"-1K", -EINVAL, 0},
    };

    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t value = 77;

        check_row("\"%s\"", rows[i].text);
        CHECK_EQ(parse_size(rows[i].text, NULL, &value), rows[i].err);
        CHECK_EQ(value, rows[i].err ? 77 : rows[i].value);
    }
    const char *end;
    uint64_t value;

    check_row("what follows");
    CHECK_EQ(parse_size("8K,16K", &end, &value), 0);
    CHECK_EQ(value, 8192);
    CHECK_STR(end, ",16K");
}

static void
test_options(void)
{
    static const struct {
        const char *cmdline, *key, *value; /* NULL: there is no such option */
    } rows[] = {
        {"", "a", NULL},
        {"   ", "a", NULL},
        {"a", "a", ""},
        {"a=", "a", ""},
        {"a=1", "a", "1"},
        {"a=1 b=2", "b", "2"},
        {"  a=1\t\tb=2\n", "b", "2"},
        {"ab=1", "a", NULL},
        {"ba=1", "a", NULL},
        {"a=1", "ab", NULL},
        {"x=a", "a", NULL},
        {"a=b=c", "a", "b=c"},
        {"a=1 a=2", "a", "2"},
        {"a=1 a", "a", ""},
        {"a=\"x y\" b=2", "a", "x y"},
        {"a=\"x y\" b=2", "b", "2"},
        {"a=\"x y\" b=2", "y", NULL},
        {"a=\"x b=3\" b=2", "b", "2"},
        {"a=\"\" b", "a", ""},
        {"a=\"\" b", "b", ""},
        {"a=\"x y", "a", "x y"},
        {"a=\"", "a", ""},
        {"\"a=x y\" b=2", "a", "x y"},
        {"\"a=x y\" b=2", "b", "2"},
        {"\"a=x b=3\" b=2", "b", "2"},
        {"\"a b\"=1", "a", NULL},
        {"\"a=\"x", "a", ""},
        {"\"a", "a", ""},
        {"\"", "a", NULL},
        {"=1", "a", NULL},
        {"=1 a=2", "a", "2"},
        {"a=x\"y z", "a", "x\"y"},
        {"A=1", "a", NULL},
    };

    for (size_t i = 0; i < ROWS(rows); i++) {
        size_t len = 0;
        const char *value = option_find(rows[i].cmdline, rows[i].key, &len);
        char text[32];

        check_row("%s in: %s", rows[i].key, rows[i].cmdline);
        snprintf(text, sizeof text, "%.*s", (int)len, value ? value : "");
        CHECK_STR(value ? text : NULL, rows[i].value);
        CHECK_EQ(option_has(rows[i].cmdline, rows[i].key), rows[i].value != NULL);
    }
}

static void
test_option_numbers(void)
{
    static const char cmdline[] =
        "n=12 hex=0x1f size=\"64M\" bad=12z empty= none big=99999999999999999999 q=\"7\"";
    static const struct {
        const char *key;
        int err;
        uint64_t value;
        int size_err;
        uint64_t size;
    } rows[] = {
        {"n", 0, 12, 0, 12},
        {"hex", 0, 0x1f, 0, 0x1f},
        {"q", 0, 7, 0, 7},
        {"size", -EINVAL, 0, 0, 64 << 20},
        {"bad", -EINVAL, 0, -EINVAL, 0},
        {"empty", -EINVAL, 0, -EINVAL, 0},
        {"none", -EINVAL, 0, -EINVAL, 0},
        {"big", -ERANGE, 0, -ERANGE, 0},
        {"absent", -ENOENT, 0, -ENOENT, 0},
    };

    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t value = 77, size = 77;

        check_row("%s", rows[i].key);
        CHECK_EQ(option_u64(cmdline, rows[i].key, &value), rows[i].err);
        CHECK_EQ(value, rows[i].err ? 77 : rows[i].value);
        CHECK_EQ(option_size(cmdline, rows[i].key, &size), rows[i].size_err);
        CHECK_EQ(size, rows[i].size_err ? 77 : rows[i].size);
    }
}

static void
test_globs(void)
{
    static const struct {
        const char *pattern, *s;
        bool match;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"a", "a", true},
        {"a", "A", false},
        {"?", "", false},
        {"?", "a", true},
        {"??", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"**", "", true},
        {"a*", "abc", true},
        {"*c", "abc", true},
        {"*b", "abc", false},
        {"a*c", "ac", true},
        {"a*c", "abcabc", true},
        {"*b*", "abc", true},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "aXcYb", false},
        {"?*", "", false},
        {"*?", "a", true},
        {"frame_*", "frame", false},
        {"*ab", "aab", true},
        {"*aab", "aaaab", true},
        {"a?c*", "abc", true},
    };

    for (size_t i = 0; i < ROWS(rows); i++) {
        check_row("\"%s\" and \"%s\"", rows[i].pattern, rows[i].s);
        CHECK_EQ(glob_match(rows[i].pattern, rows[i].s), rows[i].match);
    }
    check_row("patterns with commas");
    CHECK(glob_match_any("frame_*,pool", "frame_split"));
    CHECK(glob_match_any("frame_*,pool", "pool"));
    CHECK(!glob_match_any("frame_*,pool", "pool2"));
    CHECK(!glob_match_any("frame,pool", "frame,pool"));
    CHECK(glob_match_any("x,*", ""));
    CHECK(glob_match_any("x,,y", ""));
    CHECK(!glob_match_any("x,y", ""));
    CHECK(glob_match_any("*", "pool"));
}

static void
random_text(char *to, size_t max, const char *letters)
{
    size_t n = check_random_below(max + 1);

    for (size_t i = 0; i < n; i++)
        to[i] = letters[check_random_below(strlen(letters))];
    to[n] = '\0';
}

static void
test_random_globs(void)
{
    for (int round = 0; round < 50000; round++) {
        char pattern[16], s[16];

        random_text(pattern, 8, "ab*?*");
        random_text(s, 12, "ab");
        check_row("\"%s\" and \"%s\"", pattern, s);
        CHECK_EQ(glob_match(pattern, s), glob_slow(pattern, s));
    }
}

int
main(void)
{
    test_numbers();
    test_random_numbers();
    test_sizes();
    test_options();
    test_option_numbers();
    test_globs();
    test_random_globs();
    return check_report();
}
