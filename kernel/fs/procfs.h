/*
 * /proc: what the kernel and its processes tell of themselves.
 */
#pragma once

/* Enter what the kernel itself tells. Boot, PASSIVE_LEVEL, after the PCI buses were scanned. Returns 0 or -ENOMEM. */
int proc_system_init(void);
