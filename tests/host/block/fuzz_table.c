// Any bytes as a disk: no partition lies outside of it, none overlap. Four bytes say how large it is, the rest is its
// beginning and, backwards, its end; checksums are made right where the first byte is odd.
// sources: kernel/block/table.c kernel/block/table_mbr.c kernel/block/table_gpt.c lib/crc32.c lib/format.c
#include "kernel/block/table.h"
#include "lib/bytes.h"
#include "lib/crc32.h"
#include "tests/host/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *bytes;
static size_t length;
static uint64_t blocks;
static bool seal;

static int
block_read(void *context, uint64_t block, void *to)
{
    uint64_t from_end = blocks - 1 - block;

    if (block >= blocks)
        abort();
    memset(to, 0, 512);
    if (block * 512 < length)
        memcpy(to, bytes + block * 512, length - block * 512 < 512 ? length - block * 512 : 512);
    else if (from_end * 512 < length && from_end < 34)
        memcpy(to, bytes + from_end * 512, length - from_end * 512 < 512 ? length - from_end * 512 : 512);
    if (seal && !memcmp(to, "EFI PART", 8)) {
        uint8_t *h = to;
        uint32_t n = get_le32(h + 12);

        put_le32(h + 16, 0);
        if (n <= 512)
            put_le32(h + 16, crc32(0, h, n));
    }
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[1024];
    static struct table t;
    struct table_disk d = {.size = 512, .read = block_read, .room = room};
    int err;

    if (size < 5)
        return 0;
    seal = data[0] & 1;
    d.blocks = blocks = get_le32(data + 1);
    bytes = data + 5;
    length = size - 5;
    err = table_read(&d, &t);
    if (err && !t.why[0])
        abort();
    for (uint32_t i = 0; !err && i < t.count; i++) {
        const struct table_part *p = &t.part[i];

        if (!p->number || p->number > TABLE_PARTS_MAX || !p->count || p->start >= blocks ||
            p->count > blocks - p->start)
            abort();
        for (uint32_t n = 0; n < i; n++)
            if (p->start < t.part[n].start + t.part[n].count && t.part[n].start < p->start + p->count)
                abort();
    }
    return 0;
}
