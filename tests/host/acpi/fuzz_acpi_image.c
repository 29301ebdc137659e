// sources: kernel/hw/acpi_tables.c kernel/hw/acpi_madt.c kernel/hw/acpi_fadt.c
/* Memory as it is: address, length, bytes, repeated. Checksums must be right to get anywhere. */
#include "tests/host/acpi/sane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acpi_info info;

    machine_clear();
    if (machine_load(data, size))
        machine_parse(machine.segment[0].data, machine.segment[0].size, &info);
    else
        machine_parse(NULL, 0, &info);
    check_sane(&info);
    return 0;
}
