/*
 * The state of x87, SSE and AVX: switched on for drivers and programs, kept per thread. The kernel itself is
 * compiled without.
 *
 * It is saved and restored at every thread switch, not on demand: XSAVEOPT writes only what is in use and has
 * changed, and a trap on first use costs more than that.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FPU_ALIGN   64
#define FPU_MXCSR   0x1f80 /* all exceptions masked, round to nearest (SDM vol. 1, 10.2.3.1) */
#define FPU_CONTROL 0x37f  /* all exceptions masked, 64-bit precision (SDM vol. 1, 8.1.5) */

/* Switch SSE, and AVX where there is one, on for this processor. After cpu_init(), interrupts off. */
void fpu_init(void);

/* Bytes of one thread's state. [I] after fpu_init() on the boot processor. */
size_t fpu_area_size(void);

/* The state components that are enabled (XCR0); 0 without XSAVE. [I] after fpu_init(). */
uint64_t fpu_components(void);

/* Make zeroed memory, FPU_ALIGN aligned, a fresh thread's state. */
void fpu_area_init(void *area);
