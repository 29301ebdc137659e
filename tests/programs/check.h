/*
 * What the test programs share: they run on Portolan and, the same binaries, on Linux. A program prints "ok" and
 * ends with 0, or says what failed, where, and ends with 1.
 */
#pragma once
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s does not hold (errno %d, %s)\n", __FILE__, __LINE__, #condition,      \
                    errno, strerror(errno));                                                                 \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* The argument number n as a number, or what it is without. */
static inline long
argument(int argc, char **argv, int n, long otherwise)
{
    return argc > n ? strtol(argv[n], NULL, 0) : otherwise;
}
