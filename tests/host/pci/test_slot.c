// sources: kernel/hw/pci_slot.c kernel/hw/pci_cap.c
/*
 * The registers of a hot-plug slot: commands one after the other, power with its waits, events once.
 */
#include "tests/host/pci/sim.h"

#define CAP     0x40
#define CONTROL (CAP + PCI_PCIE_SLTCTL)
#define STATUS  (CAP + PCI_PCIE_SLTSTA)

/* How this slot behaves. Times in us. */
static struct {
    uint64_t command_us, link_us,
        answer_us; /* after the command; the link after power; the function after the link */
    uint64_t completed_at, powered_at;
    unsigned commands, hasty; /* commands; those given before the last one was completed */
    struct sim_function *port, *card;
} world;

static void
slot_update(void)
{
    uint8_t *status = world.port->config + STATUS, *link = world.port->config + CAP + PCI_PCIE_LNKSTA;
    bool up = world.powered_at != NEVER && world.link_us != NEVER &&
              sim.now >= world.powered_at + world.link_us;

    if (sim.now >= world.completed_at) {
        put_le16(status, (uint16_t)(get_le16(status) | PCI_SLOT_COMPLETED));
        world.completed_at = NEVER;
    }
    put_le16(link, up ? PCI_LNKSTA_ACTIVE : 0);
    world.card->gone_until = up && world.answer_us != NEVER
                                 ? world.powered_at + world.link_us + world.answer_us
                                 : NEVER;
}

static uint32_t
slot_read(void *context, struct pci_address at, unsigned offset, unsigned width)
{
    slot_update();
    return sim_read(context, at, offset, width);
}

static void
slot_write(void *context, struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
    slot_update();
    sim_write(context, at, offset, width, value);
    if (at.bus == 0 && offset == CONTROL) {
        world.commands++;
        world.hasty += world.completed_at != NEVER;
        world.completed_at = world.command_us == NEVER ? NEVER : sim.now + world.command_us;
        world.powered_at = value & PCI_SLTCTL_POWER_OFF ? NEVER : MIN(world.powered_at, sim.now);
    }
}

static const struct pci_config_ops slot_ops = {
    .read = slot_read, .write = slot_write, .space = sim_space, .sleep_us = sim_sleep};
static const struct pci_access slot_access = {&slot_ops, NULL};

static struct pci_device port;
static struct pci_slot slot;

static void
begin(const char *row, uint32_t capabilities)
{
    check_row("%s", row);
    sim_clear();
    memset(&world, 0, sizeof world);
    world.completed_at = world.powered_at = NEVER;
    world.command_us = 20000;
    world.link_us = 300000;
    world.answer_us = 150000;
    world.port = sim_bridge(0, 1, 1, 1);
    world.card = sim_add(1, 0, 0, 0x11111111, 0);
    sim_express(world.port, CAP, PCI_PCIE_ROOT_PORT);
    world.port->config[CAP + PCI_PCIE_FLAGS + 1] |= PCI_PCIE_SLOT >> 8;
    put_le32(world.port->config + CAP + PCI_PCIE_SLTCAP, capabilities | 7u << 19);
    put_le32(world.port->config + CAP + PCI_PCIE_LNKCAP, PCI_LNKCAP_ACTIVE);
    put_le16(world.port->config + CONTROL,
             PCI_SLTCTL_POWER_OFF | FIELD_PUT(PCI_SLTCTL_LIGHT, PCI_SLTCTL_LIGHT_OFF));
    put_le16(world.port->writable + CONTROL, 0x1fff);
    put_le16(world.port->cleared_by_ones + STATUS, 0x11f);
    port = sim_device(world.port);
    port.access = &slot_access;
    port.secondary = 1;
}

#define ALL (PCI_SLTCAP_HOTPLUG | PCI_SLTCAP_POWER | PCI_SLTCAP_POWER_LIGHT)

static unsigned
light(void)
{
    return FIELD_GET(PCI_SLTCTL_LIGHT, get_le16(world.port->config + CONTROL));
}

static void
test_find(void)
{
    begin("one", ALL);
    CHECK(pci_slot_find(&port, &slot));
    CHECK(slot.cap == CAP && slot.port == &port && !pci_slot_is_powered(&slot) &&
          !pci_slot_is_occupied(&slot));
    begin("not for hot-plug", PCI_SLTCAP_POWER);
    CHECK(!pci_slot_find(&port, &slot));
    begin("no slot", ALL);
    world.port->config[CAP + PCI_PCIE_FLAGS + 1] = 0;
    CHECK(!pci_slot_find(&port, &slot));
    begin("an upstream port", ALL);
    world.port->config[CAP + PCI_PCIE_FLAGS] = 2 | 5 << 4;
    CHECK(!pci_slot_find(&port, &slot));
    begin("no power controller", PCI_SLTCAP_HOTPLUG);
    CHECK(pci_slot_find(&port, &slot) && pci_slot_is_powered(&slot));
}

static void
test_power(void)
{
    begin("on and off", ALL);
    (void)pci_slot_find(&port, &slot);
    CHECK_EQ(pci_slot_power_on(&slot), 0);
    CHECK(sim.now >= world.powered_at + world.link_us + world.answer_us && sim.now < 1000000);
    CHECK(pci_slot_is_powered(&slot) && light() == PCI_SLTCTL_LIGHT_ON);
    CHECK_EQ(pci_slot_power_off(&slot), 0);
    CHECK(!pci_slot_is_powered(&slot) && light() == PCI_SLTCTL_LIGHT_OFF);
    CHECK(world.commands == 3 && world.hasty == 0 && said.lines == 0);

    begin("commands need no time", ALL | PCI_SLTCAP_NO_COMPLETED);
    (void)pci_slot_find(&port, &slot);
    world.command_us = NEVER;
    CHECK_EQ(pci_slot_power_on(&slot), 0);

    begin("a port that does not tell of its link", ALL);
    put_le32(world.port->config + CAP + PCI_PCIE_LNKCAP, 0);
    (void)pci_slot_find(&port, &slot);
    CHECK_EQ(pci_slot_power_on(&slot), 0);

    begin("commands are not completed", ALL);
    world.command_us = NEVER;
    (void)pci_slot_find(&port, &slot);
    CHECK_EQ(pci_slot_power_on(&slot), -EIO);
    CHECK(sim.now <= 1100000 && said.lines == 1 && strstr(said.last, "slot 7"));
    begin("the link stays down", ALL);
    world.link_us = NEVER;
    (void)pci_slot_find(&port, &slot);
    CHECK_EQ(pci_slot_power_on(&slot), -ETIMEDOUT);
    CHECK(sim.now <= 1200000 && said.lines == 1 && !pci_slot_is_powered(&slot) &&
          light() == PCI_SLTCTL_LIGHT_OFF);
    begin("nobody answers", ALL);
    world.answer_us = NEVER;
    (void)pci_slot_find(&port, &slot);
    CHECK_EQ(pci_slot_power_on(&slot), -ETIMEDOUT);
    CHECK(sim.now <= 2500000 && !pci_slot_is_powered(&slot));
}

static void
test_events(void)
{
    begin("events", ALL);
    (void)pci_slot_find(&port, &slot);
    CHECK_EQ(pci_slot_listen(&slot, true), 0);
    CHECK_EQ(get_le16(world.port->config + CONTROL) & ~(PCI_SLTCTL_POWER_OFF | PCI_SLTCTL_LIGHT),
             PCI_SLOT_BUTTON | PCI_SLOT_POWER_FAULT | PCI_SLOT_PRESENCE | PCI_SLTCTL_LINK |
                 PCI_SLTCTL_INTERRUPT);
    put_le16(world.port->config + STATUS,
             PCI_SLOT_BUTTON | PCI_SLOT_PRESENCE | PCI_SLOT_COMPLETED | PCI_SLTSTA_PRESENT);
    CHECK(pci_slot_is_occupied(&slot));
    CHECK_EQ(pci_slot_events(&slot), PCI_SLOT_BUTTON | PCI_SLOT_PRESENCE);
    CHECK_EQ(get_le16(world.port->config + STATUS),
             PCI_SLOT_COMPLETED | PCI_SLTSTA_PRESENT); /* a command's stays */
    CHECK_EQ(pci_slot_events(&slot), 0);
    CHECK_EQ(pci_slot_listen(&slot, false), 0);
    CHECK_EQ(get_le16(world.port->config + CONTROL) & ~(PCI_SLTCTL_POWER_OFF | PCI_SLTCTL_LIGHT), 0);
    check_row("the port has gone");
    world.port->gone_until = NEVER;
    CHECK_EQ(pci_slot_events(&slot), 0);
}

int
main(void)
{
    test_find();
    test_power();
    test_events();
    return check_report();
}
