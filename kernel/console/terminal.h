/*
 * A terminal on a grid of cells: text and the usual escape sequences (ECMA-48, VT100) in, cells out. Pure: it
 * draws nothing. What is to be drawn is the difference between `cells` and what a screen shows.
 *
 * The caller locks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/utf.h"

/* Colours are ANSI's 0..7, 8..15 bright. */
struct cell {
    uint16_t character; /* Unicode, basic plane; others are shown as U+FFFD */
    uint8_t foreground, background;
};

#define TERMINAL_PARAMETERS 8

struct terminal {
    unsigned columns, rows;
    struct cell *cells;   /* rows * columns, row by row */
    unsigned column, row; /* cursor; column == columns: a wrap is due */
    unsigned saved_column, saved_row;
    unsigned top, bottom; /* scrolling region, bottom excluded */
    bool cursor_visible;
    uint8_t foreground, background;
    bool bold, reverse;
    struct utf8_decoder utf8;
    enum { TEXT, ESCAPE, CONTROL, IGNORED } state;
    char prefix; /* '?' of a private sequence, else 0 */
    unsigned parameter[TERMINAL_PARAMETERS], parameters;
};

/* Start with an empty grid: `cells` has room for rows * columns, both at least 1. */
void terminal_init(struct terminal *t, struct cell *cells, unsigned columns, unsigned rows);

/* Take in text. Any bytes are safe. */
void terminal_write(struct terminal *t, const char *text, size_t size);
