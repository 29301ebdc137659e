// Any sequence of operations on the buddy system, against its model.
// sources: kernel/mem/buddy.c
#include "tests/host/mem/buddy_model.h"
#include "tests/host/mem/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stream_at = data;
    stream_end = data + size;
    world_make();
    while (stream_at < stream_end)
        world_step(stream_next);
    world_check();
    world_end();
    if (check.failed)
        abort();
    return 0;
}
