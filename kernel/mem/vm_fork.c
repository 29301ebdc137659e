/*
 * A copy of an address space for fork: mappings are copied, pages are shared until somebody writes.
 */
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"

struct copy {
    struct vm_space *to;
    bool private, failed, changed;
};

static void
entry_copy(void *context, uintptr_t at, uint64_t *entry)
{
    struct copy *c = context;
    uint64_t *to = c->failed ? NULL : vm_entry(c->to, at, true);

    if (!to) {
        c->failed = true;
        return;
    }
    if (c->private && *entry & PTE_WRITE) { /* I3 */
        __atomic_and_fetch(entry, ~PTE_WRITE, __ATOMIC_RELAXED);
        c->changed = true;
    }
    page_get(*entry & PTE_ADDRESS);
    vm_enter(c->to, to, *entry & PTE_ADDRESS, *entry & ~(PTE_ADDRESS | PTE_ACCESSED | PTE_DIRTY));
}

static int
mapping_copy(struct vm_space *to, const struct mapping *m)
{
    struct mapping *copy = pool_alloc(sizeof(*copy), VM_TAG);

    if (!copy)
        return -ENOMEM;
    *copy = *m;
    if (copy->object)
        copy->object->ops->get(copy->object);
    tree_insert(&to->mappings, &copy->start, &copy->node);
    return 0;
}

int
vm_fork(struct vm_space *from, struct vm_space **out)
{
    struct copy c = {0};
    struct tree_node *n;
    int err = vm_create(&c.to);

    if (err)
        return err;
    mutex_lock(&from->lock, WAIT_FOREVER);
    tree_for_each(n, &from->mappings) {
        const struct mapping *m = mapping_of(n);

        err = mapping_copy(c.to, m);
        if (err)
            break;
        c.private = !(m->flags & VM_SHARED);
        vm_entries(from, m->start, m->end, entry_copy, &c);
    }
    if (c.changed)
        user_flush(from->root, 0, USER_END);
    c.to->cursor = from->cursor;
    c.to->brk_start = from->brk_start;
    c.to->brk = from->brk;
    c.to->limits = from->limits;
    c.to->mapped = from->mapped;
    mutex_unlock(&from->lock);
    if (err || c.failed) {
        vm_put(c.to);
        return -ENOMEM;
    }
    *out = c.to;
    return 0;
}
