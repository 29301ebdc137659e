// Any bytes as boot information: nothing outside the small memory is read, and what comes out is consistent.
// sources: boot/bootinfo.c
#include <assert.h>
#include <string.h>
#include "boot/bootinfo.h"
#include "tests/host/boot/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bootinfo b;
    const char *reason = NULL;

    if (size < 1 || size > MEMORY_SIZE)
        return 0;
    memset(memory, 0, sizeof(memory));
    memcpy(memory, data + 1, size - 1);
    if (bootinfo_parse(data[0] & 1 ? MULTIBOOT1_MAGIC : MULTIBOOT2_MAGIC, MEMORY_BASE, memory_at, &b,
                       &reason))
        assert(reason);
    assert(b.region_count <= BOOT_REGIONS_MAX && b.module_count <= BOOT_MODULES_MAX);
    assert(strnlen(b.cmdline, sizeof(b.cmdline)) < sizeof(b.cmdline));
    for (size_t i = 0; i < b.region_count; i++)
        assert(b.regions[i].start + b.regions[i].size >= b.regions[i].start);
    for (size_t i = 0; i < b.module_count; i++)
        bootinfo_module_fault(&b, &b.modules[i], 0x100000, 0x200000);
    return 0;
}
