/*
 * Which functions there are: buses, the bridges between them, and buses that no bridge leads to.
 *
 * Each bus has a zone: the innermost bridge that claims its number, or none. A bridge on bus p is followed only if its
 * range secondary..subordinate lies above p and all of it is in p's own zone: nobody else has claimed a part of it. So
 *
 * I1  a bus is looked at once, whatever the bridges say: loops, overlaps and bridges to bus 0 are refused;
 * I2  numbers grow on the way down, and buses wait in a queue: nothing recurses, and there are 256 at most.
 *
 * When no bus waits, the lowest bus that nobody claims is looked at: further host bridges (expander buses) have no
 * other sign here, since only AML names them.
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"
#include "lib/errno.h"
#include "lib/format.h"

/* Zones of buses behind no bridge. Others: the secondary bus of the innermost bridge. */
enum bus_zone { ZONE_OPEN = PCI_BUSES, ZONE_DONE };

#define HEADER_BRIDGE  1
#define VENDOR_MISSING 0xffff

static uint32_t
read_at(const struct pci_access *a, struct pci_address at, unsigned offset, unsigned width)
{
    return a->ops->read(a->context, at, offset, width);
}

/* Vendor and device of the function at an address, or 0: there is none. 0 also marks what was removed (PCI 3.0, 6.2.1). */
static uint32_t
function_id(const struct pci_access *a, struct pci_address at)
{
    uint32_t id = read_at(a, at, PCI_REG_VENDOR, 4);

    return (id & 0xffff) == VENDOR_MISSING || (id & 0xffff) == 0 ? 0 : id;
}

bool
pci_access_agree(const struct pci_access *a, const struct pci_access *b, uint16_t segment, uint8_t bus)
{
    bool any = false;

    for (unsigned n = 0; n < PCI_DEVICES; n++) {
        struct pci_address at = {segment, bus, (uint8_t)n, 0};
        uint32_t id = function_id(a, at);

        if (id != function_id(b, at))
            return false;
        any |= id != 0;
    }
    return any;
}

static void
function_read(struct pci_device *d, uint32_t id)
{
    uint32_t class_revision = pci_read32(d, PCI_REG_REVISION);

    d->vendor = (uint16_t)id;
    d->device = (uint16_t)(id >> 16);
    d->class_code = class_revision >> 8;
    d->revision = (uint8_t)class_revision;
    d->header = (uint8_t)FIELD_GET(PCI_HEADER_TYPE, pci_read8(d, PCI_REG_HEADER));
    d->line = pci_read8(d, PCI_REG_LINE);
    d->pin = pci_read8(d, PCI_REG_PIN);
    if (d->header == 0) {
        d->subsystem_vendor = pci_read16(d, PCI_REG_SUBSYSTEM_VENDOR);
        d->subsystem = pci_read16(d, PCI_REG_SUBSYSTEM);
    }
    if (d->header == HEADER_BRIDGE) {
        d->primary = pci_read8(d, PCI_REG_PRIMARY);
        d->secondary = pci_read8(d, PCI_REG_SECONDARY);
        d->subordinate = pci_read8(d, PCI_REG_SUBORDINATE);
        pci_windows_read(d);
    }
    if (d->header > 2)
        log_warn("pci: %s: header type %u is not known (PCI 3.0, 6.1)", d->name, d->header);
}

/* Why a bridge is not followed; NULL: it may be. */
static const char *
bridge_fault(const struct pci_scan *s, const struct pci_device *d)
{
    uint16_t zone = s->zone[d->at.bus];

    if (d->secondary == 0)
        return "the firmware gave it no buses";
    if (d->secondary <= d->at.bus)
        return "its buses are not below it";
    if (d->subordinate < d->secondary)
        return "its range is empty";
    for (unsigned bus = d->secondary; bus <= d->subordinate; bus++)
        if (s->zone[bus] != (zone == ZONE_DONE ? ZONE_OPEN : zone))
            return zone < PCI_BUSES && s->zone[bus] >= PCI_BUSES
                       ? "its range is not within that of the bridge above"
                       : "other bridges claim buses of its range";
    return NULL;
}

/* Claim the buses of a bridge, and have the first of them looked at. `kept`: the bridge's entry, or NULL. */
static void
bridge_follow(struct pci_scan *s, const struct pci_device *d, struct pci_device *kept)
{
    const char *fault = bridge_fault(s, d);

    if (fault) {
        log_warn("pci: %s: a bridge to buses %02x..%02x is not followed: %s", d->name, d->secondary,
                 d->subordinate, fault);
        return;
    }
    for (unsigned bus = d->secondary; bus <= d->subordinate; bus++)
        s->zone[bus] = d->secondary;
    if (kept) {
        kept->followed = true;
        s->above[d->secondary] = kept;
        s->queue[s->queued++] = d->secondary;
    }
}

/* Only device 0 is behind a port of PCI Express, unless it forwards to others for functions beyond 7. */
static unsigned
devices_below(const struct pci_device *bridge)
{
    uint16_t cap = bridge ? pci_cap_find(bridge, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE) : 0;
    unsigned flags, type;

    if (!cap)
        return PCI_DEVICES;
    flags = pci_read16(bridge, cap + PCI_PCIE_FLAGS);
    type = FIELD_GET(PCI_PCIE_TYPE, flags);
    if (type != PCI_PCIE_ROOT_PORT && type != PCI_PCIE_DOWNSTREAM_PORT)
        return PCI_DEVICES;
    if (FIELD_GET(PCI_PCIE_VERSION, flags) >= 2 &&
        pci_read16(bridge, cap + PCI_PCIE_DEVCTL2) & PCI_DEVCTL2_ARI)
        return PCI_DEVICES;
    return 1;
}

static void
function_found(struct pci_scan *s, struct pci_address at, uint32_t id)
{
    struct pci_device d = {.access = s->access, .parent = s->above[at.bus], .at = at, .space = PCI_SPACE};
    struct pci_device *kept;

    snprintf(d.name, sizeof(d.name), "%04x:%02x:%02x.%u", at.segment, at.bus, at.device, at.function);
    function_read(&d, id);
    if (s->access->ops->space(s->access->context, at.segment, at.bus) >= PCI_SPACE_EXT &&
        pci_cap_find(&d, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE))
        d.space = PCI_SPACE_EXT;
    pci_caps_check(&d);
    pci_bars_read(&d);
    s->functions++;
    kept = s->keep(s->context, &d);
    if (!kept)
        s->lost++;
    if (d.header == HEADER_BRIDGE)
        bridge_follow(s, &d, kept);
}

static void
bus_scan(struct pci_scan *s, uint8_t bus)
{
    unsigned devices = devices_below(s->above[bus]), before = s->functions;

    for (unsigned device = 0; device < devices; device++) {
        unsigned count = 1;

        for (unsigned function = 0; function < count; function++) {
            struct pci_address at = {s->segment, bus, (uint8_t)device, (uint8_t)function};
            uint32_t id = function_id(s->access, at);

            if (!id)
                continue;
            if (function == 0 && read_at(s->access, at, PCI_REG_HEADER, 1) & PCI_HEADER_MULTI)
                count = PCI_FUNCTIONS;
            function_found(s, at, id);
        }
    }
    s->buses += s->functions > before;
}

void
pci_scan(struct pci_scan *s)
{
    for (unsigned bus = 0; bus < PCI_BUSES; bus++)
        s->zone[bus] = ZONE_OPEN;
    for (unsigned root = 0; root < PCI_BUSES; root++) {
        if (s->zone[root] != ZONE_OPEN ||
            !s->access->ops->space(s->access->context, s->segment, (uint8_t)root))
            continue;
        s->zone[root] = ZONE_DONE;
        bus_scan(s, (uint8_t)root);
        while (s->taken < s->queued)
            bus_scan(s, s->queue[s->taken++]);
    }
}

void
pci_scan_behind(struct pci_scan *s, struct pci_device *bridge)
{
    for (unsigned bus = 0; bus < PCI_BUSES; bus++)
        s->zone[bus] = bus >= bridge->secondary && bus <= bridge->subordinate ? bridge->secondary : ZONE_DONE;
    s->above[bridge->secondary] = bridge;
    s->queue[s->queued++] = bridge->secondary;
    while (s->taken < s->queued)
        bus_scan(s, s->queue[s->taken++]);
}
