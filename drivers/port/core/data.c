#include "drivers/port/core/data.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

uint32_t
data_run(const char *va, uint32_t size, uint64_t *pa)
{
    uint64_t last, next;
    uint32_t run;

    if (!size || !space_physical(va, pa))
        return 0;
    run = (uint32_t)MIN(size, PAGE_SIZE - ((uintptr_t)va & (PAGE_SIZE - 1)));
    for (last = *pa; run < size && space_physical(va + run, &next) && next == last + run;)
        run += (uint32_t)MIN(size - run, PAGE_SIZE);
    return run;
}

void
data_read(const struct request_data *d, void *buffer, uint32_t size)
{
    struct data_cursor c = {0};
    uint32_t at = 0, run;
    uint64_t pa;

    for (; at < size && (run = data_next(d, &c, &pa)) != 0; at += run)
        memcpy((char *)buffer + at, phys_to_virt(pa), MIN(run, size - at));
}

void
data_write(const struct request_data *d, const void *buffer, uint32_t size)
{
    struct data_cursor c = {0};
    uint32_t at = 0, run;
    uint64_t pa;

    for (; at < size && (run = data_next(d, &c, &pa)) != 0; at += run)
        memcpy(phys_to_virt(pa), (const char *)buffer + at, MIN(run, size - at));
}

int
bounce_add(struct bounce_pool *p, size_t size, const struct dma_limits *limits)
{
    int err = p->count < BOUNCE_MAX ? dma_alloc(size, limits, &p->buffer[p->count]) : -ENOSPC;

    if (!err)
        __atomic_store_n(&p->count, p->count + 1, __ATOMIC_RELEASE);
    return err;
}

void
bounce_free(struct bounce_pool *p)
{
    while (p->count)
        dma_free(&p->buffer[--p->count]);
}

int
bounce_take(struct bounce_pool *p)
{
    uint32_t count = __atomic_load_n(&p->count, __ATOMIC_ACQUIRE);

    for (unsigned n = 0; n < count; n++)
        if (!(__atomic_fetch_or(&p->busy, 1u << n, __ATOMIC_ACQ_REL) & 1u << n)) {
            __atomic_fetch_add(&p->used, 1, __ATOMIC_RELAXED);
            return (int)n;
        }
    return -1;
}

void
bounce_put(struct bounce_pool *p, int n)
{
    __atomic_fetch_and(&p->busy, ~(1u << n), __ATOMIC_RELEASE);
}
