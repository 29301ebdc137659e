/*
 * Device registers watched without the driver's help: their pages are taken away, so that each access faults; it is noted, made by
 * a single step with the page in place, and the page is taken away again. Another processor's access in that one step is not seen.
 * What an instruction moved is known of the usual loads and stores (MOV, MOVZX, MOVSX); of others only where and how much.
 */
#pragma once
#include <stdint.h>

#define WATCHES_MAX 32

struct watch_range {
    uintptr_t va; /* any alignment; of space_map_device(), in pages of 4 KiB */
    uint64_t size;
    uint64_t name; /* of the events: trace_name() */
    uint8_t range; /* of the events */
};

/* PASSIVE_LEVEL; the ranges stay mapped until watch_end(). Those in large pages are left alone. */
void watch_init(void);
void watch_begin(const struct watch_range *ranges, unsigned count);
void watch_end(void);

/* Registers that have just been mapped: watched from now on, if anybody watches. PASSIVE_LEVEL. */
void watch_add(const struct watch_range *range);

/* Registers are about to be unmapped: they are watched no more. PASSIVE_LEVEL. */
void watch_forget(const void *va, uint64_t size);
