/*
 * Anonymous memory that is shared: what a process maps MAP_SHARED and its children then have in common.
 */
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"

#define CHUNK (PAGE_SIZE / sizeof(uint64_t)) /* pages that one page of addresses describes: 2 MiB */

/* [m] lock, innermost of mutexes but for none */
struct anon {
    struct vm_object object;
    uint32_t refs; /* [a] */
    struct mutex lock;
    uint64_t pages;     /* [I] */
    uint64_t *chunks[]; /* [m] each CHUNK physical addresses; NULL: none yet */
};

static struct anon *
anon_of(struct vm_object *o)
{
    return container_of(o, struct anon, object);
}

/* The place of a page's address. Lock held. NULL: no memory. */
static uint64_t *
anon_place(struct anon *a, uint64_t index)
{
    uint64_t **chunk = &a->chunks[index / CHUNK];

    if (!*chunk)
        *chunk = pool_zalloc(PAGE_SIZE, VM_TAG);
    return *chunk ? &(*chunk)[index % CHUNK] : NULL;
}

static int
anon_page(struct vm_object *o, uint64_t index, bool write, uint64_t *pa)
{
    struct anon *a = anon_of(o);
    uint64_t *place;
    int err = 0;

    if (index >= a->pages)
        return -ENXIO;
    mutex_lock(&a->lock, WAIT_FOREVER);
    place = anon_place(a, index);
    if (place && !*place)
        *place = page_alloc();
    if (place && *place) {
        *pa = *place;
        page_get(*pa);
    } else {
        err = -ENOMEM;
    }
    mutex_unlock(&a->lock);
    return err;
}

static void
anon_get(struct vm_object *o)
{
    __atomic_add_fetch(&anon_of(o)->refs, 1, __ATOMIC_RELAXED);
}

static void
anon_put(struct vm_object *o)
{
    struct anon *a = anon_of(o);

    if (__atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (uint64_t c = 0; c <= (a->pages - 1) / CHUNK; c++) {
        for (unsigned i = 0; a->chunks[c] && i < CHUNK; i++)
            if (a->chunks[c][i])
                page_put(a->chunks[c][i]);
        pool_free(a->chunks[c], VM_TAG);
    }
    pool_free(a, VM_TAG);
}

static const struct vm_object_ops anon_ops = {.page = anon_page, .get = anon_get, .put = anon_put};

struct vm_object *
vm_anon_new(uint64_t size)
{
    uint64_t pages = size >> PAGE_SHIFT;
    struct anon *a;

    if (pages / CHUNK > CHUNK * CHUNK)
        return NULL;
    a = pool_zalloc(sizeof(*a) + ((pages - 1) / CHUNK + 1) * sizeof(*a->chunks), VM_TAG);
    if (!a)
        return NULL;
    a->object.ops = &anon_ops;
    a->refs = 1;
    a->pages = pages;
    mutex_init(&a->lock);
    return &a->object;
}
