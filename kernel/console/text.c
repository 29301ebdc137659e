/*
 * VGA text mode (mode 3): 80 x 25 cells of two bytes at 0xb8000, character in the hardware's code page 437.
 */
#include "kernel/console/screen.h"
#include "kernel/cpu/io.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"

#define TEXT_MEMORY    0xb8000
#define TEXT_COLUMNS   80
#define TEXT_ROWS      25
#define CRTC_INDEX     0x3d4
#define CRTC_DATA      0x3d5
#define CRTC_START     0x0a /* cursor start line; bit 5: off */
#define CRTC_CURSOR_HI 0x0e
#define CRTC_CURSOR_LO 0x0f

static void *memory; /* [I] */

/* ANSI's colours have red in bit 0, VGA's in bit 2. */
static uint8_t
colour(uint8_t ansi)
{
    return (uint8_t)((ansi & 0x0a) | (ansi & 1) << 2 | (ansi & 4) >> 2);
}

static void
text_draw(unsigned column, unsigned row, struct cell c)
{
    int byte = cp437_from_unicode(c.character);
    uint16_t value = (uint16_t)((byte < 0 ? '?' : byte) | colour(c.foreground) << 8 |
                                (colour(c.background) & 7) << 12);

    mmio_write16(memory, (row * TEXT_COLUMNS + column) * 2, value);
}

static void
crtc_write(uint8_t index, uint8_t value)
{
    port_write8(CRTC_INDEX, index);
    port_write8(CRTC_DATA, value);
}

static void
text_cursor(unsigned column, unsigned row, bool visible)
{
    unsigned at = row * TEXT_COLUMNS + column;

    crtc_write(CRTC_START, visible ? 0x0d : 0x20);
    crtc_write(CRTC_CURSOR_HI, (uint8_t)(at >> 8));
    crtc_write(CRTC_CURSOR_LO, (uint8_t)at);
}

static const struct screen_ops text_ops = {.name = "VGA text", .draw = text_draw, .cursor = text_cursor};

int
text_init(void)
{
    memory = space_map_device(TEXT_MEMORY, TEXT_COLUMNS * TEXT_ROWS * 2);
    return memory ? screen_init(&text_ops, TEXT_COLUMNS, TEXT_ROWS) : -ENOMEM;
}
