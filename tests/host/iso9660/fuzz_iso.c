// What lies behind the system area of a medium, from sector 16 on, is the input: whatever is mounted is listed, and each extent and link
// is on the medium, in bounded work, without a hold left over.
// sources: kernel/fs/iso9660/volume.c kernel/fs/iso9660/record.c kernel/fs/iso9660/rock.c lib/civil.c lib/utf.c lib/format.c
#include "kernel/fs/iso9660/iso_impl.h"
#include "lib/errno.h"
#include "tests/host/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRONT (16 * ISO_SECTOR)
#define DEPTH 5

static const uint8_t *bytes;
static size_t length;
static unsigned holds, names;

static int
get(void *context, uint64_t index, struct iso_hold *h)
{
    uint64_t at = index * ISO_BLOCK;
    uint8_t *copy;

    (void)context;
    if (at >= FRONT + length)
        return -EIO;
    copy = calloc(1, ISO_BLOCK);
    if (at >= FRONT)
        memcpy(copy, bytes + (at - FRONT), FRONT + length - at < ISO_BLOCK ? FRONT + length - at : ISO_BLOCK);
    *h = (struct iso_hold){.bytes = copy};
    holds++;
    return 0;
}

static void
put(void *context, struct iso_hold *h)
{
    (void)context;
    free((void *)(uintptr_t)h->bytes);
    holds--;
}

static void
complain(void *context, const char *text)
{
    (void)context;
    if (!text[0])
        abort();
}

static const struct iso_io io = {get, put, complain};

static void
entry_check(struct iso *v, const struct iso_entry *e)
{
    char link[ISO_LINK_MOST + 1];
    uint64_t sum = 0;

    if (!e->length || e->length > ISO_NAME_BYTES || strlen(e->name) != e->length || strchr(e->name, '/') ||
        !strcmp(e->name, ".") || !strcmp(e->name, "..") || e->parts > ISO_PARTS)
        abort();
    for (uint32_t i = 0; i < e->parts; i++) {
        if (e->part[i].position > v->size || e->part[i].size > v->size - e->part[i].position)
            abort();
        sum += e->part[i].size;
    }
    if (sum != e->size || (e->type == ISO_LINK && iso_link(v, e->record, link) > ISO_LINK_MOST))
        abort();
}

static void
directory_read(struct iso *v, const struct iso_extent *dir, unsigned depth)
{
    uint64_t at = 0, last = 0;
    struct iso_entry e;

    while (names < 2000 && !iso_next(v, dir, &at, &e)) {
        if (at <= last)
            abort();
        last = at;
        names++;
        entry_check(v, &e);
        if (e.type == ISO_DIRECTORY && e.parts == 1 && depth < DEPTH)
            directory_read(v, &e.part[0], depth + 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso v = {.io = &io};
    char why[ISO_WHY];

    bytes = data;
    length = size;
    names = 0;
    if (iso_volume_read(&v, FRONT + size, why)) {
        if (holds)
            abort();
        return 0;
    }
    directory_read(&v, &v.root, 0);
    if (holds)
        abort();
    return 0;
}
