/*
 * A format string is a sequence of plain runs and of conversions; each conversion is read into a struct spec,
 * its argument is fetched by its length, and then printed as [padding][sign or base][zeros][body][padding].
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

struct out {
    format_put *put;
    void *context;
    size_t total;
};

enum { LEFT = 1, PLUS = 2, SPACE = 4, ALTERNATE = 8, ZERO = 16 };

struct spec {
    unsigned flags;
    size_t width;
    size_t precision;
    bool has_precision;
    unsigned size; /* of an integer argument, bytes */
    char conversion;
};

struct arguments { /* so that a va_list can be handed on by reference */
    va_list list;
};

static void
emit(struct out *o, const char *s, size_t n)
{
    if (n)
        o->put(o->context, s, n);
    o->total += n;
}

static void
emit_repeated(struct out *o, char c, size_t n)
{
    char run[32];

    memset(run, c, sizeof run);
    for (; n > sizeof run; n -= sizeof run)
        emit(o, run, sizeof run);
    emit(o, run, n);
}

/* [padding][prefix][zeros][body][padding] */
static void
emit_field(struct out *o, const struct spec *s, const char *prefix, size_t zeros, const char *body, size_t n)
{
    size_t used = strlen(prefix) + zeros + n;
    size_t padding = s->width > used ? s->width - used : 0;

    if (!(s->flags & LEFT))
        emit_repeated(o, ' ', padding);
    emit(o, prefix, strlen(prefix));
    emit_repeated(o, '0', zeros);
    emit(o, body, n);
    if (s->flags & LEFT)
        emit_repeated(o, ' ', padding);
}

static void
print_string(struct out *o, const struct spec *s, const char *text)
{
    if (!text)
        text = "(null)";
    emit_field(o, s, "", 0, text, s->has_precision ? strnlen(text, s->precision) : strlen(text));
}

static void
print_number(struct out *o, const struct spec *s, const char *prefix, uint64_t value)
{
    const char *digits = s->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = s->conversion == 'o' ? 8 : strchr("xXp", s->conversion) ? 16 : 10;
    char buffer[22]; /* 64 bits in octal */
    char *end = buffer + sizeof buffer, *p = end;

    for (uint64_t rest = value; rest; rest /= base)
        *--p = digits[rest % base];

    size_t n = (size_t)(end - p), wanted = 1;

    if (s->has_precision)
        wanted = s->precision;
    else if (s->flags & ZERO && !(s->flags & LEFT) && s->width > strlen(prefix))
        wanted = MAX(s->width - strlen(prefix), wanted);
    if (s->conversion == 'o' && s->flags & ALTERNATE)
        wanted = MAX(wanted, n + 1);
    emit_field(o, s, prefix, wanted > n ? wanted - n : 0, p, n);
}

static void
print_signed(struct out *o, const struct spec *s, int64_t value)
{
    const char *prefix = value < 0 ? "-" : s->flags & PLUS ? "+" : s->flags & SPACE ? " " : "";

    print_number(o, s, prefix, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void
print_unsigned(struct out *o, const struct spec *s, uint64_t value)
{
    const char *prefix = "";

    if (s->conversion == 'p' || (s->flags & ALTERNATE && s->conversion == 'x' && value))
        prefix = "0x";
    else if (s->flags & ALTERNATE && s->conversion == 'X' && value)
        prefix = "0X";
    print_number(o, s, prefix, value);
}

/* The argument of a conversion, sign-extended from its size. */
static int64_t
signed_of(uint64_t value, unsigned size)
{
    unsigned unused = 64 - 8 * size;

    return (int64_t)(value << unused) >> unused;
}

static uint64_t
unsigned_of(uint64_t value, unsigned size)
{
    return value & (UINT64_MAX >> (64 - 8 * size));
}

/* Digits, saturating at INT_MAX. */
static size_t
read_number(const char **format)
{
    size_t n = 0;

    for (; **format >= '0' && **format <= '9'; ++*format)
        n = MIN(n * 10 + (size_t)(**format - '0'), (size_t)INT_MAX);
    return n;
}

static const char *
read_flags(struct spec *s, const char *format)
{
    static const char flags[] = "-+ #0"; /* in the order of the enum */
    const char *flag;

    for (; *format && (flag = strchr(flags, *format)); format++)
        s->flags |= BIT(flag - flags);
    return format;
}

static const char *
read_width(struct spec *s, const char *format, struct arguments *a)
{
    if (*format == '*') {
        int width = va_arg(a->list, int);

        if (width < 0)
            s->flags |= LEFT;
        s->width = width < 0 ? 0 - (size_t)width : (size_t)width;
        return format + 1;
    }
    s->width = read_number(&format);
    return format;
}

static const char *
read_precision(struct spec *s, const char *format, struct arguments *a)
{
    if (*format != '.')
        return format;
    format++;
    s->has_precision = true;
    if (*format == '*') {
        int precision = va_arg(a->list, int);

        s->has_precision = precision >= 0;
        s->precision = (size_t)precision;
        return format + 1;
    }
    s->precision = read_number(&format);
    return format;
}

/* The length modifier, as the size of an integer. */
static const char *
read_length(struct spec *s, const char *format)
{
    s->size = sizeof(int);
    switch (*format) {
    case 'h':
        s->size = format[1] == 'h' ? sizeof(char) : sizeof(short);
        return format + (format[1] == 'h' ? 2 : 1);
    case 'l':
        s->size = sizeof(long);
        return format + (format[1] == 'l' ? 2 : 1);
    case 'z':
    case 'j':
    case 't':
        s->size = sizeof(uint64_t);
        return format + 1;
    default:
        return format;
    }
}

static uint64_t
argument(struct arguments *a, unsigned size)
{
    return size == sizeof(uint64_t) ? va_arg(a->list, uint64_t) : va_arg(a->list, unsigned);
}

/* Print the conversion that starts at the '%'; returns what follows it. */
static const char *
print_conversion(struct out *o, const char *start, struct arguments *a)
{
    struct spec s = {0};
    const char *p = read_length(&s, read_precision(&s, read_width(&s, read_flags(&s, start + 1), a), a));
    char character;

    s.conversion = *p;
    p += s.conversion != '\0';
    if (s.conversion == 'p')
        s.size = sizeof(void *);
    switch (s.conversion) {
    case 'd':
    case 'i':
        print_signed(o, &s, signed_of(argument(a, s.size), s.size));
        break;
    case 'u':
    case 'o':
    case 'x':
    case 'X':
    case 'p':
        print_unsigned(o, &s, unsigned_of(argument(a, s.size), s.size));
        break;
    case 'c':
        character = (char)va_arg(a->list, int);
        emit_field(o, &s, "", 0, &character, 1);
        break;
    case 's':
        print_string(o, &s, va_arg(a->list, const char *));
        break;
    case '%':
        emit(o, "%", 1);
        break;
    default:
        emit(o, start, (size_t)(p - start));
    }
    return p;
}

int
format_v(format_put *put, void *context, const char *format, va_list args)
{
    struct out o = {.put = put, .context = context};
    struct arguments a;

    va_copy(a.list, args);
    while (*format) {
        size_t plain = 0;

        while (format[plain] && format[plain] != '%')
            plain++;
        emit(&o, format, plain);
        format += plain;
        if (*format)
            format = print_conversion(&o, format, &a);
    }
    va_end(a.list);
    return (int)MIN(o.total, (size_t)INT_MAX);
}

struct buffer {
    char *next;
    size_t room; /* without the NUL */
};

static void
buffer_put(void *context, const char *s, size_t n)
{
    struct buffer *b = context;

    n = MIN(n, b->room);
    if (!n)
        return;
    memcpy(b->next, s, n);
    b->next += n;
    b->room -= n;
}

int
vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    struct buffer b = {.next = to, .room = size ? size - 1 : 0};
    int length = format_v(buffer_put, &b, format, args);

    if (size)
        *b.next = '\0';
    return length;
}

int
snprintf(char *to, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(to, size, format, args);
    va_end(args);
    return length;
}
