/*
 * FAT12, FAT16 and FAT32 (Microsoft's "FAT: General Overview of On-Disk Format", 1.03): what the files of the folder share.
 *
 *   bpb.c      boot sector -> geometry, every field doubted       (pure)
 *   table.c    entries of the FAT                                 (pure)
 *   walk.c     file offset -> run of clusters                     (pure)
 *   lfn.c      names: long, short, in UTF-8                       (pure)
 *   dirent.c   entries of directories                             (pure)
 *   fat_vfs.c  the glue to the VFS and the block cache
 *
 * Pure files reach the volume through struct fat_io, and memory through fat_memory(); they are tested on the host. Nothing on
 * the volume is trusted: each number is checked where it is used, and every loop has a bound that the volume does not set.
 *
 * A cluster's number is 2 to clusters + 1. Positions are bytes from the volume's beginning.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    const uint8_t *bytes; /* FAT_BLOCK; behind the volume's end zeros */
    uint64_t token;       /* of struct fat_io */
};

struct fat_io {
    /* Block `index`, until put(). 0 or -errno. */
    int (*get)(void *context, uint64_t index, struct fat_hold *h);
    void (*put)(void *context, struct fat_hold *h);
    /* One line about what is wrong with the volume. */
    void (*complain)(void *context, const char *text);
};

struct fat {
    struct fat_geometry g;
    const struct fat_io *io;
    void *context;
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

/* What follows a cluster: the next one's number, or FAT_FREE, FAT_BAD, FAT_END. -EIO: a number that is none, said; or the device's. */
int fat_next(struct fat *f, uint32_t cluster, int64_t *next);

/* Was the volume taken down cleanly, and without errors of the disk (overview, 4.2)? 0 or -errno. */
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

/* A directory that is read. root: FAT12's and FAT16's, which has no chain. The caller locks. */
struct fat_dir {
    bool is_root_area;
    struct fat_chain chain;
};

/*
 * The next file or directory from slot *slot on, which is set behind it. Without "." and "..", labels and what is deleted.
 * Returns: 0; -ENOENT: no more; -EIO and others of fat_walk()
 */
int fat_dir_next(struct fat *f, struct fat_dir *d, uint32_t *slot, struct fat_entry *e);

/* By name, long or short. -ENOENT: there is none. */
int fat_dir_find(struct fat *f, struct fat_dir *d, const char *name, size_t length, struct fat_entry *e);

/* The volume's label in its root directory; "" if it has none there. 0 or -errno. */
int fat_dir_label(struct fat *f, struct fat_dir *root, char label[FAT_LABEL_BYTES + 1]);
