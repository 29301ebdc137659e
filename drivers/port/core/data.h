/*
 * The data of requests: where it is, as a device sees it; and bounce buffers for what a device cannot reach.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/layout.h"
#include "kernel/mem/dma.h"
#include "lib/field.h"

/* All of it lies at va (in the kernel's half, resident), or in pieces (whose sizes add up to size). */
struct request_data {
    void *va; /* NULL: only pieces */
    const struct data_piece *piece;
    uint32_t pieces; /* 0: only va */
    uint32_t size;   /* bytes */
};

/* A place in the data; begins as zero. */
struct data_cursor {
    uint32_t offset; /* bytes from the beginning */
    uint32_t piece;
};

/* How many of the bytes at va follow one another in memory; by the page tables. 0: it is not mapped. Any IRQL. */
uint32_t data_run(const char *va, uint32_t size, uint64_t *pa);

/* The memory behind the next bytes: how many follow one another from *pa on; 0: that was all (or va is not mapped).
 * Any IRQL. */
static inline uint32_t
data_next(const struct request_data *d, struct data_cursor *c, uint64_t *pa)
{
    uint32_t left = d->size - c->offset, run = 0;

    if (!d->pieces) {
        const char *va = (const char *)d->va + c->offset;

        *pa = virt_to_phys(va);
        run = (uintptr_t)va >= DIRECT_MAP_BASE && (uintptr_t)va < DIRECT_MAP_END ? left
                                                                                 : data_run(va, left, pa);
    } else if (c->piece < d->pieces) {
        *pa = d->piece[c->piece].pa;
        run = MIN(d->piece[c->piece].size, left);
        c->piece++;
    }
    c->offset += run;
    return run;
}

/* Where the processor sees all of it in one piece, or NULL. Any IRQL. */
static inline void *
data_va(const struct request_data *d)
{
    return d->pieces == 1 ? phys_to_virt(d->piece[0].pa) : d->pieces ? NULL : d->va;
}

/* `size` bytes of the data to the buffer, or the buffer's to the data. Any IRQL. */
void data_read(const struct request_data *d, void *buffer, uint32_t size);
void data_write(const struct request_data *d, const void *buffer, uint32_t size);

#define BOUNCE_MAX 8

/* Buffers within a device's limits, of one size, reserved when the units appear. */
struct bounce_pool {
    struct dma_buffer buffer[BOUNCE_MAX];
    uint32_t count; /* [a] */
    uint32_t busy;  /* [a] bits: taken */
    uint64_t used;  /* [a] requests whose data went through one */
};

/* All of them; none is taken. PASSIVE_LEVEL */
void bounce_free(struct bounce_pool *p);
