/* Directory records (ECMA-119, 9.1). */
#include "kernel/fs/iso9660/iso_impl.h"
#include "lib/bytes.h"
#include "lib/civil.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"
#include "lib/utf.h"

#define NS           INT64_C(1000000000)
#define RECORD_LEAST 34u
#define RECORD_MOST  255u
#define QUARTER      900 /* seconds */

#define FLAG_DIRECTORY  0x02u
#define FLAG_ASSOCIATED 0x04u
#define FLAG_MORE       0x80u

enum {
    REC_LENGTH = 0,
    REC_ATTRIBUTES = 1,
    REC_EXTENT = 2,
    REC_SIZE = 10,
    REC_TIME = 18,
    REC_FLAGS = 25,
    REC_UNIT = 26,
    REC_GAP = 27,
    REC_NAME_LENGTH = 32,
    REC_NAME = 33
};

int64_t
iso_time(const uint8_t *t)
{
    struct civil_time c = {
        .year = 1900 + t[0], .month = t[1], .day = t[2], .hour = t[3], .minute = t[4], .second = t[5]};

    if (!civil_valid(&c))
        return 0;
    return (civil_to_unix(&c) - (int64_t)(int8_t)t[6] * QUARTER) * NS;
}

/* ---- names ---- */

/* ";1" goes, and a dot with nothing behind it. */
static size_t
version_cut(const char *name, size_t length)
{
    for (size_t i = length; i-- > 1;) {
        if (name[i] == ';') {
            length = i;
            break;
        }
        if (name[i] < '0' || name[i] > '9')
            break;
    }
    return length > 1 && name[length - 1] == '.' ? length - 1 : length;
}

static void
name_joliet(const uint8_t *from, uint32_t n, struct iso_entry *e)
{
    for (uint32_t i = 0; i + 1 < n; i += 2) {
        uint32_t c = get_be16(from + i), low = i + 3 < n ? get_be16(from + i + 2) : 0;

        if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
            i += 2;
        }
        e->length += utf8_put(e->name + e->length, ISO_NAME_BYTES - e->length,
                              c < ' ' || c == '/' || (c >= 0xd800 && c < 0xe000) ? '_' : c);
    }
}

/* As Linux shows them: in lower case. */
static void
name_plain(const uint8_t *from, uint32_t n, struct iso_entry *e)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t c = from[i];

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 'a' - 'A');
        e->name[e->length++] = (char)(c <= ' ' || c >= 0x7f || c == '/' ? '_' : c);
    }
}

static void
name_take(const struct iso *v, const uint8_t *r, struct iso_entry *e)
{
    uint32_t n = r[REC_NAME_LENGTH];

    if (!e->length && v->is_joliet)
        name_joliet(r + REC_NAME, n, e);
    else if (!e->length)
        name_plain(r + REC_NAME, n, e);
    else
        return; /* Rock Ridge's */
    if (e->type != ISO_DIRECTORY)
        e->length = version_cut(e->name, e->length);
    e->name[e->length] = 0;
}

/* ---- records ---- */

/* The record at byte `at` of a directory. 0; -EAGAIN: there is none up to the next sector; -ENOENT; -EIO */
static int
record_read(struct iso *v, const struct iso_extent *dir, uint64_t at, uint8_t r[RECORD_MOST + 1])
{
    uint64_t position = dir->position + at;
    uint32_t room = (uint32_t)(ISO_SECTOR - position % ISO_SECTOR), length;
    int err;

    if (at >= dir->size)
        return -ENOENT;
    memset(r, 0, RECORD_MOST + 1);
    err = iso_bytes(v, position, r, MIN(room, RECORD_MOST));
    if (err)
        return err;
    length = r[REC_LENGTH];
    if (!length)
        return -EAGAIN;
    if (length < RECORD_LEAST || length > room || length > dir->size - at ||
        REC_NAME + (uint32_t)r[REC_NAME_LENGTH] > length || !r[REC_NAME_LENGTH])
        return iso_damaged(v, "a directory record that is none", position);
    return 0;
}

static int
extent_take(struct iso *v, const uint8_t *r, uint64_t position, struct iso_entry *e)
{
    uint64_t size = get_le32(r + REC_SIZE);

    if (r[REC_UNIT] || r[REC_GAP])
        return iso_damaged(v, "an interleaved file, which is not supported", position);
    if (e->parts == ISO_PARTS)
        return iso_damaged(v, "a file of too many extents", position);
    if (!iso_extent_make(v, (uint64_t)get_le32(r + REC_EXTENT) + r[REC_ATTRIBUTES], size, &e->part[e->parts]))
        return iso_damaged(v, "a file that is not on the medium", position);
    if (size)
        e->parts++;
    e->size += size;
    return 0;
}

/* One record goes into the entry, whose first one it is or a later one. */
static int
record_take(struct iso *v, const uint8_t *r, uint64_t position, bool first, struct iso_entry *e)
{
    int err;

    if (first) {
        memset(e, 0, sizeof(*e));
        e->record = position;
        e->type = r[REC_FLAGS] & FLAG_DIRECTORY ? ISO_DIRECTORY : ISO_FILE;
        e->mode = e->type == ISO_DIRECTORY ? 0555 : 0444;
        e->links = 1;
        e->modified = iso_time(r + REC_TIME);
    }
    err = extent_take(v, r, position, e);
    if (!err && first && v->has_rock)
        err = iso_rock_read(v, r, r[REC_LENGTH], e, NULL);
    if (!err && first)
        name_take(v, r, e);
    return err;
}

/* "." and "..": one byte, 0 or 1. */
static bool
is_dot(const uint8_t *r)
{
    return r[REC_NAME_LENGTH] == 1 && r[REC_NAME] <= 1;
}

int
iso_next(struct iso *v, const struct iso_extent *dir, uint64_t *at, struct iso_entry *e)
{
    uint8_t r[RECORD_MOST + 1];
    bool first = true;

    for (;;) {
        int err = record_read(v, dir, *at, r);

        if (err == -EAGAIN) {
            *at = ALIGN_DOWN(dir->position + *at, (uint64_t)ISO_SECTOR) + ISO_SECTOR - dir->position;
            continue;
        }
        if (err)
            return err;
        if (!is_dot(r) && !(r[REC_FLAGS] & FLAG_ASSOCIATED)) {
            err = record_take(v, r, dir->position + *at, first, e);
            if (err)
                return err;
            first = !(r[REC_FLAGS] & FLAG_MORE);
        }
        *at += r[REC_LENGTH];
        if (!is_dot(r) && !(r[REC_FLAGS] & FLAG_ASSOCIATED) && first && !e->is_hidden && e->length &&
            strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0)
            return 0;
    }
}

int
iso_find(struct iso *v, const struct iso_extent *dir, const char *name, size_t length, struct iso_entry *e)
{
    uint64_t at = 0;
    int err;

    while ((err = iso_next(v, dir, &at, e)) == 0)
        if (e->length == length && !memcmp(e->name, name, length))
            return 0;
    return err;
}

long
iso_link(struct iso *v, uint64_t record, char *text)
{
    uint8_t r[RECORD_MOST + 1] = {0};
    struct iso_entry *e;
    struct iso_entry scratch;
    int err = iso_bytes(v, record, r, MIN(RECORD_MOST, (uint32_t)(ISO_SECTOR - record % ISO_SECTOR)));

    e = &scratch;
    memset(e, 0, sizeof(*e));
    text[0] = 0;
    if (!err)
        err = iso_rock_read(v, r, r[REC_LENGTH], e, text);
    return err ? err : (long)strlen(text);
}
