/*
 * How bytes of disks, devices and firmware are read and written: at any alignment, in a stated byte order.
 * Whoever reads a structure of the outside world does it with these, never through a cast.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint16_t
get_le16(const void *from)
{
    const uint8_t *p = from;

    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
get_le32(const void *from)
{
    const uint8_t *p = from;

    return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline uint64_t
get_le64(const void *from)
{
    const uint8_t *p = from;

    return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static inline uint16_t
get_be16(const void *from)
{
    return __builtin_bswap16(get_le16(from));
}

static inline uint32_t
get_be32(const void *from)
{
    return __builtin_bswap32(get_le32(from));
}

static inline uint64_t
get_be64(const void *from)
{
    return __builtin_bswap64(get_le64(from));
}

static inline void
put_le16(void *to, uint16_t value)
{
    uint8_t *p = to;

    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void
put_le32(void *to, uint32_t value)
{
    uint8_t *p = to;

    put_le16(p, (uint16_t)value);
    put_le16(p + 2, (uint16_t)(value >> 16));
}

static inline void
put_le64(void *to, uint64_t value)
{
    uint8_t *p = to;

    put_le32(p, (uint32_t)value);
    put_le32(p + 4, (uint32_t)(value >> 32));
}

static inline void
put_be16(void *to, uint16_t value)
{
    put_le16(to, __builtin_bswap16(value));
}

static inline void
put_be32(void *to, uint32_t value)
{
    put_le32(to, __builtin_bswap32(value));
}

static inline void
put_be64(void *to, uint64_t value)
{
    put_le64(to, __builtin_bswap64(value));
}

/* The sum of all bytes, modulo 256. 0: the checksum of an ACPI or PCI firmware structure is right. */
static inline uint8_t
checksum8(const void *from, size_t size)
{
    const uint8_t *p = from;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum;
}
