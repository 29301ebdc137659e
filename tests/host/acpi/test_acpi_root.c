// sources: kernel/hw/acpi_tables.c kernel/hw/acpi_madt.c kernel/hw/acpi_fadt.c
/*
 * Finding the tables: root pointer, root tables, checks of each table's header.
 */
#include "lib/errno.h"
#include "tests/host/acpi/machine.h"

#define XSDT  0x1000000
#define RSDT  0x1001000
#define HPET  0x1002000
#define OTHER 0x1003000

static uint8_t rsdp[36];
static struct acpi_info info;

/* A machine whose one table is an HPET at `address`, reached from both root tables. */
static uint8_t *
small_machine(uint64_t address)
{
    uint8_t body[20] = {0};
    uint64_t entries[] = {HPET};

    machine_clear();
    put_le64(body + 8, address);
    put_root(XSDT, true, entries, 1);
    put_root(RSDT, false, entries, 1);
    make_rsdp(rsdp, RSDT, XSDT);
    return put_table(HPET, "HPET", body, sizeof body);
}

static int
parse(void)
{
    int err = machine_parse(rsdp, sizeof rsdp, &info);

    CHECK_EQ(machine.mapped, 0);
    CHECK(machine.most <= 3);
    return err;
}

static void
check_defaults(void)
{
    CHECK(!info.present);
    CHECK_EQ(info.local_apic, 0xfee00000);
    CHECK(info.has_8259 && info.has_8042 && info.has_rtc && info.has_vga && info.has_msi);
    CHECK_EQ(info.cpus, 0);
    CHECK_EQ(info.ioapics + info.overrides + info.ecams + info.hpet + info.pm_timer_bits, 0);
    CHECK(!info.power.has_s5);
    CHECK_EQ(info.power.reset.space, ACPI_NONE);
}

static void
test_boot_loader_bytes(void)
{
    check_row("version 2");
    small_machine(0xfed00000);
    CHECK_EQ(parse(), 0);
    CHECK(info.present);
    CHECK_EQ(info.revision, 2);
    CHECK_EQ(info.hpet, 0xfed00000);
    CHECK_EQ(said.lines, 1); /* there is no _S5_ */

    check_row("version 1, 20 bytes");
    small_machine(0xfed00000);
    make_rsdp(rsdp, RSDT, 0);
    CHECK_EQ(machine_parse(rsdp, 20, &info), 0);
    CHECK_EQ(info.revision, 0);
    CHECK_EQ(info.hpet, 0xfed00000);

    check_row("version 2, but only 20 bytes passed");
    small_machine(0xfed00000);
    CHECK_EQ(machine_parse(rsdp, 20, &info), 0);
    CHECK_EQ(info.hpet, 0xfed00000);

    check_row("extended checksum wrong: RSDT");
    small_machine(0xfed00000);
    rsdp[33]++;
    machine.segment[0].data[0] = 'Y'; /* the XSDT is broken, and not looked at */
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0xfed00000);
    CHECK_EQ(said.lines, 2);

    check_row("extended length larger than what there is: RSDT");
    small_machine(0xfed00000);
    put_le32(rsdp + 20, 37);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0xfed00000);
}

static void
test_search(void)
{
    static const struct {
        uint64_t at;
        bool found;
    } places[] = {{0xe0000, true},  {0xfffd0, true}, {0xf1230, true},  {0xf1238, false},
                  {0xdfff0, false}, {0x9fc00, true}, {0x9fff0, false}, {0xa0000, false}};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        check_row("RSDP at %#lx", (unsigned long)places[i].at);
        small_machine(0xfed00000);
        make_rsdp(rsdp, RSDT, 0);
        machine_put(0x40e, "\xc0\x9f", 2); /* the EBDA is at 0x9fc00 */
        machine_put(places[i].at, rsdp, 20);
        CHECK_EQ(machine_parse(NULL, 0, &info), places[i].found ? 0 : -ENODEV);
        CHECK_EQ(machine.mapped, 0);
        if (!places[i].found)
            check_defaults();
    }
    check_row("a broken one before the good one");
    small_machine(0xfed00000);
    make_rsdp(rsdp, RSDT, 0);
    machine_put(0xe0010, rsdp, 20)[17]++;
    machine_put(0xe0040, rsdp, 20);
    CHECK_EQ(machine_parse(NULL, 0, &info), 0);

    check_row("broken boot loader bytes, then a search");
    small_machine(0xfed00000);
    machine_put(0xe0040, rsdp, 36);
    rsdp[8]++;
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.revision, 2);
    rsdp[8]--;
    CHECK_EQ(machine_parse(rsdp, 19, &info), 0);
    CHECK(strstr(said.last, "_S5_") != NULL);

    check_row("EBDA pointer into video memory");
    small_machine(0xfed00000);
    machine_put(0x40e, "\x00\xb0", 2);
    machine_put(0xb0000, rsdp, 36);
    CHECK_EQ(machine_parse(NULL, 0, &info), -ENODEV);

    check_row("EBDA pointer to the end of the first MiB");
    small_machine(0xfed00000);
    machine_put(0x40e, "\xff\xff", 2);
    CHECK_EQ(machine_parse(NULL, 0, &info), -ENODEV);
    check_defaults();
}

/* What is done to the small machine must lead to the RSDT, or to nothing. */
static void
test_broken_xsdt(void)
{
    static const struct {
        const char *what;
        unsigned at;
        uint8_t value;
    } breaks[] = {{"signature", 0, 'Y'}, {"checksum", 9, 0x5a},   {"length 0", 4, 0},
                  {"length 35", 4, 35},  {"length 16 MiB", 7, 1}, {"entry", 37, 0xff}};

    for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
        check_row("XSDT: %s", breaks[i].what);
        small_machine(0xfed00000);
        machine.segment[0].data[breaks[i].at] = breaks[i].value;
        if (breaks[i].at >= 36)
            fix_sum(machine.segment[0].data, 44, 9);
        if (breaks[i].value == 35)
            fix_sum(machine.segment[0].data, 35, 9);
        CHECK_EQ(parse(), 0);
        CHECK_EQ(info.hpet, 0xfed00000);
        CHECK_EQ(said.lines, 2);

        check_row("RSDT and XSDT: %s", breaks[i].what);
        small_machine(0xfed00000);
        for (unsigned k = 0; k < 2; k++) {
            machine.segment[k].data[breaks[i].at] = breaks[i].value;
            if (breaks[i].at >= 36)
                fix_sum(machine.segment[k].data, k ? 40 : 44, 9);
        }
        CHECK_EQ(parse(), -ENODEV);
        check_defaults();
    }
    check_row("XSDT beyond the end of memory");
    small_machine(0xfed00000);
    make_rsdp(rsdp, RSDT, 0xfff0000000000000);
    CHECK_EQ(parse(), 0);
    make_rsdp(rsdp, 0, 0xfff0000000000000);
    CHECK_EQ(parse(), -ENODEV);
}

static void
test_broken_table(void)
{
    uint8_t *hpet;

    check_row("checksum");
    hpet = small_machine(0xfed00000);
    hpet[50]++;
    CHECK_EQ(parse(), -ENODEV);
    CHECK_EQ(info.hpet, 0);

    check_row("the message names table, field and value");
    hpet = small_machine(0xfed00001);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0);
    CHECK_EQ(said.lines, 2);

    check_row("length beyond what is mapped");
    hpet = small_machine(0xfed00000);
    put_le32(hpet + 4, 57);
    CHECK_EQ(parse(), -ENODEV);
    CHECK_EQ(info.hpet, 0);

    check_row("cut off");
    hpet = small_machine(0xfed00000);
    put_le32(hpet + 4, 55);
    fix_sum(hpet, 55, 9);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0);

    check_row("4 MiB, and one byte more");
    for (uint32_t more = 0; more < 2; more++) {
        uint32_t size = (4u << 20) + more;
        uint8_t *big = calloc(1, size);

        small_machine(0xfed00000);
        memcpy(big, machine.segment[2].data, 56);
        put_le32(big + 4, size);
        fix_sum(big, size, 9);
        machine.segment[2].pa = OTHER;
        machine_put(HPET, big, size);
        free(big);
        CHECK_EQ(parse(), more ? -ENODEV : 0);
    }

    check_row("in I/O space");
    hpet = small_machine(0xfed0);
    hpet[40] = 1;
    fix_sum(hpet, 56, 9);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0);
}

static void
test_many_entries(void)
{
    uint64_t entries[300];
    uint8_t body[20] = {0};

    check_row("duplicates: the first counts");
    small_machine(0xfed00000);
    put_le64(body + 8, 0xfed01000);
    put_table(OTHER, "HPET", body, sizeof body);
    entries[0] = HPET;
    entries[1] = OTHER;
    entries[2] = HPET;
    put_root(XSDT + 0x8000, true, entries, 3);
    make_rsdp(rsdp, 0, XSDT + 0x8000);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0xfed00000);
    CHECK_EQ(said.lines, 3);

    check_row("a broken one does not count as the first");
    small_machine(0xfed00000)[20]++;
    put_table(OTHER, "HPET", body, sizeof body);
    put_root(XSDT + 0x8000, true, entries, 2);
    make_rsdp(rsdp, 0, XSDT + 0x8000);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0xfed01000);

    check_row("a table that lists itself, and nothing");
    small_machine(0xfed00000);
    entries[0] = XSDT + 0x8000;
    entries[1] = 0;
    entries[2] = HPET;
    put_root(XSDT + 0x8000, true, entries, 3);
    make_rsdp(rsdp, 0, XSDT + 0x8000);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(info.hpet, 0xfed00000);
    CHECK_EQ(said.lines, 2);

    check_row("256 entries are read, and the 257th not");
    for (unsigned at = 255; at <= 256; at++) {
        small_machine(0xfed00000);
        for (size_t i = 0; i < 300; i++)
            entries[i] = XSDT;
        entries[at] = HPET;
        put_root(XSDT + 0x8000, true, entries, 300);
        make_rsdp(rsdp, 0, XSDT + 0x8000);
        CHECK_EQ(parse(), at < 256 ? 0 : -ENODEV);
    }
}

/* The sleep types may be in either DSDT or in an SSDT. */
static void
test_definition_blocks(void)
{
    static const char s5[] = "\x08_S5_\x12\x06\x04\x0a\x05\x00\x00";
    enum { X_DSDT, OLD_DSDT, SECOND_SSDT, NOWHERE, PLACES };

    for (int place = 0; place < PLACES; place++) {
        uint64_t entries[] = {0x2000000, 0x2100000, 0x2200000};
        uint8_t fadt[244 - ACPI_HEADER] = {0};

        check_row("_S5_ in place %d", place);
        machine_clear();
        fadt[88 - 36] = 4;
        fadt[89 - 36] = 2;
        put_le32(fadt + 40 - 36, 0x2300000);
        put_le64(fadt + 140 - 36, 0x2400000);
        put_table(entries[0], "FACP", fadt, sizeof fadt);
        put_table(entries[1], "SSDT", s5, 3);
        put_table(entries[2], "SSDT", s5, place == SECOND_SSDT ? sizeof s5 : 3);
        put_table(0x2300000, "DSDT", s5, place == OLD_DSDT ? sizeof s5 : 3);
        put_table(0x2400000, "DSDT", s5, place == X_DSDT ? sizeof s5 : 3)[10] ^= place == OLD_DSDT;
        put_root(XSDT, true, entries, 3);
        make_rsdp(rsdp, 0, XSDT);
        CHECK_EQ(parse(), 0);
        CHECK_EQ(info.power.has_s5, place != NOWHERE);
        CHECK_EQ(info.power.s5_type[0], place != NOWHERE ? 5 : 0);
        CHECK_EQ(said.lines, place == OLD_DSDT || place == NOWHERE); /* a bad checksum; nothing found */
    }
}

static void
test_many_ssdts(void)
{
    static const char s5[] = "\x08_S5_\x12\x06\x04\x0a\x05\x00\x00";
    uint64_t entries[40] = {HPET};

    for (unsigned at = 32; at <= 33; at++) {
        check_row("_S5_ in SSDT %u", at);
        small_machine(0xfed00000);
        for (unsigned i = 1; i < 40; i++) {
            entries[i] = 0x2000000 + i * 0x1000;
            put_table(entries[i], "SSDT", s5, i == at ? sizeof s5 : 3);
        }
        put_root(XSDT + 0x8000, true, entries, 40);
        make_rsdp(rsdp, 0, XSDT + 0x8000);
        CHECK_EQ(parse(), 0);
        CHECK_EQ(info.power.has_s5, at <= 32);
    }
}

int
main(void)
{
    test_boot_loader_bytes();
    test_search();
    test_broken_xsdt();
    test_broken_table();
    test_many_entries();
    test_definition_blocks();
    test_many_ssdts();
    machine_clear();
    return check_report();
}
