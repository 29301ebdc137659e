/*
 * Loaded driver images: from the bytes of a .sys to a DriverEntry that has returned, and back.
 *
 * Life: driver_load() maps, relocates, binds and protects an image, driver_start() calls its DriverEntry, which registers with
 * a port; what the port then makes of it holds references. driver_unload() refuses while there are any.
 *
 * Locks: one mutex for the list and all changes of state; what runs at raised IRQL only reads ranges of addresses.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "drivers/ddk/wdm.h"
#include "drivers/loader/gate.h"
#include "drivers/loader/pe.h"
#include "lib/list.h"

#define DRIVER_NAME_MAX 64
#define DRIVER_WHY      512 /* room for a reason */

enum driver_state {
    DRIVER_LOADED,  /* bound, DriverEntry not called */
    DRIVER_STARTED, /* DriverEntry returned success */
    DRIVER_REFUSED, /* it did not, or a call went wrong: only driver_unload() is left */
};

struct device;

/* What a port has registered for a driver (its DriverEntry called *PortInitialize). All at PASSIVE_LEVEL. */
struct port_registration {
    const char *port;  /* "ataport" */
    const char *needs; /* a driver in /drivers that must be loaded before add(); NULL: none */
    void *data;
    void (*unload)(struct driver *d, void *data); /* the driver goes; nothing of it is in use */
    /* A device (device.h) for this driver: claims it and starts an adapter. Returns 0 or -errno and why[DRIVER_WHY]. */
    int (*add)(struct driver *d, void *data, const struct device *dev, char *why);
    /* Stops the adapter and gives the device back. Returns 0 or -errno and why: it stays. */
    int (*remove)(struct driver *d, void *data, const struct device *dev, char *why);
    /* Stops it and starts it again, with what is on it. The same; NULL: cannot. */
    int (*restart)(struct driver *d, void *data, const struct device *dev, char *why);
    /* Of a driver that looks for its devices itself, in its DriverEntry: that has succeeded; what it found goes away. NULL: none */
    void (*started)(struct driver *d, void *data);
    void (*leave)(struct driver *d, void *data);
};

/* [I] fixed when loaded   [m] the drivers' mutex   [a] atomic */
struct driver {
    struct list link;              /* [m] */
    char name[DRIVER_NAME_MAX];    /* [I] "ahci.sys" */
    char service[DRIVER_NAME_MAX]; /* [I] "ahci": its key in the registry */
    uint8_t *image;                /* [I] */
    struct pe pe;                  /* [I] without the file */
    uint16_t version[4];           /* [I] */
    bool has_version;              /* [I] */
    uint8_t state;                 /* [m] enum driver_state */
    uint32_t status;               /* [m] NTSTATUS of DriverEntry */
    uint32_t refs;                 /* [a] adapters, and drivers that import from it */
    uint32_t found;                /* [a] of these: adapters that it has found itself */
    struct gate gate;              /* DriverEntry, DPCs, timers */
    struct port_registration port; /* [m] set while DriverEntry runs; port.port NULL: none */
    DRIVER_OBJECT object;          /* what DriverEntry is given */
    DRIVER_EXTENSION extension;
    UNICODE_STRING registry_path;
    WCHAR path_text[DRIVER_NAME_MAX + 64], name_text[DRIVER_NAME_MAX + 16];
    struct list imports_from; /* [I] struct driver_use: drivers whose exports it is bound to */
};

/*
 * Boot, once, when threads run. came() is called before each driver is loaded. gone() is told of each image that is about
 * to be freed: nothing of it runs any more, and what it left (timers, memory) is to go with it. PASSIVE_LEVEL.
 */
void drivers_init(void (*came)(void), void (*gone)(const void *start, size_t size));

/*
 * Map, relocate and bind an image. The file's bytes are not needed after. name: "ahci.sys"; service: NULL: the name without
 * its suffix.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0 and *out. -ENOEXEC: not an image for us; -ENOENT: imports are missing, each one named in the log and in why;
 *          -EEXIST: there is one of that name; -ENOMEM; always with why[DRIVER_WHY] filled
 */
int driver_load(const char *name, const char *service, const void *file, size_t size, struct driver **out,
                char *why);

/*
 * Call DriverEntry, on a system thread of its own.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EIO and why: it returned an error, or went wrong; -EALREADY
 */
int driver_start(struct driver *d, char *why);

/* Returns: 0: *d is gone; -EBUSY and why: it is in use. PASSIVE_LEVEL. */
int driver_unload(struct driver *d, char *why);

/* The same by its name: no other unload comes between. Also -ENOENT. */
int driver_unload_named(const char *name, char *why);

/* PASSIVE_LEVEL. driver_find() takes a reference; driver_put() gives it back. name with or without ".sys". */
struct driver *driver_find(const char *name);
void driver_get(struct driver *d);
void driver_put(struct driver *d);
void drivers_for_each(void (*show)(void *context, struct driver *d), void *context);

/* For a port's *PortInitialize: the driver whose DriverEntry runs and was given this object; NULL: there is none such. */
struct driver *driver_of_object(const void *object);

/* The driver whose image holds an address; NULL: none. IRQL: >= DISPATCH_LEVEL, or it is known that it stays. */
struct driver *driver_at(uintptr_t address);

/* "ahci.sys+0x1234", "kernel_function+0x12", or the number. Any IRQL. */
void driver_place(uintptr_t address, char *text, size_t size);

/*
 * What a file is: headers, sections, imports and which of them resolve; line() gets one text at a time. PASSIVE_LEVEL.
 * Returns: 0; -ENOEXEC, after a line that says why; -ENOMEM
 */
int driver_describe(const void *file, size_t size, void (*line)(void *context, const char *text),
                    void *context);
