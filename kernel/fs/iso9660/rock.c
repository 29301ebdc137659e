/* System use entries of Rock Ridge (SUSP 1.12, RRIP 1.12). */
#include "kernel/fs/iso9660/iso_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define REC_NAME_LENGTH 32u
#define REC_NAME        33u
#define REC_EXTENT      2u
#define REC_SIZE        10u
#define CONTINUED_MOST  32u /* areas of one record */

#define S_IFMT  0170000u
#define S_IFLNK 0120000u
#define S_IFREG 0100000u
#define S_IFDIR 0040000u

#define NM_CONTINUE 1u
#define NM_DOTS     6u
#define SL_CONTINUE 1u
#define SL_CURRENT  2u
#define SL_PARENT   4u
#define SL_ROOT     8u
#define TF_CREATION 1u
#define TF_MODIFY   2u
#define TF_LONG     128u

static bool
is_entry(const uint8_t *p, const char *signature)
{
    return p[0] == (uint8_t)signature[0] && p[1] == (uint8_t)signature[1];
}

/* Where a record's system use entries begin. */
static uint32_t
area_of(const uint8_t *record)
{
    uint32_t at = REC_NAME + record[REC_NAME_LENGTH];

    return at + (at & 1);
}

void
iso_rock_detect(struct iso *v, const uint8_t *record, uint32_t size)
{
    uint32_t at = area_of(record);

    if (at + 7 > size || !is_entry(record + at, "SP") || record[at + 2] < 7 || record[at + 4] != 0xbe ||
        record[at + 5] != 0xef)
        return;
    v->has_rock = true;
    v->rock_skip = record[at + 6];
}

/* ---- single entries, `p` of `n` bytes ---- */

static void
name_add(const uint8_t *p, uint32_t n, struct iso_entry *e, bool *more)
{
    if (n < 5 || p[4] & NM_DOTS)
        return;
    if (!*more)
        e->length = 0;
    for (uint32_t i = 5; i < n && e->length < ISO_NAME_BYTES; i++)
        e->name[e->length++] = (char)(p[i] == '/' || !p[i] ? '_' : p[i]);
    e->name[e->length] = 0;
    *more = p[4] & NM_CONTINUE;
}

static void
modes_read(const uint8_t *p, uint32_t n, struct iso_entry *e)
{
    uint32_t mode;

    if (n < 36)
        return;
    mode = get_le32(p + 4);
    e->mode = mode & 07777;
    e->links = get_le32(p + 12);
    e->uid = get_le32(p + 20);
    e->gid = get_le32(p + 28);
    if ((mode & S_IFMT) == S_IFLNK)
        e->type = ISO_LINK;
    else if ((mode & S_IFMT) != S_IFREG && (mode & S_IFMT) != S_IFDIR)
        e->type = ISO_OTHER;
}

static void
times_read(const uint8_t *p, uint32_t n, struct iso_entry *e)
{
    uint32_t at = n >= 5 && p[4] & TF_CREATION ? 12 : 5;

    if (n >= at + 7 && p[4] & TF_MODIFY && !(p[4] & TF_LONG))
        e->modified = iso_time(p + at);
}

/* Appends, as far as there is room. */
static void
text_add(char *link, const char *from, size_t n)
{
    size_t at = strlen(link);

    n = MIN(n, (size_t)ISO_LINK_MOST - at);
    memcpy(link + at, from, n);
    link[at + n] = 0;
}

/* One more part of a path. *open: the last one goes on in this. */
static void
link_add(const uint8_t *p, uint32_t n, char *link, bool *open)
{
    for (uint32_t at = 5; at + 2 <= n && at + 2u + p[at + 1] <= n; at += 2u + p[at + 1]) {
        uint8_t flags = p[at];
        size_t there = strlen(link);

        if (!*open && there && link[there - 1] != '/')
            text_add(link, "/", 1);
        if (flags & SL_ROOT)
            text_add(link, "/", 1);
        else if (flags & SL_PARENT)
            text_add(link, "..", 2);
        else if (flags & SL_CURRENT)
            text_add(link, ".", 1);
        else
            text_add(link, (const char *)p + at + 2, p[at + 1]);
        *open = flags & SL_CONTINUE;
    }
}

/* A directory that lies too deep, and is somewhere else: its first record there says how long it is. */
static int
child_read(struct iso *v, const uint8_t *p, uint32_t n, struct iso_entry *e)
{
    uint64_t position = n >= 12 ? (uint64_t)get_le32(p + 4) * v->block : 0;
    uint8_t record[34];
    int err = position ? iso_bytes(v, position, record, sizeof(record)) : -EIO;

    if (err)
        return iso_damaged(v, "a directory that was moved to nowhere", e->record);
    e->type = ISO_DIRECTORY;
    e->parts = 1;
    e->size = get_le32(record + REC_SIZE);
    if (position % ISO_SECTOR || !e->size ||
        !iso_extent_make(v, get_le32(record + REC_EXTENT), e->size, &e->part[0]) ||
        e->part[0].position != position)
        return iso_damaged(v, "a directory that was moved to where none is", e->record);
    return 0;
}

/* ---- all of a record ---- */

struct reading {
    struct iso_entry *e;
    char *link;
    bool name_open, link_open;
    uint64_t next; /* position of what continues the area; 0: nothing */
    uint32_t next_size;
};

static int
area_read(struct iso *v, const uint8_t *area, uint32_t size, struct reading *r)
{
    int err = 0;

    for (uint32_t at = 0, n; at + 4 <= size && !err; at += n) {
        const uint8_t *p = area + at;

        n = p[2];
        if (n < 4 || at + n > size || is_entry(p, "ST"))
            break;
        if (is_entry(p, "NM"))
            name_add(p, n, r->e, &r->name_open);
        else if (is_entry(p, "PX"))
            modes_read(p, n, r->e);
        else if (is_entry(p, "TF"))
            times_read(p, n, r->e);
        else if (is_entry(p, "SL") && r->link && n >= 5)
            link_add(p, n, r->link, &r->link_open);
        else if (is_entry(p, "CL"))
            err = child_read(v, p, n, r->e);
        else if (is_entry(p, "RE"))
            r->e->is_hidden = true;
        else if (is_entry(p, "CE") && n >= 28) {
            r->next = (uint64_t)get_le32(p + 4) * v->block + get_le32(p + 12);
            r->next_size = get_le32(p + 20);
        }
    }
    return err;
}

int
iso_rock_read(struct iso *v, const uint8_t *record, uint32_t size, struct iso_entry *e, char *link)
{
    uint32_t from = area_of(record) + v->rock_skip;
    struct reading r = {.e = e, .link = link};
    int err = from < size ? area_read(v, record + from, size - from, &r) : 0;

    for (unsigned n = 0; n < CONTINUED_MOST && r.next && !err; n++) {
        uint8_t area[ISO_SECTOR];
        uint64_t position = r.next;
        uint32_t length = r.next_size;

        if (length > ISO_SECTOR - position % ISO_SECTOR)
            return iso_damaged(v, "a continuation that leaves its block", e->record);
        r.next = 0;
        err = iso_bytes(v, position, area, length);
        if (!err)
            err = area_read(v, area, length, &r);
    }
    return err;
}
