/*
 * The real-time clock of a PC: an MC146818 behind two ports. It is taken to run in UTC.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/civil.h"

/* What the clock's registers hold, as read. */
struct rtc_registers {
    uint8_t second, minute, hour, day, month, year;
    uint8_t century;  /* 0: the clock has none */
    uint8_t status_b; /* says how the others are coded */
};

/*
 * Registers, BCD or binary, 12 or 24 hours, to a time. A century that cannot be is taken from the year:
 * 70..99 are 19xx, 0..69 are 20xx. Pure.
 * Returns: 0, or -EINVAL if that is no time
 */
int rtc_decode(const struct rtc_registers *r, struct civil_time *out);

/*
 * Read the clock. `century` is the index of its century register, 0 if there is none. Takes a few milliseconds
 * at most, when the clock is just being advanced.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0 and *seconds since 1970; -EIO if the registers do not hold still; -EINVAL if they are no time
 */
int rtc_read(uint8_t century, uint64_t *seconds);
