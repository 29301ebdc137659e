/*
 * Microsoft's printf over the kernel's own engine: each conversion is rewritten and formatted for itself.
 */
#include "drivers/nt/format.h"
#include "drivers/nt/nt_impl.h"
#include "lib/format.h"
#include "lib/string.h"

enum width { WIDTH_INT, WIDTH_CHAR, WIDTH_SHORT, WIDTH_64 };

struct conversion {
    char flags[8];
    int width, precision; /* -1: not given */
    enum width size;
    bool wide;
    char letter;
};

struct sink {
    char *to;
    size_t size;
    int done;
};

static void
emit(struct sink *s, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++, s->done++)
        if ((size_t)s->done + 1 < s->size)
            s->to[s->done] = text[i];
}

static uint64_t
next_slot(const char **slots)
{
    uint64_t value;

    guard_copy(&value, *slots, sizeof(value));
    *slots += sizeof(value);
    return value;
}

/* A number, or '*': the next argument. */
static int
read_number(const char **p, const char **slots)
{
    int n = 0;

    if (**p == '*') {
        (*p)++;
        n = (int)next_slot(slots);
        return n > NT_FORMAT_MAX ? NT_FORMAT_MAX : n;
    }
    for (; **p >= '0' && **p <= '9'; (*p)++)
        n = n < NT_FORMAT_MAX ? 10 * n + (**p - '0') : n;
    return n > NT_FORMAT_MAX ? NT_FORMAT_MAX : n;
}

static void
read_size(const char **p, struct conversion *c)
{
    if (!strncmp(*p, "I64", 3) || !strncmp(*p, "ll", 2) || !strncmp(*p, "hh", 2)) {
        c->size = **p == 'h' ? WIDTH_CHAR : WIDTH_64;
        *p += **p == 'I' ? 3 : 2;
    } else if (!strncmp(*p, "I32", 3)) {
        *p += 3;
    } else if (**p && strchr("IztjhlwL", **p)) {
        c->size = strchr("Iztj", **p) ? WIDTH_64 : **p == 'h' ? WIDTH_SHORT : WIDTH_INT;
        c->wide = **p == 'l' || **p == 'w';
        (*p)++;
    }
}

/* From behind the '%'. */
static void
read_conversion(const char **p, const char **slots, struct conversion *c)
{
    size_t n = 0;

    *c = (struct conversion){.width = -1, .precision = -1};
    for (; **p && strchr("-+ #0", **p); (*p)++)
        if (n < sizeof(c->flags) - 1)
            c->flags[n++] = **p;
    if (**p == '*' || (**p >= '1' && **p <= '9'))
        c->width = read_number(p, slots);
    if (**p == '.') {
        (*p)++;
        c->precision = read_number(p, slots);
    }
    read_size(p, c);
    c->letter = **p;
    if (**p)
        (*p)++;
}

/* A text of 8- or 16-bit characters, or a counted string (Z), cut to what is wanted. */
static void
fetch_text(const struct conversion *c, uint64_t at, char *text)
{
    size_t most = c->precision >= 0 ? (size_t)c->precision : NT_FORMAT_MAX - 1;
    bool wide = c->wide || c->letter == 'S';
    STRING counted = {0};

    most = MIN(most, (size_t)NT_FORMAT_MAX - 1);
    if (c->letter == 'Z' && at) {
        guard_copy(&counted, (const void *)at, sizeof(counted));
        at = (uintptr_t)counted.Buffer;
        most = MIN(most, (size_t)counted.Length / (wide ? 2 : 1));
    }
    if (!at)
        strlcpy(text, "(null)", NT_FORMAT_MAX);
    else if (wide)
        (void)guard_text16(text, (const uint16_t *)at, most);
    else
        (void)guard_text(text, (const char *)at, most + 1);
}

static int64_t
narrow(const struct conversion *c, uint64_t value, bool is_signed)
{
    switch (c->size) {
    case WIDTH_CHAR:
        return is_signed ? (int8_t)value : (uint8_t)value;
    case WIDTH_SHORT:
        return is_signed ? (int16_t)value : (uint16_t)value;
    case WIDTH_64:
        return (int64_t)value;
    default:
        return is_signed ? (int32_t)value : (int64_t)(uint32_t)value;
    }
}

/* Width and precision as our engine takes them: "%-08.3llx". */
static void
rebuild(const struct conversion *c, char *format, size_t size, const char *tail)
{
    size_t n = (size_t)snprintf(format, size, "%%%s", c->flags);

    if (c->width >= 0)
        n += (size_t)snprintf(format + n, size - n, "%d", c->width);
    if (c->precision >= 0)
        n += (size_t)snprintf(format + n, size - n, ".%d", c->precision);
    snprintf(format + n, size - n, "%s", tail);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* made by rebuild() */

static void
emit_number(struct sink *s, const struct conversion *c, uint64_t value)
{
    char format[32], tail[] = "ll?", text[NT_FORMAT_MAX + 72];
    bool is_signed = c->letter == 'd' || c->letter == 'i';

    tail[2] = c->letter;
    rebuild(c, format, sizeof(format), tail);
    snprintf(text, sizeof(text), format, (long long)narrow(c, value, is_signed));
    emit(s, text, strlen(text));
}

static void
emit_text(struct sink *s, const struct conversion *c, const char *value)
{
    struct conversion plain = *c;
    char format[32], text[2 * NT_FORMAT_MAX];

    plain.precision = -1;
    rebuild(&plain, format, sizeof(format), "s");
    snprintf(text, sizeof(text), format, value);
    emit(s, text, strlen(text));
}

#pragma GCC diagnostic pop

static void
convert(struct sink *s, const struct conversion *c, const char **slots)
{
    char text[NT_FORMAT_MAX];

    switch (c->letter) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        emit_number(s, c, next_slot(slots));
        break;
    case 'p': /* sixteen digits, as Microsoft's */
        (snprintf)(text, sizeof(text), "%016llX", (unsigned long long)next_slot(slots));
        emit_text(s, c, text);
        break;
    case 'c':
    case 'C':
        text[0] = (char)next_slot(slots);
        text[1] = 0;
        emit_text(s, c, text);
        break;
    case 's':
    case 'S':
    case 'Z':
        fetch_text(c, next_slot(slots), text);
        emit_text(s, c, text);
        break;
    case '%':
        emit(s, "%", 1);
        break;
    default: /* not a conversion: shown as it stands, and it takes no argument */
        emit(s, "%", 1);
        emit(s, &c->letter, c->letter != 0);
    }
}

int
nt_format(char *to, size_t size, const char *format, const void *slots)
{
    struct sink s = {to, size, 0};
    char copy[NT_FORMAT_MAX];
    const char *p = copy, *arguments = slots;
    struct conversion c;

    (void)guard_text(copy, format, sizeof(copy));
    while (*p) {
        size_t n = strcspn(p, "%");

        emit(&s, p, n);
        p += n;
        if (*p) {
            p++;
            read_conversion(&p, &arguments, &c);
            convert(&s, &c, &arguments);
        }
    }
    if (size)
        to[MIN((size_t)s.done, size - 1)] = 0;
    return s.done;
}
