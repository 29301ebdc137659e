// The font that is put into the kernel, and font files that are not what they say.
// sources: kernel/console/font.c lib/sort.c
#include "kernel/console/font.h"
#include "lib/errno.h"
#include "tests/host/check.h"

static struct font_map map[FONT_MAP_MAX];
static struct font font;

static void
test_built_in(const uint8_t *file, size_t size)
{
    static const uint8_t blank[16];

    CHECK_EQ(font_parse(&font, file, size, map), 0);
    CHECK_EQ(font.height, 16);
    CHECK(memcmp(font_glyph(&font, ' '), blank, 16) == 0);
    CHECK(memcmp(font_glyph(&font, 'A'), blank, 16) != 0);
    CHECK(memcmp(font_glyph(&font, 'A'), font_glyph(&font, 'B'), 16) != 0);
    CHECK(memcmp(font_glyph(&font, 0x2500), blank, 16) != 0); /* box drawing */
    CHECK(font_glyph(&font, 0x4e2d) == font_glyph(&font, 0xfffd));
    for (size_t i = 1; i < font.mapped; i++)
        CHECK(map[i - 1].character <= map[i].character);
}

/* Cut at every length: refused, and never read beyond the end (ASan watches). */
static void
test_cut(const uint8_t *file, size_t size)
{
    for (size_t n = 0; n < size - 2; n += n < 64 ? 1 : 61) {
        uint8_t *copy = malloc(n ? n : 1);

        memcpy(copy, file, n);
        CHECK_EQ(font_parse(&font, copy, n, map), -EINVAL);
        free(copy);
    }
}

static void
test_wrong(uint8_t *file, size_t size)
{
    file[2] &= 1; /* no Unicode table */
    CHECK_EQ(font_parse(&font, file, size, map), -EINVAL);
    file[2] |= 2;
    file[3] = 0;
    CHECK_EQ(font_parse(&font, file, size, map), -EINVAL);
    file[0] = 0;
    CHECK_EQ(font_parse(&font, file, size, map), -EINVAL);
}

int
main(void)
{
    static uint8_t file[65536];
    FILE *f = fopen(FONT_FILE, "rb");
    size_t size = f ? fread(file, 1, sizeof(file), f) : 0;

    if (!CHECK(size > 0))
        return check_report();
    fclose(f);
    test_built_in(file, size);
    test_cut(file, size);
    test_wrong(file, size);
    return check_report();
}
