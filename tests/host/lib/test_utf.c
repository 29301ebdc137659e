// UTF-8 against an independent decoder over all characters and random bytes; code page 437 both ways.
// sources: lib/utf.c
#include "lib/utf.h"
#include "tests/host/check.h"

static unsigned
encode(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static void
test_all_characters(void)
{
    for (uint32_t c = 0; c < 0x110000; c++) {
        struct utf8_decoder d = {0};
        uint8_t bytes[4];
        unsigned n = encode(c, bytes);
        int32_t got = -1;
        int again = 0, wrong = 0;

        if (c == 0xfffd)
            continue;
        for (unsigned i = 0; i < n; i++) {
            got = utf8_feed(&d, bytes[i], &again);
            wrong |= got == UTF_REPLACEMENT;
        }
        if (c >= 0xd800 && c < 0xe000)
            CHECK(wrong);
        else if (got != (int32_t)c)
            CHECK_EQ(got, c);
    }
}

static void
test_wrong(void)
{
    static const struct {
        const char *bytes;
        unsigned replaced;
    } cases[] = {{"\x80", 1},
                 {"\xc0\xaf", 2},
                 {"\xe0\x80\xaf", 3},
                 {"\xf4\x90\x80\x80", 4},
                 {"\xe2\x82"
                  "A",
                  1},
                 {"\xff\xfe", 2},
                 {"\xe2\xe2\x82\xac", 1}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct utf8_decoder d = {0};
        unsigned replaced = 0;

        check_row("case %zu", i);
        for (const char *c = cases[i].bytes; *c; c++) {
            int again;

            do
                replaced += utf8_feed(&d, (uint8_t)*c, &again) == UTF_REPLACEMENT;
            while (again);
        }
        CHECK_EQ(replaced, cases[i].replaced);
    }
}

static void
test_cp437(void)
{
    for (int i = 0; i < 256; i++)
        CHECK_EQ(cp437_from_unicode(cp437_to_unicode((uint8_t)i)), i);
    CHECK_EQ(cp437_to_unicode(0x82), 0xe9);
    CHECK_EQ(cp437_to_unicode(0xc4), 0x2500);
    CHECK_EQ(cp437_from_unicode(0x4e2d), (uint64_t)-1);
}

/* What is put is read again, and nothing behind the room is written. */
static void
test_characters_are_put(void)
{
    static const uint32_t characters[] = {'a', 0x7f, 0x80, 0x7ff, 0x800, 0xfffd, 0x10000, 0x10ffff};

    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        char bytes[5] = "xxxx";
        struct utf8_decoder d = {0};
        size_t n = utf8_put(bytes, 4, characters[i]);
        int32_t got = -1;
        int again = 0;

        CHECK(n >= 1 && n <= 4 && (n == 4 || bytes[n] == 'x'));
        for (size_t k = 0; k < n; k++)
            got = utf8_feed(&d, (uint8_t)bytes[k], &again);
        CHECK_EQ(got, characters[i]);
        CHECK_EQ(utf8_put(bytes, n - 1, characters[i]), 0);
    }
}

int
main(void)
{
    test_characters_are_put();
    test_all_characters();
    test_wrong();
    test_cp437();
    return check_report();
}
