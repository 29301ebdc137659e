/*
 * Devices at ISA's own addresses that no bus tells of: the two ATA channels of the PC/AT, where no PCI function decodes
 * them. Found by asking, once.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ISA_RANGES 2

struct isa_range {
    uint16_t start, size;
};

/* [I] fixed   [a] atomic */
struct isa_device {
    const char *name;                   /* [I] "isa-ide0" */
    const char *id;                     /* [I] its EISA identifier, as INF files have it: "*PNP0600" */
    struct isa_range range[ISA_RANGES]; /* [I] ports */
    uint8_t line;                       /* [I] interrupt; edge-triggered */
    bool found;                         /* [I] something answers */
    const char *owner;                  /* [a] NULL: nobody's */
};

/* Look for them. After pci_init(); once. PASSIVE_LEVEL. */
void isa_init(void);

/* The next device that was found, behind `after` (NULL: the first); NULL: no more. Any IRQL. */
struct isa_device *isa_next(struct isa_device *after);

/* As pci_claim() and pci_release(). */
int isa_claim(struct isa_device *d, const char *owner);
void isa_release(struct isa_device *d);
