// sources: kernel/hw/pci_scan.c kernel/hw/pci_bar.c kernel/hw/pci_cap.c lib/format.c
/*
 * Which functions a scan finds: machines as they are, and bridges that lie.
 */
#include "tests/host/pci/sim.h"

static void
scan_all(const char *row)
{
    check_row("%s", row);
    sim_scan();
    sim_check_scan();
    CHECK_EQ(sim.sized_while_decoding, 0);
}

/* A tree as of a switch: root port, upstream port, two downstream ports, a function below each. */
static void
test_tree(void)
{
    sim_clear();
    sim_add(0, 0, 0, 0x29c08086, 0);
    sim_express(sim_bridge(0, 4, 1, 4), 0x40, PCI_PCIE_ROOT_PORT);
    sim_express(sim_bridge(1, 0, 2, 4), 0x40, 5);
    sim_express(sim_bridge(2, 0, 3, 3), 0x40, PCI_PCIE_DOWNSTREAM_PORT);
    sim_express(sim_bridge(2, 1, 4, 4), 0x40, PCI_PCIE_DOWNSTREAM_PORT);
    sim_add(3, 0, 0, 0x11111111, 0);
    sim_add(4, 0, 0, 0x22222222, 0);
    sim_bridge(0, 5, 7, 9); /* nothing at 8 and 9 */
    sim_add(7, 31, 0, 0x33333333, 0);
    scan_all("tree");
    CHECK_EQ(found_count, 9);
    CHECK_EQ(scan.buses, 6);
    CHECK(sim_found(4, 0, 0)->parent == sim_found(2, 1, 0));
    CHECK(sim_found(2, 1, 0)->parent == sim_found(1, 0, 0));
    CHECK(sim_found(1, 0, 0)->parent == sim_found(0, 4, 0));
    CHECK(sim_found(0, 4, 0)->parent == NULL);
    CHECK(sim_found(7, 31, 0)->parent == sim_found(0, 5, 0));
    CHECK_STR(sim_found(7, 31, 0)->name, "0000:07:1f.0");
    CHECK_EQ(said.lines, 0);
}

static void
test_header(void)
{
    struct sim_function *f;
    struct pci_device *d;

    sim_clear();
    f = sim_add(0, 3, 0, 0x29228086, 0);
    put_le32(f->config + PCI_REG_REVISION, 0x01060102);
    put_le16(f->config + PCI_REG_SUBSYSTEM_VENDOR, 0x1af4);
    put_le16(f->config + PCI_REG_SUBSYSTEM, 0x1100);
    f->config[PCI_REG_LINE] = 11;
    f->config[PCI_REG_PIN] = 2;
    sim_add(0, 4, 0, 0x00001234, 0x7f);
    scan_all("header");
    d = sim_found(0, 3, 0);
    CHECK(d->vendor == 0x8086 && d->device == 0x2922 && d->class_code == 0x010601 && d->revision == 2);
    CHECK(d->subsystem_vendor == 0x1af4 && d->subsystem == 0x1100 && d->line == 11 && d->pin == 2);
    CHECK_EQ(said.lines, 1); /* of the header that is not known; it is listed all the same */
    CHECK_EQ(sim_found(0, 4, 0)->header, 0x7f);
}

static void
test_functions(void)
{
    sim_clear();
    sim_add(0, 1, 0, 0x00011111, 0x80);
    sim_add(0, 1, 3, 0x00031111, 0);
    sim_add(0, 1, 7, 0x00071111, 0);
    sim_add(0, 2, 0, 0x00012222, 0); /* one function: what answers at others is the same one */
    sim_add(0, 2, 1, 0x00012222, 0);
    sim_add(0, 3, 1, 0x00013333, 0); /* no function 0 */
    sim_add(0, 4, 0, 0xffff0000, 0); /* no vendor */
    scan_all("functions");
    CHECK_EQ(found_count, 4);
    CHECK(sim_found(0, 1, 3) && sim_found(0, 1, 7) && !sim_found(0, 2, 1) && !sim_found(0, 3, 1));
}

/* Below a port of PCI Express everything answers as device 0 on some chips. */
static void
test_port_has_one_device(void)
{
    struct sim_function *port;

    sim_clear();
    port = sim_bridge(0, 1, 1, 1);
    sim_express(port, 0x40, PCI_PCIE_ROOT_PORT);
    sim_add(1, 0, 0, 0x11111111, 0);
    sim_add(1, 1, 0, 0x11111111, 0);
    scan_all("port");
    CHECK_EQ(found_count, 2);
    put_le16(port->config + 0x40 + PCI_PCIE_DEVCTL2, PCI_DEVCTL2_ARI);
    scan_all("port that forwards to more functions");
    CHECK_EQ(found_count, 3);
    put_le16(port->config + 0x40 + PCI_PCIE_FLAGS, 2 | 7 << 4);
    put_le16(port->config + 0x40 + PCI_PCIE_DEVCTL2, 0);
    scan_all("bridge to PCI");
    CHECK_EQ(found_count, 3);
}

/* Host bridges that only AML names: buses that no bridge leads to. */
static void
test_expanders(void)
{
    sim_clear();
    sim_bridge(0, 1, 1, 0x1f);
    sim_add(0x20, 0, 0, 0x11111111, 0);
    sim_bridge(0x20, 2, 0x21, 0x22);
    sim_add(0x21, 0, 0, 0x22222222, 0);
    sim_add(0x80, 0, 0, 0x33333333, 0);
    sim_add(0xff, 31, 0, 0x44444444, 0);
    sim_add(0x10, 0, 0, 0x55555555, 0); /* in the range of a bridge, but nothing leads there */
    scan_all("expanders");
    CHECK_EQ(found_count, 6);
    CHECK(sim_found(0x21, 0, 0)->parent == sim_found(0x20, 2, 0));
    CHECK(!sim_found(0x10, 0, 0));
}

/* Bridges that are not followed. What they hide is not found below them. */
static void
test_lying_bridges(void)
{
    static const struct {
        const char *name;
        uint8_t bus, secondary, subordinate;
    } rows[] = {
        {"no numbers", 0, 0, 0},
        {"to its own bus", 5, 5, 5},
        {"upwards", 5, 1, 9},
        {"empty range", 0, 9, 8},
        {"beyond the bridge above", 5, 7, 0x11},
        {"another's buses", 0, 6, 7},
        {"around another's", 0, 4, 0x12},
        {"outside the bridge above", 5, 0x20, 0x21},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        sim_clear();
        sim_bridge(0, 1, 5, 0x10);
        sim_bridge(rows[i].bus, 2, rows[i].secondary, rows[i].subordinate);
        scan_all(rows[i].name);
        CHECK_EQ(found_count, 2);
        CHECK_EQ(said.lines, 1);
        CHECK(strstr(said.last, "not followed") != NULL);
    }
}

/* Whatever bus is asked for, the same bridge answers: a loop. */
static void
test_loop(void)
{
    sim_clear();
    memset(sim.leads_to, 0, sizeof sim.leads_to);
    sim_bridge(0, 1, 1, 0xff);
    scan_all("loop");
    CHECK_EQ(found_count, 2);
    sim.function[0].config[PCI_REG_SUBORDINATE] = 1;
    scan_all("loop of one bus");
    CHECK_EQ(found_count, 256 - 1 + 1);
}

/* The longest chain: each bus holds a bridge to the next. */
static void
test_chain(void)
{
    sim_clear();
    for (unsigned bus = 0; bus < SIM_FUNCTIONS; bus++)
        sim_bridge(bus, 31, bus + 1, 0xff);
    scan_all("chain");
    CHECK_EQ(found_count, SIM_FUNCTIONS);
    CHECK(found[SIM_FUNCTIONS - 1].parent == &found[SIM_FUNCTIONS - 2]);
}

/* Nothing is kept: the scan ends, nothing is lost without being counted, and bridges still own their buses. */
static struct pci_device *
keep_nothing(void *context, const struct pci_device *d)
{
    (void)context;
    (void)d;
    return NULL;
}

static void
test_no_memory(void)
{
    check_row("no memory");
    sim_clear();
    sim_bridge(0, 1, 1, 3);
    sim_add(1, 0, 0, 0x11111111, 0);
    memset(&scan, 0, sizeof scan);
    scan.access = &sim_access;
    scan.keep = keep_nothing;
    pci_scan(&scan);
    CHECK_EQ(scan.functions, 1);
    CHECK_EQ(scan.lost, 1);
}

/* Every register of every function reads as noise, and keeps nothing of what is written. */
static uint32_t
noise_read(void *context, struct pci_address at, unsigned offset, unsigned width)
{
    uint64_t x = *(uint64_t *)context ^ (uint64_t)at.bus << 40 ^ (uint64_t)at.device << 32 ^
                 (uint64_t)at.function << 24 ^ offset;

    sim.reads++;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (uint32_t)(x >> 31) & UINT32_MAX >> (32 - 8 * width);
}

static void
noise_write(void *context, struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
}

static const struct pci_config_ops noise_ops = {.read = noise_read, .write = noise_write, .space = sim_space};

static void
test_noise(void)
{
    for (unsigned round = 0; round < 3; round++) {
        uint64_t seed = check_random();
        const struct pci_access noise = {&noise_ops, &seed};

        check_row("noise %#lx", (unsigned long)seed);
        sim_clear();
        memset(&scan, 0, sizeof scan);
        scan.access = &noise;
        scan.keep = sim_keep;
        found_count = 0;
        pci_scan(&scan);
        sim_check_scan();
        CHECK(scan.functions > 1000 && scan.functions <= 65536);
        CHECK(sim.reads < 65536ul * 200);
    }
}

static void
test_agree(void)
{
    uint64_t seed = 1;
    const struct pci_access noise = {&noise_ops, &seed};

    check_row("agree");
    sim_clear();
    CHECK(!pci_access_agree(&sim_access, &sim_access, 0, 0)); /* nothing there */
    sim_add(0, 31, 0, 0x29188086, 0);
    CHECK(pci_access_agree(&sim_access, &sim_access, 0, 0));
    CHECK(!pci_access_agree(&sim_access, &sim_access, 0, 1));
    CHECK(!pci_access_agree(&sim_access, &noise, 0, 0));
}

int
main(void)
{
    test_tree();
    test_header();
    test_functions();
    test_port_has_one_device();
    test_expanders();
    test_lying_bridges();
    test_loop();
    test_chain();
    test_no_memory();
    test_noise();
    test_agree();
    return check_report();
}
