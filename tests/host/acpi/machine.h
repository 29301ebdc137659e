/*
 * A machine's memory with ACPI tables in it, for the tests and fuzzers of the ACPI reader.
 *
 * A mapping is a fresh heap block of exactly the size that was asked for: AddressSanitizer sees a byte too far.
 * Memory below 1 MiB is there as zeros; above, only what was put there.
 */
#pragma once
#include <stdlib.h>
#include "kernel/hw/acpi_impl.h"
#include "lib/bytes.h"
#include "lib/field.h"
#include "tests/host/check.h"
#include "tests/host/said.h"

#define SEGMENTS   320
#define LOW_MEMORY 0x100000u

static struct {
    struct segment {
        uint64_t pa;
        size_t size;
        uint8_t *data;
    } segment[SEGMENTS];
    size_t segments;
    unsigned mapped, most; /* mappings now; the most at a time */
} machine;

static inline void
machine_clear(void)
{
    for (size_t i = 0; i < machine.segments; i++)
        free(machine.segment[i].data);
    memset(&machine, 0, sizeof machine);
    memset(&said, 0, sizeof said);
}

/* Put bytes into memory; returns where they are, to change them. */
static inline uint8_t *
machine_put(uint64_t pa, const void *data, size_t size)
{
    struct segment *s = &machine.segment[machine.segments];

    if (machine.segments == SEGMENTS)
        return NULL;
    *s = (struct segment){.pa = pa, .size = size, .data = malloc(size + 1)};
    memcpy(s->data, data, size);
    machine.segments++;
    return s->data;
}

/* Take the bytes of an image as corpus.py makes it. Returns the first segment's pa, 0 if there is none. */
static inline uint64_t
machine_load(const uint8_t *p, size_t size)
{
    while (size >= 12) {
        uint64_t pa = get_le64(p);
        size_t n = get_le32(p + 8);

        if (n > size - 12)
            n = size - 12;
        if (!machine_put(pa, p + 12, n))
            break;
        p += 12 + n;
        size -= 12 + n;
    }
    return machine.segments ? machine.segment[0].pa : 0;
}

static inline bool
machine_has(uint64_t pa, size_t size)
{
    if (pa <= LOW_MEMORY && size <= LOW_MEMORY - pa)
        return true;
    for (size_t i = 0; i < machine.segments; i++) {
        const struct segment *s = &machine.segment[i];

        if (pa >= s->pa && pa - s->pa <= s->size && size <= s->size - (pa - s->pa))
            return true;
    }
    return false;
}

static inline const void *
machine_map(void *context, uint64_t pa, size_t size)
{
    uint8_t *p;

    (void)context;
    if (!size || !machine_has(pa, size))
        return NULL;
    p = calloc(1, size);
    for (size_t i = 0; i < machine.segments; i++) {
        const struct segment *s = &machine.segment[i];

        for (size_t k = 0; k < s->size; k++)
            if (s->pa + k >= pa && s->pa + k - pa < size)
                p[s->pa + k - pa] = s->data[k];
    }
    if (++machine.mapped > machine.most)
        machine.most = machine.mapped;
    return p;
}

static inline void
machine_unmap(void *context, const void *p, size_t size)
{
    (void)context;
    (void)size;
    machine.mapped--;
    free((void *)(uintptr_t)p);
}

static inline int
machine_parse(const uint8_t *rsdp, size_t len, struct acpi_info *out)
{
    static const struct acpi_memory memory = {.map = machine_map, .unmap = machine_unmap};

    return acpi_parse(&memory, rsdp, len, out);
}

/* Make the bytes sum to zero with the one at `at`. */
static inline void
fix_sum(uint8_t *p, size_t size, size_t at)
{
    p[at] = 0;
    p[at] = (uint8_t)-checksum8(p, size);
}

/* A table with a right header around `body`; returns its bytes in memory. Offsets in it count from the header. */
static inline uint8_t *
put_table(uint64_t pa, const char *signature, const void *body, size_t size)
{
    uint8_t *p = calloc(1, ACPI_HEADER + size), *put;

    memcpy(p, signature, 4);
    put_le32(p + ACPI_HEADER_LENGTH, (uint32_t)(ACPI_HEADER + size));
    p[ACPI_HEADER_REVISION] = 3;
    if (size)
        memcpy(p + ACPI_HEADER, body, size);
    fix_sum(p, ACPI_HEADER + size, 9);
    put = machine_put(pa, p, ACPI_HEADER + size);
    free(p);
    return put;
}

/* An XSDT (or RSDT) of these addresses. */
static inline uint8_t *
put_root(uint64_t pa, bool extended, const uint64_t *entries, size_t n)
{
    uint8_t body[8 * SEGMENTS];

    for (size_t i = 0; i < n; i++) {
        if (extended)
            put_le64(body + 8 * i, entries[i]);
        else
            put_le32(body + 4 * i, (uint32_t)entries[i]);
    }
    return put_table(pa, extended ? "XSDT" : "RSDT", body, n * (extended ? 8 : 4));
}

static inline void
make_rsdp(uint8_t p[36], uint32_t rsdt, uint64_t xsdt)
{
    memset(p, 0, 36);
    memcpy(p, "RSD PTR ", 8);
    p[15] = xsdt ? 2 : 0;
    put_le32(p + 16, rsdt);
    fix_sum(p, 20, 8);
    put_le32(p + 20, 36);
    put_le64(p + 24, xsdt);
    fix_sum(p, 36, 32);
}
