/*
 * Reads and writes of a device's bytes through the block cache: what files of disks and file systems share.
 */
#pragma once
#include "kernel/block/cache.h"
#include "kernel/fs/uio.h"

/* Of somebody who reads on and on, in pages of the device; zeroed at first. A race between two costs reading, not order. */
struct read_ahead {
    uint64_t next;   /* the page that goes on where the last read ended */
    uint64_t until;  /* pages before it have been asked for */
    uint32_t window; /* how far ahead; 0: it does not read in order */
};

/*
 * Up to n bytes from byte `at` on; what is read in order is read ahead, but not beyond `end`. [at, at + n) lies within the
 * device. block: its block size; blocks that can be read are, whatever is with those that cannot.
 * IRQL:    PASSIVE_LEVEL, no lock held that page faults need
 * Returns: bytes moved, or if none the error: -EIO and the device's others, -EFAULT, -ENOMEM
 */
long cached_read(struct cache *c, struct uio *u, uint64_t at, size_t n, uint64_t end, uint32_t block,
                 struct read_ahead *ahead);

/* The same to the device, which has it when this returns. */
long cached_write(struct cache *c, struct uio *u, uint64_t at, size_t n, uint32_t block);
