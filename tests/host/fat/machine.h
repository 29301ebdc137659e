/*
 * A machine with a volume, for tests of writing: the medium, the memory that programs see, what is dirty between them, and a log
 * of what was written since the medium was last flushed. The power can be cut at any point of that log.
 */
#pragma once
#include "kernel/block/dirt.h"
#include "kernel/fs/fat/fat_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "tests/host/check.h"

#define LOG_MOST 65536u

int fatcheck(const uint8_t *img, uint64_t len, const char *mark, char *msg, uint64_t msg_len);
enum { FATCHECK_LEAK = 1 };

static struct {
    uint8_t *medium, *memory; /* memory: whole blocks */
    size_t size;              /* bytes of the volume */
    struct dirt dirt;
    struct {
        uint32_t sector;
        uint8_t bytes[DIRT_SECTOR];
    } * log;
    uint32_t logged;
    unsigned long memory_left; /* allocations until one fails; 0: none does */
    long io_left;              /* requests until they fail; -1: none does */
    bool io_once, io_hit;      /* only that one; it has failed */
    long get_left;             /* blocks that are not dirty until reading one fails, once; -1: none does */
    bool get_hit;
    unsigned complaints, holds;
    char said[FAT_WHY];
    int64_t now;
    unsigned long flushes, writes;
    void (*flushed)(void); /* told before the log is emptied */
} machine = {.io_left = -1, .get_left = -1};

/* ---- memory ---- */

static bool
memory_fails(void)
{
    return machine.memory_left && --machine.memory_left == 0;
}

void *
fat_memory(void *old, size_t old_size, size_t size)
{
    (void)old_size;
    if (size)
        return memory_fails() ? NULL : realloc(old, size);
    free(old);
    return NULL;
}

void *
pool_zalloc(size_t size, uint32_t tag)
{
    (void)tag;
    return memory_fails() ? NULL : calloc(1, size);
}

void
pool_free(void *p, uint32_t tag)
{
    (void)tag;
    free(p);
}

/* ---- struct fat_io ---- */

static bool
io_fails(void)
{
    if (machine.io_left < 0)
        return false;
    if (machine.io_left-- > 0)
        return false;
    machine.io_left = machine.io_once ? -1 : 0;
    machine.io_hit = true;
    return true;
}

static int
machine_get(void *context, uint64_t index, struct fat_hold *h)
{
    (void)context;
    if (index >= (machine.size + FAT_BLOCK - 1) / FAT_BLOCK)
        return -EIO;
    if (machine.get_left >= 0 && !pages_find(&machine.dirt.blocks, index) && machine.get_left-- == 0) {
        machine.get_hit = true;
        return -EIO;
    }
    *h = (struct fat_hold){.bytes = machine.memory + index * FAT_BLOCK, .token = index};
    machine.holds++;
    return 0;
}

static void
machine_put(void *context, struct fat_hold *h)
{
    (void)context;
    (void)h;
    machine.holds--;
}

static int
machine_dirty(void *context, uint64_t index, const struct fat_hold *h, uint8_t sectors, enum dirt_kind kind)
{
    int err = dirt_add(&machine.dirt, index, (uint32_t)index + 1, sectors, kind);

    (void)context;
    CHECK_EQ(h->token, index);
    return err < 0 ? err : 0;
}

static int
machine_write(void *context, enum dirt_stage stage, bool *any)
{
    uint64_t at = 0, block = 0;
    struct dirt_run r;
    uint32_t token;
    bool clean;

    (void)context;
    while (dirt_next(&machine.dirt, stage, &at, &r)) {
        if (io_fails())
            return -EIO;
        for (uint32_t i = 0; i < r.count; i++) {
            size_t position = (r.sector + i) * DIRT_SECTOR;

            if (!CHECK(machine.logged < LOG_MOST) || position >= machine.size)
                continue;
            machine.log[machine.logged].sector = (uint32_t)(r.sector + i);
            if (r.zeros)
                memset(machine.log[machine.logged++].bytes, 0, DIRT_SECTOR);
            else
                memcpy(machine.log[machine.logged++].bytes, machine.memory + position, DIRT_SECTOR);
            machine.writes++;
        }
        *any = true;
    }
    while (dirt_written(&machine.dirt, stage, &block, &token, &clean))
        CHECK_EQ(token, block);
    return 0;
}

static int
machine_flush(void *context)
{
    (void)context;
    if (io_fails())
        return -EIO;
    if (machine.flushed)
        machine.flushed();
    for (uint32_t i = 0; i < machine.logged; i++)
        memcpy(machine.medium + (size_t)machine.log[i].sector * DIRT_SECTOR, machine.log[i].bytes,
               DIRT_SECTOR);
    machine.logged = 0;
    machine.flushes++;
    return 0;
}

static void
machine_complain(void *context, const char *text)
{
    (void)context;
    machine.complaints++;
    snprintf(machine.said, sizeof machine.said, "%s", text);
}

static int64_t
machine_now(void *context)
{
    (void)context;
    return machine.now += 1234567891;
}

static const struct fat_io machine_io = {.get = machine_get,
                                         .fresh = machine_get,
                                         .put = machine_put,
                                         .dirty = machine_dirty,
                                         .write = machine_write,
                                         .flush = machine_flush,
                                         .complain = machine_complain,
                                         .now = machine_now};

/* ---- on and off ---- */

/* A volume of an image; the memory is what the medium has. */
static inline void
machine_start(const uint8_t *image, size_t size)
{
    size_t whole = (size + FAT_BLOCK - 1) / FAT_BLOCK * FAT_BLOCK;

    free(machine.medium);
    free(machine.memory);
    machine.medium = malloc(size);
    machine.memory = calloc(1, whole);
    if (!machine.log)
        machine.log = malloc(LOG_MOST * sizeof(*machine.log));
    memcpy(machine.medium, image, size);
    memcpy(machine.memory, image, size);
    machine.size = size;
    machine.logged = 0;
    machine.complaints = 0;
    machine.now = 1750000000 * INT64_C(1000000000);
    machine.memory_left = 0;
    machine.io_left = -1;
    machine.io_hit = false;
    machine.get_left = -1;
    machine.get_hit = false;
}

static inline int
machine_mount(struct fat *f)
{
    char why[FAT_WHY];
    int err;

    *f = (struct fat){.io = &machine_io, .era = 1};
    list_init(&f->dirty);
    err = fat_bpb_read(machine.memory, machine.size, &f->g, why);
    return err ? err : fat_space_init(f);
}

static inline void
machine_forget(struct fat *f)
{
    uint32_t token;

    fat_forget(f);
    while (dirt_forget(&machine.dirt, &token))
        ;
}
