/*
 * Power state D0, and the reset of a single function.
 *
 * Both may set a function's configuration back, so it is saved before and written back after: the header, and the control
 * registers of PCI Express. MSI and MSI-X are off meanwhile (pci_reset() asks for it); extended capabilities are not
 * kept.
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"
#include "lib/errno.h"

/* Times in microseconds: PM 1.2, 5.6.1; PCIe 4.0, 6.6.2 */
#define D3_RECOVERY   10000
#define D2_RECOVERY   200
#define RESET_TIME    100000
#define RESET_LIMIT   1000000 /* for what comes after: the function answers */
#define RESET_STEP    10000
#define PENDING_LIMIT 100000
#define HEADER_DWORDS 16
#define EXPRESS_WORDS 3

/* What of a configuration is written back. */
struct saved {
    uint32_t header[HEADER_DWORDS];
    uint16_t express; /* the capability; 0: none */
    uint16_t control[EXPRESS_WORDS];
};

/* Control registers of PCI Express; those of version 1 first. */
static const uint8_t express_control[EXPRESS_WORDS] = {PCI_PCIE_DEVCTL, PCI_PCIE_LNKCTL, PCI_PCIE_DEVCTL2};

static unsigned
express_words(const struct pci_device *d, uint16_t cap)
{
    bool second = FIELD_GET(PCI_PCIE_VERSION, pci_read16(d, cap + PCI_PCIE_FLAGS)) >= 2;

    return second && cap + PCI_PCIE_SIZE_2 <= PCI_SPACE ? EXPRESS_WORDS : EXPRESS_WORDS - 1;
}

static void
config_save(const struct pci_device *d, struct saved *s)
{
    for (unsigned i = 0; i < HEADER_DWORDS; i++)
        s->header[i] = pci_read32(d, 4 * i);
    s->express = pci_cap_find(d, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE);
    for (unsigned i = 0; s->express && i < express_words(d, s->express); i++)
        s->control[i] = pci_read16(d, s->express + express_control[i]);
}

/* From the end to the start: addresses are there before the command register lets them be decoded. */
static void
config_restore(struct pci_device *d, const struct saved *s)
{
    for (unsigned i = 0; s->express && i < express_words(d, s->express); i++)
        pci_write16(d, s->express + express_control[i], s->control[i]);
    for (unsigned i = HEADER_DWORDS; i-- > PCI_REG_COMMAND / 4;)
        if (i == PCI_REG_COMMAND / 4) /* the upper half is status, cleared by ones */
            pci_write16(d, PCI_REG_COMMAND, (uint16_t)s->header[i]);
        else
            pci_write32(d, 4 * i, s->header[i]);
}

static void
sleep_us(const struct pci_device *d, uint32_t us)
{
    d->access->ops->sleep_us(d->access->context, us);
}

int
pci_power_on(struct pci_device *d)
{
    uint16_t cap = pci_cap_find(d, PCI_CAP_ID_PM, PCI_PM_SIZE), control, state;
    struct saved saved;

    if (!cap)
        return 0;
    control = pci_read16(d, cap + PCI_PM_CONTROL);
    state = FIELD_GET(PCI_PM_STATE, control);
    if (state == 0)
        return 0;
    config_save(d, &saved);
    pci_write16(d, cap + PCI_PM_CONTROL, (uint16_t)(control & ~(PCI_PM_STATE | PCI_PM_STATUS)));
    sleep_us(d, state == 3 ? D3_RECOVERY : D2_RECOVERY);
    control = pci_read16(d, cap + PCI_PM_CONTROL);
    if (FIELD_GET(PCI_PM_STATE, control)) {
        log_warn("pci: %s: stays in power state D%u when told to leave it (PMCSR=%04x; PM 1.2, 5.6.1)",
                 d->name, state, control);
        return -EIO;
    }
    if (!(control & PCI_PM_NO_SOFT_RESET))
        config_restore(d, &saved);
    return 0;
}

/* How a function is reset: registers of one of two capabilities. */
struct reset {
    uint16_t control, status; /* offsets */
    uint8_t width;            /* of both, in bytes */
    uint16_t trigger, pending;
};

static bool
reset_find(const struct pci_device *d, struct reset *r)
{
    uint16_t cap = pci_cap_find(d, PCI_CAP_ID_PCIE, PCI_PCIE_SIZE);

    if (cap && pci_read32(d, cap + PCI_PCIE_DEVCAP) & PCI_DEVCAP_FLR) {
        *r = (struct reset){(uint16_t)(cap + PCI_PCIE_DEVCTL), (uint16_t)(cap + PCI_PCIE_DEVSTA), 2,
                            PCI_DEVCTL_FLR, PCI_DEVSTA_PENDING};
        return true;
    }
    cap = pci_cap_find(d, PCI_CAP_ID_AF, PCI_AF_SIZE);
    if (cap && pci_read8(d, cap + PCI_AF_CAP) & PCI_AF_CAP_FLR) {
        *r = (struct reset){(uint16_t)(cap + PCI_AF_CONTROL), (uint16_t)(cap + PCI_AF_STATUS), 1, PCI_AF_FLR,
                            PCI_AF_PENDING};
        return true;
    }
    return false;
}

/* Wait until the function has no transaction of its own under way. */
static void
pending_wait(const struct pci_device *d, const struct reset *r)
{
    uint16_t mask = r->width == 1 ? UINT8_MAX : UINT16_MAX, status = 0;

    for (unsigned us = 0; us <= PENDING_LIMIT; us += RESET_STEP) {
        status = r->width == 1 ? pci_read8(d, r->status) : pci_read16(d, r->status);
        if (status == mask || !(status & r->pending))
            return;
        sleep_us(d, RESET_STEP);
    }
    log_warn(
        "pci: %s: transactions still pending %u ms after its bus mastering was switched off (status %04x); "
        "reset all the same (PCIe 4.0, 6.6.2)",
        d->name, PENDING_LIMIT / 1000, status);
}

static bool
answers(const struct pci_device *d)
{
    return pci_read16(d, PCI_REG_VENDOR) == d->vendor;
}

int
pci_reset(struct pci_device *d)
{
    struct saved saved;
    struct reset r;

    if (!reset_find(d, &r))
        return -ENOTSUP;
    if (d->irq_mode != PCI_IRQ_LINE)
        return -EBUSY;
    config_save(d, &saved);
    pci_write16(d, PCI_REG_COMMAND, PCI_COMMAND_INTX_OFF);
    pending_wait(d, &r);
    if (r.width == 1)
        pci_write8(d, r.control, (uint8_t)r.trigger);
    else
        pci_write16(d, r.control, (uint16_t)(pci_read16(d, r.control) | r.trigger));
    sleep_us(d, RESET_TIME);
    for (unsigned us = 0; us < RESET_LIMIT && !answers(d); us += RESET_STEP)
        sleep_us(d, RESET_STEP);
    if (!answers(d)) {
        log_warn("pci: %s: does not answer 1.1 s after its reset (PCIe 4.0, 6.6.2)", d->name);
        return -EIO;
    }
    config_restore(d, &saved);
    return 0;
}
