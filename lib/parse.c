/* Numbers, sizes, command line options, patterns. */
#include "lib/errno.h"
#include "lib/parse.h"
#include "lib/string.h"

static unsigned
digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return ~0u;
}

/* Store what was parsed, if `end` allows that `rest` follows. */
static int
parsed(uint64_t number, const char *rest, const char **end, uint64_t *value)
{
    if (!end && *rest)
        return -EINVAL;
    if (end)
        *end = rest;
    *value = number;
    return 0;
}

int
parse_u64(const char *s, const char **end, unsigned base, uint64_t *value)
{
    uint64_t number = 0;
    bool prefix = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16;

    if (base != 10 && prefix)
        s += 2;
    if (base == 0)
        base = prefix ? 16 : 10;
    if (digit_value(*s) >= base)
        return -EINVAL;
    for (; digit_value(*s) < base; s++) {
        if (__builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit_value(*s), &number))
            return -ERANGE;
    }
    return parsed(number, s, end, value);
}

int
parse_size(const char *s, const char **end, uint64_t *value)
{
    static const char units[] = "KMGTkmgt";
    uint64_t number;
    int err = parse_u64(s, &s, 0, &number);

    if (err)
        return err;
    const char *unit = *s ? strchr(units, *s) : NULL;
    if (unit) {
        unsigned shift = 10 * (1 + (unsigned)(unit - units) % 4);

        if (number > UINT64_MAX >> shift)
            return -ERANGE;
        number <<= shift;
        s++;
    }
    return parsed(number, s, end, value);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A word of the command line, taken apart. */
struct option {
    const char *key, *value;
    size_t key_len, value_len;
};

static bool
is_end(char c, bool quoted)
{
    return !c || (quoted ? c == '"' : is_blank(c));
}

/* Take the next word from *rest; false at the end. */
static bool
option_next(const char **rest, struct option *o)
{
    const char *p = *rest;

    while (is_blank(*p))
        p++;
    if (!*p)
        return false;
    bool quoted = *p == '"';
    o->key = p += quoted;
    while (*p != '=' && !is_end(*p, quoted))
        p++;
    o->key_len = (size_t)(p - o->key);
    if (*p == '=' && *++p == '"' && !quoted) {
        quoted = true;
        p++;
    }
    o->value = p;
    while (!is_end(*p, quoted))
        p++;
    o->value_len = (size_t)(p - o->value);
    *rest = *p ? p + 1 : p;
    return true;
}

const char *
option_find(const char *cmdline, const char *key, size_t *len)
{
    const char *value = NULL;
    struct option o;

    while (option_next(&cmdline, &o)) {
        if (o.key_len == strlen(key) && !memcmp(o.key, key, o.key_len)) {
            value = o.value;
            *len = o.value_len;
        }
    }
    return value;
}

bool
option_has(const char *cmdline, const char *key)
{
    size_t len;

    return option_find(cmdline, key, &len) != NULL;
}

typedef int parse_number(const char *s, const char **end, uint64_t *value);

static int
parse_any(const char *s, const char **end, uint64_t *value)
{
    return parse_u64(s, end, 0, value);
}

static int
option_number(const char *cmdline, const char *key, parse_number *parse, uint64_t *value)
{
    size_t len;
    const char *end, *text = option_find(cmdline, key, &len);
    uint64_t number;

    if (!text)
        return -ENOENT;
    int err = len ? parse(text, &end, &number) : -EINVAL;
    if (err)
        return err;
    if (end != text + len)
        return -EINVAL;
    *value = number;
    return 0;
}

int
option_u64(const char *cmdline, const char *key, uint64_t *value)
{
    return option_number(cmdline, key, parse_any, value);
}

int
option_size(const char *cmdline, const char *key, uint64_t *value)
{
    return option_number(cmdline, key, parse_size, value);
}

/*
 * Each star first stands for nothing. On a mismatch the last star takes one character more and all behind it
 * starts again: earlier stars never need to grow, as whatever they could take the last one takes as well.
 */
static bool
match(const char *pattern, const char *pattern_end, const char *s)
{
    const char *star = NULL, *star_s = NULL;

    while (*s) {
        if (pattern != pattern_end && *pattern == '*') {
            star = ++pattern;
            star_s = s;
        } else if (pattern != pattern_end && (*pattern == '?' || *pattern == *s)) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star;
            s = ++star_s;
        } else {
            return false;
        }
    }
    while (pattern != pattern_end && *pattern == '*')
        pattern++;
    return pattern == pattern_end;
}

bool
glob_match(const char *pattern, const char *s)
{
    return match(pattern, pattern + strlen(pattern), s);
}

bool
glob_match_any(const char *patterns, const char *s)
{
    for (;; patterns++) {
        const char *end = patterns + strcspn(patterns, ",");

        if (match(patterns, end, s))
            return true;
        if (!*end)
            return false;
        patterns = end;
    }
}
