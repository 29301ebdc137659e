// sources: kernel/hw/acpi_tables.c kernel/hw/acpi_madt.c kernel/hw/acpi_fadt.c
/*
 * The tables of real firmware: what QEMU 7.2 with SeaBIOS and with OVMF says (corpus.py made them).
 */
#include "tests/host/acpi/machine.h"

static struct acpi_info info;

/* Load the tables and read them as the boot loader does (its RSDP), or by search. */
static bool
load(const char *name, bool search)
{
    static uint8_t bytes[1 << 20];
    char path[128];
    size_t n = 0;
    FILE *f;
    int err;

    check_row("%s", name);
    machine_clear();
    (snprintf)(path, sizeof path, "tests/host/acpi/corpus/acpi_image/%s.bin", name);
    f = fopen(path, "rb");
    if (f) {
        n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
    }
    if (!CHECK(n > 0) || !CHECK(machine_load(bytes, n) != 0))
        return false;
    err = search ? machine_parse(NULL, 0, &info)
                 : machine_parse(machine.segment[0].data, machine.segment[0].size, &info);
    CHECK_EQ(err, 0);
    CHECK_EQ(machine.mapped, 0);
    if (said.lines)
        CHECK_STR(said.last, "");
    return !err;
}

static void
check_common(uint32_t cpus, uint32_t disabled)
{
    CHECK(info.present);
    CHECK_EQ(info.cpus, cpus);
    CHECK_EQ(info.cpus_disabled, disabled);
    for (uint32_t i = 0; i < cpus; i++)
        CHECK_EQ(info.apic_id[i], i);
    CHECK(info.has_8259 && info.has_8042 && info.has_msi && info.has_rtc);
    CHECK_EQ(info.local_apic, 0xfee00000);
    CHECK_EQ(info.ioapics, 1);
    CHECK_EQ(info.ioapic[0].address, 0xfec00000);
    CHECK_EQ(info.ioapic[0].gsi_base, 0);
    CHECK_EQ(info.overrides, 5);
    CHECK_EQ(info.override[0].line, 0);
    CHECK_EQ(info.override[0].gsi, 2);
    CHECK_EQ(info.override[1].line, 5);
    CHECK(info.override[1].level && !info.override[1].active_low);
    CHECK(info.power.has_s5);
    CHECK_EQ(info.power.s5_type[0], 0);
    CHECK_EQ(info.century, 0x32);
    CHECK_EQ(info.power.smi_command, 0xb2);
    CHECK_EQ(info.power.pm1a_control.space, ACPI_PORT);
    CHECK_EQ(info.power.pm1b_control.space, ACPI_NONE);
}

static void
test_pc(void)
{
    if (load("pc", true)) {
        check_common(2, 0);
        CHECK_EQ(info.revision, 0);
        CHECK_EQ(info.hpet, 0xfed00000);
        CHECK_EQ(info.ecams, 0);
        CHECK_EQ(info.pm_timer.address, 0x608);
        CHECK_EQ(info.power.pm1a_control.address, 0x604);
        CHECK_EQ(info.power.reset.space, ACPI_NONE);
    }
    if (load("pc-nohpet", true)) {
        check_common(1, 0);
        CHECK_EQ(info.hpet, 0);
    }
}

static void
test_q35(void)
{
    if (!load("q35", true))
        return;
    check_common(4, 2);
    CHECK_EQ(info.hpet, 0xfed00000);
    CHECK_EQ(info.ecams, 1);
    CHECK_EQ(info.ecam[0].base, 0xb0000000);
    CHECK_EQ(info.ecam[0].bus_last, 255);
    CHECK_EQ(info.pm_timer_bits, 24);
    CHECK_EQ(info.power.reset.space, ACPI_PORT);
    CHECK_EQ(info.power.reset.address, 0xcf9);
    CHECK_EQ(info.power.reset_value, 0xf);
}

static void
test_uefi(void)
{
    if (!load("uefi", false))
        return;
    check_common(2, 0);
    CHECK_EQ(info.revision, 2);
    CHECK_EQ(info.hpet, 0xfed00000);
    CHECK_EQ(info.ecams, 1);
    CHECK_EQ(info.power.reset.address, 0xcf9);
}

/* No single wrong byte anywhere may do more harm than a table that is not used. */
static void
test_every_byte(void)
{
    static const char *const names[] = {"pc", "uefi"};

    for (size_t k = 0; k < 2; k++) {
        if (!load(names[k], false))
            continue;
        for (size_t s = 0; s < machine.segments; s++) {
            for (size_t i = 0; i < machine.segment[s].size && i < 300; i++) {
                machine.segment[s].data[i] ^= 0x80;
                machine_parse(machine.segment[0].data, machine.segment[0].size, &info);
                machine.segment[s].data[i] ^= 0x80;
                CHECK_EQ(machine.mapped, 0);
                CHECK(info.cpus <= 2);
            }
        }
    }
}

int
main(void)
{
    test_pc();
    test_q35();
    test_uefi();
    test_every_byte();
    machine_clear();
    return check_report();
}
