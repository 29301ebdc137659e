/*
 * Simulated configuration space: functions with registers, bits that can be written, and what resets do.
 *
 * Every access is checked against the contract of struct pci_config_ops. Time passes only in sleeps.
 */
#pragma once
#include "kernel/hw/pci_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "tests/host/check.h"
#include "tests/host/said.h"

#define SIM_FUNCTIONS 64
#define NEVER         UINT64_MAX

struct sim_function {
    struct pci_address at;
    uint8_t config[PCI_SPACE_EXT], writable[PCI_SPACE_EXT], cleared_by_ones[PCI_SPACE_EXT];
    uint8_t at_reset[PCI_SPACE_EXT];
    unsigned reset_register; /* byte whose bit reset_bit resets; 0: none */
    uint8_t reset_bit;
    uint64_t back_after; /* us after a reset until it answers; NEVER */
    uint64_t gone_until;
    unsigned pending_register; /* byte with the bit that says "transactions pending"; 0: none */
    uint8_t pending_bit;
    uint64_t pending_until;
    unsigned power; /* offset of the PM capability; 0: none */
    bool power_stuck;
    unsigned resets, power_ups;
    uint16_t command_at_reset;
    uint64_t power_up_at;
};

static struct {
    struct sim_function function[SIM_FUNCTIONS];
    unsigned functions;
    uint8_t leads_to[PCI_BUSES]; /* which bus answers */
    unsigned space;
    uint64_t now;
    unsigned long reads, writes;
    unsigned sized_while_decoding;
} sim;

static inline void
sim_clear(void)
{
    memset(&sim, 0, sizeof sim);
    memset(&said, 0, sizeof said);
    sim.space = PCI_SPACE_EXT;
    for (unsigned bus = 0; bus < PCI_BUSES; bus++)
        sim.leads_to[bus] = (uint8_t)bus;
}

static inline struct sim_function *
sim_find(struct pci_address at)
{
    for (unsigned i = 0; i < sim.functions; i++) {
        struct sim_function *f = &sim.function[i];

        if (f->at.segment == at.segment && f->at.bus == sim.leads_to[at.bus] && f->at.device == at.device &&
            f->at.function == at.function)
            return f;
    }
    return NULL;
}

static inline void
sim_check_access(struct pci_address at, unsigned offset, unsigned width)
{
    CHECK(at.device < PCI_DEVICES && at.function < PCI_FUNCTIONS);
    CHECK(width == 1 || width == 2 || width == 4);
    CHECK(offset % width == 0 && offset < sim.space);
}

static inline void
sim_update(struct sim_function *f)
{
    if (f->pending_register && sim.now >= f->pending_until)
        f->config[f->pending_register] &= (uint8_t)~f->pending_bit;
}

static inline uint32_t
sim_read(void *context, struct pci_address at, unsigned offset, unsigned width)
{
    struct sim_function *f = sim_find(at);
    uint32_t value = 0;

    (void)context;
    sim.reads++;
    sim_check_access(at, offset, width);
    if (!f || sim.now < f->gone_until)
        return UINT32_MAX >> (32 - 8 * width);
    sim_update(f);
    for (unsigned i = width; i-- > 0;)
        value = value << 8 | f->config[offset + i];
    return value;
}

static inline void
sim_reset(struct sim_function *f)
{
    f->command_at_reset = get_le16(f->config + PCI_REG_COMMAND);
    memcpy(f->config, f->at_reset, sizeof f->config);
    f->resets++;
    f->gone_until = f->back_after == NEVER ? NEVER : sim.now + f->back_after;
}

static inline void
sim_write_byte(struct sim_function *f, unsigned offset, uint8_t value)
{
    uint8_t old = f->config[offset], state = old & 3;

    if (f->power && offset == f->power + PCI_PM_CONTROL && state != (value & 3)) {
        bool keeps = old & PCI_PM_NO_SOFT_RESET;

        if (f->power_stuck)
            return;
        f->power_ups++;
        f->power_up_at = sim.now;
        if (!keeps)
            memcpy(f->config, f->at_reset, sizeof f->config);
        f->config[offset] = (uint8_t)((old & ~3) | (value & 3));
        return;
    }
    f->config[offset] = (uint8_t)((old & ~f->writable[offset]) | (value & f->writable[offset]));
    f->config[offset] &= (uint8_t) ~(value & f->cleared_by_ones[offset]);
    if (f->reset_register && offset == f->reset_register && value & f->reset_bit)
        sim_reset(f);
}

static inline void
sim_write(void *context, struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
    struct sim_function *f = sim_find(at);

    (void)context;
    sim.writes++;
    sim_check_access(at, offset, width);
    if (!f || sim.now < f->gone_until)
        return;
    if (offset >= PCI_REG_BAR0 && offset < PCI_REG_BAR0 + 24 && value == UINT32_MAX &&
        f->config[PCI_REG_COMMAND] & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
        sim.sized_while_decoding++;
    for (unsigned i = 0; i < width && sim.now >= f->gone_until; i++)
        sim_write_byte(f, offset + i, (uint8_t)(value >> 8 * i));
}

static inline unsigned
sim_space(void *context, uint16_t segment, uint8_t bus)
{
    (void)context;
    (void)segment;
    (void)bus;
    return sim.space;
}

static inline void
sim_sleep(void *context, uint32_t us)
{
    (void)context;
    sim.now += us;
}

static const struct pci_config_ops sim_ops = {
    .read = sim_read, .write = sim_write, .space = sim_space, .sleep_us = sim_sleep};
static const struct pci_access sim_access = {&sim_ops, NULL};

/* -- making functions */

static inline struct sim_function *
sim_add(unsigned bus, unsigned device, unsigned function, uint32_t id, unsigned header)
{
    struct sim_function *f = &sim.function[sim.functions++];

    f->at = (struct pci_address){0, (uint8_t)bus, (uint8_t)device, (uint8_t)function};
    put_le32(f->config + PCI_REG_VENDOR, id);
    f->config[PCI_REG_HEADER] = (uint8_t)header;
    put_le16(f->writable + PCI_REG_COMMAND,
             PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF);
    put_le16(f->config + PCI_REG_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    return f;
}

static inline struct sim_function *
sim_bridge(unsigned bus, unsigned device, unsigned secondary, unsigned subordinate)
{
    struct sim_function *f = sim_add(bus, device, 0, 0x00011b36, 1);

    put_le32(f->config + PCI_REG_REVISION, 0x06040000);
    f->config[PCI_REG_PRIMARY] = (uint8_t)bus;
    f->config[PCI_REG_SECONDARY] = (uint8_t)secondary;
    f->config[PCI_REG_SUBORDINATE] = (uint8_t)subordinate;
    return f;
}

/* A BAR register that reads `value`, of which the bits in `mask` can be written. */
static inline void
sim_register(struct sim_function *f, unsigned offset, uint32_t value, uint32_t mask)
{
    put_le32(f->config + offset, value);
    put_le32(f->writable + offset, mask);
}

/* Put a capability at the head of the list. */
static inline void
sim_cap(struct sim_function *f, unsigned offset, uint8_t id)
{
    f->config[offset] = id;
    f->config[offset + 1] = f->config[PCI_REG_STATUS] & PCI_STATUS_CAPS ? f->config[PCI_REG_CAPS] : 0;
    f->config[PCI_REG_CAPS] = (uint8_t)offset;
    f->config[PCI_REG_STATUS] |= PCI_STATUS_CAPS;
}

static inline void
sim_express(struct sim_function *f, unsigned offset, unsigned type)
{
    sim_cap(f, offset, PCI_CAP_ID_PCIE);
    put_le16(f->config + offset + PCI_PCIE_FLAGS, (uint16_t)(2 | type << 4));
}

/* The state it is in now is the one after a reset, but its BARs and command register are then 0. */
static inline void
sim_reset_state(struct sim_function *f)
{
    memcpy(f->at_reset, f->config, sizeof f->config);
    memset(f->at_reset + PCI_REG_BAR0, 0, 24);
    put_le16(f->at_reset + PCI_REG_COMMAND, 0);
}

/* A function as the scan would list it, for what works on one. */
static inline struct pci_device
sim_device(const struct sim_function *f)
{
    return (struct pci_device){.access = &sim_access,
                               .at = f->at,
                               .name = "0000:00:00.0",
                               .space = PCI_SPACE_EXT,
                               .vendor = get_le16(f->config),
                               .device = get_le16(f->config + 2),
                               .header = f->config[PCI_REG_HEADER] & 0x7f,
                               .class_code = get_le32(f->config + PCI_REG_REVISION) >> 8};
}

/* -- what a scan found */

static struct pci_device found[SIM_FUNCTIONS * 4];
static unsigned found_count;

static inline struct pci_device *
sim_keep(void *context, const struct pci_device *d)
{
    (void)context;
    if (found_count == sizeof found / sizeof found[0])
        return NULL;
    found[found_count] = *d;
    return &found[found_count++];
}

static struct pci_scan scan;

static inline void
sim_scan(void)
{
    found_count = 0;
    memset(&scan, 0, sizeof scan);
    scan.access = &sim_access;
    scan.keep = sim_keep;
    pci_scan(&scan);
}

static inline struct pci_device *
sim_found(unsigned bus, unsigned device, unsigned function)
{
    for (unsigned i = 0; i < found_count; i++)
        if (found[i].at.bus == bus && found[i].at.device == device && found[i].at.function == function)
            return &found[i];
    return NULL;
}

/* What holds after any scan: no address twice, the tree of bridges is one. */
static inline void
sim_check_scan(void)
{
    CHECK_EQ(scan.functions, found_count + scan.lost);
    for (unsigned i = 0; i < found_count; i++) {
        const struct pci_device *d = &found[i], *up = d->parent;

        for (unsigned j = 0; j < i; j++)
            CHECK(memcmp(&found[j].at, &d->at, sizeof d->at) != 0);
        if (up)
            CHECK(up < d && up->header == 1 && up->secondary == d->at.bus && up->at.bus < d->at.bus);
        CHECK(d->vendor != 0 && d->vendor != 0xffff);
        CHECK(d->space == PCI_SPACE || d->space == PCI_SPACE_EXT);
        for (unsigned bar = 0; bar < PCI_BARS; bar++)
            CHECK(d->bar[bar].kind == PCI_BAR_NONE || d->bar[bar].kind == PCI_BAR_MALFORMED ||
                  (d->bar[bar].size && !(d->bar[bar].size & (d->bar[bar].size - 1))));
    }
}
