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
