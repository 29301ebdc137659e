/*
 * From a frame of a driver to its caller's, by the tables that the image brings (".pdata Section"; "x64 exception
 * handling" tells the codes). Pure: memory is read through the caller's function, and nothing in the tables is believed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "drivers/loader/pe.h"

enum { UNWIND_RSP = 4, UNWIND_RBP = 5, UNWIND_REGISTERS = 16 };

/* General registers by their numbers in instructions (RAX 0, RCX 1, RDX 2, RBX 3, RSP 4, RBP 5, ...). */
struct unwind_frame {
    uint64_t rip, reg[UNWIND_REGISTERS];
};

/* 8 bytes of a stack. Returns false if they cannot be read. */
typedef bool unwind_read(void *context, uint64_t address, uint64_t *value);

/*
 * Make *f the caller's frame. base: address of the image in memory; f->rip lies in it. A function without an entry is a
 * leaf: its return address is at RSP.
 * Returns: 0; -EINVAL: the tables are malformed; -EFAULT: the stack cannot be read
 */
int unwind_step(const struct pe *pe, const uint8_t *image, uint64_t base, struct unwind_frame *f,
                unwind_read *read, void *context);
