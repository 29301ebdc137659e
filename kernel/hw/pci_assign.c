/*
 * Addresses for a function that has come to a running system: what firmware does for those that are there at boot.
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"

/* A place for the BAR in a window, with nothing in its way; 0: none. It only moves up, so this ends. */
static uint64_t
place_find(struct pci_device *d, unsigned bar, const struct pci_window *w, const struct pci_world *world)
{
    struct pci_bar *b = &d->bar[bar];
    uint64_t at = ALIGN_UP(w->base, b->size), from = w->base;

    while (at >= from && at <= w->limit && w->limit - at >= b->size - 1) {
        const struct pci_device *other;
        unsigned number;

        b->address = at;
        other = pci_bar_overlapped(d, bar, world, &number);
        b->address = 0;
        if (!other)
            return at;
        from = at + 1; /* what claims more than there is leads back */
        at = ALIGN_UP(other->bar[number].address + other->bar[number].size, b->size);
    }
    return 0;
}

static void
address_write(struct pci_device *d, unsigned bar, uint64_t address)
{
    unsigned offset = pci_bar_register(d, bar);

    pci_write32(d, offset, (uint32_t)address);
    if (d->bar[bar].wide)
        pci_write32(d, offset + 4, (uint32_t)(address >> 32));
    d->bar[bar].address = address;
}

static void
bar_assign(struct pci_device *d, unsigned bar, const struct pci_world *world)
{
    const struct pci_device *bridge = d->parent;
    const struct pci_bar *b = &d->bar[bar];
    uint64_t at = 0;

    if (b->kind == PCI_BAR_PORTS) {
        at = place_find(d, bar, &bridge->ports, world);
    } else {
        if (b->wide && b->prefetched) /* Bridge 1.2, 3.2.5.8: only that window may be above 4 GiB */
            at = place_find(d, bar, &bridge->prefetch, world);
        if (!at)
            at = place_find(d, bar, &bridge->memory, world);
    }
    if (at)
        address_write(d, bar, at);
    else
        log_warn("pci: %s: BAR %u: no room for %#lx bytes of %s in the windows of %s", d->name, bar,
                 (unsigned long)b->size, b->kind == PCI_BAR_PORTS ? "ports" : "memory", bridge->name);
}

/* The largest one without an address; PCI_ROM: none. */
static unsigned
largest_missing(const struct pci_device *d, unsigned tried)
{
    unsigned largest = PCI_ROM;

    for (unsigned bar = 0; bar < PCI_ROM; bar++) {
        const struct pci_bar *b = &d->bar[bar];

        if (tried & BIT(bar) || (b->kind != PCI_BAR_PORTS && b->kind != PCI_BAR_MEMORY) || b->address)
            continue;
        if (largest == PCI_ROM || b->size > d->bar[largest].size)
            largest = bar;
    }
    return largest;
}

/* Both ends of a link take payloads of the same size (PCIe 4.0, 7.5.3.4): the port's, if the function can. */
static void
payload_agree(struct pci_device *d)
{
    uint16_t cap = pci_cap_find(d, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE),
             above = pci_cap_find(d->parent, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE);
    unsigned most, size;
    uint16_t control;

    if (!cap || !above)
        return;
    control = pci_read16(d->parent, above + PCI_PCIE_DEVCTL);
    most = FIELD_GET(PCI_DEVCAP_PAYLOAD, pci_read32(d, cap + PCI_PCIE_DEVCAP));
    size = FIELD_GET(PCI_DEVCTL_PAYLOAD, control);
    if (size > most) {
        size = most;
        pci_write16(d->parent, above + PCI_PCIE_DEVCTL,
                    (uint16_t)((control & ~PCI_DEVCTL_PAYLOAD) | FIELD_PUT(PCI_DEVCTL_PAYLOAD, size)));
    }
    control = pci_read16(d, cap + PCI_PCIE_DEVCTL);
    pci_write16(d, cap + PCI_PCIE_DEVCTL,
                (uint16_t)((control & ~PCI_DEVCTL_PAYLOAD) | FIELD_PUT(PCI_DEVCTL_PAYLOAD, size)));
}

void
pci_assign(struct pci_device *d, const struct pci_world *world)
{
    unsigned tried = 0, bar;

    if (!d->parent)
        return;
    while ((bar = largest_missing(d, tried)) != PCI_ROM) {
        tried |= BIT(bar);
        bar_assign(d, bar, world);
    }
    payload_agree(d);
    if (d->pin && d->pin == d->parent->pin && d->at.device == 0)
        d->line = d->parent->line; /* where the port's own line goes (Bridge 1.2, 9.1) */
}
