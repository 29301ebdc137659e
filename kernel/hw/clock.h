/*
 * What time it is: calibration of the processor's clocks at boot, the counters they are measured against, and
 * the time of day. The time since boot itself is time_now() in kernel/cpu/tsc.h.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct acpi_info;

/* A counter of the board with a known frequency. It counts up and wraps. */
struct clock_source {
    const char *name;
    uint64_t hz;
    uint64_t mask;          /* highest value; 2^n - 1 */
    uint64_t (*read)(void); /* any IRQL */
};

/*
 * Find the counters, measure the frequencies of TSC and local APIC timer (some 20 ms, 100 ms at most), read the
 * time of day. Nothing here can fail for good: what cannot be measured is assumed, with a message.
 * IRQL:    PASSIVE_LEVEL; once, on the boot processor, after irq_init()
 */
void clock_init(const struct acpi_info *info);

/* The i-th counter of this board, best first; NULL: there are no more. */
const struct clock_source *clock_source_at(size_t i);

/* Nanoseconds from one value of a counter to a later one, less than a wrap apart. */
uint64_t clock_source_ns(const struct clock_source *s, uint64_t from, uint64_t to);

/*
 * Nanoseconds since 1970-01-01 00:00 UTC. The real-time clock was read once, at boot, and tells seconds only:
 * this can be up to a second late. Any IRQL.
 */
uint64_t wall_clock_now(void);

/* Set it. The board's real-time clock stays as it is. Any IRQL. */
void wall_clock_set(uint64_t ns);
