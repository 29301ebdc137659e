// The printf engine against the host's.
// sources: lib/format.c
#include <limits.h>
#include "lib/format.h"
#include "tests/host/check.h"

#undef snprintf
#undef vsnprintf

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-truncation"

/* Both engines, into memory of exactly `size` bytes, give the same text and the same length. */
#define SAME_IN(size, ...)                                                                                   \
    do {                                                                                                     \
        size_t size_ = (size);                                                                               \
        char theirs_[256], *ours_ = malloc(size_);                                                           \
        int want_ = snprintf(theirs_, size_, __VA_ARGS__);                                                   \
                                                                                                             \
        CHECK_EQ(lib_snprintf(ours_, size_, __VA_ARGS__), want_);                                            \
        CHECK_STR(ours_, theirs_);                                                                           \
        free(ours_);                                                                                         \
    } while (0)

#define SAME(...)                                                                                            \
    do {                                                                                                     \
        SAME_IN(200, __VA_ARGS__);                                                                           \
        SAME_IN(7, __VA_ARGS__);                                                                             \
        SAME_IN(1, __VA_ARGS__);                                                                             \
    } while (0)

static void
test_plain(void)
{
    SAME("%s", "");
    SAME("no conversion");
    SAME("%%|%c|%s|%d|%u|%x", 'c', "text", -5, 5u, 0xbeefu);
    SAME("%s%s%s", "one", "", "three");
    SAME("%d%%", 100);
    SAME("%c%c", '\0', 'x');
}

static void
test_strings(void)
{
    char *unterminated = malloc(3);

    memcpy(unterminated, "abc", 3);
    SAME("%.3s|%.2s|%.*s", unterminated, unterminated, 1, unterminated);
    free(unterminated);
    SAME("%10s|%-10s|%3s|%.0s|%10.2s|%-10.2s|", "word", "word", "word", "word", "word", "word");
    SAME("%*s|%*s|%-*s", 8, "w", -8, "w", 8, "w");
    SAME("%.*s", -1, "a negative precision is none");
    SAME("%.*s|%.*d", 0, "nothing", 0, 0);
    SAME("%5c|%-5c|", 'a', 'b');
    const char *none = NULL;

    SAME("%s", none);
}

static void
test_integers(void)
{
    SAME("%hhd %hhu %hd %hu", 300, 300, 70000, 70000);
    SAME("%d %d %u", INT_MIN, INT_MAX, UINT_MAX);
    SAME("%ld %ld %lu", LONG_MIN, LONG_MAX, ULONG_MAX);
    SAME("%lld %lld %llu", LLONG_MIN, LLONG_MAX, ULLONG_MAX);
    SAME("%zu %zd %jd %ju %td", SIZE_MAX, (ssize_t)-1, INTMAX_MIN, UINTMAX_MAX, PTRDIFF_MIN);
    SAME("%lx %lX %lo %llo", ULONG_MAX, ULONG_MAX, ULONG_MAX, ULLONG_MAX);
    SAME("%x %#x %#X %#o %o %#x %#o", 0, 255, 255, 8, 8, 0, 0);
    SAME("%.0d|%.0u|%.0x|%#.0x|%#.0o|%+.0d|%5.0d", 0, 0, 0, 0, 0, 0, 0);
    SAME("%05d|%-05d|%+05d|% 05d|%05.3d|%-+5d|", -42, 42, 42, 42, 42, 42);
    SAME("%#08x|%#010lx|%#.8x|%#12.8x|%-#12x|", 0xbeef, 0xbeeful, 0xbeef, 0xbeef, 0xbeef);
    SAME("%*d|%-*d|%.*d|%*.*d|%0*d", 6, 42, 6, 42, 4, 42, 8, 3, 42, -6, 42);
    SAME("%.50d|%70d|%-70d|", 1, 2, 3);
    SAME("%p", (void *)0x1234);
    SAME("%20p|%-20p|", (void *)0xffff800000000000, (void *)-1);
}

/* What the host does in its own way, or not at all. */
static void
test_own_ways(void)
{
    static const char *const unknown[] = {"%", "%5", "%-", "%.", "%l", "%q", "%5.2y", "a %! b", "%n", "%ln"};
    char text[64];

    lib_snprintf(text, sizeof text, "%p", (void *)0);
    CHECK_STR(text, "0x0");
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const char *format = unknown[i];

        check_row("\"%s\"", format);
        CHECK_EQ(lib_snprintf(text, sizeof text, format, 1, 2, 3), strlen(format));
        CHECK_STR(text, format);
    }
    check_row("no buffer");
    CHECK_EQ(lib_snprintf(NULL, 0, "%d and %s", 10, "more"), 11);
}

struct count {
    size_t sum, empty;
};

static void
count(void *context, const char *s, size_t n)
{
    struct count *c = context;

    c->sum += n;
    c->empty += n == 0;
}

/* The length that format_v returns; what it put is counted. */
__attribute__((format(printf, 2, 3))) static int
print(struct count *c, const char *format, ...)
{
    va_list args;

    *c = (struct count){0};
    va_start(args, format);
    int length = format_v(count, c, format, args);
    va_end(args);
    return length;
}

static void
test_pieces_and_limits(void)
{
    struct count c;

    check_row("format_v");
    CHECK_EQ(print(&c, "a%5sb%dc%%%-4u|", "x", 12, 3), 16);
    CHECK_EQ(c.sum, 16);
    CHECK_EQ(print(&c, "%s%.0d%.0s", "", 0, "x"), 0);
    CHECK_EQ(c.empty, 0);
    CHECK_EQ(print(&c, "%99999999999999999999d", 1), INT_MAX);
    CHECK_EQ(c.sum, INT_MAX);
    CHECK_EQ(print(&c, "%*d", INT_MIN, 1), INT_MAX);
    CHECK_EQ(c.sum, (size_t)INT_MAX + 1);
    CHECK_EQ(c.empty, 0);
}

/* A conversion of which C says what it means, with random flags, width, precision and length. */
static void
random_conversion(char *format)
{
    char conversion = "diuoxX"[check_random_below(6)];
    const char *flags = strchr("di", conversion) ? "-+ 0" : conversion == 'u' ? "-0" : "-#0";
    static const char *const lengths[] = {"", "hh", "h", "l", "ll", "j", "z", "t"};

    format += sprintf(format, "<%%");
    for (; *flags; flags++) {
        if (check_random_below(3) == 0)
            *format++ = *flags;
    }
    if (check_random_below(2))
        format += sprintf(format, "%d", 1 + (int)check_random_below(40));
    if (check_random_below(2))
        format += sprintf(format, ".%.0d", (int)check_random_below(40));
    sprintf(format, "%s%c>", lengths[check_random_below(8)], conversion);
}

static void
test_random_integers(void)
{
    char format[32];

    for (int round = 0; round < 50000; round++) {
        uint64_t value = check_random() >> check_random_below(64);

        if (check_random_below(4) == 0)
            value = 0 - value;
        random_conversion(format);
        check_row("\"%s\", %#llx", format, (unsigned long long)value);
        SAME_IN(1 + check_random_below(100), format, value);
    }
}

int
main(void)
{
    test_plain();
    test_strings();
    test_integers();
    test_own_ways();
    test_pieces_and_limits();
    test_random_integers();
    return check_report();
}
