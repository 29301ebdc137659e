/*
 * Every function, a fact a line, for programs that compare (tests/system/test_pci.py). Numbers are hexadecimal but for
 * those of headers, pins, lines and BARs:
 *
 *   pcidump: function 0000:00:1c.0 id 8086:3420 subsystem 0000:0000 class 060400 revision 02 header 1 pin 1 line 11
 *   pcidump: bridge 0000:00:1c.0 buses 00 01 01
 *   pcidump: window 0000:00:1c.0 ports|memory|prefetch c000 cfff
 *   pcidump: bar 0000:00:1c.0 0 ports|memory c000 20 [wide] [prefetch]
 *   pcidump: cap 0000:00:1c.0 05 at 40        (of an extended one, the identifier has 4 digits)
 *   pcidump: end 41
 */
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"

static void
window_dump(const struct pci_device *d, const char *kind, const struct pci_window *w)
{
    if (w->base <= w->limit)
        log_info("pcidump: window %s %s %lx %lx", d->name, kind, (unsigned long)w->base,
                 (unsigned long)w->limit);
}

static void
cap_dump(void *context, bool extended, uint16_t id, uint16_t offset)
{
    const struct pci_device *d = context;

    log_info("pcidump: cap %s %0*x at %x", d->name, extended ? 4 : 2, id, offset);
}

static void
bar_dump(const struct pci_device *d, unsigned n)
{
    static const char *const kinds[] = {"", "ports", "memory", "malformed"};
    const struct pci_bar *b = &d->bar[n];

    if (b->kind != PCI_BAR_NONE)
        log_info("pcidump: bar %s %u %s %lx %lx%s%s", d->name, n, kinds[b->kind], (unsigned long)b->address,
                 (unsigned long)b->size, b->wide ? " wide" : "", b->prefetched ? " prefetch" : "");
}

static void
device_dump(struct pci_device *d)
{
    log_info(
        "pcidump: function %s id %04x:%04x subsystem %04x:%04x class %06x revision %02x header %u pin %u "
        "line %u",
        d->name, d->vendor, d->device, d->subsystem_vendor, d->subsystem, d->class_code, d->revision,
        d->header, d->pin, d->line);
    if (d->header == 1) {
        log_info("pcidump: bridge %s buses %02x %02x %02x", d->name, d->primary, d->secondary,
                 d->subordinate);
        window_dump(d, "ports", &d->ports);
        window_dump(d, "memory", &d->memory);
        window_dump(d, "prefetch", &d->prefetch);
    }
    for (unsigned n = 0; n < PCI_BARS; n++)
        bar_dump(d, n);
    pci_caps_for_each(d, cap_dump, d);
}

void
pci_dump(void)
{
    struct pci_device *d = NULL;
    unsigned count = 0;

    for (d = pci_next(NULL, NULL); d; d = pci_next(d, NULL)) {
        device_dump(d);
        count++;
    }
    log_info("pcidump: end %u", count);
}
