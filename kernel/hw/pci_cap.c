/*
 * Registers of a function, and its two lists of capabilities.
 *
 * I1  No register outside the function's space is touched.
 * I2  A walk over a list visits an offset once, so it ends.
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"
#include "lib/bitmap.h"

#define OFFSETS (PCI_SPACE_EXT / 4)

static bool
register_exists(const struct pci_device *d, unsigned offset, unsigned width)
{
    return offset % width == 0 && offset < d->space;
}

static uint32_t
config_read(const struct pci_device *d, unsigned offset, unsigned width)
{
    if (!register_exists(d, offset, width))
        return UINT32_MAX;
    return d->access->ops->read(d->access->context, d->at, offset, width);
}

static void
config_write(const struct pci_device *d, unsigned offset, unsigned width, uint32_t value)
{
    if (register_exists(d, offset, width))
        d->access->ops->write(d->access->context, d->at, offset, width, value);
}

uint8_t
pci_read8(const struct pci_device *d, unsigned offset)
{
    return (uint8_t)config_read(d, offset, 1);
}

uint16_t
pci_read16(const struct pci_device *d, unsigned offset)
{
    return (uint16_t)config_read(d, offset, 2);
}

uint32_t
pci_read32(const struct pci_device *d, unsigned offset)
{
    return config_read(d, offset, 4);
}

void
pci_write8(struct pci_device *d, unsigned offset, uint8_t value)
{
    config_write(d, offset, 1, value);
}

void
pci_write16(struct pci_device *d, unsigned offset, uint16_t value)
{
    config_write(d, offset, 2, value);
}

void
pci_write32(struct pci_device *d, unsigned offset, uint32_t value)
{
    config_write(d, offset, 4, value);
}

struct walk {
    const struct pci_device *device;
    bool extended;
    uint16_t at, id;   /* where it is */
    uint16_t next;     /* the pointer to follow; 0: the end */
    const char *fault; /* why the list was left before its end */
    uint64_t seen[BITMAP_WORDS(OFFSETS)];
};

static void
walk_begin(struct walk *w, const struct pci_device *d, bool extended)
{
    *w = (struct walk){.device = d, .extended = extended};
    if (extended)
        w->next = d->space > PCI_EXT_FIRST ? PCI_EXT_FIRST : 0;
    else if (d->header <= 1 && pci_read16(d, PCI_REG_STATUS) & PCI_STATUS_CAPS)
        w->next = pci_read8(d, PCI_REG_CAPS) & ~3u;
}

/* Go to the next capability. Returns false at the end. */
static bool
walk_next(struct walk *w)
{
    unsigned first = w->extended ? PCI_EXT_FIRST : PCI_CAP_FIRST;
    uint32_t head;

    if (!w->next)
        return false;
    if (w->next < first)
        w->fault = "points into what comes before it";
    else if (bitmap_test(w->seen, w->next / 4))
        w->fault = "is a loop";
    if (w->fault)
        return false;
    bitmap_set(w->seen, w->next / 4);
    head = pci_read32(w->device, w->next);
    if (w->extended && (head == 0 || head == UINT32_MAX) && w->next == first)
        return false; /* there is no list */
    if (head == UINT32_MAX) {
        w->fault = "leads to where nothing is";
        return false;
    }
    w->at = w->next;
    w->id = (uint16_t)(w->extended ? FIELD_GET(PCI_EXT_ID, head) : head & 0xff);
    w->next = (uint16_t)((w->extended ? FIELD_GET(PCI_EXT_NEXT, head) : head >> 8 & 0xff) & ~3u);
    return true;
}

static uint16_t
cap_find(const struct pci_device *d, bool extended, uint16_t id, unsigned size)
{
    unsigned end = extended ? d->space : PCI_SPACE;
    struct walk w;

    walk_begin(&w, d, extended);
    while (walk_next(&w))
        if (w.id == id && w.at + size <= end)
            return w.at;
    return 0;
}

uint16_t
pci_cap_find(const struct pci_device *d, uint8_t id, unsigned size)
{
    return cap_find(d, false, id, size);
}

uint16_t
pci_ext_cap_find(const struct pci_device *d, uint16_t id, unsigned size)
{
    return cap_find(d, true, id, size);
}

void
pci_caps_for_each(const struct pci_device *d,
                  void (*show)(void *context, bool extended, uint16_t id, uint16_t offset), void *context)
{
    for (unsigned extended = 0; extended < 2; extended++) {
        struct walk w;

        walk_begin(&w, d, extended);
        while (walk_next(&w))
            show(context, extended, w.id, w.at);
    }
}

void
pci_caps_check(const struct pci_device *d)
{
    for (unsigned extended = 0; extended < 2; extended++) {
        struct walk w;

        walk_begin(&w, d, extended);
        while (walk_next(&w))
            continue;
        if (w.fault)
            log_warn("pci: %s: the list of %scapabilities %s: the one at %#x has %#x as next", d->name,
                     extended ? "extended " : "", w.fault, w.at, w.next);
    }
}
