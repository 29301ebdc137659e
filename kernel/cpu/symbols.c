#include "kernel/cpu/symbols.h"
#include "kernel/console/log.h"
#include "kernel/cpu/layout.h"
#include "kernel/cpu/paging.h"

#define BACKTRACE_MAX 32

/* count, `count` offsets from text_start in ascending order, `count` offsets into the names, names */
extern const uint32_t symbol_table[];
extern const char text_start[], text_end[];

const char *
symbol_find(uintptr_t address, size_t *offset)
{
    uint32_t count = symbol_table[0], lo = 0, hi = count;
    const uint32_t *starts = symbol_table + 1;
    const uint32_t *names = starts + count;
    uint32_t at;

    if (address < (uintptr_t)text_start || address >= (uintptr_t)text_end || count == 0)
        return NULL;
    at = (uint32_t)(address - (uintptr_t)text_start);
    while (hi - lo > 1) {
        uint32_t middle = lo + (hi - lo) / 2;

        if (starts[middle] <= at)
            lo = middle;
        else
            hi = middle;
    }
    if (starts[lo] > at)
        return NULL;
    *offset = at - starts[lo];
    return (const char *)(names + count) + names[lo];
}

static void
line_print(uintptr_t address)
{
    size_t offset;
    const char *name = symbol_find(address, &offset);

    if (name)
        log_err("  %016lx %s+%#zx", address, name, offset);
    else
        log_err("  %016lx", address);
}

/* May this be a frame on a kernel stack? Frames lie in the image, the direct map or the dynamic range. */
static bool
frame_plausible(uintptr_t rbp, uintptr_t below)
{
    return rbp > below && rbp - below < 64 * 1024 && rbp % 8 == 0 && rbp >= DIRECT_MAP_BASE;
}

void
backtrace_print(uintptr_t rip, uintptr_t rbp)
{
    uintptr_t below = rbp - 8;

    log_err("backtrace:");
    line_print(rip);
    for (int i = 0; i < BACKTRACE_MAX && frame_plausible(rbp, below); i++) {
        const uintptr_t *frame = (const uintptr_t *)rbp;

        if (!memory_readable(frame, 16) || frame[1] == 0)
            break;
        line_print(frame[1] - 1);
        below = rbp;
        rbp = frame[0];
    }
}
