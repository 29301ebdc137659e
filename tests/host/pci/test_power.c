// sources: kernel/hw/pci_power.c kernel/hw/pci_cap.c
/*
 * Power states and resets: what is kept, how long is waited, and functions that do not come back.
 */
#include "tests/host/pci/sim.h"

#define CAP_PM   0x40
#define CAP_PCIE 0x60
#define CAP_AF   0x50

static struct sim_function *f;
static struct pci_device d;
static uint8_t before[PCI_SPACE];

static void
begin(const char *row)
{
    check_row("%s", row);
    sim_clear();
    f = sim_add(0, 1, 0, 0x11111111, 0);
    for (unsigned bar = 0; bar < 6; bar++)
        sim_register(f, PCI_REG_BAR0 + 4 * bar, 0xe0000000 + bar * 0x100000, 0xfff00000);
    f->writable[PCI_REG_LINE] = 0xff;
    f->config[PCI_REG_LINE] = 11;
    put_le16(f->config + PCI_REG_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    d = sim_device(f);
}

/* From now on: what the firmware set, and what is left of it after a reset. */
static void
begun(void)
{
    sim_reset_state(f);
    memset(f->at_reset + PCI_REG_LINE, 0, 1);
    memcpy(before, f->config, sizeof before);
}

static void
begin_power(const char *row, uint8_t control)
{
    begin(row);
    sim_cap(f, CAP_PM, PCI_CAP_ID_PM);
    f->power = CAP_PM;
    begun();
    f->config[CAP_PM + PCI_PM_CONTROL] = control;
}

static void
test_power(void)
{
    begin("no capability");
    CHECK_EQ(pci_power_on(&d), 0);
    begin_power("D0", PCI_PM_NO_SOFT_RESET);
    CHECK_EQ(pci_power_on(&d), 0);
    CHECK_EQ(f->power_ups + sim.writes, 0);
    begin_power("D3 that resets", 3);
    CHECK_EQ(pci_power_on(&d), 0);
    CHECK_EQ(f->power_ups, 1);
    CHECK(sim.now - f->power_up_at >= 10000 && sim.now < 100000);
    CHECK(memcmp(before, f->config, sizeof before) == 0);
    begin_power("D3 that keeps", 3 | PCI_PM_NO_SOFT_RESET);
    CHECK_EQ(pci_power_on(&d), 0);
    CHECK_EQ(f->power_ups, 1);
    begin_power("D2", 2 | PCI_PM_NO_SOFT_RESET);
    CHECK_EQ(pci_power_on(&d), 0);
    CHECK(sim.now >= 200 && sim.now < 10000);
    begin_power("stays", 3);
    f->power_stuck = true;
    CHECK_EQ(pci_power_on(&d), -EIO);
    CHECK_EQ(said.lines, 1);
    CHECK(sim.now < 100000);
}

static void
begin_express(const char *row)
{
    begin(row);
    sim_express(f, CAP_PCIE, 0);
    put_le32(f->config + CAP_PCIE + PCI_PCIE_DEVCAP, PCI_DEVCAP_FLR);
    put_le16(f->writable + CAP_PCIE + PCI_PCIE_DEVCTL, 0x7fff);
    put_le16(f->writable + CAP_PCIE + PCI_PCIE_LNKCTL, 0xffff);
    put_le16(f->writable + CAP_PCIE + PCI_PCIE_DEVCTL2, 0xffff);
    f->reset_register = CAP_PCIE + PCI_PCIE_DEVCTL + 1;
    f->reset_bit = PCI_DEVCTL_FLR >> 8;
    f->back_after = 90000;
    begun();
    put_le16(f->config + CAP_PCIE + PCI_PCIE_DEVCTL, 0x2810);
    put_le16(f->config + CAP_PCIE + PCI_PCIE_LNKCTL, 0x0040);
    put_le16(f->config + CAP_PCIE + PCI_PCIE_DEVCTL2, 0x0005);
    memcpy(before, f->config, sizeof before);
}

static void
test_reset(void)
{
    begin_express("FLR");
    CHECK_EQ(pci_reset(&d), 0);
    CHECK_EQ(f->resets, 1);
    CHECK_EQ(f->command_at_reset, PCI_COMMAND_INTX_OFF);
    CHECK(sim.now >= 100000 && sim.now <= 200000);
    CHECK(memcmp(before, f->config, sizeof before) == 0);
    CHECK_EQ(said.lines, 0);

    begin_express("FLR, back late");
    f->back_after = 900000;
    CHECK_EQ(pci_reset(&d), 0);
    CHECK(memcmp(before, f->config, sizeof before) == 0);
    CHECK(sim.now >= 900000 && sim.now <= 1200000);

    begin_express("FLR, never back");
    f->back_after = NEVER;
    CHECK_EQ(pci_reset(&d), -EIO);
    CHECK_EQ(said.lines, 1);
    CHECK(sim.now <= 1200000);

    begin_express("messages enabled");
    d.irq_mode = PCI_IRQ_MSI;
    CHECK_EQ(pci_reset(&d), -EBUSY);
    CHECK_EQ(f->resets, 0);

    begin_express("no FLR");
    put_le32(f->config + CAP_PCIE + PCI_PCIE_DEVCAP, 0);
    CHECK_EQ(pci_reset(&d), -ENOTSUP);
    CHECK_EQ(sim.writes, 0);
}

static void
test_pending(void)
{
    begin_express("transactions end");
    f->pending_register = CAP_PCIE + PCI_PCIE_DEVSTA;
    f->pending_bit = PCI_DEVSTA_PENDING;
    f->config[f->pending_register] = PCI_DEVSTA_PENDING;
    f->pending_until = 50000;
    CHECK_EQ(pci_reset(&d), 0);
    CHECK_EQ(said.lines, 0);
    CHECK(sim.now >= 150000 && sim.now <= 300000);

    begin_express("transactions do not end");
    f->pending_register = CAP_PCIE + PCI_PCIE_DEVSTA;
    f->pending_bit = PCI_DEVSTA_PENDING;
    f->config[f->pending_register] = PCI_DEVSTA_PENDING;
    f->pending_until = NEVER;
    CHECK_EQ(pci_reset(&d), 0);
    CHECK_EQ(f->resets, 1);
    CHECK_EQ(said.lines, 1);
    CHECK(sim.now <= 1400000);
}

static void
test_advanced_features(void)
{
    begin("AF");
    sim_cap(f, CAP_AF, PCI_CAP_ID_AF);
    f->config[CAP_AF + PCI_AF_CAP] = PCI_AF_CAP_FLR | PCI_AF_CAP_PENDING;
    f->reset_register = CAP_AF + PCI_AF_CONTROL;
    f->reset_bit = PCI_AF_FLR;
    f->back_after = 50000;
    begun();
    CHECK_EQ(pci_reset(&d), 0);
    CHECK_EQ(f->resets, 1);
    CHECK(memcmp(before, f->config, sizeof before) == 0);
    f->config[CAP_AF + PCI_AF_CAP] = 0;
    CHECK_EQ(pci_reset(&d), -ENOTSUP);
}

/* A capability of version 1 ends before the second control register: that belongs to something else. */
static void
test_short_express(void)
{
    begin_express("version 1");
    put_le16(f->config + CAP_PCIE + PCI_PCIE_FLAGS, 1);
    memcpy(f->at_reset + CAP_PCIE, f->config + CAP_PCIE, 4);
    CHECK_EQ(pci_reset(&d), 0);
    CHECK_EQ(get_le16(f->config + CAP_PCIE + PCI_PCIE_DEVCTL), 0x2810);
    CHECK_EQ(get_le16(f->config + CAP_PCIE + PCI_PCIE_DEVCTL2), 0);
}

int
main(void)
{
    test_power();
    test_reset();
    test_pending();
    test_advanced_features();
    test_short_express();
    return check_report();
}
