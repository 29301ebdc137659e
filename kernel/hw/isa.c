#include "kernel/hw/isa.h"
#include "kernel/console/log.h"
#include "kernel/cpu/io.h"
#include "kernel/hw/pci.h"
#include "lib/errno.h"
#include "lib/field.h"

#define CLASS_IDE      0x010100u
#define CLASS_SUBCLASS 0xffff00u
#define FLOATING       0xff /* nobody drives the bus */
#define STATUS         7    /* register, from the first port */

/* Addresses and lines that every PC has had since the AT (ATA/ATAPI-4 host adapters, annex). */
static struct isa_device channels[] = {
    {.name = "isa-ide0", .id = "*PNP0600", .range = {{0x1f0, 8}, {0x3f6, 1}}, .line = 14},
    {.name = "isa-ide1", .id = "*PNP0600", .range = {{0x170, 8}, {0x376, 1}}, .line = 15},
};

/* Does a PCI function decode channel n's addresses? Bits 0 and 2 of the interface: in native mode it does not. */
static bool
is_pci(unsigned n)
{
    const struct pci_match ide = {PCI_ANY, PCI_ANY, CLASS_IDE, CLASS_SUBCLASS};

    for (struct pci_device *p = pci_next(NULL, &ide); p; p = pci_next(p, &ide))
        if (!(p->class_code & 1u << 2 * n))
            return true;
    return false;
}

void
isa_init(void)
{
    for (unsigned n = 0; n < ARRAY_SIZE(channels); n++) {
        struct isa_device *d = &channels[n];

        d->found = !is_pci(n) && port_read8((uint16_t)(d->range[0].start + STATUS)) != FLOATING;
        if (d->found)
            log_debug("isa: %s answers at port %#x", d->name, d->range[0].start);
    }
}

struct isa_device *
isa_next(struct isa_device *after)
{
    for (struct isa_device *d = after ? after + 1 : channels; d < channels + ARRAY_SIZE(channels); d++)
        if (d->found)
            return d;
    return NULL;
}

int
isa_claim(struct isa_device *d, const char *owner)
{
    const char *nobody = NULL;

    return __atomic_compare_exchange_n(&d->owner, &nobody, owner, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)
               ? 0
               : -EBUSY;
}

void
isa_release(struct isa_device *d)
{
    __atomic_store_n(&d->owner, NULL, __ATOMIC_RELEASE);
}
