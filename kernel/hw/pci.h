/*
 * PCI: which functions there are, and what a driver does with one.
 *
 * A driver finds functions with pci_next(), takes one with pci_claim(), switches it on with pci_enable(), maps its
 * registers with pci_map_bar(), chooses how it interrupts (pci_msix_enable(), pci_msi_enable(), or nothing: the line),
 * connects handlers with pci_irq_connect(), and undoes all this in reverse order.
 *
 * What a function says of itself is untrusted. It is checked when it is used: a claim that is wrong is one message
 * naming function, register and value, and an error.
 *
 * Simplifications:
 *   1. Bus numbers, bridge windows and, at boot, BARs are what the firmware set: a BAR without an address cannot be
 *      mapped, and behind a bridge without bus numbers nothing is seen. Only functions that come later get addresses here.
 *   2. Functions come and go in slots of PCI Express that say they can (pci_hotplug.h); elsewhere the list is of the boot.
 *   3. Behind CardBus bridges nothing is looked for; host bridges have no BARs for us (sizing means to stop decoding,
 *      and they decode for the processor).
 *   4. Alternative routing-IDs, enhanced allocation, virtual functions and resizable BARs are not used.
 *   5. Interrupt lines are those that the firmware wrote into the interrupt line register (kernel/cpu/irq.h says why).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/irq.h"
#include "lib/list.h"

#define PCI_BARS 7 /* 0..5, and the expansion ROM: */
#define PCI_ROM  6

/* Configuration space in memory, as the ACPI table MCFG tells. */
struct pci_segment {
    uint64_t ecam_pa; /* where bus 0 is, or would be */
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

struct pci_address {
    uint16_t segment;
    uint8_t bus, device, function;
};

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_PORTS, PCI_BAR_MEMORY, PCI_BAR_MALFORMED };
struct pci_bar {
    uint64_t address;      /* 0: the firmware gave it none, or left what sizing leaves */
    uint64_t size;         /* a power of two, bytes; of a malformed one: what was read back */
    uint8_t kind;          /* enum pci_bar_kind; NONE also for the upper half of a 64-bit BAR */
    bool wide, prefetched; /* MEMORY: 64-bit register; reads have no side effects */
};

/* What a bridge passes on to its other side; closed if base > limit. */
struct pci_window {
    uint64_t base, limit; /* limit: the last byte */
};

/*
 * REMOVED: listed, and out of reach; its owner is about to be told. LISTING: about to be listed. ABSENT: not listed, and
 * nobody's.
 */
enum pci_presence { PCI_PRESENT, PCI_REMOVED, PCI_LISTING, PCI_ABSENT };

/*
 * [I] fixed while listed   [a] atomic   [o] the owner's
 * An entry lives for good: what comes to an address where something went takes its entry.
 */
struct pci_device {
    struct list link;                        /* [I] ascending addresses */
    const struct pci_access *access;         /* [I] */
    struct pci_device *parent;               /* [I] the bridge above; NULL on a root bus */
    struct pci_address at;                   /* [I] */
    char name[16];                           /* [I] "0000:00:1f.2" */
    uint16_t space;                          /* [I] bytes of configuration space: 256 or 4096 */
    uint16_t vendor, device;                 /* [I] */
    uint16_t subsystem_vendor, subsystem;    /* [I] 0 for bridges */
    uint32_t class_code;                     /* [I] class << 16 | subclass << 8 | interface */
    uint8_t revision;                        /* [I] */
    uint8_t header;                          /* [I] 0 function, 1 bridge, 2 CardBus bridge; others: unknown */
    uint8_t pin;                             /* [I] 1..4 = INTA..INTD; 0: no line */
    uint8_t line;                            /* [I] interrupt line register */
    struct pci_bar bar[PCI_BARS];            /* [I] */
    uint8_t primary, secondary, subordinate; /* [I] bridges: bus numbers */
    struct pci_window ports, memory, prefetch; /* [I] bridges */

    bool followed; /* [I] bridges: what is behind it is listed */

    uint8_t presence;             /* [a] enum pci_presence */
    const char *owner;            /* [a] NULL: nobody's */
    uint8_t irq_mode;             /* [o] enum pci_irq_mode */
    uint16_t irq_count;           /* [o] messages in use */
    uint16_t irq_cap;             /* [o] the capability in use */
    struct irq_message *messages; /* [o] MSI: one block; MSI-X: one a message */
    void *msix_table;             /* [o] mapped */
};

/* -- finding */

#define PCI_ANY 0xffff
struct pci_match {
    uint16_t vendor, device;         /* PCI_ANY: any */
    uint32_t class_code, class_mask; /* class_mask 0: any */
};

/*
 * Find all functions. One line of summary, one debug line a function. Called while nobody uses a device: a function does
 * not decode its addresses while its BARs are sized, so what is written to a screen then is lost.
 * IRQL:    PASSIVE_LEVEL; once
 * Returns: 0; -ENODEV without configuration space; -ENOMEM if there was no memory for some functions
 */
int pci_init(const struct pci_segment *segments, size_t count);

/* The next function behind `after` (NULL: the first) that matches (NULL: any); NULL: no more. Any IRQL. */
struct pci_device *pci_next(struct pci_device *after, const struct pci_match *match);

/* The function at an address, or NULL. Any IRQL. */
struct pci_device *pci_find(struct pci_address at);

/* All functions into the log (kernel option pcidump); tests/system/test_pci.py tells the format. PASSIVE_LEVEL. */
void pci_dump(void);

/* -- owning. What follows changes a function and is for its owner only. */

/*
 * Take a function for `owner`, whose text must live on. Any IRQL.
 * Returns: 0; -EBUSY: owned, perhaps by the caller; -ENODEV: it is not there any more
 */
int pci_claim(struct pci_device *d, const char *owner);

/* Give it up; nothing of it is mapped or connected any more. Any IRQL. */
void pci_release(struct pci_device *d, const char *owner);

/* -- configuration space */

/*
 * One register. Reading needs no claim. What is misaligned or beyond the function's space reads as all ones and is not
 * written.
 * IRQL:    any
 */
uint8_t pci_read8(const struct pci_device *d, unsigned offset);
uint16_t pci_read16(const struct pci_device *d, unsigned offset);
uint32_t pci_read32(const struct pci_device *d, unsigned offset);
void pci_write8(struct pci_device *d, unsigned offset, uint8_t value);
void pci_write16(struct pci_device *d, unsigned offset, uint16_t value);
void pci_write32(struct pci_device *d, unsigned offset, uint32_t value);

/* A capability, or an extended one, of which `size` bytes lie within the space. Any IRQL. Returns: its offset, or 0. */
uint16_t pci_cap_find(const struct pci_device *d, uint8_t id, unsigned size);
uint16_t pci_ext_cap_find(const struct pci_device *d, uint16_t id, unsigned size);

/* -- switching on and off */

enum { PCI_ENABLE_PORTS = 1, PCI_ENABLE_MEMORY = 2, PCI_ENABLE_MASTER = 4 };

/*
 * Bring the function to full power and set bits of the command register. Before it decodes addresses that it did not
 * decode, its BARs of that kind are checked, as by pci_map_bar().
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EIO if it does not come to power or the bits do not stay; errors of pci_map_bar()
 */
int pci_enable(struct pci_device *d, unsigned flags);

/* Clear bits of the command register. Any IRQL. */
void pci_disable(struct pci_device *d, unsigned flags);

/*
 * Reset the function alone (PCIe 4.0, 6.6.2), with its configuration kept but for extended capabilities. It takes 100 ms,
 * at most 1.2 s. Its messages must be disabled.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -ENOTSUP if it has no such reset; -EBUSY with messages enabled; -EIO if it does not come back
 */
int pci_reset(struct pci_device *d);

/* -- BARs */

/*
 * Map a memory BAR, uncached; with PCI_ROM, also enable the ROM. Until pci_enable() nothing answers there.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0, *va and *size. -ENOENT: there is no such BAR; -EINVAL: it is malformed, or not memory. What follows is a
 *          false claim: -ENXIO: it has no address; -ERANGE: beyond what the processor or the bridges above reach;
 *          -EBUSY: it overlaps memory or another BAR. -ENOMEM
 */
int pci_map_bar(struct pci_device *d, unsigned bar, void **va, uint64_t *size);
void pci_unmap_bar(struct pci_device *d, unsigned bar, void *va);

/* The ports of a BAR. Any IRQL. Returns: as pci_map_bar(). */
int pci_port_bar(const struct pci_device *d, unsigned bar, uint16_t *port, uint64_t *size);

/* -- interrupts */

enum pci_irq_mode { PCI_IRQ_LINE, PCI_IRQ_MSI, PCI_IRQ_MSIX };

/* The line that firmware routed the function's pin to, or -ENODEV. Any IRQL. */
int pci_irq_line(const struct pci_device *d);

/* How many messages the function can send; 0: none, or its claim is false, with a message. PASSIVE_LEVEL. */
unsigned pci_msi_capable(const struct pci_device *d);
unsigned pci_msix_capable(const struct pci_device *d);

/*
 * Interrupt by `count` messages from now on: MSI a power of two up to IRQ_MESSAGES_MAX, all to processor `cpu`; MSI-X any
 * number, message n to processor cpu[n] (cpu NULL: all to processor 0). Messages are masked until they are connected,
 * where the function can mask. The function is enabled and quiet; for MSI-X it decodes memory.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -ENOTSUP: it cannot, or messages are off ("nomsi"); -EBUSY: messages are enabled; -EINVAL: not so many, or
 *          not that processor; -ENOSPC: no vectors; -ENOMEM; errors of pci_map_bar() for the BAR with the table
 */
int pci_msi_enable(struct pci_device *d, unsigned count, uint32_t cpu);
int pci_msix_enable(struct pci_device *d, unsigned count, const uint32_t *cpu);

/* Back to the line. All handlers are disconnected. PASSIVE_LEVEL. Twice: nothing happens. */
void pci_messages_disable(struct pci_device *d);

/*
 * Connect a handler to message `index`, or (index 0) to the line when no messages are enabled, and unmask it.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EINVAL: no such message; -ENODEV: no line; errors of irq_connect_line(), irq_connect_message()
 */
int pci_irq_connect(struct pci_device *d, unsigned index, struct irq *i);
void pci_irq_disconnect(struct pci_device *d, unsigned index, struct irq *i);

/* Mask or unmask a message, or the line (INTx disable). Any IRQL; the owner takes care that one does it at a time.
 * Returns: false if the function cannot mask */
bool pci_irq_mask(struct pci_device *d, unsigned index, bool masked);
