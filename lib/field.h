/*
 * Bits and fields of registers, and the small arithmetic of sizes. Read and write a field with the same mask:
 *
 *     #define CAP_SLOTS  BITS(12, 8)
 *     slots = FIELD_GET(CAP_SLOTS, cap) + 1;
 *     value = FIELD_PUT(CAP_SLOTS, slots - 1) | CAP_ENABLE;
 *
 * BIT and BITS are 32 bits wide, BIT64 and BITS64 64 bits. MIN and MAX evaluate what they return twice.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n)         (UINT32_C(1) << (n))
#define BITS(hi, lo)   ((UINT32_MAX >> (31 - (hi))) & (UINT32_MAX << (lo)))
#define BIT64(n)       (UINT64_C(1) << (n))
#define BITS64(hi, lo) ((UINT64_MAX >> (63 - (hi))) & (UINT64_MAX << (lo)))

#define FIELD_GET(m, v) (((v) & (m)) / ((m) & -(m)))
#define FIELD_PUT(m, x) (((x) * ((m) & -(m))) & (m))

#define KiB(n) ((uint64_t)(n) << 10)
#define MiB(n) ((uint64_t)(n) << 20)
#define GiB(n) ((uint64_t)(n) << 30)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* clang-format off */
/* `a` is a power of two. The result has the wider type of both. */
#define ALIGN_DOWN(x, a)   ((x) & -(__typeof__((x) + (a)))(a))
#define ALIGN_UP(x, a)     ALIGN_DOWN((x) + ((a) - 1), a)
#define DIV_ROUND_UP(x, d) (((x) + ((d) - 1)) / (d))

/* The structure of which `pointer` points to the member. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
/* clang-format on */

static inline bool
is_power_of_two(uint64_t x)
{
    return x && !(x & (x - 1));
}
