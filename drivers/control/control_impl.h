/* What the files of this folder share. */
#pragma once
#include "drivers/loader/bind.h"

/* Reading files for the loader (files.c). */
extern const struct loader_files control_files;

/* Register the texts of /proc (show.c). Boot, once. Returns 0 or -errno. */
int control_show_init(void);

/* Register /dev/trace (trace.c). Boot, once. Returns 0 or -errno. */
int control_trace_init(void);
