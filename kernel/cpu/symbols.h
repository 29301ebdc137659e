/*
 * Names of the kernel's functions, from the table that the second link puts in (boot/symbols.sh).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The function that contains `address`, and the offset in it; NULL outside the kernel's code. Any IRQL. */
const char *symbol_find(uintptr_t address, size_t *offset);

/*
 * Print a backtrace to the log, following frame pointers from rbp; `rip` is its first line. Reads only memory
 * that is mapped. Any IRQL.
 */
void backtrace_print(uintptr_t rip, uintptr_t rbp);
