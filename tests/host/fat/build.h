/*
 * Small volumes of all three types, made byte by byte: what a boot sector, a FAT and a directory are, without a tool between.
 * Of 100 clusters, FAT16 of 4200, since its number decides. (For FAT32 that is fewer than it may have, and read all the same.)
 */
#pragma once
#include "lib/bytes.h"
#ifdef volume_is_elsewhere /* the test has a machine of its own: only the bytes are wanted */
static struct {
    uint8_t *bytes;
    size_t size;
} volume;
#else
#include "tests/host/fat/volume.h"
#endif

#define BUILD_SECTOR   512u
#define BUILD_RESERVED 4u
#define BUILD_FAT      2u  /* sectors of one */
#define BUILD_ROOT     32u /* entries, of FAT12 and FAT16 */

static inline uint32_t
build_clusters(unsigned bits)
{
    return bits == 16 ? 4200 : 100;
}

/* Sectors of a FAT. */
static inline uint32_t
build_fat(unsigned bits)
{
    return bits == 16 ? 17 : 2;
}

static inline uint32_t
build_data(unsigned bits)
{
    return BUILD_RESERVED + 2 * build_fat(bits) + (bits == 32 ? 0 : BUILD_ROOT * 32 / BUILD_SECTOR);
}

static inline uint8_t *
build_cluster(unsigned bits, uint32_t cluster)
{
    return volume.bytes + (size_t)(build_data(bits) + cluster - 2) * BUILD_SECTOR;
}

/* An entry of both FATs. */
static inline void
build_link(unsigned bits, uint32_t cluster, uint32_t value)
{
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t *fat = volume.bytes + (size_t)(BUILD_RESERVED + copy * build_fat(bits)) * BUILD_SECTOR;
        uint8_t *at = fat + cluster + cluster / 2;

        if (bits == 32)
            put_le32(fat + 4 * cluster, value & 0x0fffffff);
        else if (bits == 16)
            put_le16(fat + 2 * cluster, (uint16_t)value);
        else
            put_le16(at, (uint16_t)(cluster & 1 ? (get_le16(at) & 0xf) | value << 4
                                                : (get_le16(at) & 0xf000) | (value & 0xfff)));
    }
}

static inline void
build_entry(uint8_t *at, const char *name, uint8_t attributes, uint32_t first, uint32_t size)
{
    memcpy(at, name, 11);
    at[11] = attributes;
    put_le16(at + 20, (uint16_t)(first >> 16));
    put_le16(at + 26, (uint16_t)first);
    put_le32(at + 28, size);
    put_le16(at + 22, 0x6000); /* noon */
    put_le16(at + 24, 0x5a21); /* 1 January 2025 */
}

/* The long name of the entry behind it, of at most 13 characters. */
static inline void
build_long(uint8_t *at, const char *name, const char *short_name)
{
    static const uint8_t unit_at[13] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    size_t n = strlen(name);

    memset(at, 0, 32);
    at[0] = 0x41;
    at[11] = 0x0f;
    at[13] = fat_checksum((const uint8_t *)short_name);
    for (size_t i = 0; i < 13; i++)
        put_le16(at + unit_at[i], i < n ? (uint8_t)name[i] : i == n ? 0 : 0xffff);
}

/*
 * "LABEL"; "Long name.txt" (3 clusters: 5, 6, 20) and FILE (1: 7) in the root; DIR (8, 9), in it SUB (10) and INNER (11).
 * FAT32's root is cluster 2, 3.
 */
static inline void
build(unsigned bits)
{
    uint32_t sectors = build_data(bits) + build_clusters(bits), end = bits == 12   ? 0xfff
                                                                      : bits == 16 ? 0xffff
                                                                                   : 0x0fffffff;
    uint8_t *b, *root;

    volume.size = (size_t)sectors * BUILD_SECTOR;
    free(volume.bytes);
    b = volume.bytes = calloc(1, volume.size);
    put_le16(b + 11, BUILD_SECTOR);
    b[13] = 1;
    put_le16(b + 14, BUILD_RESERVED);
    b[16] = 2;
    put_le16(b + 17, bits == 32 ? 0 : BUILD_ROOT);
    put_le16(b + 19, (uint16_t)sectors);
    b[21] = 0xf8;
    put_le16(b + 22, bits == 32 ? 0 : build_fat(bits));
    if (bits == 32) {
        put_le32(b + 36, build_fat(bits));
        put_le32(b + 44, 2);
        put_le16(b + 48, 1);
        put_le16(b + 50, 2);
    }
    put_le16(b + 510, 0xaa55);
    build_link(bits, 0, 0x0ffffff8);
    build_link(bits, 1, end);
    root = bits == 32 ? build_cluster(bits, 2)
                      : b + (size_t)(BUILD_RESERVED + 2 * build_fat(bits)) * BUILD_SECTOR;
    build_link(bits, 2, 3);
    build_link(bits, 3, end);
    build_entry(root, "LABEL      ", FAT_LABEL, 0, 0);
    build_long(root + 32, "Long name.txt", "LONGNA~1TXT");
    build_entry(root + 64, "LONGNA~1TXT", FAT_ARCHIVE, 5, 1500);
    build_entry(root + 96, "FILE       ", FAT_READ_ONLY, 7, 10);
    build_entry(root + 128, "DIR        ", FAT_DIRECTORY, 8, 0);
    build_link(bits, 5, 6);
    build_link(bits, 6, 20);
    build_link(bits, 20, end);
    build_link(bits, 7, end);
    build_link(bits, 8, 9);
    build_link(bits, 9, end);
    build_entry(build_cluster(bits, 8), ".          ", FAT_DIRECTORY, 8, 0);
    build_entry(build_cluster(bits, 8) + 32, "..         ", FAT_DIRECTORY, 0, 0);
    build_entry(build_cluster(bits, 8) + 64, "SUB        ", FAT_DIRECTORY, 10, 0);
    build_entry(build_cluster(bits, 8) + 96, "INNER   C  ", 0, 11, 512);
    build_link(bits, 10, end);
    build_link(bits, 11, end);
    build_entry(build_cluster(bits, 10), ".          ", FAT_DIRECTORY, 10, 0);
    build_entry(build_cluster(bits, 10) + 32, "..         ", FAT_DIRECTORY, 8, 0);
}
