/*
 * The boot sector (overview, 3). The fields that say the same thing are taken as Windows and Linux take them: a volume whose
 * 16-bit FAT size is 0 is FAT32; of the others the number of clusters decides.
 */
#include <stdarg.h>
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define SECTOR_LEAST 512u
#define SECTOR_MOST  4096u
#define CLUSTER_MOST (256u << 10)
#define FATS_MOST    4u
#define FAT12_MOST   4084u
#define FAT16_MOST   65524u
#define FAT32_MOST   0x0ffffff5u
#define SIGNATURE    0xaa55
#define NOT_MIRRORED 0x80u
#define ACTIVE       0x0fu

/* Fields of all types, and behind them those of FAT12/16 and of FAT32. */
enum {
    BPB_OEM = 3,
    BPB_SECTOR = 11,
    BPB_CLUSTER = 13,
    BPB_RESERVED = 14,
    BPB_FATS = 16,
    BPB_ROOT_ENTRIES = 17,
    BPB_SECTORS_16 = 19,
    BPB_FAT_16 = 22,
    BPB_SECTORS_32 = 32,
    BS_SIGNATURE_16 = 38,
    BS_SERIAL_16 = 39,
    BS_LABEL_16 = 43,
    BPB_FAT_32 = 36,
    BPB_FLAGS = 40,
    BPB_VERSION = 42,
    BPB_ROOT_CLUSTER = 44,
    BPB_FSINFO = 48,
    BPB_BACKUP = 50,
    BS_SIGNATURE_32 = 66,
    BS_SERIAL_32 = 67,
    BS_LABEL_32 = 71,
    BOOT_SIGNATURE = 510
};

/* The numbers as they stand there, in sectors. */
struct bpb {
    uint32_t sector, per_cluster, reserved, fats, root_entries, sectors, fat_sectors;
    uint64_t root_sectors, data_sector;
    bool is_32;
};

__attribute__((format(printf, 2, 3))) static int
refuse(char *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, FAT_WHY, format, args);
    va_end(args);
    return -EINVAL;
}

static int
numbers_read(const uint8_t *s, struct bpb *b, char *why)
{
    uint16_t small = get_le16(s + BPB_SECTORS_16);

    if (get_le16(s + BOOT_SIGNATURE) != SIGNATURE)
        return refuse(why, "no boot sector: its signature is %04x, not aa55", get_le16(s + BOOT_SIGNATURE));
    if (!memcmp(s + BPB_OEM, "EXFAT   ", 8))
        return refuse(why, "exFAT, which is another file system");
    if (!memcmp(s + BPB_OEM, "NTFS    ", 8))
        return refuse(why, "NTFS");
    *b = (struct bpb){.sector = get_le16(s + BPB_SECTOR),
                      .per_cluster = s[BPB_CLUSTER],
                      .reserved = get_le16(s + BPB_RESERVED),
                      .fats = s[BPB_FATS],
                      .root_entries = get_le16(s + BPB_ROOT_ENTRIES),
                      .sectors = small ? small : get_le32(s + BPB_SECTORS_32),
                      .fat_sectors = get_le16(s + BPB_FAT_16)};
    b->is_32 = b->fat_sectors == 0;
    if (b->is_32)
        b->fat_sectors = get_le32(s + BPB_FAT_32);
    if (b->sector < SECTOR_LEAST || b->sector > SECTOR_MOST || !is_power_of_two(b->sector))
        return refuse(why, "sectors of %u bytes", b->sector);
    if (!is_power_of_two(b->per_cluster) || b->per_cluster * b->sector > CLUSTER_MOST)
        return refuse(why, "%u sectors in a cluster", b->per_cluster);
    if (!b->reserved)
        return refuse(why, "no reserved sectors");
    if (!b->fats || b->fats > FATS_MOST)
        return refuse(why, "%u FATs", b->fats);
    if (!b->fat_sectors)
        return refuse(why, "FATs of no size");
    return 0;
}

/* Where things are, each behind the one before. 64 bits: no sum of these overflows. */
static int
areas_place(struct bpb *b, uint64_t device_size, char *why)
{
    b->root_sectors = DIV_ROUND_UP((uint64_t)b->root_entries * FAT_ENTRY, b->sector);
    b->data_sector = b->reserved + (uint64_t)b->fats * b->fat_sectors + b->root_sectors;
    if (!b->sectors)
        return refuse(why, "no sectors");
    if (b->data_sector >= b->sectors)
        return refuse(why, "%u sectors, which is not enough for its FATs and root directory", b->sectors);
    if ((uint64_t)b->sectors * b->sector > device_size)
        return refuse(why, "%u sectors, which is more than the device has", b->sectors);
    return 0;
}

static int
type_find(const struct bpb *b, struct fat_geometry *g, char *why)
{
    uint64_t room;

    g->clusters = (uint32_t)((b->sectors - b->data_sector) / b->per_cluster);
    if (!g->clusters)
        return refuse(why, "no clusters");
    if (b->is_32 && b->root_entries)
        return refuse(why, "FAT32 with %u entries in a root directory of its own", b->root_entries);
    g->bits = b->is_32 ? 32 : g->clusters <= FAT12_MOST ? 12 : 16;
    if (!b->is_32 && !b->root_entries)
        return refuse(why, "no root directory");
    if (g->clusters > (b->is_32 ? FAT32_MOST : FAT16_MOST))
        return refuse(why, "%u clusters, which are too many for its kind of FAT", g->clusters);
    room = (uint64_t)b->fat_sectors * b->sector * 8 / g->bits;
    if (room < g->clusters + FAT_FIRST)
        return refuse(why, "FATs that are too small for %u clusters", g->clusters);
    return 0;
}

static int
fat32_read(const uint8_t *s, const struct bpb *b, struct fat_geometry *g, char *why)
{
    uint16_t flags = get_le16(s + BPB_FLAGS), fsinfo = get_le16(s + BPB_FSINFO),
             backup = get_le16(s + BPB_BACKUP);

    if (get_le16(s + BPB_VERSION))
        return refuse(why, "FAT32 of version %04x, which nobody knows", get_le16(s + BPB_VERSION));
    g->root_cluster = get_le32(s + BPB_ROOT_CLUSTER);
    if (g->root_cluster < FAT_FIRST || g->root_cluster - FAT_FIRST >= g->clusters)
        return refuse(why, "a root directory in cluster %u", g->root_cluster);
    if (flags & NOT_MIRRORED) {
        g->mirrored = false;
        g->active = flags & ACTIVE;
        if (g->active >= b->fats)
            return refuse(why, "FAT %u as the active one", g->active);
    }
    if (fsinfo && fsinfo < b->reserved)
        g->fsinfo = (uint64_t)fsinfo * b->sector;
    if (backup && backup < b->reserved)
        g->backup = (uint64_t)backup * b->sector;
    return 0;
}

/* Serial number and label stand there if a byte says so. */
static void
identity_read(const uint8_t *s, const struct bpb *b, struct fat_geometry *g)
{
    uint8_t signature = s[b->is_32 ? BS_SIGNATURE_32 : BS_SIGNATURE_16];
    const uint8_t *label = s + (b->is_32 ? BS_LABEL_32 : BS_LABEL_16);
    size_t n = 11;

    if (signature != 0x29 && signature != 0x28)
        return;
    g->serial = get_le32(s + (b->is_32 ? BS_SERIAL_32 : BS_SERIAL_16));
    while (n && label[n - 1] == ' ')
        n--;
    if (signature == 0x29 && memcmp(label, "NO NAME    ", 11) != 0)
        for (size_t i = 0; i < n; i++)
            g->label[i] = label[i] >= ' ' && label[i] < 0x7f ? (char)label[i] : '_';
}

int
fat_bpb_read(const uint8_t *sector, uint64_t device_size, struct fat_geometry *g, char *why)
{
    struct bpb b = {.sector = SECTOR_LEAST, .per_cluster = 1};
    int err;

    why[0] = 0;
    *g = (struct fat_geometry){.mirrored = true};
    err = numbers_read(sector, &b, why);
    if (!err)
        err = areas_place(&b, device_size, why);
    if (!err)
        err = type_find(&b, g, why);
    if (!err && b.is_32)
        err = fat32_read(sector, &b, g, why);
    if (err)
        return err;
    g->sector = b.sector;
    g->cluster = b.sector * b.per_cluster;
    g->fats = (uint8_t)b.fats;
    g->fat_start = (uint64_t)b.reserved * b.sector;
    g->fat_size = (uint64_t)b.fat_sectors * b.sector;
    g->root_start = (b.data_sector - b.root_sectors) * b.sector;
    g->root_size = (uint64_t)b.root_entries * FAT_ENTRY;
    g->data_start = b.data_sector * b.sector;
    g->size = (uint64_t)b.sectors * b.sector;
    identity_read(sector, &b, g);
    return 0;
}
