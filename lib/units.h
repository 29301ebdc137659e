/*
 * Amounts as people read them, for messages: log_info("mem: %s free", units_bytes(n).text).
 * Three digits (1000 to 1023 have four), rounded down, so that nothing is said to be more than it is.
 */
#pragma once
#include <stdint.h>

struct units {
    char text[24]; /* lives until the end of the full expression that made it */
};

struct units units_bytes(uint64_t bytes); /* "512 B", "12.5 MiB", "6 GiB" */
struct units units_ns(uint64_t ns);       /* "800 ns", "3.21 ms", "95 s" */
