/*
 * Making newc archives (cpio(5), "New ASCII Format"): headers of 110 hexadecimal characters, names and data padded to 4.
 */
#pragma once
#include "tests/host/check.h"

struct archive {
    uint8_t bytes[16384];
    size_t size;
};

static inline void
archive_pad(struct archive *a)
{
    while (a->size % 4)
        a->bytes[a->size++] = 0;
}

static inline void
archive_add(struct archive *a, const char *name, unsigned mode, unsigned ino, unsigned nlink,
            const char *data)
{
    size_t length = strlen(name) + 1, n = strlen(data);

    a->size += (size_t)sprintf((char *)a->bytes + a->size,
                               "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ino, mode, 0,
                               0, nlink, 1700000000, n, 0, 0, 5, 7, length, 0);
    memcpy(a->bytes + a->size, name, length);
    a->size += length;
    archive_pad(a);
    memcpy(a->bytes + a->size, data, n);
    a->size += n;
    archive_pad(a);
}

static inline void
archive_end(struct archive *a)
{
    archive_add(a, "TRAILER!!!", 0, 0, 1, "");
    while (a->size % 512)
        a->bytes[a->size++] = 0;
}
