// Any memory map: 17 bytes a range (start, size, kind), the first 8 bytes are the limit.
// sources: kernel/mem/region.c
#include "lib/bytes.h"
#include "tests/host/mem/region_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct region_input in;

    in.count = in.reserved_count = 0;
    in.limit = size >= 8 ? get_le64(data) : 0;
    for (size_t at = 8; at + 17 <= size; at += 17) {
        struct mem_region r = {get_le64(data + at), get_le64(data + at + 8), data[at + 16] & 7};

        if (data[at + 16] & 8 && in.reserved_count < ARRAY_SIZE(in.reserved))
            in.reserved[in.reserved_count++] = r;
        else if (in.count < ARRAY_SIZE(in.map))
            in.map[in.count++] = r;
    }
    region_check_input(&in);
    if (check.failed)
        abort();
    return 0;
}
