/*
 * Interrupts of devices: from a vector or a line to the handlers connected to it.
 *
 * A vector's upper four bits are its IRQL. A handler runs at that IRQL with interrupts enabled, so higher
 * levels come through and the same level does not. It acknowledges its device, captures what is needed and
 * hands over to a DPC; it returns whether the interrupt was its device's.
 *
 * Lines 0..15 are ISA's numbers (and what firmware wrote into PCI's interrupt line register). ISA lines go
 * through the I/O APIC where the MADT describes one; PCI lines go through the 8259 pair, where firmware routed
 * them, since only AML knows their I/O APIC pins. The 8259 does not ask CR8: a line that arrives at or below the current
 * IRQL is masked, kept pending, and comes back by a self-IPI on a vector of its level.
 *
 * A line or vector that no handler claims IRQ_STORM_LIMIT times in a row is masked, with a message.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"

#define IRQ_LINES        16
#define IRQ_STORM_LIMIT  10000   /* unclaimed in a row */

/* Vectors that the kernel itself uses; devices get the others of levels 3..11. */
#define VECTOR_DISPATCH   0x2f   /* DISPATCH_LEVEL: DPCs and thread switch, by self-IPI */
#define VECTOR_CLOCK      0xd1   /* CLOCK_LEVEL: local APIC timer */
#define VECTOR_CALL       0xe1   /* IPI_LEVEL: cross-processor call */
#define VECTOR_APIC_ERROR 0xe2
#define VECTOR_PIC_BASE   0x20   /* IDT slots of the 8259 pair, 0x20..0x2e and 0x1f-free; see irq.c */
#define VECTOR_SPURIOUS   0xff

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL };

/* Returns: true if the device had raised the interrupt. IRQL: the connection's level. */
typedef bool irq_handler(void *context);

/* One handler on one vector or line. The caller owns the memory, from connect until disconnect returned. */
struct irq {
    struct list  link;
    irq_handler *handler;     /* [I] */
    void        *context;     /* [I] */
    const char  *name;        /* [I] shown by `irq`: "ahci0" */
    uint8_t      vector;      /* out: [I] */
    uint8_t      level;       /* out: [I] IRQL at which the handler runs */
    uint64_t     claimed;     /* [a] calls that returned true */
    uint64_t     calls;       /* [a] */
};

/* What a device writes to raise a message-signalled interrupt (SDM vol. 3A, 11.11). Message i of a block:
 * data + i. */
struct irq_message {
    uint64_t address;
    uint32_t data;
    uint8_t  vector;          /* of message 0 */
};

/* Facts from the MADT (ACPI 6.5, 5.2.12), handed down by boot/main.c. */
struct irq_override {
    uint8_t  line;            /* ISA IRQ */
    uint32_t gsi;
    bool     active_low, level;
};
#define IRQ_IOAPIC_MAX 16
struct irq_ioapic {
    void    *regs;            /* mapped, uncached */
    uint8_t  id;
    uint32_t gsi_base;
};
struct irq_platform {
    void               *apic_regs;      /* local APIC page, mapped, uncached */
    bool                use_x2apic;     /* if the processor has it */
    bool                has_8259;
    bool                use_msi;        /* false: irq_message_alloc() returns -ENOTSUP ("nomsi") */
    size_t              ioapics;
    struct irq_ioapic   ioapic[IRQ_IOAPIC_MAX];
    size_t              overrides;
    struct irq_override override[IRQ_LINES];
};

/*
 * Set up the 8259 pair (all masked), the I/O APICs (all masked) and this processor's local APIC.
 * Called once on the boot processor, interrupts off. Returns 0, or -ENODEV without a usable local APIC.
 */
int irq_init(const struct irq_platform *platform);

/* Set up the local APIC of another processor, on it, interrupts off. */
void irq_init_secondary(void);

/*
 * Connect a handler to a line (shared with others where they agree on the trigger).
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EINVAL for a line that does not exist; -EBUSY if connected with another trigger;
 *          -ENOSPC without a free vector. Fills i->vector and i->level.
 */
int irq_connect_line(struct irq *i, unsigned line, enum irq_trigger trigger, bool pci);

/*
 * `count` consecutive vectors (a power of two up to 32, naturally aligned) of one level, and the message that
 * raises the first. Messages go to processor `cpu`.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -ENOTSUP when messages are off; -ENOSPC; -EINVAL
 */
int  irq_message_alloc(unsigned count, uint32_t cpu, struct irq_message *out);
void irq_message_free(const struct irq_message *m, unsigned count);

/* Connect a handler to one vector of a message block. Returns 0, or -EBUSY if the vector has a handler. */
int irq_connect_message(struct irq *i, const struct irq_message *m, unsigned index);

/* Disconnect; when it returns the handler does not run and will not run again. IRQL: PASSIVE_LEVEL. */
void irq_disconnect(struct irq *i);

/* Statistics, for `irq` and /proc/interrupts: calls `show` for each connection. IRQL: PASSIVE_LEVEL. */
struct irq_source {
    uint8_t  vector, level;
    int      line;            /* -1: message */
    bool     masked;          /* by storm detection */
    uint64_t count, unclaimed, deferred;
};
void irq_for_each(void (*show)(void *context, const struct irq_source *s, const struct irq *i), void *context);

/* Called by the trap entry for every vector >= 32, interrupts off. */
struct trap_frame;
void irq_dispatch(struct trap_frame *f);
