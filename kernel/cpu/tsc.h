/*
 * Time since boot from the time stamp counter, once kernel/hw/clock.c has measured its frequency.
 */
#pragma once
#include <stdint.h>

#define US(n)      (UINT64_C(1000) * (n))
#define MS(n)      (UINT64_C(1000000) * (n))
#define SECONDS(n) (UINT64_C(1000000000) * (n))

/* Raw counter. Any IRQL. */
uint64_t tsc_ticks(void);

/* Set the frequency (Hz); time_now() counts from the counter's value at the first call. */
void tsc_set_frequency(uint64_t hz);
uint64_t tsc_frequency(void);

/* Nanoseconds since boot, monotonic, the same on all processors; 0 until the frequency is known. Any IRQL. */
uint64_t time_now(void);

/*
 * What the processor or the hypervisor says of the frequency (Hz): tsc_frequency_told() to be believed, 0 if
 * they say nothing; tsc_frequency_guess() when it cannot be measured: the frequency on the label, or one that
 * is higher than any.
 */
uint64_t tsc_frequency_told(void);
uint64_t tsc_frequency_guess(void);

/*
 * Compare every other processor's counter with this processor's, and correct time_now() and stall_us()
 * there by the difference, where there is one; that is a message. Each processor takes some microseconds, at
 * most 100 ms. Called by boot/main.c when all are online; this processor is the one that is right.
 * IRQL:    PASSIVE_LEVEL
 */
void tsc_sync(void);

/* Add `ticks` to what processor n's counter says. For tsc_sync() and tests. */
void tsc_set_offset(uint32_t n, int64_t ticks);

/* Busy-wait at least `us` microseconds, never less. Any IRQL. Before calibration: assumes 10 GHz. */
void stall_us(uint64_t us);
