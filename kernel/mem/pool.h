/*
 * Small objects of the kernel: slabs of power-of-two-ish sizes, larger ones in whole frames.
 *
 * Every allocation carries a tag of four characters, POOL_TAG('a','h','c','i'), under which its bytes and
 * count are accounted. Debug builds put red zones around objects, fill freed ones with 0xdd and check both:
 * a violation is a panic that names tag, address and caller.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define POOL_TAG(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/*
 * At least `size` bytes (size 0: as 1), aligned to 16; from 4096 on page-aligned; physically contiguous (so 4 MiB
 * at most). Undefined contents (pool_alloc) or zeros (pool_zalloc).
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: the address, or NULL
 */
void *pool_alloc(size_t size, uint32_t tag);
void *pool_zalloc(size_t size, uint32_t tag);

/* Give back; NULL is allowed. The tag must be the one of the allocation (checked in debug builds). */
void pool_free(void *p, uint32_t tag);

/* Usable bytes of an allocation: at least what was asked for; in debug builds exactly that. */
size_t pool_size(const void *p);

struct pool_tag_stats {
    uint32_t tag;
    uint64_t objects, bytes; /* live */
    uint64_t allocations;    /* ever */
};

/* Debug builds: accounting by tag, for each tag in use. Other builds: the totals under tag 0. */
void pool_for_each_tag(void (*show)(void *context, const struct pool_tag_stats *s), void *context);

/* Live bytes and objects, all tags. */
void pool_totals(uint64_t *objects, uint64_t *bytes);

/* Check every red zone and poisoned object (debug builds). Panics on damage. IRQL: <= DISPATCH_LEVEL */
void pool_check(void);

/* Give the empty slabs that are kept back to the frame allocator (tests, low memory). IRQL: <= DISPATCH_LEVEL */
void pool_drain(void);
