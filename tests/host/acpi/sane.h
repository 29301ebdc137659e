/* What must hold of every struct acpi_info, whatever the tables were. For the fuzzers. */
#pragma once
#include "tests/host/acpi/machine.h"

#define SANE(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

static inline void
check_sane(const struct acpi_info *info)
{
    SANE(machine.mapped == 0 && machine.most <= 3);
    SANE(info->local_apic && info->local_apic % 4096 == 0);
    SANE(info->cpus <= ACPI_CPU_MAX && info->ioapics <= IRQ_IOAPIC_MAX && info->overrides <= IRQ_LINES);
    SANE(info->nmis <= ACPI_NMI_MAX && info->ecams <= ACPI_ECAM_MAX);
    for (uint32_t i = 0; i < info->cpus; i++)
        for (uint32_t k = 0; k < i; k++)
            SANE(info->apic_id[i] != info->apic_id[k]);
    for (size_t i = 0; i < info->overrides; i++)
        SANE(info->override[i].line < IRQ_LINES);
    for (size_t i = 0; i < info->ecams; i++)
        SANE(info->ecam[i].base && info->ecam[i].bus_first <= info->ecam[i].bus_last);
    SANE(!info->power.has_s5 || (info->power.s5_type[0] <= 7 && info->power.s5_type[1] <= 7));
    SANE(info->pm_timer_bits == 0 || info->pm_timer.space != ACPI_NONE);
    SANE(info->power.pm1a_control.space != ACPI_PORT || info->power.pm1a_control.address <= 0xfffc);
}
