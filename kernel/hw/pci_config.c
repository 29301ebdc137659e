/*
 * The two ways to configuration space: through memory (ECAM, PCIe 4.0, 7.2.2), and through the ports CF8 and CFC (PCI 3.0,
 * 3.2.2.3.2), which reach 256 bytes of each function of segment 0.
 *
 * What MCFG says is firmware's word: a range is used only if it is not memory, and shows the same functions on its
 * first bus as the ports do, or any at all where the ports do not reach. Buses that no range covers are reached through
 * the ports.
 */
#include "kernel/console/log.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/pci_impl.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/spin.h"
#include "lib/format.h"

#define PORT_ADDRESS   0xcf8
#define PORT_DATA      0xcfc
#define ADDRESS_ENABLE BIT(31)
#define ECAM_MAX       16
#define ECAM_BUS       MiB(1)

static struct ecam {
    uint8_t *base; /* mapped; of first_bus */
    uint16_t segment;
    uint8_t first_bus, last_bus;
} ecams[ECAM_MAX];         /* [I] after pci_config_init() */
static size_t ecam_count;  /* [I] */
static bool ports_work;    /* [I] */
static char how_text[160]; /* [I] */

/* The pair of ports: an address, then its data. */
static spinlock_t ports_lock = SPINLOCK(LOCK_DEVICE, "pci ports");

static uint64_t
ports_select(struct pci_address at, unsigned offset)
{
    uint64_t were_on = spin_lock_interrupts(&ports_lock);

    port_write32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)at.bus << 16 | (uint32_t)at.device << 11 |
                                   (uint32_t)at.function << 8 | (offset & 0xfc));
    return were_on;
}

static uint32_t
ports_read(void *context, struct pci_address at, unsigned offset, unsigned width)
{
    uint64_t were_on = ports_select(at, offset);
    uint16_t port = (uint16_t)(PORT_DATA + offset % 4);
    uint32_t value = width == 1 ? port_read8(port) : width == 2 ? port_read16(port) : port_read32(port);

    spin_unlock_interrupts(&ports_lock, were_on);
    return value;
}

static void
ports_write(void *context, struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
    uint64_t were_on = ports_select(at, offset);
    uint16_t port = (uint16_t)(PORT_DATA + offset % 4);

    if (width == 1)
        port_write8(port, (uint8_t)value);
    else if (width == 2)
        port_write16(port, (uint16_t)value);
    else
        port_write32(port, value);
    spin_unlock_interrupts(&ports_lock, were_on);
}

static unsigned
ports_space(void *context, uint16_t segment, uint8_t bus)
{
    return segment == 0 && ports_work ? PCI_SPACE : 0;
}

/* Is there such a pair of ports? The address register keeps what is written to it. */
static bool
ports_find(void)
{
    uint64_t were_on = spin_lock_interrupts(&ports_lock);
    uint32_t old = port_read32(PORT_ADDRESS);
    bool found;

    port_write32(PORT_ADDRESS, ADDRESS_ENABLE);
    found = port_read32(PORT_ADDRESS) == ADDRESS_ENABLE;
    port_write32(PORT_ADDRESS, old);
    spin_unlock_interrupts(&ports_lock, were_on);
    return found;
}

/* A function's space in memory, or NULL. */
static uint8_t *
ecam_find(struct pci_address at)
{
    for (size_t i = 0; i < ecam_count; i++) {
        const struct ecam *e = &ecams[i];

        if (at.segment == e->segment && at.bus >= e->first_bus && at.bus <= e->last_bus)
            return e->base + (at.bus - e->first_bus) * ECAM_BUS + at.device * KiB(32) + at.function * KiB(4);
    }
    return NULL;
}

static uint32_t
either_read(void *context, struct pci_address at, unsigned offset, unsigned width)
{
    const uint8_t *base = ecam_find(at);

    if (!base)
        return ports_space(context, at.segment, at.bus) ? ports_read(context, at, offset, width) : UINT32_MAX;
    return width == 1   ? mmio_read8(base, offset)
           : width == 2 ? mmio_read16(base, offset)
                        : mmio_read32(base, offset);
}

static void
either_write(void *context, struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
    uint8_t *base = ecam_find(at);

    if (!base && ports_space(context, at.segment, at.bus))
        ports_write(context, at, offset, width, value);
    else if (base && width == 1)
        mmio_write8(base, offset, (uint8_t)value);
    else if (base && width == 2)
        mmio_write16(base, offset, (uint16_t)value);
    else if (base)
        mmio_write32(base, offset, value);
}

static unsigned
either_space(void *context, uint16_t segment, uint8_t bus)
{
    return ecam_find((struct pci_address){segment, bus, 0, 0}) ? PCI_SPACE_EXT
                                                               : ports_space(context, segment, bus);
}

static void
either_sleep_us(void *context, uint32_t us)
{
    thread_sleep(US(us));
}

static const struct pci_config_ops ports_ops = {
    .read = ports_read, .write = ports_write, .space = ports_space};
static const struct pci_config_ops either_ops = {
    .read = either_read, .write = either_write, .space = either_space, .sleep_us = either_sleep_us};

/* Take a range of MCFG into use. Returns NULL, or why it is not. */
static const char *
ecam_add(const struct pci_segment *s)
{
    static const struct pci_access ports = {&ports_ops, NULL}, either = {&either_ops, NULL};
    const struct pci_access *other = ports_space(NULL, s->segment, s->first_bus) ? &ports : &either;
    uint64_t pa = s->ecam_pa + s->first_bus * ECAM_BUS, size;

    if (ecam_count == ECAM_MAX)
        return "there are too many";
    if (s->last_bus < s->first_bus || pa % ECAM_BUS)
        return "that is no range of whole buses";
    size = (s->last_bus - s->first_bus + 1u) * ECAM_BUS;
    if (mem_overlaps(pa, size))
        return "there is memory";
    ecams[ecam_count] = (struct ecam){space_map_device(pa, size), s->segment, s->first_bus, s->last_bus};
    if (!ecams[ecam_count].base)
        return "it cannot be mapped";
    ecam_count++;
    if (pci_access_agree(&either, other, s->segment, s->first_bus))
        return NULL;
    space_unmap(ecams[--ecam_count].base);
    return "the functions there are not those that the ports show, or there are none";
}

const struct pci_access *
pci_config_init(const struct pci_segment *segments, size_t count, const char **how)
{
    static const struct pci_access access = {&either_ops, NULL};

    ports_work = ports_find();
    for (size_t i = 0; i < count; i++) {
        const char *fault = ecam_add(&segments[i]);

        if (fault)
            log_warn(
                "pci: configuration space of segment %u, buses %02x..%02x at %#lx is not used: %s (MCFG)",
                segments[i].segment, segments[i].first_bus, segments[i].last_bus,
                (unsigned long)segments[i].ecam_pa, fault);
    }
    if (ecam_count)
        snprintf(how_text, sizeof(how_text), "memory (%zu range%s)%s", ecam_count, ecam_count == 1 ? "" : "s",
                 ports_work ? ", checked against the ports" : "");
    else
        snprintf(how_text, sizeof(how_text), "ports");
    *how = how_text;
    return ecam_count || ports_work ? &access : NULL;
}
