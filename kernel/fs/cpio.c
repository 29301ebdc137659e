#include "kernel/fs/cpio.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

/* cpio(5), "New ASCII Format": 6 bytes of magic, then 13 fields of 8 hexadecimal digits. */
#define MAGIC         "070701"
#define MAGIC_SUM     "070702" /* the same, with a checksum */
#define FIELD         8
#define HEADER        110
#define TRAILER       "TRAILER!!!"
#define NAME_SIZE_MAX 4096

enum {
    INO,
    MODE,
    UID,
    GID,
    NLINK,
    MTIME,
    SIZE,
    DEV_MAJOR,
    DEV_MINOR,
    RDEV_MAJOR,
    RDEV_MINOR,
    NAME_SIZE,
    CHECK,
    FIELDS
};

static int
digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns false if something is no hexadecimal digit. */
static bool
fields_read(const uint8_t *header, uint64_t field[FIELDS])
{
    const uint8_t *p = header + sizeof(MAGIC) - 1;

    for (unsigned i = 0; i < FIELDS; i++) {
        field[i] = 0;
        for (unsigned k = 0; k < FIELD; k++, p++) {
            int d = digit(*p);

            if (d < 0)
                return false;
            field[i] = field[i] << 4 | (unsigned)d;
        }
    }
    return true;
}

static int
wrong(const char **reason, const char *why)
{
    *reason = why;
    return -EINVAL;
}

/* Names lead to where they say: none climbs out. */
static bool
name_climbs(const char *name)
{
    while (*name) {
        if (name[0] == '.' && name[1] == '.' && (name[2] == '/' || !name[2]))
            return true;
        while (*name && *name != '/')
            name++;
        while (*name == '/')
            name++;
    }
    return false;
}

static const char *
name_strip(const char *name)
{
    while (*name == '/' || (name[0] == '.' && name[1] == '/'))
        name++;
    return name;
}

static int
member_read(const uint8_t *archive, size_t size, size_t *at, struct cpio_member *m, const char **reason)
{
    const uint8_t *p = archive + *at;
    uint64_t field[FIELDS];
    size_t left = size - *at, data;

    if (left < HEADER)
        return wrong(reason, "the header is cut off");
    if (memcmp(p, MAGIC, 6) != 0 && memcmp(p, MAGIC_SUM, 6) != 0)
        return wrong(reason, "no newc header (070701)");
    if (!fields_read(p, field))
        return wrong(reason, "a field of the header is not hexadecimal");
    if (field[NAME_SIZE] == 0 || field[NAME_SIZE] > NAME_SIZE_MAX || field[NAME_SIZE] > left - HEADER)
        return wrong(reason, "the name's size is wrong");
    if (p[HEADER + field[NAME_SIZE] - 1] != 0 || strlen((const char *)p + HEADER) != field[NAME_SIZE] - 1)
        return wrong(reason, "the name does not end where its size says");
    data = ALIGN_UP(*at + HEADER + field[NAME_SIZE], 4);
    if (data > size || field[SIZE] > size - data)
        return wrong(reason, "the data is cut off");
    m->name = (const char *)p + HEADER;
    if (strcmp(m->name, TRAILER) != 0 && name_climbs(m->name))
        return wrong(reason, "the name contains \"..\"");
    m->ino = field[INO];
    m->mode = field[MODE];
    m->nlink = field[NLINK];
    m->mtime = field[MTIME];
    m->rdev_major = field[RDEV_MAJOR];
    m->rdev_minor = field[RDEV_MINOR];
    m->data = archive + data;
    m->size = field[SIZE];
    *at = MIN(ALIGN_UP(data + m->size, 4), size);
    return 1;
}

int
cpio_next(const uint8_t *archive, size_t size, size_t *at, struct cpio_member *m, const char **reason)
{
    for (;;) {
        int result;

        while (*at < size && archive[*at] == 0)
            ++*at;
        if (*at == size)
            return 0;
        result = member_read(archive, size, at, m, reason);
        if (result < 0)
            return result;
        if (strcmp(m->name, TRAILER) != 0) {
            m->name = name_strip(m->name);
            return 1;
        }
    }
}
