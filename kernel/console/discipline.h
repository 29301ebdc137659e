/*
 * The line discipline, pure: typed bytes become lines or, raw, bytes for readers; echo, editing, signals. POSIX's general
 * terminal interface with Linux's numbers (termios(3), asm-generic/termbits.h).
 *
 * The caller locks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct termios of TCGETS. */
enum {
    VINTR,
    VQUIT,
    VERASE,
    VKILL,
    VEOF,
    VTIME,
    VMIN,
    VSWTC,
    VSTART,
    VSTOP,
    VSUSP,
    VEOL,
    VREPRINT,
    VDISCARD,
    VWERASE,
    VLNEXT,
    VEOL2,
    TERMIOS_CHARS = 19
};
struct termios {
    uint32_t input, output, control, local;
    uint8_t line;
    uint8_t character[TERMIOS_CHARS];
};
_Static_assert(sizeof(struct termios) == 36, "asm-generic/termbits.h");

/* clang-format off */
#define IGNCR  0000200u
#define ICRNL  0000400u
#define INLCR  0000100u
#define IXON   0002000u
#define IXANY  0004000u
#define OPOST  0000001u
#define ONLCR  0000004u
#define ISIG   0000001u
#define ICANON 0000002u
#define ECHO   0000010u
#define ECHOE  0000020u
#define ECHOK  0000040u
#define ECHONL 0000100u
#define NOFLSH 0000200u
#define TOSTOP 0000400u
#define ECHOCTL 0001000u
#define ECHOKE 0004000u
#define IEXTEN 0100000u
/* clang-format on */

#define DISCIPLINE_LINE 1024 /* bytes of a line that is edited */
#define DISCIPLINE_RING 4096 /* bytes that wait for readers; a power of two */

struct discipline {
    struct termios termios;
    uint8_t edit[DISCIPLINE_LINE]; /* the line that is typed */
    size_t edited;
    uint16_t ring
        [DISCIPLINE_RING]; /* a byte, with RING_END if a line ends behind it; RING_EOF: an end without a byte */
    uint32_t head, tail;
    uint32_t ends; /* RING_END and RING_EOF in the ring */
    bool literal;  /* the next byte is taken as it is (VLNEXT) */
    bool stopped;  /* output, by VSTOP */
    uint64_t dropped;
    void (*echo)(struct discipline *d, const char *text, size_t n); /* to the screen */
    void (*signal)(struct discipline *d, int signal); /* to the foreground; SIGINT, SIGQUIT or SIGTSTP */
};

/* As after power on: canonical, with echo. */
void discipline_init(struct discipline *d);

/* A typed byte. */
void discipline_input(struct discipline *d, uint8_t byte);

/* Is there something to read: a line's end; raw: VMIN bytes (at least one)? */
bool discipline_ready(const struct discipline *d);

/* Take up to `size` bytes, of one line at most. 0: the end of file was typed, or raw and there is nothing. */
size_t discipline_read(struct discipline *d, uint8_t *to, size_t size);

/* Bytes that could be read now. */
size_t discipline_count(const struct discipline *d);

void discipline_set(struct discipline *d, const struct termios *t); /* what was typed before stays readable */
void discipline_flush(struct discipline *d);                        /* forget what was typed */
