// sources: kernel/hw/pci_scan.c kernel/hw/pci_bar.c kernel/hw/pci_cap.c kernel/hw/pci_power.c kernel/hw/pci_irq.c lib/format.c
/*
 * Machines made of bytes: functions anywhere, with any registers, of which any bits can be written; and all that a driver
 * may do with each function found.
 *
 * A function: bus, device and function, where its bytes go, how many, what is writable, then these bytes.
 */
#include "tests/host/pci/interrupts.h"

#define HEAD 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct list all;

static bool
is_memory(uint64_t pa, uint64_t size)
{
    return pa < 0x80000000;
}

static const struct pci_world world = {&all, 40, is_memory};

/* Returns the bytes that were used. */
static size_t
function_make(const uint8_t *p, size_t size)
{
    struct sim_function *f = &sim.function[sim.functions];
    unsigned offset = get_le16(p + 3) % PCI_SPACE_EXT, n = p[5];

    f->at = (struct pci_address){0, p[0], p[1] & 31, p[2] & 7};
    n = n > size - HEAD ? (unsigned)(size - HEAD) : n;
    n = n > PCI_SPACE_EXT - offset ? PCI_SPACE_EXT - offset : n;
    if (!sim_find(f->at)) {
        sim.functions++;
        put_le32(f->config, 0x00011b36);
        memset(f->writable + PCI_REG_COMMAND, p[6], PCI_SPACE - PCI_REG_COMMAND);
    } else {
        f = sim_find(f->at); /* more bytes of the same */
    }
    memcpy(f->config + offset, p + HEAD, n);
    memcpy(f->at_reset, f->config, sizeof f->config);
    f->reset_register = p[7] & 1 ? p[7] : 0;
    f->reset_bit = p[6];
    f->back_after = p[7] & 2 ? NEVER : (uint64_t)p[6] * 10000;
    return HEAD + n;
}

static void
function_use(struct pci_device *d)
{
    struct irq irq = {.name = "fuzz"};
    uint64_t began = sim.now;

    for (unsigned bar = 0; bar <= PCI_BARS; bar++)
        pci_bar_check(d, bar, &world);
    pci_irq_line(d);
    if (pci_msi_enable(d, pci_msi_capable(d), 0) == 0 || pci_msix_enable(d, pci_msix_capable(d), NULL) == 0) {
        CHECK_EQ(pci_reset(d) == -EBUSY || d->irq_mode != PCI_IRQ_LINE, true);
        if (pci_irq_connect(d, d->irq_count - 1u, &irq) == 0)
            pci_irq_disconnect(d, d->irq_count - 1u, &irq);
        pci_messages_disable(d);
    }
    CHECK(board.messages == 0 && board.blocks == 0 && board.mapped == 0);
    pci_power_on(d);
    pci_reset(d);
    CHECK(sim.now - began < 2000000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sim_clear();
    board_clear();
    if (size >= 4) { /* some buses show others */
        sim.leads_to[data[0]] = data[1];
        sim.leads_to[data[2]] = data[3];
        data += 4;
        size -= 4;
    }
    while (size >= HEAD && sim.functions < SIM_FUNCTIONS) {
        size_t n = function_make(data, size);

        data += n;
        size -= n;
    }
    sim_scan();
    sim_check_scan();
    CHECK(sim.reads < 65536ul * 20);
    list_init(&all);
    for (unsigned i = 0; i < found_count; i++)
        list_add_tail(&all, &found[i].link);
    for (unsigned i = 0; i < found_count; i++)
        function_use(&found[i]);
    if (check.failed)
        abort();
    return 0;
}
