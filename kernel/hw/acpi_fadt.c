/*
 * The tables that say where registers are: FADT and HPET; and the sleep types for power off.
 *
 * Most registers of the FADT have two fields, an old one (an I/O port) and an extended one (an address in any
 * space). The extended one counts if it is there and can be used (ACPI 6.5, 5.2.9).
 */
#include "kernel/hw/acpi_impl.h"
#include "lib/bytes.h"
#include "lib/field.h"

/* clang-format off */
/* Generic Address Structure (ACPI 6.5, 5.2.3.2) */
#define GAS_SPACE            0
#define  GAS_SPACE_MEMORY      0
#define  GAS_SPACE_PORT        1
#define  GAS_SPACE_PCI         2
#define GAS_BIT_OFFSET       2
#define GAS_ADDRESS          4
#define GAS_SIZE             12

/* Fixed ACPI Description Table (ACPI 6.5, 5.2.9) */
#define FADT_DSDT            40
#define FADT_SMI_CMD         48
#define FADT_ACPI_ENABLE     52
#define FADT_PM1A_EVT        56
#define FADT_PM1B_EVT        60
#define FADT_PM1A_CNT        64
#define FADT_PM1B_CNT        68
#define FADT_PM_TMR          76
#define FADT_PM1_EVT_LEN     88
#define FADT_PM1_CNT_LEN     89
#define FADT_PM_TMR_LEN      91
#define FADT_CENTURY         108
#define FADT_BOOT_ARCH       109
#define  BOOT_ARCH_8042        BIT(1)
#define  BOOT_ARCH_NO_VGA      BIT(2)
#define  BOOT_ARCH_NO_MSI      BIT(3)
#define  BOOT_ARCH_NO_RTC      BIT(5)
#define FADT_FLAGS           112
#define  FADT_TIMER_32BIT      BIT(8)
#define  FADT_HAS_RESET        BIT(10)
#define  FADT_HW_REDUCED       BIT(20)
#define FADT_SIZE_V1         116
#define FADT_RESET_REG       116
#define FADT_RESET_VALUE     128
#define FADT_X_DSDT          140
#define FADT_X_PM1A_EVT      148
#define FADT_X_PM1B_EVT      160
#define FADT_X_PM1A_CNT      172
#define FADT_X_PM1B_CNT      184
#define FADT_X_PM_TMR        208
#define FADT_SLEEP_CONTROL   244
#define FADT_SLEEP_STATUS    256

#define CMOS_FIRST           0x0e /* below are the clock's own registers */
#define CMOS_LAST            0x7f

/* HPET table (IA-PC HPET 1.0a, 3.2.4) */
#define HPET_ADDRESS         40
#define HPET_SIZE            56

/* AML (ACPI 6.5, 20.3) */
#define AML_ZERO             0x00
#define AML_ONE              0x01
#define AML_NAME             0x08
#define AML_BYTE             0x0a
#define AML_WORD             0x0b
#define AML_DWORD            0x0c
#define AML_QWORD            0x0e
#define AML_PACKAGE          0x12
#define AML_ROOT             '\\'
#define SLEEP_TYPE_MAX       7
/* clang-format on */

bool
acpi_gas(const uint8_t *p, struct acpi_reg *out)
{
    uint64_t address = get_le64(p + GAS_ADDRESS);

    *out = (struct acpi_reg){.space = ACPI_NONE};
    if (!address || p[GAS_BIT_OFFSET])
        return false;
    switch (p[GAS_SPACE]) {
    case GAS_SPACE_MEMORY:
        if (address >> 52)
            return false;
        out->space = ACPI_MEMORY;
        break;
    case GAS_SPACE_PORT:
        if (address > UINT16_MAX - 3)
            return false;
        out->space = ACPI_PORT;
        break;
    case GAS_SPACE_PCI: /* device, function and offset have 16 bits each */
        if (address >> 32 > 31 || (uint16_t)(address >> 16) > 7 || (uint16_t)address > 0xff)
            return false;
        out->space = ACPI_PCI;
        break;
    default:
        return false;
    }
    out->address = address;
    return true;
}

/* An extended register field, if the table is long enough and the field is not empty. */
static bool
read_extended(struct acpi_table *t, uint32_t at, const char *field, struct acpi_reg *out)
{
    if (t->length < at + GAS_SIZE || !get_le64(t->data + at + GAS_ADDRESS))
        return false;
    if (acpi_gas(t->data + at, out))
        return true;
    acpi_complain(t, field, get_le64(t->data + at + GAS_ADDRESS), "address, space or bit offset is wrong");
    return false;
}

/* A register with an old and an extended field. */
static void
read_register(struct acpi_table *t, uint32_t old, uint32_t extended, const char *field, struct acpi_reg *out)
{
    uint32_t port = get_le32(t->data + old);

    if (read_extended(t, extended, field, out) || !port)
        return;
    if (port > UINT16_MAX - 3)
        acpi_complain(t, field, port, "a port: ACPI 6.5, 5.2.9");
    else
        *out = (struct acpi_reg){.space = ACPI_PORT, .address = port};
}

static void
read_fixed_hardware(struct acpi_table *t, struct acpi_info *out)
{
    struct acpi_power *p = &out->power;
    uint32_t smi = get_le32(t->data + FADT_SMI_CMD);

    if (t->data[FADT_PM1_EVT_LEN] >= 4) {
        read_register(t, FADT_PM1A_EVT, FADT_X_PM1A_EVT, "PM1a_EVT_BLK", &p->pm1a_event);
        read_register(t, FADT_PM1B_EVT, FADT_X_PM1B_EVT, "PM1b_EVT_BLK", &p->pm1b_event);
    } else {
        acpi_complain(t, "PM1_EVT_LEN", t->data[FADT_PM1_EVT_LEN], "4 at least: ACPI 6.5, 5.2.9");
    }
    if (t->data[FADT_PM1_CNT_LEN] >= 2) {
        read_register(t, FADT_PM1A_CNT, FADT_X_PM1A_CNT, "PM1a_CNT_BLK", &p->pm1a_control);
        read_register(t, FADT_PM1B_CNT, FADT_X_PM1B_CNT, "PM1b_CNT_BLK", &p->pm1b_control);
    } else {
        acpi_complain(t, "PM1_CNT_LEN", t->data[FADT_PM1_CNT_LEN], "2 at least: ACPI 6.5, 5.2.9");
    }
    if (t->data[FADT_PM_TMR_LEN] == 4)
        read_register(t, FADT_PM_TMR, FADT_X_PM_TMR, "PM_TMR_BLK", &out->pm_timer);
    else if (t->data[FADT_PM_TMR_LEN])
        acpi_complain(t, "PM_TMR_LEN", t->data[FADT_PM_TMR_LEN], "4: ACPI 6.5, 5.2.9");
    if (out->pm_timer.space != ACPI_NONE)
        out->pm_timer_bits = get_le32(t->data + FADT_FLAGS) & FADT_TIMER_32BIT ? 32 : 24;

    if (smi > UINT16_MAX) {
        acpi_complain(t, "SMI_CMD", smi, "a port: ACPI 6.5, 5.2.9");
    } else if (smi && t->data[FADT_ACPI_ENABLE]) {
        p->smi_command = (uint16_t)smi;
        p->acpi_enable = t->data[FADT_ACPI_ENABLE];
    }
}

static void
read_boot_architecture(const struct acpi_table *t, struct acpi_info *out)
{
    uint16_t flags = get_le16(t->data + FADT_BOOT_ARCH);

    /* Reserved in ACPI 1.0, when every PC had all of it. */
    if (t->data[ACPI_HEADER_REVISION] < 2)
        return;
    out->has_8042 = flags & BOOT_ARCH_8042;
    out->has_vga = !(flags & BOOT_ARCH_NO_VGA);
    out->has_msi = !(flags & BOOT_ARCH_NO_MSI);
    out->has_rtc = !(flags & BOOT_ARCH_NO_RTC);
}

void
acpi_parse_fadt(struct acpi_table *t, struct acpi_info *out)
{
    struct acpi_power *p = &out->power;
    uint32_t flags;

    if (t->length < FADT_SIZE_V1) {
        acpi_complain(t, "length", t->length, "116 at least: ACPI 1.0, 5.2.5");
        return;
    }
    flags = get_le32(t->data + FADT_FLAGS);
    read_boot_architecture(t, out);
    out->century = t->data[FADT_CENTURY];
    if (out->century && (out->century < CMOS_FIRST || out->century > CMOS_LAST)) {
        acpi_complain(t, "CENTURY", out->century, "a CMOS index above the clock's: ACPI 6.5, 5.2.9");
        out->century = 0;
    }
    if (flags & FADT_HW_REDUCED) {
        read_extended(t, FADT_SLEEP_CONTROL, "SLEEP_CONTROL_REG", &p->sleep_control);
        read_extended(t, FADT_SLEEP_STATUS, "SLEEP_STATUS_REG", &p->sleep_status);
    } else {
        read_fixed_hardware(t, out);
    }
    if (flags & FADT_HAS_RESET && t->length > FADT_RESET_VALUE) {
        read_extended(t, FADT_RESET_REG, "RESET_REG", &p->reset);
        p->reset_value = t->data[FADT_RESET_VALUE];
    }
}

void
acpi_fadt_dsdt(const struct acpi_table *fadt, uint64_t dsdt[2])
{
    dsdt[0] = fadt->length >= FADT_X_DSDT + 8 ? get_le64(fadt->data + FADT_X_DSDT) : 0;
    dsdt[1] = fadt->length >= FADT_DSDT + 4 ? get_le32(fadt->data + FADT_DSDT) : 0;
    if (dsdt[1] == dsdt[0])
        dsdt[1] = 0;
}

void
acpi_parse_hpet(struct acpi_table *t, struct acpi_info *out)
{
    struct acpi_reg r;

    if (t->length < HPET_SIZE)
        acpi_complain(t, "length", t->length, "56 at least: IA-PC HPET 1.0a, 3.2.4");
    else if (!acpi_gas(t->data + HPET_ADDRESS, &r) || r.space != ACPI_MEMORY || r.address % 8)
        acpi_complain(t, "BASE_ADDRESS", get_le64(t->data + HPET_ADDRESS + GAS_ADDRESS),
                      "in memory, aligned: IA-PC HPET 1.0a, 3.2.4");
    else
        out->hpet = r.address;
}

/* -- the sleep types */

/* A constant at p[*at]; moves *at behind it. False if there is none before `end`. */
static bool
aml_integer(const uint8_t *p, size_t *at, size_t end, uint64_t *out)
{
    size_t left = end - *at;
    uint8_t opcode = left ? p[*at] : 0xff;
    size_t size = opcode == AML_BYTE ? 1 : opcode == AML_WORD ? 2 : opcode == AML_DWORD ? 4 : 8;

    if (opcode == AML_ZERO || opcode == AML_ONE) {
        *out = opcode;
        *at += 1;
        return true;
    }
    if ((opcode != AML_QWORD && size == 8) || left < 1 + size)
        return false;
    *out = 0;
    for (size_t i = 0; i < size; i++)
        *out |= (uint64_t)p[*at + 1 + i] << 8 * i;
    *at += 1 + size;
    return true;
}

/* PkgLength (ACPI 6.5, 20.2.4) at p[*at]; sets *end behind the package and moves *at. */
static bool
aml_package_length(const uint8_t *p, size_t *at, size_t length, size_t *end)
{
    size_t start = *at, more, value;

    if (start >= length)
        return false;
    more = p[start] >> 6;
    if (length - start < 1 + more)
        return false;
    value = more ? p[start] & 0x0f : p[start] & 0x3f;
    for (size_t i = 0; i < more; i++)
        value |= (size_t)p[start + 1 + i] << (4 + 8 * i);
    if (value < 1 + more || value > length - start)
        return false;
    *at += 1 + more;
    *end = start + value;
    return true;
}

/* What follows the name: Package(){a, b, ...}, or one integer that holds both in its lower two bytes. */
static bool
read_sleep_package(const uint8_t *p, size_t at, size_t length, uint8_t type[2])
{
    uint64_t a, b;
    size_t end;
    uint8_t elements;

    if (at >= length || p[at++] != AML_PACKAGE || !aml_package_length(p, &at, length, &end) || at >= end)
        return false;
    elements = p[at++];
    if (!elements || !aml_integer(p, &at, end, &a))
        return false;
    if (elements == 1) {
        b = a >> 8 & 0xff;
        a &= 0xff;
    } else if (!aml_integer(p, &at, end, &b)) {
        return false;
    }
    if (a > SLEEP_TYPE_MAX || b > SLEEP_TYPE_MAX)
        return false;
    type[0] = (uint8_t)a;
    type[1] = (uint8_t)b;
    return true;
}

bool
acpi_find_s5(const uint8_t *aml, size_t length, uint8_t type[2])
{
    static const uint8_t name[4] = {'_', 'S', '5', '_'};

    for (size_t i = 1; i + sizeof name <= length; i++) {
        bool named = aml[i - 1] == AML_NAME || (i >= 2 && aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME);

        if (named && get_le32(aml + i) == get_le32(name) &&
            read_sleep_package(aml, i + sizeof name, length, type))
            return true;
    }
    return false;
}
