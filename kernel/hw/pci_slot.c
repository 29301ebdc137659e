/*
 * The registers of a slot behind a port of PCI Express (PCIe 4.0, 6.7 and 7.5.3.9 to 7.5.3.11).
 *
 * A write of the slot control register is a command; the next one waits until the slot says that it is done.
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"
#include "lib/errno.h"

/* Times in microseconds: 6.7.3.2 for commands, 6.6.1 after power on. */
#define COMMAND_LIMIT 1000000
#define COMMAND_STEP  1000
#define LINK_LIMIT    1000000
#define LINK_STEP     10000
#define LINK_REST     100000
#define ANSWER_LIMIT  1000000

#define EVENTS (PCI_SLOT_BUTTON | PCI_SLOT_POWER_FAULT | PCI_SLOT_PRESENCE | PCI_SLTSTA_LINK)
#define LISTEN                                                                                               \
    (PCI_SLOT_BUTTON | PCI_SLOT_POWER_FAULT | PCI_SLOT_PRESENCE | PCI_SLTCTL_LINK | PCI_SLTCTL_INTERRUPT)

static void
sleep(const struct pci_slot *s, uint32_t us)
{
    s->port->access->ops->sleep_us(s->port->access->context, us);
}

bool
pci_slot_find(struct pci_device *port, struct pci_slot *s)
{
    uint16_t cap = pci_cap_find(port, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE_SLOT);
    unsigned flags = cap ? pci_read16(port, cap + PCI_PCIE_FLAGS) : 0, type = FIELD_GET(PCI_PCIE_TYPE, flags);

    if (!cap || !(flags & PCI_PCIE_SLOT) || (type != PCI_PCIE_ROOT_PORT && type != PCI_PCIE_DOWNSTREAM_PORT))
        return false;
    *s = (struct pci_slot){port, cap, pci_read32(port, cap + PCI_PCIE_SLTCAP)};
    return s->capabilities & PCI_SLTCAP_HOTPLUG;
}

unsigned
pci_slot_events(struct pci_slot *s)
{
    unsigned events = pci_read16(s->port, s->cap + PCI_PCIE_SLTSTA);

    if (events == UINT16_MAX) /* the port itself is out of reach */
        return 0;
    events &= EVENTS;
    if (events)
        pci_write16(s->port, s->cap + PCI_PCIE_SLTSTA, (uint16_t)events);
    return events;
}

bool
pci_slot_is_occupied(const struct pci_slot *s)
{
    return pci_read16(s->port, s->cap + PCI_PCIE_SLTSTA) & PCI_SLTSTA_PRESENT;
}

bool
pci_slot_is_powered(const struct pci_slot *s)
{
    return !(s->capabilities & PCI_SLTCAP_POWER) ||
           !(pci_read16(s->port, s->cap + PCI_PCIE_SLTCTL) & PCI_SLTCTL_POWER_OFF);
}

static int
command(struct pci_slot *s, unsigned mask, unsigned value)
{
    uint16_t control = pci_read16(s->port, s->cap + PCI_PCIE_SLTCTL);

    pci_write16(s->port, s->cap + PCI_PCIE_SLTSTA, PCI_SLOT_COMPLETED);
    pci_write16(s->port, s->cap + PCI_PCIE_SLTCTL, (uint16_t)((control & ~mask) | value));
    if (s->capabilities & PCI_SLTCAP_NO_COMPLETED)
        return 0;
    for (uint32_t us = 0; us < COMMAND_LIMIT; us += COMMAND_STEP) {
        if (pci_read16(s->port, s->cap + PCI_PCIE_SLTSTA) & PCI_SLOT_COMPLETED)
            return 0;
        sleep(s, COMMAND_STEP);
    }
    log_warn("pci: %s: slot %u does not complete its command %#x within 1 s (PCIe 4.0, 6.7.3.2)",
             s->port->name, FIELD_GET(PCI_SLTCAP_NUMBER, s->capabilities), value);
    return -EIO;
}

static int
power_command(struct pci_slot *s, bool on, unsigned light)
{
    unsigned mask = 0, value = 0;

    if (s->capabilities & PCI_SLTCAP_POWER) {
        mask |= PCI_SLTCTL_POWER_OFF;
        value |= on ? 0 : PCI_SLTCTL_POWER_OFF;
    }
    if (s->capabilities & PCI_SLTCAP_POWER_LIGHT) {
        mask |= PCI_SLTCTL_LIGHT;
        value |= FIELD_PUT(PCI_SLTCTL_LIGHT, light);
    }
    return mask ? command(s, mask, value) : 0;
}

int
pci_slot_listen(struct pci_slot *s, bool on)
{
    return command(s, LISTEN, on ? LISTEN : 0);
}

/* The link is up, and what is at its end has had the time it may take before it is asked (6.6.1). */
static int
link_wait(struct pci_slot *s)
{
    bool says = pci_read32(s->port, s->cap + PCI_PCIE_LNKCAP) & PCI_LNKCAP_ACTIVE;
    uint32_t us = 0;

    while (says && !(pci_read16(s->port, s->cap + PCI_PCIE_LNKSTA) & PCI_LNKSTA_ACTIVE)) {
        if (us >= LINK_LIMIT)
            return -ETIMEDOUT;
        sleep(s, LINK_STEP);
        us += LINK_STEP;
    }
    sleep(s, says ? LINK_REST : LINK_LIMIT);
    return 0;
}

/* Until then it answers with configuration retry, which reads as all ones or as vendor 1. */
static int
answer_wait(struct pci_slot *s)
{
    const struct pci_access *a = s->port->access;
    struct pci_address at = {s->port->at.segment, s->port->secondary, 0, 0};

    for (uint32_t us = 0; us < ANSWER_LIMIT; us += LINK_STEP) {
        uint32_t vendor = a->ops->read(a->context, at, PCI_REG_VENDOR, 4) & UINT16_MAX;

        if (vendor != UINT16_MAX && vendor > 1)
            return 0;
        sleep(s, LINK_STEP);
    }
    return -ETIMEDOUT;
}

int
pci_slot_power_on(struct pci_slot *s)
{
    int err = power_command(s, true, PCI_SLTCTL_LIGHT_BLINK);

    if (err)
        return err;
    err = link_wait(s);
    if (!err)
        err = answer_wait(s);
    if (!err)
        return power_command(s, true, PCI_SLTCTL_LIGHT_ON);
    log_warn("pci: %s: slot %u: what is there does not answer", s->port->name,
             FIELD_GET(PCI_SLTCAP_NUMBER, s->capabilities));
    (void)power_command(s, false, PCI_SLTCTL_LIGHT_OFF);
    return err;
}

int
pci_slot_power_off(struct pci_slot *s)
{
    return power_command(s, false, PCI_SLTCTL_LIGHT_OFF);
}
