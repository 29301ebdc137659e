/*
 * PCI functions in /proc: bus/pci/devices and bus/pci/BB/DD.F as on Linux, and pci, a line a function.
 */
#include "kernel/fs/procfs_impl.h"
#include "kernel/hw/pci.h"
#include "lib/errno.h"
#include "lib/format.h"

static const char *
known(const char *name)
{
    return name ? name : "";
}

/* Tabs between the columns. */
static void
show_pci(struct text *t)
{
    for (const struct pci_device *d = pci_next(NULL, NULL); d; d = pci_next((struct pci_device *)d, NULL))
        text_add(t, "%s\t%06x\t%04x:%04x\t%04x:%04x\t%02x\t%u\t%s\n", d->name, d->class_code, d->vendor,
                 d->device, d->subsystem_vendor, d->subsystem, d->revision, d->pin ? d->line : 0,
                 known(d->owner));
}

static void
show_devices(struct text *t)
{
    for (const struct pci_device *d = pci_next(NULL, NULL); d; d = pci_next((struct pci_device *)d, NULL)) {
        text_add(t, "%02x%02x\t%04x%04x\t%x", d->at.bus, d->at.device << 3 | d->at.function, d->vendor,
                 d->device, d->pin ? d->line : 0);
        for (unsigned i = 0; i < 7; i++)
            text_add(t, "\t%16lx", i < PCI_BARS && d->bar[i].kind ? d->bar[i].address : 0ul);
        for (unsigned i = 0; i < 7; i++)
            text_add(t, "\t%16lx", i < PCI_BARS && d->bar[i].kind ? d->bar[i].size : 0ul);
        text_add(t, "\t%s\n", known(d->owner));
    }
}

static long
config_read(const struct proc_entry *e, struct uio *u, uint64_t position)
{
    const struct pci_device *d = e->private;
    long done = 0;

    while (u->left && position < d->space) {
        uint8_t byte = pci_read8(d, (unsigned)position);
        long n = uio_to(u, &byte, 1);

        if (n <= 0)
            return done ? done : n;
        done++;
        position++;
    }
    return done;
}

int
proc_pci_init(void)
{
    int err = procfs_add("pci", show_pci);

    if (!err)
        err = procfs_add("bus/pci/devices", show_devices);
    for (struct pci_device *d = pci_next(NULL, NULL); d && !err; d = pci_next(d, NULL)) {
        char path[48];

        if (d->at.segment)
            snprintf(path, sizeof(path), "bus/pci/%04x:%02x/%02x.%x", d->at.segment, d->at.bus, d->at.device,
                     d->at.function);
        else
            snprintf(path, sizeof(path), "bus/pci/%02x/%02x.%x", d->at.bus, d->at.device, d->at.function);
        err = procfs_add_entry(path, &(struct proc_entry){.read = config_read, .private = d});
    }
    return err;
}
