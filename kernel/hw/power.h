/*
 * Turning the machine off, and starting it anew.
 */
#pragma once

struct acpi_info;

/*
 * Keep what the two below need, and map the registers that are in memory. Without it they go by the ways that
 * need no ACPI. IRQL: PASSIVE_LEVEL; once.
 */
void power_init(const struct acpi_info *info);

/*
 * Stop all other processors, then go through the ways to turn the machine off (ACPI S5; ports of virtual
 * machines). If none works: a message, and halt. What must be written to disks was written before.
 * IRQL:    any
 */
_Noreturn void power_off(void);

/*
 * The same with the ways to reset it: ACPI's reset register, keyboard controller, port CF9h, triple fault.
 * IRQL:    any
 */
_Noreturn void power_reboot(void);
