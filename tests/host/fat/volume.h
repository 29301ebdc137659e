/* A volume in memory for the host's tests of FAT: an image file, or bytes; what is said about it; holds that are given back. */
#pragma once
#include "kernel/fs/fat/fat_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "tests/host/check.h"

static struct {
    uint8_t *bytes;
    size_t size;
    unsigned holds, complaints;
    char said[FAT_WHY];
    unsigned long gets;
} volume;

void *
fat_memory(void *old, size_t old_size, size_t size)
{
    (void)old_size;
    if (size)
        return realloc(old, size);
    free(old);
    return NULL;
}

/* For dirt.c, whose tables nothing here makes. */
void *
pool_zalloc(size_t size, uint32_t tag)
{
    (void)tag;
    return calloc(1, size);
}

void
pool_free(void *p, uint32_t tag)
{
    (void)tag;
    free(p);
}

static int
volume_get(void *context, uint64_t index, struct fat_hold *h)
{
    size_t at = index * FAT_BLOCK;
    uint8_t *copy;

    (void)context;
    volume.gets++;
    if (index >= (volume.size + FAT_BLOCK - 1) / FAT_BLOCK)
        return -EIO;
    copy = calloc(1, FAT_BLOCK); /* so that what is read behind it is seen */
    memcpy(copy, volume.bytes + at, volume.size - at < FAT_BLOCK ? volume.size - at : FAT_BLOCK);
    *h = (struct fat_hold){.bytes = copy};
    volume.holds++;
    return 0;
}

static void
volume_put(void *context, struct fat_hold *h)
{
    (void)context;
    free((void *)(uintptr_t)h->bytes);
    volume.holds--;
}

static void
volume_complain(void *context, const char *text)
{
    (void)context;
    volume.complaints++;
    snprintf(volume.said, sizeof volume.said, "%s", text);
}

static const struct fat_io volume_io = {.get = volume_get, .put = volume_put, .complain = volume_complain};

/* What is in volume.bytes, as fat_bpb_read() sees it. */
static inline int
volume_mount(struct fat *f, char *why)
{
    *f = (struct fat){.io = &volume_io};
    volume.complaints = 0;
    return volume.size < 512 ? -EINVAL : fat_bpb_read(volume.bytes, volume.size, &f->g, why);
}

static inline struct fat_dir
volume_root(const struct fat *f)
{
    return (struct fat_dir){.is_root_area = f->g.bits != 32, .chain.first = f->g.root_cluster};
}
