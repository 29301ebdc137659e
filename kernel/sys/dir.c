/*
 * Reading directories: getdents64(2), getdents(2).
 */
#include "kernel/mem/pool.h"
#include "kernel/sys/call.h"
#include "lib/bytes.h"
#include "lib/field.h"
#include "lib/string.h"

#define ENTRIES_TAG POOL_TAG('d', 'e', 'n', 't')
#define ENTRIES_MAX (32 * 1024ul) /* bytes of one call; a program that wants more asks again */
#define HEAD        19            /* ino 8, next 8, length 2, type 1 (linux/dirent.h) */
#define HEAD_OLD    18            /* ino 8, next 8, length 2; the type is the record's last byte */

struct entries {
    uint8_t *bytes;
    size_t used, size;
    bool old, too_small;
};

static bool
entry_add(void *context, const char *name, size_t len, uint64_t ino, uint32_t type, uint64_t next)
{
    struct entries *to = context;
    size_t head = to->old ? HEAD_OLD : HEAD;
    size_t size = ALIGN_UP(head + len + 1 + (to->old ? 1 : 0), 8);
    uint8_t *p = to->bytes + to->used;

    if (size > to->size - to->used) {
        to->too_small = to->used == 0;
        return false;
    }
    memset(p, 0, size);
    put_le64(p, ino);
    put_le64(p + 8, next);
    put_le16(p + 16, (uint16_t)size);
    p[to->old ? size - 1 : HEAD - 1] = (uint8_t)(type >> 12);
    memcpy(p + head, name, len);
    to->used += size;
    return true;
}

static long
entries_read(uint64_t fd, uintptr_t at, uint64_t size, bool old)
{
    struct entries to = {.size = MIN(size, ENTRIES_MAX), .old = old};
    struct file *file = call_file(fd);
    long n;

    if (!file)
        return -EBADF;
    to.bytes = pool_alloc(MAX(to.size, 1ul), ENTRIES_TAG);
    n = to.bytes ? file_readdir(file, entry_add, &to) : -ENOMEM;
    if (n == 0)
        n = to.too_small ? -EINVAL : (long)to.used;
    if (n > 0 && user_write(at, to.bytes, (size_t)n))
        n = -EFAULT;
    pool_free(to.bytes, ENTRIES_TAG);
    file_put(file);
    return n;
}

SYSCALL(getdents64)
{
    return entries_read(a, b, (unsigned)c, false);
}

SYSCALL(getdents)
{
    return entries_read(a, b, (unsigned)c, true);
}
