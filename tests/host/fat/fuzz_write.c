// Volumes with bytes changed anywhere, and work on what is still mounted: nothing crashes or hangs, whatever the medium says; what is found
// damaged is written no more. The first byte says which type, the second how many changes: three bytes of position, one of length, the bytes.
// The rest is work: one byte which, one on what, one how much.
// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c tests/faults/fatcheck.c
#include "tests/host/fat/tree.h"
#define volume_is_elsewhere
#include "tests/host/fat/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "FILE", "Long name.txt", "DIR", "SUB", "INNER.C", "new", "another long name, new.text", "LONGNA~1.TXT"};
#define NAMES (sizeof names / sizeof *names)

/* What is on the volume under a name becomes known, if it is there. */
static void
adopt(int parent, const char *name)
{
    struct fat_entry e;
    int k = item_new();
    struct item *i = &tree.item[k];

    for (int other = 1; other < ITEMS; other++)
        if (tree.item[other].used && tree.item[other].parent == parent &&
            !strcmp(tree.item[other].name, name))
            return;
    if (!k || load(parent) || fat_dir_find(&tree.f, &tree.item[parent].file.dir, name, strlen(name), &e))
        return;
    for (int other = 1; other < ITEMS; other++)
        if (tree.item[other].used && tree.item[other].loaded) {
            uint64_t position;

            if (fat_dir_position(&tree.f, &tree.item[parent].file.dir, e.slot, &position) ||
                position == tree.item[other].file.entry)
                return; /* the same by another name */
        }
    i->is_directory = e.attributes & FAT_DIRECTORY;
    i->parent = parent;
    snprintf(i->name, sizeof i->name, "%s", name);
    load_file(i, &e, &tree.item[parent].file);
    i->used = true;
}

static int
any(uint8_t n, bool directory)
{
    for (int tries = 0; tries < ITEMS; tries++) {
        int k = (n + tries) % ITEMS;

        if (tree.item[k].used && tree.item[k].is_directory == directory && (k || directory))
            return k;
    }
    return 0;
}

static void
work(uint8_t what, uint8_t which, uint8_t amount)
{
    const char *name = names[amount % NAMES];
    int file = any(which, false), directory = any(which, true);

    switch (what % 9) {
    case 0:
        adopt(directory, name);
        break;
    case 1:
        (void)do_create(directory, name, amount & 8);
        break;
    case 2:
        if (file && tree.item[file].file.size == tree.item[file].size)
            (void)do_write(file, tree.item[file].size, 1 + amount * 7u);
        break;
    case 3:
        if (file && load(file) == 0)
            (void)do_cut(file, tree.item[file].file.size / (1 + amount % 4u));
        break;
    case 4:
        if (file)
            (void)do_unlink(file);
        break;
    case 5:
        if (directory)
            (void)do_unlink(directory);
        break;
    case 6:
        if (file && !has_children(file))
            (void)do_rename(file, directory, name, 0);
        break;
    case 7:
        (void)do_commit(amount & 1);
        break;
    default:
        evict(file);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[FAT_WHY];
    size_t at = 2;
    uint8_t changes;

    if (size < 3)
        return 0;
    build((const unsigned[]){12, 16, 32}[data[0] % 3]);
    for (changes = data[1] % 16; changes && at + 4 < size; changes--) {
        uint32_t to = (get_le32(data + at) & 0xffffff) % (uint32_t)volume.size;
        size_t n = data[at + 3] % 16;

        for (at += 4; n-- && at < size && to < volume.size; at++)
            volume.bytes[to++] = data[at];
    }
    if (fat_bpb_read(volume.bytes, volume.size, &tree.f.g, why))
        return 0;
    tree_start(volume.bytes, volume.size);
    machine.flushed = NULL;
    for (unsigned steps = 0; at + 2 < size && steps < 200; at += 3, steps++)
        work(data[at], data[at + 1], data[at + 2]);
    (void)fat_close(&tree.f);
    if (machine.holds)
        abort();
    tree_end();
    return 0;
}
