/* A small physical memory with boot information in it, for the test and the fuzzer of boot/bootinfo.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MEMORY_BASE 0x10000
#define MEMORY_SIZE 0x4000

static uint8_t memory[MEMORY_SIZE];

static const void *
memory_at(uint64_t pa, size_t size)
{
    if (pa < MEMORY_BASE || size > MEMORY_SIZE || pa - MEMORY_BASE > MEMORY_SIZE - size)
        return NULL;
    return memory + (pa - MEMORY_BASE);
}
