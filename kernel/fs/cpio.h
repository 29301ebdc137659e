/*
 * Reading newc archives (cpio -H newc), pure: where the next member is, and what is wrong.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct cpio_member {
    uint64_t ino, mode, nlink, mtime, rdev_major, rdev_minor;
    const char *name; /* NUL-terminated, inside the archive, without leading "./" and '/' */
    const uint8_t *data;
    size_t size;
};

/*
 * The member at offset *at of an archive of `size` bytes; *at goes on behind it. Archives may follow one another, with
 * zeros between.
 * Returns: 1: there is one; 0: the end; -EINVAL: malformed, *reason says how and *at where
 */
int cpio_next(const uint8_t *archive, size_t size, size_t *at, struct cpio_member *m, const char **reason);
