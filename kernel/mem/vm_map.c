/*
 * Mappings: where they go, and how calls cut and join them.
 */
#include "kernel/mem/pool.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"

/* Where addresses are chosen: below the stack, down from here. */
#define MAP_TOP (USER_END - GiB(1))

int
vm_mapping_compare(const void *key, const struct tree_node *node)
{
    uintptr_t at = *(const uintptr_t *)key, start = container_of(node, struct mapping, node)->start;

    return at < start ? -1 : at > start;
}

struct mapping *
vm_find(struct vm_space *s, uintptr_t at)
{
    struct mapping *m = mapping_of(tree_floor(&s->mappings, &at));

    return m && at < m->end ? m : NULL;
}

struct mapping *
vm_find_from(struct vm_space *s, uintptr_t at)
{
    struct mapping *m = vm_find(s, at);

    return m ? m : mapping_of(tree_ceiling(&s->mappings, &at));
}

void
vm_drop(struct list *gone)
{
    struct list *link;

    while ((link = list_pop(gone)) != NULL) {
        struct mapping *m = list_entry(link, struct mapping, link);

        if (m->object)
            m->object->ops->put(m->object);
        pool_free(m, VM_TAG);
    }
}

/* ---- room ---- */

static bool
range_valid(uintptr_t at, size_t size)
{
    return at % PAGE_SIZE == 0 && size && size <= USER_END && at <= USER_END - size;
}

/* Where a new mapping must not begin: a stack keeps a gap below it. */
static uintptr_t
start_guarded(const struct mapping *m)
{
    return m->flags & VM_GROWS_DOWN ? m->start - MIN(m->start, VM_STACK_GAP) : m->start;
}

static bool
range_free(struct vm_space *s, uintptr_t at, size_t size)
{
    const struct mapping *m = vm_find_from(s, at);

    return !m || start_guarded(m) >= at + size;
}

/* The highest free range that ends at or below `top`. Returns 0 if there is none. */
static uintptr_t
room_below(struct vm_space *s, uintptr_t top, size_t size)
{
    while (top >= size + USER_START) {
        uintptr_t at = top - size, last = top - 1;
        const struct mapping *m = mapping_of(tree_floor(&s->mappings, &last)), *above;

        above = vm_find_from(s, top);
        if (above && start_guarded(above) < top)
            top = start_guarded(above);
        else if (m && m->end > at)
            top = start_guarded(m);
        else
            return at;
    }
    return 0;
}

static uintptr_t
room_find(struct vm_space *s, size_t size)
{
    uintptr_t at = s->cursor ? room_below(s, s->cursor, size) : 0;

    if (!at)
        at = room_below(s, MAP_TOP, size);
    if (at)
        s->cursor = at;
    return at;
}

/* ---- cutting ---- */

/* Cut the mapping that holds `at` in two there. Nothing to do if none does, or if one begins there. */
static int
split_at(struct vm_space *s, uintptr_t at)
{
    struct mapping *m = vm_find(s, at), *upper;

    if (!m || m->start == at)
        return 0;
    upper = pool_alloc(sizeof(*upper), VM_TAG);
    if (!upper)
        return -ENOMEM;
    *upper = *m;
    upper->start = at;
    upper->offset += at - m->start;
    upper->flags &= ~VM_GROWS_DOWN;
    if (upper->object)
        upper->object->ops->get(upper->object);
    m->end = at;
    tree_insert(&s->mappings, &upper->start, &upper->node);
    return 0;
}

static int
split_around(struct vm_space *s, uintptr_t start, uintptr_t end)
{
    int err = split_at(s, start);

    return err ? err : split_at(s, end);
}

/* Take [start, end) out; the mappings go to `gone`. */
static int
remove_range(struct vm_space *s, uintptr_t start, uintptr_t end, struct list *gone)
{
    struct mapping *m;
    int err = split_around(s, start, end);

    if (err)
        return err;
    for (m = vm_find_from(s, start); m && m->start < end; m = vm_find_from(s, start)) {
        tree_remove(&s->mappings, &m->node);
        s->mapped -= m->end - m->start;
        list_add_tail(gone, &m->link);
    }
    vm_zap(s, start, end);
    if (end > s->cursor && end <= MAP_TOP)
        s->cursor = end;
    return 0;
}

/* ---- joining ---- */

static bool
joinable(const struct mapping *low, const struct mapping *high)
{
    return low && high && low->end == high->start && low->prot == high->prot && low->flags == high->flags &&
           low->heap == high->heap && !low->object && !high->object && !(low->flags & VM_GROWS_DOWN);
}

/* Join a mapping with its neighbours. What becomes superfluous goes to `gone`. */
static void
join(struct vm_space *s, struct mapping *m, struct list *gone)
{
    struct mapping *low = mapping_of(tree_prev(&m->node)), *high = mapping_of(tree_next(&m->node));

    if (joinable(m, high)) {
        tree_remove(&s->mappings, &high->node);
        m->end = high->end;
        list_add_tail(gone, &high->link);
    }
    if (joinable(low, m)) {
        tree_remove(&s->mappings, &m->node);
        low->end = m->end;
        list_add_tail(gone, &m->link);
    }
}

/* ---- calls ---- */

/* Where it is to be. Lock held. Returns 0 or -errno. */
static int
place(struct vm_space *s, uintptr_t hint, size_t size, unsigned flags, struct list *gone, uintptr_t *at)
{
    if (flags & (VM_FIXED | VM_FIXED_FREE)) {
        if (!range_valid(hint, size) || hint < USER_START)
            return hint % PAGE_SIZE ? -EINVAL : -ENOMEM;
        *at = hint;
        if (flags & VM_FIXED_FREE)
            return range_free(s, hint, size) ? 0 : -EEXIST;
        return remove_range(s, hint, hint + size, gone);
    }
    hint = ALIGN_DOWN(hint, PAGE_SIZE);
    if (hint >= USER_START && range_valid(hint, size) && range_free(s, hint, size))
        *at = hint;
    else
        *at = room_find(s, size);
    return *at ? 0 : -ENOMEM;
}

/* Enter a new mapping. Lock held. The object's reference is the mapping's. */
static void
enter(struct vm_space *s, struct mapping *m, struct list *gone)
{
    tree_insert(&s->mappings, &m->start, &m->node);
    s->mapped += m->end - m->start;
    join(s, m, gone);
}

static void
populate(struct vm_space *s, uintptr_t at, size_t size, unsigned prot)
{
    for (uintptr_t end = at + size; at < end; at += PAGE_SIZE)
        if (vm_fault(s, at, prot & VM_WRITE ? PF_WRITE : 0))
            return;
}

/* What vm_map() does with a mapping that is filled in but for its place; it takes over m and the object's reference. */
static int
map_new(struct vm_space *s, struct mapping *m, uintptr_t hint, size_t size, unsigned flags, uintptr_t *at)
{
    struct list gone = LIST_INIT(gone);
    int err;

    mutex_lock(&s->lock, WAIT_FOREVER);
    err = size > s->limits.size || s->mapped > s->limits.size - size ? -ENOMEM : 0;
    if (!err)
        err = place(s, hint, size, flags, &gone, at);
    if (err) {
        list_add_tail(&gone, &m->link);
    } else {
        m->start = *at;
        m->end = *at + size;
        enter(s, m, &gone);
    }
    mutex_unlock(&s->lock);
    vm_drop(&gone);
    return err;
}

int
vm_map(struct vm_space *s, uintptr_t address, size_t size, unsigned prot, unsigned flags,
       struct vm_object *object, uint64_t offset, uintptr_t *at)
{
    struct mapping *m;
    int err;

    if (size == 0 || offset % PAGE_SIZE || offset + size < offset)
        return -EINVAL;
    if (size > USER_END)
        return -ENOMEM;
    size = ALIGN_UP(size, PAGE_SIZE);
    m = pool_zalloc(sizeof(*m), VM_TAG);
    if (!m)
        return -ENOMEM;
    if (!object && flags & VM_SHARED) {
        m->object = vm_anon_new(size);
        if (!m->object) {
            pool_free(m, VM_TAG);
            return -ENOMEM;
        }
    } else if (object) {
        object->ops->get(object);
        m->object = object;
    }
    m->prot = prot;
    m->flags = flags & (VM_SHARED | VM_GROWS_DOWN);
    m->offset = object ? offset : 0;
    err = map_new(s, m, address, size, flags, at);
    if (!err && flags & VM_POPULATE)
        populate(s, *at, size, prot);
    return err;
}

int
vm_unmap(struct vm_space *s, uintptr_t address, size_t size)
{
    struct list gone = LIST_INIT(gone);
    int err;

    size = ALIGN_UP(size, PAGE_SIZE);
    if (!range_valid(address, size))
        return -EINVAL;
    mutex_lock(&s->lock, WAIT_FOREVER);
    err = remove_range(s, address, address + size, &gone);
    mutex_unlock(&s->lock);
    vm_drop(&gone);
    return err;
}

/* An entry of a private mapping stays without the right to write: the fault that follows looks who has the page. */
static void
entry_protect(void *context, uintptr_t at, uint64_t *entry)
{
    const struct mapping *m = context;
    uint64_t keep = PTE_ADDRESS | PTE_ACCESSED | PTE_DIRTY | (m->prot & VM_WRITE ? PTE_WRITE : 0);

    __atomic_store_n(entry, (*entry & keep) | vm_bits(m->prot), __ATOMIC_RELEASE);
}

/* Is every page of the range mapped? Lock held. */
static bool
range_mapped(struct vm_space *s, uintptr_t start, uintptr_t end)
{
    const struct mapping *m = vm_find(s, start);

    while (m && m->end < end) {
        const struct mapping *next = mapping_of(tree_next(&m->node));

        m = next && next->start == m->end ? next : NULL;
    }
    return m != NULL;
}

int
vm_protect(struct vm_space *s, uintptr_t address, size_t size, unsigned prot)
{
    struct list gone = LIST_INIT(gone);
    uintptr_t end = address + ALIGN_UP(size, PAGE_SIZE);
    struct mapping *m;
    int err;

    if (address % PAGE_SIZE || end < address)
        return -EINVAL;
    if (end == address)
        return 0;
    mutex_lock(&s->lock, WAIT_FOREVER);
    err = end <= USER_END && range_mapped(s, address, end) ? split_around(s, address, end) : -ENOMEM;
    for (m = err ? NULL : vm_find(s, address); m && m->start < end; m = mapping_of(tree_next(&m->node))) {
        m->prot = prot;
        vm_entries(s, m->start, m->end, entry_protect, m);
    }
    if (!err) {
        user_flush(s->root, address, end - address);
        join(s, vm_find(s, address), &gone);
        join(s, vm_find(s, end - 1), &gone);
    }
    mutex_unlock(&s->lock);
    vm_drop(&gone);
    return err;
}

int
vm_discard(struct vm_space *s, uintptr_t address, size_t size)
{
    uintptr_t end = address + ALIGN_UP(size, PAGE_SIZE);
    int err;

    if (address % PAGE_SIZE || end < address || end > USER_END)
        return -EINVAL;
    if (end == address)
        return 0;
    mutex_lock(&s->lock, WAIT_FOREVER);
    err = range_mapped(s, address, end) ? 0 : -ENOMEM;
    vm_zap(s, address, end);
    mutex_unlock(&s->lock);
    return err;
}

/* ---- brk ---- */

void
vm_brk_start(struct vm_space *s, uintptr_t start)
{
    mutex_lock(&s->lock, WAIT_FOREVER);
    s->brk_start = s->brk = ALIGN_UP(start, PAGE_SIZE);
    mutex_unlock(&s->lock);
}

/* Lock held. Returns false if it cannot be. */
static bool
brk_grow(struct vm_space *s, uintptr_t from, uintptr_t to, struct list *gone)
{
    struct mapping *m;

    if (to - s->brk_start > s->limits.data || to - from > s->limits.size ||
        s->mapped > s->limits.size - (to - from) || !range_free(s, from, to - from))
        return false;
    m = pool_zalloc(sizeof(*m), VM_TAG);
    if (!m)
        return false;
    m->start = from;
    m->end = to;
    m->prot = VM_READ | VM_WRITE;
    m->heap = true;
    enter(s, m, gone);
    return true;
}

uintptr_t
vm_brk(struct vm_space *s, uintptr_t end)
{
    struct list gone = LIST_INIT(gone);
    uintptr_t from, to, result;
    bool done = true;

    mutex_lock(&s->lock, WAIT_FOREVER);
    from = ALIGN_UP(s->brk, PAGE_SIZE);
    if (end >= s->brk_start && end < USER_END) {
        to = ALIGN_UP(end, PAGE_SIZE);
        if (to > from)
            done = brk_grow(s, from, to, &gone);
        else if (to < from)
            done = remove_range(s, to, from, &gone) == 0;
        if (done)
            s->brk = end;
    }
    result = s->brk;
    mutex_unlock(&s->lock);
    vm_drop(&gone);
    return result;
}
