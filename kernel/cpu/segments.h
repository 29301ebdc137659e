/*
 * Segment selectors. They are Linux's and NT's alike, so programs and drivers of both find what they know.
 */
#pragma once

#define KERNEL_CS    0x10
#define KERNEL_DS    0x18
#define USER_CS32    0x23 /* Linux's, but nothing is there: no 32-bit programs */
#define USER_DS      0x2b
#define USER_CS      0x33
#define TSS_SELECTOR 0x40

/* Stacks for exceptions that can come on a bad stack (SDM vol. 3A, 6.14.5). */
#define IST_DOUBLE_FAULT  1
#define IST_NMI           2
#define IST_MACHINE_CHECK 3
#define IST_DEBUG         4

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Load GDT, TSS and the segment registers of this processor. Keeps GS base. Interrupts off. */
void segments_load(void);

/* The stack that an interrupt from ring 3 starts on: this processor's. IRQL >= DISPATCH_LEVEL. */
void segments_set_kernel_stack(uintptr_t top);

/* A program may have loaded FS and GS with selectors: take them out. IRQL >= DISPATCH_LEVEL. */
void segments_reset_user(void);
#endif
