// sources: kernel/hw/acpi_tables.c kernel/hw/acpi_madt.c kernel/hw/acpi_fadt.c
/* Contents of tables: kind (1 byte), length (2), bytes, repeated. Headers and checksums are made right here. */
#include "tests/host/acpi/sane.h"

#define TABLES 16
#define BASE   0x1000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {"APIC", "FACP", "MCFG", "HPET", "DSDT", "SSDT"};
    uint64_t entries[TABLES];
    uint32_t dsdt = 0;
    uint8_t rsdp[36], *fadt = NULL;
    struct acpi_info info;
    size_t n = 0, fadt_size = 0;

    machine_clear();
    while (size >= 3 && n < TABLES) {
        size_t length = get_le16(data + 1), left = size - 3;
        unsigned kind = data[0] % 6;

        if (length > left)
            length = left;
        entries[n] = BASE + n * 0x20000;
        uint8_t *p = put_table(entries[n], kinds[kind], data + 3, length);
        if (kind == 1 && length >= 80) {
            fadt = p;
            fadt_size = 36 + length;
        }
        if (kind == 4)
            dsdt = (uint32_t)entries[n];
        n++;
        data += 3 + length;
        size = left - length;
    }
    if (fadt) {
        put_le32(fadt + 40, dsdt);
        fix_sum(fadt, fadt_size, 9);
    }
    put_root(BASE - 0x10000, true, entries, n);
    make_rsdp(rsdp, 0, BASE - 0x10000);
    machine_parse(rsdp, sizeof rsdp, &info);
    check_sane(&info);
    return 0;
}
