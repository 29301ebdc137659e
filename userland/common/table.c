/*
 * Tables: cells are collected, then printed in columns as wide as their widest cell.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "userland/common/command.h"

#define GAP 2

void
table_cell(struct table *t, const char *format, ...)
{
    va_list args;

    while (t->columns < TABLE_COLUMNS && t->head[t->columns])
        t->columns++;
    if (t->cells == t->room) {
        t->room = t->room ? 2 * t->room : 64;
        t->text = realloc(t->text, t->room * sizeof(*t->text));
    }
    va_start(args, format);
    if (!t->text || vasprintf(&t->text[t->cells++], format, args) < 0)
        fail("a table");
    va_end(args);
}

/* Characters, not bytes, of UTF-8. */
static int
width_of(const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static int
terminal_width(void)
{
    struct winsize size;

    return isatty(1) && !ioctl(1, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 0;
}

/* The bytes of the first `width` characters. */
static int
bytes_of(const char *s, int width)
{
    const char *at = s;

    while (*at && (width -= (*at & 0xc0) != 0x80) >= 0)
        at++;
    return (int)(at - s);
}

static void
row_print(const struct table *t, const char *const *cells, const int *widths, int limit)
{
    int at = 0;

    for (unsigned c = 0; c < t->columns; c++) {
        bool right = t->head[c][0] == '>', last = c == t->columns - 1;
        int pad = widths[c] - width_of(cells[c]);

        if (last && !right)
            pad = 0;
        if (last && limit > at && width_of(cells[c]) > limit - at)
            printf("%.*s\n", bytes_of(cells[c], limit - at), cells[c]);
        else
            printf("%*s%s%*s%s", right ? pad : 0, "", cells[c], right ? 0 : pad, "", last ? "\n" : "  ");
        at += widths[c] + GAP;
    }
}

void
table_print(struct table *t)
{
    const char *head[TABLE_COLUMNS];
    int widths[TABLE_COLUMNS], limit = terminal_width();

    for (unsigned c = 0; c < t->columns; c++) {
        head[c] = t->head[c] + (t->head[c][0] == '>');
        widths[c] = width_of(head[c]);
        for (unsigned i = c; i < t->cells; i += t->columns)
            if (width_of(t->text[i]) > widths[c])
                widths[c] = width_of(t->text[i]);
    }
    if (t->columns)
        row_print(t, head, widths, limit);
    for (unsigned i = 0; i + t->columns <= t->cells && t->columns; i += t->columns)
        row_print(t, (const char *const *)t->text + i, widths, limit);
    for (unsigned i = 0; i < t->cells; i++)
        free(t->text[i]);
    free(t->text);
    t->text = NULL;
    t->cells = t->room = 0;
}
