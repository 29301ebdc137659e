/* Contexts of asynchronous I/O: their ring, their slots, io_setup(2), io_getevents(2), io_destroy(2). */
#include "kernel/sys/aio.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/vm.h"
#include "kernel/sync/timer.h"
#include "kernel/sys/call.h"
#include "lib/field.h"
#include "lib/string.h"

#define TAG         POOL_TAG('a', 'i', 'o', ' ')
#define CONTEXT_MAX 4096  /* transfers at once of a context */
#define ALL_MAX     65536 /* of all contexts: as Linux's aio-max-nr */
#define MAGIC       0xa10a10a1u

/* The ring's first page begins with it: libaio's struct aio_ring. */
struct ring {
    uint32_t id, entries;
    uint32_t head, tail; /* the program's or ours; ours */
    uint32_t magic, compat_features, incompat_features, header_size;
};
_Static_assert(sizeof(struct ring) == sizeof(struct aio_event), "an event does not cross a page");

static uint32_t all; /* [a] slots of all contexts */

static struct ring *
ring_of(const struct aio_context *c)
{
    return phys_to_virt(c->page[0].pa);
}

static struct aio_event *
event_of(const struct aio_context *c, uint32_t n)
{
    size_t offset = sizeof(struct ring) + n * sizeof(struct aio_event);

    return (struct aio_event *)((char *)phys_to_virt(c->page[offset / PAGE_SIZE].pa) + offset % PAGE_SIZE);
}

/* How many results are in the ring, and where the first is. Any lock or none: c->tail only grows. */
static uint32_t
ring_count(const struct aio_context *c, uint32_t *head)
{
    *head = __atomic_load_n(&ring_of(c)->head, __ATOMIC_ACQUIRE) % c->entries;
    return (__atomic_load_n(&c->tail, __ATOMIC_ACQUIRE) + c->entries - *head) % c->entries;
}

/* ---- slots ---- */

struct aio_slot *
aio_slot_begin(struct aio_context *c)
{
    uint8_t irql = spin_lock(&c->lock);
    uint32_t head;
    struct aio_slot *t = !c->dead && c->in_flight + ring_count(c, &head) < c->max ? c->free : NULL;

    if (t) {
        c->free = t->next;
        c->in_flight++;
    }
    spin_unlock(&c->lock, irql);
    return t;
}

/* Lock held, which this gives back. */
static void
slot_free(struct aio_context *c, struct aio_slot *t, uint8_t irql)
{
    bool wake = c->waited_for && (int32_t)(c->ended - c->wanted) >= 0, idle;

    t->next = c->free;
    c->free = t;
    idle = !--c->in_flight && c->dead;
    if (wake)
        c->waited_for = false;
    if (wake)
        (void)event_set(&c->arrived);
    if (idle)
        (void)event_set(&c->idle);
    spin_unlock(&c->lock, irql);
}

static void
file_closed(struct work *w)
{
    struct aio_slot *t = container_of(w, struct aio_slot, put);
    struct aio_context *c = t->context;

    file_put(t->io.file);
    slot_free(c, t, spin_lock(&c->lock));
}

void
aio_slot_end(struct aio_slot *t, int64_t result)
{
    struct aio_context *c = t->context;
    uint8_t irql = spin_lock(&c->lock);

    *event_of(c, c->tail) = (struct aio_event){t->data, t->iocb, result, 0};
    c->ended++;
    __atomic_store_n(&c->tail, c->tail + 1 == c->entries ? 0 : c->tail + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&ring_of(c)->tail, c->tail, __ATOMIC_RELEASE);
    if (file_put_unless_last(t->io.file)) {
        slot_free(c, t, irql);
        return;
    }
    spin_unlock(&c->lock, irql);
    (void)work_queue(&t->put);
}

void
aio_slot_cancel(struct aio_slot *t)
{
    struct aio_context *c = t->context;

    slot_free(c, t, spin_lock(&c->lock));
}

/* ---- contexts ---- */

struct aio_context *
aio_find(uintptr_t at)
{
    struct process *p = process_current();
    uint8_t irql = spin_lock(&p->lock);
    struct aio_context *c, *found = NULL;

    list_for_each_entry(c, &p->aio, link)
        if (c->at == at) {
            found = c;
            __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
            break;
        }
    spin_unlock(&p->lock, irql);
    return found;
}

void
aio_put(struct aio_context *c)
{
    if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
        return;
    vm_unpin(c->page, c->pages);
    __atomic_sub_fetch(&all, c->max, __ATOMIC_RELAXED);
    pool_free(c->slots, TAG);
    pool_free(c, TAG);
}

static struct aio_context *
context_new(uint32_t max)
{
    size_t size = ALIGN_UP(sizeof(struct ring) + (max + 1) * sizeof(struct aio_event), PAGE_SIZE);
    uint32_t pages = (uint32_t)(size / PAGE_SIZE);
    struct aio_context *c = pool_zalloc(sizeof(*c) + pages * sizeof(c->page[0]), TAG);

    if (!c)
        return NULL;
    c->slots = pool_zalloc(max * sizeof(*c->slots), TAG);
    if (!c->slots) {
        pool_free(c, TAG);
        return NULL;
    }
    for (uint32_t n = 0; n < max; n++) {
        struct aio_slot *t = &c->slots[n];

        t->context = c;
        t->next = c->free;
        c->free = t;
        work_item_init(&t->put, file_closed);
    }
    c->refs = 1;
    c->max = max;
    c->size = size;
    c->entries = (uint32_t)((size - sizeof(struct ring)) / sizeof(struct aio_event));
    spin_init(&c->lock, LOCK_AIO, "aio");
    event_init(&c->arrived, EVENT_MANUAL, false);
    event_init(&c->idle, EVENT_MANUAL, false);
    mutex_init(&c->reaping);
    return c;
}

/* Its ring into the program's memory, and pinned. */
static int
ring_map(struct aio_context *c)
{
    struct vm_space *space = process_current()->space;
    size_t pinned;
    int err = vm_map(space, 0, c->size, VM_READ | VM_WRITE, VM_SHARED, NULL, 0, &c->at);

    if (err)
        return err;
    for (; c->pages < c->size / PAGE_SIZE; c->pages++)
        if (vm_pin(space, c->at + c->pages * PAGE_SIZE, PAGE_SIZE, true, &c->page[c->pages], 1, &pinned) !=
            1) {
            (void)vm_unmap(space, c->at, c->size);
            return -ENOMEM;
        }
    *ring_of(c) = (struct ring){
        .entries = c->entries, .magic = MAGIC, .compat_features = 1, .header_size = sizeof(struct ring)};
    return 0;
}

/* nr_events, aio_context_t * */
SYSCALL(io_setup)
{
    struct process *p = process_current();
    struct aio_context *new;
    uint64_t was;
    uint8_t irql;
    int err;

    if (user_read(&was, b, sizeof(was)))
        return -EFAULT;
    if (!(uint32_t)a || was)
        return -EINVAL;
    if ((uint32_t)a > CONTEXT_MAX)
        return -EAGAIN;
    if (__atomic_add_fetch(&all, (uint32_t)a, __ATOMIC_RELAXED) > ALL_MAX) {
        __atomic_sub_fetch(&all, (uint32_t)a, __ATOMIC_RELAXED);
        return -EAGAIN;
    }
    new = context_new((uint32_t)a);
    if (!new) {
        __atomic_sub_fetch(&all, (uint32_t)a, __ATOMIC_RELAXED);
        return -ENOMEM;
    }
    err = ring_map(new);
    if (!err && user_write(b, &new->at, sizeof(new->at))) {
        (void)vm_unmap(p->space, new->at, new->size);
        err = -EFAULT;
    }
    if (err) {
        aio_put(new);
        return err;
    }
    irql = spin_lock(&p->lock);
    list_add_tail(&p->aio, &new->link);
    spin_unlock(&p->lock, irql);
    return 0;
}

/* Nobody finds it any more. It has left the list of its process. */
static void
context_end(struct aio_context *c)
{
    uint8_t irql = spin_lock(&c->lock);
    bool busy = c->in_flight != 0;

    c->dead = true;
    spin_unlock(&c->lock, irql);
    (void)event_set(&c->arrived);
    if (busy)
        (void)wait_event(&c->idle.waitable, WAIT_FOREVER); /* a driver ends every request in time */
    spin_unlock(&c->lock, spin_lock(&c->lock));            /* who said so has let go of it */
    aio_put(c);
}

SYSCALL(io_destroy)
{
    struct process *p = process_current();
    struct aio_context *context = aio_find(a);
    uint8_t irql;
    bool mine;

    if (!context)
        return -EINVAL;
    irql = spin_lock(&p->lock);
    mine = !list_empty(&context->link); /* and nobody else destroys it */
    list_del(&context->link);
    spin_unlock(&p->lock, irql);
    if (mine) {
        (void)vm_unmap(p->space, context->at, context->size);
        context_end(context);
    }
    aio_put(context);
    return mine ? 0 : -EINVAL;
}

void
aio_end(struct process *p)
{
    struct aio_context *c;

    for (;;) {
        uint8_t irql = spin_lock(&p->lock);

        c = list_empty(&p->aio) ? NULL : list_entry(list_pop(&p->aio), struct aio_context, link);
        spin_unlock(&p->lock, irql);
        if (!c)
            return;
        context_end(c);
    }
}

/* ---- results ---- */

/* Up to n results to the program. Returns how many, or -EFAULT if none. */
static long
take(struct aio_context *c, uintptr_t to, uint32_t n)
{
    uint32_t head, count, i = 0;

    mutex_lock(&c->reaping, WAIT_FOREVER);
    count = MIN(ring_count(c, &head), n);
    while (i < count) {
        uint32_t in_page = (uint32_t)(PAGE_SIZE - (uintptr_t)event_of(c, head) % PAGE_SIZE) /
                           (uint32_t)sizeof(struct aio_event);
        uint32_t some = MIN(MIN(count - i, c->entries - head), in_page);

        if (user_write(to + i * sizeof(struct aio_event), event_of(c, head), some * sizeof(struct aio_event)))
            break;
        i += some;
        head = (head + some) % c->entries;
    }
    if (i)
        __atomic_store_n(&ring_of(c)->head, head, __ATOMIC_RELEASE);
    mutex_unlock(&c->reaping);
    return i || !count ? (long)i : -EFAULT;
}

/* Until `n` results more are in the ring. Returns 0, -ETIMEDOUT, -EINTR or -EINVAL: it has been destroyed. */
static int
results_wait(struct aio_context *c, uint32_t n, uint64_t deadline)
{
    uint64_t now = time_now();
    uint8_t irql = spin_lock(&c->lock);
    uint32_t head, there = ring_count(c, &head), until = c->ended + (n - MIN(there, n));
    bool wait = there < n && !c->dead;

    if (wait) {
        c->wanted = c->waited_for && (int32_t)(c->wanted - until) < 0 ? c->wanted : until;
        c->waited_for = true;
        (void)event_clear(&c->arrived);
    }
    spin_unlock(&c->lock, irql);
    if (!wait)
        return c->dead && there < n ? -EINVAL : 0;
    if (deadline <= now)
        return -ETIMEDOUT;
    return wait_event_interruptible(&c->arrived.waitable,
                                    deadline == UINT64_MAX ? WAIT_FOREVER : deadline - now);
}

static long
events_get(struct aio_context *c, int64_t least, int64_t most, uintptr_t to, uint64_t deadline)
{
    int64_t got = 0;

    for (;;) {
        long n = take(c, to + (uint64_t)got * sizeof(struct aio_event),
                      (uint32_t)MIN(most - got, (int64_t)CONTEXT_MAX));
        int err;

        if (n < 0)
            return got ? got : n;
        got += n;
        if (got >= least || got == most)
            return got;
        err = results_wait(c, (uint32_t)MIN(least - got, (int64_t)c->max), deadline);
        if (err)
            return got || err == -ETIMEDOUT ? got : err;
    }
}

/* ctx, min_nr, nr, events, timeout */
static long
getevents(uintptr_t at, int64_t least, int64_t most, uintptr_t to, uintptr_t timeout)
{
    uint64_t ns, now = time_now();
    int err = call_timespec(timeout, &ns);
    struct aio_context *c;
    long n;

    if (err)
        return err;
    c = aio_find(at);
    if (!c)
        return -EINVAL;
    n = least < 0 || least > most
            ? -EINVAL
            : events_get(c, least, most, to, ns > UINT64_MAX - now ? UINT64_MAX : now + ns);
    aio_put(c);
    return n;
}

SYSCALL(io_getevents)
{
    return getevents(a, (int64_t)b, (int64_t)c, d, e);
}

/* The same with a signal mask meanwhile: f is the address of {mask's address, its size}, as for pselect6(2). */
SYSCALL(io_pgetevents)
{
    struct {
        uint64_t mask, size;
    } with = {0, 0};
    long n;

    if (f && user_read(&with, f, sizeof(with)))
        return -EFAULT;
    n = call_mask_set(with.mask, with.size);
    if (n)
        return n;
    n = getevents(a, (int64_t)b, (int64_t)c, d, e);
    call_mask_done(with.mask, n);
    return n;
}
