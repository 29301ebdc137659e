#include "kernel/console/terminal.h"
#include "lib/field.h"
#include "lib/string.h"

#define DEFAULT_FOREGROUND 7
#define DEFAULT_BACKGROUND 0
#define TAB_WIDTH          8
#define PARAMETER_MAX      9999

static struct cell
blank(const struct terminal *t)
{
    return (struct cell){' ', t->foreground, t->background};
}

/* Cells [from, to) counted row by row. */
static void
clear(struct terminal *t, unsigned from, unsigned to)
{
    struct cell b = blank(t);

    for (unsigned i = from; i < to; i++)
        t->cells[i] = b;
}

/* Move the rows of [top, bottom) up by n, or down for n < 0; fill with blanks. */
static void
scroll(struct terminal *t, unsigned top, unsigned bottom, int n)
{
    unsigned height = bottom - top, by = MIN((unsigned)(n < 0 ? -n : n), height), width = t->columns;
    struct cell *first = t->cells + top * width;
    size_t moved = (size_t)(height - by) * width * sizeof(struct cell);

    if (n >= 0) {
        memmove(first, first + by * width, moved);
        clear(t, (bottom - by) * width, bottom * width);
    } else {
        memmove(first + by * width, first, moved);
        clear(t, top * width, (top + by) * width);
    }
}

static void
line_feed(struct terminal *t)
{
    if (t->row + 1 == t->bottom)
        scroll(t, t->top, t->bottom, 1);
    else if (t->row + 1 < t->rows)
        t->row++;
}

static void
put(struct terminal *t, uint32_t character)
{
    struct cell *c;
    uint8_t ink = t->bold && t->foreground < 8 ? t->foreground + 8 : t->foreground;

    if (t->column == t->columns) {
        t->column = 0;
        line_feed(t);
    }
    c = &t->cells[t->row * t->columns + t->column++];
    c->character = character > 0xffff ? UTF_REPLACEMENT : (uint16_t)character;
    c->foreground = t->reverse ? t->background : ink;
    c->background = t->reverse ? t->foreground : t->background;
}

static void
cursor_set(struct terminal *t, unsigned column, unsigned row)
{
    t->column = MIN(column, t->columns - 1);
    t->row = MIN(row, t->rows - 1);
}

/* The n-th parameter; 0 and a missing one mean `otherwise`. */
static unsigned
parameter(const struct terminal *t, unsigned n, unsigned otherwise)
{
    return n < t->parameters && t->parameter[n] ? t->parameter[n] : otherwise;
}

/* SGR: colours and attributes. ECMA-48, 8.3.117. */
static void
rendition(struct terminal *t)
{
    for (unsigned i = 0; i < MAX(t->parameters, 1u); i++) {
        unsigned p = parameter(t, i, 0);

        if (p == 0) {
            t->foreground = DEFAULT_FOREGROUND;
            t->background = DEFAULT_BACKGROUND;
            t->bold = t->reverse = false;
        } else if (p == 1 || p == 22)
            t->bold = p == 1;
        else if (p == 7 || p == 27)
            t->reverse = p == 7;
        else if (p >= 30 && p <= 37)
            t->foreground = (uint8_t)(p - 30);
        else if (p == 39)
            t->foreground = DEFAULT_FOREGROUND;
        else if (p >= 40 && p <= 47)
            t->background = (uint8_t)(p - 40);
        else if (p == 49)
            t->background = DEFAULT_BACKGROUND;
        else if (p >= 90 && p <= 97)
            t->foreground = (uint8_t)(p - 90 + 8);
    }
}

/* Erase in display (whole == true) or in line: 0 to the end, 1 from the start, 2 all. */
static void
erase(struct terminal *t, bool whole)
{
    unsigned start = whole ? 0 : t->row * t->columns;
    unsigned end = whole ? t->rows * t->columns : start + t->columns;
    unsigned cursor = t->row * t->columns + MIN(t->column, t->columns - 1);

    switch (parameter(t, 0, 0)) {
    case 0:
        clear(t, cursor, end);
        break;
    case 1:
        clear(t, start, cursor + 1);
        break;
    case 2:
    case 3:
        clear(t, start, end);
        break;
    }
}

/* Insert (n > 0) or delete characters at the cursor, within its line. */
static void
shift_line(struct terminal *t, int n)
{
    unsigned at = MIN(t->column, t->columns - 1), width = t->columns - at;
    unsigned by = MIN((unsigned)(n < 0 ? -n : n), width), line = t->row * t->columns;
    struct cell *first = t->cells + line + at;

    if (n > 0) {
        memmove(first + by, first, (width - by) * sizeof(*first));
        clear(t, line + at, line + at + by);
    } else {
        memmove(first, first + by, (width - by) * sizeof(*first));
        clear(t, line + t->columns - by, line + t->columns);
    }
}

static void
region_set(struct terminal *t)
{
    unsigned top = parameter(t, 0, 1) - 1, bottom = MIN(parameter(t, 1, t->rows), t->rows);

    if (top + 1 >= bottom)
        return;
    t->top = top;
    t->bottom = bottom;
    cursor_set(t, 0, 0);
}

/* Insert or delete lines at the cursor, inside the scrolling region. */
static void
shift_lines(struct terminal *t, int n)
{
    if (t->row >= t->top && t->row < t->bottom)
        scroll(t, t->row, t->bottom, n);
}

static void
control_private(struct terminal *t, char final)
{
    if ((final == 'h' || final == 'l') && parameter(t, 0, 0) == 25)
        t->cursor_visible = final == 'h';
}

/* The end of a control sequence: ECMA-48, 8.3. Unknown ones are ignored. */
static void
control(struct terminal *t, char final)
{
    unsigned n = parameter(t, 0, 1);
    int count = (int)MIN(n, MAX(t->rows, t->columns));

    switch (final) {
    case 'A':
        cursor_set(t, t->column, t->row - MIN(n, t->row));
        break;
    case 'B':
        cursor_set(t, t->column, t->row + n);
        break;
    case 'C':
        cursor_set(t, t->column + n, t->row);
        break;
    case 'D':
        cursor_set(t, t->column - MIN(n, t->column), t->row);
        break;
    case 'G':
        cursor_set(t, n - 1, t->row);
        break;
    case 'd':
        cursor_set(t, t->column, n - 1);
        break;
    case 'H':
    case 'f':
        cursor_set(t, parameter(t, 1, 1) - 1, n - 1);
        break;
    case 'J':
        erase(t, true);
        break;
    case 'K':
        erase(t, false);
        break;
    case 'L':
        shift_lines(t, -count);
        break;
    case 'M':
        shift_lines(t, count);
        break;
    case '@':
        shift_line(t, count);
        break;
    case 'P':
        shift_line(t, -count);
        break;
    case 'm':
        rendition(t);
        break;
    case 'r':
        region_set(t);
        break;
    case 's':
        t->saved_column = t->column;
        t->saved_row = t->row;
        break;
    case 'u':
        cursor_set(t, t->saved_column, t->saved_row);
        break;
    }
}

static void
parameter_digit(struct terminal *t, unsigned digit)
{
    unsigned *p;

    if (t->parameters == 0)
        t->parameters = 1;
    p = &t->parameter[t->parameters - 1];
    *p = MIN(*p * 10 + digit, PARAMETER_MAX);
}

static void
control_byte(struct terminal *t, char c)
{
    if (c >= '0' && c <= '9')
        parameter_digit(t, (unsigned)(c - '0'));
    else if (c == ';') {
        t->parameters = MAX(t->parameters, 1u);
        if (t->parameters < TERMINAL_PARAMETERS)
            t->parameters++;
    } else if (c >= '<' && c <= '?')
        t->prefix = c;
    else if (c >= '@' && c <= '~') {
        t->state = TEXT;
        if (t->prefix)
            control_private(t, c);
        else
            control(t, c);
    } else if (c < ' ' || c > '~')
        t->state = TEXT;
}

static void
escape_byte(struct terminal *t, char c)
{
    t->state = TEXT;
    switch (c) {
    case '[':
        t->state = CONTROL;
        t->prefix = 0;
        t->parameters = 0;
        memset(t->parameter, 0, sizeof(t->parameter));
        break;
    case '(':
    case ')':
        t->state = IGNORED; /* choice of a character set: one more byte */
        break;
    case 'M':
        if (t->row == t->top)
            scroll(t, t->top, t->bottom, -1);
        else if (t->row > 0)
            t->row--;
        break;
    case 'c':
        terminal_init(t, t->cells, t->columns, t->rows);
        break;
    }
}

static void
text_byte(struct terminal *t, uint8_t c)
{
    int32_t character;
    int again;

    switch (c) {
    case '\n':
        line_feed(t);
        t->column = 0;
        return;
    case '\r':
        t->column = 0;
        return;
    case '\b':
        if (t->column > 0)
            t->column--;
        return;
    case '\t':
        t->column = MIN(ALIGN_DOWN(t->column, TAB_WIDTH) + TAB_WIDTH, t->columns - 1);
        return;
    case 0x1b:
        t->state = ESCAPE;
        return;
    }
    do {
        character = utf8_feed(&t->utf8, c, &again);
        if (character >= ' ' && character != 0x7f)
            put(t, (uint32_t)character);
    } while (again);
}

void
terminal_init(struct terminal *t, struct cell *cells, unsigned columns, unsigned rows)
{
    *t = (struct terminal){.columns = columns,
                           .rows = rows,
                           .cells = cells,
                           .bottom = rows,
                           .cursor_visible = true,
                           .foreground = DEFAULT_FOREGROUND,
                           .background = DEFAULT_BACKGROUND};
    clear(t, 0, rows * columns);
}

void
terminal_write(struct terminal *t, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        switch (t->state) {
        case TEXT:
            text_byte(t, (uint8_t)c);
            break;
        case ESCAPE:
            escape_byte(t, c);
            break;
        case CONTROL:
            control_byte(t, c);
            break;
        case IGNORED:
            t->state = TEXT;
            break;
        }
    }
}
