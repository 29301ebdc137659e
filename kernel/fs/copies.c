/* Mappings of files whose pages are not programs' pages: a copy for each who asks. */
#include "kernel/fs/vfs.h"
#include "kernel/mem/page.h"
#include "lib/errno.h"
#include "lib/field.h"

static int
copy_page(struct vm_object *o, uint64_t index, bool write, uint64_t *pa)
{
    struct vnode *v = container_of(o, struct vnode, object);
    struct uio_part part;
    struct uio u;

    if (index >= DIV_ROUND_UP(v->size, PAGE_SIZE))
        return -ENXIO;
    *pa = page_alloc();
    if (!*pa)
        return -ENOMEM;
    uio_kernel(&u, &part, phys_to_virt(*pa), PAGE_SIZE);
    if (v->ops->read_at(v, &u, index * PAGE_SIZE) > 0)
        return 0;
    page_put(*pa);
    return -EIO;
}

static void
copy_get(struct vm_object *o)
{
    vnode_get(container_of(o, struct vnode, object));
}

static void
copy_put(struct vm_object *o)
{
    vnode_put(container_of(o, struct vnode, object));
}

static const struct vm_object_ops copy_ops = {.page = copy_page, .get = copy_get, .put = copy_put};

struct vm_object *
vnode_copies(struct vnode *v)
{
    v->object.ops = &copy_ops;
    return &v->object;
}
