/*
 * Bounce buffers: for data that a device cannot reach, or that its miniport wants to see in one piece.
 */
#include "drivers/port/core/port.h"
#include "lib/canary.h"
#include "lib/errno.h"
#include "lib/string.h"

#define OFTEN 4u /* buffers a unit where many requests may need one */

static int
bounce_add(struct bounce_pool *p, size_t size, const struct dma_limits *limits)
{
    int err = p->count < BOUNCE_MAX ? dma_alloc(size, limits, &p->buffer[p->count]) : -ENOSPC;

    if (!err)
        __atomic_store_n(&p->count, p->count + 1, __ATOMIC_RELEASE);
    return err;
}

void
bounce_free(struct bounce_pool *p)
{
    while (p->count)
        dma_free(&p->buffer[--p->count]);
}

static int
bounce_take(struct bounce_pool *p)
{
    uint32_t count = __atomic_load_n(&p->count, __ATOMIC_ACQUIRE);

    for (unsigned n = 0; n < count; n++)
        if (!(__atomic_fetch_or(&p->busy, 1u << n, __ATOMIC_ACQ_REL) & 1u << n)) {
            __atomic_fetch_add(&p->used, 1, __ATOMIC_RELAXED);
            return (int)n;
        }
    return -1;
}

static void
bounce_put(struct bounce_pool *p, int n)
{
    __atomic_fetch_and(&p->busy, ~(1u << n), __ATOMIC_RELEASE);
}

enum data_mapping
bounce_begin(struct bus *b, const struct request_data *d, uint32_t room, bool to_device, int32_t *n)
{
    struct bounce_pool *pool = &b->bounce;
    const struct dma_buffer *buffer = &pool->buffer[0];

    if (!__atomic_load_n(&pool->count, __ATOMIC_ACQUIRE) || room > buffer->size)
        return DATA_CANNOT;
    *n = bounce_take(pool);
    if (*n < 0)
        return DATA_WAIT;
    buffer = &pool->buffer[*n];
    if (to_device)
        data_read(d, buffer->va, d->size);
    else
        memset(buffer->va, 0, room); /* what the device leaves out is nobody else's data */
    if (buffer->size >= room + CANARY_SIZE)
        canary_set((uint8_t *)buffer->va + room, CANARY_SIZE);
    return DATA_MAPPED;
}

bool
bounce_end(struct bus *b, const struct request_data *d, uint32_t room, uint32_t received, int32_t *n)
{
    const struct dma_buffer *buffer = &b->bounce.buffer[*n];
    bool alive = buffer->size < room + CANARY_SIZE ||
                 canary_alive((const uint8_t *)buffer->va + room, CANARY_SIZE);

    if (received)
        data_write(d, buffer->va, received);
    bounce_put(&b->bounce, *n);
    *n = -1;
    bus_release(b, HOLD_BOUNCE);
    return alive;
}

/* The first one: as large as there is memory in one piece. */
static int
bounce_first(struct bus *b, size_t size)
{
    int err = bounce_add(&b->bounce, size, &b->adapter->dma);

    while (err == -ENOMEM && size > PAGE_SIZE) {
        size = ALIGN_UP(size / 2, PAGE_SIZE);
        err = bounce_add(&b->bounce, size, &b->adapter->dma);
    }
    return err;
}

uint32_t
bounce_reserve(struct bus *b, bool often, uint32_t most)
{
    struct bounce_pool *p = &b->bounce;
    unsigned more = often ? MIN(OFTEN, b->depth) : p->count ? 0 : 1; /* no more than can be at work */
    int err = 0;

    if (!p->count) {
        err = bounce_first(b, ALIGN_UP((size_t)most, PAGE_SIZE));
        more--;
    }
    while (more-- && !err)
        err = bounce_add(p, p->buffer[0].size, &b->adapter->dma);
    if (err == -ENOMEM)
        adapter_log(b->adapter, "bus %u: memory for %u bounce buffers only", b->number, p->count);
    return p->count ? (uint32_t)MIN((size_t)most, p->buffer[0].size) : most;
}
