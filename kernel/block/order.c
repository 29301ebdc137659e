#include "kernel/block/order.h"
#include "kernel/mem/page.h"
#include "lib/errno.h"
#include "lib/string.h"

static void
request_ended(struct block_request *r)
{
    struct order_request *q = r->context;
    struct order *o = q->order;
    int none = 0;

    if (r->error)
        (void)__atomic_compare_exchange_n(&o->error, &none, r->error, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED);
    __atomic_store_n(&q->busy, false, __ATOMIC_RELEASE);
    (void)event_set(&o->ended);
}

int
order_init(struct order *o, struct cache *c, struct block_device *b)
{
    *o = (struct order){.cache = c,
                        .device = b,
                        .block_sectors = MAX(b->disk->block_size / DIRT_SECTOR, 1u),
                        .zeros = page_alloc()};
    event_init(&o->ended, EVENT_AUTO, false);
    for (unsigned i = 0; i < ORDER_REQUESTS; i++)
        o->request[i].order = o;
    return o->zeros ? 0 : -ENOMEM;
}

static uint64_t
address_of(uint32_t token)
{
    return (uint64_t)token << PAGE_SHIFT;
}

void
order_end(struct order *o)
{
    uint32_t token;

    while (dirt_forget(&o->dirt, &token)) {
        page_put(address_of(token));
        cache_unwritten_add(o->cache, -1);
    }
    if (o->zeros)
        page_put(o->zeros);
}

/* Whole blocks of the device. */
static uint8_t
widen(const struct order *o, uint8_t sectors)
{
    uint8_t block = (uint8_t)((1u << o->block_sectors) - 1), all = 0;

    for (unsigned at = 0; at < DIRT_SECTORS; at += o->block_sectors)
        if (sectors & block << at)
            all |= (uint8_t)(block << at);
    return all;
}

int
order_dirty(struct order *o, uint64_t index, uint64_t pa, uint8_t sectors, enum dirt_kind kind)
{
    int added = dirt_add(&o->dirt, index, (uint32_t)(pa >> PAGE_SHIFT),
                         o->block_sectors > 1 ? widen(o, sectors) : sectors, kind);

    if (added == 1) {
        page_get(pa);
        cache_unwritten_add(o->cache, 1);
    }
    return MIN(added, 0);
}

/* ---- writing ---- */

/* One that is not under way. */
static struct order_request *
request_get(struct order *o)
{
    for (;;) {
        for (unsigned i = 0; i < ORDER_REQUESTS; i++)
            if (!__atomic_load_n(&o->request[i].busy, __ATOMIC_ACQUIRE))
                return &o->request[i];
        (void)wait_event(&o->ended.waitable, WAIT_FOREVER); /* a driver ends every request in time */
    }
}

static void
requests_wait(struct order *o)
{
    for (unsigned i = 0; i < ORDER_REQUESTS; i++)
        while (__atomic_load_n(&o->request[i].busy, __ATOMIC_ACQUIRE))
            (void)wait_event(&o->ended.waitable, WAIT_FOREVER);
}

static void
request_send(struct order_request *q)
{
    q->busy = true;
    block_submit(&q->request);
}

/* One more run for a request that it continues. false: it does not, or there is no room. */
static bool
request_add(struct order_request *q, const struct dirt_run *r, uint64_t pa, uint32_t size)
{
    const struct disk *d = q->order->device->disk;
    struct block_request *b = &q->request;

    if (b->start + b->size != r->sector * DIRT_SECTOR || b->size + size > d->max_bytes ||
        !data_piece_add(q->piece, &b->pieces, MIN(d->max_pieces, ORDER_PIECES), pa, size))
        return false;
    b->size += size;
    return true;
}

static struct order_request *
request_begin(struct order *o, const struct dirt_run *r, uint64_t pa, uint32_t size)
{
    struct order_request *q = request_get(o);

    q->piece[0] = (struct data_piece){pa, size};
    q->request = (struct block_request){.device = o->device,
                                        .op = BLOCK_WRITE,
                                        .start = r->sector * DIRT_SECTOR,
                                        .size = size,
                                        .pieces = 1,
                                        .piece = q->piece,
                                        .done = request_ended,
                                        .context = q};
    return q;
}

/* All is written: what is not dirty in another way is nobody's any more. */
static void
stage_written(struct order *o, enum dirt_stage stage)
{
    uint64_t block = 0;
    uint32_t token;
    bool clean;

    while (dirt_written(&o->dirt, stage, &block, &token, &clean))
        if (clean) {
            page_put(address_of(token));
            cache_unwritten_add(o->cache, -1);
        }
}

int
order_write(struct order *o, enum dirt_stage stage, bool *any)
{
    struct order_request *q = NULL;
    uint64_t at = 0;
    struct dirt_run r;

    o->error = 0;
    while (!__atomic_load_n(&o->error, __ATOMIC_RELAXED) && dirt_next(&o->dirt, stage, &at, &r)) {
        uint32_t size = r.count * DIRT_SECTOR;
        uint64_t pa = r.zeros ? o->zeros : address_of(r.token) + r.sector % DIRT_SECTORS * DIRT_SECTOR;

        *any = true;
        if (q && request_add(q, &r, pa, size))
            continue;
        if (q)
            request_send(q);
        q = request_begin(o, &r, pa, size);
    }
    if (q)
        request_send(q);
    requests_wait(o);
    if (!o->error)
        stage_written(o, stage);
    return o->error;
}

uint64_t
order_pages(const struct order *o)
{
    return o->dirt.blocks.count;
}
