/*
 * The way of a request: checked, queued, merged, started, done.
 */
#include "kernel/block/block_impl.h"
#include "kernel/mem/space.h"
#include "kernel/sched/process.h"
#include "kernel/sync/timer.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"

/* ---- what waits; lock held ---- */

static struct list *
queue_of(struct disk *d, const struct block_request *r)
{
    const struct process *p = process_current();

    return &d->waiting[(p ? (uintptr_t)p / 64 : 0) % BLOCK_TURNS];
}

/* The next request, by turns; NULL: none. */
static struct block_request *
take(struct disk *d)
{
    for (uint32_t i = 0; i < BLOCK_TURNS; i++) {
        struct list *q = &d->waiting[(d->turn + i) % BLOCK_TURNS];

        if (!list_empty(q)) {
            d->turn = (d->turn + i + 1) % BLOCK_TURNS;
            d->waiting_count--;
            return list_entry(list_pop(q), struct block_request, link);
        }
    }
    return NULL;
}

static bool
continues(const struct block_request *a, const struct block_request *b)
{
    return a->op == b->op && a->op <= BLOCK_WRITE && a->flags == b->flags && !(a->flags & BLOCK_ALONE) &&
           a->device == b->device && a->start + a->size == b->start;
}

/* What waits behind the first of this queue and continues it goes with it. */
static void
merge(struct disk *d, struct block_request *first, struct list *q, uint32_t *size, uint32_t *pieces)
{
    struct block_request *last = first;

    while (!list_empty(q)) {
        struct block_request *r = list_entry(q->next, struct block_request, link);

        if (!continues(last, r) || *size + r->size > d->max_bytes ||
            *pieces + r->pieces > MIN(d->max_pieces, (uint32_t)BLOCK_MERGE))
            return;
        list_del(&r->link);
        d->waiting_count--;
        first->device->stats.merged[r->op]++;
        last->next = r;
        last = r;
        *size += r->size;
        *pieces += r->pieces;
    }
}

/* ---- starting ---- */

static void
account_begin(struct disk *d, struct block_request *r)
{
    r->begun = time_now();
    if (!d->active++)
        d->busy_since = r->begun;
}

/*
 * Start what can be started. No lock held. One processor at a time: it looks again after each start, so that another one, or
 * a command that has ended before its start returned, leaves the rest to it and nothing recurses.
 */
static void
run(struct disk *d)
{
    uint8_t irql = spin_lock(&d->lock);
    struct block_request *r;

    if (d->running) {
        spin_unlock(&d->lock, irql);
        return;
    }
    d->running = true;
    while (d->active < d->depth && d->waiting_count && (r = take(d)) != NULL) {
        uint32_t size = r->size, pieces = r->pieces;

        merge(d, r, &d->waiting[(d->turn + BLOCK_TURNS - 1) % BLOCK_TURNS], &size, &pieces);
        account_begin(d, r);
        spin_unlock(&d->lock, DISPATCH_LEVEL);
        d->ops->start(d, r, r->device->start + r->start, size, pieces);
        spin_lock(&d->lock);
    }
    d->running = false;
    spin_unlock(&d->lock, irql);
}

static void
fail(struct block_request *r, int error)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    r->error = error;
    r->done(r);
    irql_lower(irql);
}

static int
check(const struct block_request *r)
{
    const struct block_device *b = r->device;
    const struct disk *d = b->disk;

    if (__atomic_load_n(&b->gone, __ATOMIC_ACQUIRE))
        return -ENODEV;
    if (r->op != BLOCK_READ && d->read_only && r->op != BLOCK_FLUSH)
        return -EROFS;
    if (r->op == BLOCK_FLUSH)
        return 0;
    if (r->op == BLOCK_DISCARD && !d->can_discard)
        return -EOPNOTSUPP;
    if (!r->size || (r->start | r->size) & (d->block_size - 1) || r->start > b->size)
        return -EINVAL;
    if (r->size > b->size - r->start)
        return r->op == BLOCK_READ ? -EINVAL : -ENOSPC;
    return r->op <= BLOCK_WRITE && (r->size > d->max_bytes || r->pieces > d->max_pieces || !r->pieces)
               ? -EINVAL
               : 0;
}

void
block_submit(struct block_request *r)
{
    struct disk *d = r->device->disk;
    int err = check(r);
    uint8_t irql;

    r->next = NULL;
    if (err) {
        fail(r, err);
        return;
    }
    trace(TRACE_BLOCK, (uintptr_t)r, trace_name(r->device->name), r->op, r->start, r->size);
    irql = spin_lock(&d->lock);
    if (__atomic_load_n(&r->device->gone,
                        __ATOMIC_ACQUIRE)) { /* meanwhile; disk_gone() counts what is active from here on */
        spin_unlock(&d->lock, irql);
        fail(r, -ENODEV);
        return;
    }
    if (d->active < d->depth && !d->waiting_count) { /* nobody waits: past the queues */
        account_begin(d, r);
        spin_unlock(&d->lock, DISPATCH_LEVEL);
        d->ops->start(d, r, r->device->start + r->start, r->size, r->pieces);
        irql_lower(irql);
        return;
    }
    list_add_tail(queue_of(d, r), &r->link);
    d->waiting_count++;
    spin_unlock(&d->lock, irql);
    run(d); /* one may have ended meanwhile */
}

/* ---- done ---- */

static void
account_end(struct disk *d, const struct block_request *r)
{
    struct block_stats *s = &r->device->stats;
    uint64_t now = time_now();

    s->done[r->op]++;
    s->ns[r->op] += now - r->begun;
    for (; r; r = r->next)
        s->bytes[r->op] += r->size;
    if (!--d->active)
        d->busy += now - d->busy_since;
}

/* Of several that went as one and failed, each goes again by itself: the ones that can be done are. */
static void
split(struct block_request *r)
{
    while (r) {
        struct block_request *next = r->next;

        r->flags |= BLOCK_ALONE;
        block_submit(r);
        r = next;
    }
}

void
disk_done(struct disk *d, struct block_request *r, int error)
{
    bool more;

    spin_lock_raw(&d->lock);
    account_end(d, r);
    more = d->waiting_count != 0;
    spin_unlock_raw(&d->lock);
    if (error && r->next && error != -ENODEV) {
        split(r);
    } else {
        while (r) {
            struct block_request *next = r->next;

            trace(TRACE_BLOCK_END, (uintptr_t)r, trace_name(r->device->name), r->op, (uint64_t)-error);
            r->error = error;
            r->done(r);
            r = next;
        }
    }
    if (more)
        run(d);
}

/* ---- waiting ---- */

static void
executed(struct block_request *r)
{
    (void)event_set(r->context);
}

int
block_execute(struct block_request *r)
{
    struct event done;

    event_init(&done, EVENT_AUTO, false);
    r->done = executed;
    r->context = &done; // cppcheck-suppress autoVariables ; it is waited for below
    block_submit(r);
    (void)wait_event(&done.waitable, WAIT_FOREVER); /* a driver ends every request in time */
    r->context = NULL;
    return r->error;
}

/* As many pieces of [memory, memory + size) as a request may have. Returns: bytes. */
static uint32_t
pieces_of(const struct disk *d, const char *memory, uint64_t size, struct data_piece *piece, uint32_t max,
          uint32_t *count)
{
    uint32_t bytes = 0;

    *count = 0;
    size = MIN(size, d->max_bytes);
    while (bytes < size) {
        uint32_t part = (uint32_t)MIN(size - bytes,
                                      PAGE_SIZE - ((uintptr_t)(memory + bytes) & (PAGE_SIZE - 1)));
        uint64_t pa;

        if (!space_physical(memory + bytes, &pa) || !data_piece_add(piece, count, max, pa, part))
            break;
        bytes += part;
    }
    return ALIGN_DOWN(bytes, d->block_size);
}

/* The last piece is cut so that all of them hold `bytes`. */
static void
pieces_cut(struct data_piece *piece, uint32_t *count, uint32_t bytes)
{
    uint32_t n = 0, at = 0;

    for (; n < *count && at < bytes; n++) {
        piece[n].size = MIN(piece[n].size, bytes - at);
        at += piece[n].size;
    }
    *count = n;
}

#define TRANSFER_PIECES 32

int
block_transfer(struct block_device *b, enum block_op op, uint64_t start, void *memory, uint64_t size)
{
    struct data_piece piece[TRANSFER_PIECES];
    struct disk *d = b->disk;
    int err = 0;

    while (size && !err) {
        struct block_request r = {.device = b, .op = (uint8_t)op, .start = start, .piece = piece};

        r.size = pieces_of(d, memory, size, piece, MIN(d->max_pieces, (uint32_t)TRANSFER_PIECES), &r.pieces);
        if (!r.size)
            return -EINVAL;
        pieces_cut(piece, &r.pieces, r.size);
        err = block_execute(&r);
        start += r.size;
        memory = (char *)memory + r.size;
        size -= r.size;
    }
    return err;
}

int
block_flush(struct block_device *b)
{
    struct block_request r = {.device = b, .op = BLOCK_FLUSH};

    return __atomic_load_n(&b->disk->has_cache, __ATOMIC_ACQUIRE) ? block_execute(&r) : 0;
}
