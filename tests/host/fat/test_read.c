// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c
/*
 * Volumes as mkfs.fat and mtools make them are read as they are: every type, sector and cluster size, names, times, content.
 */
#include <sys/stat.h>
#include <unistd.h>
#include "tests/host/fat/volume.h"

static char folder[] = "/tmp/fat-XXXXXX";

/* Runs a command with the image's path as $I. */
static bool
shell(const char *command)
{
    return system(command) == 0;
}

static void
image_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;

    free(volume.bytes);
    volume.bytes = NULL;
    volume.size = 0;
    if (!CHECK(file && fstat(fileno(file), &st) == 0))
        return;
    volume.size = (size_t)st.st_size;
    volume.bytes = malloc(volume.size);
    CHECK_EQ(fread(volume.bytes, 1, volume.size, file), volume.size);
    fclose(file);
}

/* Bytes of a file: each that chain and size say. Returns: a sum of them. */
static uint32_t
content_sum(struct fat *f, const struct fat_entry *e)
{
    struct fat_chain c = {.first = e->first};
    uint32_t sum = 0, done = 0;

    while (done < e->size) {
        uint32_t cluster, count, n;

        if (!CHECK_EQ(fat_walk(f, &c, done / f->g.cluster, 1000, &cluster, &count), 0))
            break;
        n = count * f->g.cluster < e->size - done ? count * f->g.cluster : e->size - done;
        for (uint32_t i = 0; i < n; i++)
            sum = sum * 31 + volume.bytes[fat_position(f, cluster) + i];
        done += n;
    }
    fat_chain_free(&c);
    return sum;
}

static uint32_t
pattern_sum(uint32_t size)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = sum * 31 + (uint8_t)(i * 7 + (i >> 10));
    return sum;
}

static void
pattern_write(const char *path, uint32_t size)
{
    FILE *file = fopen(path, "wb");

    for (uint32_t i = 0; i < size; i++)
        fputc((uint8_t)(i * 7 + (i >> 10)), file);
    fclose(file);
}

struct shape {
    const char *options;
    unsigned kib, bits, sector, cluster;
};
static const struct shape shapes[] = {
    {"-F 12", 1440, 12, 512, 512},
    {"-F 12 -s 8", 8192, 12, 512, 4096},
    {"-F 16 -s 1", 8192, 16, 512, 512},
    {"-F 16 -s 4 -r 1024", 65536, 16, 512, 2048},
    {"-F 16 -S 4096 -s 1", 65536, 16, 4096, 4096},
    {"-F 32 -s 1", 40960, 32, 512, 512},
    {"-F 32 -s 8 -f 1", 300000, 32, 512, 4096},
    {"-F 32 -S 2048 -s 1 -R 40", 150000, 32, 2048, 2048},
    {"-F 32 -a -s 2 -R 33", 80000, 32, 512, 1024},
    {"-F 16 -s 128", 400000, 16, 512, 65536},
};

static void
test_shape(const struct shape *s)
{
    char command[2000], why[FAT_WHY];
    struct fat_entry e;
    struct fat_dir root, below;
    struct fat f;
    bool clean, good;
    unsigned names = 0;

    check_row("mkfs.fat %s", s->options);
    snprintf(command, sizeof command,
             "cd %s && rm -f i && mkfs.fat -C -n 'A LABEL' -i 1234abcd %s i %u >/dev/null 2>&1 && "
             "mmd -i i ::/Folder ::/Folder/deep && mcopy -i i big small empty ::/ && "
             "mcopy -i i big '::/Folder/a name that is longer than thirteen units.text' && "
             "mcopy -i i small ::/Folder/deep/UPPER.TXT && mcopy -i i small ::/Folder/lower.txt && "
             "for i in $(seq 1 60); do echo $i; done | xargs -I{} sh -c 'cp small \"many {} files.dat\"' && "
             "mcopy -i i many* ::/Folder/deep && rm many*",
             folder, s->options, s->kib);
    if (!CHECK(shell(command)))
        return;
    snprintf(command, sizeof command, "%s/i", folder);
    image_read(command);
    if (!CHECK_EQ(volume_mount(&f, why), 0)) {
        fprintf(stderr, "%s\n", why);
        return;
    }
    CHECK_EQ(f.g.bits, s->bits);
    CHECK(f.g.sector == s->sector && f.g.cluster == s->cluster && f.g.serial == 0x1234abcd);
    CHECK_STR(f.g.label, "A LABEL");
    root = volume_root(&f);
    CHECK(fat_dir_label(&f, &root, e.name) == 0 && !strcmp(e.name, "A LABEL"));
    CHECK(fat_flags(&f, &clean, &good) == 0 && clean && good);
    CHECK_EQ(fat_dir_find(&f, &root, "BIG", 3, &e), 0);
    CHECK(e.size == 100000 && content_sum(&f, &e) == pattern_sum(100000));
    CHECK_EQ(fat_dir_find(&f, &root, "Empty", 5, &e), 0);
    CHECK(e.size == 0 && e.first == 0 && e.modified > INT64_C(1600000000) * 1000000000);
    CHECK_EQ(fat_dir_find(&f, &root, "none", 4, &e), -ENOENT);
    CHECK_EQ(fat_dir_find(&f, &root, "folder", 6, &e), 0);
    CHECK(e.attributes & FAT_DIRECTORY);
    CHECK_STR(e.name, "Folder");
    fat_chain_free(&root.chain);
    below = (struct fat_dir){.chain.first = e.first};
    CHECK_EQ(fat_dir_find(&f, &below, "A NAME that is longer than thirteen units.TEXT", 46, &e), 0);
    CHECK_STR(e.name, "a name that is longer than thirteen units.text");
    CHECK(content_sum(&f, &e) == pattern_sum(100000) && e.first_slot + 4 == e.slot);
    CHECK_EQ(fat_dir_find(&f, &below, e.short_name, e.short_length, &e), 0);
    CHECK_STR(e.name, "a name that is longer than thirteen units.text");
    CHECK_EQ(fat_dir_find(&f, &below, "deep", 4, &e), 0);
    fat_chain_free(&below.chain);
    below = (struct fat_dir){.chain.first = e.first};
    for (uint32_t slot = 0; fat_dir_next(&f, &below, &slot, &e) == 0; names++)
        CHECK(e.size == 3000 && content_sum(&f, &e) == pattern_sum(3000));
    CHECK_EQ(names, 61);
    fat_chain_free(&below.chain);
    CHECK(volume.holds == 0 && volume.complaints == 0);
}

static void
test_shapes(void)
{
    char path[100];

    if (!CHECK(mkdtemp(folder) != NULL) || !CHECK(setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1) == 0) ||
        !CHECK(shell("command -v mkfs.fat >/dev/null && command -v mcopy >/dev/null")))
        return;
    snprintf(path, sizeof path, "%s/big", folder);
    pattern_write(path, 100000);
    snprintf(path, sizeof path, "%s/small", folder);
    pattern_write(path, 3000);
    snprintf(path, sizeof path, "%s/empty", folder);
    pattern_write(path, 0);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        test_shape(&shapes[i]);
    snprintf(path, sizeof path, "rm -r %s", folder);
    CHECK(shell(path));
    free(volume.bytes);
}

int
main(void)
{
    test_shapes();
    return check_report();
}
