/*
 * The mem* and str* functions.
 *
 * Compilers recognise loops that copy, fill or measure and put calls of memcpy, memset or strlen in their place,
 * which in here would be endless recursion. The accesses of such loops are volatile: nothing is put in their
 * place. All other functions come to an end in more than one way, which no compiler takes for one of these.
 */
#include <stdint.h>
#include "lib/string.h"

/* A word at any address, of memory of any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;
#define WORD sizeof(word)

/* Copies upwards: right for areas that overlap if `to` is below `from`. */
static inline void
copy_up(unsigned char *to, const unsigned char *from, size_t n)
{
    for (; n >= 4 * WORD; to += 4 * WORD, from += 4 * WORD, n -= 4 * WORD) {
        volatile word *t = (void *)to;
        const word *f = (const void *)from;
        word f0 = f[0], f1 = f[1], f2 = f[2], f3 = f[3];

        t[0] = f0;
        t[1] = f1;
        t[2] = f2;
        t[3] = f3;
    }
    for (; n >= WORD; to += WORD, from += WORD, n -= WORD)
        *(volatile word *)to = *(const word *)from;
    for (; n; to++, from++, n--)
        *(volatile unsigned char *)to = *from;
}

/* Copies downwards, from the ends of both areas. */
static inline void
copy_down(unsigned char *to, const unsigned char *from, size_t n)
{
    for (; n >= WORD; n -= WORD)
        *(volatile word *)(to + n - WORD) = *(const word *)(from + n - WORD);
    for (; n; n--)
        *(volatile unsigned char *)(to + n - 1) = from[n - 1];
}

void *(memcpy)(void *restrict to, const void *restrict from, size_t n)
{
    copy_up(to, from, n);
    return to;
}

void *
memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to <= (uintptr_t)from)
        copy_up(to, from, n);
    else
        copy_down(to, from, n);
    return to;
}

void *(memset)(void *to, int byte, size_t n)
{
    unsigned char *p = to;
    word pattern = (unsigned char)byte * (UINT64_MAX / 255);

    for (; n >= 4 * WORD; p += 4 * WORD, n -= 4 * WORD) {
        volatile word *t = (void *)p;

        t[0] = pattern;
        t[1] = pattern;
        t[2] = pattern;
        t[3] = pattern;
    }
    for (; n >= WORD; p += WORD, n -= WORD)
        *(volatile word *)p = pattern;
    for (; n; p++, n--)
        *(volatile unsigned char *)p = (unsigned char)byte;
    return to;
}

int(memcmp)(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (; n >= WORD && *(const word *)p == *(const word *)q; n -= WORD) {
        p += WORD;
        q += WORD;
    }
    for (; n; n--, p++, q++) {
        if (*p != *q)
            return *p - *q;
    }
    return 0;
}

void *
memchr(const void *s, int byte, size_t n)
{
    for (const unsigned char *p = s; n; n--, p++) {
        if (*p == (unsigned char)byte)
            return (void *)p;
    }
    return NULL;
}

size_t
strlen(const char *s)
{
    const volatile char *end = s;

    while (*end)
        end++;
    return (size_t)(end - s);
}

size_t
strnlen(const char *s, size_t max)
{
    const char *end = memchr(s, '\0', max);

    return end ? (size_t)(end - s) : max;
}

static int
same(int c)
{
    return c;
}

static int
lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Compare at most n bytes, each passed through `fold`. */
static inline int
compare(const char *a, const char *b, size_t n, int (*fold)(int))
{
    for (; n; n--, a++, b++) {
        int x = fold((unsigned char)*a), y = fold((unsigned char)*b);

        if (x != y || !x)
            return x - y;
    }
    return 0;
}

int
strcmp(const char *a, const char *b)
{
    return compare(a, b, SIZE_MAX, same);
}

int
strncmp(const char *a, const char *b, size_t n)
{
    return compare(a, b, n, same);
}

int
strcasecmp(const char *a, const char *b)
{
    return compare(a, b, SIZE_MAX, lower);
}

int
strncasecmp(const char *a, const char *b, size_t n)
{
    return compare(a, b, n, lower);
}

char *
strchr(const char *s, int c)
{
    return memchr(s, c, strlen(s) + 1);
}

char *
strrchr(const char *s, int c)
{
    for (size_t n = strlen(s) + 1; n; n--) {
        if (s[n - 1] == (char)c)
            return (char *)s + n - 1;
    }
    return NULL;
}

char *
strstr(const char *s, const char *part)
{
    size_t n = strlen(part);

    if (!n)
        return (char *)s;
    for (; (s = strchr(s, *part)); s++) {
        if (!strncmp(s, part, n))
            return (char *)s;
    }
    return NULL;
}

size_t
strspn(const char *s, const char *set)
{
    size_t n = 0;

    while (s[n] && strchr(set, s[n]))
        n++;
    return n;
}

size_t
strcspn(const char *s, const char *set)
{
    size_t n = 0;

    while (s[n] && !strchr(set, s[n]))
        n++;
    return n;
}
