// sources: kernel/hw/pci_assign.c kernel/hw/pci_bar.c kernel/hw/pci_cap.c
/*
 * Addresses for a function that came late: within the port's windows, where nothing else is.
 */
#include "tests/host/pci/sim.h"

static struct list all;
static struct pci_device port, come, other;

static bool
is_memory(uint64_t pa, uint64_t size)
{
    return pa + size <= GiB(1);
}

static const struct pci_world world = {&all, 40, is_memory};

static void
begin(const char *row)
{
    check_row("%s", row);
    sim_clear();
    list_init(&all);
    port = sim_device(sim_bridge(0, 1, 1, 1));
    come = sim_device(sim_add(1, 0, 0, 0x11111111, 0));
    other = sim_device(sim_add(1, 1, 0, 0x22222222, 0));
    come.parent = other.parent = &port;
    port.ports = (struct pci_window){0xc000, 0xcfff};
    port.memory = (struct pci_window){0xe0000000, 0xe01fffff};
    port.prefetch = (struct pci_window){0x8000000000, 0x80001fffff};
    list_add_tail(&all, &port.link);
    list_add_tail(&all, &come.link);
    list_add_tail(&all, &other.link);
}

/* A BAR of the newcomer, sized as the scan does it. */
static void
bar_add(unsigned bar, uint32_t kind, uint64_t size)
{
    uint64_t mask = -size;
    unsigned offset = PCI_REG_BAR0 + 4 * bar;

    sim_register(&sim.function[1], offset, kind, (uint32_t)mask & ~UINT32_C(0xf));
    if (kind & 4)
        sim_register(&sim.function[1], offset + 4, 0, (uint32_t)(mask >> 32));
}

static void
assign(void)
{
    pci_bars_read(&come);
    put_le16(sim.function[1].config + PCI_REG_COMMAND, 0);
    pci_assign(&come, &world);
    for (unsigned bar = 0; bar < PCI_ROM; bar++) {
        const struct pci_bar *b = &come.bar[bar];
        uint64_t kept = pci_read32(&come, PCI_REG_BAR0 + 4 * bar) & ~UINT32_C(0xf);

        if (b->kind == PCI_BAR_NONE || !b->address)
            continue;
        if (b->wide)
            kept |= (uint64_t)pci_read32(&come, PCI_REG_BAR0 + 4 * bar + 4) << 32;
        CHECK_EQ(kept, b->address);
        CHECK_EQ(pci_bar_check(&come, bar, &world), 0);
    }
}

static void
test_kinds(void)
{
    begin("each kind in its window");
    bar_add(0, 1, 0x20);
    bar_add(1, 0, 0x1000);
    bar_add(2, 0xc, 0x100000);
    bar_add(4, 4, 0x4000);
    assign();
    CHECK_EQ(come.bar[0].address, 0xc000);
    CHECK_EQ(come.bar[1].address, 0xe0004000); /* behind the larger one */
    CHECK_EQ(come.bar[2].address, 0x8000000000);
    CHECK_EQ(come.bar[4].address, 0xe0000000);
    CHECK_EQ(said.lines, 0);

    begin("prefetched, with 32 bits");
    bar_add(0, 8, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0xe0000000);
    begin("wide and prefetched, without that window");
    port.prefetch.base = UINT64_MAX;
    bar_add(0, 0xc, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0xe0000000);
}

static void
test_room(void)
{
    begin("between what others have");
    other.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe0000000, .size = 0x10000};
    other.bar[1] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe0018000, .size = 0x8000};
    bar_add(0, 0, 0x8000);
    bar_add(1, 0, 0x10000);
    assign();
    CHECK_EQ(come.bar[1].address, 0xe0020000);
    CHECK_EQ(come.bar[0].address, 0xe0010000);
    begin("exactly as large as the window");
    bar_add(0, 0, 0x200000);
    assign();
    CHECK_EQ(come.bar[0].address, 0xe0000000);
    begin("larger");
    bar_add(0, 0, 0x400000);
    bar_add(1, 0, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0);
    CHECK_EQ(come.bar[1].address, 0xe0000000);
    CHECK_EQ(said.lines, 1);
    CHECK(strstr(said.last, "BAR 0: no room for 0x400000 bytes of memory") != NULL);
    begin("one that claims everything leaves nothing");
    other.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0x10, .size = BIT64(63)};
    bar_add(0, 0, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0);
    begin("and one that ends beyond 2^64");
    other.bar[0] =
        (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe0000000, .size = BIT64(63) + (BIT64(63) - 1)};
    bar_add(0, 0, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0);
    begin("a window without end");
    port.memory = (struct pci_window){0xe0000000, UINT64_MAX};
    other.bar[0] =
        (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe0000000, .size = UINT64_MAX - 0xe0000000};
    bar_add(0, 0, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0);
    begin("no bridge: nothing to give");
    come.parent = NULL;
    bar_add(0, 0, 0x1000);
    assign();
    CHECK_EQ(come.bar[0].address, 0);
}

static void
test_rest(void)
{
    begin("payload sizes and the line agree");
    sim_express(&sim.function[0], 0x40, PCI_PCIE_ROOT_PORT);
    sim_express(&sim.function[1], 0x40, 0);
    for (unsigned i = 0; i < 2; i++)
        put_le16(sim.function[i].writable + 0x40 + PCI_PCIE_DEVCTL, 0xffff);
    put_le16(sim.function[0].config + 0x40 + PCI_PCIE_DEVCTL, 0x204f);
    put_le32(sim.function[1].config + 0x40 + PCI_PCIE_DEVCAP, 2);
    put_le16(sim.function[1].config + 0x40 + PCI_PCIE_DEVCTL, 0x2010);
    come.pin = port.pin = 1;
    port.line = 11;
    assign();
    CHECK_EQ(get_le16(sim.function[0].config + 0x40 + PCI_PCIE_DEVCTL), 0x204f); /* 512 bytes */
    CHECK_EQ(get_le16(sim.function[1].config + 0x40 + PCI_PCIE_DEVCTL), 0x2050);
    CHECK_EQ(come.line, 11);
    put_le32(sim.function[1].config + 0x40 + PCI_PCIE_DEVCAP, 1);
    come.pin = 2;
    come.line = 0;
    assign();
    CHECK_EQ(get_le16(sim.function[0].config + 0x40 + PCI_PCIE_DEVCTL),
             0x202f); /* 256 is all that the newcomer takes */
    CHECK_EQ(get_le16(sim.function[1].config + 0x40 + PCI_PCIE_DEVCTL), 0x2030);
    CHECK_EQ(come.line, 0);
}

int
main(void)
{
    test_kinds();
    test_room();
    test_rest();
    return check_report();
}
