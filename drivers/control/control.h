/*
 * The door from programs to drivers: /dev/drivers takes commands, /proc/drivers, /proc/ports and /proc/registry show what
 * there is. Only boot/main.c calls here.
 *
 * /dev/drivers: what is written is a command, one a write; what is then read is its answer, or why it failed. A failed
 * command is the write's error.
 *     load FILE   unload NAME   bind DEVICE [DRIVER]   unbind DEVICE   info FILE
 */
#pragma once

/* Boot, once, when /dev and /proc are there. cmdline lives on. Returns 0 or -errno. */
int control_init(const char *cmdline);

/* Read /drivers and start what drives a device. PASSIVE_LEVEL. */
void control_bind_all(void);

/* What is done about functions that come to and go from slots, for pci_hotplug_start(). */
struct pci_watcher;
extern const struct pci_watcher control_slots;
