#include "kernel/mem/pool.h"
#include "kernel/cpu/irql.h"
#include "kernel/mem/buddy.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/pool_impl.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"
#include "lib/string.h"

/*
 * Small objects come from slabs: a slab is one frame, cut into slots of one size. All that is known about it
 * stands in its struct frame, so a slot of 2048 bytes is half a page. Larger objects are whole frames.
 *
 * I1  The frames of the pool are FRAME_POOL. Slab: use = its class, refs = slots in use and the first free slot,
 *     next and prev = its list. Large object: use = CLASS_LARGE, refs = pages, unused bytes and account,
 *     next and prev = the list of large objects.
 * I2  A slab is in the list `full` of its class if it has no free slot, else in `open`.
 * I3  A class keeps one empty slab at most (`spare`, in `open`); the next one that becomes empty is given back.
 */

#define CLASS_LARGE 0xffff
#define SLOT_MAX    2048 /* larger ones: whole frames */

#define SLAB_USED BITS(15, 0)  /* refs of a slab */
#define SLAB_FREE BITS(31, 16) /* first free slot as an offset; SLAB_END: none */
#define SLAB_END  0xffff

#define LARGE_PAGES   BITS(10, 0)  /* refs of a large object, less one */
#define LARGE_UNUSED  BITS(22, 11) /* bytes at the end of the last page */
#define LARGE_ACCOUNT BITS(31, 23)
_Static_assert(ACCOUNTS <= 512, "LARGE_ACCOUNT");

/* [p] the class's lock, at DISPATCH_LEVEL */
struct pool_class {
    spinlock_t lock;
    uint32_t slot_size;  /* [I] */
    uint32_t open, full; /* [p] slabs, as frame numbers; 0: none */
    uint32_t spare;      /* [p] an empty slab in `open`, or 0 */
};

#define CLASS(size)                                                                                          \
    {                                                                                                        \
        .lock = SPINLOCK(LOCK_POOL, "pool " #size), .slot_size = (size)                                      \
    }
static struct pool_class classes[] = {
    CLASS(16),  CLASS(32),  CLASS(48),  CLASS(64),  CLASS(96),   CLASS(128),  CLASS(192),
    CLASS(256), CLASS(384), CLASS(512), CLASS(672), CLASS(1024), CLASS(1360), CLASS(2048),
};

static spinlock_t large_lock = SPINLOCK(LOCK_POOL, "pool large");
static uint32_t large_list; /* large_lock */

static void *
frame_bytes(uint32_t number)
{
    return phys_to_virt((uint64_t)number << PAGE_SHIFT);
}

static struct frame *
frame_at(uint32_t number)
{
    return frame_of((uint64_t)number << PAGE_SHIFT);
}

static void
chain_add(uint32_t *head, uint32_t number)
{
    struct frame *f = frame_at(number);

    f->prev = 0;
    f->next = *head;
    if (f->next)
        frame_at(f->next)->prev = number;
    *head = number;
}

static void
chain_remove(uint32_t *head, uint32_t number)
{
    const struct frame *f = frame_at(number);

    if (f->next)
        frame_at(f->next)->prev = f->prev;
    if (f->prev)
        frame_at(f->prev)->next = f->next;
    else
        *head = f->next;
}

static struct pool_class *
class_for(size_t slot_size)
{
    struct pool_class *c = classes;

    while (c->slot_size < slot_size)
        c++;
    return c;
}

/* Where a free slot keeps the offset of the next one. */
static uint32_t *
slot_link(void *slot)
{
    return DEBUG ? &((struct pool_header *)slot)->size : slot;
}

/* A new empty slab, which becomes the spare. Locks: c->lock. Returns false without memory. */
static bool
slab_new(struct pool_class *c)
{
    uint64_t pa = frame_alloc(0, 0);
    uint32_t number = (uint32_t)(pa >> PAGE_SHIFT), next = SLAB_END;
    struct frame *f;

    if (!pa)
        return false;
    for (uint32_t n = PAGE_SIZE / c->slot_size; n-- > 0;) {
        char *slot = (char *)phys_to_virt(pa) + n * c->slot_size;

        if (DEBUG)
            guard_prepare(slot, c->slot_size);
        *slot_link(slot) = next;
        next = n * c->slot_size;
    }
    f = frame_of(pa);
    f->state = FRAME_POOL;
    f->use = (uint16_t)(c - classes);
    f->refs = FIELD_PUT(SLAB_FREE, next);
    chain_add(&c->open, number);
    c->spare = number;
    return true;
}

/* An empty slab goes back. Locks: c->lock. */
static void
slab_delete(struct pool_class *c, uint32_t number)
{
    chain_remove(&c->open, number);
    frame_at(number)->state = FRAME_USED;
    frame_free((uint64_t)number << PAGE_SHIFT, 0);
}

/* A slot of the class, with its guards armed. Locks: c->lock. */
static void *
slot_take(struct pool_class *c, size_t size, uint32_t tag, uintptr_t caller)
{
    struct frame *f;
    char *slot;
    uint32_t next, number;

    if (!c->open && !slab_new(c))
        return NULL;
    number = c->open;
    f = frame_at(number);
    slot = (char *)frame_bytes(number) + FIELD_GET(SLAB_FREE, f->refs);
    next = *slot_link(slot);
    if (DEBUG && !guard_arm(slot, c->slot_size, size, tag, caller))
        return NULL;
    f->refs = FIELD_PUT(SLAB_FREE, next) | (FIELD_GET(SLAB_USED, f->refs) + 1);
    if (c->spare == number)
        c->spare = 0;
    if (next == SLAB_END) {
        chain_remove(&c->open, number);
        chain_add(&c->full, number);
    }
    return slot;
}

/* A slot comes back, disarmed. Locks: c->lock. */
static void
slot_return(struct pool_class *c, uint32_t number, char *slot)
{
    struct frame *f = frame_at(number);
    uint32_t left = FIELD_GET(SLAB_USED, f->refs) - 1, next = FIELD_GET(SLAB_FREE, f->refs);

    *slot_link(slot) = next;
    f->refs = FIELD_PUT(SLAB_FREE, (uint32_t)(slot - (char *)frame_bytes(number))) | left;
    if (next == SLAB_END) {
        chain_remove(&c->full, number);
        chain_add(&c->open, number);
    }
    if (left)
        return;
    if (c->spare)
        slab_delete(c, number);
    else
        c->spare = number;
}

static size_t
large_bytes(const struct frame *f)
{
    return (FIELD_GET(LARGE_PAGES, f->refs) + 1) * PAGE_SIZE;
}

static size_t
large_size(const struct frame *f)
{
    return large_bytes(f) - FIELD_GET(LARGE_UNUSED, f->refs);
}

static void *
large_take(size_t size, unsigned account)
{
    size_t bytes;
    uint64_t pa;
    struct frame *f;
    uint8_t irql;

    if (size > PAGE_SIZE << BUDDY_LARGEST)
        return NULL;
    bytes = ALIGN_UP(size, PAGE_SIZE);
    if (bytes == PAGE_SIZE)
        pa = frame_alloc(0, 0);
    else if (frame_alloc_limited(bytes, NULL, &pa))
        pa = 0;
    if (!pa)
        return NULL;
    f = frame_of(pa);
    f->use = CLASS_LARGE;
    f->refs = FIELD_PUT(LARGE_PAGES, (uint32_t)(bytes / PAGE_SIZE - 1)) |
              FIELD_PUT(LARGE_UNUSED, DEBUG ? (uint32_t)(bytes - size) : 0) |
              FIELD_PUT(LARGE_ACCOUNT, account);
    if (DEBUG)
        guard_arm_tail((char *)phys_to_virt(pa) + size, bytes - size);
    irql = spin_lock(&large_lock);
    f->state = FRAME_POOL;
    chain_add(&large_list, (uint32_t)(pa >> PAGE_SHIFT));
    spin_unlock(&large_lock, irql);
    return phys_to_virt(pa);
}

static bool
large_check(const struct frame *f, const void *p)
{
    return guard_check_tail(p, (const char *)p + large_size(f), large_bytes(f) - large_size(f),
                            account_tag(FIELD_GET(LARGE_ACCOUNT, f->refs)));
}

static void
large_return(struct frame *f, void *p, unsigned account, uintptr_t caller)
{
    unsigned owner = FIELD_GET(LARGE_ACCOUNT, f->refs);
    size_t bytes = large_bytes(f);
    uint64_t pa = virt_to_phys(p);
    uint8_t irql;

    if (DEBUG && !large_check(f, p))
        return;
    if (account != owner) {
        pool_report(&(struct pool_fault){"freed under another tag", p, p, account_tag(owner), caller});
        return;
    }
    account_remove(owner, large_size(f));
    irql = spin_lock(&large_lock);
    chain_remove(&large_list, (uint32_t)(pa >> PAGE_SHIFT));
    f->state = FRAME_USED;
    spin_unlock(&large_lock, irql);
    if (bytes == PAGE_SIZE)
        frame_free(pa, 0);
    else
        frame_free_range(pa, bytes);
}

static void *
pool_take(size_t size, uint32_t tag, uintptr_t caller)
{
    unsigned account = account_index(tag);
    size_t slot_size;
    void *p;

    assert_irql_max(DISPATCH_LEVEL);
    if (alloc_should_fail())
        return NULL;
    size = MAX(size, (size_t)1);
    slot_size = size + POOL_HEADER + POOL_REDZONE;
    if (size <= SLOT_MAX && slot_size <= SLOT_MAX) {
        struct pool_class *c = class_for(slot_size);
        uint8_t irql = spin_lock(&c->lock);

        p = slot_take(c, size, tag, caller);
        spin_unlock(&c->lock, irql);
        if (p)
            p = (char *)p + POOL_HEADER;
    } else {
        p = large_take(size, account);
    }
    if (p)
        account_add(account, pool_size(p));
    return p;
}

void *
pool_alloc(size_t size, uint32_t tag)
{
    return pool_take(size, tag, (uintptr_t)__builtin_return_address(0));
}

void *
pool_zalloc(size_t size, uint32_t tag)
{
    void *p = pool_take(size, tag, (uintptr_t)__builtin_return_address(0));

    if (p)
        memset(p, 0, size);
    return p;
}

/* The descriptor of an object's first frame; NULL if p does not point into the pool. */
static struct frame *
pool_frame(const void *p)
{
    uint64_t va = (uint64_t)p;
    struct frame *f = va >= DIRECT_MAP_BASE && va < DIRECT_MAP_END ? frame_of(virt_to_phys(p)) : NULL;

    return f && f->state == FRAME_POOL ? f : NULL;
}

/* The slot of an object in a slab; NULL if p points to no object. */
static char *
pool_slot(const struct pool_class *c, void *p)
{
    uint64_t offset = ((uint64_t)p & (PAGE_SIZE - 1)) - POOL_HEADER;

    if (DEBUG && (offset >= PAGE_SIZE || offset % c->slot_size != 0))
        return NULL;
    return (char *)p - POOL_HEADER;
}

static void
slot_free(struct frame *f, void *p, uint32_t tag, uintptr_t caller)
{
    struct pool_class *c = &classes[f->use];
    char *slot = pool_slot(c, p);
    unsigned account = account_index(tag);
    size_t size;
    uint8_t irql;

    if (!slot) {
        pool_report(&(struct pool_fault){"freed, but not the start of an object", p, p, tag, caller});
        return;
    }
    irql = spin_lock(&c->lock);
    size = pool_size(p);
    if (!DEBUG || guard_disarm(slot, c->slot_size, tag, caller)) {
        slot_return(c, (uint32_t)(virt_to_phys(p) >> PAGE_SHIFT), slot);
        account_remove(account, size);
    }
    spin_unlock(&c->lock, irql);
}

void
pool_free(void *p, uint32_t tag)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    struct frame *f;

    assert_irql_max(DISPATCH_LEVEL);
    if (!p)
        return;
    f = pool_frame(p);
    if (!f || (f->use == CLASS_LARGE && (uint64_t)p & (PAGE_SIZE - 1)))
        pool_report(&(struct pool_fault){"freed, but not of the pool", p, p, tag, caller});
    else if (f->use == CLASS_LARGE)
        large_return(f, p, account_index(tag), caller);
    else
        slot_free(f, p, tag, caller);
}

size_t
pool_size(const void *p)
{
    const struct frame *f = pool_frame(p);

    ASSERT(f);
    if (f->use == CLASS_LARGE)
        return large_size(f);
    return DEBUG ? ((const struct pool_header *)p - 1)->size : classes[f->use].slot_size;
}

static void
slabs_check(const struct pool_class *c, uint32_t list)
{
    for (uint32_t number = list; number; number = frame_at(number)->next)
        for (size_t at = 0; at + c->slot_size <= PAGE_SIZE; at += c->slot_size)
            guard_check((const char *)frame_bytes(number) + at, c->slot_size);
}

void
pool_check(void)
{
    uint8_t irql;

    if (!DEBUG)
        return;
    for (struct pool_class *c = classes; c < classes + ARRAY_SIZE(classes); c++) {
        irql = spin_lock(&c->lock);
        slabs_check(c, c->open);
        slabs_check(c, c->full);
        spin_unlock(&c->lock, irql);
    }
    irql = spin_lock(&large_lock);
    for (uint32_t number = large_list; number; number = frame_at(number)->next)
        large_check(frame_at(number), frame_bytes(number));
    spin_unlock(&large_lock, irql);
}

void
pool_drain(void)
{
    for (struct pool_class *c = classes; c < classes + ARRAY_SIZE(classes); c++) {
        uint8_t irql = spin_lock(&c->lock);

        if (c->spare)
            slab_delete(c, c->spare);
        c->spare = 0;
        spin_unlock(&c->lock, irql);
    }
}
