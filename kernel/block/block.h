/*
 * Block devices: disks and their partitions, and the way of a request to a disk's driver.
 *
 *   disk     what a class driver serves: its size, its limits, its queue
 *   device   what programs and file systems open: a whole disk or a partition of it; a range of the disk's bytes
 *   request  bytes of a device and the memory they go to or come from
 *
 * A disk takes `depth` requests at once; more wait, one queue for each of a few groups of submitters, which take turns.
 * Waiting requests that continue one another go as one. No memory is allocated on the way.
 *
 * Locks: disk->lock (LOCK_BLOCK, DISPATCH_LEVEL). The list of devices has a mutex. Callbacks are called without locks.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/mem/dma.h"
#include "kernel/sync/event.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/spin.h"
#include "lib/list.h"

#define BLOCK_NAME      16
#define BLOCK_PARTS_MAX 128
#define BLOCK_MERGE     32 /* pieces of requests that go as one */
#define BLOCK_TURNS     16 /* queues of a disk */
#define SECTOR          512u

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_OPS };
enum block_flags {
    BLOCK_FUA = 1,   /* a write is durable when it is done */
    BLOCK_ALONE = 2, /* not merged with others */
};

struct cache;
struct disk;
struct block_device;

/* [I] the submitter's, until done   [q] disk->lock */
struct block_request {
    struct list link;               /* [q] while it waits */
    struct block_device *device;    /* [I] */
    uint8_t op, flags;              /* [I] */
    uint64_t start;                 /* [I] bytes from the device's beginning; a multiple of its block size */
    uint32_t size;                  /* [I] bytes, likewise; at most disk->max_bytes */
    uint32_t pieces;                /* [I] at most disk->max_pieces */
    const struct data_piece *piece; /* [I] their sizes add up to size; a FLUSH or DISCARD has none */
    int error;                      /* 0 or -errno, when done */
    void (*done)(struct block_request *r); /* [I] DISPATCH_LEVEL, no lock held; it is the submitter's again */
    void *context;                         /* the submitter's */
    struct block_request *next;            /* [q] that goes with it as one command */
    uint64_t begun;                        /* [q] ns */
};

/* What a class driver does. All at <= DISPATCH_LEVEL without locks unless it says otherwise. */
struct block_ops {
    /* Start a command: r and what follows it by r->next are one range. disk_done() ends it, perhaps before this returns. */
    void (*start)(struct disk *d, struct block_request *r, uint64_t start, uint32_t size, uint32_t pieces);
    /* SG_IO and whatever a driver knows (PASSIVE_LEVEL). argument: program address. NULL: -ENOTTY */
    long (*ioctl)(struct disk *d, unsigned request, uintptr_t argument, bool may_write);
    /* Somebody opens it: is there a medium, has it been changed? PASSIVE_LEVEL. NULL: always there. 0, -ENOMEDIUM */
    int (*open)(struct disk *d);
    void (*free)(struct disk *d); /* nobody has it any more. PASSIVE_LEVEL */
};

/* Linux's counters (/proc/diskstats). [q] */
struct block_stats {
    uint64_t done[BLOCK_OPS], merged[BLOCK_OPS], bytes[BLOCK_OPS], ns[BLOCK_OPS];
};

/* [I] fixed once added   [q] lock   [a] atomic   [m] the devices' mutex */
struct block_device {
    struct list link;      /* [m] */
    char name[BLOCK_NAME]; /* [I] "sda", "sda1" */
    struct disk *disk;     /* [I] */
    uint32_t part;         /* [I] 0: the whole disk */
    uint64_t start, size;  /* bytes; of the whole disk it may change */
    uint64_t number;       /* [I] device number, Linux's encoding */
    uint32_t opens;        /* [m] */
    struct cache *cache;   /* cache.c's */
    bool gone;             /* [a] */
    bool coming;           /* [m] its name is taken; it is not shown before its partitions are known */
    bool held;             /* [a] a file system is mounted from it */
    struct block_stats stats;
};

struct disk {
    const struct block_ops *ops;                                 /* [I] */
    void *private;                                               /* [I] of ops */
    uint32_t block_size, physical_size;                          /* [I] bytes */
    uint32_t max_bytes, max_pieces;                              /* [I] of a command */
    uint32_t depth;                                              /* [I] commands at once */
    bool read_only, removable, can_discard, rotates, whole_only; /* [I] whole_only: never has partitions */
    bool has_cache;                                              /* [a] it is to be flushed */
    uint32_t refs;                                               /* [a] */
    spinlock_t lock;
    uint32_t active;                  /* [q] commands */
    uint32_t turn;                    /* [q] whose turn it is */
    uint32_t waiting_count;           /* [q] */
    bool running;                     /* [q] somebody starts what waits */
    struct list waiting[BLOCK_TURNS]; /* [q] oldest first */
    uint64_t busy_since, busy;        /* [q] ns with something active */
    uint32_t number;                  /* [I] which disk of its kind */
    struct block_device whole;
    struct mutex looking; /* one at a time looks for partitions; before the devices' mutex */
    struct block_device *parts[BLOCK_PARTS_MAX]; /* [m] part n at n - 1 */
};

/* Boot, once, before any disk comes. added() and removed() are told of each device, after and before it can be used: the
 * nodes in /dev. PASSIVE_LEVEL. */
void block_init(void (*added)(struct block_device *b), void (*removed)(struct block_device *b));

/*
 * For class drivers. disk_new(): fields to be filled, one reference. disk_add(): named prefix + letters ("sda") or number
 * ("sr0"); partitions are looked for. disk_gone(): requests fail with -ENODEV from now on; what waits is done with it, what is
 * active has come back when it returns; the reference is given back. PASSIVE_LEVEL.
 */
struct disk *disk_new(const struct block_ops *ops, void *private);
int disk_add(struct disk *d, const char *prefix, uint64_t size);
void disk_gone(struct disk *d);
void disk_put(struct disk *d);
/* The medium has another size (0: there is none); partitions are looked for again. */
void disk_resize(struct disk *d, uint64_t size);
/* A command has ended; the driver may have the next one at once. DISPATCH_LEVEL. */
void disk_done(struct disk *d, struct block_request *r, int error);

/*
 * Queue a request; its fields above are filled. Requests that are out of the device's range, misaligned or too large are
 * done with -EINVAL (or -ENOSPC: a write behind the end).
 * IRQL:    <= DISPATCH_LEVEL
 * Owns:    *r until r->done(r): exactly once, perhaps before this returns
 */
void block_submit(struct block_request *r);

/* Submit and wait. PASSIVE_LEVEL. Returns 0 or -errno. */
int block_execute(struct block_request *r);

/* All of a range by the kernel's memory (direct map or not), in as many requests as it takes. PASSIVE_LEVEL. */
int block_transfer(struct block_device *b, enum block_op op, uint64_t start, void *memory, uint64_t size);

/* What was written is durable when this returns 0. PASSIVE_LEVEL. */
int block_flush(struct block_device *b);

/* A device by its name or number, with a reference to its disk and counted as open; NULL: there is none. block_close() ends
 * it. PASSIVE_LEVEL. */
struct block_device *block_open(const char *name);
struct block_device *block_open_number(uint64_t number);
void block_close(struct block_device *b);
void block_for_each(void (*show)(void *context, struct block_device *b), void *context);

/* For a file system: nobody else mounts it, or opens it with O_EXCL, until block_release(). -EBUSY. Any IRQL. */
int block_hold(struct block_device *b);
void block_release(struct block_device *b);

/* Look for partitions anew (BLKRRPART). -EBUSY: one of them is open. PASSIVE_LEVEL. */
int block_reread(struct disk *d);

static inline uint32_t
block_major(uint64_t number)
{
    return (uint32_t)(number >> 8 & 0xfff);
}

static inline uint32_t
block_minor(uint64_t number)
{
    return (uint32_t)((number & 0xff) | (number >> 12 & ~0xffu));
}
