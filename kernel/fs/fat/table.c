/* Entries of the FAT (overview, 4). */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/format.h"

#define ENTRY_32   0x0fffffffu /* the upper four bits are reserved */
#define BAD_12     0xff7u
#define FLAGS_LEFT 1u /* the cluster number whose entry has the flags */

/* `n` bytes of the FAT that is read, from byte `at` of it on; they may lie in two blocks. */
static int
bytes_read(struct fat *f, uint64_t at, uint8_t *to, unsigned n)
{
    uint64_t position = f->g.fat_start + f->g.active * f->g.fat_size + at;

    while (n) {
        unsigned offset = (unsigned)(position % FAT_BLOCK), part = FAT_BLOCK - offset;
        struct fat_hold h;
        int err = f->io->get(f->context, position / FAT_BLOCK, &h);

        if (err)
            return err;
        for (part = part < n ? part : n; part; part--, n--, position++)
            *to++ = h.bytes[offset++];
        f->io->put(f->context, &h);
    }
    return 0;
}

/* The number in a cluster's entry. */
static int
entry_read(struct fat *f, uint32_t cluster, uint32_t *value)
{
    uint8_t b[4] = {0};
    int err;

    switch (f->g.bits) {
    case 12:
        err = bytes_read(f, cluster + cluster / 2, b, 2);
        *value = cluster & 1 ? get_le16(b) >> 4 : get_le16(b) & 0xfff;
        return err;
    case 16:
        err = bytes_read(f, 2ull * cluster, b, 2);
        *value = get_le16(b);
        return err;
    default:
        err = bytes_read(f, 4ull * cluster, b, 4);
        *value = get_le32(b) & ENTRY_32;
        return err;
    }
}

/* All ones in the bits of an entry. */
static uint32_t
ones(const struct fat *f)
{
    return f->g.bits == 32 ? ENTRY_32 : (1u << f->g.bits) - 1;
}

int
fat_next(struct fat *f, uint32_t cluster, int64_t *next)
{
    uint32_t value, bad = ones(f) - 8;
    char text[FAT_WHY];
    int err = entry_read(f, cluster, &value);

    if (err)
        return err;
    if (fat_is_cluster(f, value))
        *next = value;
    else if (value > bad)
        *next = FAT_END;
    else if (value == bad)
        *next = FAT_BAD;
    else if (value == 0)
        *next = FAT_FREE;
    else
        err = -EIO;
    if (err) {
        snprintf(text, sizeof(text), "cluster %u leads to %u, and the volume has 2 to %u", cluster, value,
                 f->g.clusters + 1);
        f->io->complain(f->context, text);
    }
    return err;
}

int
fat_flags(struct fat *f, bool *clean, bool *no_errors)
{
    uint32_t value, top = f->g.bits == 32 ? 27 : 15;
    int err = entry_read(f, FLAGS_LEFT, &value);

    *clean = f->g.bits == 12 || err || value >> top & 1;
    *no_errors = f->g.bits == 12 || err || value >> (top - 1) & 1;
    return err;
}
