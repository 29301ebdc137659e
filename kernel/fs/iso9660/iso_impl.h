/*
 * ISO 9660 (ECMA-119), with Joliet's names or Rock Ridge's (IEEE P1282, SUSP P1281): what the files of the folder share.
 *
 *   volume.c   volume descriptors -> where the root is, and whose names are read   (pure)
 *   record.c   directory records -> entries                                        (pure)
 *   rock.c     Rock Ridge: names, modes, links, deep directories                   (pure)
 *   iso_vfs.c  the glue to the VFS and the block cache
 *
 * Pure files reach the medium through struct iso_io; they are tested on the host. Nothing on it is trusted: each number is checked
 * where it is used, and every loop has a bound that the medium does not set. Positions are bytes from its beginning.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISO_BLOCK      4096u /* the unit of struct iso_io */
#define ISO_SECTOR     2048u
#define ISO_NAME_BYTES 255
#define ISO_PARTS      16u /* extents of a file */
#define ISO_LINK_MOST  1023
#define ISO_WHY        120

/* A block of the medium in memory, held. */
struct iso_hold {
    const uint8_t *bytes; /* ISO_BLOCK; behind the medium's end zeros */
    uint64_t token;       /* of struct iso_io */
};

struct iso_io {
    /* Block `index`, until put(). 0 or -errno. */
    int (*get)(void *context, uint64_t index, struct iso_hold *h);
    void (*put)(void *context, struct iso_hold *h);
    /* One line about what is wrong with the medium. */
    void (*complain)(void *context, const char *text);
};

/* Bytes that follow one another. */
struct iso_extent {
    uint64_t position;
    uint64_t size;
};

struct iso {
    const struct iso_io *io;
    void *context;
    uint64_t size;  /* of the medium */
    uint32_t block; /* bytes: 512, 1024, 2048 */
    struct iso_extent root;
    bool is_joliet;
    bool has_rock;
    uint8_t rock_skip; /* bytes in front of a record's system use entries (SP) */
    char label[33];
};

enum iso_type { ISO_FILE, ISO_DIRECTORY, ISO_LINK, ISO_OTHER };

/* A file or directory, as its records have it. */
struct iso_entry {
    char name[ISO_NAME_BYTES + 1];
    size_t length;
    enum iso_type type;
    uint32_t mode; /* permission bits */
    uint32_t links, uid, gid;
    int64_t modified; /* ns since 1970 */
    uint64_t record;  /* position of its (first) record */
    uint64_t size;
    struct iso_extent part[ISO_PARTS];
    uint32_t parts;
    bool is_hidden; /* a directory that was moved here because it lies too deep */
};

/* Where the root is. 0; -EINVAL and the reason in why[ISO_WHY]; -EIO and others. size: of the device */
int iso_volume_read(struct iso *v, uint64_t size, char *why);

/* `n` bytes, at most to the end of a block. */
int iso_bytes(struct iso *v, uint64_t position, uint8_t *to, uint32_t n);

/* Says what is wrong. Returns: -EIO */
int iso_damaged(struct iso *v, const char *what, uint64_t position);

/* An extent of blocks, if the medium has it. */
bool iso_extent_make(const struct iso *v, uint64_t first_block, uint64_t size, struct iso_extent *out);

/* -- record.c */

/* The 7 bytes of a time in a record; 0: none */
int64_t iso_time(const uint8_t *t);

/*
 * The next entry of a directory from byte *at of it on, which is set behind it. Without "." and "..".
 * Returns: 0; -ENOENT: no more; -EIO: damaged, said
 */
int iso_next(struct iso *v, const struct iso_extent *dir, uint64_t *at, struct iso_entry *e);

/* By name. -ENOENT: there is none. */
int iso_find(struct iso *v, const struct iso_extent *dir, const char *name, size_t length,
             struct iso_entry *e);

/* -- rock.c */

/* What the system use entries of a record (whole, of `size` bytes) say goes into the entry; link: text[size] of a symbolic link, or
 * NULL. 0, -EIO */
int iso_rock_read(struct iso *v, const uint8_t *record, uint32_t size, struct iso_entry *e, char *link);

/* Does the root's first record say that there are such entries? */
void iso_rock_detect(struct iso *v, const uint8_t *record, uint32_t size);

/* Where the link of an entry's first record leads: text[ISO_LINK_MOST + 1]. Returns: its length, -EIO */
long iso_link(struct iso *v, uint64_t record, char *text);
