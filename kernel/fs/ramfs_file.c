/*
 * What files of the root in memory contain. A page of a file is the very page that programs map.
 */
#include "kernel/fs/ramfs_impl.h"
#include "kernel/mem/page.h"
#include "lib/errno.h"
#include "lib/string.h"

/* The page of an index, with a reference; 0: a hole. */
static uint64_t
page_find(struct vnode *v, uint64_t index)
{
    struct ramfs_node *n = ramfs_node(v);
    uint8_t old = spin_lock(&n->pages_lock);
    uint64_t pa = pages_find(&n->pages, index);

    if (pa)
        page_get(pa);
    spin_unlock(&n->pages_lock, old);
    return pa;
}

/* The same; a hole is filled. Returns 0 or -errno. */
static int
page_make(struct vnode *v, uint64_t index, uint64_t *pa)
{
    struct ramfs_node *n = ramfs_node(v);
    struct ramfs *fs = ramfs_of(v);
    uint64_t made, found;
    uint8_t old;
    int err = 0;

    *pa = page_find(v, index);
    if (*pa)
        return 0;
    if (__atomic_load_n(&fs->pages, __ATOMIC_RELAXED) >= fs->limit)
        return -ENOSPC;
    made = page_alloc();
    if (!made)
        return -ENOSPC;
    page_get(made);
    old = spin_lock(&n->pages_lock);
    found = pages_find(&n->pages, index);
    if (found)
        page_get(found);
    else
        err = pages_add(&n->pages, index, made);
    spin_unlock(&n->pages_lock, old);
    if (found || err) {
        page_put(made);
        page_put(made);
        *pa = found;
        return err;
    }
    __atomic_add_fetch(&fs->pages, 1, __ATOMIC_RELAXED);
    v->blocks += PAGE_SIZE / 512;
    *pa = made;
    return 0;
}

long
ramfs_read(struct file *f, struct uio *u, uint64_t position)
{
    struct vnode *v = f->vnode;
    uint64_t size = __atomic_load_n(&v->size, __ATOMIC_RELAXED);
    size_t left = position < size ? MIN(u->left, size - position) : 0;
    long done = 0;

    while (left) {
        size_t at = position % PAGE_SIZE, part = MIN(left, PAGE_SIZE - at);
        uint64_t pa = page_find(v, position / PAGE_SIZE);
        long n = pa ? uio_to(u, (char *)phys_to_virt(pa) + at, part) : uio_zero(u, part);

        if (pa)
            page_put(pa);
        if (n <= 0)
            return done ? done : n;
        done += n;
        position += (uint64_t)n;
        left -= (size_t)n;
    }
    return done;
}

long
ramfs_write(struct file *f, struct uio *u, uint64_t position)
{
    struct vnode *v = f->vnode;
    long done = 0;

    while (u->left) {
        size_t at = position % PAGE_SIZE, part = MIN(u->left, PAGE_SIZE - at);
        uint64_t pa;
        long n = page_make(v, position / PAGE_SIZE, &pa);

        if (n == 0) {
            n = uio_from(u, (char *)phys_to_virt(pa) + at, part);
            page_put(pa);
        }
        if (n <= 0)
            return done ? done : n;
        done += n;
        position += (uint64_t)n;
        if (position > v->size)
            __atomic_store_n(&v->size, position, __ATOMIC_RELAXED);
    }
    return done;
}

void
ramfs_resize(struct vnode *v, uint64_t size)
{
    struct ramfs_node *n = ramfs_node(v);
    uint64_t first = DIV_ROUND_UP(size, PAGE_SIZE), pa, freed = 0;

    __atomic_store_n(&v->size, size, __ATOMIC_RELAXED);
    do {
        uint8_t old = spin_lock(&n->pages_lock);

        pa = pages_take_from(&n->pages, first);
        spin_unlock(&n->pages_lock, old);
        if (pa) {
            page_put(pa);
            freed++;
        }
    } while (pa);
    __atomic_sub_fetch(&ramfs_of(v)->pages, freed, __ATOMIC_RELAXED);
    v->blocks -= MIN(v->blocks, freed * (PAGE_SIZE / 512));
    pa = size % PAGE_SIZE ? page_find(v, size / PAGE_SIZE) : 0;
    if (pa) {
        memset((char *)phys_to_virt(pa) + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
        page_put(pa);
    }
}

/* ---- mapping ---- */

static struct vnode *
vnode_of(struct vm_object *o)
{
    return container_of(o, struct vnode, object);
}

static int
object_page(struct vm_object *o, uint64_t index, bool write, uint64_t *pa)
{
    struct vnode *v = vnode_of(o);
    int err;

    if (index >= DIV_ROUND_UP(__atomic_load_n(&v->size, __ATOMIC_RELAXED), PAGE_SIZE))
        return -ENXIO;
    err = page_make(v, index, pa); /* a hole too: who maps it and who writes it later see the same */
    return err == -ENOSPC ? -ENOMEM : err;
}

static int
object_present(struct vm_object *o, uint64_t index, uint64_t *pa)
{
    struct vnode *v = vnode_of(o);

    *pa = index < DIV_ROUND_UP(v->size, PAGE_SIZE) ? page_find(v, index) : 0;
    return *pa ? 0 : -ENOENT;
}

static void
object_get(struct vm_object *o)
{
    vnode_get(vnode_of(o));
}

static void
object_put(struct vm_object *o)
{
    vnode_put(vnode_of(o));
}

static const struct vm_object_ops object_ops = {
    .page = object_page, .present = object_present, .get = object_get, .put = object_put};

struct vm_object *
ramfs_object(struct vnode *v)
{
    v->object.ops = &object_ops;
    return &v->object;
}
