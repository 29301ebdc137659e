// Any bytes as a program: ENOEXEC, or segments in order and within the limits.
// sources: kernel/sys/elf.c
#include "kernel/sys/elf.h"
#include "tests/host/check.h"

#define LOW  0x10000u
#define HIGH 0x7ffffffff000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct elf_limits limits = {LOW, HIGH};
    const char *reason;
    struct elf e;
    uint64_t end = LOW;

    if (elf_header(data, size, &e, &reason) || e.table_offset > size ||
        size - e.table_offset < (uint64_t)e.entries * ELF_ENTRY_SIZE)
        return 0;
    if (elf_table(data + e.table_offset, size, &limits, &e, &reason))
        return 0;
    for (unsigned i = 0; i < e.segments; i++) {
        const struct elf_segment *s = &e.segment[i];

        if (s->file_size > s->size || s->offset > size || s->file_size > size - s->offset || s->size > HIGH)
            abort();
        if (!e.moves && (s->address < end || s->address > HIGH - s->size))
            abort();
        end = s->address + s->size;
    }
    return 0;
}
