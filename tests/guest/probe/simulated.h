/* What the two simulated adapters share. Seen is each one's own: what it records for its test. */
#pragma once
#include "ntdef.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            if (!Seen.checks_failed++)                                                                       \
                Seen.first_failed_line = __LINE__;                                                           \
        }                                                                                                    \
    } while (0)

#define CHECK_ALL_ZERO(memory, size)                                                                         \
    do {                                                                                                     \
        for (ULONG at = 0; at < (size); at++)                                                                \
            CHECK(!((PUCHAR)(memory))[at]);                                                                  \
    } while (0)

static inline ULONG
irql(void)
{
    ULONGLONG level;

    __asm__ volatile("mov %%cr8, %0" : "=r"(level));
    return (ULONG)level;
}

/* As NT's drivers read it (KPRCB.Number). */
static inline ULONG
processor(void)
{
    ULONG number;

    __asm__ volatile("movl %%gs:0x184, %0" : "=r"(number));
    return number;
}
