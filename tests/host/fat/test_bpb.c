// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c
/*
 * Boot sectors, chains and directories that cannot be: each field by itself at its limits and past them, each refused or read
 * as far as it is good, with the reason.
 */
#include "lib/field.h"
#include "tests/host/fat/build.h"

struct row {
    const char *name;
    unsigned bits, at, width;
    uint32_t value;
    const char *why; /* a part of the reason; NULL: it is mounted */
};

static const struct row rows[] = {
    {"as it is", 12, 0, 1, 0, NULL},
    {"as it is", 16, 0, 1, 0, NULL},
    {"as it is", 32, 0, 1, 0, NULL},
    {"no signature", 12, 510, 2, 0, "signature"},
    {"signature backwards", 12, 510, 2, 0x55aa, "signature"},
    {"exFAT", 12, 3, 8, 0, "exFAT"},
    {"NTFS", 12, 3, 9, 0, "NTFS"},
    {"sectors of 0", 12, 11, 2, 0, "sectors of 0"},
    {"sectors of 256", 12, 11, 2, 256, "sectors of 256"},
    {"sectors of 513", 12, 11, 2, 513, "sectors of 513"},
    {"sectors of 8192", 12, 11, 2, 8192, "sectors of 8192"},
    {"sectors of 4096: too many for it", 12, 11, 2, 4096, "more than the device has"},
    {"clusters of 0", 12, 13, 1, 0, "0 sectors in a cluster"},
    {"clusters of 3", 12, 13, 1, 3, "3 sectors in a cluster"},
    {"clusters of 128", 12, 13, 1, 128, "no clusters"},
    {"nothing reserved", 12, 14, 2, 0, "reserved"},
    {"all reserved", 12, 14, 2, 0xffff, "not enough"},
    {"no FAT", 12, 16, 1, 0, "0 FATs"},
    {"5 FATs", 12, 16, 1, 5, "5 FATs"},
    {"1 FAT", 12, 16, 1, 1, NULL},
    {"no root directory", 12, 17, 2, 0, "no root directory"},
    {"the largest root directory", 12, 17, 2, 0xffff, "not enough"},
    {"no sectors", 12, 19, 2, 0, "no sectors"},
    {"one sector", 12, 19, 2, 1, "not enough"},
    {"one more than there are", 12, 19, 2, 111, "more than the device"},
    {"sectors by the 32-bit field", 12, 32, 4, 0xffffffff, NULL}, /* the other one counts */
    {"FATs of no size", 32, 36, 4, 0, "no size"},
    {"FATs of every size", 32, 36, 4, 0xffffffff, "not enough"},
    {"FATs too small", 16, 22, 2, 0, "no size"},
    {"FAT32's root in cluster 0", 32, 44, 4, 0, "cluster 0"},
    {"FAT32's root in cluster 1", 32, 44, 4, 1, "cluster 1"},
    {"FAT32's root in the last cluster", 32, 44, 4, 101, NULL},
    {"FAT32's root behind it", 32, 44, 4, 102, "cluster 102"},
    {"FAT32 with a root area", 32, 17, 2, 16, "of its own"},
    {"FAT32 of version 1", 32, 42, 2, 0x100, "version"},
    {"the second FAT active", 32, 40, 2, 0x81, NULL},
    {"a third one active", 32, 40, 2, 0x82, "FAT 2"},
    {"FSInfo in sector 0", 32, 48, 2, 0, NULL},
    {"FSInfo nowhere", 32, 48, 2, 0xffff, NULL},
};

static void
test_fields(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        char why[FAT_WHY];
        struct fat f;
        int err;

        check_row("FAT%u: %s", r->bits, r->name);
        build(r->bits);
        if (r->width == 8 || r->width == 9)
            memcpy(volume.bytes + r->at, r->width == 8 ? "EXFAT   " : "NTFS    ", 8);
        else
            for (unsigned n = 0; n < r->width && r->at; n++)
                volume.bytes[r->at + n] = (uint8_t)(r->value >> 8 * n);
        err = volume_mount(&f, why);
        CHECK_EQ(err, r->why ? -EINVAL : 0);
        CHECK(!r->why || strstr(why, r->why) != NULL);
        if (r->why && !strstr(why, r->why))
            fprintf(stderr, "it says: %s\n", why);
    }
}

/* Sizes by which types differ, without an image: the device is only a number here. */
static void
test_types(void)
{
    static const struct {
        uint32_t clusters;
        unsigned bits;
    } limits[] = {{4084, 12}, {4085, 16}, {65524, 16}, {65525, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        uint8_t s[512] = {0};
        char why[FAT_WHY];
        struct fat_geometry g;
        uint32_t sectors = 1 + 2 * 256 + 2 + limits[i].clusters;

        check_row("%u clusters", limits[i].clusters);
        put_le16(s + 11, 512);
        s[13] = 1;
        put_le16(s + 14, 1);
        s[16] = 2;
        put_le16(s + 17, 32);
        put_le32(s + 32, sectors);
        put_le16(s + 22, 256);
        put_le16(s + 510, 0xaa55);
        CHECK_EQ(fat_bpb_read(s, sectors * 512ull, &g, why), limits[i].bits ? 0 : -EINVAL);
        CHECK(!limits[i].bits || (g.bits == limits[i].bits && g.clusters == limits[i].clusters));
        CHECK_EQ(fat_bpb_read(s, sectors * 512ull - 1, &g, why), -EINVAL);
    }
}

#define PAST 0x10000 /* the first number that is none */

/* A chain that is changed at one cluster: how far it is read, and what is said. */
static void
test_chains(void)
{
    static const struct {
        const char *name;
        uint32_t cluster, value; /* value: of FAT12; its upper bits come for the others */
        unsigned readable;
        const char *said;
    } links[] = {{"as it is", 20, 0xfff, 3, ""},
                 {"ends early", 6, 0xff8, 2, ""},
                 {"into a free one", 6, 0, 2, "free"},
                 {"into a bad one", 6, 0xff7, 2, "bad"},
                 {"into reserved", 6, 0xff3, 2, "leads to"},
                 {"to cluster 1", 6, 1, 2, "leads to 1"},
                 {"past the end", 6, PAST, 2, "leads to"},
                 {"onto itself", 6, 6, 2, "loop"},
                 {"back", 20, 5, 7, "loop"}};

    for (unsigned bits = 12; bits <= 32; bits += bits == 12 ? 4 : 16)
        for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
            uint32_t value = links[i].value, cluster, count, index = 0;
            struct fat_chain c = {.first = 5};
            char why[FAT_WHY];
            struct fat f;
            int err = 0;

            check_row("FAT%u: a chain %s", bits, links[i].name);
            build(bits);
            if (value > 0xff0 && value != PAST)
                value |= bits == 12 ? 0 : bits == 16 ? 0xf000 : 0xffff000;
            if (value == PAST)
                value = build_clusters(bits) + 2;
            build_link(bits, links[i].cluster, value);
            CHECK_EQ(volume_mount(&f, why), 0);
            while (!(err = fat_walk(&f, &c, index, 1, &cluster, &count)))
                index += count;
            CHECK_EQ(index, links[i].readable);
            CHECK_EQ(err, links[i].said[0] ? -EIO : -ENODATA);
            CHECK(strstr(volume.complaints ? volume.said : "", links[i].said) != NULL);
            CHECK(volume.complaints <= 1 && volume.holds == 0);
            fat_chain_free(&c);
        }
}

/* A chain of one cluster in two is as long to walk forwards as to be asked for by chance. */
static void
test_bisection(void)
{
    struct fat_chain c = {.first = 2};
    char why[FAT_WHY];
    struct fat f;

    check_row("bisection");
    volume.gets = 0;
    build(16);
    for (uint32_t n = 2; n + 2 < 100; n += 2)
        build_link(16, n, n + 2);
    build_link(16, 98, 0xffff);
    CHECK_EQ(volume_mount(&f, why), 0);
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t index = (uint32_t)(check_random() % 60), cluster, count;
        int err = fat_walk(&f, &c, index, 5, &cluster, &count);

        CHECK_EQ(err, index < 49 ? 0 : -ENODATA);
        CHECK(err || (cluster == 2 + 2 * index && count == 1));
    }
    CHECK(volume.gets < 60);
    fat_chain_free(&c);
}

static void
test_names(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"a", "A", true}, {"Größe", "GRÖSSE", false}, {"größe", "GRÖßE", true}, {"ЖУК.txt", "жук.TXT", true},
        {"Ÿ", "ÿ", true}, {"a", "ab", false},         {"ΣΑΣ", "σας", false},    {"Ω", "ω", true},
        {"", "", true}};
    struct fat_lfn l = {.left = 0};
    uint8_t entry[64] = {0};
    char name[FAT_NAME_BYTES + 1];

    check_row("names");
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        CHECK_EQ(fat_names_match(pairs[i].a, strlen(pairs[i].a), pairs[i].b, strlen(pairs[i].b)),
                 pairs[i].same);
    memcpy(entry, "README  TXT", 11);
    CHECK(fat_short_name(entry, name) == 10 && !strcmp(name, "README.TXT"));
    entry[12] = 0x18;
    CHECK(fat_short_name(entry, name) == 10 && !strcmp(name, "readme.txt"));
    entry[12] = 0x08;
    CHECK(fat_short_name(entry, name) == 10 && !strcmp(name, "readme.TXT"));
    memcpy(entry, "\x05\x81/     \x9a  ", 11);
    entry[12] = 0;
    CHECK(fat_short_name(entry, name) && !strcmp(name, "σü_.Ü"));
    memcpy(entry, "LONGNA~1TXT", 11);
    build_long(entry + 32, "x/y", "LONGNA~1TXT"); /* a name that no program could say */
    fat_lfn_add(&l, entry + 32);
    CHECK(fat_name(&l, entry, name) && !strcmp(name, "LONGNA~1.TXT"));
    build_long(entry + 32, "other", "OTHER   TXT"); /* left behind by somebody */
    fat_lfn_add(&l, entry + 32);
    CHECK(fat_name(&l, entry, name) && !strcmp(name, "LONGNA~1.TXT"));
    build_long(entry + 32, "good", "LONGNA~1TXT");
    fat_lfn_add(&l, entry + 32);
    CHECK(fat_name(&l, entry, name) == 4 && !strcmp(name, "good"));
    put_le16(entry + 32 + 1, 0xd83d); /* a surrogate pair, then half of one */
    put_le16(entry + 32 + 3, 0xde00);
    fat_lfn_add(&l, entry + 32);
    CHECK(fat_name(&l, entry, name) && !strcmp(name, "😀od"));
    put_le16(entry + 32 + 3, 'x');
    fat_lfn_add(&l, entry + 32);
    CHECK(fat_name(&l, entry, name) && !strcmp(name, "LONGNA~1.TXT"));
}

int
main(void)
{
    test_fields();
    test_types();
    test_chains();
    test_bisection();
    test_names();
    free(volume.bytes);
    return check_report();
}
