/*
 * What the kernel's own operations cost, in a kernel built with BENCH=1. Each is done many times between two markers
 * of the same number; tests/bench/bench.py counts the instructions.
 */
#pragma once

/* Run all; a line "bench: ID ROUNDS NAME" to the log for each. PASSIVE_LEVEL. */
void bench_run(void);

/* What the way through a port costs, if there is a driver to measure it with. PASSIVE_LEVEL. */
void bench_driver(void);
