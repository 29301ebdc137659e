/*
 * I/O APICs (ICH9 datasheet 13.5; 82093AA): pins, numbered through all of them as global system interrupts.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/irq.h"

/* Take over the I/O APICs of the MADT and mask all their pins; one that does not answer is left out. */
void ioapic_init(const struct irq_ioapic *found, size_t count);

/* Does some I/O APIC have this pin? Any IRQL. */
bool ioapic_has(uint32_t gsi);

/*
 * Say what the pin sends to whom. It stays masked. Any IRQL. The pin exists; apic_id <= 255.
 */
struct ioapic_route {
    uint8_t vector;
    uint32_t apic_id;
    bool active_low, level;
};
void ioapic_route(uint32_t gsi, const struct ioapic_route *route);

/* Any IRQL. The pin exists. An edge that comes while the pin is masked is lost. */
void ioapic_mask(uint32_t gsi);
void ioapic_unmask(uint32_t gsi);
