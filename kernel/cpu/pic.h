/*
 * The 8259A pair (Intel 231468, 8259A; ICH9 datasheet 13.4 for the edge/level registers). It delivers through
 * LINT0 of the boot processor, past CR8: kernel/cpu/line.c holds its lines back by hand.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PIC_LINES   16
#define PIC_CASCADE 2 /* where the second chip hangs on the first: no device's line */

/*
 * Set the pair up on vectors VECTOR_PIC_BASE + line, with every line masked.
 * Returns: whether there is a pair (a mask register that keeps what is written to it)
 */
bool pic_init(void);

/* Let a line through, or hold it back. An edge that comes while it is masked is kept. Any IRQL. */
void pic_mask(unsigned line);
void pic_unmask(unsigned line);

/* Mask the line that has just been accepted, then end it at the chips, so that others come. Interrupts off. */
void pic_mask_and_eoi(unsigned line);

/*
 * Was this arrival (line 7 or 15) nothing but a request that went away (8259A, "spurious")? Ends at the chips
 * what is to be ended then. Interrupts off.
 */
bool pic_spurious(unsigned line);

/* Make the line level triggered. Returns false for a line that the chip set keeps edge triggered. Any IRQL. */
bool pic_set_level(unsigned line);
