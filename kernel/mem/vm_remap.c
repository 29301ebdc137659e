/*
 * mremap(2): growing, shrinking and moving a mapping.
 */
#include "kernel/mem/pool.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"

struct move {
    struct vm_space *space;
    uintptr_t from, to;
    bool failed;
};

/* The pages change their addresses; nobody's reference changes. */
static void
entry_move(void *context, uintptr_t at, uint64_t *entry)
{
    struct move *v = context;
    uint64_t *to = v->failed ? NULL : vm_entry(v->space, v->to + (at - v->from), true);

    if (!to) {
        v->failed = true;
        return;
    }
    *to = *entry;
    *entry = 0;
}

/* Make the tables first, so that moving cannot stop half-way. Lock held. */
static bool
tables_make(struct vm_space *s, uintptr_t at, size_t size)
{
    for (uintptr_t end = at + size; at < end; at = ALIGN_UP(at + 1, PAGE_SIZE * 512))
        if (!vm_entry(s, at, true))
            return false;
    return true;
}

/* Lock held. [old, old + size) lies in one mapping; the new range is that of a new mapping. */
static int
pages_move(struct vm_space *s, uintptr_t old, size_t size, uintptr_t to)
{
    struct move v = {.space = s, .from = old, .to = to};

    if (!tables_make(s, to, size))
        return -ENOMEM;
    vm_entries(s, old, old + size, entry_move, &v);
    user_flush(s->root, old, size);
    return v.failed ? -ENOMEM : 0;
}

/* Is there one mapping over all of it that may be remapped? *m: a copy of it, with a reference to its object. */
static int
mapping_get(struct vm_space *s, uintptr_t old, size_t size, struct mapping *m)
{
    const struct mapping *found;
    int err = 0;

    mutex_lock(&s->lock, WAIT_FOREVER);
    found = vm_find(s, old);
    if (!found || found->end - old < size)
        err = -EFAULT;
    else
        *m = *found;
    if (!err && m->object)
        m->object->ops->get(m->object);
    mutex_unlock(&s->lock);
    return err;
}

static int
grow_in_place(struct vm_space *s, const struct mapping *m, uintptr_t old, size_t old_size, size_t size)
{
    uintptr_t at;

    if (m->end != old + old_size || (m->object && m->flags & VM_SHARED && m->object->ops->name == NULL))
        return -ENOMEM;
    return vm_map(s, m->end, size - old_size, m->prot, m->flags | VM_FIXED_FREE, m->object,
                  m->offset + (m->end - m->start), &at);
}

static int
move(struct vm_space *s, const struct mapping *m, uintptr_t old, size_t old_size, size_t size, bool fixed,
     uintptr_t *at)
{
    unsigned flags = (m->flags & ~VM_GROWS_DOWN) | (fixed ? VM_FIXED : 0);
    int err = vm_map(s, fixed ? *at : 0, size, m->prot, flags, m->object, m->offset + (old - m->start), at);

    if (err)
        return err;
    mutex_lock(&s->lock, WAIT_FOREVER);
    err = pages_move(s, old, MIN(old_size, size), *at);
    mutex_unlock(&s->lock);
    if (err)
        vm_unmap(s, *at, size);
    else
        vm_unmap(s, old, old_size);
    return err;
}

int
vm_remap(struct vm_space *s, uintptr_t old, size_t old_size, size_t size, bool may_move, bool fixed,
         uintptr_t *at)
{
    struct mapping m;
    int err;

    old_size = ALIGN_UP(old_size, PAGE_SIZE);
    size = ALIGN_UP(size, PAGE_SIZE);
    if (old % PAGE_SIZE || !old_size || !size || size > USER_END || old_size > USER_END ||
        old > USER_END - old_size)
        return -EINVAL;
    if (fixed && (*at % PAGE_SIZE || *at > USER_END - size || (*at < old + old_size && old < *at + size)))
        return -EINVAL;
    err = mapping_get(s, old, old_size, &m);
    if (err)
        return err;
    if (!fixed && size <= old_size) {
        *at = old;
        err = size < old_size ? vm_unmap(s, old + size, old_size - size) : 0;
    } else {
        err = fixed ? -ENOMEM : grow_in_place(s, &m, old, old_size, size);
        if (!err)
            *at = old;
        else if (may_move || fixed)
            err = move(s, &m, old, old_size, size, fixed, at);
    }
    if (m.object)
        m.object->ops->put(m.object);
    return err;
}
