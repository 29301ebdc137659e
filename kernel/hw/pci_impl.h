/*
 * What the files of PCI share.
 *
 *   pci_config.c  configuration space: ECAM and the ports CF8/CFC, found and checked
 *   pci_scan.c    buses, bridges, functions -> struct pci_device                       (pure)
 *   pci_bar.c     sizes of BARs; whether what they claim can be                        (pure)
 *   pci_cap.c     registers of a function, its capabilities                            (pure)
 *   pci_power.c   power state, reset of a function                                     (pure)
 *   pci_irq.c     lines, MSI, MSI-X
 *   pci_assign.c  addresses for functions that came later                              (pure)
 *   pci_slot.c    registers of a slot that functions come to and go from               (pure)
 *   pci_hotplug.c what is done when they do
 *   pci.c         the list, owners, mapping      pci_dump.c  the listing
 *
 * Pure code reaches hardware through struct pci_config_ops only, so that it can be tested on the host with simulated
 * machines.
 */
#pragma once
#include "kernel/hw/pci.h"
#include "kernel/hw/pci_reg.h"

#define PCI_BUSES         256
#define PCI_DEVICES       32
#define PCI_FUNCTIONS     8
#define PCI_SPACE         256  /* bytes of configuration space */
#define PCI_SPACE_EXT     4096 /* with extended capabilities */
#define PCI_FUNCTIONS_MAX 4096 /* more than that is not a machine but a fault */

/*
 * Configuration space. Offsets are aligned to the width (1, 2 or 4 bytes) and within space(). A read of what is not there
 * gives all ones. IRQL: any.
 */
struct pci_config_ops {
    uint32_t (*read)(void *context, struct pci_address at, unsigned offset, unsigned width);
    void (*write)(void *context, struct pci_address at, unsigned offset, unsigned width, uint32_t value);
    /* Bytes of configuration space that can be reached on a bus: 0, 256 or 4096. */
    unsigned (*space)(void *context, uint16_t segment, uint8_t bus);
    /* Let at least so many microseconds pass. PASSIVE_LEVEL. */
    void (*sleep_us)(void *context, uint32_t us);
};
struct pci_access {
    const struct pci_config_ops *ops;
    void *context;
};

/* -- pci_config.c */

/*
 * Find configuration space. Returns: how to reach it, or NULL. PASSIVE_LEVEL, once. `how`: for the summary.
 * Segments other than 0 are reachable by ECAM only.
 */
const struct pci_access *pci_config_init(const struct pci_segment *segments, size_t count, const char **how);

/* -- pci_scan.c */

/* One segment. `keep` gets each function found, ascending on each bus, and a bridge before what is behind it. */
struct pci_scan {
    const struct pci_access *access;
    uint16_t segment;
    struct pci_device *(*keep)(void *context, const struct pci_device *found); /* NULL: not kept */
    void *context;
    /* The rest is the scan's. */
    uint16_t zone[PCI_BUSES]; /* enum bus_zone, or the secondary bus of the innermost bridge that covers it */
    struct pci_device *above[PCI_BUSES]; /* the bridge that leads there */
    uint8_t queue[PCI_BUSES];            /* buses that bridges lead to, still to be looked at */
    unsigned queued, taken;
    unsigned buses, functions; /* out: buses with functions on them */
    unsigned lost;             /* out: functions that were not kept */
};

/*
 * Find all functions of a segment. The caller fills access, segment, keep and context, and zeroes the rest.
 * Ends whatever configuration space says: I1 and I2 in pci_scan.c.
 */
void pci_scan(struct pci_scan *s);

/* The same for what is behind one bridge that is `followed`. */
void pci_scan_behind(struct pci_scan *s, struct pci_device *bridge);

/* Do two ways to configuration space show the same functions on a bus, and any at all? */
bool pci_access_agree(const struct pci_access *a, const struct pci_access *b, uint16_t segment, uint8_t bus);

/* -- pci_bar.c */

/* Fill d->bar: kinds, sizes and addresses. The function does not decode meanwhile. */
void pci_bars_read(struct pci_device *d);

/* Fill the windows of a bridge. */
void pci_windows_read(struct pci_device *d);

/* The register of a BAR; 0: this kind of function has no such BAR. */
unsigned pci_bar_register(const struct pci_device *d, unsigned bar);

/* What a BAR's claim is checked against. */
struct pci_world {
    const struct list *devices;                    /* all functions */
    unsigned address_bits;                         /* that the processor has */
    bool (*is_memory)(uint64_t pa, uint64_t size); /* is any of it memory? */
};

/* Can the BAR be what it claims to be? Says why not. Returns: as pci_map_bar(). */
int pci_bar_check(const struct pci_device *d, unsigned bar, const struct pci_world *world);

/* A BAR in use that overlaps this one, or NULL; *number is its number in what is returned. */
const struct pci_device *pci_bar_overlapped(const struct pci_device *d, unsigned bar,
                                            const struct pci_world *world, unsigned *number);

/* -- pci_assign.c */

/*
 * Give addresses within the windows of the bridge above to the BARs that have none, the largest first, and make payload
 * sizes agree. What finds no room is said, and stays without. The function does not decode yet. PASSIVE_LEVEL.
 */
void pci_assign(struct pci_device *d, const struct pci_world *world);

/* -- pci_slot.c: a port of PCI Express with a slot behind it (PCIe 4.0, 6.7) */

struct pci_slot {
    struct pci_device *port;
    uint16_t cap;          /* offset of the port's capability PCI Express */
    uint32_t capabilities; /* PCI_PCIE_SLTCAP */
};

/* Is there a slot behind it that functions come to and go from? Fills *s. Any IRQL. */
bool pci_slot_find(struct pci_device *port, struct pci_slot *s);

/* Interrupt when something happens there, or no more. PASSIVE_LEVEL. Returns: 0 or -EIO, with a message. */
int pci_slot_listen(struct pci_slot *s, bool on);

/* PCI_SLOT_.. and PCI_SLTSTA_LINK: what has happened since the last call. Any IRQL, by one caller at a time. */
unsigned pci_slot_events(struct pci_slot *s);

/* Is something there; is it, or would it be, powered? Any IRQL. */
bool pci_slot_is_occupied(const struct pci_slot *s);
bool pci_slot_is_powered(const struct pci_slot *s);

/*
 * Power on, until what is there can be asked for its configuration: at most 3.1 s. Power off: at most 1 s.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EIO: the slot does not do what it is told; -ETIMEDOUT: the link does not come up. With a message
 */
int pci_slot_power_on(struct pci_slot *s);
int pci_slot_power_off(struct pci_slot *s);

/* -- pci.c */

/* Check a memory BAR and map a part of it, uncached, for space_unmap(). Returns: as pci_map_bar(). */
int pci_map_part(const struct pci_device *d, unsigned bar, uint64_t offset, uint64_t size, void **va);

/*
 * List what is behind a bridge, with addresses. The watcher of pci_hotplug.h binds drivers afterwards.
 * IRQL:    PASSIVE_LEVEL, by one thread at a time
 * Returns: the number of functions; -ENOMEM: some are not listed
 */
int pci_list_behind(struct pci_device *bridge);

/* The last function that is listed behind a bridge, however deep; NULL: none. */
struct pci_device *pci_last_behind(const struct pci_device *bridge);

/* Take a function off the list. Nobody owns it. */
void pci_unlist(struct pci_device *d);

/* -- pci_power.c */

/* Bring the function to D0. Returns: 0, or -EIO. PASSIVE_LEVEL. */
int pci_power_on(struct pci_device *d);

/* -- pci_cap.c */

/* Call `show` for each capability (extended ones too), in the order of the lists, each once. */
void pci_caps_for_each(const struct pci_device *d,
                       void (*show)(void *context, bool extended, uint16_t id, uint16_t offset),
                       void *context);

/* Say so if one of the lists does not end as it should. */
void pci_caps_check(const struct pci_device *d);
