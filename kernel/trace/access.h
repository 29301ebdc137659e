/* What an instruction that touches memory moves. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access {
    uint8_t size;     /* bytes; 0: not known */
    bool is_write;    /* else a read */
    bool has_value;   /* the value is in a register, or an immediate one */
    bool is_high;     /* of the register: bits 8 to 15 */
    bool is_constant; /* the value is `constant` */
    uint8_t reg;      /* 0: RAX, 1: RCX, ... as in ModRM */
    uint32_t constant;
};

/* The instruction at `code`, of which `size` bytes may be read (64-bit mode; SDM vol. 2, chapter 2 and appendix A). */
struct access access_decode(const uint8_t *code, size_t size);
