/*
 * Interrupts of devices: from a vector or a line to the handlers connected to it.
 *
 * A vector's upper four bits are its IRQL. A handler runs at that IRQL with interrupts enabled, so higher
 * levels come through and the same level does not. It acknowledges its device, captures what is needed and
 * hands over to a DPC; it returns whether the interrupt was its device's.
 *
 * Lines 0..15 are ISA's numbers (and what firmware wrote into PCI's interrupt line register). ISA lines go
 * through the I/O APIC where the MADT describes one; PCI lines go through the 8259 pair, where firmware routed
 * them, since only AML knows their I/O APIC pins. The 8259 does not ask CR8: a line that arrives when the current
 * IRQL is not below its level is masked, kept pending, and comes back by a self-IPI on a vector of its level.
 *
 * A line or vector that no handler claims IRQ_STORM_LIMIT times in a row is masked, with a message. It stays so
 * until its last handler is disconnected. (A message cannot be masked here: its handlers are no longer called.)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"

#define IRQ_LINES        16
#define IRQ_STORM_LIMIT  10000 /* unclaimed in a row */
#define IRQ_MESSAGES_MAX 16    /* of one block: a level has no more vectors */

/* Vectors that the kernel itself uses; devices get all of levels 3..11. */
#define VECTOR_DISPATCH   0x2f /* DISPATCH_LEVEL: DPCs and thread switch, by self-IPI */
#define VECTOR_DEVICE_MIN 0x30
#define VECTOR_DEVICE_MAX 0xbf
#define VECTOR_PIC_BASE   0xc0 /* IDT slots of the 8259 pair, which come past the local APIC and CR8 */
#define VECTOR_CLOCK      0xd1 /* CLOCK_LEVEL: local APIC timer */
#define VECTOR_CALL       0xe1 /* IPI_LEVEL: cross-processor call */
#define VECTOR_APIC_ERROR 0xe2
#define VECTOR_SPURIOUS   0xff

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL };

/* Returns: true if the device had raised the interrupt. IRQL: the connection's level. */
typedef bool irq_handler(void *context);

/*
 * One handler on one vector or line. The caller owns the memory, from connect until disconnect returned, and
 * fills the first three fields.
 */
struct irq {
    irq_handler *handler; /* [I] */
    void *context;        /* [I] */
    const char *name;     /* [I] shown by `irq`: "ahci0" */
    uint8_t vector;       /* out: [I] */
    uint8_t level;        /* out: [I] IRQL at which the handler runs */
    /* The rest is irq.c's, under the lock of the vector. */
    bool leaving;     /* not to be called any more */
    uint32_t held;    /* by processors that are calling it or looking at it */
    uint64_t claimed; /* calls that returned true */
    uint64_t calls;
    struct list link;
};

/* What a device writes to raise a message-signalled interrupt (SDM vol. 3A, 11.11). Message i of a block:
 * data + i. */
struct irq_message {
    uint64_t address;
    uint32_t data;
    uint8_t vector; /* of message 0 */
};

/* Facts from the MADT (ACPI 6.5, 5.2.12), handed down by boot/main.c. */
struct irq_override {
    uint8_t line; /* ISA IRQ */
    uint32_t gsi;
    bool active_low, level;
};
#define IRQ_IOAPIC_MAX 16
struct irq_ioapic {
    void *regs; /* mapped, uncached */
    uint8_t id;
    uint32_t gsi_base;
};
struct irq_platform {
    void *apic_regs; /* local APIC page, mapped, uncached */
    bool use_x2apic; /* if the processor has it */
    bool has_8259;   /* false: masked and not used */
    bool use_msi;    /* false: irq_message_alloc() returns -ENOTSUP ("nomsi") */
    size_t ioapics;
    struct irq_ioapic ioapic[IRQ_IOAPIC_MAX];
    size_t overrides;
    struct irq_override override[IRQ_LINES];
};

/*
 * Set up the 8259 pair (all masked), the I/O APICs (all masked) and this processor's local APIC.
 * Called once on the boot processor, interrupts off. Returns 0, or -ENODEV without a usable local APIC.
 */
int irq_init(const struct irq_platform *platform);

/* Set up the local APIC of another processor, on it, interrupts off. From now on it is online: it is called by
 * smp_call(), so it must enable interrupts soon. */
void irq_init_secondary(void);

/*
 * What runs at DISPATCH_LEVEL after interrupts: drains DPCs and may switch threads. Called with interrupts
 * enabled, on the way out of an interrupt that came below DISPATCH_LEVEL, when dispatch_request() or smp_kick()
 * asked for it (smp.h); nothing but the interrupted code's own state is then left on the stack.
 * And what runs at CLOCK_LEVEL when this processor's APIC timer has run down. Each is set once, at boot.
 */
void irq_set_dispatch_hook(void (*run)(void));
void irq_set_clock_hook(void (*run)(void));

/*
 * Connect a handler to a line (shared with others where they agree on the trigger and on `pci`).
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EINVAL for a line that does not exist; -EBUSY if connected with another trigger or as the other
 *          kind; -ENODEV without a controller that has the line; -ENOSPC without a free vector. Fills i->vector
 *          and i->level.
 */
int irq_connect_line(struct irq *i, unsigned line, enum irq_trigger trigger, bool pci);

/*
 * `count` consecutive vectors (a power of two up to IRQ_MESSAGES_MAX, naturally aligned) of one level, and the
 * message that raises the first. Messages go to processor `cpu`.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -ENOTSUP when messages are off; -ENOSPC; -EINVAL (also for a processor whose APIC id does not fit
 *          into a message)
 */
int irq_message_alloc(unsigned count, uint32_t cpu, struct irq_message *out);
void irq_message_free(const struct irq_message *m, unsigned count);

/* The same for vectors that only software raises (apic_send_self()): also when messages are off. */
int irq_vectors_alloc(unsigned count, uint32_t cpu, struct irq_message *out);

/* Connect a handler to one vector of a message block. Returns 0, or -EBUSY if the vector has a handler. */
int irq_connect_message(struct irq *i, const struct irq_message *m, unsigned index);

/* Disconnect; when it returns the handler does not run and will not run again. IRQL: PASSIVE_LEVEL. */
void irq_disconnect(struct irq *i);

/*
 * Statistics, for `irq` and /proc/interrupts: calls `show` for each connection, which stays connected meanwhile;
 * so `show` must not disconnect. The counts begin with the first handler. IRQL: any, interrupts on or off.
 */
struct irq_source {
    uint8_t vector, level;
    int line;        /* -1: message */
    const char *via; /* "8259", "I/O APIC", "message" */
    bool masked;     /* by storm detection */
    uint64_t count, unclaimed, deferred;
};
void irq_for_each(void (*show)(void *context, const struct irq_source *s, const struct irq *i),
                  void *context);

/* Interrupts that belong to nobody. */
struct irq_strays {
    uint64_t spurious_apic, spurious_8259;
    uint64_t unconnected; /* a vector or line without a source */
    uint64_t apic_errors;
};
void irq_strays(struct irq_strays *out);

/* Called by the trap entry for every vector >= 32, interrupts off. */
struct trap_frame;
void irq_dispatch(struct trap_frame *f);
