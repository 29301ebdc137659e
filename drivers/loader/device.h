/* What a driver can be bound to: one of these is not NULL. A port's tests use NULL for a device that does not exist. */
#pragma once
#include <stddef.h>
#include "kernel/hw/isa.h"
#include "kernel/hw/pci.h"

struct device {
    struct pci_device *pci;
    struct isa_device *isa;
};

static inline const char *
device_name(const struct device *d)
{
    return d->pci ? d->pci->name : d->isa->name;
}

static inline const char *
device_owner(const struct device *d)
{
    return d->pci ? d->pci->owner : d->isa->owner;
}
