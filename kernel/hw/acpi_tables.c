/*
 * Finding ACPI's tables: RSDP -> XSDT or RSDT -> the tables that are of use.
 *
 * I1  No byte is read before its length was checked, no field before its table's checksum was.
 * I2  Work is bounded: ROOT_ENTRIES tables, each at most TABLE_MAX bytes, each kind read once.
 */
#include "kernel/hw/acpi_impl.h"
#include "kernel/console/log.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

/* Root System Description Pointer (ACPI 6.5, 5.2.5.3) */
#define RSDP_SIGNATURE "RSD PTR "
#define RSDP_REVISION  15
#define RSDP_RSDT      16
#define RSDP_SIZE_V1   20
#define RSDP_LENGTH    20
#define RSDP_XSDT      24
#define RSDP_SIZE_V2   36

/* Where BIOS leaves the RSDP (ACPI 6.5, 5.2.5.1) */
#define EBDA_POINTER   0x40e
#define EBDA_SEARCHED  1024
#define BIOS_START     0xe0000
#define BIOS_SIZE      0x20000
#define RSDP_ALIGNMENT 16

#define SIGNATURE    4
#define ROOT_ENTRIES 256
#define SSDTS        32
#define TABLE_MAX    (4u << 20)
#define ADDRESS_END  (1ull << 52)

/* What is collected on the way through one root table. */
struct walk {
    const struct acpi_memory *memory;
    struct acpi_info *out;
    unsigned seen; /* bit i: readers[i] has had its table */
    uint64_t dsdt[2];
    uint64_t ssdt[SSDTS];
    size_t ssdts;
};

static const struct {
    const char *signature;
    void (*read)(struct acpi_table *t, struct acpi_info *out);
} readers[] = {
    {"APIC", acpi_parse_madt},
    {"FACP", acpi_parse_fadt},
    {"MCFG", acpi_parse_mcfg},
    {"HPET", acpi_parse_hpet},
};

void
acpi_complain(struct acpi_table *t, const char *field, uint64_t value, const char *rule)
{
    if (!t->complained)
        log_warn("acpi: %s at %#lx: %s is %#lx (%s)", t->name, (unsigned long)t->pa, field,
                 (unsigned long)value, rule);
    t->complained = true;
}

/* Map and check one table. Returns false, with a message, if it cannot be used. */
static bool
table_open(const struct acpi_memory *m, const char *name, uint64_t pa, struct acpi_table *t)
{
    const uint8_t *p;
    uint8_t sum;
    bool right;

    *t = (struct acpi_table){.name = name, .pa = pa};
    if (!pa || pa >= ADDRESS_END || !(p = m->map(m->context, pa, ACPI_HEADER))) {
        acpi_complain(t, "address", pa, "no memory there");
        return false;
    }
    right = !memcmp(p, name, SIGNATURE);
    if (!right)
        acpi_complain(t, "signature", get_le32(p), "ACPI 6.5, 5.2.6");
    t->length = get_le32(p + ACPI_HEADER_LENGTH);
    m->unmap(m->context, p, ACPI_HEADER);
    if (!right)
        return false;
    if (t->length < ACPI_HEADER || t->length > TABLE_MAX) {
        acpi_complain(t, "length", t->length, "36 bytes to 4 MiB");
        return false;
    }
    t->data = m->map(m->context, pa, t->length);
    if (!t->data) {
        acpi_complain(t, "length", t->length, "no memory there");
        return false;
    }
    sum = checksum8(t->data, t->length);
    if (sum) {
        acpi_complain(t, "sum of all bytes", sum, "0: ACPI 6.5, 5.2.6");
        m->unmap(m->context, t->data, t->length);
        return false;
    }
    return true;
}

static void
table_close(const struct acpi_memory *m, struct acpi_table *t)
{
    m->unmap(m->context, t->data, t->length);
    t->data = NULL;
}

/* -- the root pointer */

struct rsdp {
    uint8_t revision;
    uint64_t rsdt, xsdt; /* 0: none */
};

/* Returns NULL and *out for a good RSDP; else what is wrong with it. */
static const char *
rsdp_read(const uint8_t *p, size_t len, struct rsdp *out)
{
    uint32_t length;

    if (len < RSDP_SIZE_V1)
        return "its size";
    if (memcmp(p, RSDP_SIGNATURE, 8))
        return "its signature";
    if (checksum8(p, RSDP_SIZE_V1))
        return "its checksum";
    *out = (struct rsdp){.revision = p[RSDP_REVISION], .rsdt = get_le32(p + RSDP_RSDT)};
    if (out->revision < 2 || len < RSDP_SIZE_V2)
        return out->rsdt ? NULL : "its RSDT address";
    length = get_le32(p + RSDP_LENGTH);
    /* The extended part is optional: without it the RSDT serves. */
    if (length >= RSDP_SIZE_V2 && length <= len && !checksum8(p, length))
        out->xsdt = get_le64(p + RSDP_XSDT);
    else if (out->rsdt)
        log_warn("acpi: RSDP: length %u or extended checksum is wrong; using the RSDT (ACPI 6.5, 5.2.5.3)",
                 length);
    return out->rsdt || out->xsdt ? NULL : "its table addresses";
}

static bool
rsdp_search_range(const struct acpi_memory *m, uint64_t pa, size_t size, struct rsdp *out)
{
    const uint8_t *p = m->map(m->context, pa, size);
    bool found = false;

    if (!p)
        return false;
    for (size_t i = 0; i + RSDP_SIZE_V1 <= size && !found; i += RSDP_ALIGNMENT)
        found = !rsdp_read(p + i, size - i, out);
    m->unmap(m->context, p, size);
    return found;
}

static bool
rsdp_search(const struct acpi_memory *m, struct rsdp *out)
{
    const uint8_t *p = m->map(m->context, EBDA_POINTER, 2);
    uint64_t ebda = 0;

    if (p) {
        ebda = (uint64_t)get_le16(p) << 4;
        m->unmap(m->context, p, 2);
    }
    /* The EBDA is below 640 KiB; anything else in the pointer is not one. */
    if (ebda >= 0x400 && ebda + EBDA_SEARCHED <= 0xa0000 && rsdp_search_range(m, ebda, EBDA_SEARCHED, out))
        return true;
    return rsdp_search_range(m, BIOS_START, BIOS_SIZE, out);
}

/* -- the tables below it */

static void
walk_read(struct walk *w, unsigned reader, uint64_t pa)
{
    struct acpi_table t;

    if (w->seen & 1u << reader) {
        log_warn("acpi: a second %s at %#lx is ignored", readers[reader].signature, (unsigned long)pa);
        return;
    }
    if (!table_open(w->memory, readers[reader].signature, pa, &t))
        return;
    w->seen |= 1u << reader;
    readers[reader].read(&t, w->out);
    if (readers[reader].read == acpi_parse_fadt)
        acpi_fadt_dsdt(&t, w->dsdt);
    table_close(w->memory, &t);
}

/* One entry of a root table. False if there is no table at all. */
static bool
walk_entry(struct walk *w, uint64_t pa)
{
    const uint8_t *p = NULL;
    uint8_t signature[SIGNATURE];

    if (pa && pa < ADDRESS_END)
        p = w->memory->map(w->memory->context, pa, SIGNATURE);
    if (!p)
        return false;
    put_le32(signature, get_le32(p));
    w->memory->unmap(w->memory->context, p, SIGNATURE);

    if (!memcmp(signature, "SSDT", SIGNATURE) && w->ssdts < SSDTS)
        w->ssdt[w->ssdts++] = pa;
    for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
        if (!memcmp(signature, readers[i].signature, SIGNATURE))
            walk_read(w, i, pa);
    return true;
}

/* Go through an XSDT (entries of 8 bytes) or an RSDT (4). False if it leads to no table that we read. */
static bool
walk_root(struct walk *w, const char *name, uint64_t pa, size_t entry_size)
{
    struct acpi_table t;
    size_t entries;

    if (!table_open(w->memory, name, pa, &t))
        return false;
    entries = (t.length - ACPI_HEADER) / entry_size;
    if (entries > ROOT_ENTRIES) {
        acpi_complain(&t, "number of entries", entries, "the first 256 are read");
        entries = ROOT_ENTRIES;
    }
    for (size_t i = 0; i < entries; i++) {
        const uint8_t *p = t.data + ACPI_HEADER + i * entry_size;
        uint64_t entry = entry_size == 8 ? get_le64(p) : get_le32(p);

        if (!walk_entry(w, entry))
            acpi_complain(&t, "an entry", entry, "no memory there");
    }
    table_close(w->memory, &t);
    return w->seen != 0;
}

static bool
walk_s5(struct walk *w, const char *name, uint64_t pa)
{
    struct acpi_power *power = &w->out->power;
    struct acpi_table t;

    if (!pa || !table_open(w->memory, name, pa, &t))
        return false;
    power->has_s5 = acpi_find_s5(t.data + ACPI_HEADER, t.length - ACPI_HEADER, power->s5_type);
    table_close(w->memory, &t);
    return power->has_s5;
}

/* The sleep types may be in the DSDT, in the other DSDT, or in any SSDT. */
static void
walk_definition_blocks(struct walk *w)
{
    if (walk_s5(w, "DSDT", w->dsdt[0]) || walk_s5(w, "DSDT", w->dsdt[1]))
        return;
    for (size_t i = 0; i < w->ssdts; i++)
        if (walk_s5(w, "SSDT", w->ssdt[i]))
            return;
    log_warn("acpi: no package _S5_ in any definition block: power off goes without ACPI");
}

static struct acpi_info
default_info(void)
{
    return (struct acpi_info){
        .local_apic = 0xfee00000, /* SDM vol. 3A, 11.4.1 */
        .has_8259 = true,
        .has_8042 = true,
        .has_rtc = true,
        .has_vga = true,
        .has_msi = true,
    };
}

int
acpi_parse(const struct acpi_memory *m, const uint8_t *rsdp, size_t len, struct acpi_info *out)
{
    struct walk w = {.memory = m, .out = out};
    struct rsdp root;
    const char *wrong = rsdp ? rsdp_read(rsdp, len, &root) : NULL;

    *out = default_info();
    if (wrong)
        log_warn("acpi: the boot loader's RSDP (%zu bytes) is no such: %s is wrong; searching BIOS memory",
                 len, wrong);
    if ((!rsdp || wrong) && !rsdp_search(m, &root)) {
        log_warn("acpi: no RSDP; assuming one processor and an 8259 pair (ACPI 6.5, 5.2.5.1)");
        return -ENODEV;
    }
    out->revision = root.revision;
    out->present = (root.xsdt && walk_root(&w, "XSDT", root.xsdt, 8)) ||
                   (root.rsdt && walk_root(&w, "RSDT", root.rsdt, 4));
    if (!out->present) {
        log_warn("acpi: no table can be read; assuming one processor and an 8259 pair");
        return -ENODEV;
    }
    walk_definition_blocks(&w);
    return 0;
}
