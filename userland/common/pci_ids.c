/*
 * Names of classes, vendors and devices, out of two tables that pci_ids.awk makes from pci.ids at build time.
 *
 *   classes: entries of depth (1 class, 2 subclass, 3 interface), class, subclass, interface, name, 0
 *   vendors: entries of id (16 bits), bytes of devices (16 bits), name, 0, devices:
 *            groups of number of ids, ids (16 bits each), the name they share, 0
 *
 * Numbers are little endian. They are read from start to end: names are for messages, not for the way of a request.
 */
#include <stddef.h>
#include <string.h>
#include "userland/common/pci_ids.h"
#include "pci_ids.inc"

static uint16_t
number(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static const char *
class_find(unsigned depth, uint32_t class_code)
{
    const uint8_t *end = pci_ids_classes + sizeof(pci_ids_classes) - 1;

    for (const uint8_t *p = pci_ids_classes; p < end; p += 4 + strlen((const char *)p + 4) + 1)
        if (p[0] == depth && (uint32_t)(p[1] << 16 | p[2] << 8 | p[3]) == class_code)
            return (const char *)p + 4;
    return NULL;
}

const char *
pci_class_name(uint32_t class_code)
{
    const char *name = class_find(2, class_code & 0xffff00);

    if (!name)
        name = class_find(1, class_code & 0xff0000);
    return name ? name : "unknown class";
}

const char *
pci_interface_name(uint32_t class_code)
{
    return class_find(3, class_code);
}

/* A vendor's entry, or NULL. */
static const uint8_t *
vendor_find(uint16_t vendor)
{
    const uint8_t *end = pci_ids_vendors + sizeof(pci_ids_vendors) - 1;

    for (const uint8_t *p = pci_ids_vendors; p < end;
         p += 4 + strlen((const char *)p + 4) + 1 + number(p + 2))
        if (number(p) == vendor)
            return p;
    return NULL;
}

const char *
pci_vendor_name(uint16_t vendor)
{
    const uint8_t *p = vendor_find(vendor);

    return p ? (const char *)p + 4 : NULL;
}

const char *
pci_device_name(uint16_t vendor, uint16_t device)
{
    const uint8_t *p = vendor_find(vendor), *end;

    if (!p)
        return NULL;
    end = p + 4 + strlen((const char *)p + 4) + 1 + number(p + 2);
    for (p = end - number(p + 2); p < end;) {
        const uint8_t *name = p + 1 + 2 * p[0];

        for (p++; p < name; p += 2)
            if (number(p) == device)
                return (const char *)name;
        p = name + strlen((const char *)name) + 1;
    }
    return NULL;
}
