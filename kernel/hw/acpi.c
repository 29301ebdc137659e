/*
 * The ACPI tables of the machine that runs: the pure reader (acpi_tables.c) over mapped physical memory, and
 * its results in the words of kernel/cpu.
 */
#include "kernel/hw/acpi.h"
#include "kernel/hw/acpi_impl.h"
#include "kernel/console/log.h"
#include "kernel/cpu/irql.h"
#include "kernel/mem/space.h"

#define LOCAL_APIC_SIZE 4096
#define IOAPIC_SIZE     0x20 /* index and data register */

static const void *
map_memory(void *context, uint64_t pa, size_t size)
{
    return space_map(pa, size, 0);
}

static void
unmap_memory(void *context, const void *p, size_t size)
{
    space_unmap((void *)(uintptr_t)p);
}

int
acpi_init(const uint8_t *rsdp, size_t len, struct acpi_info *out)
{
    const struct acpi_memory memory = {.map = map_memory, .unmap = unmap_memory};
    int err;

    assert_irql(PASSIVE_LEVEL);
    err = acpi_parse(&memory, rsdp, len, out);
    if (!err)
        log_info("acpi: revision %u, %u processors (%u off), %zu I/O APICs, %zu overrides, %zu ECAMs%s%s%s",
                 out->revision, out->cpus, out->cpus_disabled, out->ioapics, out->overrides, out->ecams,
                 out->has_8259 ? ", 8259" : "", out->hpet ? ", HPET" : "",
                 out->pm_timer_bits ? ", PM timer" : "");
    return err;
}

void
acpi_irq_platform(const struct acpi_info *info, struct irq_platform *out)
{
    *out = (struct irq_platform){
        .apic_regs = space_map_device(info->local_apic, LOCAL_APIC_SIZE),
        .use_x2apic = true,
        .has_8259 = info->has_8259,
        .use_msi = info->has_msi,
        .overrides = info->overrides,
    };
    if (!out->apic_regs)
        log_err("acpi: local APIC at %#lx: cannot be mapped", (unsigned long)info->local_apic);
    for (size_t i = 0; i < info->overrides; i++)
        out->override[i] = info->override[i];
    for (size_t i = 0; i < info->ioapics; i++) {
        const struct acpi_ioapic *a = &info->ioapic[i];
        void *regs = space_map_device(a->address, IOAPIC_SIZE);

        if (regs)
            out->ioapic[out->ioapics++] =
                (struct irq_ioapic){.regs = regs, .id = a->id, .gsi_base = a->gsi_base};
        else
            log_err("acpi: I/O APIC %u at %#x: cannot be mapped", a->id, a->address);
    }
}
