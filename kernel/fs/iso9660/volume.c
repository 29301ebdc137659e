/* Volume descriptors (ECMA-119, 8). */
#include "kernel/fs/iso9660/iso_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define FIRST        16u /* sector of the first descriptor */
#define MOST         32u /* descriptors that are looked at */
#define PRIMARY      1u
#define SUPPLEMENT   2u
#define TERMINATOR   255u
#define RECORD_LEAST 34u

/* Offsets in a descriptor. */
enum {
    VD_TYPE = 0,
    VD_ID = 1,
    VD_LABEL = 40,
    VD_BLOCKS = 80,
    VD_ESCAPES = 88,
    VD_BLOCK = 128,
    VD_ROOT = 156
};
/* In a directory record. */
enum { REC_EXTENT = 2, REC_SIZE = 10 };

int
iso_bytes(struct iso *v, uint64_t position, uint8_t *to, uint32_t n)
{
    struct iso_hold h;
    int err = position >= v->size ? -EIO : v->io->get(v->context, position / ISO_BLOCK, &h);

    if (err)
        return err;
    memcpy(to, h.bytes + position % ISO_BLOCK, MIN(n, (uint32_t)(ISO_BLOCK - position % ISO_BLOCK)));
    v->io->put(v->context, &h);
    return 0;
}

int
iso_damaged(struct iso *v, const char *what, uint64_t position)
{
    char text[ISO_WHY];

    snprintf(text, sizeof(text), "%s, at byte %lu", what, position);
    v->io->complain(v->context, text);
    return -EIO;
}

bool
iso_extent_make(const struct iso *v, uint64_t first_block, uint64_t size, struct iso_extent *out)
{
    *out = (struct iso_extent){first_block * v->block, size};
    return out->position <= v->size && size <= v->size - out->position;
}

static int
refuse(char *why, const char *text)
{
    strlcpy(why, text, ISO_WHY);
    return -EINVAL;
}

/* UCS-2, as one of three escape sequences says (Joliet, 4). */
static bool
is_joliet(const uint8_t *d)
{
    const uint8_t *e = d + VD_ESCAPES;

    return e[0] == '%' && e[1] == '/' && (e[2] == '@' || e[2] == 'C' || e[2] == 'E');
}

static bool
root_take(struct iso *v, const uint8_t *d, struct iso_extent *root)
{
    const uint8_t *record = d + VD_ROOT;

    return record[0] >= RECORD_LEAST && get_le32(record + REC_SIZE) &&
           iso_extent_make(v, (uint64_t)get_le32(record + REC_EXTENT) + record[1],
                           get_le32(record + REC_SIZE), root);
}

static int
primary_read(struct iso *v, const uint8_t *d, char *why)
{
    size_t n = 32;

    v->block = get_le16(d + VD_BLOCK);
    if (v->block < 512 || v->block > ISO_SECTOR || !is_power_of_two(v->block))
        return refuse(why, "its blocks have a size that ISO 9660 does not know");
    if (!root_take(v, d, &v->root))
        return refuse(why, "its root directory is not on the medium");
    memcpy(v->label, d + VD_LABEL, n);
    while (n && (v->label[n - 1] == ' ' || !v->label[n - 1]))
        n--;
    v->label[n] = 0;
    return 0;
}

/* Rock Ridge says more than Joliet, and Joliet more than neither. */
static int
names_choose(struct iso *v, bool joliet_found, const struct iso_extent *joliet)
{
    uint8_t record[256];
    int err = iso_bytes(v, v->root.position, record, sizeof(record));

    if (err)
        return err;
    iso_rock_detect(v, record, MIN((uint32_t)record[0], (uint32_t)sizeof(record)));
    if (!v->has_rock && joliet_found) {
        v->is_joliet = true;
        v->root = *joliet;
    }
    return 0;
}

int
iso_volume_read(struct iso *v, uint64_t size, char *why)
{
    struct iso_extent joliet = {0, 0};
    bool found = false, joliet_found = false, over = false;
    uint8_t d[ISO_SECTOR];
    int err = 0;

    why[0] = 0;
    v->size = size;
    for (uint32_t n = 0; n < MOST && !over && !err; n++) {
        err = iso_bytes(v, (uint64_t)(FIRST + n) * ISO_SECTOR, d, sizeof(d));
        over = err || memcmp(d + VD_ID, "CD001", 5) != 0 || d[VD_TYPE] == TERMINATOR;
        if (!over && d[VD_TYPE] == PRIMARY && !found) {
            err = primary_read(v, d, why);
            found = true;
        } else if (!over && d[VD_TYPE] == SUPPLEMENT && found && is_joliet(d)) {
            joliet_found = root_take(v, d, &joliet);
        }
    }
    if (!found)
        return err == -EIO || !err ? refuse(why, "no ISO 9660: there is no primary volume descriptor") : err;
    return err ? err : names_choose(v, joliet_found, &joliet);
}
