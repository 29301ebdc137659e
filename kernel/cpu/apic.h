/*
 * The local APIC of the running processor (SDM vol. 3A, chapter 11): xAPIC through its page or x2APIC through
 * MSRs. Used by kernel/cpu; the timer is used by kernel/sync/timer.c and calibrated by kernel/hw/clock.c.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Find out how the local APIC is reached, once, on the boot processor: through its page `regs` (mapped
 * uncached), or as x2APIC where the processor has it and it is wanted, or where firmware left it on.
 * Returns: 0, or -ENODEV without a local APIC (or without its page)
 */
int apic_probe(void *regs, bool want_x2apic);

/*
 * Set this processor's up: enabled, all of the local vector table masked but LINT1 (NMI), errors and, with
 * `extint`, LINT0 (the 8259 pair in virtual wire mode). Interrupts off.
 */
void apic_setup(bool extint);

/* Is the local APIC of this kind set up (interrupts can be sent)? False before irq_init(). Any IRQL. */
bool apic_ready(void);
bool apic_is_x2apic(void);

/* This processor's APIC id; the highest that an interrupt can be sent to. Any IRQL. */
uint32_t apic_id(void);
uint32_t apic_id_max(void);

/* End of interrupt. Is `vector` in service (accepted, not ended)? Interrupts off. */
void apic_eoi(void);
bool apic_in_service(uint8_t vector);

/* Reads and clears the error status (SDM vol. 3A, 11.5.3). */
uint32_t apic_error_take(void);

/* Send `vector` to the processor with this APIC id; to this one. IRQL: any. */
void apic_send(uint32_t apic_id, uint8_t vector);
void apic_send_self(uint8_t vector);

/* INIT and STARTUP for smp.c; an NMI for the stop of a processor that holds its interrupts off. */
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint8_t page);
void apic_send_nmi(uint32_t apic_id);

/* Timer counts per second at the divisor in use (16), set by clock calibration; 0 until then. */
void apic_timer_set_frequency(uint64_t hz);
uint64_t apic_timer_frequency(void);

/* Raw counts, for calibration: start counting down from 0xffffffff (masked); read what is left. */
void apic_timer_calibrate_start(void);
uint32_t apic_timer_left(void);

/* One interrupt on VECTOR_CLOCK in `ns` nanoseconds, never sooner (at least one count; capped at what the
 * counter holds); a later call replaces an earlier one. This processor. The frequency is set.
 * IRQL >= DISPATCH_LEVEL or interrupts off. */
void apic_timer_arm(uint64_t ns);
void apic_timer_stop(void);
