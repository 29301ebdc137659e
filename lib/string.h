/* The part of <string.h> that a kernel needs, as C and POSIX define it. On the host: the host's own. */
#pragma once
#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
#else
/* n may be 0. Only memmove may copy between areas that overlap. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);

/* Bytes compare as unsigned, upper and lower case are the same (ASCII only) to str[n]casecmp; what has
 * an n or a `max` reads no further. */
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *part);
size_t strspn(const char *s, const char *set);
size_t strcspn(const char *s, const char *set);

/* Of few bytes, a known number: moves instead of a call, which -ffreestanding would make of each. */
#define memcpy(to, from, n) __builtin_memcpy(to, from, n)
#define memset(to, byte, n) __builtin_memset(to, byte, n)
#define memcmp(a, b, n)     __builtin_memcmp(a, b, n)
#endif

/*
 * Copy, or append, as much of `from` as fits into the `size` bytes at `to`; always terminated unless size is 0.
 * Returns: the length that was wanted; >= size means that the text was cut
 */
#if __STDC_HOSTED__ /* some hosts have them, some do not */
#define strlcpy lib_strlcpy
#define strlcat lib_strlcat
#endif

static inline size_t
strlcpy(char *to, const char *from, size_t size)
{
    size_t wanted = strlen(from);

    if (size) {
        size_t n = wanted < size ? wanted : size - 1;
        memcpy(to, from, n);
        to[n] = '\0';
    }
    return wanted;
}

static inline size_t
strlcat(char *to, const char *from, size_t size)
{
    size_t used = strnlen(to, size);

    return used + strlcpy(to + used, from, size - used);
}
