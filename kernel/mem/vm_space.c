/*
 * Beginning and end of an address space; what is known of it.
 */
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"
#include "lib/string.h"

#define USER_SLOTS 256

int
vm_create(struct vm_space **out)
{
    struct vm_space *s = pool_zalloc(sizeof(*s), VM_TAG);
    const uint64_t *kernel = phys_to_virt(table_root);
    uint64_t *root;

    if (!s)
        return -ENOMEM;
    s->root = page_frame_alloc(FRAME_ZERO);
    if (!s->root) {
        pool_free(s, VM_TAG);
        return -ENOMEM;
    }
    root = phys_to_virt(s->root);
    memcpy(root + USER_SLOTS, kernel + USER_SLOTS, PAGE_SIZE - USER_SLOTS * sizeof(*root));
    mutex_init(&s->lock);
    s->refs = 1;
    s->mappings.compare = vm_mapping_compare;
    s->limits = (struct vm_limits){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    *out = s;
    return 0;
}

void
vm_get(struct vm_space *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

void
vm_put(struct vm_space *s)
{
    struct list gone = LIST_INIT(gone);
    struct tree_node *n;

    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
        return;
    user_root_forget(s->root);
    vm_zap(s, 0, USER_END);
    while ((n = s->mappings.root) != NULL) {
        tree_remove(&s->mappings, n);
        list_add_tail(&gone, &mapping_of(n)->link);
    }
    vm_drop(&gone);
    vm_tables_free(s->root);
    pool_free(s, VM_TAG);
}

uint64_t
vm_root(const struct vm_space *s)
{
    return s->root;
}

void
vm_set_limits(struct vm_space *s, const struct vm_limits *limits)
{
    mutex_lock(&s->lock, WAIT_FOREVER);
    s->limits = *limits;
    mutex_unlock(&s->lock);
}

void
vm_for_each(struct vm_space *s, void (*show)(void *context, const struct vm_mapping *m), void *context)
{
    struct tree_node *n;

    mutex_lock(&s->lock, WAIT_FOREVER);
    tree_for_each(n, &s->mappings) {
        const struct mapping *m = mapping_of(n);
        struct vm_mapping shown = {.start = m->start,
                                   .end = m->end,
                                   .prot = m->prot,
                                   .flags = m->flags,
                                   .offset = m->offset,
                                   .object = m->object,
                                   .stack = m->flags & VM_GROWS_DOWN,
                                   .heap = m->heap};

        show(context, &shown);
    }
    mutex_unlock(&s->lock);
}

void
vm_stats(struct vm_space *s, struct vm_stats *out)
{
    struct tree_node *n;

    mutex_lock(&s->lock, WAIT_FOREVER);
    *out = (struct vm_stats){.mapped = s->mapped,
                             .resident = s->resident * PAGE_SIZE,
                             .peak_resident = s->peak * PAGE_SIZE,
                             .minor_faults = s->faults};
    tree_for_each(n, &s->mappings) {
        const struct mapping *m = mapping_of(n);
        uint64_t size = m->end - m->start;

        if (m->flags & VM_GROWS_DOWN)
            out->stack += size;
        else if (m->prot & VM_EXEC)
            out->code += size;
        else if (m->prot & VM_WRITE && !(m->flags & VM_SHARED))
            out->data += size;
        if (m->object)
            out->shared += size;
    }
    out->shared = MIN(out->shared, out->resident);
    mutex_unlock(&s->lock);
}

int
vm_key(struct vm_space *s, uintptr_t address, bool shared, struct vm_key *key)
{
    const struct mapping *m;

    *key = (struct vm_key){(uint64_t)s, address};
    if (!shared)
        return 0;
    mutex_lock(&s->lock, WAIT_FOREVER);
    m = vm_find(s, address);
    if (m && m->flags & VM_SHARED)
        *key = (struct vm_key){(uint64_t)m->object, m->offset + (address - m->start)};
    mutex_unlock(&s->lock);
    return m ? 0 : -EFAULT;
}
