// sources: kernel/hw/acpi_tables.c kernel/hw/acpi_madt.c kernel/hw/acpi_fadt.c
/*
 * What single tables say: MADT, MCFG, FADT, and the sleep types.
 */
#include "tests/host/acpi/machine.h"

static struct acpi_info info;
static struct acpi_table table;

/* A table as its reader gets it: its bytes in a block of their own size. */
static struct acpi_table *
make_table(const char *name, const uint8_t *bytes, size_t length)
{
    uint8_t *p = malloc(length);

    free((void *)(uintptr_t)table.data);
    memset(&said, 0, sizeof said);
    memset(&info, 0, sizeof info);
    memcpy(p, bytes, length);
    table = (struct acpi_table){.name = name, .data = p, .length = (uint32_t)length, .pa = 0x1000};
    return &table;
}

/* -- MADT */

static uint8_t madt[8192];
static size_t madt_length;

static void
madt_begin(void)
{
    memset(madt, 0, sizeof madt);
    put_le32(madt + 36, 0xfee00000);
    put_le32(madt + 40, 1);
    madt_length = 44;
}

static void
madt_add(const void *entry, size_t n)
{
    memcpy(madt + madt_length, entry, n);
    madt_length += n;
}

static void
madt_cpu(uint8_t id, uint32_t flags)
{
    madt_add((uint8_t[]){0, 8, id, id, (uint8_t)flags, 0, 0, 0}, 8);
}

static void
madt_parse(void)
{
    acpi_parse_madt(make_table("APIC", madt, madt_length), &info);
}

static void
test_madt_processors(void)
{
    madt_begin();
    madt_cpu(0, 1);
    madt_cpu(2, 1);
    madt_cpu(4, 0);                                               /* off */
    madt_cpu(6, 2);                                               /* may be hot-plugged */
    madt_add("\x09\x10\0\0\x00\x01\0\0\x01\0\0\0\x05\0\0\0", 16); /* x2APIC id 256 */
    madt_cpu(0xff, 0);                                            /* an empty socket, as firmware writes it */
    madt_parse();
    CHECK_EQ(info.cpus, 3);
    CHECK_EQ(info.cpus_disabled, 3);
    CHECK_EQ(info.apic_id[0], 0);
    CHECK_EQ(info.apic_id[1], 2);
    CHECK_EQ(info.apic_id[2], 256);
    CHECK(info.has_8259);
    CHECK_EQ(info.local_apic, 0xfee00000);
    CHECK_EQ(said.lines, 0);

    check_row("duplicates and broadcasts");
    madt_cpu(2, 1);
    madt_add("\x09\x10\0\0\x02\x00\0\0\x01\0\0\0\x05\0\0\0", 16);
    madt_add("\x09\x10\0\0\xff\xff\xff\xff\x01\0\0\0\x05\0\0\0", 16);
    madt_cpu(0xff, 1);
    madt_parse();
    CHECK_EQ(info.cpus, 3);
    CHECK_EQ(said.lines, 1);

    check_row("more than there is room for");
    madt_begin();
    for (uint32_t i = 0; i < ACPI_CPU_MAX + 3; i++) {
        uint8_t e[16] = {9, 16};

        put_le32(e + 4, 1000 + i);
        e[8] = 1;
        madt_add(e, 16);
    }
    madt_parse();
    CHECK_EQ(info.cpus, ACPI_CPU_MAX);
    CHECK_EQ(info.apic_id[ACPI_CPU_MAX - 1], 1000 + ACPI_CPU_MAX - 1);
    CHECK_EQ(said.lines, 1);
}

static void
test_madt_controllers(void)
{
    madt_begin();
    put_le32(madt + 40, 0);
    madt_add("\x01\x0c\x02\0\0\0\xc0\xfe\0\0\0\0", 12);
    madt_add("\x01\x0c\x03\0\0\x10\xc0\xfe\x18\0\0\0", 12);
    madt_add("\x05\x0c\0\0\0\0\xe0\xfe\x01\0\0\0", 12);
    madt_parse();
    CHECK_EQ(info.ioapics, 2);
    CHECK_EQ(info.ioapic[0].id, 2);
    CHECK_EQ(info.ioapic[0].address, 0xfec00000);
    CHECK_EQ(info.ioapic[1].address, 0xfec01000);
    CHECK_EQ(info.ioapic[1].gsi_base, 24);
    CHECK_EQ(info.local_apic, 0x1fee00000);
    CHECK(!info.has_8259);
    CHECK_EQ(said.lines, 0);

    check_row("one twice, one at 0, one askew, a local APIC that is no page");
    madt_add("\x01\x0c\x04\0\0\0\xc0\xfe\x30\0\0\0", 12);
    madt_add("\x01\x0c\x04\0\0\x20\xc0\xfe\x18\0\0\0", 12);
    madt_add("\x01\x0c\x04\0\0\0\0\0\x30\0\0\0", 12);
    madt_add("\x01\x0c\x04\0\x08\0\xc1\xfe\x30\0\0\0", 12);
    madt_add("\x05\x0c\0\0\x10\0\xe0\xfe\x01\0\0\0", 12);
    madt_parse();
    CHECK_EQ(info.ioapics, 2);
    CHECK_EQ(info.local_apic, 0x1fee00000);
    CHECK_EQ(said.lines, 1);

    check_row("more than there is room for");
    madt_begin();
    for (uint8_t i = 0; i < IRQ_IOAPIC_MAX + 1; i++)
        madt_add((uint8_t[]){1, 12, i, 0, 0, i, 0xc0, 0xfe, i, 0, 0, 0}, 12);
    madt_parse();
    CHECK_EQ(info.ioapics, IRQ_IOAPIC_MAX);
    CHECK_EQ(said.lines, 1);
}

static void
test_madt_overrides(void)
{
    static const struct {
        uint8_t flags;
        bool low, level, reserved;
    } inti[] = {{0, 0, 0, 0}, {5, 0, 0, 0}, {13, 0, 1, 0}, {15, 1, 1, 0},
                {7, 1, 0, 0}, {2, 0, 0, 1}, {8, 0, 0, 1}};

    for (size_t i = 0; i < ARRAY_SIZE(inti); i++) {
        check_row("flags %#x", inti[i].flags);
        madt_begin();
        madt_add((uint8_t[]){2, 10, 0, 9, 20, 1, 0, 0, inti[i].flags, 0}, 10);
        madt_add((uint8_t[]){3, 8, inti[i].flags, 0, 7, 0, 0, 0}, 8);
        madt_parse();
        CHECK_EQ(info.overrides, 1);
        CHECK_EQ(info.override[0].line, 9);
        CHECK_EQ(info.override[0].gsi, 276);
        CHECK_EQ(info.override[0].active_low, inti[i].low);
        CHECK_EQ(info.override[0].level, inti[i].level);
        CHECK_EQ(info.nmis, 1);
        CHECK_EQ(info.nmi[0].gsi, 7);
        CHECK_EQ(info.nmi[0].active_low, inti[i].low);
        CHECK_EQ(info.nmi[0].level, inti[i].level);
        CHECK_EQ(said.lines, inti[i].reserved);
    }
    check_row("other bus; no such line; twice");
    madt_begin();
    madt_add("\x02\x0a\x01\x00\x02\0\0\0\0\0", 10);
    madt_add("\x02\x0a\x00\x10\x02\0\0\0\0\0", 10);
    madt_add("\x02\x0a\x00\x00\x02\0\0\0\0\0", 10);
    madt_add("\x02\x0a\x00\x00\x03\0\0\0\0\0", 10);
    madt_parse();
    CHECK_EQ(info.overrides, 1);
    CHECK_EQ(info.override[0].gsi, 2);
    CHECK_EQ(said.lines, 1);

    check_row("more NMIs than there is room for");
    madt_begin();
    for (uint8_t i = 0; i < ACPI_NMI_MAX + 1; i++)
        madt_add((uint8_t[]){3, 8, 0, 0, i, 0, 0, 0}, 8);
    madt_parse();
    CHECK_EQ(info.nmis, ACPI_NMI_MAX);
}

static void
test_madt_lengths(void)
{
    check_row("too short for its fixed part");
    madt_begin();
    madt_length = 43;
    madt_parse();
    CHECK_EQ(said.lines, 1);

    for (uint8_t length = 0; length < 40; length++) {
        check_row("processor entry of length %u", length);
        madt_begin();
        madt_cpu(1, 1);
        madt_add((uint8_t[]){0, length, 2, 2, 1, 0, 0, 0}, 8);
        madt_cpu(3, 1);
        madt_parse();
        /* 8 and 16 end at an entry's end; others end the table or lead into what is read as an entry */
        if (length == 8 || length == 16)
            CHECK_EQ(info.cpus, length == 8 ? 3u : 2u);
        else
            CHECK(info.cpus >= 1);
        CHECK_EQ(info.apic_id[0], 1);
        CHECK(length == 8 || length == 16 || said.lines == 1);
    }
    check_row("an entry cut off by the end of the table");
    madt_begin();
    madt_cpu(1, 1);
    madt_cpu(2, 1);
    for (size_t cut = 1; cut < 8; cut++) {
        acpi_parse_madt(make_table("APIC", madt, madt_length - cut), &info);
        CHECK_EQ(info.cpus, 1);
        CHECK_EQ(said.lines, 1);
    }
    check_row("entries of kinds that we do not know");
    madt_begin();
    madt_add("\x0a\x0c\0\0\0\0\0\0\0\0\0\0", 12);
    madt_add("\x80\x02", 2);
    madt_cpu(1, 1);
    madt_parse();
    CHECK_EQ(info.cpus, 1);
    CHECK_EQ(said.lines, 0);
}

/* -- MCFG */

static void
mcfg_entry(uint8_t *p, uint64_t base, uint16_t segment, uint8_t first, uint8_t last)
{
    put_le64(p, base);
    put_le16(p + 8, segment);
    p[10] = first;
    p[11] = last;
}

static void
test_mcfg(void)
{
    uint8_t m[44 + 16 * (ACPI_ECAM_MAX + 1)] = {0};

    mcfg_entry(m + 44, 0xe0000000, 0, 0, 0x7f);
    mcfg_entry(m + 60, 0xd0000000, 0, 0x80, 0xff);
    mcfg_entry(m + 76, 0x4000000000, 1, 0, 0xff);
    acpi_parse_mcfg(make_table("MCFG", m, 92), &info);
    CHECK_EQ(info.ecams, 3);
    CHECK_EQ(info.ecam[1].base, 0xd0000000);
    CHECK_EQ(info.ecam[1].bus_first, 0x80);
    CHECK_EQ(info.ecam[2].segment, 1);
    CHECK_EQ(said.lines, 0);

    static const struct {
        const char *what;
        uint64_t base;
        uint16_t segment;
        uint8_t first, last;
    } bad[] = {
        {"base 0", 0, 0, 0, 255},           {"not aligned", 0xe0080000, 0, 0, 255},
        {"too high", 1ull << 52, 0, 0, 1},  {"last before first", 0xe0000000, 0, 2, 1},
        {"overlap", 0xc0000000, 1, 15, 16}, {"overlap", 0xc0000000, 1, 0, 255},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check_row("%s", bad[i].what);
        mcfg_entry(m + 44, 0xe0000000, 1, 10, 15);
        mcfg_entry(m + 60, bad[i].base, bad[i].segment, bad[i].first, bad[i].last);
        acpi_parse_mcfg(make_table("MCFG", m, 76), &info);
        CHECK_EQ(info.ecams, 1);
        CHECK_EQ(said.lines, 1);
    }
    check_row("half an entry, and none");
    acpi_parse_mcfg(make_table("MCFG", m, 75), &info);
    CHECK_EQ(info.ecams, 1);
    acpi_parse_mcfg(make_table("MCFG", m, 44), &info);
    CHECK_EQ(info.ecams, 0);
    CHECK_EQ(said.lines, 1);

    check_row("more than there is room for");
    for (uint16_t i = 0; i < ACPI_ECAM_MAX + 1; i++)
        mcfg_entry(m + 44 + 16 * i, 0xe0000000, i, 0, 255);
    acpi_parse_mcfg(make_table("MCFG", m, sizeof m), &info);
    CHECK_EQ(info.ecams, ACPI_ECAM_MAX);
    CHECK_EQ(said.lines, 1);
}

/* -- FADT */

static uint8_t fadt[276];

static void
gas(uint32_t at, uint8_t space, uint64_t address)
{
    fadt[at] = space;
    fadt[at + 1] = 32;
    put_le64(fadt + at + 4, address);
}

static void
fadt_begin(void)
{
    memset(fadt, 0, sizeof fadt);
    fadt[8] = 6;
    put_le32(fadt + 48, 0xb2);
    fadt[52] = 2;
    put_le32(fadt + 56, 0x600);
    put_le32(fadt + 64, 0x604);
    put_le32(fadt + 76, 0x608);
    fadt[88] = 4;
    fadt[89] = 2;
    fadt[91] = 4;
    fadt[108] = 0x32;
    put_le16(fadt + 109, 3);
    put_le32(fadt + 112, 1u << 10);
    gas(116, 1, 0xcf9);
    fadt[128] = 0xf;
}

static void
fadt_parse(size_t length)
{
    acpi_parse_fadt(make_table("FACP", fadt, length), &info);
}

static void
check_reg(struct acpi_reg r, enum acpi_space space, uint64_t address)
{
    CHECK_EQ(r.space, space);
    CHECK_EQ(r.address, address);
}

static void
test_fadt_fields(void)
{
    fadt_begin();
    fadt_parse(276);
    check_reg(info.power.pm1a_event, ACPI_PORT, 0x600);
    check_reg(info.power.pm1a_control, ACPI_PORT, 0x604);
    check_reg(info.power.pm1b_control, ACPI_NONE, 0);
    check_reg(info.pm_timer, ACPI_PORT, 0x608);
    check_reg(info.power.reset, ACPI_PORT, 0xcf9);
    CHECK_EQ(info.power.reset_value, 0xf);
    CHECK_EQ(info.power.smi_command, 0xb2);
    CHECK_EQ(info.power.acpi_enable, 2);
    CHECK_EQ(info.pm_timer_bits, 24);
    CHECK_EQ(info.century, 0x32);
    CHECK(info.has_8042 && info.has_vga && info.has_msi && info.has_rtc);
    CHECK_EQ(said.lines, 0);

    check_row("32-bit timer; extended fields win; boot flags");
    put_le32(fadt + 112, 1u << 8);
    gas(172, 1, 0x1804);
    gas(184, 0, 0xfed80800);
    gas(208, 0, 0xfed80808);
    put_le16(fadt + 109, 1 << 2 | 1 << 3 | 1 << 5);
    fadt_parse(276);
    check_reg(info.power.pm1a_control, ACPI_PORT, 0x1804);
    check_reg(info.power.pm1b_control, ACPI_MEMORY, 0xfed80800);
    check_reg(info.pm_timer, ACPI_MEMORY, 0xfed80808);
    check_reg(info.power.reset, ACPI_NONE, 0); /* its flag is not set */
    CHECK_EQ(info.pm_timer_bits, 32);
    CHECK(!info.has_8042 && !info.has_vga && !info.has_msi && !info.has_rtc);

    check_row("hardware-reduced");
    put_le32(fadt + 112, 1u << 20);
    gas(244, 0, 0xfed80900);
    gas(256, 1, 0x605);
    fadt_parse(276);
    check_reg(info.power.pm1a_control, ACPI_NONE, 0);
    check_reg(info.pm_timer, ACPI_NONE, 0);
    check_reg(info.power.sleep_control, ACPI_MEMORY, 0xfed80900);
    check_reg(info.power.sleep_status, ACPI_PORT, 0x605);
    CHECK_EQ(info.pm_timer_bits, 0);
}

static void
test_fadt_versions(void)
{
    uint64_t dsdt[2];

    check_row("ACPI 1.0: boot flags are reserved, nothing behind byte 116");
    fadt_begin();
    fadt[8] = 1;
    put_le16(fadt + 109, 0xffff);
    info.has_8042 = false;
    fadt_parse(116);
    check_reg(info.power.pm1a_control, ACPI_PORT, 0x604);
    check_reg(info.power.reset, ACPI_NONE, 0);
    CHECK_EQ(said.lines, 0);

    check_row("shorter than any");
    fadt_parse(115);
    check_reg(info.power.pm1a_control, ACPI_NONE, 0);
    CHECK_EQ(said.lines, 1);

    for (size_t length = 36; length <= 276;
         length++) { /* no length reads too far: AddressSanitizer watches */
        fadt_parse(length);
        acpi_fadt_dsdt(&table, dsdt);
    }
    check_row("two DSDTs");
    fadt_begin();
    put_le32(fadt + 40, 0x1000);
    put_le64(fadt + 140, 0x100002000);
    fadt_parse(276);
    acpi_fadt_dsdt(&table, dsdt);
    CHECK_EQ(dsdt[0], 0x100002000);
    CHECK_EQ(dsdt[1], 0x1000);
    put_le64(fadt + 140, 0x1000);
    fadt_parse(276);
    acpi_fadt_dsdt(&table, dsdt);
    CHECK_EQ(dsdt[0], 0x1000);
    CHECK_EQ(dsdt[1], 0);
}

static void
test_fadt_wrong(void)
{
    check_row("an extended field that cannot be: the old one serves");
    fadt_begin();
    gas(172, 1, 0x10604);
    fadt_parse(276);
    check_reg(info.power.pm1a_control, ACPI_PORT, 0x604);
    CHECK_EQ(said.lines, 1);

    check_row("an old field that is no port");
    fadt_begin();
    put_le32(fadt + 76, 0x10608);
    fadt_parse(276);
    check_reg(info.pm_timer, ACPI_NONE, 0);
    CHECK_EQ(info.pm_timer_bits, 0);
    CHECK_EQ(said.lines, 1);

    static const struct {
        unsigned at;
        uint8_t value;
    } fields[] = {{88, 2}, {89, 1}, {91, 3}, {108, 9}, {108, 0x80}, {50, 1}};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        check_row("byte %u is %u", fields[i].at, fields[i].value);
        fadt_begin();
        fadt[fields[i].at] = fields[i].value;
        fadt_parse(276);
        CHECK_EQ(said.lines, 1);
        CHECK(fields[i].at != 88 || info.power.pm1a_event.space == ACPI_NONE);
        CHECK(fields[i].at != 89 || info.power.pm1a_control.space == ACPI_NONE);
        CHECK(fields[i].at != 91 || info.pm_timer_bits == 0);
        CHECK(fields[i].at != 108 || info.century == 0);
        CHECK(fields[i].at != 50 || info.power.smi_command == 0);
    }
}

static void
test_gas(void)
{
    static const struct {
        uint8_t space, bit;
        uint64_t address;
        bool good;
    } rows[] = {
        {0, 0, 0xfed00000, true},  {0, 0, 0, false},           {0, 4, 0xfed00000, false},
        {0, 0, 1ull << 52, false}, {1, 0, 0xfffc, true},       {1, 0, 0xfffd, false},
        {1, 0, 0x10000, false},    {2, 0, 0x1f000700ff, true}, {2, 0, 0x2000000000, false},
        {2, 0, 0x80000, false},    {2, 0, 0x100, false},       {3, 0, 0x604, false},
        {0x7f, 0, 0x604, false},
    };
    struct acpi_reg r;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t *p = calloc(1, 12);

        check_row("space %u, %#lx", rows[i].space, (unsigned long)rows[i].address);
        p[0] = rows[i].space;
        p[2] = rows[i].bit;
        put_le64(p + 4, rows[i].address);
        CHECK_EQ(acpi_gas(p, &r), rows[i].good);
        CHECK_EQ(r.space != ACPI_NONE, rows[i].good);
        free(p);
    }
}

/* -- sleep types */

static bool
find_s5(const char *bytes, size_t n, uint8_t type[2])
{
    uint8_t *p = malloc(n ? n : 1);
    bool found;

    memcpy(p, bytes, n);
    found = acpi_find_s5(p, n, type);
    free(p);
    return found;
}

#define AML(bytes) bytes, sizeof(bytes) - 1

static void
test_s5(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        int a, b; /* -1: not found */
    } rows[] = {
        {AML("\x08_S5_\x12\x06\x04\x00\x00\x00\x00"), 0, 0},             /* QEMU's: Zero */
        {AML("\x08_S5_\x12\x08\x04\x0a\x05\x0a\x06\x00\x00"), 5, 6},     /* bytes */
        {AML("xx\x08\\_S5_\x12\x06\x04\x01\x0a\x07\x00"), 1, 7},         /* One; name from the root */
        {AML("\x08_S5_\x12\x08\x02\x0b\x07\x00\x0b\x03\x00"), 7, 3},     /* words */
        {AML("\x08_S5_\x12\x0c\x02\x0c\x07\0\0\0\x0c\x05\0\0\0"), 7, 5}, /* double words */
        {AML("\x08_S5_\x12\x05\x01\x0b\x05\x06"), 5, 6},                 /* both in one integer */
        {AML("\x08_S5_\x12\x41\x00\x02\x0a\x05\x0a\x05"), -1, -1},       /* PkgLength 1: less than itself */
        {AML("\x08_S5_\x12\x47\x00\x02\x0a\x05\x0a\x05"), 5, 5},         /* PkgLength of two bytes */
        {AML("\x08_S5_\x12\x47\x01\x02\x0a\x05\x0a\x05"), -1, -1},       /* ... that leads behind the end */
        {AML("\x08_S5_\x12\x06\x04\x0a\x08\x0a\x05"), -1, -1},           /* 8 is no sleep type */
        {AML("\x08_S5_\x12\x04\x02\x0a\x05\x0a\x05"), -1, -1},           /* the package ends before b */
        {AML("\x08_S5_\x12\x05\x02\x0a\x05\x0a"), -1, -1},               /* ... in the middle of b */
        {AML("\x08_S5_\x12\x02\x00"), -1, -1},                           /* empty */
        {AML("\x08_S5_\x13\x06\x04\x00\x00\x00\x00"), -1, -1},           /* no Package */
        {AML("\x08_S5_\x12\x06\x04\xff\x00\x00\x00"), -1, -1},           /* Ones */
        {AML("_S5_\x12\x06\x04\x00\x00\x00\x00"), -1, -1},               /* not defined here */
        {AML("\x10_S5_\x12\x06\x04\x00\x00\x00\x00"), -1, -1},
        {AML("\x08_S5"), -1, -1},
        {AML(""), -1, -1},
        {AML("\x08_S5_\x10\x08_S5_\x12\x06\x04\x00\x01\x00\x00"), 0, 1}, /* the second one is it */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t type[2] = {99, 99};

        check_row("AML %zu", i);
        CHECK_EQ(find_s5(rows[i].bytes, rows[i].n, type), rows[i].a >= 0);
        if (rows[i].a < 0)
            continue;
        CHECK_EQ(type[0], rows[i].a);
        CHECK_EQ(type[1], rows[i].b);
        /* Cut off before the second type: never found, nothing behind is read. */
        for (size_t cut = 0; cut < 9 && cut < rows[i].n; cut++)
            CHECK(!find_s5(rows[i].bytes, cut, type));
    }
}

int
main(void)
{
    test_madt_processors();
    test_madt_controllers();
    test_madt_overrides();
    test_madt_lengths();
    test_mcfg();
    test_fadt_fields();
    test_fadt_versions();
    test_fadt_wrong();
    test_gas();
    test_s5();
    free((void *)(uintptr_t)table.data);
    return check_report();
}
