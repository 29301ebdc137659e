/* Bytes behind a piece of memory that nobody writes, so that who wrote too far is found out. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CANARY_SIZE 16
#define CANARY_BYTE 0xc5

static inline void
canary_set(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = CANARY_BYTE;
}

static inline bool
canary_alive(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != CANARY_BYTE)
            return false;
    return true;
}
