/*
 * The counters of gcov, in a kernel built with COVERAGE=1.
 */
#pragma once
#include <stddef.h>

/*
 * Write all counters as lines of text, for tests/lint/gcovdump.py:
 *     gcov: file PATH       the .gcda file that the following lines belong to
 *     gcov: data HEX        its next bytes
 *     gcov: end COUNT       COUNT files were written
 * `put` is called with one whole line at a time, interrupts off. Counters go on counting. PASSIVE_LEVEL.
 */
void coverage_dump(void (*put)(const char *text, size_t size));
