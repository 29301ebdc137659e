// Scan codes to what a terminal sends.
// sources: kernel/console/keymap.c
#include "kernel/console/keymap.h"
#include "lib/field.h"
#include "tests/host/check.h"

static const struct {
    const char *codes, *text;
    enum keymap_event last;
} cases[] = {
    {"\x1e", "a", KEY_TEXT},
    {"\x1e\x9e", "a", KEY_NOTHING},
    {"\x2a\x1e\x9e\xaa\x1e", "Aa", KEY_TEXT},
    {"\x36\x02\xb6\x02", "!1", KEY_TEXT},
    {"\x3a\xba\x1e\x02\x2a\x1e", "A1a", KEY_TEXT},
    {"\x1d\x2e", "\x03", KEY_TEXT},
    {"\xe0\x1d\x20", "\x04", KEY_TEXT},
    {"\x38\x1e",
     "\x1b"
     "a",
     KEY_TEXT},
    {"\x1c", "\r", KEY_TEXT},
    {"\x0e", "\x7f", KEY_TEXT},
    {"\x01", "\x1b", KEY_TEXT},
    {"\x39", " ", KEY_TEXT},
    {"\xe0\x48\xe0\xc8", "\x1b[A", KEY_NOTHING},
    {"\xe0\x2a\xe0\x4d", "\x1b[C", KEY_TEXT},
    {"\xe0\x53", "\x1b[3~", KEY_TEXT},
    {"\xe0\x47\xe0\x4f", "\x1b[H\x1b[F", KEY_TEXT},
    {"\x47", "\x1b[H", KEY_TEXT},
    {"\x45\xc5\x47", "7", KEY_TEXT},
    {"\x45\xe0\x47", "\x1b[H", KEY_TEXT},
    {"\x3b", "\x1b[11~", KEY_TEXT},
    {"\x58", "\x1b[24~", KEY_TEXT},
    {"\xe0\x1c", "\r", KEY_TEXT},
    {"\xe0\x35", "/", KEY_TEXT},
    {"\xe1\x1d\x45\x1e", "a", KEY_TEXT},
    {"\x1d\x38\xe0\x53", "", KEY_REBOOT},
    {"\x59\x7f\xff", "", KEY_NOTHING},
};

static void
test_cases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct keymap k = {0};
        enum keymap_event event = KEY_NOTHING;
        char all[64];
        size_t n = 0, size;

        check_row("case %zu", i);
        for (const char *c = cases[i].codes; *c; c++) {
            event = keymap_feed(&k, (uint8_t)*c, all + n, &size);
            CHECK_EQ(event == KEY_TEXT, size > 0);
            n += size;
        }
        all[n] = '\0';
        CHECK_STR(all, cases[i].text);
        CHECK_EQ(event, cases[i].last);
    }
}

/* No sequence of codes yields more than fits. */
static void
test_any(void)
{
    struct keymap k = {0};

    for (int i = 0; i < 200000; i++) {
        char text[KEYMAP_TEXT_MAX];
        size_t size;

        keymap_feed(&k, (uint8_t)check_random(), text, &size);
        CHECK(size <= KEYMAP_TEXT_MAX);
    }
}

int
main(void)
{
    test_cases();
    test_any();
    return check_report();
}
