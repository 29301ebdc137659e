/*
 * Counted strings (Rtl). Characters beyond ASCII keep their code; upper case is ASCII's and Latin-1's.
 */
#include "drivers/nt/nt_impl.h"
#include "lib/format.h"
#include "lib/string.h"

#define STRING_BYTES_MAX 0xfffe

static void
string_get(STRING *copy, const void *from)
{
    guard_copy(copy, from, sizeof(*copy));
}

VOID NTAPI
RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    UNICODE_STRING s = {0, 0, (PWSTR)(uintptr_t)SourceString};
    size_t n = 0;
    uint16_t c = 1;

    for (; SourceString && c && 2 * n < STRING_BYTES_MAX - 2; n += c != 0)
        guard_copy(&c, &SourceString[n], sizeof(c));
    if (SourceString) {
        s.Length = (USHORT)(2 * n);
        s.MaximumLength = (USHORT)(2 * n + 2);
    }
    guard_copy(DestinationString, &s, sizeof(s));
}

VOID NTAPI
RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    STRING s = {0, 0, (PCHAR)(uintptr_t)SourceString};
    size_t n = 0;
    char c = 1;

    for (; SourceString && c && n < STRING_BYTES_MAX - 1; n += c != 0)
        guard_copy(&c, &SourceString[n], sizeof(c));
    if (SourceString) {
        s.Length = (USHORT)n;
        s.MaximumLength = (USHORT)(n + 1);
    }
    guard_copy(DestinationString, &s, sizeof(s));
}

/* The n-th character of either kind of string. */
static uint16_t
character(const STRING *s, size_t n, size_t width)
{
    uint16_t c = 0;

    guard_copy(&c, s->Buffer + n * width, width);
    return c;
}

/* From one width to another, with a NUL behind it where there is room. allocate: Buffer is made. */
static NTSTATUS
convert(void *destination, const void *source, size_t to, size_t from, bool allocate)
{
    STRING d, s;
    size_t n, room;

    string_get(&s, source);
    string_get(&d, destination);
    n = s.Length / from;
    if ((n + 1) * to > STRING_BYTES_MAX)
        return STATUS_INVALID_PARAMETER;
    if (allocate) {
        d.MaximumLength = (USHORT)((n + 1) * to);
        d.Buffer = ExAllocatePoolWithTag(NonPagedPool, d.MaximumLength, 0x53525452);
        if (!d.Buffer)
            return STATUS_NO_MEMORY;
    }
    room = d.MaximumLength / to;
    for (size_t i = 0; i < n && i < room; i++) {
        uint16_t c = character(&s, i, from);

        if (to == 1 && c > 0xff)
            c = '?';
        guard_copy(d.Buffer + i * to, &c, to);
    }
    if (n < room)
        guard_fill(d.Buffer + n * to, 0, to);
    d.Length = (USHORT)(MIN(n, room) * to);
    guard_copy(destination, &d, sizeof(d));
    return n < room || (n == room && to == 2) ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

NTSTATUS NTAPI
RtlUnicodeStringToAnsiString(PANSI_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate)
{
    return convert(Destination, Source, 1, 2, Allocate);
}

NTSTATUS NTAPI
RtlAnsiStringToUnicodeString(PUNICODE_STRING Destination, PCANSI_STRING Source, BOOLEAN Allocate)
{
    return convert(Destination, Source, 2, 1, Allocate);
}

VOID NTAPI
RtlFreeUnicodeString(PUNICODE_STRING UnicodeString)
{
    STRING s;

    string_get(&s, UnicodeString);
    if (s.Buffer)
        ExFreePool(s.Buffer);
    guard_fill(UnicodeString, 0, sizeof(*UnicodeString));
}

VOID NTAPI
RtlFreeAnsiString(PANSI_STRING AnsiString)
{
    RtlFreeUnicodeString((PUNICODE_STRING)(void *)AnsiString);
}

static NTSTATUS
append(PUNICODE_STRING destination, const void *from, size_t bytes)
{
    STRING d;

    string_get(&d, destination);
    if (d.Length + bytes > d.MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    guard_move(d.Buffer + d.Length, from, bytes);
    d.Length = (USHORT)(d.Length + bytes);
    if (d.Length + 2u <= d.MaximumLength)
        guard_fill(d.Buffer + d.Length, 0, 2);
    guard_copy(destination, &d, sizeof(d));
    return STATUS_SUCCESS;
}

VOID NTAPI
RtlCopyUnicodeString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    STRING d, s = {0};

    if (Source)
        string_get(&s, Source);
    string_get(&d, Destination);
    d.Length = 0;
    guard_copy(Destination, &d, sizeof(d));
    (void)append(Destination, s.Buffer, MIN(s.Length, d.MaximumLength) & ~1u);
}

NTSTATUS NTAPI
RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    UNICODE_STRING s;

    RtlInitUnicodeString(&s, Source);
    return append(Destination, s.Buffer, s.Length);
}

NTSTATUS NTAPI
RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    STRING s;

    string_get(&s, Source);
    return append(Destination, s.Buffer, s.Length);
}

WCHAR NTAPI
RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    bool lower = (SourceCharacter >= 'a' && SourceCharacter <= 'z') ||
                 (SourceCharacter >= 0xe0 && SourceCharacter <= 0xfe && SourceCharacter != 0xf7);

    return (WCHAR)(lower ? SourceCharacter - 0x20 : SourceCharacter == 0xff ? 0x178 : SourceCharacter);
}

CHAR NTAPI
RtlUpperChar(CHAR Character)
{
    return (CHAR)(Character >= 'a' && Character <= 'z' ? Character - 0x20 : Character);
}

static LONG
compare(const void *string1, const void *string2, size_t width, bool fold)
{
    STRING a, b;
    size_t n;

    string_get(&a, string1);
    string_get(&b, string2);
    n = MIN(a.Length, b.Length) / width;
    for (size_t i = 0; i < n; i++) {
        uint16_t x = character(&a, i, width), y = character(&b, i, width);

        if (fold) {
            x = RtlUpcaseUnicodeChar(x);
            y = RtlUpcaseUnicodeChar(y);
        }
        if (x != y)
            return (LONG)x - (LONG)y;
    }
    return (LONG)a.Length - (LONG)b.Length;
}

LONG NTAPI
RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    return compare(String1, String2, 2, CaseInSensitive);
}

BOOLEAN NTAPI
RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    return compare(String1, String2, 2, CaseInSensitive) == 0;
}

LONG NTAPI
RtlCompareString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    return compare(String1, String2, 1, CaseInSensitive);
}

BOOLEAN NTAPI
RtlEqualString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    return compare(String1, String2, 1, CaseInSensitive) == 0;
}

/* ---- numbers ---- */

NTSTATUS NTAPI
RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    static const char digits[] = "0123456789ABCDEF";
    uint16_t text[33];
    size_t at = 32;
    STRING s;

    Base = Base ? Base : 10;
    if (Base != 2 && Base != 8 && Base != 10 && Base != 16)
        return STATUS_INVALID_PARAMETER;
    do {
        text[--at] = (uint8_t)digits[Value % Base];
        Value /= Base;
    } while (Value);
    string_get(&s, String);
    s.Length = 0;
    if ((32 - at) * 2 > s.MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    guard_copy(String, &s, sizeof(s));
    return append(String, text + at, (32 - at) * 2);
}

/* A sign, 0x 0o 0b when base is 0, digits as far as they go. */
static NTSTATUS
number(const char *p, ULONG base, PULONG value)
{
    bool negative;
    ULONG n = 0;

    p += strspn(p, " \t");
    negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (!base && p[0] == '0' && p[1] && strchr("xob", p[1])) {
        base = p[1] == 'x' ? 16 : p[1] == 'o' ? 8 : 2;
        p += 2;
    }
    base = base ? base : 10;
    if (base != 2 && base != 8 && base != 10 && base != 16)
        return STATUS_INVALID_PARAMETER;
    for (;; p++) {
        ULONG digit = *p >= '0' && *p <= '9'   ? (ULONG)(*p - '0')
                      : *p >= 'a' && *p <= 'f' ? (ULONG)(*p - 'a' + 10)
                      : *p >= 'A' && *p <= 'F' ? (ULONG)(*p - 'A' + 10)
                                               : 99;

        if (digit >= base)
            break;
        n = n * base + digit;
    }
    n = negative ? 0u - n : n;
    guard_copy(value, &n, sizeof(n));
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI
RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value)
{
    char text[64];

    (void)guard_text(text, String, sizeof(text));
    return number(text, Base, Value);
}

NTSTATUS NTAPI
RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value)
{
    char text[64];
    STRING s;

    string_get(&s, String);
    (void)guard_text16(text, (const uint16_t *)(void *)s.Buffer, MIN(s.Length / 2u, sizeof(text) - 1));
    return number(text, Base, Value);
}

SIZE_T NTAPI
RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    return guard_compare(Source1, Source2, Length);
}

SIZE_T NTAPI
RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern)
{
    SIZE_T n = 0;

    while (n + sizeof(Pattern) <= Length &&
           guard_compare((const char *)Source + n, &Pattern, sizeof(Pattern)) == sizeof(Pattern))
        n += sizeof(Pattern);
    return n;
}

/* Park and Miller's minimal standard generator: numbers below 2^31 - 1. */
ULONG NTAPI
RtlRandomEx(PULONG Seed)
{
    ULONG seed;

    guard_copy(&seed, Seed, sizeof(seed));
    seed = (ULONG)((uint64_t)(seed % 0x7fffffff ? seed % 0x7fffffff : 1) * 48271 % 0x7fffffff);
    guard_copy(Seed, &seed, sizeof(seed));
    return seed;
}
