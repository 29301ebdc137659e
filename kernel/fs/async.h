/*
 * Transfers of files that go on by themselves while the program does something else (Linux's io_submit).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/block/block.h"

#define ASYNC_PIECES 17 /* pages of a transfer for which no memory is allocated: 64 KiB anywhere in a page */

struct file;

/* [I] the submitter's, from fs_ops.start() until done()   [o] meanwhile the file's driver's */
struct async_io {
    struct file *file; /* [I] */
    bool write;        /* [I] */
    uintptr_t base;    /* [I] program address, of the process that calls start() */
    size_t size;       /* [I] bytes, > 0 */
    uint64_t position; /* [I] */
    void (*done)(struct async_io *io,
                 long result);    /* [I] once: bytes or -errno. <= DISPATCH_LEVEL, no lock held */
    struct block_request request; /* [o] as all below */
    struct data_piece here[ASYNC_PIECES], *piece;
    uint32_t pieces, sent; /* pieces of the whole transfer; of what has been sent to the device */
    size_t moved;
};
