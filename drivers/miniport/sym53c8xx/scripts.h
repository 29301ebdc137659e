/*
 * SCRIPTS: the chip's instructions by their names (LSI53C895A technical manual, chapter 5), and an assembler for them. A
 * program is assembled twice: the first time its labels get their places, the second time they are used.
 */
#pragma once
#include "scsiport.h"

enum phase { DATA_OUT, DATA_IN, COMMAND, STATUS, MESSAGE_OUT = 6, MESSAGE_IN };

/* What a transfer instruction depends on. WHEN waits for the target's next phase, IF takes the last one, or the last byte. */
#define ALWAYS                0x00080000u
#define WHEN(phase)           (0x000b0000u | (ULONG)(phase) << 24)
#define UNLESS(phase)         (0x00030000u | (ULONG)(phase) << 24) /* waits as WHEN does */
#define IF(phase)             (0x000a0000u | (ULONG)(phase) << 24)
#define IF_BYTE(b)            (0x000c0000u | (b))
#define UNLESS_BYTE(b)        (0x00040000u | (b))
#define IF_MASKED(b, ignored) (0x000c0000u | (ULONG)(ignored) << 8 | (b))

#define ATN 0x008u
#define ACK 0x040u

/* Where code goes, and where it will be for the chip. */
struct assembler {
    ULONG *to;
    ULONG words, physical;
};

static inline void
word(struct assembler *s, ULONG value)
{
    s->to[s->words++] = value;
}

static inline void
two(struct assembler *s, ULONG first, ULONG second)
{
    word(s, first);
    word(s, second);
}

static inline ULONG
here(const struct assembler *s)
{
    return s->physical + 4 * s->words;
}

/* Bytes at an address, or as the entry at an offset of the table that DSA points to says. */
static inline void
move(struct assembler *s, ULONG count, ULONG address, enum phase phase)
{
    two(s, 0x08000000u | (ULONG)phase << 24 | count, address);
}

static inline void
move_from(struct assembler *s, ULONG offset, enum phase phase)
{
    two(s, 0x18000000u | (ULONG)phase << 24, offset);
}

/* Somebody else was faster: on at `lost`. */
static inline void
select_from(struct assembler *s, ULONG offset, ULONG lost)
{
    two(s, 0x43000000u | offset, lost);
}

static inline void
wait_disconnect(struct assembler *s)
{
    two(s, 0x48000000u, 0);
}

/* The processor signals: on at `signalled`. */
static inline void
wait_reselect(struct assembler *s, ULONG signalled)
{
    two(s, 0x50000000u, signalled);
}

static inline void
clear(struct assembler *s, ULONG lines)
{
    two(s, 0x60000000u | lines, 0);
}

/* Registers: a constant into one, one ANDed with a constant, one into where IF_BYTE looks. */
static inline void
load(struct assembler *s, ULONG reg, UCHAR value)
{
    two(s, 0x78000000u | reg << 16 | (ULONG)value << 8, 0);
}

static inline void
and_with(struct assembler *s, ULONG reg, UCHAR value)
{
    two(s, 0x7c000000u | reg << 16 | (ULONG)value << 8, 0);
}

static inline void
look_at(struct assembler *s, ULONG reg)
{
    two(s, 0x72000000u | reg << 16, 0);
}

static inline void
jump(struct assembler *s, ULONG to, ULONG condition)
{
    two(s, 0x80000000u | condition, to);
}

static inline void
call(struct assembler *s, ULONG to)
{
    two(s, 0x88000000u | ALWAYS, to);
}

static inline void
give_back_control(struct assembler *s)
{
    two(s, 0x90000000u | ALWAYS, 0);
}

/* The program stops, the processor is interrupted and finds the code in DSPS. */
static inline void
interrupt(struct assembler *s, ULONG code, ULONG condition)
{
    two(s, 0x98000000u | condition, code);
}

static inline void
copy_word(struct assembler *s, ULONG from, ULONG to)
{
    two(s, 0xc0000000u | 4, from);
    word(s, to);
}
