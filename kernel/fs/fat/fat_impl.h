/*
 * FAT12, FAT16 and FAT32 (Microsoft's "FAT: General Overview of On-Disk Format", 1.03): what the files of the folder share.
 *
 *   bpb.c      boot sector -> geometry, every field doubted       (pure)
 *   table.c    entries of the FAT                                 (pure)
 *   walk.c     file offset -> run of clusters                     (pure)
 *   lfn.c      names: long, short, in UTF-8                       (pure)
 *   dirent.c   entries of directories                             (pure)
 *   alloc.c    clusters taken and given back                      (pure)
 *   order.c    which write waits for which: the crash rules       (pure)
 *   alias.c    a new name's entries: long, and the 8.3 alias      (pure)
 *   index.c    a directory's names by hash, its free slots        (pure)
 *   slots.c    entries put into a directory, changed, taken out   (pure)
 *   file.c     files and directories: made, grown, cut, removed   (pure)
 *   rename.c   the same, given other names                        (pure)
 *   fat_vfs.c  the glue to the VFS and the block cache: volumes, nodes, directories
 *   fat_file.c the same: what is in files
 *
 * Pure files reach the volume through struct fat_io, and memory through fat_memory(); they are tested on the host. Nothing on
 * the volume is trusted: each number is checked where it is used, and every loop has a bound that the volume does not set.
 *
 * A cluster's number is 2 to clusters + 1. Positions are bytes from the volume's beginning.
 *
 * Locks: all of a volume is changed under one lock of the caller's, and fat_commit() is called under it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/block/dirt.h"
#include "lib/list.h"

#define FAT_BLOCK       4096u /* the unit of struct fat_io */
#define FAT_ENTRY       32u   /* bytes of a directory entry */
#define FAT_FIRST       2u
#define FAT_NAME_UNITS  255 /* of UTF-16 in a long name */
#define FAT_NAME_BYTES  255 /* of UTF-8 in a name that programs see */
#define FAT_LABEL_BYTES 33  /* of UTF-8: 11 characters */
#define FAT_DIR_ENTRIES 65536u
#define FAT_WHY         120

struct fat_geometry {
    uint8_t bits;                   /* 12, 16 or 32 */
    uint8_t fats, active;           /* copies; which one is read */
    bool mirrored;                  /* all copies are written, not only the active one */
    uint32_t sector, cluster;       /* bytes */
    uint32_t clusters;              /* how many there are */
    uint64_t fat_start, fat_size;   /* the first copy; bytes of one */
    uint64_t root_start, root_size; /* FAT12 and FAT16: the root directory */
    uint64_t data_start;            /* of cluster 2 */
    uint32_t root_cluster;          /* FAT32 */
    uint64_t fsinfo;                /* position; 0: none */
    uint64_t backup;                /* of the boot sector; 0: none */
    uint64_t size;
    uint32_t serial;
    char label[12]; /* of the boot sector; "" if it has none */
};

/* A block of the volume in memory, held. */
struct fat_hold {
    uint8_t *
        bytes; /* FAT_BLOCK; behind the volume's end zeros. Written only between fat_edit() and fat_io.put() */
    uint64_t token; /* of struct fat_io */
};

struct fat_io {
    /* Block `index`, until put(). 0 or -errno. */
    int (*get)(void *context, uint64_t index, struct fat_hold *h);
    /* The same of a block that will be written whole: it need not be read, and is zeros then. */
    int (*fresh)(void *context, uint64_t index, struct fat_hold *h);
    void (*put)(void *context, struct fat_hold *h);
    /* These sectors of 512 bytes of a held block (bit n: sector n) are to be written at a stage, and stay in memory until then.
     * 0 or -ENOMEM */
    int (*dirty)(void *context, uint64_t index, const struct fat_hold *h, uint8_t sectors,
                 enum dirt_kind kind);
    /* Write what is dirty at a stage. *any: there was something. 0 or -errno, and then it stays dirty. */
    int (*write)(void *context, enum dirt_stage stage, bool *any);
    /* What was written is durable on return. */
    int (*flush)(void *context);
    /* One line about what is wrong with the volume. */
    void (*complain)(void *context, const char *text);
    int64_t (*now)(void *context); /* ns since 1970 */
};

/* Clusters that follow one another, given up; they are free once no entry on the medium leads there. */
struct fat_freed {
    uint32_t cluster, count;
};

/* An entry of the FAT that is to be written later. */
struct fat_link {
    uint32_t cluster, next;
};

/* What waits for a stage. */
struct fat_links {
    struct fat_link *link;
    uint32_t count, room;
};

#define FAT_GROUP   1024u /* clusters whose free ones are counted together */
#define FAT_UNKNOWN UINT16_MAX

struct fat {
    struct fat_geometry g;
    const struct fat_io *io;
    void *context;

    /* order.c */
    bool read_only; /* nothing is changed: mounted so, or found damaged, or a commit has failed */
    bool failed;    /* a commit has */
    bool marked;    /* the medium says that the volume is in use */
    bool was_dirty; /* it said so when it was mounted: somebody should look at it, so it goes on saying it */
    uint32_t era;   /* the number of the next commit, from 1 on */
    bool unflushed; /* something was written since the last flush */
    bool changed;   /* since the last commit */
    struct fat_freed *freed;
    uint32_t freed_count, freed_room, freed_clusters;
    struct fat_links joins; /* ends of chains that lead on, once what they lead to is durable */
    struct fat_links cuts;  /* new ends of chains: .next is what followed. Once entries are durable */
    struct list dirty;      /* struct fat_file.link, whose entries are out of date */

    /* alloc.c */
    uint16_t *group_free; /* FAT_UNKNOWN: nobody has looked yet */
    uint32_t groups, groups_known;
    uint32_t free_known; /* in groups that are known */
    uint32_t free_hint;  /* FSInfo's; UINT32_MAX: none */
    uint32_t next;       /* where to look for a new file's first cluster */
};

/* Memory: like realloc(); size 0 frees. NULL: there is none. */
void *fat_memory(void *old, size_t old_size, size_t size);

/* -- bpb.c */

/*
 * The geometry that a boot sector (512 bytes) tells, for a device of so many bytes.
 * Returns: 0; -EINVAL and the reason in why[FAT_WHY]
 */
int fat_bpb_read(const uint8_t *sector, uint64_t device_size, struct fat_geometry *g, char *why);

/* -- table.c */

enum { FAT_FREE = 0, FAT_BAD = 1, FAT_END = -1 };

static inline bool
fat_is_cluster(const struct fat *f, uint32_t cluster)
{
    return cluster >= FAT_FIRST && cluster - FAT_FIRST < f->g.clusters;
}

/* A block of the FAT that stays held between looks at it; zeroed at first. */
struct fat_view {
    struct fat_hold hold;
    uint64_t index;
    bool held;
};
void fat_view_end(struct fat *f, struct fat_view *v);

/* What follows a cluster: the next one's number, or FAT_FREE, FAT_BAD, FAT_END. -EIO: a number that is none, said; or the device's. */
int fat_next(struct fat *f, struct fat_view *v, uint32_t cluster, int64_t *next);

/*
 * Entries of `count` clusters from `first` on, in all copies: each leads to the one behind it, and the last one to `last` (0:
 * the chain ends there); fat_table_clear(): all free. 0 or -errno; after -ENOMEM some may be written.
 */
int fat_table_chain(struct fat *f, uint32_t first, uint32_t count, uint32_t last);
int fat_table_clear(struct fat *f, uint32_t first, uint32_t count);

/* Free ones among `count` clusters from `first` on. */
int fat_table_count(struct fat *f, uint32_t first, uint32_t count, uint32_t *free);

/* The first run of free clusters in [from, until), at most `most` long. *count 0: there is none. */
int fat_table_find(struct fat *f, uint32_t from, uint32_t until, uint32_t most, uint32_t *cluster,
                   uint32_t *count);

/* Do the entries of all these lie in one sector of 512 bytes, which the medium writes whole? */
bool fat_table_is_near(const struct fat *f, uint32_t cluster, uint32_t first, uint32_t count);

/* Say on the medium, in the FAT and in the boot sector, whether the volume is in use. */
int fat_mark(struct fat *f, bool in_use);

/* Was the volume taken down cleanly (by its FAT, and by its boot sector as Linux has it), and without errors of the disk (overview, 4.2)? 0 or -errno. */
int fat_flags(struct fat *f, bool *clean, bool *no_errors);

/* -- walk.c */

/* Clusters that follow one another, of a chain. */
struct fat_run {
    uint32_t index;   /* of the chain's clusters: which is the first one here */
    uint32_t cluster; /* its number */
    uint32_t count;
};

/* A chain as far as it is known. The caller locks. */
struct fat_chain {
    uint32_t first;         /* 0: empty */
    bool ended;             /* all of it is known */
    bool broken;            /* what comes next is damaged, which has been said */
    uint32_t length;        /* clusters known */
    uint32_t last;          /* the last one known */
    uint32_t mark, mark_at; /* a cluster of it, and its index: met again, there is a loop */
    struct fat_run *run;
    uint32_t runs, room;
};

/*
 * Where cluster `index` of a chain is, and how many follow it on the volume (at most `most` are looked for).
 * Returns: 0; -ENODATA: the chain ends before; -EIO: it is damaged, said; -ENOMEM; the device's
 */
int fat_walk(struct fat *f, struct fat_chain *c, uint32_t index, uint32_t most, uint32_t *cluster,
             uint32_t *count);
void fat_chain_free(struct fat_chain *c);

/* To its end, which *length and c->last then tell. */
int fat_chain_end(struct fat *f, struct fat_chain *c, uint32_t *length);

/* In memory only: clusters behind the end (fat_chain_end() has succeeded; -ENOMEM); only the first `length` are left. */
int fat_chain_append(struct fat_chain *c, uint32_t first, uint32_t count);
void fat_chain_cut(struct fat_chain *c, uint32_t length);

static inline uint64_t
fat_position(const struct fat *f, uint32_t cluster)
{
    return f->g.data_start + (uint64_t)(cluster - FAT_FIRST) * f->g.cluster;
}

/* -- lfn.c */

/* A long name as it comes, from its last entry to its first. Zeroed: none. */
struct fat_lfn {
    uint16_t unit[FAT_NAME_UNITS + 5]; /* whole entries of 13 */
    uint8_t left;                      /* entries that are still to come */
    uint8_t checksum;
    bool complete;
};

/* One entry of a long name (32 bytes with attribute 0fh). What does not fit together is forgotten. */
void fat_lfn_add(struct fat_lfn *l, const uint8_t *entry);

/* The name of the short entry that follows: the long one if it belongs to it, else the short one. Returns: its length. */
size_t fat_name(const struct fat_lfn *l, const uint8_t *entry, char name[FAT_NAME_BYTES + 1]);

/* The short name, as its case bits say. Returns: its length. */
size_t fat_short_name(const uint8_t *entry, char name[FAT_NAME_BYTES + 1]);

/* The 11 characters of a label, without the blanks behind them. */
void fat_label(const uint8_t *entry, char label[FAT_LABEL_BYTES + 1]);

/* What the entries of a long name hold of the short name they belong to (11 bytes). */
uint8_t fat_checksum(const uint8_t *short_name);

/* What matching names have in common. */
uint32_t fat_name_hash(const char *name, size_t size);

/* In upper case, as far as FAT's own table of 1995 goes. */
uint32_t fat_upper(uint32_t c);

/* Are two names of UTF-8 the same, whatever their case? */
bool fat_names_match(const char *a, size_t a_size, const char *b, size_t b_size);

/* -- dirent.c */

#define FAT_READ_ONLY 0x01u
#define FAT_HIDDEN    0x02u
#define FAT_SYSTEM    0x04u
#define FAT_LABEL     0x08u
#define FAT_DIRECTORY 0x10u
#define FAT_ARCHIVE   0x20u
#define FAT_LONG      0x0fu
#define FAT_DELETED   0xe5u

/* Offsets in an entry. */
enum {
    DIR_ATTRIBUTES = 11,
    DIR_CASE = 12,
    DIR_BORN_HUNDREDTHS = 13,
    DIR_BORN_TIME = 14,
    DIR_BORN_DATE = 16,
    DIR_ACCESSED_DATE = 18,
    DIR_CLUSTER_HIGH = 20,
    DIR_TIME = 22,
    DIR_DATE = 24,
    DIR_CLUSTER = 26,
    DIR_SIZE = 28
};

/* A file or directory, as its entry has it. */
struct fat_entry {
    char name[FAT_NAME_BYTES + 1], short_name[FAT_NAME_BYTES + 1];
    size_t length, short_length;
    uint8_t attributes;
    uint32_t first;                   /* cluster; 0: none */
    uint32_t size;                    /* bytes; of directories 0 */
    int64_t born, modified, accessed; /* ns since 1970 */
    uint32_t slot;                    /* of the short entry, in its directory */
    uint32_t first_slot;              /* of its first long one, or the same */
};

struct fat_index;

/* A directory. root: FAT12's and FAT16's, which has no chain. The caller locks. */
struct fat_dir {
    bool is_root_area;
    struct fat_chain chain;
    struct fat_index *index; /* NULL: not made yet */
};

/*
 * The next file or directory from slot *slot on, which is set behind it. Without "." and "..", labels and what is deleted.
 * Returns: 0; -ENOENT: no more; -EIO and others of fat_walk()
 */
int fat_dir_next(struct fat *f, struct fat_dir *d, uint32_t *slot, struct fat_entry *e);

/* Where a slot is on the volume. -ENOENT: the directory ends before. */
int fat_dir_position(struct fat *f, struct fat_dir *d, uint32_t slot, uint64_t *position);

/*
 * The 16 slots from `first` (a multiple of that) on, which lie in one sector: those that are taken, but for long entries (bit n: first + n), up to where
 * the directory ends, if it does there (*end; else 16). -ENOENT: there are none. -errno
 */
#define FAT_SECTOR_SLOTS 16u
int fat_dir_used(struct fat *f, struct fat_dir *d, uint32_t first, uint16_t *used, uint32_t *end);

/* By name, long or short; by the index if there is one. -ENOENT: there is none. */
int fat_dir_find(struct fat *f, struct fat_dir *d, const char *name, size_t length, struct fat_entry *e);

/* The volume's label in its root directory; "" if it has none there. 0 or -errno. */
int fat_dir_label(struct fat *f, struct fat_dir *root, char label[FAT_LABEL_BYTES + 1]);

/* -- alias.c */

#define FAT_NAME_ENTRIES 21u /* of a name: 20 long ones and the short one */

/* A name that a file is to get. */
struct fat_new_name {
    uint16_t unit[FAT_NAME_UNITS];
    uint32_t units;
    uint8_t short_name[11], case_bits;
    bool is_short; /* the short name with its case bits says it all */
    bool fits;     /* it does not, but for the case of letters */
};

/* Returns: 0; -EINVAL: what no name may have; -ENAMETOOLONG */
int fat_name_parse(const char *name, size_t length, struct fat_new_name *n);

/* The n-th alias to be tried, from 0 on; false: there are no more. */
bool fat_name_alias(struct fat_new_name *n, unsigned attempt);

/* Entries, the short one among them. */
uint32_t fat_name_entries(const struct fat_new_name *n);

/* Entry `i` of them, from the first in the directory on; not the last one, which is the short one. */
void fat_name_long_entry(const struct fat_new_name *n, uint32_t i, uint8_t entry[FAT_ENTRY]);

/* -- alloc.c */

/* 0 or -ENOMEM. */
int fat_space_init(struct fat *f);
void fat_space_free(struct fat *f);

/* Count the free clusters of one more group, from *group on. -ENODATA: all are known */
int fat_space_learn(struct fat *f, uint32_t *group);

/* Free clusters, as far as is known; FSInfo's word for it until all have been counted. */
uint32_t fat_space(const struct fat *f);

/* Put it into FSInfo. */
int fat_space_write(struct fat *f);

/*
 * Up to `want` clusters that follow one another, as near behind `goal` as there are (0: anywhere). They are counted as taken;
 * their entries are the caller's to write, or fat_alloc_undo() gives them back.
 * Returns: 0; -ENOSPC; -EIO and others
 */
int fat_alloc(struct fat *f, uint32_t goal, uint32_t want, uint32_t *cluster, uint32_t *got);
void fat_alloc_undo(struct fat *f, uint32_t cluster, uint32_t n);

/* Free on the medium, too; see fat_give_up() */
int fat_free(struct fat *f, uint32_t cluster, uint32_t n);

/* -- order.c */

/* To be called before anything is changed. Returns: 0; -EROFS; -EIO and others if the volume cannot be marked as in use. */
int fat_begin(struct fat *f);

/* `size` bytes of one block, held and dirty; *at is where they are. Until put(). 0 or -errno */
int fat_edit(struct fat *f, uint64_t position, uint32_t size, enum dirt_kind kind, struct fat_hold *h,
             uint8_t **at);

/* Room for so many fat_give_up() and one fat_cut(), which do not fail then. 0 or -ENOMEM */
int fat_reserve(struct fat *f, uint32_t runs);

/* Clusters that are free once the next commit is done. 0 or -ENOMEM */
int fat_give_up(struct fat *f, uint32_t cluster, uint32_t count);

/* A chain's end leads on, or a cluster is its end: written in its time by the next commit. 0 or -ENOMEM */
int fat_join(struct fat *f, uint32_t cluster, uint32_t next);
int fat_cut(struct fat *f, uint32_t cluster, uint32_t next);
bool fat_unjoin(struct fat *f, uint32_t cluster, uint32_t count); /* any of these; false: none was one */
bool fat_is_cut(const struct fat *f, uint32_t cluster);

/*
 * All that was changed is durable on return. PASSIVE_LEVEL.
 * Returns: 0; -EIO and others: the volume is read-only from now on, and what was not written stays in memory
 */
int fat_commit(struct fat *f);

/* The same, with what a commit leaves to the next one: no cluster is lost. */
int fat_sync(struct fat *f);

/* fat_sync(), and the mark goes that says that the volume is in use. */
int fat_close(struct fat *f);

/* Give back memory. */
void fat_forget(struct fat *f);

/* -- index.c */

/* 0; -ENOMEM, -EIO and others: the directory is searched slot by slot then */
int fat_index_make(struct fat *f, struct fat_dir *d);
void fat_index_free(struct fat_dir *d);

/* Entry by entry whose name may be this: where its first slot is. *cursor is 0 at first. false: no more */
bool fat_index_next(const struct fat_index *x, uint32_t hash, uint32_t *cursor, uint32_t *slot);

/* Room in the table for one more entry; the next fat_index_add() needs no memory. 0 or -ENOMEM */
int fat_index_reserve(struct fat_index *x);
void fat_index_add(struct fat_index *x, const struct fat_entry *e);
void fat_index_remove(struct fat_index *x, const struct fat_entry *e);

/*
 * `n` free slots together in one sector that has been used before. near: in the sector of this entry, whose own slots count as
 * free. Returns: the first one, or UINT32_MAX: there are none
 */
uint32_t fat_index_room(struct fat_index *x, uint32_t n);
uint32_t fat_index_room_near(const struct fat_index *x, uint32_t n, const struct fat_entry *old);

uint32_t fat_index_end(const struct fat_index *x);   /* the first slot that was never used */
uint32_t fat_index_slots(const struct fat_index *x); /* there are so many */
void fat_index_extend(struct fat_index *x, uint32_t slots);

/* -- slots.c */

/* A file or directory that somebody knows. The caller locks. */
struct fat_file {
    struct list link;   /* of fat.dirty, or empty */
    struct fat_dir dir; /* a file has its chain here too */
    uint64_t entry;     /* position of its short entry; 0: the root's, or removed */
    bool is_directory;
    uint8_t attributes;
    uint32_t size; /* of a file */
    int64_t born, modified, accessed;
    uint32_t made_era;  /* the commit that enters it; older ones have, or it came from the medium */
    uint32_t loose_era; /* nothing on the medium leads to its chain's end before that commit */
    uint32_t cut_era;   /* its chain was cut, and that commit does it */
    uint32_t dirty_era; /* it is durable after that commit */
};

/*
 * A new entry for `file` in a directory, whose index is made if it has none; *e is what it is. The name is free, and the alias
 * nobody's but that of `ignored` (or NULL), which goes. 0 or -errno
 */
int fat_entry_add(struct fat *f, struct fat_file *dir, struct fat_new_name *n, struct fat_file *file,
                  const struct fat_entry *ignored, struct fat_entry *e);

/* The same in two steps: an alias that nobody has but `ignored` (or NULL); then the entry, into free slots from `slot` on. */
int fat_entry_prepare(struct fat *f, struct fat_file *dir, struct fat_new_name *n,
                      const struct fat_entry *ignored);
int fat_entry_end(struct fat *f, struct fat_file *dir, uint32_t slot,
                  uint32_t n); /* before: what can fail of it */
int fat_entry_put(struct fat *f, struct fat_file *dir, const struct fat_new_name *n, struct fat_file *file,
                  uint32_t slot, struct fat_entry *e);

/* Take an entry out of its directory. */
int fat_entry_remove(struct fat *f, struct fat_file *dir, const struct fat_entry *e);

/* Of the file's own entry: cluster, size, times and attributes as they are now. The sector is dirty already. */
int fat_entry_write(struct fat *f, const struct fat_file *file);
void fat_entry_encode(const struct fat *f, const struct fat_file *file, uint8_t *entry);

/* -- file.c */

/* What its entry says changes: the next commit writes it. */
int fat_file_touch(struct fat *f, struct fat_file *file);

/* Clusters for so many bytes; the size stays. -ENOSPC: it has as many as there were */
int fat_file_grow(struct fat *f, struct fat_file *file, uint64_t size);

/* What fat_file_grow() added behind this length just now, before anything of it was used. */
void fat_file_ungrow(struct fat *f, struct fat_file *file, uint32_t length);

/* A smaller size, or the same: the clusters behind it are given up. */
int fat_file_cut(struct fat *f, struct fat_file *file, uint32_t size);

/* All of a new cluster is zeros, dirty in that way. */
int fat_cluster_clear(struct fat *f, uint32_t cluster, enum dirt_kind kind);

/* The content of one goes into another, new one. */
int fat_cluster_copy(struct fat *f, uint32_t from, uint32_t to);

/* The first cluster of a new directory, with "." and "..". */
int fat_directory_begin(struct fat *f, struct fat_file *file, const struct fat_file *parent);

/* New in a directory: a file, or a directory with its first cluster. e: room for its entry. -EEXIST is the caller's to find. */
int fat_file_make(struct fat *f, struct fat_file *dir, const char *name, size_t length, struct fat_file *file,
                  struct fat_entry *e);

/* May an entry of a directory lead to what it says? Not to the directory itself, or one above it: such a tree has no end. -EIO: it
 * does, said; and others. */
int fat_dir_check(struct fat *f, const struct fat_file *dir, const struct fat_entry *e);

/* 0; -ENOTEMPTY; -errno */
int fat_dir_is_empty(struct fat *f, struct fat_dir *d);

/* Its entry goes. -ENOTEMPTY. The clusters stay until fat_file_drop(). */
int fat_file_unlink(struct fat *f, struct fat_file *dir, const struct fat_entry *e, struct fat_file *file);

/* Nobody knows the file any more. removed: its clusters are given up. Commits if the medium would not know its chain otherwise. */
int fat_file_drop(struct fat *f, struct fat_file *file, bool removed);

/* -- rename.c */

/*
 * Another name, or another directory. replaced: what has the name there, which goes, or NULL.
 * Returns: 0; -errno and nothing has changed, or after an error of the device
 */
struct fat_rename {
    struct fat_file *from, *to; /* directories */
    struct fat_file *file, *replaced;
    struct fat_entry *entry, *replaced_entry; /* what they are now; entry: what it is then */
    const char *name;
    size_t length;
};
int fat_rename(struct fat *f, const struct fat_rename *r);
