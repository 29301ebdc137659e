/*
 * Which driver drives which device: the INF files of /drivers, matched against the devices that nobody owns.
 *
 * Kernel options: driver=NAME,... (services or file names: before any other one that serves a device), driver.exclude=NAME,...
 * (not at all), driver.force=DEVICE:FILE (this driver for that device, whatever its INF says; "0000:00:1f.2:/drivers/x.sys").
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct driver;

/* How files are read, handed down by boot/main.c. PASSIVE_LEVEL. */
struct loader_files {
    int (*read)(const char *path, void **bytes, size_t *size); /* 0 or -errno; free() gives the bytes back */
    void (*free)(void *bytes);
    int (*list)(const char *folder, const char *suffix, void (*each)(void *context, const char *path),
                void *context);
};

/* Boot, once. cmdline lives on. */
void bind_init(const struct loader_files *files, const char *cmdline);

/* Read the INF files of a folder. Bad ones are messages, with file and line. PASSIVE_LEVEL. Returns the number read. */
unsigned bind_read_folder(const char *folder);

/* Find a driver for each device without owner and start it. PASSIVE_LEVEL. Returns the number of devices bound. */
unsigned bind_all(void);

/* Start the drivers whose INF file has a [DefaultInstall.Services], or a device of the system itself (ROOT\...). What fails is a message. PASSIVE_LEVEL. */
void bind_load_defaults(void);

/* Load and start a driver's file; its service's name is the file's without suffix. PASSIVE_LEVEL. Returns 0 or -errno and why. */
int bind_load(const char *path, char *why);

/* Give a device to a loaded driver, or take it away from its driver. name as lspci shows it. why[DRIVER_WHY]. */
int bind_device(const char *device, const char *driver, char *why);
int unbind_device(const char *device, char *why);
/* Have its driver stop it and start it again; what is on it stays. */
int restart_device(const char *device, char *why);

/* A function of PCI goes: if a driver has it, take it away. PASSIVE_LEVEL. Returns 0, or the driver's -errno and why. */
struct pci_device;
int unbind_function(struct pci_device *d, char *why);

/* For each device that is bound. */
void bind_for_each(void (*show)(void *context, const char *device, const struct driver *d, const char *id),
                   void *context);
