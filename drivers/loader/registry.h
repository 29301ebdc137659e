/*
 * Parameters of services and devices: a small registry in memory, filled from INF files and by the ports' routines. Keys are
 * paths below CurrentControlSet, "Services\ahci\Parameters"; keys and names are compared without regard to case. Texts
 * are kept as bytes with their NUL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum registry_type { /* as the WDK numbers them */
                     REGISTRY_NONE,
                     REGISTRY_SZ,
                     REGISTRY_EXPAND_SZ,
                     REGISTRY_BINARY,
                     REGISTRY_DWORD,
                     REGISTRY_MULTI_SZ = 7,
};

#define REGISTRY_KEY_MAX    200
#define REGISTRY_NAME_MAX   100
#define REGISTRY_DATA_MAX   4096
#define REGISTRY_VALUES_MAX 4096 /* in all: what drivers write is bounded */

/* Boot, once. */
void registry_init(void);

/* Make or replace a value. PASSIVE_LEVEL. Returns: 0; -EINVAL: too long; -ENOSPC: too many values; -ENOMEM. */
int registry_set(const char *key, const char *name, uint32_t type, const void *data, size_t size);

/* A value: up to `room` bytes of it. PASSIVE_LEVEL. Returns: its size, perhaps more than room; -ENOENT. type may be NULL. */
long registry_get(const char *key, const char *name, uint32_t *type, void *data, size_t room);

/* A number; `otherwise` if there is none of type DWORD. PASSIVE_LEVEL. */
uint32_t registry_dword(const char *key, const char *name, uint32_t otherwise);

/* All values by key and name; show() must not call the registry. PASSIVE_LEVEL. */
void registry_for_each(void (*show)(void *context, const char *key, const char *name, uint32_t type,
                                    const void *data, size_t size),
                       void *context);
