/*
 * Cells on a linear frame buffer, in the console font. Written only, through a write-combining mapping.
 */
#include "kernel/console/font.h"
#include "kernel/console/screen.h"
#include "kernel/cpu/io.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "lib/field.h"

#define GLYPH_WIDTH 8
#define TAG         POOL_TAG('f', 'b', 'u', 'f')

/* ANSI's sixteen colours, 0xrrggbb. */
static const uint32_t palette[16] = {0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa,
                                     0x00aaaa, 0xaaaaaa, 0x555555, 0xff5555, 0x55ff55, 0xffff55,
                                     0x5555ff, 0xff55ff, 0x55ffff, 0xffffff};

static struct framebuffer mode; /* [I] after framebuffer_init(), like all here */
static struct font font;
static void *memory;
static uint32_t colours[16]; /* the palette in the mode's own format */

static uint32_t
component(uint32_t rgb, unsigned shift, unsigned at, unsigned bits)
{
    uint32_t value = rgb >> shift & 0xff;

    return (bits >= 8 ? value << (bits - 8) : value >> (8 - bits)) << at;
}

static void
pixel_write(uint32_t offset, uint32_t value)
{
    switch (mode.bits) {
    case 32:
        mmio_write32(memory, offset, value);
        break;
    case 24:
        mmio_write8(memory, offset, (uint8_t)value);
        mmio_write8(memory, offset + 1, (uint8_t)(value >> 8));
        mmio_write8(memory, offset + 2, (uint8_t)(value >> 16));
        break;
    default:
        mmio_write16(memory, offset, (uint16_t)value);
        break;
    }
}

static void
framebuffer_draw(unsigned column, unsigned row, struct cell c)
{
    const uint8_t *glyph = font_glyph(&font, c.character);
    unsigned bytes = (mode.bits + 7u) / 8;
    uint32_t ink = colours[c.foreground & 15], paper = colours[c.background & 15];
    uint32_t line = row * font.height * mode.pitch + column * GLYPH_WIDTH * bytes;

    for (unsigned y = 0; y < font.height; y++, line += mode.pitch)
        for (unsigned x = 0; x < GLYPH_WIDTH; x++)
            pixel_write(line + x * bytes, glyph[y] & 0x80 >> x ? ink : paper);
}

static const struct screen_ops framebuffer_ops = {.name = "frame buffer", .draw = framebuffer_draw};

static int
font_load(void)
{
    struct font_map *map = pool_alloc(FONT_MAP_MAX * sizeof(*map), TAG);
    int err = map ? font_parse(&font, font_file, (size_t)(font_file_end - font_file), map) : -ENOMEM;

    if (err)
        pool_free(map, TAG);
    return err;
}

int
framebuffer_init(const struct framebuffer *f)
{
    int err;

    if (f->width < GLYPH_WIDTH * 20 || f->height < 16 * 4)
        return -EINVAL;
    err = font_load();
    if (err)
        return err;
    mode = *f;
    memory = space_map(f->pa, (size_t)f->pitch * f->height, MAP_WRITE | MAP_WRITE_COMBINING);
    if (!memory) {
        pool_free(font.map, TAG);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(colours); i++)
        colours[i] = component(palette[i], 16, f->red_at, f->red_bits) |
                     component(palette[i], 8, f->green_at, f->green_bits) |
                     component(palette[i], 0, f->blue_at, f->blue_bits);
    err = screen_init(&framebuffer_ops, f->width / GLYPH_WIDTH, f->height / font.height);
    if (err) {
        space_unmap(memory);
        pool_free(font.map, TAG);
    }
    return err;
}
