/*
 * Calendar time (proleptic Gregorian, UTC) <-> seconds since 1970-01-01 00:00:00 UTC, without leap seconds, as
 * POSIX counts them.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct civil_time {
    int32_t year;                 /* 2025 */
    uint8_t month, day;           /* 1..12, 1..31 */
    uint8_t hour, minute, second; /* 0..23, 0..59, 0..59 */
};

/* Is there such a time? Years 1 to 9999. */
bool civil_valid(const struct civil_time *t);

/* Of a valid time. */
int64_t civil_to_unix(const struct civil_time *t);

/* Of a second within the years 1 to 9999; others are cut to these. */
void civil_from_unix(int64_t seconds, struct civil_time *out);
