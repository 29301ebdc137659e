/*
 * Partition tables: MBR with logical partitions, and GPT (UEFI 2.10, 5). Pure: blocks come by a callback.
 *
 * A table that is malformed is refused as a whole, with a reason: what one cannot trust to say where partitions end one
 * should not write by.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define TABLE_PARTS_MAX 128
#define TABLE_WHY       120
#define TABLE_BLOCK_MAX 4096
#define TABLE_LABEL     37 /* of a GPT: 36 characters */
#define TABLE_LOGICAL   5  /* number of the first logical partition */

enum table_kind { TABLE_NONE, TABLE_MBR, TABLE_GPT };

struct table_part {
    uint32_t number;         /* 1.. */
    uint64_t start, count;   /* blocks */
    uint8_t type;            /* of an MBR */
    uint8_t guid[16];        /* of a GPT: the partition's own */
    char label[TABLE_LABEL]; /* likewise; '?' for what is not ASCII */
};

struct table {
    enum table_kind kind;
    uint32_t count;
    bool backup;         /* the first header or its entries were bad */
    char why[TABLE_WHY]; /* refused, or what was wrong with the first header; "": nothing */
    struct table_part part[TABLE_PARTS_MAX];
};

/* The disk: `blocks` blocks of `size` bytes (512 to TABLE_BLOCK_MAX). read() fills one; 0 or -errno. */
struct table_disk {
    uint64_t blocks;
    uint32_t size;
    int (*read)(void *context, uint64_t block, void *bytes);
    void *context;
    uint8_t *room; /* 2 * size bytes to work in */
};

/* Returns: 0 (kind may be TABLE_NONE: there is none); -EINVAL: malformed, t->why says how; errors of read(). */
int table_read(const struct table_disk *d, struct table *t);

/* table_mbr.c and table_gpt.c. table_refuse(): fills why; -EINVAL. table_add(): -EINVAL if it overlaps, or is one too many. */
int table_mbr(const struct table_disk *d, struct table *t);
int table_gpt(const struct table_disk *d, struct table *t);
int table_refuse(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
int table_add(struct table *t, const struct table_part *p);
