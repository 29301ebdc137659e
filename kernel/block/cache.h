/*
 * The block cache: pages of block devices in memory, found by their number on the device. Whoever works on a device through
 * it, a program on /dev/sda1 or a file system on it, sees the same pages. A page's state is in its frame's descriptor, so the
 * cache costs 8 bytes a page.
 *
 * Pages are read into the cache by the device itself, as many in a request as follow one another. Those that have not been used
 * for longest go when page_alloc() finds memory short.
 *
 * Simplifications:
 *   1. What programs write to a device is written through. A file system that keeps pages back (order.h) holds references to
 *      them, so they stay.
 *   2. A disk and its partitions have caches of their own, as in Linux.
 *
 * Locks: a cache's own (LOCK_CACHE, DISPATCH_LEVEL). No memory is allocated under it but for tables.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/block/block.h"

#define CACHE_RUN 64u /* pages of one request */

struct cache;

/* Boot, once, before any device is opened. */
void cache_init(void);

/*
 * The cache of a device that the caller has open, and keeps open until cache_close(). With the last one all pages go.
 * PASSIVE_LEVEL. Returns: NULL: no memory
 */
struct cache *cache_open(struct block_device *b);
void cache_close(struct cache *c);

/* Pages that the device moves with one request, at most CACHE_RUN. Any IRQL. */
uint32_t cache_run(const struct cache *c);

/*
 * Page `index` of the device, with what is there; behind the device's end are zeros. If it has to be read, so are up to
 * `ahead` pages behind it in the same request.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0 and *pa, with a reference (page_put()); -EIO and the device's other errors; -ENOMEM
 */
int cache_page(struct cache *c, uint64_t index, uint32_t ahead, uint64_t *pa);

/*
 * The same of a page that holds nothing yet: if it is not there it is zeros, and not read; or whatever memory held, if `whole`:
 * the caller writes all of it at once.
 * PASSIVE_LEVEL. Returns: 0 and *pa, with a reference; -ENOMEM, -EIO
 */
int cache_fresh(struct cache *c, uint64_t index, bool whole, uint64_t *pa);

/*
 * Somebody keeps pages that the device does not have yet (order.h): so many more, or fewer. Whoever reads past the cache asks
 * first. Any IRQL.
 */
void cache_unwritten_add(struct cache *c, int64_t pages);
bool cache_has_unwritten(const struct block_device *b);

/*
 * Those of `max` pages from `index` on that are there already, up to the first that is not, each with a reference.
 * <= DISPATCH_LEVEL. Returns: how many
 */
uint32_t cache_ready(struct cache *c, uint64_t index, uint64_t *pa, uint32_t max);

/* Begin to read pages that will be asked for. Nothing is said if that cannot be. PASSIVE_LEVEL. */
void cache_ahead(struct cache *c, uint64_t index, uint32_t count);

/*
 * [at, at + size) of the device, whole blocks within at most cache_run() pages, is written from these pages, which begin with the
 * one that holds `at`. Those that were got by cache_page() have been changed already; others (is_new: bit n) enter the cache
 * with it, or what they hold goes into those that did meanwhile; and some are not the cache's (is_loose): it forgets what it
 * has there. The caller keeps its references. If the device fails, the
 * pages are forgotten: what it has is read again.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0 or -errno
 */
int cache_write(struct cache *c, uint64_t at, uint32_t size, const uint64_t *page, uint64_t is_new,
                uint64_t is_loose);

/*
 * Whole blocks of one page, past the cache: for a page that cannot be read because some of its blocks cannot.
 * PASSIVE_LEVEL. Returns: 0 or -errno
 */
int cache_read_blocks(struct cache *c, uint64_t at, void *to, uint32_t size);

/* Forget the pages of [at, at + size): the device is written past the cache, or has another medium. <= DISPATCH_LEVEL. */
void cache_drop(struct cache *c, uint64_t at, uint64_t size);

/* The same of all of a device, if it has a cache. PASSIVE_LEVEL. */
void cache_drop_device(struct block_device *b);

/* Pages in all caches. Any IRQL. */
uint64_t cache_pages(void);
