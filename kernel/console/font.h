/*
 * The console font: PSF version 1, 8 pixels wide, with its Unicode table. Debian's, put in at build time.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct font {
    const uint8_t *glyphs; /* `height` bytes each, top row first, leftmost pixel in bit 7 */
    unsigned height, count;
    struct font_map {
        uint16_t character, glyph;
    } * map; /* ascending by character */
    size_t mapped;
};

#define FONT_MAP_MAX 2048

/*
 * Read a PSF1 file; `map` has room for FONT_MAP_MAX entries.
 * Returns: 0, or -EINVAL for a file that is not PSF1 with a Unicode table, or cut short
 */
int font_parse(struct font *f, const uint8_t *file, size_t size, struct font_map *map);

/* The rows of a character's glyph; of U+FFFD or '?' if it has none. */
const uint8_t *font_glyph(const struct font *f, uint16_t character);

/* The file that was put in. */
extern const uint8_t font_file[], font_file_end[];
