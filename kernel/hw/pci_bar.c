/*
 * What a function claims to decode: sizes of its BARs, windows of bridges, and whether a claim can be true.
 *
 * A BAR's size is found by writing all ones: address bits below the size stay 0 (PCI 3.0, 6.2.5.1).
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"
#include "lib/errno.h"

#define CLASS_HOST_BRIDGE 0x0600
#define PORTS_END         0x10000

unsigned
pci_bar_register(const struct pci_device *d, unsigned bar)
{
    static const uint8_t count[] = {6, 2}, rom[] = {PCI_REG_ROM, PCI_REG_BRIDGE_ROM};

    if (d->header >= ARRAY_SIZE(count))
        return 0;
    if (bar == PCI_ROM)
        return rom[d->header];
    return bar < count[d->header] ? PCI_REG_BAR0 + 4 * bar : 0;
}

/* Write `ones` and see which stay. */
static uint32_t
register_probe(struct pci_device *d, unsigned offset, uint32_t ones)
{
    uint32_t old = pci_read32(d, offset), kept;

    pci_write32(d, offset, ones);
    kept = pci_read32(d, offset);
    pci_write32(d, offset, old);
    return kept;
}

/* The size that a mask of writable address bits means: 0 unless these are one run of bits. */
static uint64_t
mask_size(uint64_t mask)
{
    uint64_t size = mask & -mask;

    return is_power_of_two(mask + size) || mask + size == 0 ? size : 0;
}

static void
bar_malformed(struct pci_device *d, unsigned bar, uint64_t kept, const char *why)
{
    d->bar[bar] = (struct pci_bar){.kind = PCI_BAR_MALFORMED, .size = kept};
    log_warn("pci: %s: BAR %u is not usable: of all ones %#lx stay: %s (PCI 3.0, 6.2.5.1)", d->name, bar,
             (unsigned long)kept, why);
}

/* What sizing leaves behind, when nobody sets an address after it: all address bits set. */
static uint64_t
address_given(uint64_t address, uint64_t size, uint64_t last)
{
    return address + (size - 1) == last ? 0 : address;
}

static void
ports_read(struct pci_device *d, unsigned bar, uint32_t value, uint32_t kept)
{
    uint64_t size = mask_size(kept & PCI_BAR_IO_ADDRESS);
    uint32_t last = kept > UINT16_MAX ? UINT32_MAX : UINT16_MAX; /* some keep 16 bits only */

    d->bar[bar] = (struct pci_bar){.kind = PCI_BAR_PORTS,
                                   .address = address_given(value & PCI_BAR_IO_ADDRESS, size, last),
                                   .size = size};
    if (!size)
        bar_malformed(d, bar, kept, "no size");
}

static void
memory_read(struct pci_device *d, unsigned bar, uint32_t value, uint32_t kept)
{
    unsigned type = FIELD_GET(PCI_BAR_TYPE, kept), offset = pci_bar_register(d, bar), high;
    uint64_t address = value & PCI_BAR_ADDRESS, mask = kept & PCI_BAR_ADDRESS, size;

    if (type == PCI_BAR_TYPE_RESERVED) {
        bar_malformed(d, bar, kept, "a reserved type");
        return;
    }
    if (type == PCI_BAR_TYPE_64) {
        high = pci_bar_register(d, bar + 1);
        if (bar + 1 >= PCI_ROM || !high) {
            bar_malformed(d, bar, kept, "64 bits wide, but the last");
            return;
        }
        address |= (uint64_t)pci_read32(d, offset + 4) << 32;
        mask |= (uint64_t)register_probe(d, offset + 4, UINT32_MAX) << 32;
    }
    size = mask_size(mask);
    d->bar[bar] = (struct pci_bar){
        .kind = PCI_BAR_MEMORY,
        .address = address_given(address, size, type == PCI_BAR_TYPE_64 ? UINT64_MAX : UINT32_MAX),
        .size = size,
        .wide = type == PCI_BAR_TYPE_64,
        .prefetched = kept & PCI_BAR_PREFETCH};
    if (!size)
        bar_malformed(d, bar, mask, "no size");
}

static void
bar_read(struct pci_device *d, unsigned bar)
{
    unsigned offset = pci_bar_register(d, bar);
    uint32_t value = pci_read32(d, offset), kept = register_probe(d, offset, UINT32_MAX);

    if (kept == 0)
        return;
    if (kept == UINT32_MAX)
        bar_malformed(d, bar, kept, "no register");
    else if (kept & PCI_BAR_IO)
        ports_read(d, bar, value, kept);
    else
        memory_read(d, bar, value, kept);
}

static void
rom_read(struct pci_device *d)
{
    unsigned offset = pci_bar_register(d, PCI_ROM);
    uint32_t value = pci_read32(d, offset), kept = register_probe(d, offset, PCI_ROM_ADDRESS);
    uint64_t size = mask_size(kept & PCI_ROM_ADDRESS);

    if (kept == 0)
        return;
    if (kept == UINT32_MAX || !size)
        bar_malformed(d, PCI_ROM, kept, "no size");
    else
        d->bar[PCI_ROM] =
            (struct pci_bar){.kind = PCI_BAR_MEMORY,
                             .address = address_given(value & PCI_ROM_ADDRESS, size, UINT32_MAX),
                             .size = size};
}

void
pci_bars_read(struct pci_device *d)
{
    uint16_t command = pci_read16(d, PCI_REG_COMMAND);

    if (!pci_bar_register(d, 0) || d->class_code >> 8 == CLASS_HOST_BRIDGE)
        return;
    pci_write16(d, PCI_REG_COMMAND, (uint16_t)(command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)));
    for (unsigned bar = 0; bar < PCI_ROM && pci_bar_register(d, bar); bar += d->bar[bar].wide ? 2 : 1)
        bar_read(d, bar);
    rom_read(d);
    pci_write16(d, PCI_REG_COMMAND, command);
}

/* A window whose registers are 0 is one that the bridge does not have. */
static struct pci_window
window_make(uint64_t base, uint64_t limit, uint64_t unit)
{
    if (base == 0)
        return (struct pci_window){.base = UINT64_MAX};
    return (struct pci_window){.base = base, .limit = limit | (unit - 1)};
}

static struct pci_window
memory_window(struct pci_device *d, unsigned offset, uint64_t base_high, uint64_t limit_high)
{
    uint32_t both = pci_read32(d, offset);
    uint64_t base = (uint64_t)(both & PCI_MEMORY_WINDOW_ADDRESS) << 16 | base_high << 32;
    uint64_t limit = (uint64_t)(both >> 16 & PCI_MEMORY_WINDOW_ADDRESS) << 16 | limit_high << 32;

    return window_make(base, limit, MiB(1));
}

void
pci_windows_read(struct pci_device *d)
{
    uint16_t ports = pci_read16(d, PCI_REG_IO_BASE);
    uint64_t base = (uint64_t)(ports & PCI_IO_WINDOW_ADDRESS) << 8;
    uint64_t limit = ports & (PCI_IO_WINDOW_ADDRESS << 8);
    bool wide = pci_read16(d, PCI_REG_PREFETCH_BASE) & PCI_PREFETCH_WINDOW_64;

    if (ports & PCI_IO_WINDOW_32) {
        base |= (uint64_t)pci_read16(d, PCI_REG_IO_BASE_HIGH) << 16;
        limit |= (uint64_t)pci_read16(d, PCI_REG_IO_LIMIT_HIGH) << 16;
    }
    d->ports = window_make(base, limit, KiB(4));
    d->memory = memory_window(d, PCI_REG_MEMORY_BASE, 0, 0);
    d->prefetch = memory_window(d, PCI_REG_PREFETCH_BASE,
                                wide ? pci_read32(d, PCI_REG_PREFETCH_BASE_HIGH) : 0,
                                wide ? pci_read32(d, PCI_REG_PREFETCH_LIMIT_HIGH) : 0);
}

/* -- claims */

static bool
window_holds(const struct pci_window *w, const struct pci_bar *b)
{
    return b->address >= w->base && b->address + (b->size - 1) <= w->limit;
}

/* Does the bridge pass accesses to the BAR on? One that decodes subtractively (interface 1) passes on what is left. */
static bool
bridge_passes(const struct pci_device *bridge, const struct pci_bar *b)
{
    if (bridge->header != 1 || bridge->class_code & 1)
        return true;
    if (b->kind == PCI_BAR_PORTS)
        return window_holds(&bridge->ports, b);
    return window_holds(&bridge->memory, b) || window_holds(&bridge->prefetch, b);
}

/* One begins in the other; differences, since the end of one that was not checked may be beyond 2^64. */
static bool
bars_overlap(const struct pci_bar *a, const struct pci_bar *b)
{
    return a->kind == b->kind && (a->address - b->address < b->size || b->address - a->address < a->size);
}

/* Does the function use this BAR's address? A ROM that is off does not. */
static bool
bar_counts(const struct pci_device *d, unsigned bar)
{
    const struct pci_bar *b = &d->bar[bar];

    if (b->kind == PCI_BAR_NONE || b->kind == PCI_BAR_MALFORMED || !b->address)
        return false;
    return bar != PCI_ROM || pci_read32(d, pci_bar_register(d, PCI_ROM)) & PCI_ROM_ENABLE;
}

const struct pci_device *
pci_bar_overlapped(const struct pci_device *d, unsigned bar, const struct pci_world *world, unsigned *number)
{
    const struct pci_device *other;

    list_for_each_entry(other, world->devices, link)
        for (*number = 0; *number < PCI_BARS; ++*number)
            if ((other != d || *number != bar) && bars_overlap(&d->bar[bar], &other->bar[*number]) &&
                bar_counts(other, *number))
                return other;
    return NULL;
}

static int
claim_refuse(const struct pci_device *d, unsigned bar, int err, const char *why)
{
    const struct pci_bar *b = &d->bar[bar];

    log_warn("pci: %s: BAR %u claims %#lx bytes of %s at %#lx: %s", d->name, bar, (unsigned long)b->size,
             b->kind == PCI_BAR_PORTS ? "ports" : "memory", (unsigned long)b->address, why);
    return err;
}

static int
range_check(const struct pci_device *d, unsigned bar, const struct pci_world *world)
{
    const struct pci_bar *b = &d->bar[bar];
    uint64_t end = b->kind == PCI_BAR_PORTS ? PORTS_END : BIT64(world->address_bits);

    if (b->address & (b->size - 1))
        return claim_refuse(d, bar, -ERANGE, "not aligned to its size");
    if (b->size > end || b->address > end - b->size)
        return claim_refuse(d, bar, -ERANGE, "beyond what the processor reaches");
    for (const struct pci_device *up = d->parent; up; up = up->parent)
        if (!bridge_passes(up, b))
            return claim_refuse(d, bar, -ERANGE, "a bridge above does not pass it on");
    return 0;
}

int
pci_bar_check(const struct pci_device *d, unsigned bar, const struct pci_world *world)
{
    const struct pci_device *other;
    const struct pci_bar *b;
    unsigned number;
    int err;

    if (bar >= PCI_BARS || d->bar[bar].kind == PCI_BAR_NONE)
        return -ENOENT;
    b = &d->bar[bar];
    if (b->kind == PCI_BAR_MALFORMED)
        return -EINVAL;
    if (!b->address)
        return claim_refuse(d, bar, -ENXIO, "it has no address");
    err = range_check(d, bar, world);
    if (err)
        return err;
    if (b->kind == PCI_BAR_MEMORY && world->is_memory(b->address, b->size))
        return claim_refuse(d, bar, -EBUSY, "there is memory");
    other = pci_bar_overlapped(d, bar, world, &number);
    if (other) {
        log_warn("pci: %s: BAR %u overlaps BAR %u of %s at %#lx", d->name, bar, number, other->name,
                 (unsigned long)b->address);
        return -EBUSY;
    }
    return 0;
}
