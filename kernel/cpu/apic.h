/*
 * The local APIC of the running processor (SDM vol. 3A, chapter 11): xAPIC through its page or x2APIC through
 * MSRs. Used by kernel/cpu; the timer is used by kernel/sync/timer.c and calibrated by kernel/hw/clock.c.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

uint32_t apic_id(void);
void     apic_eoi(void);

/* Send `vector` to the processor with this APIC id; to this one. IRQL: any. */
void apic_send(uint32_t apic_id, uint8_t vector);
void apic_send_self(uint8_t vector);

/* INIT and STARTUP for smp.c; an NMI for the stop of a processor that holds its interrupts off. */
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint8_t page);
void apic_send_nmi(uint32_t apic_id);

/* Timer counts per second at the divisor in use (16), set by clock calibration; 0 until then. */
void     apic_timer_set_frequency(uint64_t hz);
uint64_t apic_timer_frequency(void);

/* Raw counts, for calibration: start counting down from 0xffffffff (masked); read what is left. */
void     apic_timer_calibrate_start(void);
uint32_t apic_timer_left(void);

/* One interrupt on VECTOR_CLOCK in `ns` nanoseconds (at least one count; capped at what the counter holds);
 * a later call replaces an earlier one. This processor. IRQL >= DISPATCH_LEVEL or interrupts off. */
void apic_timer_arm(uint64_t ns);
void apic_timer_stop(void);
