/*
 * Ordered writes: a file system changes pages of the block cache in memory and says at which stage (dirt.h) each sector of them may
 * reach the device. A stage is written sorted, as few requests as the device allows, several under way; flushing between the
 * stages is the caller's.
 *
 * The pages are held until they are written. Locks: the caller's, one for an order.
 */
#pragma once
#include "kernel/block/cache.h"
#include "kernel/block/dirt.h"

#define ORDER_REQUESTS 8u  /* at once */
#define ORDER_PIECES   32u /* of one */

struct order;

struct order_request {
    struct block_request request;
    struct order *order;
    struct data_piece piece[ORDER_PIECES];
    bool busy; /* [a] */
};

struct order {
    struct cache *cache;
    struct block_device *device;
    struct dirt dirt;
    uint32_t block_sectors; /* sectors of 512 bytes in a block of the device */
    uint64_t zeros;         /* a page of them */
    int error;              /* [a] of the stage that is written: the first one */
    struct event ended;     /* a request has */
    struct order_request request[ORDER_REQUESTS];
};

/* The device stays open, and the cache. PASSIVE_LEVEL. 0 or -ENOMEM */
int order_init(struct order *o, struct cache *c, struct block_device *b);

/* What was not written is forgotten. */
void order_end(struct order *o);

/* Sectors of a page, which the caller holds. PASSIVE_LEVEL. 0 or -ENOMEM */
int order_dirty(struct order *o, uint64_t index, uint64_t pa, uint8_t sectors, enum dirt_kind kind);

/*
 * Write what is dirty at a stage, and wait for it.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0; -EIO and others, and then all of it is dirty as it was
 */
int order_write(struct order *o, enum dirt_stage stage, bool *any);

/* Pages that are not written yet. */
uint64_t order_pages(const struct order *o);
