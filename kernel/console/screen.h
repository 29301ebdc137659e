/*
 * The screen: one terminal (terminal.h) on one piece of hardware. Writing changes cells in memory and wakes a
 * thread, which draws the cells that differ from what is shown; video memory is never read.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/console/sink.h"
#include "kernel/console/terminal.h"

/* The hardware. draw() and cursor() are called under the screen's lock, with interrupts off, and do not wait. */
struct screen_ops {
    const char *name;
    void (*draw)(unsigned column, unsigned row, struct cell c);
    void (*cursor)(unsigned column, unsigned row, bool visible); /* NULL: the cell is drawn inverted */
};

/*
 * Take the hardware into use. `columns` * `rows` cells are allocated twice.
 * Boot, once, after mem_init(). Returns 0 or -ENOMEM.
 */
int screen_init(const struct screen_ops *ops, unsigned columns, unsigned rows);

/* Start the thread that draws; until then writing draws at once. Returns 0 or -errno. */
int screen_start(void);

/* Any IRQL. Without a screen: nothing. */
void screen_write(const char *text, size_t size);

/* Columns and rows; 0 without a screen. */
void screen_size(unsigned *columns, unsigned *rows);

extern struct log_sink screen_log;

/* VGA text mode, 80 x 25. Always "found": nothing tells that it is not there. */
int text_init(void);

/* A linear frame buffer with direct colour. */
struct framebuffer {
    uint64_t pa;
    uint32_t width, height, pitch; /* pixels, pixels, bytes */
    uint8_t bits;                  /* per pixel: 15, 16, 24, 32 */
    uint8_t red_at, red_bits, green_at, green_bits, blue_at, blue_bits;
};

/* Returns 0, -ENOMEM, or -EINVAL for a mode that it cannot draw in or a bad font file. */
int framebuffer_init(const struct framebuffer *f);
