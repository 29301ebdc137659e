/*
 * The list of functions, their owners, and their BARs.
 */
#include "kernel/hw/pci.h"
#include "kernel/console/log.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/hw/pci_impl.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "lib/string.h"

#define TAG POOL_TAG('p', 'c', 'i', ' ')

static struct list devices =
    LIST_INIT(devices);  /* readers take no lock: entries are added, and never taken away */
static unsigned entries; /* [I] but while functions are being listed */

static struct pci_world
pci_world(void)
{
    return (struct pci_world){
        .devices = &devices, .address_bits = cpu_physical_bits(), .is_memory = mem_overlaps};
}

#define assert_owned(d) DEBUG_ASSERT(__atomic_load_n(&(d)->owner, __ATOMIC_RELAXED))

/* -- finding */

static uint64_t
address_order(struct pci_address a)
{
    return (uint64_t)a.segment << 32 | (uint64_t)a.bus << 16 | (uint64_t)a.device << 8 | a.function;
}

static void
presence_set(struct pci_device *d, enum pci_presence p)
{
    __atomic_store_n(&d->presence, p, __ATOMIC_RELEASE);
}

static enum pci_presence
presence(const struct pci_device *d)
{
    return __atomic_load_n(&d->presence, __ATOMIC_ACQUIRE);
}

/* Who follows the list meanwhile sees the new entry whole, or not at all. */
static struct pci_device *
entry_new(struct list *behind, const struct pci_device *found)
{
    struct pci_device *d = entries < PCI_FUNCTIONS_MAX ? pool_alloc(sizeof(*d), TAG) : NULL;

    if (!d)
        return NULL;
    entries++;
    *d = *found;
    d->link = (struct list){.next = behind->next, .prev = behind};
    presence_set(d, PCI_LISTING);
    behind->next->prev = &d->link;
    __atomic_store_n(&behind->next, &d->link, __ATOMIC_RELEASE);
    return d;
}

/* The entry of a function that was there before. */
static struct pci_device *
entry_again(struct pci_device *d, const struct pci_device *found)
{
    struct list link = d->link;

    if (presence(d) != PCI_ABSENT || __atomic_load_n(&d->owner, __ATOMIC_ACQUIRE))
        return NULL;
    *d = *found;
    d->link = link;
    presence_set(d, PCI_LISTING);
    return d;
}

/* For pci_scan(). The context counts what is kept. */
static struct pci_device *
device_keep(void *context, const struct pci_device *found)
{
    struct list *behind = devices.prev;
    unsigned *count = context;
    struct pci_device *d;

    while (behind != &devices &&
           address_order(list_entry(behind, struct pci_device, link)->at) > address_order(found->at))
        behind = behind->prev;
    d = list_entry(behind, struct pci_device, link);
    if (behind != &devices && address_order(d->at) == address_order(found->at))
        d = entry_again(d, found);
    else
        d = entry_new(behind, found);
    *count += d != NULL;
    return d;
}

/* Segment n comes after those below it that a range of MCFG names; segment 0 is always there. Returns: none left: false */
static bool
segment_next(const struct pci_segment *segments, size_t count, uint32_t *segment)
{
    uint32_t next = UINT32_MAX;

    for (size_t i = 0; i < count; i++)
        if (segments[i].segment > *segment)
            next = segments[i].segment < next ? segments[i].segment : next;
    *segment = next;
    return next != UINT32_MAX;
}

static void
devices_show(void)
{
    struct pci_device *d;

    list_for_each_entry(d, &devices, link) {
        presence_set(d, PCI_PRESENT);
        log_debug("pci: %s %04x:%04x class %06x", d->name, d->vendor, d->device, d->class_code);
    }
}

int
pci_init(const struct pci_segment *segments, size_t count)
{
    const char *how;
    unsigned kept = 0, found = 0, buses = 0;
    uint32_t segment = 0;
    struct pci_scan *s;
    const struct pci_access *access = pci_config_init(segments, count, &how);

    assert_irql(PASSIVE_LEVEL);
    if (!access) {
        log_warn("pci: no configuration space: neither memory (MCFG) nor ports");
        return -ENODEV;
    }
    s = pool_alloc(sizeof(*s), TAG);
    if (!s)
        return -ENOMEM;
    do {
        memset(s, 0, sizeof(*s));
        s->access = access;
        s->segment = (uint16_t)segment;
        s->keep = device_keep;
        s->context = &kept;
        pci_scan(s);
        found += s->functions;
        buses += s->buses;
    } while (segment_next(segments, count, &segment));
    pool_free(s, TAG);
    devices_show();
    log_info("pci: %u function%s on %u bus%s, configuration through %s", kept, kept == 1 ? "" : "s", buses,
             buses == 1 ? "" : "es", how);
    if (kept == found)
        return 0;
    log_err("pci: %u functions more are not listed: no memory, or more than %u", found - kept,
            PCI_FUNCTIONS_MAX);
    return -ENOMEM;
}

static bool
device_matches(const struct pci_device *d, const struct pci_match *m)
{
    return (m->vendor == PCI_ANY || m->vendor == d->vendor) &&
           (m->device == PCI_ANY || m->device == d->device) &&
           (d->class_code & m->class_mask) == (m->class_code & m->class_mask);
}

struct pci_device *
pci_next(struct pci_device *after, const struct pci_match *match)
{
    struct list *link = after ? &after->link : &devices;

    while ((link = __atomic_load_n(&link->next, __ATOMIC_ACQUIRE)) != &devices) {
        struct pci_device *d = list_entry(link, struct pci_device, link);

        if (presence(d) <= PCI_REMOVED && (!match || device_matches(d, match)))
            return d;
    }
    return NULL;
}

struct pci_device *
pci_find(struct pci_address at)
{
    struct pci_device *d = NULL;

    while ((d = pci_next(d, NULL)))
        if (address_order(d->at) == address_order(at))
            return d;
    return NULL;
}

/* -- functions that come and go */

static bool
is_behind(const struct pci_device *d, const struct pci_device *bridge)
{
    while (d && d != bridge)
        d = d->parent;
    return d != NULL;
}

int
pci_list_behind(struct pci_device *bridge)
{
    const struct pci_world world = pci_world();
    struct pci_scan *s = pool_zalloc(sizeof(*s), TAG);
    unsigned found, kept = 0;
    struct pci_device *d;

    assert_irql(PASSIVE_LEVEL);
    if (!s)
        return -ENOMEM;
    s->access = bridge->access;
    s->segment = bridge->at.segment;
    s->keep = device_keep;
    s->context = &kept;
    pci_scan_behind(s, bridge);
    found = s->functions;
    pool_free(s, TAG);
    list_for_each_entry(d, &devices, link)
        if (presence(d) == PCI_LISTING) {
            pci_assign(d, &world);
            presence_set(d, PCI_PRESENT);
        }
    return kept == found ? (int)found : -ENOMEM;
}

struct pci_device *
pci_last_behind(const struct pci_device *bridge)
{
    struct pci_device *d = NULL, *last = NULL;

    while ((d = pci_next(d, NULL)))
        if (d != bridge && is_behind(d, bridge))
            last = d;
    return last;
}

void
pci_unlist(struct pci_device *d)
{
    presence_set(d, PCI_ABSENT);
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        d->bar[bar].address = 0; /* others may have it */
}

/* -- owning */

int
pci_claim(struct pci_device *d, const char *owner)
{
    const char *nobody = NULL;

    if (presence(d) != PCI_PRESENT)
        return -ENODEV;
    return __atomic_compare_exchange_n(&d->owner, &nobody, owner, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
               ? 0
               : -EBUSY;
}

void
pci_release(struct pci_device *d, const char *owner)
{
    DEBUG_ASSERT(__atomic_load_n(&d->owner, __ATOMIC_RELAXED) == owner && d->irq_mode == PCI_IRQ_LINE);
    __atomic_store_n(&d->owner, NULL, __ATOMIC_RELEASE);
}

/* -- BARs */

static int
bar_check(const struct pci_device *d, unsigned bar)
{
    const struct pci_world world = pci_world();

    return pci_bar_check(d, bar, &world);
}

int
pci_map_part(const struct pci_device *d, unsigned bar, uint64_t offset, uint64_t size, void **va)
{
    int err = bar_check(d, bar);

    if (err)
        return err;
    if (d->bar[bar].kind != PCI_BAR_MEMORY)
        return -EINVAL;
    *va = space_map_device(d->bar[bar].address + offset, size);
    return *va ? 0 : -ENOMEM;
}

static void
rom_enable(struct pci_device *d, bool on)
{
    unsigned offset = pci_bar_register(d, PCI_ROM);
    uint32_t value = pci_read32(d, offset);

    pci_write32(d, offset, on ? value | PCI_ROM_ENABLE : value & ~PCI_ROM_ENABLE);
}

int
pci_map_bar(struct pci_device *d, unsigned bar, void **va, uint64_t *size)
{
    int err;

    assert_irql(PASSIVE_LEVEL);
    assert_owned(d);
    if (bar >= PCI_BARS)
        return -ENOENT;
    err = pci_map_part(d, bar, 0, d->bar[bar].size, va);
    if (err)
        return err;
    *size = d->bar[bar].size;
    if (bar == PCI_ROM)
        rom_enable(d, true);
    return 0;
}

void
pci_unmap_bar(struct pci_device *d, unsigned bar, void *va)
{
    assert_owned(d);
    if (bar == PCI_ROM)
        rom_enable(d, false);
    space_unmap(va);
}

int
pci_port_bar(const struct pci_device *d, unsigned bar, uint16_t *port, uint64_t *size)
{
    int err = bar_check(d, bar);

    if (err)
        return err;
    if (d->bar[bar].kind != PCI_BAR_PORTS)
        return -EINVAL;
    *port = (uint16_t)d->bar[bar].address;
    *size = d->bar[bar].size;
    return 0;
}

/* -- switching on and off */

/* May the function decode what its BARs of a kind claim? The ROM is not on yet. */
static int
kind_check(const struct pci_device *d, enum pci_bar_kind kind)
{
    for (unsigned bar = 0; bar < PCI_ROM; bar++) {
        int err = d->bar[bar].kind == kind ? bar_check(d, bar) : 0;

        if (err)
            return err;
    }
    return 0;
}

int
pci_enable(struct pci_device *d, unsigned flags)
{
    uint16_t command;
    int err;

    assert_irql(PASSIVE_LEVEL);
    assert_owned(d);
    err = pci_power_on(d);
    if (err)
        return err;
    command = pci_read16(d, PCI_REG_COMMAND);
    if (flags & ~command & PCI_COMMAND_IO)
        err = kind_check(d, PCI_BAR_PORTS);
    if (!err && flags & ~command & PCI_COMMAND_MEMORY)
        err = kind_check(d, PCI_BAR_MEMORY);
    if (err)
        return err;
    pci_write16(d, PCI_REG_COMMAND, (uint16_t)(command | flags));
    command = pci_read16(d, PCI_REG_COMMAND);
    if ((command & flags) == flags)
        return 0;
    log_warn("pci: %s: the command register is %04x after %x was set (PCI 3.0, 6.2.2)", d->name, command,
             flags);
    return -EIO;
}

void
pci_disable(struct pci_device *d, unsigned flags)
{
    assert_owned(d);
    pci_write16(d, PCI_REG_COMMAND, (uint16_t)(pci_read16(d, PCI_REG_COMMAND) & ~flags));
}

_Static_assert(PCI_ENABLE_PORTS == PCI_COMMAND_IO && PCI_ENABLE_MEMORY == PCI_COMMAND_MEMORY &&
                   PCI_ENABLE_MASTER == PCI_COMMAND_MASTER,
               "flags of pci_enable() are bits of the command register");
