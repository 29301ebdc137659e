/*
 * The tables of the machine that runs, read a second time.
 */
#include "kernel/hw/acpi.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "tests/guest/ktest.h"

static struct acpi_info info;

KTEST(acpi_tables_of_this_machine)
{
    struct space_stats before, after;
    bool found = false;
    int err;

    space_stats(&before);
    err = acpi_init(NULL, 0, &info);
    space_stats(&after);
    KCHECK_EQ(after.mapped_ranges, before.mapped_ranges);
    KCHECK_EQ(after.mapped_bytes, before.mapped_bytes);
    KCHECK_EQ(info.present, !err);
    KCHECK(info.local_apic != 0);
    if (err == -ENODEV) {
        ktest_skip("no RSDP in BIOS memory: this is UEFI, or there is no ACPI");
        return;
    }
    KCHECK_EQ(err, 0);
    KCHECK(info.cpus >= cpu_count());
    for (uint32_t i = 0; i < info.cpus; i++)
        found |= info.apic_id[i] == cpu_apic_id(0);
    KCHECK(found);
    KCHECK(info.ioapics >= 1);
    KCHECK(info.power.has_s5);
}

KTEST(acpi_bytes_that_are_no_rsdp)
{
    static const uint8_t bytes[36] = "RSD PTR ";
    int searched = acpi_init(NULL, 0, &info);

    KCHECK_EQ(acpi_init(bytes, sizeof bytes, &info), searched);
    KCHECK_EQ(acpi_init(bytes, 0, &info), searched);
}
