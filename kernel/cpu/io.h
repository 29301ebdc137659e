/*
 * Ports and device memory: the only way to touch either. Accesses are of the width named, in program order
 * with each other; a pointer to device memory comes from space_map_device() and leaves these functions
 * never as volatile.
 *
 * IRQL: any. Locks: none.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PORT_ACCESSORS(bits, suffix)                                                                         \
    static inline uint##bits##_t port_read##bits(uint16_t port)                                              \
    {                                                                                                        \
        uint##bits##_t v;                                                                                    \
        __asm__ volatile("in" suffix " %1, %0" : "=a"(v) : "Nd"(port) : "memory");                           \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void port_write##bits(uint16_t port, uint##bits##_t v)                                     \
    {                                                                                                        \
        __asm__ volatile("out" suffix " %0, %1" ::"a"(v), "Nd"(port) : "memory");                            \
    }
PORT_ACCESSORS(8, "b")
PORT_ACCESSORS(16, "w")
PORT_ACCESSORS(32, "l")

/* All bytes to one port, in order. */
static inline void
port_write_bytes(uint16_t port, const void *bytes, size_t n)
{
    __asm__ volatile("rep outsb" : "+S"(bytes), "+c"(n) : "d"(port) : "memory");
}

#define MMIO_ACCESSORS(bits, suffix)                                                                         \
    static inline uint##bits##_t mmio_read##bits(const void *base, uint32_t offset)                          \
    {                                                                                                        \
        uint##bits##_t v;                                                                                    \
        __asm__ volatile("mov" suffix " %1, %0"                                                              \
                         : "=r"(v)                                                                           \
                         : "m"(*(const volatile uint##bits##_t *)((const char *)base + offset))              \
                         : "memory");                                                                        \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void mmio_write##bits(void *base, uint32_t offset, uint##bits##_t v)                       \
    {                                                                                                        \
        __asm__ volatile("mov" suffix " %1, %0"                                                              \
                         : "=m"(*(volatile uint##bits##_t *)((char *)base + offset))                         \
                         : "r"(v)                                                                            \
                         : "memory");                                                                        \
    }
MMIO_ACCESSORS(8, "b")
MMIO_ACCESSORS(16, "w")
MMIO_ACCESSORS(32, "l")
MMIO_ACCESSORS(64, "q")
