/*
 * Other names. The medium must have at least one of the two names at every moment, and never both for the same clusters:
 *
 *   1. What no commit has entered yet has no name on the medium: its entry moves.
 *   2. Old and new name in one sector of 512 bytes change at once.
 *   3. Of an empty file or directory, and of a file of at most COPY_MOST, a copy gets the new name; the old one goes when that
 *      is durable.
 *   4. Else the new entry is made durable, and then the old one goes: a power cut just between leaves both names to one chain,
 *      which fsck.fat finds. (A large file or a directory that gets a name in another sector of its directory, or in another
 *      directory.)
 *
 * A name that was somebody else's goes from one to the other in its place: that entry leads to the new file at once.
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define COPY_MOST (1u << 20)

/* What a rename has in hand. */
struct work {
    const struct fat_rename *r;
    struct fat_new_name name;
    struct fat_file copy; /* way 3: whose clusters the new name gets */
    struct fat_entry new;
};

static void
slot_forget(struct fat_file *file)
{
    list_del(&file->link);
    list_init(&file->link);
    file->entry = 0;
}

/* ---- ways to enter the new name ---- */

/* In its old sector, with the old slots counted as free. false: it does not fit there. */
static bool
way_in_place(struct fat *f, struct work *w, int *err)
{
    const struct fat_rename *r = w->r;
    uint32_t n = fat_name_entries(&w->name), slot;

    if (r->from != r->to || r->replaced)
        return false;
    slot = fat_index_room_near(r->to->dir.index, n, r->entry);
    if (slot == UINT32_MAX)
        return false;
    *err = fat_entry_end(f, r->to, slot, n);
    if (!*err)
        *err = fat_entry_remove(f, r->from, r->entry);
    if (*err)
        return true;
    slot_forget(r->file);
    if (!*err)
        *err = fat_entry_put(f, r->to, &w->name, r->file, slot, &w->new);
    return true;
}

/* The new name's entry: a new one, or that of the file that had the name. */
static int
enter(struct fat *f, struct work *w, struct fat_file *file, const struct fat_entry *ignored)
{
    const struct fat_rename *r = w->r;
    uint64_t position;
    int err;

    if (!r->replaced)
        return fat_entry_add(f, r->to, &w->name, file, ignored, &w->new);
    w->new = *r->replaced_entry;
    err = fat_dir_position(f, &r->to->dir, w->new.slot, &position);
    if (!err)
        err = fat_file_touch(f, r->replaced); /* its sector is dirty: writing cannot fail */
    if (err)
        return err;
    slot_forget(r->replaced);
    file->entry = position;
    return fat_entry_write(f, file);
}

/* What enter() did is undone: nothing of it is on the medium, or the volume has failed. */
static void
leave(struct fat *f, struct work *w, struct fat_file *file)
{
    const struct fat_rename *r = w->r;

    if (!r->replaced) {
        (void)fat_entry_remove(f, r->to, &w->new);
    } else {
        r->replaced->entry = file->entry;
        (void)fat_entry_write(f, r->replaced);
    }
    slot_forget(file);
}

/* The content of a file, or "." and ".." of an empty directory, in clusters of its own. */
static int
copy_make(struct fat *f, struct work *w)
{
    struct fat_file *copy = &w->copy;
    uint32_t most = DIV_ROUND_UP(w->r->file->size, f->g.cluster), at = 0;
    int err;

    *copy = *w->r->file;
    list_init(&copy->link);
    copy->entry = 0;
    copy->dir = (struct fat_dir){.is_root_area = false};
    if (copy->is_directory)
        return fat_directory_begin(f, copy, w->r->to);
    copy->size = 0; /* as long as it has no clusters */
    err = fat_file_grow(f, copy, w->r->file->size);
    copy->size = w->r->file->size;
    for (; at < most && !err; at++) {
        uint32_t from, to, count;

        err = fat_walk(f, &w->r->file->dir.chain, at, 1, &from, &count);
        if (!err)
            err = fat_walk(f, &copy->dir.chain, at, 1, &to, &count);
        if (!err)
            err = fat_cluster_copy(f, from, to);
    }
    return err;
}

/* The file is what the copy was made as; its old clusters go. */
static int
copy_take(struct fat *f, struct work *w)
{
    struct fat_file *file = w->r->file, old = *file;

    file->dir = w->copy.dir;
    file->entry = w->copy.entry;
    file->loose_era = w->copy.loose_era;
    file->cut_era = 0;
    list_del(&file->link);
    list_init(&file->link);
    list_init(&old.link);
    old.cut_era = 0;
    return fat_file_drop(f, &old, true);
}

/* Is it small enough? -errno: a directory that cannot be read. */
static int
is_copied(struct fat *f, const struct fat_rename *r)
{
    int err;

    if (!r->file->is_directory)
        return r->file->size <= COPY_MOST;
    err = fat_dir_is_empty(f, &r->file->dir);
    return err == -ENOTEMPTY ? 0 : err ? err : 1;
}

static int
way_by_copy(struct fat *f, struct work *w)
{
    int err = copy_make(f, w);

    if (!err)
        err = enter(f, w, &w->copy, NULL);
    if (err)
        goto drop;
    err = fat_commit(f);
    if (!err)
        err = fat_entry_remove(f, w->r->from, w->r->entry);
    if (!err)
        return copy_take(f, w);
    leave(f, w, &w->copy);
drop:
    (void)fat_file_drop(f, &w->copy, true);
    return err;
}

/* ".." of a directory that has another parent now. */
static int
parent_write(struct fat *f, const struct fat_rename *r)
{
    uint32_t first = r->to->entry ? r->to->dir.chain.first : 0;
    struct fat_hold h;
    uint8_t *at;
    int err;

    if (!r->file->is_directory || r->from == r->to)
        return 0;
    err = fat_edit(f, fat_position(f, r->file->dir.chain.first) + FAT_ENTRY, FAT_ENTRY, DIRT_ENTRY, &h, &at);
    if (err)
        return err;
    put_le16(at + DIR_CLUSTER, (uint16_t)first);
    put_le16(at + DIR_CLUSTER_HIGH, (uint16_t)(first >> 16));
    f->io->put(f->context, &h);
    return 0;
}

/* It has its old entry again, and what that is to say is not forgotten. Its sector is dirty: this cannot fail. */
static void
stay(struct fat *f, struct fat_file *file, uint64_t old)
{
    file->entry = old;
    (void)fat_file_touch(f, file);
}

/* The entry moves; durable: the old name goes when the new one is on the medium. */
static int
way_by_entry(struct fat *f, struct work *w, bool durable)
{
    struct fat_file *file = w->r->file;
    uint64_t old = file->entry;
    int err;

    list_del(&file->link);
    list_init(&file->link);
    err = enter(f, w, file, durable || w->r->from != w->r->to ? NULL : w->r->entry);
    if (err) {
        stay(f, file, old);
        return err;
    }
    err = parent_write(f, w->r);
    if (!err && durable)
        err = fat_commit(f);
    if (!err)
        err = fat_entry_remove(f, w->r->from, w->r->entry);
    if (err) {
        leave(f, w, file);
        stay(f, file, old);
    }
    return err || !durable ? err : fat_commit(f); /* at once, so that the moment is a short one */
}

/* ---- all of it ---- */

static int
rename_by(struct fat *f, struct work *w)
{
    const struct fat_rename *r = w->r;
    bool unknown = r->file->made_era == f->era, empty = !r->file->is_directory && !r->file->dir.chain.first;
    int err = 0, copied;

    if (unknown)
        return way_by_entry(f, w, false);
    if (way_in_place(f, w, &err))
        return err;
    if (r->file->dirty_era == f->era) /* the old entry stays for a commit: it must be true */
        err = fat_commit(f);
    if (err)
        return err;
    copied = empty ? 0 : is_copied(f, r);
    if (copied < 0)
        return copied;
    return copied ? way_by_copy(f, w) : way_by_entry(f, w, true);
}

int
fat_rename(struct fat *f, const struct fat_rename *r)
{
    struct work *w = fat_memory(NULL, 0, sizeof(*w));
    int err = w ? fat_name_parse(r->name, r->length, &w->name) : -ENOMEM;

    if (!err) {
        w->r = r;
        err = fat_begin(f);
    }
    if (!err && !r->replaced)
        err = fat_entry_prepare(f, r->to, &w->name, r->from == r->to ? r->entry : NULL);
    if (!err && !r->from->dir.index)
        err = fat_index_make(f, &r->from->dir);
    if (!err)
        err = rename_by(f, w);
    if (!err) {
        *r->entry = w->new;
        r->from->modified = r->to->modified = f->io->now(f->context);
        r->file->dirty_era = f->era;
        (void)fat_file_touch(f, r->from);
        (void)fat_file_touch(f, r->to);
    }
    (void)fat_memory(w, sizeof(*w), 0);
    return err;
}
