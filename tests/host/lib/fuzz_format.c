// Any text as a format. Every argument is a pointer to a short text, which every conversion can print.
// sources: lib/format.c
#include <ctype.h>
#include "lib/format.h"
#include "tests/host/check.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

enum { MAX_FORMAT = 64 };

static void
add(void *context, const char *s, size_t n)
{
    if (!n)
        abort();
    *(size_t *)context += n;
}

static int
measure(size_t *sum, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = format_v(add, sum, format, args);
    va_end(args);
    return length;
}

/* Widths of four digits and less, none from an argument, few arguments. */
static bool
is_reasonable(const char *format)
{
    size_t percents = 0, digits = 0;

    for (const char *p = format; *p; p++) {
        percents += *p == '%';
        digits = isdigit((unsigned char)*p) ? digits + 1 : 0;
        if (*p == '*' || digits > 4)
            return false;
    }
    return percents <= 6;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_FORMAT)
        return 0;
    char *format = malloc(size + 1); /* exact size: ASan sees a byte too much */
    static const char a[] = "text";
    size_t sum = 0;

    memcpy(format, data, size);
    format[size] = '\0';
    if (is_reasonable(format)) {
        int length = measure(&sum, format, a, a, a, a, a, a);

        if (length < 0 || (size_t)length != sum || (!strchr(format, '%') && sum != strlen(format)))
            abort();
        for (size_t room = 1; room <= sum + 1; room += 1 + sum / 2) {
            char *text = malloc(room);

            if (lib_snprintf(text, room, format, a, a, a, a, a, a) != length || !memchr(text, '\0', room))
                abort();
            free(text);
        }
    }
    free(format);
    return 0;
}
