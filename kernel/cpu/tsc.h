/*
 * Time since boot from the time stamp counter, once kernel/hw/clock.c has measured its frequency.
 */
#pragma once
#include <stdint.h>

#define US(n) ((uint64_t)(n) * 1000)
#define MS(n) ((uint64_t)(n) * 1000000)
#define SECONDS(n) ((uint64_t)(n) * 1000000000)

/* Raw counter. Any IRQL. */
uint64_t tsc_ticks(void);

/* Set the frequency (Hz); time_now() counts from the counter's value at the first call. */
void     tsc_set_frequency(uint64_t hz);
uint64_t tsc_frequency(void);

/* Nanoseconds since boot, monotonic, the same on all processors; 0 until the frequency is known. Any IRQL. */
uint64_t time_now(void);

/* Busy-wait at least `us` microseconds, never less. Any IRQL. Before calibration: assumes 10 GHz. */
void stall_us(uint64_t us);
