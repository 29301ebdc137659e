/*
 * I1  A page in a tree has one reference for it. Its frame's `use` has PAGE_READY once it holds what the device has; before,
 *     its frame's `next` is the number of the reader that brings it.
 * I2  A reader is somebody's from reader_take() on until it has ended and nobody waits for it.
 */
#include "kernel/block/cache.h"
#include "kernel/mem/page.h"
#include "kernel/mem/pages.h"
#include "kernel/mem/pool.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"

#define CACHE_TAG POOL_TAG('c', 'a', 'c', 'h')
#define READERS   8
#define SHRINK    64 /* pages that go at once */

enum { PAGE_READY = 1, PAGE_SEEN = 2 };

/* A request on its way. [c] the cache's lock   [I] while it is somebody's */
struct reader {
    struct block_request request;
    struct cache *cache;
    struct event ended;
    uint64_t first;   /* [I] page */
    uint32_t count;   /* [I] */
    uint32_t waiting; /* [c] threads */
    bool busy, over;  /* [c] */
    int error;        /* [c] */
    struct data_piece piece[CACHE_RUN];
    uint64_t page[CACHE_RUN];
};

struct cache {
    struct list link; /* [l] */
    struct block_device *device;
    uint32_t users; /* [m] */
    spinlock_t lock;
    struct pages pages;       /* [c] */
    uint64_t hand;            /* [c] where shrinking goes on */
    int64_t unwritten;        /* [a] */
    struct event reader_free; /* one may be */
    struct reader reader[READERS];
};

static struct mutex opening;             /* [m] device->cache */
static spinlock_t list_lock;             /* [l], before the lock of a cache */
static struct list all = LIST_INIT(all); /* [l] */
static uint64_t page_count;              /* [a] */

/* ---- the tree; lock held ---- */

static void
page_forget(struct cache *c, uint64_t index)
{
    uint64_t pa = pages_remove(&c->pages, index);

    if (pa) {
        page_frame(pa)->use = 0;
        page_put(pa);
        __atomic_sub_fetch(&page_count, 1, __ATOMIC_RELAXED);
    }
}

static int
page_enter(struct cache *c, uint64_t index, uint64_t pa, unsigned use, uint32_t reader)
{
    int err = pages_add(&c->pages, index, pa);

    if (err)
        return err;
    page_get(pa);
    page_frame(pa)->use = (uint16_t)use;
    page_frame(pa)->next = reader;
    __atomic_add_fetch(&page_count, 1, __ATOMIC_RELAXED);
    return 0;
}

/* ---- memory is short ---- */

/* The hand goes on; a page that was used since it came by last stays once more (*spared counts them). Returns: pages that went. */
static uint64_t
cache_shrink(struct cache *c, uint64_t want, uint64_t *spared)
{
    uint64_t gone = 0, pa;

    for (uint64_t steps = 16 * want; steps && gone < want && c->pages.count; steps--) {
        pa = pages_next(&c->pages, &c->hand);
        if (!pa) {
            c->hand = 0;
            continue;
        }
        if (page_frame(pa)->use == PAGE_READY && page_is_single(pa)) {
            page_forget(c, c->hand);
            gone++;
        } else {
            *spared += (page_frame(pa)->use & PAGE_SEEN) != 0;
            page_frame(pa)->use &= (uint16_t)~PAGE_SEEN;
        }
        c->hand++;
    }
    return gone;
}

/* For page_on_shortage(): to be asked again as long as it gets on. <= DISPATCH_LEVEL */
static bool
shrink(void)
{
    uint8_t irql = spin_lock(&list_lock);
    uint64_t gone = 0, spared = 0;
    struct cache *c;

    list_for_each_entry(c, &all, link) {
        if (gone >= SHRINK)
            break;
        spin_lock_raw(&c->lock);
        gone += cache_shrink(c, SHRINK - gone, &spared);
        spin_unlock_raw(&c->lock);
    }
    spin_unlock(&list_lock, irql);
    return gone || spared;
}

/* ---- life ---- */

void
cache_init(void)
{
    mutex_init(&opening);
    spin_init(&list_lock, LOCK_CACHES, "the caches");
    page_on_shortage(shrink);
}

static struct cache *
cache_new(struct block_device *b)
{
    struct cache *c = pool_zalloc(sizeof(*c), CACHE_TAG);
    uint8_t irql;

    if (!c)
        return NULL;
    c->device = b;
    spin_init(&c->lock, LOCK_CACHE, "a cache");
    event_init(&c->reader_free, EVENT_AUTO, false);
    for (unsigned i = 0; i < READERS; i++) {
        c->reader[i].cache = c;
        event_init(&c->reader[i].ended, EVENT_MANUAL, false);
    }
    irql = spin_lock(&list_lock);
    list_add_tail(&all, &c->link);
    spin_unlock(&list_lock, irql);
    return c;
}

struct cache *
cache_open(struct block_device *b)
{
    mutex_lock(&opening, WAIT_FOREVER);
    if (!b->cache)
        b->cache = cache_new(b);
    if (b->cache)
        b->cache->users++;
    mutex_unlock(&opening);
    return b->cache;
}

void
cache_close(struct cache *c)
{
    uint8_t irql;

    mutex_lock(&opening, WAIT_FOREVER);
    if (--c->users) {
        mutex_unlock(&opening);
        return;
    }
    c->device->cache = NULL;
    mutex_unlock(&opening);
    for (unsigned i = 0; i < READERS; i++) /* what was read ahead comes back yet */
        while (__atomic_load_n(&c->reader[i].busy, __ATOMIC_ACQUIRE))
            (void)wait_event(&c->reader_free.waitable, MS(10));
    irql = spin_lock(&list_lock);
    list_del(&c->link);
    spin_unlock(&list_lock, irql);
    cache_drop(c, 0, UINT64_MAX);
    pool_free(c, CACHE_TAG);
}

/* ---- reading ---- */

/* Lock held. */
static void
reader_leave(struct cache *c, struct reader *r)
{
    if (r->waiting || !r->over)
        return;
    __atomic_store_n(&r->busy, false, __ATOMIC_RELEASE);
    (void)event_set(&c->reader_free);
}

static void
reader_ended(struct block_request *request)
{
    struct reader *r = request->context;
    struct cache *c = r->cache;

    spin_lock_raw(&c->lock);
    for (uint32_t i = 0; i < r->count; i++) {
        bool listed = pages_find(&c->pages, r->first + i) == r->page[i]; /* or it was dropped meanwhile */

        if (listed && !request->error)
            page_frame(r->page[i])->use |= PAGE_READY;
        else if (listed)
            page_forget(c, r->first + i);
        page_put(r->page[i]);
    }
    r->error = request->error;
    r->over = true;
    (void)event_set(&r->ended);
    reader_leave(c, r);
    spin_unlock_raw(&c->lock);
}

/* A free reader, or NULL. Lock held. */
static struct reader *
reader_take(struct cache *c)
{
    for (unsigned i = 0; i < READERS; i++)
        if (!c->reader[i].busy) {
            c->reader[i].busy = true;
            c->reader[i].over = false;
            c->reader[i].waiting = 0;
            c->reader[i].count = 0;
            (void)event_clear(&c->reader[i].ended);
            return &c->reader[i];
        }
    return NULL;
}

uint32_t
cache_run(const struct cache *c)
{
    const struct disk *d = c->device->disk;

    return MAX(MIN(MIN(d->max_bytes / (uint32_t)PAGE_SIZE, d->max_pieces), CACHE_RUN), 1u);
}

/* Of the device; the last one may be a part. */
static uint64_t
pages_of(const struct cache *c)
{
    return DIV_ROUND_UP(c->device->size, PAGE_SIZE);
}

/* Pages for the reader. Returns: how many; no lock held. */
static uint32_t
pages_alloc(uint64_t *page, uint32_t want)
{
    uint32_t n = 0;

    while (n < want && (page[n] = page_alloc_unclean()) != 0)
        n++;
    return n;
}

static void
pages_free(const uint64_t *page, uint32_t n)
{
    while (n)
        page_put(page[--n]);
}

/* Where its pages are, together; cut at the device's end, behind which pages stay zero. */
static void
request_fill(struct reader *r)
{
    struct block_device *b = r->cache->device;
    uint64_t start = r->first * PAGE_SIZE;
    uint32_t size = (uint32_t)MIN((uint64_t)r->count * PAGE_SIZE, b->size - start), n = 0;

    r->request = (struct block_request){.device = b,
                                        .op = BLOCK_READ,
                                        .start = start,
                                        .size = size,
                                        .piece = r->piece,
                                        .done = reader_ended,
                                        .context = r};
    for (uint32_t i = 0; i < r->count && size; i++) {
        uint32_t part = MIN(size, (uint32_t)PAGE_SIZE);

        (void)data_piece_add(r->piece, &n, CACHE_RUN, r->page[i], part);
        memset((char *)phys_to_virt(r->page[i]) + part, 0, PAGE_SIZE - part);
        size -= part;
    }
    r->request.pieces = n;
}

/* Disks that take less than a page at once get it in parts. PASSIVE_LEVEL. */
static bool
is_small(const struct cache *c)
{
    return c->device->disk->max_bytes < PAGE_SIZE;
}

static int
transfer_in_parts(const struct block_request *r)
{
    uint64_t at = r->start;
    int err = 0;

    for (uint32_t i = 0; i < r->pieces && !err; at += r->piece[i++].size)
        err = block_transfer(r->device, r->op, at, phys_to_virt(r->piece[i].pa), r->piece[i].size);
    return err;
}

static void
request_send(struct reader *r)
{
    uint8_t irql;

    trace(TRACE_CACHE, trace_name(r->cache->device->name), r->request.start / PAGE_SIZE,
          r->request.size / PAGE_SIZE);
    if (!is_small(r->cache)) {
        block_submit(&r->request);
        return;
    }
    r->request.error = transfer_in_parts(&r->request);
    irql = irql_raise(DISPATCH_LEVEL);
    reader_ended(&r->request);
    irql_lower(irql);
}

/*
 * Read up to `want` pages from `index` on, until one that is there. The reader is the caller's; `waits`: it will wait for it.
 * Returns: 0: under way; 1: the first page is there by now; -ENOMEM. In both the reader is free again.
 */
static int
read_begin(struct cache *c, struct reader *r, uint64_t index, uint32_t want, bool waits)
{
    uint64_t last = pages_of(c);
    uint32_t room = (uint32_t)MIN((uint64_t)MIN(want, cache_run(c)), last - index),
             got = pages_alloc(r->page, room), n = 0;
    int err = got ? 0 : -ENOMEM;
    uint8_t irql = spin_lock(&c->lock);

    for (; n < got && !err && !pages_find(&c->pages, index + n); n += !err)
        err = page_enter(c, index + n, r->page[n], 0, (uint32_t)(r - c->reader));
    r->first = index;
    r->count = n;
    r->waiting = n && waits;
    spin_unlock(&c->lock, irql);
    pages_free(r->page + n, got - n);
    if (!n) {
        irql = spin_lock(&c->lock);
        r->over = true;
        reader_leave(c, r);
        spin_unlock(&c->lock, irql);
        return err ? err : 1;
    }
    request_fill(r);
    request_send(r);
    return 0;
}

/* The page is on its way: until it is there. Lock held, and given up. Returns: 0, or why it did not come */
static int
reader_wait(struct cache *c, struct reader *r, uint8_t irql)
{
    int err;

    spin_unlock(&c->lock, irql);
    (void)wait_event(&r->ended.waitable, WAIT_FOREVER); /* a driver ends every request in time */
    irql = spin_lock(&c->lock);
    err = r->error;
    r->waiting--;
    reader_leave(c, r);
    spin_unlock(&c->lock, irql);
    return err;
}

/* Returns: 0; 1: look again; -errno. */
static int
page_bring(struct cache *c, uint64_t index, uint32_t want)
{
    uint8_t irql = spin_lock(&c->lock);
    struct reader *r = reader_take(c);
    int err;

    spin_unlock(&c->lock, irql);
    if (!r) {
        (void)wait_event(&c->reader_free.waitable, MS(100));
        return 1;
    }
    err = read_begin(c, r, index, want, true);
    if (err)
        return err;
    err = reader_wait(c, r, spin_lock(&c->lock));
    if (err && want > 1 && err != -ENODEV)
        return page_bring(c, index, 1); /* another page may be the bad one */
    return err ? err : 1;
}

/* Lock held. A reference to a page, if it is there and ready. */
static bool
page_use(uint64_t pa)
{
    struct frame *f = page_frame(pa);

    if (!pa || !(f->use & PAGE_READY))
        return false;
    page_get(pa);
    f->use |= PAGE_SEEN;
    return true;
}

uint32_t
cache_ready(struct cache *c, uint64_t index, uint64_t *pa, uint32_t max)
{
    uint8_t irql = spin_lock(&c->lock);
    uint32_t n = 0, found, i;
    const uint64_t *pages;

    do {
        found = pages_find_run(&c->pages, index + n, &pages, max - n);
        for (i = 0; i < found && page_use(pages[i]); i++)
            pa[n++] = pages[i];
    } while (found && i == found && n < max);
    spin_unlock(&c->lock, irql);
    return n;
}

int
cache_page(struct cache *c, uint64_t index, uint32_t ahead, uint64_t *pa)
{
    while (!cache_ready(c, index, pa, 1)) {
        uint8_t irql = spin_lock(&c->lock);
        uint64_t coming = pages_find(&c->pages, index);
        int err;

        if (coming && !(page_frame(coming)->use & PAGE_READY)) {
            struct reader *r = &c->reader[page_frame(coming)->next];

            r->waiting++;
            (void)reader_wait(c, r, irql); /* if it failed, the next look tries by itself */
            continue;
        }
        spin_unlock(&c->lock, irql);
        if (index >= pages_of(c))
            return -EIO;
        err = coming ? 1 : page_bring(c, index, ahead + 1);
        if (err < 0)
            return err;
    }
    return 0;
}

int
cache_fresh(struct cache *c, uint64_t index, bool whole, uint64_t *pa)
{
    uint64_t there, new;
    uint8_t irql;
    int err = 0;

    if (cache_ready(c, index, pa, 1))
        return 0;
    if (index >= pages_of(c))
        return -EIO;
    new = whole ? page_alloc_unclean() : page_alloc();
    if (!new)
        return -ENOMEM;
    irql = spin_lock(&c->lock);
    there = pages_find(&c->pages, index);
    if (!there)
        err = page_enter(c, index, new, PAGE_READY | PAGE_SEEN, 0);
    spin_unlock(&c->lock, irql);
    if (!there && !err) {
        *pa = new;
        return 0;
    }
    page_put(new);
    return err ? err : cache_page(c, index, 0, pa); /* it is there by now, or on its way */
}

void
cache_unwritten_add(struct cache *c, int64_t pages)
{
    __atomic_add_fetch(&c->unwritten, pages, __ATOMIC_RELAXED);
}

bool
cache_has_unwritten(const struct block_device *b)
{
    const struct cache *c = b->cache;

    return c && __atomic_load_n(&c->unwritten, __ATOMIC_RELAXED) != 0;
}

void
cache_ahead(struct cache *c, uint64_t index, uint32_t count)
{
    uint64_t last = pages_of(c);
    uint8_t irql = spin_lock(&c->lock);
    struct reader *r;

    while (count && index < last && pages_find(&c->pages, index))
        index++, count--;
    r = count && index < last ? reader_take(c) : NULL;
    spin_unlock(&c->lock, irql);
    if (r)
        (void)read_begin(c, r, index, count, false);
}

/* ---- writing ---- */

/* Lock held. What was written is what the cache holds. */
static void
page_replace(struct cache *c, uint64_t index, uint64_t pa)
{
    uint64_t there = pages_find(&c->pages, index);

    if (!there)
        (void)page_enter(c, index, pa, PAGE_READY | PAGE_SEEN, 0); /* without memory it is read again */
    else if (there != pa && page_frame(there)->use & PAGE_READY)
        memcpy(phys_to_virt(there), phys_to_virt(pa), PAGE_SIZE);
    else if (there != pa)
        page_forget(c, index); /* on its way from before the write */
}

int
cache_write(struct cache *c, uint64_t at, uint32_t size, const uint64_t *page, uint64_t is_new,
            uint64_t is_loose)
{
    struct data_piece piece[CACHE_RUN];
    struct block_request r = {
        .device = c->device, .op = BLOCK_WRITE, .start = at, .size = size, .piece = piece};
    uint32_t offset = (uint32_t)(at % PAGE_SIZE), n = 0, left = size, count = 0;
    uint8_t irql;
    int err;

    for (; left; n++, offset = 0) {
        uint32_t part = MIN(left, (uint32_t)PAGE_SIZE - offset);

        (void)data_piece_add(piece, &count, CACHE_RUN, page[n] + offset, part);
        left -= part;
    }
    r.pieces = count;
    err = is_small(c) ? transfer_in_parts(&r) : block_execute(&r);
    irql = spin_lock(&c->lock);
    for (uint32_t i = 0; i < n; i++)
        if (err || is_loose >> i & 1)
            page_forget(c, at / PAGE_SIZE + i);
        else if (is_new >> i & 1)
            page_replace(c, at / PAGE_SIZE + i, page[i]);
    spin_unlock(&c->lock, irql);
    return err;
}

/* ---- the rest ---- */

int
cache_read_blocks(struct cache *c, uint64_t at, void *to, uint32_t size)
{
    return block_transfer(c->device, BLOCK_READ, at, to, size);
}

void
cache_drop(struct cache *c, uint64_t at, uint64_t size)
{
    uint64_t index = at / PAGE_SIZE,
             end = size > UINT64_MAX - at - PAGE_SIZE ? UINT64_MAX : DIV_ROUND_UP(at + size, PAGE_SIZE);
    bool more = true;

    while (more) { /* not all under one lock */
        uint8_t irql = spin_lock(&c->lock);

        for (unsigned i = 0; i < SHRINK && more; i++) {
            more = pages_next(&c->pages, &index) && index < end;
            if (more)
                page_forget(c, index);
        }
        spin_unlock(&c->lock, irql);
    }
}

void
cache_drop_device(struct block_device *b)
{
    mutex_lock(&opening, WAIT_FOREVER);
    if (b->cache)
        cache_drop(b->cache, 0, UINT64_MAX);
    mutex_unlock(&opening);
}

uint64_t
cache_pages(void)
{
    return __atomic_load_n(&page_count, __ATOMIC_RELAXED);
}
