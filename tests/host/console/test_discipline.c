// The line discipline: what a typist sees, what readers and the foreground get (POSIX, General Terminal Interface; termios(3)).
// sources: kernel/console/discipline.c
#include "kernel/console/discipline.h"
#include "kernel/sched/signal.h"
#include "lib/field.h"
#include "tests/host/check.h"

static struct discipline d;
static char echoed[8192];
static size_t echoes;
static int signaled;

static void
on_echo(struct discipline *from, const char *text, size_t n)
{
    (void)from;
    if (echoes + n < sizeof echoed) {
        memcpy(echoed + echoes, text, n);
        echoes += n;
        echoed[echoes] = 0;
    }
}

static void
on_signal(struct discipline *from, int signal)
{
    (void)from;
    signaled = signal;
}

static void
begin(void)
{
    discipline_init(&d);
    d.echo = on_echo;
    d.signal = on_signal;
    echoes = 0;
    echoed[0] = 0;
    signaled = 0;
}

static void
type(const char *text)
{
    while (*text)
        discipline_input(&d, (uint8_t)*text++);
}

/* One read(); "<none>": it would wait. */
static const char *
line(void)
{
    static char text[DISCIPLINE_RING + 1];

    if (!discipline_ready(&d))
        return "<none>";
    text[discipline_read(&d, (uint8_t *)text, sizeof text - 1)] = 0;
    return text;
}

static void
raw(uint8_t minimum)
{
    struct termios t = d.termios;

    t.local &= ~(ICANON | ECHO | ISIG);
    t.input &= ~(ICRNL | IXON);
    t.character[VMIN] = minimum;
    discipline_set(&d, &t);
}

static void
test_lines(void)
{
    static const struct {
        const char *typed, *read, *echo;
    } rows[] = {
        {"abc\r", "abc\n", "abc\n"},
        {"abc", "<none>", "abc"},
        {"abx\177c\r", "abc\n", "abx\b \bc\n"},
        {"\177\177a\r", "a\n", "a\n"},
        {"one two\027three\r", "one three\n", "one two\b \b\b \b\b \bthree\n"},
        {"one  \027x\r", "x\n", "one  \b \b\b \b\b \b\b \b\b \bx\n"},
        {"junk\025x\r", "x\n", "junk\b \b\b \b\b \b\b \bx\n"},
        {"a\001\177b\r", "ab\n", "a^A\b \b\b \bb\n"},
        {"\303\244\177b\r", "b\n", "\303\244\b \bb\n"},
        {"a\026\003b\r", "a\003b\n", "a^Cb\n"},
        {"a\026\177\r", "a\177\n", "a^?\n"},
        {"ab\004", "ab", "ab"},
        {"\004", "", ""},
        {"ab\022c\r", "abc\n", "ab^R\nabc\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row("row %zu", i);
        begin();
        type(rows[i].typed);
        CHECK_STR(line(), rows[i].read);
        CHECK_STR(echoed, rows[i].echo);
        CHECK_STR(line(), "<none>");
    }
    check_row("%s", "");
}

static void
test_lines_are_read_one_by_one(void)
{
    char text[4] = "";

    begin();
    type("first\rsecond\r\004third\r");
    CHECK_EQ(discipline_read(&d, (uint8_t *)text, 3), 3);
    CHECK(memcmp(text, "fir", 3) == 0);
    CHECK_STR(line(), "st\n");
    CHECK_STR(line(), "second\n");
    CHECK_STR(line(), "");
    CHECK_STR(line(), "third\n");
    CHECK_STR(line(), "<none>");
}

static void
test_signals(void)
{
    static const struct {
        char key;
        int signal;
    } rows[] = {{3, SIGINT}, {28, SIGQUIT}, {26, SIGTSTP}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin();
        type("half");
        discipline_input(&d, (uint8_t)rows[i].key);
        CHECK_EQ(signaled, rows[i].signal);
        type("new\r");
        CHECK_STR(line(), "new\n"); /* what was typed before is forgotten */
    }
    begin();
    d.termios.local |= NOFLSH;
    type("half\003\r");
    CHECK_STR(line(), "half\n");
    begin();
    d.termios.local &= ~ISIG;
    type("a\003b\r");
    CHECK_EQ(signaled, 0);
    CHECK_STR(line(), "a\003b\n");
}

static void
test_flow(void)
{
    begin();
    type("a\023b");
    CHECK(d.stopped);
    type("\021c\r");
    CHECK(!d.stopped);
    CHECK_STR(line(), "abc\n");
}

static void
test_raw(void)
{
    begin();
    raw(1);
    type("a");
    CHECK_STR(line(), "a");
    type("\003\r\004\177");
    CHECK_STR(line(), "\003\r\004\177");
    CHECK_EQ(signaled, 0);
    CHECK_EQ(echoes, 0);
    raw(3);
    type("ab");
    CHECK_STR(line(), "<none>");
    type("c");
    CHECK_STR(line(), "abc");
}

/* What is being typed when the mode changes is not lost. */
static void
test_change_of_mode(void)
{
    begin();
    type("half");
    raw(1);
    CHECK_STR(line(), "half");
    type("more");
    CHECK_STR(line(), "more");
}

static void
test_long_lines(void)
{
    const char *got;

    begin();
    for (unsigned i = 0; i < 2 * DISCIPLINE_LINE; i++)
        discipline_input(&d, 'x');
    CHECK_EQ(d.dropped, DISCIPLINE_LINE + 1);
    discipline_input(&d, '\n');
    got = line();
    CHECK_EQ(strlen(got), DISCIPLINE_LINE); /* the line's end has room always */
    CHECK_EQ(got[DISCIPLINE_LINE - 1], '\n');
}

/* Nobody reads: the ring fills, what is beyond is counted, and lines go on afterwards. */
static void
test_full_ring(void)
{
    size_t lines = 0;

    begin();
    for (unsigned i = 0; i < 2000; i++)
        type("abc\r");
    CHECK_EQ(d.dropped, 2000 * 4 - DISCIPLINE_RING);
    while (discipline_ready(&d)) {
        CHECK_STR(line(), "abc\n");
        lines++;
    }
    CHECK_EQ(lines, DISCIPLINE_RING / 4);
    type("alive\r");
    CHECK_STR(line(), "alive\n");
}

/* An editor of lines as simple as can be, beside it. */
struct model {
    char edit[4096], ready[65536];
    size_t edited, count;
};

static void
model_type(struct model *m, char c)
{
    switch (c) {
    case 0x7f:
        m->edited -= m->edited > 0;
        break;
    case 025:
        m->edited = 0;
        break;
    case 027:
        while (m->edited && m->edit[m->edited - 1] == ' ')
            m->edited--;
        while (m->edited && m->edit[m->edited - 1] != ' ')
            m->edited--;
        break;
    default:
        m->edit[m->edited++] = c;
        if (c != '\n')
            break;
        memcpy(m->ready + m->count, m->edit, m->edited);
        m->count += m->edited;
        m->edited = 0;
    }
}

static void
test_against_the_model(void)
{
    static const char keys[] = "abc  \177\177\025\027\n";
    static struct model m;

    for (unsigned round = 0; round < 200; round++) {
        size_t at = 0;

        begin();
        m.edited = m.count = 0;
        for (unsigned i = 0; i < 500; i++) {
            char c = keys[check_random_below(sizeof keys - 1)];

            discipline_input(&d, (uint8_t)c);
            model_type(&m, c);
            CHECK_EQ(discipline_ready(&d), m.count > at);
            if (discipline_ready(&d) && check_random_below(2)) {
                size_t room = 1 + check_random_below(20), n;
                uint8_t text[20];

                n = discipline_read(&d, text, room);
                CHECK(n > 0 && n <= room && n <= m.count - at);
                CHECK(memcmp(text, m.ready + at, n) == 0);
                CHECK(n == room || text[n - 1] == '\n');
                at += n;
            }
        }
    }
}

int
main(void)
{
    test_lines();
    test_lines_are_read_one_by_one();
    test_signals();
    test_flow();
    test_raw();
    test_change_of_mode();
    test_long_lines();
    test_full_ring();
    test_against_the_model();
    return check_report();
}
