// What the terminal makes of text and escape sequences, row by row.
// sources: kernel/console/terminal.c lib/utf.c
#include "kernel/console/terminal.h"
#include "lib/field.h"
#include "tests/host/check.h"

#define COLUMNS 10
#define ROWS    4

static struct terminal t;
static struct cell cells[COLUMNS * ROWS];

static void
write_text(const char *text)
{
    terminal_write(&t, text, strlen(text));
}

/* The screen as text: rows joined by '|', blanks at the ends of rows dropped. */
static const char *
shown(void)
{
    static char text[COLUMNS * ROWS + ROWS + 1];
    char *p = text;

    for (unsigned row = 0; row < ROWS; row++) {
        char *end = p;

        for (unsigned column = 0; column < COLUMNS; column++) {
            uint16_t c = cells[row * COLUMNS + column].character;

            *p++ = c < 0x80 ? (char)c : '#';
            if (c != ' ')
                end = p;
        }
        p = end;
        *p++ = '|';
    }
    *p = '\0';
    return text;
}

static const struct {
    const char *text, *shown;
    unsigned column, row;
} cases[] = {
    {"abc", "abc||||", 3, 0},
    {"a\nb\r\nc", "a|b|c||", 1, 2},
    {"0123456789", "0123456789||||", 10, 0},
    {"0123456789x", "0123456789|x|||", 1, 1},
    {"1\n2\n3\n4\n5", "2|3|4|5|", 1, 3},
    {"a\tb", "a       b||||", 9, 0},
    {"ab\b\bX", "Xb||||", 1, 0},
    {"\x1b[2;3Hx", "|  x|||", 3, 1},
    {"\x1b[99;99Hx", "|||         x|", 10, 3},
    {"\x1b[Hab\x1b[Dc\x1b[Bd", "ac|  d|||", 3, 1},
    {"abc\x1b[1;2H\x1b[K", "a||||", 1, 0},
    {"abc\x1b[2D\x1b[1K", "  c||||", 1, 0},
    {"a\nb\nc\x1b[2;1H\x1b[J", "a||||", 0, 1},
    {"a\nb\x1b[2J", "||||", 1, 1},
    {"abcd\x1b[1;2H\x1b[P", "acd||||", 1, 0},
    {"abcd\x1b[1;2H\x1b[2@", "a  bcd||||", 1, 0},
    {"1\n2\n3\n4\x1b[2;1H\x1b[L", "1||2|3|", 0, 1},
    {"1\n2\n3\n4\x1b[2;1H\x1b[M", "1|3|4||", 0, 1},
    {"1\n2\n3\n4\x1b[2;3r\x1b[3;1H\nx", "1|3|x|4|", 1, 2},
    {"1\n2\x1b[H\x1bM", "|1|2||", 0, 0},
    {"a\x1b[sbc\x1b[ud", "adc||||", 2, 0},
    {"\xc3\xa9\xe2\x82\xac", "##||||", 2, 0},
    {"\xff\xc3(x", "##(x||||", 4, 0},
    {"\x1b[?25lx\x1b[?2004hy", "xy||||", 2, 0},
    {"\x1b[1;2;3;4;5;6;7;8;9;10mx", "x||||", 1, 0},
    {"\x1b(Bx\x1bQy\x1b[\x01z", "xyz||||", 3, 0},
    {"ab\x1b"
     "cx",
     "x||||", 1, 0},
};

static void
test_cases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        check_row("case %zu", i);
        terminal_init(&t, cells, COLUMNS, ROWS);
        write_text(cases[i].text);
        CHECK_STR(shown(), cases[i].shown);
        CHECK_EQ(t.column, cases[i].column);
        CHECK_EQ(t.row, cases[i].row);
    }
    check_row("%s", "");
}

static void
test_colours(void)
{
    terminal_init(&t, cells, COLUMNS, ROWS);
    write_text("a\x1b[31;44mb\x1b[1mc\x1b[7md\x1b[0me\x1b[92mf\x1b[39;49mg");
    CHECK_EQ(cells[0].foreground, 7);
    CHECK_EQ(cells[1].foreground, 1);
    CHECK_EQ(cells[1].background, 4);
    CHECK_EQ(cells[2].foreground, 9);
    CHECK_EQ(cells[3].foreground, 4);
    CHECK_EQ(cells[3].background, 1);
    CHECK_EQ(cells[4].foreground, 7);
    CHECK_EQ(cells[4].background, 0);
    CHECK_EQ(cells[5].foreground, 10);
    CHECK_EQ(cells[6].foreground, 7);
}

/* The same text in pieces of any size gives the same screen. */
static void
test_pieces(void)
{
    const char *text = "one\n\x1b[31mtw\xc3\xa9\x1b[2;5Hx\x1b[Kyz\n\n\nend";
    char whole[128];

    terminal_init(&t, cells, COLUMNS, ROWS);
    write_text(text);
    strcpy(whole, shown());
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        terminal_init(&t, cells, COLUMNS, ROWS);
        terminal_write(&t, text, cut);
        terminal_write(&t, text + cut, strlen(text) - cut);
        CHECK_STR(shown(), whole);
    }
}

int
main(void)
{
    test_cases();
    test_colours();
    test_pieces();
    return check_report();
}
