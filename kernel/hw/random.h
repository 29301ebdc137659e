/*
 * Random bytes nobody can guess: for programs (getrandom, /dev/urandom, AT_RANDOM) and the kernel.
 */
#pragma once
#include <stddef.h>

/* Fill with random bytes. IRQL: <= DISPATCH_LEVEL. */
void random_bytes(void *to, size_t n);
