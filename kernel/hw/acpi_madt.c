/*
 * The two tables that are lists: MADT (processors and interrupt controllers) and MCFG (configuration space).
 * An entry whose length is wrong ends its table: what follows cannot be told apart. Other bad entries are
 * skipped.
 */
#include "kernel/hw/acpi_impl.h"
#include "lib/bytes.h"
#include "lib/field.h"

/* clang-format off */
/* Multiple APIC Description Table (ACPI 6.5, 5.2.12) */
#define MADT_LOCAL_APIC      36
#define MADT_FLAGS           40
#define  MADT_PCAT_COMPAT      BIT(0)
#define MADT_ENTRIES         44

#define ENTRY_TYPE           0
#define ENTRY_LENGTH         1
#define ENTRY_HEADER         2

#define CPU_ENABLED          BIT(0) /* of a processor's flags; bit 1: may be hot-plugged */

/* MPS INTI flags (5.2.12.5) */
#define INTI_POLARITY        BITS(1, 0)
#define INTI_TRIGGER         BITS(3, 2)
#define  INTI_CONFORMS         0
#define  INTI_HIGH_OR_EDGE     1
#define  INTI_RESERVED         2
#define  INTI_LOW_OR_LEVEL     3

/* MCFG (PCI Firmware Specification 3.3, 4.1.2) */
#define MCFG_ENTRIES         44
#define MCFG_ENTRY           16
#define MCFG_ALIGNMENT       (1u << 20) /* one bus */
/* clang-format on */

static void
add_cpu(struct acpi_table *t, uint32_t id, uint32_t flags, struct acpi_info *out)
{
    if (!(flags & CPU_ENABLED)) {
        out->cpus_disabled++;
        return;
    }
    for (uint32_t i = 0; i < out->cpus; i++) {
        if (out->apic_id[i] == id) {
            acpi_complain(t, "a processor's APIC id", id, "listed twice");
            return;
        }
    }
    if (out->cpus == ACPI_CPU_MAX) {
        acpi_complain(t, "a processor's APIC id", id, "the first 256 processors are used");
        return;
    }
    out->apic_id[out->cpus++] = id;
}

static void
read_cpu(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    uint32_t flags = get_le32(e + 4);

    if (e[3] == 0xff && flags & CPU_ENABLED) {
        acpi_complain(t, "a processor's APIC id", e[3], "that is the broadcast");
        return;
    }
    add_cpu(t, e[3], flags, out);
}

static void
read_x2apic_cpu(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    uint32_t id = get_le32(e + 4), flags = get_le32(e + 8);

    if (id == UINT32_MAX && flags & CPU_ENABLED) {
        acpi_complain(t, "a processor's x2APIC id", id, "that is the broadcast");
        return;
    }
    add_cpu(t, id, flags, out);
}

static void
read_ioapic(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    struct acpi_ioapic a = {.id = e[2], .address = get_le32(e + 4), .gsi_base = get_le32(e + 8)};

    if (!a.address || a.address % 16) {
        acpi_complain(t, "an I/O APIC's address", a.address, "aligned to 16: 82093AA, 3.0");
        return;
    }
    for (size_t i = 0; i < out->ioapics; i++) {
        if (out->ioapic[i].address == a.address || out->ioapic[i].gsi_base == a.gsi_base) {
            acpi_complain(t, "an I/O APIC's address", a.address,
                          "same address or first interrupt as another");
            return;
        }
    }
    if (out->ioapics == IRQ_IOAPIC_MAX) {
        acpi_complain(t, "an I/O APIC's address", a.address, "the first 16 are used");
        return;
    }
    out->ioapic[out->ioapics++] = a;
}

/* ISA interrupts that say nothing are active high and edge-triggered. */
static void
read_inti(struct acpi_table *t, uint16_t flags, bool *active_low, bool *level)
{
    uint32_t polarity = FIELD_GET(INTI_POLARITY, flags), trigger = FIELD_GET(INTI_TRIGGER, flags);

    if (polarity == INTI_RESERVED || trigger == INTI_RESERVED)
        acpi_complain(t, "MPS INTI flags", flags, "reserved value: ACPI 6.5, 5.2.12.5");
    *active_low = polarity == INTI_LOW_OR_LEVEL;
    *level = trigger == INTI_LOW_OR_LEVEL;
}

static void
read_override(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    struct irq_override o = {.line = e[3], .gsi = get_le32(e + 4)};

    if (e[2] || o.line >= IRQ_LINES) {
        acpi_complain(t, "an overridden interrupt (bus << 8 | line)", (uint64_t)e[2] << 8 | o.line,
                      "ISA is bus 0, lines 0 to 15");
        return;
    }
    for (size_t i = 0; i < out->overrides; i++) {
        if (out->override[i].line == o.line) {
            acpi_complain(t, "an overridden interrupt", o.line, "listed twice");
            return;
        }
    }
    read_inti(t, get_le16(e + 8), &o.active_low, &o.level);
    out->override[out->overrides++] = o;
}

static void
read_nmi(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    struct acpi_nmi n = {.gsi = get_le32(e + 4)};

    if (out->nmis == ACPI_NMI_MAX) {
        acpi_complain(t, "an NMI source", n.gsi, "the first 8 are kept");
        return;
    }
    read_inti(t, get_le16(e + 2), &n.active_low, &n.level);
    out->nmi[out->nmis++] = n;
}

static void
set_local_apic(struct acpi_table *t, uint64_t pa, struct acpi_info *out)
{
    if (!pa || pa % 4096 || pa >> 52)
        acpi_complain(t, "the local APIC's address", pa, "a page");
    else
        out->local_apic = pa;
}

static void
read_local_apic_address(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    set_local_apic(t, get_le64(e + 4), out);
}

static const struct {
    uint8_t type, length;
    void (*read)(struct acpi_table *t, const uint8_t *e, struct acpi_info *out);
} madt_entries[] = {
    {0, 8, read_cpu},
    {1, 12, read_ioapic},
    {2, 10, read_override},
    {3, 8, read_nmi},
    {5, 12, read_local_apic_address},
    {9, 16, read_x2apic_cpu},
};

static void
read_madt_entry(struct acpi_table *t, const uint8_t *e, struct acpi_info *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(madt_entries); i++) {
        if (madt_entries[i].type != e[ENTRY_TYPE])
            continue;
        if (e[ENTRY_LENGTH] < madt_entries[i].length)
            acpi_complain(t, "an entry's type and length", get_le16(e), "too short: ACPI 6.5, 5.2.12");
        else
            madt_entries[i].read(t, e, out);
    }
}

void
acpi_parse_madt(struct acpi_table *t, struct acpi_info *out)
{
    uint32_t at = MADT_ENTRIES;

    if (t->length < MADT_ENTRIES) {
        acpi_complain(t, "length", t->length, "44 at least: ACPI 6.5, 5.2.12");
        return;
    }
    set_local_apic(t, get_le32(t->data + MADT_LOCAL_APIC), out);
    out->has_8259 = get_le32(t->data + MADT_FLAGS) & MADT_PCAT_COMPAT;
    while (at < t->length) {
        const uint8_t *e = t->data + at;
        uint32_t left = t->length - at;

        if (left < ENTRY_HEADER || e[ENTRY_LENGTH] < ENTRY_HEADER || e[ENTRY_LENGTH] > left) {
            acpi_complain(t, "offset of an entry with a wrong length", at, "ACPI 6.5, 5.2.12");
            return;
        }
        read_madt_entry(t, e, out);
        at += e[ENTRY_LENGTH];
    }
}

static bool
ecam_is_free(const struct acpi_ecam *e, const struct acpi_info *out)
{
    for (size_t i = 0; i < out->ecams; i++) {
        const struct acpi_ecam *o = &out->ecam[i];

        if (o->segment == e->segment && e->bus_first <= o->bus_last && o->bus_first <= e->bus_last)
            return false;
    }
    return true;
}

static void
read_mcfg_entry(struct acpi_table *t, const uint8_t *p, struct acpi_info *out)
{
    struct acpi_ecam e = {
        .base = get_le64(p), .segment = get_le16(p + 8), .bus_first = p[10], .bus_last = p[11]};

    if (!e.base || e.base % MCFG_ALIGNMENT || e.base >> 52)
        acpi_complain(t, "base address", e.base, "aligned to 1 MiB: PCI Firmware 3.3, 4.1.2");
    else if (e.bus_first > e.bus_last)
        acpi_complain(t, "first and last bus", get_le16(p + 10), "first <= last: PCI Firmware 3.3, 4.1.2");
    else if (!ecam_is_free(&e, out))
        acpi_complain(t, "first and last bus", get_le16(p + 10), "in two entries");
    else if (out->ecams == ACPI_ECAM_MAX)
        acpi_complain(t, "number of entries", out->ecams + 1, "the first 16 are used");
    else
        out->ecam[out->ecams++] = e;
}

void
acpi_parse_mcfg(struct acpi_table *t, struct acpi_info *out)
{
    for (uint32_t at = MCFG_ENTRIES; at + MCFG_ENTRY <= t->length; at += MCFG_ENTRY)
        read_mcfg_entry(t, t->data + at, out);
    if (!out->ecams)
        acpi_complain(t, "length", t->length, "no entry that can be used: PCI Firmware 3.3, 4.1.2");
}
