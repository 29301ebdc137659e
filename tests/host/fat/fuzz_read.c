// Volumes with bytes changed anywhere: whatever is still mounted is listed and read to its end, in bounded work, without a
// hold left over. The first byte says which type; then changes: three bytes of position, one of length, the bytes.
// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c
#include "lib/field.h"
#include "tests/host/fat/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 6

static void
file_read(struct fat *f, const struct fat_entry *e)
{
    struct fat_chain c = {.first = e->first};
    uint32_t index = 0, cluster, count;

    while (index < DIV_ROUND_UP((uint64_t)e->size, f->g.cluster) &&
           !fat_walk(f, &c, index, 64, &cluster, &count)) {
        if (!count || count > 64 || !fat_is_cluster(f, cluster) || !fat_is_cluster(f, cluster + count - 1))
            abort();
        index += count;
    }
    if (c.length > f->g.clusters)
        abort();
    fat_chain_free(&c);
}

static void
directory_read(struct fat *f, struct fat_dir *d, unsigned depth)
{
    struct fat_entry e;
    unsigned names = 0;

    for (uint32_t slot = 0; !fat_dir_next(f, d, &slot, &e); names++) {
        if (!e.length || e.length > FAT_NAME_BYTES || strlen(e.name) != e.length || strchr(e.name, '/') ||
            !strcmp(e.name, ".") || !strcmp(e.name, "..") || e.slot >= slot || e.first_slot > e.slot)
            abort();
        if (!(e.attributes & FAT_DIRECTORY))
            file_read(f, &e);
        else if (depth < DEPTH && names < 8)
            directory_read(f, &(struct fat_dir){.chain.first = e.first}, depth + 1);
    }
    fat_chain_free(&d->chain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[FAT_WHY], label[FAT_LABEL_BYTES + 1];
    bool clean, good;
    struct fat_dir root;
    struct fat f;

    if (!size)
        return 0;
    build((const unsigned[]){12, 16, 32}[data[0] % 3]);
    for (size_t at = 1; at + 4 < size;) {
        uint32_t to = (get_le32(data + at) & 0xffffff) % (uint32_t)volume.size;
        size_t n = data[at + 3];

        for (at += 4; n-- && at < size && to < volume.size; at++)
            volume.bytes[to++] = data[at];
    }
    volume.gets = 0;
    if (volume_mount(&f, why)) {
        if (!why[0])
            abort();
        return 0;
    }
    root = volume_root(&f);
    (void)fat_dir_label(&f, &root, label);
    (void)fat_flags(&f, &clean, &good);
    directory_read(&f, &root, 0);
    if (volume.holds)
        abort();
    return 0;
}
