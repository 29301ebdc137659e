// Any bytes as an archive: what comes out lies inside, and it ends.
// sources: kernel/fs/cpio.c
#include "kernel/fs/cpio.h"
#include "tests/host/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cpio_member m;
    const char *reason;
    size_t at = 0, before = 0;

    while (cpio_next(data, size, &at, &m, &reason) == 1) {
        if (at <= before || at > size || m.data < data || m.size > (size_t)(data + size - m.data) ||
            strlen(m.name) >= size)
            abort();
        before = at;
    }
    return 0;
}
