/* An image in memory: mapped, bound, protected. For driver.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "drivers/loader/pe.h"
#include "lib/list.h"

struct driver;

/* A driver that another one imports from. */
struct driver_use {
    struct list link;
    struct driver *used;
};

/*
 * What an import resolves to: a list of the kernel's, or what a loaded driver exports, then noted in `uses` (struct driver_use,
 * with a reference) if that is not NULL. The drivers' mutex is held.
 * Returns: NULL: nothing; also when there was no memory for the note
 */
const void *image_resolve(const char *library, const char *name, uint16_t ordinal, struct list *uses);

/*
 * Memory for the image at which it will run: mapped, relocated, bound; the cookie and the guard pointers set; then protected
 * as the sections ask for. PASSIVE_LEVEL, the drivers' mutex held.
 * Returns: 0 and *image for image_free(); -ENOEXEC, -ENOENT, -ENOMEM and why[DRIVER_WHY]
 */
int image_load(const char *name, const struct pe *pe, uint8_t **image, struct list *uses, char *why);
void image_free(const struct pe *pe, uint8_t *image);
void image_uses_drop(struct list *uses);
