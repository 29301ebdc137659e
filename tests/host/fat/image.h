/* Volumes as mkfs.fat makes them, in memory. */
#pragma once
#include <unistd.h>
#include "tests/host/check.h"

/* By mkfs.fat's options; the caller frees it. */
static inline uint8_t *
image_make(const char *options, unsigned kib, size_t *size)
{
    char path[] = "/tmp/fat-XXXXXX", command[300];
    int fd = mkstemp(path);
    uint8_t *bytes;

    *size = (size_t)kib * 1024;
    bytes = calloc(1, *size);
    snprintf(command, sizeof command, "PATH=$PATH:/sbin:/usr/sbin mkfs.fat %s %s >/dev/null", options, path);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)*size) == 0);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(pread(fd, bytes, *size, 0), *size);
    close(fd);
    unlink(path);
    return bytes;
}
