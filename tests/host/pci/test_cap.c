// sources: kernel/hw/pci_cap.c
/*
 * Registers and lists of capabilities: right ones, and ones that loop, leave the space or lie.
 */
#include "tests/host/pci/sim.h"

static struct sim_function *f;
static struct pci_device d;

static void
begin(const char *row)
{
    check_row("%s", row);
    sim_clear();
    f = sim_add(0, 1, 0, 0x11111111, 0);
    d = sim_device(f);
}

struct shown {
    unsigned count;
    struct {
        bool extended;
        uint16_t id, offset;
    } cap[1200];
};

static void
show(void *context, bool extended, uint16_t id, uint16_t offset)
{
    struct shown *s = context;

    s->cap[s->count].extended = extended;
    s->cap[s->count].id = id;
    s->cap[s->count++].offset = offset;
}

static void
shown_check(unsigned count, unsigned lines)
{
    static struct shown s;

    s.count = 0;
    pci_caps_for_each(&d, show, &s);
    CHECK_EQ(s.count, count);
    for (unsigned i = 0; i < s.count; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK(s.cap[i].offset != s.cap[j].offset);
    CHECK_EQ(said.lines, 0);
    pci_caps_check(&d);
    CHECK_EQ(said.lines, lines);
}

static void
test_registers(void)
{
    begin("registers");
    d.space = PCI_SPACE;
    put_le32(f->config + 0x40, 0x04030201);
    put_le32(f->writable + 0x40, UINT32_MAX);
    CHECK(pci_read8(&d, 0x43) == 4 && pci_read16(&d, 0x42) == 0x0403 && pci_read32(&d, 0x40) == 0x04030201);
    pci_write8(&d, 0x41, 0xaa);
    pci_write16(&d, 0x42, 0xbbcc);
    CHECK_EQ(pci_read32(&d, 0x40), 0xbbccaa01);
    sim.reads = sim.writes = 0;
    CHECK(pci_read16(&d, 0x41) == 0xffff && pci_read32(&d, 0x42) == UINT32_MAX);
    CHECK(pci_read32(&d, 0x100) == UINT32_MAX && pci_read8(&d, UINT32_MAX) == 0xff);
    pci_write32(&d, 0x41, 0);
    pci_write32(&d, 0x100, 0);
    CHECK_EQ(sim.reads + sim.writes, 0);
}

static void
test_list(void)
{
    begin("no list");
    f->config[PCI_REG_CAPS] = 0x40;
    shown_check(0, 0);
    begin("three");
    sim_cap(f, 0x40, PCI_CAP_ID_PM);
    sim_cap(f, 0xf0, PCI_CAP_ID_PCIE);
    sim_cap(f, 0x80, PCI_CAP_ID_MSI);
    shown_check(3, 0);
    CHECK_EQ(pci_cap_find(&d, PCI_CAP_ID_PM, PCI_PM_SIZE), 0x40);
    CHECK_EQ(pci_cap_find(&d, PCI_CAP_ID_MSI, 24), 0x80);
    CHECK_EQ(pci_cap_find(&d, PCI_CAP_ID_PCIE, 16), 0xf0);
    CHECK_EQ(pci_cap_find(&d, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE), 0); /* its end is beyond */
    CHECK_EQ(pci_cap_find(&d, PCI_CAP_ID_MSIX, PCI_MSIX_SIZE), 0);
    begin("pointers with their lowest bits set, which are reserved");
    sim_cap(f, 0x40, PCI_CAP_ID_PM);
    sim_cap(f, 0x80, PCI_CAP_ID_MSI);
    f->config[PCI_REG_CAPS] |= 3;
    f->config[0x81] |= 2;
    shown_check(2, 0);
    begin("a CardBus bridge has its list elsewhere");
    sim_cap(f, 0x40, PCI_CAP_ID_PM);
    d.header = 2;
    shown_check(0, 0);
}

static void
test_hostile_list(void)
{
    begin("a loop");
    sim_cap(f, 0x40, PCI_CAP_ID_PM);
    sim_cap(f, 0x50, PCI_CAP_ID_MSI);
    f->config[0x41] = 0x50;
    shown_check(2, 1);
    CHECK_EQ(pci_cap_find(&d, PCI_CAP_ID_MSIX, 1), 0);
    begin("points to itself");
    sim_cap(f, 0xfc, PCI_CAP_ID_PM);
    f->config[0xfd] = 0xff;
    shown_check(1, 1);
    begin("points into the header");
    sim_cap(f, 0x40, PCI_CAP_ID_PM);
    f->config[0x41] = 0x3c;
    shown_check(1, 1);
    begin("all ones");
    f->config[PCI_REG_STATUS] = PCI_STATUS_CAPS;
    f->config[PCI_REG_CAPS] = 0x80;
    memset(f->config + 0x80, 0xff, 0x80);
    shown_check(0, 1);
    begin("as many as fit");
    for (unsigned at = 0x40; at < 0x100; at += 4)
        sim_cap(f, at, 9);
    shown_check(48, 0);
}

static void
ext_cap(unsigned at, unsigned id, unsigned next)
{
    put_le32(f->config + at, id | 1u << 16 | next << 20);
}

static void
test_extended(void)
{
    begin("extended");
    ext_cap(0x100, 1, 0x140);
    ext_cap(0x140, 3, 0xffc);
    ext_cap(0xffc, 0x10, 0);
    shown_check(3, 0);
    CHECK_EQ(pci_ext_cap_find(&d, 3, 12), 0x140);
    CHECK_EQ(pci_ext_cap_find(&d, 0x10, 4), 0xffc);
    CHECK_EQ(pci_ext_cap_find(&d, 0x10, 8), 0);
    d.space = PCI_SPACE;
    CHECK_EQ(pci_ext_cap_find(&d, 1, 4), 0);
    begin("extended: none");
    shown_check(0, 0);
    put_le32(f->config + 0x100, UINT32_MAX);
    shown_check(0, 0);
    begin("extended: a loop");
    ext_cap(0x100, 1, 0x140);
    ext_cap(0x140, 3, 0x100);
    shown_check(2, 1);
    begin("extended: points into the first 256 bytes");
    ext_cap(0x100, 1, 0x40);
    shown_check(1, 1);
    begin("extended: misaligned");
    ext_cap(0x100, 1, 0x143);
    ext_cap(0x140, 3, 0);
    shown_check(2, 0);
    begin("extended: as many as fit");
    for (unsigned at = 0x100; at < 0x1000; at += 4)
        ext_cap(at, 9, (at + 4) & 0xfff);
    shown_check(960, 0);
}

int
main(void)
{
    test_registers();
    test_list();
    test_hostile_list();
    test_extended();
    return check_report();
}
