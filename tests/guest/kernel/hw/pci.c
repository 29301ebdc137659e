/*
 * PCI on the machine at hand: the list, owners, BARs, messages, resets. With QEMU's devices: edu (docs/specs/edu.txt
 * there), e1000e (Intel 82574 datasheet, 10.2), and whatever has a reset of its own.
 */
#include "kernel/hw/pci.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/smp.h"
#include "kernel/hw/pci_reg.h"
#include "lib/errno.h"
#include "tests/guest/kernel/cpu/irq_probe.h"

#define OWNER "test"

#define EDU_SIZE     0x100000
#define EDU_ID       0x00
#define EDU_ID_VALUE 0x010000edu
#define EDU_INVERSE  0x04
#define EDU_PENDING  0x24
#define EDU_RAISE    0x60
#define EDU_ACK      0x64

#define NIC_ICS      0x00c8 /* raise causes */
#define NIC_IMS      0x00d0 /* let causes interrupt */
#define NIC_IMC      0x00d8
#define NIC_IVAR     0x00e4        /* cause to message: 4 bits each, 8 = valid */
#define NIC_CAUSE(n) BIT(20 + (n)) /* receive queues 0, 1, transmit queues 0, 1, other */
#define NIC_CALM     MS(100)
#define NIC_QUEUES   5

#define NVME_INTMS 0x0c /* masks messages when written; reads as the mask */

static const struct pci_match edu_match = {.vendor = 0x1234, .device = 0x11e8};
static const struct pci_match nic_match = {.vendor = 0x8086, .device = 0x10d3};
static const struct pci_match bridge_match = {PCI_ANY, PCI_ANY, 0x060000, 0xff0000};

/* A device that is claimed, decodes memory and has BAR 0 mapped. */
struct held {
    struct pci_device *d;
    struct probe probe[NIC_QUEUES];
    void *regs;
    uint64_t size;
};

static bool
hold(struct held *h, const struct pci_match *match, const char *device)
{
    h->d = pci_next(NULL, match);
    if (!h->d) {
        ktest_skip("needs -device %s", device);
        return false;
    }
    KCHECK_EQ(pci_claim(h->d, OWNER), 0);
    KCHECK_EQ(pci_enable(h->d, PCI_ENABLE_MEMORY | PCI_ENABLE_MASTER), 0);
    KCHECK_EQ(pci_map_bar(h->d, 0, &h->regs, &h->size), 0);
    if (!ktest_failed())
        return true;
    pci_release(h->d, OWNER);
    return false;
}

static void
let_go(struct held *h)
{
    pci_unmap_bar(h->d, 0, h->regs);
    pci_disable(h->d, PCI_ENABLE_MEMORY | PCI_ENABLE_MASTER);
    pci_release(h->d, OWNER);
}

KTEST(pci_list_is_in_order_and_true)
{
    struct pci_device *d = pci_next(NULL, NULL), *before = NULL;

    KCHECK(d && d->at.bus == 0 && d->at.device == 0);
    for (; d; before = d, d = pci_next(d, NULL)) {
        KCHECK(pci_find(d->at) == d);
        KCHECK_EQ(pci_read16(d, PCI_REG_VENDOR), d->vendor);
        KCHECK_EQ(pci_read16(d, PCI_REG_DEVICE), d->device);
        KCHECK_EQ(pci_read8(d, PCI_REG_DEVICE), d->device & 0xff);
        KCHECK_EQ(pci_read32(d, PCI_REG_VENDOR), (uint32_t)d->device << 16 | d->vendor);
        if (before)
            KCHECK(before->at.bus < d->at.bus ||
                   (before->at.bus == d->at.bus && before->at.device <= d->at.device));
    }
    KCHECK(pci_find((struct pci_address){0xfffe, 0, 0, 0}) == NULL);
}

KTEST(pci_match_finds_all_and_only)
{
    unsigned all = 0, bridges = 0, matched = 0;

    for (struct pci_device *d = pci_next(NULL, NULL); d; d = pci_next(d, NULL)) {
        all++;
        bridges += d->class_code >> 16 == 6;
    }
    for (struct pci_device *d = pci_next(NULL, &bridge_match); d; d = pci_next(d, &bridge_match))
        matched++;
    KCHECK(bridges > 0 && bridges < all);
    KCHECK_EQ(matched, bridges);
    KCHECK(pci_next(NULL, &(struct pci_match){.vendor = 0x1234, .device = 0xdead}) == NULL);
}

/* Through the ports, each function on bus 0 has the same registers. */
KTEST(pci_registers_are_those_that_the_ports_show)
{
    for (struct pci_device *d = pci_next(NULL, NULL); d && d->at.bus == 0; d = pci_next(d, NULL))
        for (unsigned offset = 0; offset < 0x40; offset += 4) {
            uint64_t were_on = interrupts_save();
            uint32_t value;

            port_write32(0xcf8,
                         BIT(31) | (uint32_t)d->at.device << 11 | (uint32_t)d->at.function << 8 | offset);
            value = port_read32(0xcfc);
            interrupts_restore(were_on);
            KCHECK_EQ(pci_read32(d, offset), value);
        }
}

KTEST(pci_registers_that_do_not_exist)
{
    struct pci_device *d = pci_next(NULL, NULL);

    KCHECK_EQ(pci_read32(d, 2), UINT32_MAX);
    KCHECK_EQ(pci_read16(d, d->space), 0xffff);
    KCHECK_EQ(pci_read8(d, UINT32_MAX), 0xff);
}

/* Memory decoding comes back after sizing, and the sizes do not change what is where. */
KTEST(pci_bars_stay_as_they_were)
{
    for (struct pci_device *d = pci_next(NULL, NULL); d; d = pci_next(d, NULL))
        for (unsigned n = 0; d->header == 0 && n < 6; n++)
            if (d->bar[n].kind == PCI_BAR_MEMORY)
                KCHECK_EQ(pci_read32(d, PCI_REG_BAR0 + 4 * n) & PCI_BAR_ADDRESS, (uint32_t)d->bar[n].address);
}

KTEST(pci_claim_is_exclusive)
{
    struct pci_device *d = pci_next(NULL, &edu_match);

    if (!d) {
        ktest_skip("needs -device edu");
        return;
    }
    KCHECK_EQ(pci_claim(d, OWNER), 0);
    KCHECK_EQ(pci_claim(d, OWNER), -EBUSY);
    KCHECK_EQ(pci_claim(d, "another"), -EBUSY);
    pci_release(d, OWNER);
    KCHECK_EQ(pci_claim(d, "another"), 0);
    pci_release(d, "another");
}

KTEST(pci_edu_registers_are_mapped)
{
    uint16_t port;
    struct held h;
    void *va;
    uint64_t size;

    if (!hold(&h, &edu_match, "edu"))
        return;
    KCHECK_EQ(h.size, EDU_SIZE);
    KCHECK_EQ(mmio_read32(h.regs, EDU_ID), EDU_ID_VALUE);
    mmio_write32(h.regs, EDU_INVERSE, 0x12345678);
    KCHECK_EQ(mmio_read32(h.regs, EDU_INVERSE), ~0x12345678u);
    KCHECK_EQ(pci_map_bar(h.d, 1, &va, &size), -ENOENT);
    KCHECK_EQ(pci_map_bar(h.d, PCI_BARS, &va, &size), -ENOENT);
    KCHECK_EQ(pci_port_bar(h.d, 0, &port, &size), -EINVAL);
    pci_disable(h.d, PCI_ENABLE_MEMORY);
    KCHECK(mmio_read32(h.regs, EDU_ID) != EDU_ID_VALUE);
    KCHECK_EQ(pci_enable(h.d, PCI_ENABLE_MEMORY), 0);
    KCHECK_EQ(mmio_read32(h.regs, EDU_ID), EDU_ID_VALUE);
    let_go(&h);
}

/* A device that says to lie in memory, or where another is, is not let loose there. */
KTEST(pci_false_claims_are_refused)
{
    struct pci_device *d = pci_next(NULL, &edu_match), *other = pci_next(NULL, &nic_match);
    uint64_t address, size;
    void *va;

    if (!d || !other) {
        ktest_skip("needs -device edu -device e1000e");
        return;
    }
    KCHECK_EQ(pci_claim(d, OWNER), 0);
    pci_disable(d, PCI_ENABLE_MEMORY);
    address = d->bar[0].address;
    d->bar[0].address = 0x100000;
    KCHECK_EQ(pci_map_bar(d, 0, &va, &size), -EBUSY);
    KCHECK_EQ(pci_enable(d, PCI_ENABLE_MEMORY), -EBUSY);
    KCHECK(!(pci_read16(d, PCI_REG_COMMAND) & PCI_COMMAND_MEMORY));
    d->bar[0].address = other->bar[0].address & -d->bar[0].size;
    KCHECK_EQ(pci_map_bar(d, 0, &va, &size), -EBUSY);
    d->bar[0].address = BIT64(52);
    KCHECK_EQ(pci_map_bar(d, 0, &va, &size), -ERANGE);
    d->bar[0].address = 0;
    KCHECK_EQ(pci_map_bar(d, 0, &va, &size), -ENXIO);
    d->bar[0].address = address;
    KCHECK_EQ(pci_map_bar(d, 0, &va, &size), 0);
    pci_unmap_bar(d, 0, va);
    pci_release(d, OWNER);
}

KTEST(pci_rom_is_mapped_and_hidden_again)
{
    struct pci_device *d = pci_next(NULL, NULL);
    uint64_t size;
    void *va;

    while (d && (d->bar[PCI_ROM].kind != PCI_BAR_MEMORY || !d->bar[PCI_ROM].address))
        d = pci_next(d, NULL);
    if (!d) {
        ktest_skip("no function has a ROM with an address");
        return;
    }
    KCHECK_EQ(pci_claim(d, OWNER), 0);
    KCHECK_EQ(pci_enable(d, PCI_ENABLE_MEMORY), 0);
    if (pci_map_bar(d, PCI_ROM, &va, &size) == 0) {
        KCHECK_EQ(size, d->bar[PCI_ROM].size);
        KCHECK_EQ(mmio_read16(va, 0), 0xaa55); /* PCI 3.0, 6.3.1.1 */
        pci_unmap_bar(d, PCI_ROM, va);
        KCHECK(!(pci_read32(d, PCI_REG_ROM) & PCI_ROM_ENABLE));
    } else {
        KCHECK(false);
    }
    pci_release(d, OWNER);
}

/* -- interrupts */

static struct held irq_edu;

static void
edu_serve(struct probe *p)
{
    mmio_write32(irq_edu.regs, EDU_ACK, mmio_read32(irq_edu.regs, EDU_PENDING));
}

static bool
edu_connect(void)
{
    int err;

    probe_init(&irq_edu.probe[0], OWNER);
    irq_edu.probe[0].more = edu_serve;
    err = pci_irq_connect(irq_edu.d, 0, &irq_edu.probe[0].irq);
    KCHECK_EQ(err, 0);
    return err == 0;
}

static void
edu_raise_and_see(unsigned times)
{
    for (uint32_t n = 1; n <= times; n++) {
        mmio_write32(irq_edu.regs, EDU_RAISE, 1);
        KCHECK(probe_wait(&irq_edu.probe[0], n));
    }
    stall_us(1000);
    KCHECK_EQ(probe_calls(&irq_edu.probe[0]), times);
    pci_irq_disconnect(irq_edu.d, 0, &irq_edu.probe[0].irq);
}

KTEST(pci_edu_message_for_each_raise)
{
    struct held *h = &irq_edu;
    int err;

    if (!hold(h, &edu_match, "edu"))
        return;
    KCHECK_EQ(pci_msi_capable(h->d), 1);
    KCHECK_EQ(pci_msix_capable(h->d), 0);
    KCHECK_EQ(pci_msix_enable(h->d, 1, NULL), -ENOTSUP);
    KCHECK_EQ(pci_msi_enable(h->d, 2, 0), -EINVAL);
    err = pci_msi_enable(h->d, 1, cpu_count() - 1);
    if (err == -ENOTSUP) {
        ktest_skip("messages are off");
    } else {
        KCHECK_EQ(err, 0);
        KCHECK_EQ(pci_msi_enable(h->d, 1, 0), -EBUSY);
        KCHECK_EQ(pci_reset(h->d), -ENOTSUP);
        if (edu_connect())
            edu_raise_and_see(50);
        KCHECK_EQ(h->probe[0].cpu, cpu_count() - 1);
        pci_messages_disable(h->d);
    }
    let_go(h);
}

/* After messages, and after a handler has gone, the line works again. */
KTEST(pci_edu_line_after_messages)
{
    struct held *h = &irq_edu;

    if (!hold(h, &edu_match, "edu"))
        return;
    if (pci_msi_enable(h->d, 1, 0) == 0)
        pci_messages_disable(h->d);
    for (unsigned round = 0; round < 2; round++) {
        KCHECK(pci_irq_line(h->d) > 0);
        if (edu_connect())
            edu_raise_and_see(5);
        KCHECK(pci_read16(h->d, PCI_REG_COMMAND) & PCI_COMMAND_INTX_OFF);
    }
    let_go(h);
}

/* Each queue's cause raises its own message, on its own processor; a masked one waits until it is unmasked. */
static void
nic_check(struct held *h)
{
    uint32_t ivar = BIT(31);

    for (unsigned n = 0; n < NIC_QUEUES; n++)
        ivar |= (8 | n) << 4 * n;
    mmio_write32(h->regs, NIC_IMC, UINT32_MAX);
    mmio_write32(h->regs, NIC_IVAR, ivar);
    for (unsigned n = 0; n < NIC_QUEUES; n++) {
        probe_init(&h->probe[n], OWNER);
        KCHECK_EQ(pci_irq_connect(h->d, n, &h->probe[n].irq), 0);
    }
    for (unsigned n = 0; n < NIC_QUEUES; n++) {
        mmio_write32(h->regs, NIC_IMS, NIC_CAUSE(n));
        mmio_write32(h->regs, NIC_ICS, NIC_CAUSE(n));
        KCHECK(probe_wait(&h->probe[n], 1));
        KCHECK_EQ(h->probe[n].cpu, n % cpu_count());
        mmio_write32(h->regs, NIC_IMC, NIC_CAUSE(n));
    }
    for (unsigned n = 0; n < NIC_QUEUES; n++)
        KCHECK_EQ(probe_calls(&h->probe[n]), 1);
    KCHECK(pci_irq_mask(h->d, 1, true));
    mmio_write32(h->regs, NIC_IMS, NIC_CAUSE(1));
    mmio_write32(h->regs, NIC_ICS, NIC_CAUSE(1));
    stall_us(2000);
    KCHECK_EQ(probe_calls(&h->probe[1]), 1);
    KCHECK(pci_irq_mask(h->d, 1, false));
    KCHECK(probe_wait(&h->probe[1], 2));
    mmio_write32(h->regs, NIC_IMC, UINT32_MAX);
    for (unsigned n = 0; n < NIC_QUEUES; n++)
        pci_irq_disconnect(h->d, n, &h->probe[n].irq);
    thread_sleep(
        NIC_CALM); /* QEMU 7.2 aborts if it throttles (128 us after a message) when messages are disabled */
}

KTEST(pci_nic_messages_of_a_table)
{
    static struct held nic;
    uint32_t cpu[NIC_QUEUES];
    int err;

    if (!hold(&nic, &nic_match, "e1000e"))
        return;
    for (unsigned n = 0; n < NIC_QUEUES; n++)
        cpu[n] = n % cpu_count();
    KCHECK_EQ(pci_msix_capable(nic.d), NIC_QUEUES);
    KCHECK_EQ(pci_msix_enable(nic.d, NIC_QUEUES + 1, cpu), -EINVAL);
    err = pci_msix_enable(nic.d, NIC_QUEUES, cpu);
    if (err == -ENOTSUP) {
        ktest_skip("messages are off");
    } else {
        KCHECK_EQ(err, 0);
        if (!err)
            nic_check(&nic);
        pci_messages_disable(nic.d);
    }
    let_go(&nic);
}

/* -- reset */

static bool
has_reset(const struct pci_device *d)
{
    uint16_t express = pci_cap_find(d, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE);
    uint16_t af = pci_cap_find(d, PCI_CAP_ID_AF, PCI_AF_SIZE);

    return (express && pci_read32(d, express + PCI_PCIE_DEVCAP) & PCI_DEVCAP_FLR) ||
           (af && pci_read8(d, af + PCI_AF_CAP) & PCI_AF_CAP_FLR);
}

KTEST(pci_reset_keeps_the_configuration)
{
    struct pci_device *d = pci_next(NULL, NULL);
    uint32_t before[16];
    uint64_t began;

    while (d && !has_reset(d))
        d = pci_next(d, NULL);
    if (!d) {
        ktest_skip("needs -device nvme,serial=x");
        return;
    }
    KCHECK_EQ(pci_claim(d, OWNER), 0);
    KCHECK_EQ(pci_enable(d, PCI_ENABLE_MEMORY), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(before); i++)
        before[i] = pci_read32(d, 4 * i);
    began = time_now();
    KCHECK_EQ(pci_reset(d), 0);
    KCHECK(time_now() - began >= MS(100));
    for (unsigned i = 0; i < ARRAY_SIZE(before); i++)
        KCHECK_EQ(pci_read32(d, 4 * i), before[i]);
    pci_disable(d, PCI_ENABLE_MEMORY);
    pci_release(d, OWNER);
}

/* The reset itself: a register of NVMe that was set is back at its start (NVMe 1.4, 3.1.3). */
KTEST(pci_reset_resets)
{
    static const struct pci_match nvme = {PCI_ANY, PCI_ANY, 0x010802, 0xffffff};
    struct held h;

    if (!hold(&h, &nvme, "nvme,serial=x"))
        return;
    mmio_write32(h.regs, NVME_INTMS, 5);
    KCHECK_EQ(mmio_read32(h.regs, NVME_INTMS), 5);
    KCHECK_EQ(pci_reset(h.d), 0);
    KCHECK_EQ(mmio_read32(h.regs, NVME_INTMS), 0);
    let_go(&h);
}
