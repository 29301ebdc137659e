/*
 * What drivers have allocated: every block is known by its address, with its size, kind and who asked for it. So a wrong
 * pointer that is given back is refused, and what a driver leaves behind goes with it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum block_kind { BLOCK_POOL, BLOCK_CONTIGUOUS, BLOCK_IO, BLOCK_MDL, BLOCK_KINDS };

struct block_info {
    void *address;
    size_t size;
    uint32_t tag;
    uint8_t kind;
    uintptr_t caller; /* an address in the driver */
};

/* Note a block. IRQL: <= DISPATCH_LEVEL. Returns: 0 or -ENOMEM. */
int block_add(const struct block_info *b);

/* Forget one of this kind. Returns: false: there is none at this address. IRQL: <= DISPATCH_LEVEL. */
bool block_take(const void *address, enum block_kind kind, struct block_info *out);

/* The block of that kind that holds an address. IRQL: <= DISPATCH_LEVEL. */
bool block_find(const void *address, enum block_kind kind, struct block_info *out);

/* Forget one whose caller lies within these addresses; false: there is none left. IRQL: <= DISPATCH_LEVEL. */
bool block_take_of(uintptr_t start, size_t size, struct block_info *out);
