// Any sequence of operations on the address range allocator, against its model.
// sources: kernel/mem/range.c
#include "tests/host/mem/range_model.h"
#include "tests/host/mem/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stream_at = data;
    stream_end = data + size;
    space_make();
    while (stream_at < stream_end)
        space_step(stream_next);
    space_end();
    if (check.failed)
        abort();
    return 0;
}
