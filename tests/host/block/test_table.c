// sources: kernel/block/table.c kernel/block/table_mbr.c kernel/block/table_gpt.c lib/crc32.c lib/format.c
/*
 * Partition tables: good ones, and each way in which one can be wrong (the class MBR/EBR and GPT of "bad input").
 */
#include "kernel/block/table.h"
#include "lib/bytes.h"
#include "lib/crc32.h"
#include "tests/host/check.h"

#define BLOCKS 4096u
#define EIO    5
#define EINVAL 22

static uint8_t image[BLOCKS * 512];
static uint64_t fail_at = UINT64_MAX; /* reading this block fails */
static uint64_t blocks = BLOCKS;
static struct table t;

static int
block_read(void *context, uint64_t block, void *bytes)
{
    if (block == fail_at)
        return -EIO;
    CHECK(block < blocks && block < BLOCKS);
    memcpy(bytes, image + block % BLOCKS * 512, 512);
    return 0;
}

static int
run(void)
{
    uint8_t room[1024];
    const struct table_disk d = {.blocks = blocks, .size = 512, .read = block_read, .room = room};

    return table_read(&d, &t);
}

/* ---- MBR ---- */

static void
record_begin(uint64_t block)
{
    memset(image + block * 512, 0, 512);
    put_le16(image + block * 512 + 510, 0xaa55);
}

static void
entry(uint64_t block, unsigned n, uint8_t type, uint32_t start, uint32_t count)
{
    uint8_t *e = image + block * 512 + 446 + 16 * n;

    e[4] = type;
    put_le32(e + 8, start);
    put_le32(e + 12, count);
}

static void
fresh(void)
{
    memset(image, 0, sizeof(image));
    record_begin(0);
    blocks = BLOCKS;
    fail_at = UINT64_MAX;
}

static void
refused(const char *why)
{
    int err = run();

    check_row("%s", why);
    CHECK_EQ(err, -EINVAL);
    CHECK(strstr(t.why, why) != NULL);
    if (!strstr(t.why, why))
        fprintf(stderr, "said: %s\n", t.why);
    check_row("%s", "");
}

/* 1, 2 and 4 primary; 5, 6 and 7 logical in 3. */
static void
good_mbr(void)
{
    fresh();
    entry(0, 0, 0x83, 64, 100);
    entry(0, 1, 0x0c, 164, 100);
    entry(0, 2, 0x05, 1000, 1000);
    entry(0, 3, 0x82, 2000, 2096);
    for (unsigned n = 0; n < 3; n++) {
        record_begin(1000 + 200 * n);
        entry(1000 + 200 * n, 0, 0x83, 10, 100);
        if (n < 2)
            entry(1000 + 200 * n, 1, 0x05, 200 * (n + 1), 200);
    }
}

static void
test_mbr(void)
{
    static const struct {
        unsigned number, start, count;
    } want[] = {{1, 64, 100}, {2, 164, 100}, {5, 1010, 100}, {6, 1210, 100}, {7, 1410, 100}, {4, 2000, 2096}};

    good_mbr();
    CHECK_EQ(run(), 0);
    CHECK_EQ(t.kind, TABLE_MBR);
    CHECK_EQ(t.count, 6);
    for (unsigned i = 0; i < 6; i++)
        CHECK(t.part[i].number == want[i].number && t.part[i].start == want[i].start &&
              t.part[i].count == want[i].count);
    for (uint64_t at = 1000; at <= 1400; at += 200) {
        fail_at = at;
        CHECK_EQ(run(), -EIO);
    }
    fail_at = 0;
    CHECK_EQ(run(), -EIO);
}

static void
test_no_table(void)
{
    fresh();
    memset(image, 0, sizeof(image));
    CHECK(!run() && t.kind == TABLE_NONE && !t.count);
    memset(image, 0xff, sizeof(image));
    CHECK(!run() && t.kind == TABLE_NONE);
    fresh();
    CHECK(!run() && t.kind == TABLE_NONE); /* the signature alone */
    memset(image + 446, 'x', 64);          /* a boot sector with text */
    CHECK(!run() && t.kind == TABLE_NONE);
    for (blocks = 0; blocks < 2; blocks++)
        CHECK(!run() && t.kind == TABLE_NONE);
    blocks = BLOCKS;
    good_mbr();
    image[510] = 0;
    CHECK(!run() && t.kind == TABLE_NONE);
}

static void
test_bad_mbr(void)
{
    fresh();
    entry(0, 0, 0x83, 64, 100);
    entry(0, 1, 0x83, 163, 100);
    refused("partitions 1 and 2 overlap");
    fresh();
    entry(0, 0, 0x83, 64, BLOCKS - 63);
    refused("ends behind the disk's end");
    fresh();
    entry(0, 0, 0x83, 64, 0xffffffff); /* wraps 32 bits */
    refused("ends behind the disk's end");
    fresh();
    entry(0, 0, 0x83, 0xffffffff, 2);
    refused("ends behind the disk's end");
    fresh();
    entry(0, 2, 0x83, 0, 10);
    refused("partition 3 begins at block 0");
    fresh();
    entry(0, 2, 0x83, 10, 0);
    refused("has 0 blocks");
    fresh();
    entry(0, 0, 0x00, 10, 10); /* type 0 with a size is nothing */
    entry(0, 1, 0x83, 12, 10);
    CHECK(!run() && t.count == 1 && t.part[0].number == 2);
    fresh();
    entry(0, 0, 0x05, 100, 100);
    entry(0, 1, 0x0f, 300, 100);
    record_begin(100);
    refused("two extended partitions");
}

static void
test_bad_chain(void)
{
    good_mbr();
    image[1200 * 512 + 510] = 0;
    refused("the record of partition 6, at block 1200, has no signature");
    good_mbr();
    entry(1400, 1, 0x05, 0, 200); /* back to the first */
    refused("lies outside of the extended partition");
    good_mbr();
    entry(1400, 1, 0x05, 200, 200); /* back to the second */
    refused("comes back to block 1200");
    good_mbr();
    entry(1400, 1, 0x05, 400, 200); /* to itself */
    refused("comes back to block 1400");
    good_mbr();
    entry(1400, 1, 0x05, 1000, 200);
    refused("lies outside of the extended partition");
    good_mbr();
    entry(1400, 1, 0x83, 600, 200); /* no link */
    refused("lies outside of the extended partition");
    good_mbr();
    entry(1400, 0, 0x83, 10, 1000);
    refused("partition 7 ends behind the extended partition");
    good_mbr();
    entry(1400, 0, 0x83, 0xffffff00, 0xffffff00);
    refused("partition 7 ends behind the extended partition");
    good_mbr();
    entry(1200, 0, 0x83, 10, 700); /* over the record and partition of the next */
    refused("overlap");
    good_mbr();
    entry(0, 2, 0x05, 1000, BLOCKS);
    refused("the extended partition ends behind the disk's end");
    fresh(); /* a thousand of them */
    entry(0, 0, 0x05, 1, BLOCKS - 1);
    for (unsigned n = 0; n < 1000; n++) {
        record_begin(1 + 4 * n);
        entry(1 + 4 * n, 0, 0x83, 1, 2);
        entry(1 + 4 * n, 1, 0x05, 4 * (n + 1), 4);
    }
    refused("more than 124 logical partitions");
}

/* ---- GPT ---- */

#define GPT_ENTRIES 128u
#define FIRST       34u
#define LAST        (BLOCKS - 34)

static void
gpt_seal(bool first)
{
    uint8_t *h = image + (first ? 1 : BLOCKS - 1) * 512ul;
    uint64_t at = get_le64(h + 72);
    uint64_t size = (uint64_t)get_le32(h + 80) * get_le32(h + 84);

    if (at < BLOCKS && size <= (BLOCKS - at) * 512)
        put_le32(h + 88, crc32(0, image + at * 512, size));
    put_le32(h + 16, 0);
    put_le32(h + 16, crc32(0, h, 92));
}

static void
gpt_header(bool first)
{
    uint8_t *h = image + (first ? 1 : BLOCKS - 1) * 512ul;

    memset(h, 0, 512);
    memcpy(h, "EFI PART", 8);
    put_le32(h + 8, 0x10000);
    put_le32(h + 12, 92);
    put_le64(h + 24, first ? 1 : BLOCKS - 1);
    put_le64(h + 32, first ? BLOCKS - 1 : 1);
    put_le64(h + 40, FIRST);
    put_le64(h + 48, LAST);
    put_le64(h + 72, first ? 2 : BLOCKS - 33);
    put_le32(h + 80, GPT_ENTRIES);
    put_le32(h + 84, 128);
}

static uint8_t *
gpt_entry(bool first, unsigned n)
{
    return image + (first ? 2 : BLOCKS - 33) * 512ul + 128 * n;
}

static void
gpt_part(unsigned n, uint64_t start, uint64_t last)
{
    for (int first = 0; first < 2; first++) {
        uint8_t *e = gpt_entry(first, n);

        memset(e, 0x11, 32);
        e[16] = (uint8_t)n;
        put_le64(e + 32, start);
        put_le64(e + 40, last);
        put_le16(e + 56, 'a');
        put_le16(e + 58, (uint16_t)('A' + n));
        put_le16(e + 60, 0x263a);
    }
}

static void
good_gpt(void)
{
    fresh();
    entry(0, 0, 0xee, 1, BLOCKS - 1);
    gpt_header(true);
    gpt_header(false);
    gpt_part(0, 40, 99);
    gpt_part(1, 100, 199);
    gpt_part(127, LAST, LAST);
    gpt_seal(true);
    gpt_seal(false);
}

static void
test_gpt(void)
{
    good_gpt();
    CHECK_EQ(run(), 0);
    CHECK(t.kind == TABLE_GPT && !t.backup && !t.why[0]);
    CHECK_EQ(t.count, 3);
    CHECK(t.part[0].number == 1 && t.part[0].start == 40 && t.part[0].count == 60);
    CHECK(t.part[2].number == 128 && t.part[2].count == 1);
    CHECK_STR(t.part[1].label, "aB?");
    fail_at = 1;
    CHECK_EQ(run(), -EIO);
    fail_at = 2;
    CHECK_EQ(run(), -EIO);
    good_gpt(); /* hybrid: the GPT counts */
    entry(0, 1, 0x83, 40, 60);
    CHECK(!run() && t.kind == TABLE_GPT && t.count == 3);
}

/* A field of the first header is wrong: the backup is used. In both: refused. */
static void
header_field(size_t offset, unsigned size, uint64_t value, const char *why)
{
    check_row("offset %zu = %llu", offset, (unsigned long long)value);
    for (int both = 0; both < 2; both++) {
        good_gpt();
        for (int first = 1; first >= 1 - both; first--) {
            uint8_t *h = image + (first ? 1 : BLOCKS - 1) * 512ul;

            for (unsigned i = 0; i < size; i++)
                h[offset + i] = (uint8_t)(value >> 8 * i);
            if (offset != 16 && offset != 88)
                gpt_seal(first);
            else if (offset == 88) {
                put_le32(h + 16, 0);
                put_le32(h + 16, crc32(0, h, 92));
            }
        }
        CHECK_EQ(run(), both ? -EINVAL : 0);
        CHECK(strstr(t.why, why) != NULL);
        CHECK(both || (t.backup && t.count == 3));
    }
    check_row("%s", "");
}

static void
test_bad_headers(void)
{
    header_field(0, 8, 0, "no GPT header");
    header_field(8, 4, 0x20000, "revision");
    header_field(12, 4, 0, "size 0");
    header_field(12, 4, 91, "size 91");
    header_field(12, 4, 513, "size 513");
    header_field(12, 4, 0xffffffff, "size");
    header_field(16, 4, 1, "checksum");
    header_field(24, 8, 5, "says that it is at 5");
    header_field(32, 8, UINT64_MAX, "the other one would be at");
    header_field(40, 8, 0, "partitions from block 0");
    header_field(40, 8, LAST + 1, "partitions from block");
    header_field(48, 8, BLOCKS, "partitions from block");
    header_field(48, 8, UINT64_MAX, "partitions from block");
    header_field(72, 8, 0, "its entries would be at block 0");
    header_field(72, 8, 1, "its entries would be at block 1");
    header_field(72, 8, BLOCKS, "its entries would be at");
    header_field(72, 8, UINT64_MAX, "its entries would be at");
    header_field(72, 8, FIRST, "its entries would be at");
    header_field(80, 4, 0, "0 entries");
    header_field(80, 4, 1025, "1025 entries");
    header_field(80, 4, 0xffffffff, "entries of");
    header_field(84, 4, 0, "of 0 bytes");
    header_field(84, 4, 127, "of 127 bytes");
    header_field(84, 4, 129, "of 129 bytes");
    header_field(84, 4, 192, "of 192 bytes");
    header_field(84, 4, 1024, "entries");
    header_field(84, 4, 0x80000000, "bytes");
    header_field(88, 4, 7, "checksum of the GPT's entries");
}

static void
both_refused(const char *why)
{
    gpt_seal(true);
    gpt_seal(false);
    refused(why);
}

static void
test_bad_entries(void)
{
    good_gpt();
    gpt_part(2, 150, 250);
    both_refused("partitions 2 and 3 overlap");
    good_gpt();
    gpt_part(2, 300, 299);
    both_refused("partition 3: blocks 300 to 299");
    good_gpt();
    gpt_part(2, 33, 35);
    both_refused("partition 3: blocks 33");
    good_gpt();
    gpt_part(2, 300, LAST + 1);
    both_refused("partition 3: blocks 300");
    good_gpt();
    gpt_part(2, 300, UINT64_MAX);
    both_refused("partition 3");
    good_gpt(); /* one bit of the first's entries: the backup's count */
    gpt_entry(true, 5)[0] = 1;
    CHECK(!run() && t.backup && t.count == 3);
    gpt_entry(false, 5)[0] = 1;
    refused("checksum of the GPT's entries");
    good_gpt(); /* the disk is smaller than the header says */
    blocks = BLOCKS - 100;
    refused("block");
}

int
main(void)
{
    CHECK_EQ(crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQ(crc32(crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    test_mbr();
    test_no_table();
    test_bad_mbr();
    test_bad_chain();
    test_gpt();
    test_bad_headers();
    test_bad_entries();
    return check_report();
}
