/*
 * Page faults: bringing in what a mapping promises.
 */
#include "kernel/mem/page.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"
#include "lib/string.h"

#define AROUND 16 /* pages of an object that one fault brings in, if they are there */

static uint64_t zero_page; /* [I] once made: what private memory that was only read shows */

/* One more reference to the page of zeros; 0: no memory for it. The first caller makes it, under its space's lock. */
static uint64_t
zero_get(void)
{
    uint64_t pa = __atomic_load_n(&zero_page, __ATOMIC_ACQUIRE), none = 0;

    if (!pa) {
        pa = page_alloc();
        if (!pa)
            return 0;
        if (!__atomic_compare_exchange_n(&zero_page, &none, pa, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            page_put(pa);
            pa = none;
        }
    }
    page_get(pa);
    return pa;
}

static int
access_check(const struct mapping *m, uint64_t error)
{
    if (error & PF_WRITE)
        return m->prot & VM_WRITE ? 0 : -EACCES;
    if (error & PF_FETCH)
        return m->prot & VM_EXEC ? 0 : -EACCES;
    return m->prot ? 0 : -EACCES;
}

/* A private page that is written and that others may have: its own copy. The old one's reference is given up. */
static int
page_own(struct vm_space *s, struct mapping *m, uintptr_t at, uint64_t *entry)
{
    uint64_t old = *entry & PTE_ADDRESS, pa;

    if (!page_is_single(old)) {
        pa = page_alloc();
        if (!pa)
            return -ENOMEM;
        memcpy(phys_to_virt(pa), phys_to_virt(old), PAGE_SIZE);
        __atomic_store_n(entry, pa | vm_bits(m->prot) | PTE_WRITE, __ATOMIC_RELEASE);
        user_flush(s->root, at, PAGE_SIZE);
        page_put(old);
        return 0;
    }
    __atomic_or_fetch(entry, PTE_WRITE, __ATOMIC_RELEASE);
    return 0;
}

static int
anonymous_fill(struct vm_space *s, struct mapping *m, uint64_t *entry, bool write)
{
    uint64_t pa = write ? page_alloc() : zero_get();

    if (!pa)
        return -ENOMEM;
    vm_enter(s, entry, pa, vm_bits(m->prot) | (write ? PTE_WRITE : 0));
    return 0;
}

static uint64_t
object_index(const struct mapping *m, uintptr_t at)
{
    return (m->offset + (at - m->start)) >> PAGE_SHIFT;
}

/* Neighbours behind `at` that the object has: the program is likely to want them next. */
static void
object_around(struct vm_space *s, struct mapping *m, uintptr_t at)
{
    uintptr_t end = MIN(m->end, ALIGN_DOWN(at, AROUND * PAGE_SIZE) + AROUND * PAGE_SIZE);
    uint64_t *entry = vm_entry(s, at, false), pa;

    for (at += PAGE_SIZE, entry++; at < end && !frame_scarce(); at += PAGE_SIZE, entry++) {
        if (*entry)
            continue;
        if (m->object->ops->present(m->object, object_index(m, at), &pa))
            continue;
        vm_enter(s, entry, pa, vm_bits(m->prot));
    }
}

static int
object_fill(struct vm_space *s, struct mapping *m, uintptr_t at, uint64_t *entry, bool write)
{
    bool shared = m->flags & VM_SHARED;
    uint64_t pa, copy;
    int err = m->object->ops->page(m->object, object_index(m, at), write && shared, &pa);

    if (err)
        return err;
    if (write && !shared) {
        copy = page_alloc();
        if (copy)
            memcpy(phys_to_virt(copy), phys_to_virt(pa), PAGE_SIZE);
        page_put(pa);
        if (!copy)
            return -ENOMEM;
        pa = copy;
    }
    vm_enter(s, entry, pa, vm_bits(m->prot) | (write ? PTE_WRITE : 0));
    if (!shared && !write && m->object->ops->present)
        object_around(s, m, at);
    return 0;
}

/* The entry is there. */
static int
present_fault(struct vm_space *s, struct mapping *m, uintptr_t at, uint64_t *entry, bool write)
{
    uint64_t pa;
    int err;

    if (!write || *entry & PTE_WRITE)
        return 0; /* another thread was faster */
    if (!(m->flags & VM_SHARED))
        return page_own(s, m, at, entry);
    err = m->object->ops->page(m->object, object_index(m, at), true, &pa);
    if (err)
        return err;
    page_put(pa); /* the entry has it already */
    __atomic_or_fetch(entry, PTE_WRITE, __ATOMIC_RELEASE);
    return 0;
}

/* The mapping at an address; a stack above it grows down to it. */
static struct mapping *
mapping_for(struct vm_space *s, uintptr_t at)
{
    struct mapping *m = vm_find_from(s, at), *below;

    if (!m || m->start <= at)
        return m;
    if (!(m->flags & VM_GROWS_DOWN) || m->end - at > s->limits.stack)
        return NULL;
    below = mapping_of(tree_prev(&m->node));
    if (below && below->end + VM_STACK_GAP > at)
        return NULL;
    s->mapped += m->start - at;
    m->start = at;
    return m;
}

/* Lock held; at: page-aligned. */
static int
fault(struct vm_space *s, uintptr_t at, uint64_t error)
{
    bool write = error & PF_WRITE;
    struct mapping *m = mapping_for(s, at);
    uint64_t *entry;
    int err;

    if (!m)
        return -EFAULT;
    err = access_check(m, error);
    if (err)
        return err;
    entry = vm_entry(s, at, true);
    if (!entry)
        return -ENOMEM;
    s->faults++;
    if (*entry)
        return present_fault(s, m, at, entry, write);
    return m->object ? object_fill(s, m, at, entry, write) : anonymous_fill(s, m, entry, write);
}

int
vm_fault(struct vm_space *s, uintptr_t address, uint64_t error)
{
    int err;

    if (address >= USER_END)
        return -EFAULT;
    mutex_lock(&s->lock, WAIT_FOREVER);
    err = fault(s, ALIGN_DOWN(address, PAGE_SIZE), error);
    mutex_unlock(&s->lock);
    return err;
}

long
vm_read(struct vm_space *s, uintptr_t from, void *to, size_t n)
{
    size_t done = 0;

    mutex_lock(&s->lock, WAIT_FOREVER);
    while (done < n && from + done < USER_END) {
        uintptr_t at = from + done;
        size_t part = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);
        const uint64_t *entry;

        if (fault(s, ALIGN_DOWN(at, PAGE_SIZE), 0))
            break;
        entry = vm_entry(s, at, false);
        memcpy((char *)to + done, (const char *)phys_to_virt(*entry & PTE_ADDRESS) + at % PAGE_SIZE, part);
        done += part;
    }
    mutex_unlock(&s->lock);
    return done || !n ? (long)done : -EFAULT;
}
