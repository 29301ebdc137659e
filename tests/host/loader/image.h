/*
 * A small good driver image, made in memory: headers, .text, .data, .rdata with imports, exports and a load
 * configuration, .reloc. Tests spoil one field at a time.
 */
#pragma once
#include "drivers/loader/pe.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "tests/host/check.h"

#define E_LFANEW   0x80u
#define COFF       (E_LFANEW + 4)
#define OPTIONAL   (COFF + 20)
#define DIRECTORY  (OPTIONAL + 112)
#define TABLE      (DIRECTORY + 16 * 8)
#define HEADERS    0x400u
#define FILE_SIZE  0x1400u
#define IMAGE_SIZE 0x6000u
#define BASE       0x140000000u

/* Addresses in the image, and where in the file they are. */
#define TEXT      0x1000u
#define DATA      0x2000u
#define RDATA     0x3000u
#define RELOC     0x5000u
#define RDATA_RAW 0x800u

#define IMPORTS   (RDATA + 0x000)
#define LOOKUP    (RDATA + 0x100)
#define ADDRESSES (RDATA + 0x180)
#define NAMES     (RDATA + 0x200)
#define EXPORTS   (RDATA + 0x300)
#define CONFIG    (RDATA + 0x500)
#define VERSION   (RDATA + 0x600)
#define AT(rva)   ((rva)-RDATA + RDATA_RAW) /* of .rdata */

static uint8_t file[FILE_SIZE], image[IMAGE_SIZE];

static inline void
image_section(unsigned n, const char *name, uint32_t rva, uint32_t size, uint32_t raw, uint32_t raw_size,
              uint32_t flags)
{
    uint8_t *p = file + TABLE + n * 40;

    memcpy(p, name, strlen(name) < 8 ? strlen(name) : 8);
    put_le32(p + 8, size);
    put_le32(p + 12, rva);
    put_le32(p + 16, raw_size);
    put_le32(p + 20, raw);
    put_le32(p + 36, flags);
}

static inline void
image_directory(unsigned n, uint32_t rva, uint32_t size)
{
    put_le32(file + DIRECTORY + 8 * n, rva);
    put_le32(file + DIRECTORY + 8 * n + 4, size);
}

static inline void
image_headers(void)
{
    uint8_t *o = file + OPTIONAL;

    memcpy(file, "MZ", 2);
    put_le32(file + 0x3c, E_LFANEW);
    memcpy(file + E_LFANEW, "PE\0", 4);
    put_le16(file + COFF, 0x8664);
    put_le16(file + COFF + 2, 4);
    put_le16(file + COFF + 16, 112 + 16 * 8);
    put_le16(file + COFF + 18, 0x22);
    put_le16(o, 0x20b);
    put_le32(o + 16, TEXT + 0x10);
    put_le64(o + 24, BASE);
    put_le32(o + 32, 0x1000);
    put_le32(o + 36, 0x200);
    put_le32(o + 56, IMAGE_SIZE);
    put_le32(o + 60, HEADERS);
    put_le16(o + 68, 1);
    put_le32(o + 108, 16);
    image_section(0, ".text", TEXT, 0x200, 0x400, 0x200, 0x60000020);
    image_section(1, ".data", DATA, 0x900, 0x600, 0x200, 0xc0000040);
    image_section(2, ".rdata", RDATA, 0xa00, RDATA_RAW, 0xa00, 0x40000040);
    image_section(3, ".reloc", RELOC, 0x200, 0x1200, 0x200, 0x42000040);
}

/* storport.sys: A by name, 7 by ordinal; NTOSKRNL.exe: B. */
static inline void
image_imports(void)
{
    static const char *const names[] = {"storport.sys", "NTOSKRNL.exe", "\1\1PortA", "\0\0KeB"};

    for (unsigned i = 0; i < 4; i++)
        memcpy(file + AT(NAMES) + 32 * i, names[i], i < 2 ? strlen(names[i]) : i == 2 ? 7 : 5);
    image_directory(PE_IMPORTS, IMPORTS, 60);
    for (unsigned i = 0; i < 2; i++) {
        put_le32(file + AT(IMPORTS) + 20 * i, LOOKUP + 0x20 * i);
        put_le32(file + AT(IMPORTS) + 20 * i + 12, NAMES + 32 * i);
        put_le32(file + AT(IMPORTS) + 20 * i + 16, ADDRESSES + 0x20 * i);
    }
    put_le64(file + AT(LOOKUP), NAMES + 64);
    put_le64(file + AT(LOOKUP) + 8, UINT64_C(1) << 63 | 7);
    put_le64(file + AT(LOOKUP) + 0x20, NAMES + 96);
}

/* Base 5; Alpha -> TEXT + 0x20, Beta -> "NTOS.KeB"; ordinal 7 without a name -> TEXT + 0x30. */
static inline void
image_exports(void)
{
    uint8_t *d = file + AT(EXPORTS);

    image_directory(PE_EXPORTS, EXPORTS, 0x100);
    put_le32(d + 16, 5);
    put_le32(d + 20, 3);
    put_le32(d + 24, 2);
    put_le32(d + 28, EXPORTS + 40);
    put_le32(d + 32, EXPORTS + 60);
    put_le32(d + 36, EXPORTS + 80);
    put_le32(d + 40, TEXT + 0x20);
    put_le32(d + 44, EXPORTS + 0xc0);
    put_le32(d + 48, TEXT + 0x30);
    put_le32(d + 60, EXPORTS + 0x90);
    put_le32(d + 64, EXPORTS + 0xa0);
    put_le16(d + 80, 0);
    put_le16(d + 82, 1);
    memcpy(d + 0x90, "Alpha", 6);
    memcpy(d + 0xa0, "Beta", 5);
    memcpy(d + 0xc0, "NTOS.KeB", 9);
}

/* Three places in .data; version 1.2.3.4; relocations of the first two places of .data and of the configuration. */
static inline void
image_rest(void)
{
    static const uint16_t places[] = {0xa000, 0xa008, 0, 0};
    uint8_t *v = file + AT(VERSION);

    image_directory(PE_LOAD_CONFIG, CONFIG, 0x100);
    put_le32(file + AT(CONFIG), 0x100);
    put_le64(file + AT(CONFIG) + 0x58, BASE + DATA + 0x10);
    put_le64(file + AT(CONFIG) + 0x70, BASE + DATA + 0x18);
    put_le64(file + AT(CONFIG) + 0x78, BASE + DATA + 0x20);
    image_directory(PE_RESOURCES, VERSION, 0x200);
    for (unsigned level = 0; level < 3; level++) {
        put_le16(v + 24 * level + 14, 1);
        put_le32(v + 24 * level + 16, level ? 1 : 16);
        put_le32(v + 24 * level + 20, level < 2 ? 0x80000000 | 24 * (level + 1) : 72);
    }
    put_le32(v + 72, VERSION + 88);
    put_le32(v + 76, 0x60);
    put_le32(v + 88 + 8, 0xfeef04bd);
    put_le32(v + 88 + 16, 1 << 16 | 2);
    put_le32(v + 88 + 20, 3 << 16 | 4);
    put_le64(file + 0x600, BASE + TEXT);
    put_le64(file + 0x608, BASE + DATA);
    image_directory(PE_RELOCATIONS, RELOC, 16 + 14);
    put_le32(file + 0x1200, DATA);
    put_le32(file + 0x1204, 16);
    for (unsigned i = 0; i < 4; i++)
        put_le16(file + 0x1208 + 2 * i, places[i]);
    put_le32(file + 0x1210, RDATA);
    put_le32(file + 0x1214, 14);
    put_le16(file + 0x1218, 0xa000 | (CONFIG - RDATA + 0x58));
    put_le16(file + 0x121a, 0xa000 | (CONFIG - RDATA + 0x70));
    put_le16(file + 0x121c, 0xa000 | (CONFIG - RDATA + 0x78));
}

static inline void
image_make(void)
{
    memset(file, 0, sizeof file);
    image_headers();
    image_imports();
    image_exports();
    image_rest();
}
