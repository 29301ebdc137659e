/*
 * memcpy and its family, texts, printf: of memory that the driver names, so a character at a time through the guard
 * functions where a length is not known.
 */
#include "drivers/nt/crt.h"
#include "drivers/nt/format.h"
#include "drivers/nt/nt_impl.h"

VOID *NTAPI
nt_memcpy(VOID *to, const VOID *from, SIZE_T n)
{
    guard_move(to, from, n); /* Microsoft's does not mind if they overlap, and some rely on it */
    return to;
}

VOID *NTAPI
nt_memmove(VOID *to, const VOID *from, SIZE_T n)
{
    guard_move(to, from, n);
    return to;
}

VOID *NTAPI
nt_memset(VOID *to, INT byte, SIZE_T n)
{
    guard_fill(to, byte, n);
    return to;
}

static int
byte_of(const void *p)
{
    uint8_t b;

    guard_copy(&b, p, 1);
    return b;
}

INT NTAPI
nt_memcmp(const VOID *a, const VOID *b, SIZE_T n)
{
    SIZE_T same = guard_compare(a, b, n);

    return same == n ? 0 : byte_of((const char *)a + same) - byte_of((const char *)b + same);
}

VOID *NTAPI
nt_memchr(const VOID *s, INT byte, SIZE_T n)
{
    const char *p = s;

    for (SIZE_T i = 0; i < n; i++)
        if (byte_of(p + i) == (uint8_t)byte)
            return (VOID *)(uintptr_t)(p + i);
    return NULL;
}

VOID NTAPI
nt_zero_memory(VOID *to, SIZE_T n)
{
    guard_fill(to, 0, n);
}

VOID NTAPI
nt_fill_memory(VOID *to, SIZE_T n, UCHAR byte)
{
    guard_fill(to, byte, n);
}

SIZE_T NTAPI
nt_strnlen(const CHAR *s, SIZE_T max)
{
    SIZE_T n = 0;

    while (n < max && byte_of(s + n))
        n++;
    return n;
}

SIZE_T NTAPI
nt_strlen(const CHAR *s)
{
    return nt_strnlen(s, SIZE_MAX);
}

static int
fold_of(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
}

static int
compare(const CHAR *a, const CHAR *b, SIZE_T n, bool fold)
{
    for (SIZE_T i = 0; i < n; i++) {
        int x = byte_of(a + i), y = byte_of(b + i);

        if (fold) {
            x = fold_of(x);
            y = fold_of(y);
        }
        if (x != y || !x)
            return x - y;
    }
    return 0;
}

INT NTAPI
nt_strcmp(const CHAR *a, const CHAR *b)
{
    return compare(a, b, SIZE_MAX, false);
}

INT NTAPI
nt_strncmp(const CHAR *a, const CHAR *b, SIZE_T n)
{
    return compare(a, b, n, false);
}

INT NTAPI
nt_stricmp(const CHAR *a, const CHAR *b)
{
    return compare(a, b, SIZE_MAX, true);
}

INT NTAPI
nt_strnicmp(const CHAR *a, const CHAR *b, SIZE_T n)
{
    return compare(a, b, n, true);
}

CHAR *NTAPI
nt_strcpy(CHAR *to, const CHAR *from)
{
    guard_move(to, from, nt_strlen(from) + 1);
    return to;
}

CHAR *NTAPI
nt_strncpy(CHAR *to, const CHAR *from, SIZE_T n)
{
    SIZE_T length = nt_strnlen(from, n);

    guard_move(to, from, length);
    guard_fill(to + length, 0, n - length);
    return to;
}

CHAR *NTAPI
nt_strcat(CHAR *to, const CHAR *from)
{
    (void)nt_strcpy(to + nt_strlen(to), from);
    return to;
}

CHAR *NTAPI
nt_strchr(const CHAR *s, INT c)
{
    for (; byte_of(s) != (uint8_t)c; s++)
        if (!byte_of(s))
            return NULL;
    return (CHAR *)(uintptr_t)s;
}

CHAR *NTAPI
nt_strrchr(const CHAR *s, INT c)
{
    for (SIZE_T n = nt_strlen(s) + 1; n > 0; n--)
        if (byte_of(s + n - 1) == (uint8_t)c)
            return (CHAR *)(uintptr_t)(s + n - 1);
    return NULL;
}

CHAR *NTAPI
nt_strstr(const CHAR *s, const CHAR *part)
{
    SIZE_T n = nt_strlen(part);

    for (;; s++) {
        if (!compare(s, part, n, false))
            return (CHAR *)(uintptr_t)s;
        if (!byte_of(s))
            return NULL;
    }
}

static uint16_t
unit_of(const WCHAR *p)
{
    uint16_t c;

    guard_copy(&c, p, sizeof(c));
    return c;
}

SIZE_T NTAPI
nt_wcslen(const WCHAR *s)
{
    SIZE_T n = 0;

    while (unit_of(s + n))
        n++;
    return n;
}

INT NTAPI
nt_wcscmp(const WCHAR *a, const WCHAR *b)
{
    for (;; a++, b++) {
        int x = unit_of(a), y = unit_of(b);

        if (x != y || !x)
            return x < y ? -1 : x > y;
    }
}

INT NTAPI
nt_toupper(INT c)
{
    return c >= 'a' && c <= 'z' ? c - 0x20 : c;
}

INT NTAPI
nt_tolower(INT c)
{
    return fold_of(c);
}

/* Microsoft's _snprintf: no NUL when the text fills the room, then -1 when it was cut. */
INT NTAPI
nt_vsnprintf(CHAR *to, SIZE_T n, const CHAR *format, NT_VA_LIST args)
{
    char text[2 * NT_FORMAT_MAX];
    int length = nt_format(text, sizeof(text), format, args);

    length = MIN(length, (int)sizeof(text) - 1);
    guard_copy(to, text, MIN(n, (SIZE_T)length + 1));
    return (SIZE_T)length > n ? -1 : length;
}

INT NTAPI
nt_snprintf(CHAR *to, SIZE_T n, const CHAR *format, ...)
{
    NT_VA_LIST args;
    INT done;

    nt_va_start(args, format);
    done = nt_vsnprintf(to, n, format, args);
    nt_va_end(args);
    return done;
}

INT NTAPI
nt_vsprintf(CHAR *to, const CHAR *format, NT_VA_LIST args)
{
    return nt_vsnprintf(to, INT32_MAX, format, args);
}

INT NTAPI
nt_sprintf(CHAR *to, const CHAR *format, ...)
{
    NT_VA_LIST args;
    INT done;

    nt_va_start(args, format);
    done = nt_vsprintf(to, format, args);
    nt_va_end(args);
    return done;
}

INT NTAPI
nt_atoi(const CHAR *s)
{
    uint32_t n = 0;
    bool negative;

    while (byte_of(s) == ' ' || byte_of(s) == '\t')
        s++;
    negative = byte_of(s) == '-';
    if (negative || byte_of(s) == '+')
        s++;
    for (; byte_of(s) >= '0' && byte_of(s) <= '9'; s++)
        n = 10 * n + (uint32_t)(byte_of(s) - '0');
    return (INT)(negative ? 0u - n : n);
}
