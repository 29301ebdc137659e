// sources: kernel/hw/pci_irq.c kernel/hw/pci_cap.c
/*
 * Lines, MSI and MSI-X: what is written where, what is masked when, and claims that cannot be.
 */
#include "tests/host/pci/interrupts.h"

#define CAP_MSI  0x40
#define CAP_MSIX 0x70

static struct sim_function *f;
static struct pci_device d;
static struct irq irqs[8];

static void
begin(const char *row)
{
    check_row("%s", row);
    sim_clear();
    board_clear();
    f = sim_add(0, 1, 0, 0x11111111, 0);
    d = sim_device(f);
    d.pin = 1;
    d.line = 11;
    d.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe0000000, .size = 0x4000};
    d.bar[1] = (struct pci_bar){.kind = PCI_BAR_PORTS, .address = 0xc000, .size = 0x100};
}

static void
ended(void)
{
    CHECK(board.messages == 0 && board.blocks == 0 && board.mapped == 0);
    CHECK(!d.messages && !d.msix_table && d.irq_mode == PCI_IRQ_LINE);
}

static uint16_t
control(unsigned cap)
{
    return get_le16(f->config + cap + 2);
}

static bool
line_is_off(void)
{
    return get_le16(f->config + PCI_REG_COMMAND) & PCI_COMMAND_INTX_OFF;
}

static void
test_line(void)
{
    static const struct {
        uint8_t pin, line;
        int want;
    } rows[] = {{1, 11, 11},     {4, 15, 15},      {0, 11, -ENODEV},
                {1, 0, -ENODEV}, {1, 16, -ENODEV}, {1, 255, -ENODEV}};

    begin("line");
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        d.pin = rows[i].pin;
        d.line = rows[i].line;
        CHECK_EQ(pci_irq_line(&d), rows[i].want);
    }
    CHECK_EQ(pci_irq_connect(&d, 0, &irqs[0]), -ENODEV);
    d.line = 10;
    put_le16(f->config + PCI_REG_COMMAND, PCI_COMMAND_INTX_OFF);
    CHECK_EQ(pci_irq_connect(&d, 1, &irqs[0]), -EINVAL);
    CHECK_EQ(pci_irq_connect(&d, 0, &irqs[0]), 0);
    CHECK(board.line == 10 && !line_is_off());
    CHECK(pci_irq_mask(&d, 0, true) && line_is_off());
    CHECK(pci_irq_mask(&d, 0, false) && !line_is_off());
    pci_irq_disconnect(&d, 0, &irqs[0]);
    CHECK(board.line == -1 && line_is_off());
    pci_messages_disable(&d);
    ended();
}

/* `flags` of the control register; 3 in the field of capable messages: 8. */
static void
begin_msi(const char *row, uint16_t flags)
{
    begin(row);
    sim_cap(f, CAP_MSI, PCI_CAP_ID_MSI);
    put_le16(f->config + CAP_MSI + PCI_MSI_CONTROL, (uint16_t)(flags | 3 << 1));
    put_le16(f->writable + CAP_MSI + PCI_MSI_CONTROL, PCI_MSI_ENABLE | PCI_MSI_COUNT);
    memset(f->writable + CAP_MSI + 4, 0xff, 20);
}

static void
check_msi(uint16_t flags, unsigned data, unsigned mask)
{
    CHECK_EQ(pci_msi_capable(&d), 8);
    CHECK_EQ(pci_msi_enable(&d, 4, 2), 0);
    CHECK_EQ(control(CAP_MSI), flags | 3 << 1 | 2 << 4 | PCI_MSI_ENABLE);
    CHECK_EQ(get_le32(f->config + CAP_MSI + 4), 0xfee02000);
    CHECK_EQ(get_le16(f->config + CAP_MSI + data), 0);
    CHECK_EQ(get_le16(f->config + CAP_MSI + data + 2), 0); /* not ours */
    CHECK(line_is_off());
    CHECK_EQ(pci_msi_enable(&d, 1, 0), -EBUSY);
    CHECK_EQ(pci_msix_enable(&d, 1, NULL), -EBUSY);
    CHECK_EQ(pci_irq_connect(&d, 4, &irqs[0]), -EINVAL);
    CHECK_EQ(pci_irq_connect(&d, 3, &irqs[3]), 0);
    CHECK(board.connected[3] == &irqs[3]);
    if (mask)
        CHECK_EQ(get_le32(f->config + CAP_MSI + mask), 0xfffffff7);
    CHECK_EQ(pci_irq_mask(&d, 3, true), mask != 0);
    if (mask)
        CHECK_EQ(get_le32(f->config + CAP_MSI + mask), UINT32_MAX);
    pci_irq_disconnect(&d, 3, &irqs[3]);
    pci_messages_disable(&d);
    CHECK(!(control(CAP_MSI) & PCI_MSI_ENABLE));
    ended();
}

static void
test_msi(void)
{
    begin_msi("MSI, 32 bits", 0);
    check_msi(0, 8, 0);
    begin_msi("MSI, 64 bits", PCI_MSI_64BIT);
    put_le32(f->config + CAP_MSI + 8, 0x12345678);
    check_msi(PCI_MSI_64BIT, 12, 0);
    CHECK_EQ(get_le32(f->config + CAP_MSI + 8), 0);
    begin_msi("MSI, 32 bits, masks", PCI_MSI_MASKS);
    check_msi(PCI_MSI_MASKS, 8, 12);
    begin_msi("MSI, 64 bits, masks", PCI_MSI_64BIT | PCI_MSI_MASKS);
    check_msi(PCI_MSI_64BIT | PCI_MSI_MASKS, 12, 16);
}

static void
test_msi_refused(void)
{
    begin("no MSI");
    CHECK_EQ(pci_msi_capable(&d), 0);
    CHECK_EQ(pci_msi_enable(&d, 1, 0), -ENOTSUP);
    begin_msi("not so many", 0);
    CHECK_EQ(pci_msi_enable(&d, 0, 0), -EINVAL);
    CHECK_EQ(pci_msi_enable(&d, 3, 0), -EINVAL);
    CHECK_EQ(pci_msi_enable(&d, 16, 0), -EINVAL);
    CHECK_EQ(pci_msi_enable(&d, 1, 4), -EINVAL);
    board.allowed = 3;
    CHECK_EQ(pci_msi_enable(&d, 4, 0), -ENOSPC);
    ended();
    CHECK(sim.writes == 0 && said.lines == 0);
    begin_msi("2^6 messages", 6 << 1);
    put_le16(f->config + CAP_MSI + PCI_MSI_CONTROL, 6 << 1);
    CHECK_EQ(pci_msi_capable(&d), 0);
    CHECK_EQ(said.lines, 1);
    begin("MSI beyond the end");
    sim_cap(f, 0xf0, PCI_CAP_ID_MSI);
    put_le16(f->config + 0xf0 + PCI_MSI_CONTROL, PCI_MSI_MASKS);
    CHECK_EQ(pci_msi_enable(&d, 1, 0), -ENOTSUP);
    CHECK_EQ(said.lines, 1);
    CHECK_EQ(sim.writes, 0);
}

static void
begin_msix(const char *row, unsigned entries, uint32_t table, uint32_t pba)
{
    begin(row);
    sim_cap(f, CAP_MSIX, PCI_CAP_ID_MSIX);
    put_le16(f->config + CAP_MSIX + PCI_MSIX_CONTROL, (uint16_t)(entries - 1));
    put_le16(f->writable + CAP_MSIX + PCI_MSIX_CONTROL, PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
    put_le32(f->config + CAP_MSIX + PCI_MSIX_TABLE, table);
    put_le32(f->config + CAP_MSIX + PCI_MSIX_PBA, pba);
}

static uint32_t
entry(unsigned n, unsigned offset)
{
    return get_le32(board.table + n * PCI_MSIX_ENTRY_SIZE + offset);
}

static void
test_msix(void)
{
    static const uint32_t cpus[] = {1, 3};

    begin_msix("MSI-X", 5, 0x2000, 0x3000);
    CHECK_EQ(pci_msix_capable(&d), 5);
    CHECK_EQ(pci_msix_enable(&d, 2, cpus), 0);
    CHECK_EQ(control(CAP_MSIX), 4 | PCI_MSIX_ENABLE);
    CHECK(line_is_off());
    CHECK_EQ(board.table_size, 5 * 16);
    for (unsigned n = 0; n < 5; n++)
        CHECK_EQ(entry(n, PCI_MSIX_ENTRY_CONTROL), 1);
    CHECK(entry(0, 0) == 0xfee01000 && entry(0, 4) == 0 && entry(0, 8) == 0);
    CHECK(entry(1, 0) == 0xfee03000 && entry(1, 4) == 0 && entry(1, 8) == 1);
    CHECK_EQ(entry(2, 0), UINT32_MAX);
    CHECK_EQ(pci_irq_connect(&d, 2, &irqs[0]), -EINVAL);
    CHECK_EQ(pci_irq_connect(&d, 1, &irqs[1]), 0);
    CHECK_EQ(pci_irq_connect(&d, 1, &irqs[2]), -EBUSY);
    CHECK(entry(1, 12) == 0 && entry(0, 12) == 1);
    CHECK(pci_irq_mask(&d, 1, true));
    CHECK_EQ(entry(1, 12), 1);
    CHECK(pci_irq_mask(&d, 1, false));
    pci_irq_disconnect(&d, 1, &irqs[1]);
    CHECK_EQ(entry(1, 12), 1);
    pci_messages_disable(&d);
    CHECK_EQ(control(CAP_MSIX), 4);
    ended();
    pci_messages_disable(&d);
    ended();
}

static void
test_msix_refused(void)
{
    static const struct {
        const char *name;
        unsigned entries;
        uint32_t table, pba;
        bool usable;
    } rows[] = {
        {"the end of the BAR", 64, 0x3c00, 0x3bf8, true},
        {"the whole BAR", 1023, 0, 0x3ff0 + 8 - 8 * 16, false},
        {"beyond the BAR", 65, 0x3c00, 0, false},
        {"far beyond", 1, 0xfffffff8, 0, false},
        {"2048 entries", 2048, 0, 0, false},
        {"in ports", 1, 1, 0x100, false},
        {"in a BAR that is not there", 1, 2, 0x100, false},
        {"in the ROM's number", 1, 6, 0x100, false},
        {"in BAR 7", 1, 7, 0x100, false},
        {"pending bits in ports", 1, 0, 0x11, false},
        {"pending bits beyond the BAR", 65, 0, 0x3ff8, false},
        {"pending bits at the end of the BAR", 64, 0, 0x3ff8, true},
        {"pending bits in the table", 8, 0x100, 0x178, false},
        {"pending bits that reach into the table", 128, 0x108, 0x100, false},
        {"pending bits before and behind", 64, 0x108, 0x100, true},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        begin_msix(rows[i].name, rows[i].entries, rows[i].table, rows[i].pba);
        CHECK_EQ(pci_msix_capable(&d), rows[i].usable ? rows[i].entries : 0);
        CHECK_EQ(pci_msix_enable(&d, 1, NULL), rows[i].usable ? 0 : -ENOTSUP);
        CHECK_EQ(said.lines, rows[i].usable ? 0 : 2);
        pci_messages_disable(&d);
        ended();
    }
    begin("no MSI-X");
    CHECK_EQ(pci_msix_enable(&d, 1, NULL), -ENOTSUP);
    begin_msix("not so many", 4, 0, 0x100);
    CHECK_EQ(pci_msix_enable(&d, 0, NULL), -EINVAL);
    CHECK_EQ(pci_msix_enable(&d, 5, NULL), -EINVAL);
    put_le16(f->config + PCI_REG_COMMAND, 0);
    CHECK_EQ(pci_msix_enable(&d, 1, NULL), -EINVAL); /* decodes nothing */
    CHECK_EQ(sim.writes, 0);
}

/* Whatever fails, nothing stays behind. */
static void
test_failures(void)
{
    unsigned at;

    for (at = 1; at < 20; at++) {
        begin_msix("a failure of MSI-X", 8, 0, 0x100);
        board.fail_at = at;
        if (pci_msix_enable(&d, 8, NULL) == 0)
            break;
        ended();
        CHECK_EQ(sim.writes, 0);
    }
    CHECK_EQ(at, 1 + 8 + 1 + 1);
    pci_messages_disable(&d);
    for (at = 1; at < 20; at++) {
        begin_msi("a failure of MSI", 0);
        board.fail_at = at;
        if (pci_msi_enable(&d, 8, 0) == 0)
            break;
        ended();
        CHECK_EQ(sim.writes, 0);
    }
    CHECK_EQ(at, 1 + 1 + 1);
    pci_messages_disable(&d);
}

int
main(void)
{
    test_line();
    test_msi();
    test_msi_refused();
    test_msix();
    test_msix_refused();
    test_failures();
    return check_report();
}
