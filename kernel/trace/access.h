/* What an instruction that touches memory moves. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access {
    uint8_t size;     /* bytes; 0: not known */
    bool is_write;    /* else a read; of what is not known and of a copy: false */
    bool is_exchange; /* XCHG: a write of the register's value, then a read of it */
    bool is_update;   /* a write that has read before: OR, BTS, XADD */
    bool is_copy;     /* MOVS, from [RSI] to [RDI]: the value is at the other one */
    bool has_value;   /* the value is in a register, or an immediate one */
    bool is_high;     /* of the register: bits 8 to 15 */
    bool is_constant; /* the value is `constant` */
    uint8_t reg;      /* 0: RAX, 1: RCX, ... as in ModRM */
    uint64_t constant;
};

/* The instruction at `code`, of which `size` bytes may be read (64-bit mode; SDM vol. 2, chapter 2 and appendix A). */
struct access access_decode(const uint8_t *code, size_t size);
