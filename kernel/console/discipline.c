#include "kernel/console/discipline.h"
#include "kernel/sched/signal.h"
#include "lib/field.h"
#include "lib/string.h"

#define RING_END   0x100u
#define RING_EOF   0x200u
#define DISABLED   0 /* _POSIX_VDISABLE */
#define CONTROL(c) ((c)&0x1f)

#define B38400 0000017u
#define CS8    0000060u
#define CREAD  0000200u

static const struct termios normal = {
    .input = ICRNL | IXON,
    .output = OPOST | ONLCR,
    .control = B38400 | CS8 | CREAD,
    .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .character = {[VINTR] = CONTROL('C'),
                  [VQUIT] = CONTROL('\\'),
                  [VERASE] = 0x7f,
                  [VKILL] = CONTROL('U'),
                  [VEOF] = CONTROL('D'),
                  [VMIN] = 1,
                  [VSTART] = CONTROL('Q'),
                  [VSTOP] = CONTROL('S'),
                  [VSUSP] = CONTROL('Z'),
                  [VREPRINT] = CONTROL('R'),
                  [VWERASE] = CONTROL('W'),
                  [VLNEXT] = CONTROL('V')},
};

void
discipline_init(struct discipline *d)
{
    memset(d, 0, sizeof(*d));
    d->termios = normal;
}

static bool
local(const struct discipline *d, uint32_t flag)
{
    return d->termios.local & flag;
}

static bool
is(const struct discipline *d, uint8_t byte, unsigned which)
{
    return byte != DISABLED && d->termios.character[which] == byte;
}

/* ---- the ring ---- */

static size_t
ring_count(const struct discipline *d)
{
    return d->head - d->tail;
}

static void
ring_put(struct discipline *d, uint16_t entry)
{
    if (ring_count(d) == DISCIPLINE_RING) {
        d->dropped++;
        return;
    }
    d->ring[d->head++ % DISCIPLINE_RING] = entry;
    d->ends += (entry & (RING_END | RING_EOF)) != 0;
}

/* ---- echo ---- */

static void
echo_bytes(struct discipline *d, const char *text, size_t n)
{
    if (d->echo && n)
        d->echo(d, text, n);
}

/* "^C" for control characters, but for those that move. */
static bool
shown_as_caret(const struct discipline *d, uint8_t byte)
{
    return local(d, ECHOCTL) && (byte < 0x20 || byte == 0x7f) && byte != '\n' && byte != '\t';
}

static void
echo_byte(struct discipline *d, uint8_t byte)
{
    char text[2] = {'^', (char)(byte ^ 0x40)};

    if (shown_as_caret(d, byte))
        echo_bytes(d, text, 2);
    else
        echo_bytes(d, (const char *)&byte, 1);
}

static void
echo(struct discipline *d, uint8_t byte)
{
    if (local(d, ECHO) || (byte == '\n' && local(d, ECHONL)))
        echo_byte(d, byte);
}

/* ---- editing ---- */

/* Is this a byte of a UTF-8 sequence behind the first? */
static bool
continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Take the last character off, and off the screen. A tab's width is not known: it counts as one. */
static void
erase_one(struct discipline *d)
{
    uint8_t last;

    if (!d->edited)
        return;
    while (d->edited > 1 && continues(d->edit[d->edited - 1]))
        d->edited--;
    last = d->edit[--d->edited];
    if (!local(d, ECHO))
        return;
    if (!local(d, ECHOE)) {
        echo_byte(d, d->termios.character[VERASE]);
        return;
    }
    if (shown_as_caret(d, last))
        echo_bytes(d, "\b \b", 3);
    echo_bytes(d, "\b \b", 3);
}

static void
erase_word(struct discipline *d)
{
    while (d->edited && d->edit[d->edited - 1] == ' ')
        erase_one(d);
    while (d->edited && d->edit[d->edited - 1] != ' ')
        erase_one(d);
}

static void
erase_line(struct discipline *d)
{
    if (local(d, ECHO) && local(d, ECHOKE)) {
        while (d->edited)
            erase_one(d);
        return;
    }
    d->edited = 0;
    if (local(d, ECHO) && local(d, ECHOK))
        echo_bytes(d, "\n", 1);
}

static void
reprint(struct discipline *d)
{
    echo_byte(d, d->termios.character[VREPRINT]);
    echo_bytes(d, "\n", 1);
    for (size_t i = 0; i < d->edited; i++)
        echo_byte(d, d->edit[i]);
}

/* The line goes to the readers; `last` ends it: a RING_END byte, or RING_EOF. */
static void
line_end(struct discipline *d, uint16_t last)
{
    for (size_t i = 0; i < d->edited; i++)
        ring_put(d, d->edit[i]);
    d->edited = 0;
    ring_put(d, last);
}

/* ---- input ---- */

/* Returns true if the byte was one that raises a signal. */
static bool
signal_input(struct discipline *d, uint8_t byte)
{
    int signal = is(d, byte, VINTR)   ? SIGINT
                 : is(d, byte, VQUIT) ? SIGQUIT
                 : is(d, byte, VSUSP) ? SIGTSTP
                                      : 0;

    if (!signal || !local(d, ISIG))
        return false;
    if (!local(d, NOFLSH))
        discipline_flush(d);
    echo(d, byte);
    if (d->signal)
        d->signal(d, signal);
    return true;
}

static bool
flow_input(struct discipline *d, uint8_t byte)
{
    if (!(d->termios.input & IXON))
        return false;
    if (is(d, byte, VSTOP)) {
        d->stopped = true;
        return true;
    }
    if (is(d, byte, VSTART) || (d->stopped && d->termios.input & IXANY)) {
        d->stopped = false;
        return is(d, byte, VSTART);
    }
    return false;
}

static void
line_add(struct discipline *d, uint8_t byte)
{
    if (d->edited == DISCIPLINE_LINE - 1) {
        d->dropped++;
        return;
    }
    d->edit[d->edited++] = byte;
    echo(d, byte);
}

static void
canonical_input(struct discipline *d, uint8_t byte)
{
    if (byte == '\n') {
        echo(d, byte);
        line_end(d, (uint16_t)(byte | RING_END));
    } else if (is(d, byte, VEOL) || is(d, byte, VEOL2)) {
        echo(d, byte);
        line_end(d, (uint16_t)(byte | RING_END));
    } else if (is(d, byte, VERASE)) {
        erase_one(d);
    } else if (is(d, byte, VKILL)) {
        erase_line(d);
    } else if (is(d, byte, VWERASE) && local(d, IEXTEN)) {
        erase_word(d);
    } else if (is(d, byte, VREPRINT) && local(d, IEXTEN)) {
        reprint(d);
    } else if (is(d, byte, VLNEXT) && local(d, IEXTEN)) {
        d->literal = true;
    } else if (is(d, byte, VEOF)) {
        line_end(d, RING_EOF);
    } else {
        line_add(d, byte);
    }
}

void
discipline_input(struct discipline *d, uint8_t byte)
{
    if (d->literal) {
        d->literal = false;
        line_add(d, byte);
        return;
    }
    if (byte == '\r' && d->termios.input & IGNCR)
        return;
    if (byte == '\r' && d->termios.input & ICRNL)
        byte = '\n';
    else if (byte == '\n' && d->termios.input & INLCR)
        byte = '\r';
    if (flow_input(d, byte) || signal_input(d, byte))
        return;
    if (local(d, ICANON)) {
        canonical_input(d, byte);
    } else {
        ring_put(d, byte);
        echo(d, byte);
    }
}

/* ---- reading ---- */

bool
discipline_ready(const struct discipline *d)
{
    if (local(d, ICANON))
        return d->ends > 0;
    return ring_count(d) >= MAX(d->termios.character[VMIN], 1);
}

size_t
discipline_read(struct discipline *d, uint8_t *to, size_t size)
{
    size_t n = 0;

    while (ring_count(d) && n < size) {
        uint16_t entry = d->ring[d->tail % DISCIPLINE_RING];

        if (entry & RING_EOF && n)
            break; /* the end is for the next read, unless this one ends just there */
        d->tail++;
        d->ends -= (entry & (RING_END | RING_EOF)) != 0;
        if (!(entry & RING_EOF))
            to[n++] = (uint8_t)entry;
        if (local(d, ICANON) && entry & (RING_END | RING_EOF))
            break;
    }
    /* A line that ended by VEOF with bytes before it: the mark goes with them. */
    if (n && local(d, ICANON) && ring_count(d) && d->ring[d->tail % DISCIPLINE_RING] & RING_EOF &&
        !(d->ring[(d->tail - 1) % DISCIPLINE_RING] & RING_END)) {
        d->tail++;
        d->ends--;
    }
    return n;
}

size_t
discipline_count(const struct discipline *d)
{
    size_t n = 0;

    for (uint32_t i = d->tail; i != d->head; i++) {
        uint16_t entry = d->ring[i % DISCIPLINE_RING];

        n += !(entry & RING_EOF);
        if (local(d, ICANON) && entry & (RING_END | RING_EOF))
            return n;
    }
    return local(d, ICANON) ? 0 : n;
}

/* From lines to bytes: the line that is being typed becomes readable. */
void
discipline_set(struct discipline *d, const struct termios *t)
{
    bool was = local(d, ICANON);

    d->termios = *t;
    if (was && !local(d, ICANON)) {
        for (size_t i = 0; i < d->edited; i++)
            ring_put(d, d->edit[i]);
        d->edited = 0;
        d->literal = false;
    }
    if (!(t->input & IXON))
        d->stopped = false;
}

void
discipline_flush(struct discipline *d)
{
    d->edited = 0;
    d->tail = d->head;
    d->ends = 0;
}
