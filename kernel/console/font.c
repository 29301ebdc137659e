#include "kernel/console/font.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/sort.h"

/* PSF1: magic 36 04, mode, height; glyphs; for each glyph its characters (UTF-16), ended by FFFF. After FFFE
 * come sequences of characters, which are passed over. */
#define PSF1_HEADER       4
#define PSF1_MAGIC        0x0436
#define PSF1_MODE_512     0x01
#define PSF1_MODE_UNICODE 0x02
#define PSF1_SEQUENCE     0xfffe
#define PSF1_END          0xffff

static int
map_compare(const void *a, const void *b, void *context)
{
    return (int)((const struct font_map *)a)->character - (int)((const struct font_map *)b)->character;
}

int
font_parse(struct font *f, const uint8_t *file, size_t size, struct font_map *map)
{
    unsigned glyph = 0, in_sequence = 0;
    size_t at;

    if (size < PSF1_HEADER || get_le16(file) != PSF1_MAGIC || !(file[2] & PSF1_MODE_UNICODE) || file[3] == 0)
        return -EINVAL;
    *f = (struct font){.glyphs = file + PSF1_HEADER,
                       .height = file[3],
                       .count = file[2] & PSF1_MODE_512 ? 512 : 256,
                       .map = map};
    at = PSF1_HEADER + (size_t)f->count * f->height;
    if (at > size)
        return -EINVAL;
    for (; glyph < f->count && at + 2 <= size; at += 2) {
        uint16_t c = get_le16(file + at);

        if (c == PSF1_END) {
            glyph++;
            in_sequence = 0;
        } else if (c == PSF1_SEQUENCE)
            in_sequence = 1;
        else if (!in_sequence && f->mapped < FONT_MAP_MAX)
            map[f->mapped++] = (struct font_map){c, (uint16_t)glyph};
    }
    sort(map, f->mapped, sizeof(*map), map_compare, NULL);
    return glyph == f->count ? 0 : -EINVAL;
}

static const uint8_t *
glyph_find(const struct font *f, uint16_t character)
{
    size_t lo = 0, hi = f->mapped;

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;

        if (f->map[middle].character < character)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo == f->mapped || f->map[lo].character != character)
        return NULL;
    return f->glyphs + (size_t)f->map[lo].glyph * f->height;
}

const uint8_t *
font_glyph(const struct font *f, uint16_t character)
{
    const uint8_t *g = glyph_find(f, character);

    if (!g)
        g = glyph_find(f, 0xfffd);
    if (!g)
        g = glyph_find(f, '?');
    return g ? g : f->glyphs;
}
