/*
 * How a function interrupts: its line, MSI, or MSI-X.
 *
 * I1  d->messages is there exactly while d->irq_mode is not PCI_IRQ_LINE.
 * I2  While messages are enabled, the line is not used: INTx disable is set (PCI 3.0, 6.8.3.3).
 * I3  A message that nobody has connected is masked, where the function can mask.
 */
#include "kernel/console/log.h"
#include "kernel/cpu/io.h"
#include "kernel/hw/pci_impl.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"

#define TAG           POOL_TAG('p', 'c', 'i', 'm')
#define MSI_LOG2_MAX  5
#define PCI_LINE_NONE 0 /* some firmware writes 255, which is none of ours either */

/* -- the line */

int
pci_irq_line(const struct pci_device *d)
{
    return d->pin == 0 || d->line == PCI_LINE_NONE || d->line >= IRQ_LINES ? -ENODEV : d->line;
}

static void
line_mask(struct pci_device *d, bool masked)
{
    uint16_t command = pci_read16(d, PCI_REG_COMMAND);

    pci_write16(d, PCI_REG_COMMAND,
                (uint16_t)(masked ? command | PCI_COMMAND_INTX_OFF : command & ~PCI_COMMAND_INTX_OFF));
}

/* -- MSI */

/* Bytes that the capability has, by what its control register says. */
static unsigned
msi_size(uint16_t control)
{
    unsigned wide = control & PCI_MSI_64BIT ? 4 : 0;

    return control & PCI_MSI_MASKS ? PCI_MSI_SIZE_MASKS + wide : PCI_MSI_SIZE + wide;
}

/* The capability and its control register; 0: none that lies within the space. */
static uint16_t
msi_find(const struct pci_device *d, uint16_t *control)
{
    uint16_t cap = pci_cap_find(d, PCI_CAP_ID_MSI, PCI_MSI_SIZE);

    if (!cap)
        return 0;
    *control = pci_read16(d, cap + PCI_MSI_CONTROL);
    if (cap + msi_size(*control) <= PCI_SPACE && FIELD_GET(PCI_MSI_CAPABLE, *control) <= MSI_LOG2_MAX)
        return cap;
    log_warn("pci: %s: the MSI capability at %#x is not usable: control %04x (PCI 3.0, 6.8.1)", d->name, cap,
             *control);
    return 0;
}

unsigned
pci_msi_capable(const struct pci_device *d)
{
    uint16_t control;

    return msi_find(d, &control) ? 1u << FIELD_GET(PCI_MSI_CAPABLE, control) : 0;
}

static void
msi_write(struct pci_device *d, uint16_t cap, uint16_t control, unsigned count, const struct irq_message *m)
{
    unsigned shift = control & PCI_MSI_64BIT ? 4 : 0;

    control = (uint16_t)((control & ~(PCI_MSI_COUNT | PCI_MSI_ENABLE)) |
                         FIELD_PUT(PCI_MSI_COUNT, (unsigned)__builtin_ctz(count)));
    pci_write16(d, cap + PCI_MSI_CONTROL, control);
    pci_write32(d, cap + PCI_MSI_ADDRESS, (uint32_t)m->address);
    if (shift)
        pci_write32(d, cap + PCI_MSI_ADDRESS + 4, (uint32_t)(m->address >> 32));
    pci_write16(d, cap + PCI_MSI_DATA + shift, (uint16_t)m->data);
    if (control & PCI_MSI_MASKS)
        pci_write32(d, cap + PCI_MSI_MASK + shift, UINT32_MAX);
    pci_write16(d, cap + PCI_MSI_CONTROL, control | PCI_MSI_ENABLE);
}

int
pci_msi_enable(struct pci_device *d, unsigned count, uint32_t cpu)
{
    uint16_t control, cap = msi_find(d, &control);
    struct irq_message *m;
    int err;

    if (d->irq_mode != PCI_IRQ_LINE)
        return -EBUSY;
    if (!cap)
        return -ENOTSUP;
    if (!is_power_of_two(count) || count > 1u << FIELD_GET(PCI_MSI_CAPABLE, control))
        return -EINVAL;
    m = pool_alloc(sizeof(*m), TAG);
    if (!m)
        return -ENOMEM;
    err = irq_message_alloc(count, cpu, m);
    if (err) {
        pool_free(m, TAG);
        return err;
    }
    line_mask(d, true);
    msi_write(d, cap, control, count, m);
    d->messages = m;
    d->irq_cap = cap;
    d->irq_count = (uint16_t)count;
    d->irq_mode = PCI_IRQ_MSI;
    return 0;
}

static bool
msi_mask(struct pci_device *d, unsigned index, bool masked)
{
    uint16_t control = pci_read16(d, d->irq_cap + PCI_MSI_CONTROL);
    unsigned offset = d->irq_cap + PCI_MSI_MASK + (control & PCI_MSI_64BIT ? 4 : 0);
    uint32_t mask;

    if (!(control & PCI_MSI_MASKS))
        return false;
    mask = pci_read32(d, offset);
    pci_write32(d, offset, masked ? mask | BIT(index) : mask & ~BIT(index));
    return true;
}

/* -- MSI-X */

struct msix {
    uint16_t cap, control;
    unsigned count; /* entries of the table */
    unsigned bar;   /* where the table is */
    uint64_t offset;
};

static bool
bar_holds(const struct pci_device *d, unsigned bar, uint64_t offset, uint64_t size)
{
    return bar < PCI_ROM && d->bar[bar].kind == PCI_BAR_MEMORY && size <= d->bar[bar].size &&
           offset <= d->bar[bar].size - size;
}

/* Returns: 0; -ENOTSUP without the capability; -EINVAL if table or pending bits cannot be where it says. */
static int
msix_find(const struct pci_device *d, struct msix *x)
{
    uint32_t table, pba;
    uint64_t table_size, pba_size, pba_offset;

    *x = (struct msix){.cap = pci_cap_find(d, PCI_CAP_ID_MSIX, PCI_MSIX_SIZE)};
    if (!x->cap)
        return -ENOTSUP;
    x->control = pci_read16(d, x->cap + PCI_MSIX_CONTROL);
    table = pci_read32(d, x->cap + PCI_MSIX_TABLE);
    pba = pci_read32(d, x->cap + PCI_MSIX_PBA);
    x->count = FIELD_GET(PCI_MSIX_COUNT, x->control) + 1;
    x->bar = FIELD_GET(PCI_MSIX_BAR, table);
    x->offset = table & PCI_MSIX_OFFSET;
    pba_offset = pba & PCI_MSIX_OFFSET;
    table_size = x->count * PCI_MSIX_ENTRY_SIZE;
    pba_size = DIV_ROUND_UP(x->count, 64) * 8;
    if (bar_holds(d, x->bar, x->offset, table_size) &&
        bar_holds(d, FIELD_GET(PCI_MSIX_BAR, pba), pba_offset, pba_size) &&
        (x->bar != FIELD_GET(PCI_MSIX_BAR, pba) || x->offset + table_size <= pba_offset ||
         pba_offset + pba_size <= x->offset))
        return 0;
    log_warn(
        "pci: %s: MSI-X: a table of %u entries (%08x) and their pending bits (%08x) are not within BARs of "
        "memory, or overlap (PCI 3.0, 6.8.2)",
        d->name, x->count, table, pba);
    return -EINVAL;
}

unsigned
pci_msix_capable(const struct pci_device *d)
{
    struct msix x;

    return msix_find(d, &x) ? 0 : x.count;
}

static void
messages_give_back(struct irq_message *m, unsigned count)
{
    while (count-- > 0)
        irq_message_free(&m[count], 1);
}

/* One message an entry. Returns: 0, or an error and nothing is allocated. */
static int
messages_take(struct irq_message *m, unsigned count, const uint32_t *cpu)
{
    for (unsigned n = 0; n < count; n++) {
        int err = irq_message_alloc(1, cpu ? cpu[n] : 0, &m[n]);

        if (err) {
            messages_give_back(m, n);
            return err;
        }
    }
    return 0;
}

/* Fill the table, all entries masked; those behind the messages in use stay so. */
static void
msix_write(struct pci_device *d, const struct msix *x, unsigned count, const struct irq_message *m)
{
    uint16_t control = x->control | PCI_MSIX_ENABLE;

    pci_write16(d, x->cap + PCI_MSIX_CONTROL, control | PCI_MSIX_MASK_ALL);
    for (uint32_t n = 0; n < x->count; n++) {
        uint32_t at = n * PCI_MSIX_ENTRY_SIZE;

        mmio_write32(d->msix_table, at + PCI_MSIX_ENTRY_CONTROL, PCI_MSIX_ENTRY_MASKED);
        if (n >= count)
            continue;
        mmio_write32(d->msix_table, at, (uint32_t)m[n].address);
        mmio_write32(d->msix_table, at + 4, (uint32_t)(m[n].address >> 32));
        mmio_write32(d->msix_table, at + PCI_MSIX_ENTRY_DATA, m[n].data);
    }
    pci_write16(d, x->cap + PCI_MSIX_CONTROL, (uint16_t)(control & ~PCI_MSIX_MASK_ALL));
}

int
pci_msix_enable(struct pci_device *d, unsigned count, const uint32_t *cpu)
{
    struct irq_message *m;
    struct msix x;
    int err;

    if (d->irq_mode != PCI_IRQ_LINE)
        return -EBUSY;
    err = msix_find(d, &x);
    if (err)
        return -ENOTSUP;
    if (count == 0 || count > x.count || !(pci_read16(d, PCI_REG_COMMAND) & PCI_COMMAND_MEMORY))
        return -EINVAL;
    m = pool_alloc(count * sizeof(*m), TAG);
    if (!m)
        return -ENOMEM;
    err = messages_take(m, count, cpu);
    if (err)
        goto free;
    err = pci_map_part(d, x.bar, x.offset, x.count * PCI_MSIX_ENTRY_SIZE, &d->msix_table);
    if (err)
        goto give_back;
    line_mask(d, true);
    msix_write(d, &x, count, m);
    d->messages = m;
    d->irq_cap = x.cap;
    d->irq_count = (uint16_t)count;
    d->irq_mode = PCI_IRQ_MSIX;
    return 0;

give_back:
    messages_give_back(m, count);
free:
    pool_free(m, TAG);
    return err;
}

static void
msix_mask(struct pci_device *d, unsigned index, bool masked)
{
    uint32_t at = index * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CONTROL;
    uint32_t control = mmio_read32(d->msix_table, at);

    mmio_write32(d->msix_table, at,
                 masked ? control | PCI_MSIX_ENTRY_MASKED : control & ~PCI_MSIX_ENTRY_MASKED);
    mmio_read32(d->msix_table, at); /* the write has arrived */
}

/* -- all three */

void
pci_messages_disable(struct pci_device *d)
{
    unsigned offset = d->irq_cap + (d->irq_mode == PCI_IRQ_MSI ? PCI_MSI_CONTROL : PCI_MSIX_CONTROL);
    uint16_t enable = d->irq_mode == PCI_IRQ_MSI ? PCI_MSI_ENABLE : PCI_MSIX_ENABLE;

    if (d->irq_mode == PCI_IRQ_LINE)
        return;
    pci_write16(d, offset, (uint16_t)(pci_read16(d, offset) & ~enable));
    if (d->irq_mode == PCI_IRQ_MSI) {
        irq_message_free(d->messages, d->irq_count);
    } else {
        messages_give_back(d->messages, d->irq_count);
        space_unmap(d->msix_table);
        d->msix_table = NULL;
    }
    pool_free(d->messages, TAG);
    d->messages = NULL;
    d->irq_count = d->irq_cap = 0;
    d->irq_mode = PCI_IRQ_LINE;
}

bool
pci_irq_mask(struct pci_device *d, unsigned index, bool masked)
{
    if (d->irq_mode == PCI_IRQ_MSI)
        return msi_mask(d, index, masked);
    if (d->irq_mode == PCI_IRQ_MSIX)
        msix_mask(d, index, masked);
    else
        line_mask(d, masked);
    return true;
}

int
pci_irq_connect(struct pci_device *d, unsigned index, struct irq *i)
{
    int line = pci_irq_line(d), err;

    if (index >= (d->irq_mode == PCI_IRQ_LINE ? 1u : d->irq_count))
        return -EINVAL;
    if (d->irq_mode == PCI_IRQ_MSI)
        err = irq_connect_message(i, d->messages, index);
    else if (d->irq_mode == PCI_IRQ_MSIX)
        err = irq_connect_message(i, &d->messages[index], 0);
    else
        err = line < 0 ? line : irq_connect_line(i, (unsigned)line, IRQ_LEVEL, true);
    if (!err)
        pci_irq_mask(d, index, false);
    return err;
}

void
pci_irq_disconnect(struct pci_device *d, unsigned index, struct irq *i)
{
    pci_irq_mask(d, index, true);
    irq_disconnect(i);
}
