/* Probe drivers of tests/guest/probe, from /tests/drivers of the image. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "drivers/loader/driver.h"

/* The bytes of a file, in memory for probe_file_free(); NULL after a failed check. */
void *probe_file(const char *path, size_t *size);
void probe_file_free(void *file);

/* Load /tests/drivers/NAME; NULL after a failed check. */
struct driver *probe_load(const char *name);

/* Start it, expecting success; load and start; unload it, expecting success. */
bool probe_start(struct driver *d);
void probe_unload(struct driver *d);

/* An exported variable; NULL after a failed check. */
void *probe_variable(struct driver *d, const char *name);
