/*
 * What the firmware's ACPI tables say about this machine.
 *
 * Tables only: no AML is interpreted. The one exception is the package \_S5_, which power.c needs to turn the
 * machine off; it is found by a scan of the definition blocks' bytes.
 *
 * Tables are firmware bytes and untrusted: length, checksum and every field are checked. What fails a check is
 * one message naming table, field and value, and stays at its default. Without ACPI the defaults describe a
 * machine with one processor, an 8259 pair and no register of ACPI's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/irq.h"

#define ACPI_CPU_MAX  256
#define ACPI_ECAM_MAX 16
#define ACPI_NMI_MAX  8

/* Where a register is (ACPI 6.5, 5.2.3.2, Generic Address Structure). Access widths follow from the register. */
enum acpi_space { ACPI_NONE, ACPI_MEMORY, ACPI_PORT, ACPI_PCI };
struct acpi_reg {
    enum acpi_space space;
    uint64_t address; /* physical address, port, or device << 32 | function << 16 | offset on bus 0 */
};

struct acpi_ioapic {
    uint8_t id;
    uint32_t address; /* physical */
    uint32_t gsi_base;
};

/* A global system interrupt that firmware wired as NMI. */
struct acpi_nmi {
    uint32_t gsi;
    bool active_low, level;
};

/* Memory-mapped configuration space of some buses of a segment. */
struct acpi_ecam {
    uint64_t base; /* physical; where bus 0 is, or would be */
    uint16_t segment;
    uint8_t bus_first, bus_last;
};

/* What power.c needs. Registers that the machine lacks have space ACPI_NONE. */
struct acpi_power {
    struct acpi_reg pm1a_event, pm1b_event; /* their status half */
    struct acpi_reg pm1a_control, pm1b_control;
    struct acpi_reg sleep_control, sleep_status; /* of hardware-reduced ACPI, 8 bits each */
    struct acpi_reg reset;                       /* 8 bits */
    uint8_t reset_value;
    uint16_t smi_command; /* port; 0: ACPI mode is always on */
    uint8_t acpi_enable;  /* value for smi_command; 0 as above */
    bool has_s5;
    uint8_t s5_type[2]; /* SLP_TYP for PM1a and PM1b, 0..7; valid if has_s5 */
};

/* Filled once by acpi_init(), constant afterwards. */
struct acpi_info {
    bool present;     /* there is a root table that could be read */
    uint8_t revision; /* of the RSDP: 0 = ACPI 1.0, 2 = ACPI 2.0 and later */

    /* MADT */
    uint64_t local_apic; /* physical address of the local APICs' page */
    bool has_8259;
    uint32_t cpus;                  /* enabled processors; 0: not known, there is the one that runs */
    uint32_t apic_id[ACPI_CPU_MAX]; /* of those, as listed: no two the same */
    uint32_t cpus_disabled;         /* listed, but empty sockets or switched off */
    size_t ioapics;
    struct acpi_ioapic ioapic[IRQ_IOAPIC_MAX];
    size_t overrides;
    struct irq_override override[IRQ_LINES];
    size_t nmis;
    struct acpi_nmi nmi[ACPI_NMI_MAX];

    /* MCFG; no two share a bus */
    size_t ecams;
    struct acpi_ecam ecam[ACPI_ECAM_MAX];

    /* FADT */
    struct acpi_power power;
    struct acpi_reg pm_timer; /* 32 bits wide register, 3.579545 MHz */
    uint8_t pm_timer_bits;    /* 24 or 32 of them count; 0: no timer */
    uint8_t century;          /* CMOS index of the RTC's century; 0: there is none */
    bool has_rtc, has_8042;
    bool has_vga; /* the firmware does not rule VGA out */
    bool has_msi; /* the firmware does not rule MSI out */

    /* HPET */
    uint64_t hpet; /* physical address of the registers; 0: no HPET */
};

/*
 * Read the tables. `rsdp` are the bytes of the RSDP as the boot loader passed them (`len` of them), or NULL:
 * then, or when they are no RSDP, BIOS memory is searched.
 * IRQL:    PASSIVE_LEVEL; once, after mem_init()
 * Returns: 0, or -ENODEV without usable ACPI. *out is complete either way.
 */
int acpi_init(const uint8_t *rsdp, size_t len, struct acpi_info *out);

/*
 * Fill what kernel/cpu wants to know, and map the registers of the interrupt controllers. What cannot be
 * mapped is left out, with a message; apic_regs is then NULL.
 * IRQL:    PASSIVE_LEVEL
 */
void acpi_irq_platform(const struct acpi_info *info, struct irq_platform *out);
