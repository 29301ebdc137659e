/* The parts of the clock: clock_source.c (counters), clock_measure.c (calibration, pure). */
#pragma once
#include <stdint.h>
#include "kernel/hw/clock.h"

/* Find the counters of the board. */
void clock_source_init(const struct acpi_info *info);

/* What is measured, and against what. */
struct clock_bench {
    const struct clock_source *reference;
    uint64_t (*tsc)(void);
    uint32_t (*timer_left)(void); /* counts down; NULL: there is no timer */
    void (*relax)(void);          /* called while waiting */
};

struct clock_measured {
    uint64_t tsc_hz, timer_hz; /* timer_hz 0: it stands still, or there is none */
    unsigned rounds;
    uint64_t spread; /* difference of the two rounds that agree best, in parts per million */
};

/*
 * Measure in rounds of 10 ms, until two of them agree to 500 ppm, at most CLOCK_ROUNDS.
 * Returns: 0; -EAGAIN if none agree (*out is the median then); -EIO if no round was of use: the reference stands
 *          still, takes too long to read, or makes the TSC run at a speed that no processor has
 */
#define CLOCK_ROUNDS  8
#define CLOCK_AGREE   500
#define CLOCK_TSC_MIN UINT64_C(100000000) /* Hz */
#define CLOCK_TSC_MAX UINT64_C(10000000000)
int clock_measure(const struct clock_bench *b, struct clock_measured *out);
