// sources: kernel/hw/pci_bar.c kernel/hw/pci_cap.c
/*
 * Sizes of BARs, windows of bridges, and claims that cannot be.
 */
#include "tests/host/pci/sim.h"

struct row {
    const char *name;
    uint32_t value[2], mask[2]; /* two registers: what they read, which bits can be written */
    enum pci_bar_kind kind;
    uint64_t address, size;
    bool wide, prefetched;
};

static const struct row rows[] = {
    {"none", {0, 0}, {0, 0}, PCI_BAR_NONE, 0, 0, 0, 0},
    {"ports, 32 bits", {0xc041, 0}, {0xffffffe0, 0}, PCI_BAR_PORTS, 0xc040, 32, 0, 0},
    {"ports, 16 bits", {0x1f1, 0}, {0xfff8, 0}, PCI_BAR_PORTS, 0x1f0, 8, 0, 0},
    {"4 ports", {0x3f5, 0}, {0xfffffffc, 0}, PCI_BAR_PORTS, 0x3f4, 4, 0, 0},
    {"ports without address", {1, 0}, {0xffffff00, 0}, PCI_BAR_PORTS, 0, 256, 0, 0},
    {"ports without size", {1, 0}, {0, 0}, PCI_BAR_MALFORMED, 0, 1, 0, 0},
    {"memory", {0xfeb00000, 0}, {0xfff00000, 0}, PCI_BAR_MEMORY, 0xfeb00000, 0x100000, 0, 0},
    {"16 bytes", {0xfeb00010, 0}, {0xfffffff0, 0}, PCI_BAR_MEMORY, 0xfeb00010, 16, 0, 0},
    {"1 GiB", {0x80000008, 0}, {0xc0000000, 0}, PCI_BAR_MEMORY, 0x80000000, 0x40000000, 0, 1},
    {"below 1 MiB", {0xd0002, 0}, {0xf0000, 0}, PCI_BAR_MEMORY, 0xd0000, 0x10000, 0, 0},
    {"wide", {0xfe000004, 0}, {0xffffc000, 0xffffffff}, PCI_BAR_MEMORY, 0xfe000000, 0x4000, 1, 0},
    {"wide above", {0xc, 0x38}, {0xf0000000, 0xffffffff}, PCI_BAR_MEMORY, 0x3800000000, 0x10000000, 1, 1},
    {"wide, 8 GiB", {0xc, 0x20}, {0, 0xfffffffe}, PCI_BAR_MEMORY, 0x2000000000, 0x200000000, 1, 1},
    {"wide, decodes 40 bits", {0x4, 0}, {0xfff00000, 0xff}, PCI_BAR_MEMORY, 0, 0x100000, 1, 0},
    {"wide, decodes 32 bits", {0xfe000004, 0}, {0xfff00000, 0}, PCI_BAR_MEMORY, 0xfe000000, 0x100000, 1, 0},
    {"wide without size", {0x4, 0}, {0, 0}, PCI_BAR_MALFORMED, 0, 0, 0, 0},
    {"left from sizing", {0xfff00000, 0}, {0xfff00000, 0}, PCI_BAR_MEMORY, 0, 0x100000, 0, 0},
    {"wide, left from sizing",
     {0xfff00004, UINT32_MAX},
     {0xfff00000, UINT32_MAX},
     PCI_BAR_MEMORY,
     0,
     0x100000,
     1,
     0},
    {"wide, the last below 4 GiB",
     {0xfff00004, 0},
     {0xfff00000, UINT32_MAX},
     PCI_BAR_MEMORY,
     0xfff00000,
     0x100000,
     1,
     0},
    {"ports left from sizing", {0xffffff01, 0}, {0xffffff00, 0}, PCI_BAR_PORTS, 0, 0x100, 0, 0},
    {"16 bits of ports left from sizing", {0xff01, 0}, {0xff00, 0}, PCI_BAR_PORTS, 0, 0x100, 0, 0},
    {"reserved type", {0x6, 0}, {0xfff00000, 0}, PCI_BAR_MALFORMED, 0, 0xfff00006, 0, 0},
    {"a hole", {0, 0}, {0xff0ff000, 0}, PCI_BAR_MALFORMED, 0, 0xff0ff000, 0, 0},
    {"a hole in ports", {1, 0}, {0xfff0ff00, 0}, PCI_BAR_MALFORMED, 0, 0xfff0ff01, 0, 0},
    {"prefetching of nothing", {8, 0}, {0, 0}, PCI_BAR_MALFORMED, 0, 0, 0, 0},
    {"all ones", {0xffffffff, 0}, {0, 0}, PCI_BAR_MALFORMED, 0, 0xffffffff, 0, 0},
};

static void
test_sizes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        uint8_t before[PCI_SPACE];
        struct sim_function *f;
        struct pci_device d;

        check_row("%s", r->name);
        sim_clear();
        f = sim_add(0, 1, 0, 0x11111111, 0);
        sim_register(f, PCI_REG_BAR0 + 8, r->value[0], r->mask[0]);
        sim_register(f, PCI_REG_BAR0 + 12, r->value[1], r->mask[1]);
        memcpy(before, f->config, sizeof before);
        d = sim_device(f);
        pci_bars_read(&d);
        CHECK_EQ(d.bar[2].kind, r->kind);
        CHECK_EQ(d.bar[2].address, r->address);
        CHECK_EQ(d.bar[2].size, r->size);
        CHECK_EQ(d.bar[2].wide, r->wide);
        CHECK_EQ(d.bar[2].prefetched, r->prefetched);
        CHECK(memcmp(before, f->config, sizeof before) == 0);
        CHECK_EQ(sim.sized_while_decoding, 0);
        CHECK_EQ(said.lines, r->kind == PCI_BAR_MALFORMED);
    }
}

static void
test_last_register(void)
{
    struct sim_function *f;
    struct pci_device d;

    check_row("wide in the last register");
    sim_clear();
    f = sim_add(0, 1, 0, 0x11111111, 0);
    sim_register(f, PCI_REG_BAR0 + 20, 0x4, 0xfff00000);
    d = sim_device(f);
    pci_bars_read(&d);
    CHECK_EQ(d.bar[5].kind, PCI_BAR_MALFORMED);

    check_row("a bridge has two BARs");
    f = sim_bridge(0, 2, 1, 1);
    sim_register(f, PCI_REG_BAR0, 0xfe000004, 0xffff0000);
    sim_register(f, PCI_REG_BAR0 + 4, 0, UINT32_MAX);
    sim_register(f, PCI_REG_BRIDGE_ROM, 0xfd000001, PCI_ROM_ADDRESS & ~0x1fffu);
    d = sim_device(f);
    pci_bars_read(&d);
    CHECK(d.bar[0].size == 0x10000 && d.bar[0].wide && d.bar[1].kind == PCI_BAR_NONE);
    CHECK(d.bar[PCI_ROM].address == 0xfd000000 && d.bar[PCI_ROM].size == 0x2000);
    CHECK_EQ(get_le32(f->config + PCI_REG_BRIDGE_ROM), 0xfd000001);
    put_le32(f->config + PCI_REG_BRIDGE_ROM, 0xffffe000);
    pci_bars_read(&d);
    CHECK_EQ(d.bar[PCI_ROM].address, 0);
    CHECK_EQ(d.bar[2].kind, PCI_BAR_NONE);
}

static void
test_left_alone(void)
{
    struct sim_function *f;
    struct pci_device d;

    check_row("a host bridge");
    sim_clear();
    f = sim_add(0, 0, 0, 0x12378086, 0);
    put_le32(f->config + PCI_REG_REVISION, 0x06000000);
    sim_register(f, PCI_REG_BAR0, 0xe0000000, 0xf0000000);
    d = sim_device(f);
    pci_bars_read(&d);
    CHECK_EQ(sim.writes, 0);
    check_row("a header that is not known");
    f = sim_add(0, 1, 0, 0x11111111, 3);
    d = sim_device(f);
    pci_bars_read(&d);
    CHECK_EQ(sim.writes, 0);
}

static void
test_windows(void)
{
    struct sim_function *f;
    struct pci_device d;

    check_row("windows");
    sim_clear();
    f = sim_bridge(0, 1, 1, 1);
    put_le16(f->config + PCI_REG_IO_BASE, 0xd1c1);
    put_le16(f->config + PCI_REG_IO_BASE_HIGH, 1);
    put_le16(f->config + PCI_REG_IO_LIMIT_HIGH, 2);
    put_le32(f->config + PCI_REG_MEMORY_BASE, 0xfe90fe80);
    put_le32(f->config + PCI_REG_PREFETCH_BASE, 0x00110001);
    put_le32(f->config + PCI_REG_PREFETCH_BASE_HIGH, 0x38);
    put_le32(f->config + PCI_REG_PREFETCH_LIMIT_HIGH, 0x39);
    d = sim_device(f);
    pci_windows_read(&d);
    CHECK(d.ports.base == 0x1c000 && d.ports.limit == 0x2dfff);
    CHECK(d.memory.base == 0xfe800000 && d.memory.limit == 0xfe9fffff);
    CHECK(d.prefetch.base == 0x3800000000 && d.prefetch.limit == 0x39001fffff);

    check_row("narrow windows: the upper halves are something else's");
    put_le16(f->config + PCI_REG_IO_BASE, 0xd0c0);
    put_le32(f->config + PCI_REG_PREFETCH_BASE, 0xe010e000);
    d = sim_device(f);
    pci_windows_read(&d);
    CHECK(d.ports.base == 0xc000 && d.ports.limit == 0xdfff);
    CHECK(d.prefetch.base == 0xe0000000 && d.prefetch.limit == 0xe01fffff);

    check_row("no windows");
    put_le16(f->config + PCI_REG_IO_BASE, 0);
    put_le32(f->config + PCI_REG_MEMORY_BASE, 0x0000fff0);
    d = sim_device(f);
    pci_windows_read(&d);
    CHECK(d.ports.base > d.ports.limit && d.memory.base > d.memory.limit);
}

/* -- claims: two functions below a bridge below a bridge */

static struct list all;
static struct pci_device top, bridge, a, b;

static bool
is_memory(uint64_t pa, uint64_t size)
{
    return pa < 0x10000000 || (pa < 0x140000000 && pa + size > 0x100000000);
}

static const struct pci_world world = {&all, 40, is_memory};

static void
claims_begin(const char *row)
{
    check_row("%s", row);
    sim_clear();
    list_init(&all);
    top = sim_device(sim_bridge(0, 1, 1, 2));
    bridge = sim_device(sim_bridge(1, 1, 2, 2));
    a = sim_device(sim_add(2, 1, 0, 0x11111111, 0));
    b = sim_device(sim_add(2, 2, 0, 0x22222222, 0));
    bridge.parent = &top;
    a.parent = b.parent = &bridge;
    top.ports = bridge.ports = (struct pci_window){0xc000, 0xcfff};
    top.memory = bridge.memory = (struct pci_window){0xe0000000, 0xefffffff};
    top.prefetch = bridge.prefetch = (struct pci_window){0x8000000000, 0x80ffffffff};
    list_add_tail(&all, &top.link);
    list_add_tail(&all, &bridge.link);
    list_add_tail(&all, &a.link);
    list_add_tail(&all, &b.link);
    a.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe1000000, .size = 0x10000};
    a.bar[1] = (struct pci_bar){.kind = PCI_BAR_PORTS, .address = 0xc100, .size = 0x100};
    b.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe1010000, .size = 0x10000};
    b.bar[1] = (struct pci_bar){.kind = PCI_BAR_PORTS, .address = 0xc200, .size = 0x100};
}

static void
claim_check(unsigned bar, int err)
{
    unsigned lines = said.lines;

    CHECK_EQ(pci_bar_check(&a, bar, &world), err);
    CHECK_EQ(said.lines - lines, err == 0 || err == -ENOENT || err == -EINVAL ? 0 : 1);
    if (said.lines > lines)
        CHECK(strstr(said.last, a.name) != NULL);
}

static void
test_claims(void)
{
    claims_begin("right");
    claim_check(0, 0);
    claim_check(1, 0);
    claim_check(2, -ENOENT);
    claim_check(7, -ENOENT);
    a.bar[0] =
        (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0x8000000000, .size = 0x1000000, .wide = true};
    claim_check(0, 0);

    claims_begin("malformed");
    a.bar[0].kind = PCI_BAR_MALFORMED;
    claim_check(0, -EINVAL);
    claims_begin("no address");
    a.bar[0].address = 0;
    claim_check(0, -ENXIO);
    claims_begin("misaligned");
    a.bar[0].address += 0x1000;
    claim_check(0, -ERANGE);
    claims_begin("above the ports");
    a.bar[1].address = 0x10000;
    claim_check(1, -ERANGE);
    claims_begin("above the processor's addresses");
    a.parent = NULL;
    a.bar[0].address = 0x10000000000;
    claim_check(0, -ERANGE);
    a.bar[0].address = 0xffffffffffff0000;
    claim_check(0, -ERANGE);
    claims_begin("larger than the processor's addresses");
    a.parent = NULL;
    a.bar[0].size = BIT64(63);
    a.bar[0].address = BIT64(63);
    claim_check(0, -ERANGE);
}

static void
test_claims_of_windows(void)
{
    claims_begin("outside the bridge");
    a.bar[0].address = 0xd0000000;
    claim_check(0, -ERANGE);
    a.bar[1].address = 0xd000;
    claim_check(1, -ERANGE);
    claims_begin("outside the upper bridge");
    top.memory.limit = 0xe0ffffff;
    claim_check(0, -ERANGE);
    claims_begin("a bridge that passes on what is left");
    a.bar[0].address = 0xd0000000;
    bridge.class_code = 0x060401;
    claim_check(0, -ERANGE);
    top.class_code = 0x060401;
    claim_check(0, 0);
}

static void
test_claims_of_others(void)
{
    claims_begin("memory");
    a.parent = NULL;
    a.bar[0].address = 0x8000000;
    claim_check(0, -EBUSY);
    claims_begin("overlaps another function's");
    a.bar[0].size = 0x20000;
    a.bar[0].address = 0xe1000000;
    claim_check(0, -EBUSY);
    CHECK(strstr(said.last, "BAR 0 of") != NULL);
    claims_begin("lies in another function's");
    b.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xe0000000, .size = 0x10000000};
    claim_check(0, -EBUSY);
    claims_begin("overlaps its own");
    a.bar[3] = a.bar[0];
    claim_check(0, -EBUSY);
    claims_begin("ports that overlap");
    a.bar[1] = b.bar[1];
    claim_check(1, -EBUSY);
    claims_begin("ports and memory of the same number");
    b.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0xc100, .size = 0x100};
    claim_check(1, 0);
    claims_begin("another that has no address, or is malformed");
    b.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = 0, .size = BIT64(40)};
    claim_check(0, 0);
    b.bar[0] = (struct pci_bar){.kind = PCI_BAR_MALFORMED, .address = 0xe1000000, .size = BIT64(40)};
    claim_check(0, 0);
    claims_begin("another whose end is beyond 2^64");
    b.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEMORY, .address = UINT64_MAX - 0xf, .size = BIT64(20)};
    claim_check(0, 0);
    claims_begin("a ROM that is off, and on");
    b.bar[0].kind = PCI_BAR_NONE;
    b.bar[PCI_ROM] = a.bar[0];
    claim_check(0, 0);
    put_le32(sim.function[3].config + PCI_REG_ROM, 0xe1000001);
    claim_check(0, -EBUSY);
}

int
main(void)
{
    test_sizes();
    test_last_register();
    test_left_alone();
    test_windows();
    test_claims();
    test_claims_of_windows();
    test_claims_of_others();
    return check_report();
}
