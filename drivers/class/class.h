/*
 * Class drivers: disks and CDs, whatever port serves them. They turn block requests into SCSI commands (SBC-3, MMC-6) and
 * sense data into errors.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What is known of a disk or CD, for `disks`. Texts live during the call. */
struct class_facts {
    const char *name, *path, *driver, *device, *vendor, *model, *revision, *serial;
    uint64_t size; /* bytes; 0: no medium */
    uint32_t block_size, physical_size, depth;
    bool is_cd, read_only, removable, has_cache, can_discard;
};

/* Boot, once, after block_init() and before drivers are bound. */
void class_init(void);

/* Calls show() for each. PASSIVE_LEVEL. */
void class_for_each(void (*show)(void *context, const struct class_facts *f), void *context);
