/*
 * System calls about a program's memory. Addresses and sizes are checked where they are used (kernel/mem/vm.h).
 */
#include "kernel/fs/file.h"
#include "kernel/mem/frame.h"
#include "kernel/sys/call.h"
#include "lib/field.h"

/* linux/mman.h */
#define MAP_SHARED          0x01u
#define MAP_PRIVATE         0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_TYPE            0x0fu
#define MAP_FIXED           0x10u
#define MAP_ANONYMOUS       0x20u
#define MAP_GROWSDOWN       0x0100u
#define MAP_POPULATE        0x8000u
#define MAP_FIXED_NOREPLACE 0x100000u
#define MREMAP_MAYMOVE      1u
#define MREMAP_FIXED        2u

static int
prot_of(uint64_t prot, unsigned *out)
{
    if (prot & ~(uint64_t)(VM_READ | VM_WRITE | VM_EXEC))
        return -EINVAL;
    *out = (unsigned)prot;
    return 0;
}

static unsigned
flags_of(uint64_t flags)
{
    return ((flags & MAP_TYPE) != MAP_PRIVATE ? VM_SHARED : 0) |
           (flags & MAP_FIXED_NOREPLACE ? VM_FIXED_FREE
            : flags & MAP_FIXED         ? VM_FIXED
                                        : 0) |
           (flags & MAP_GROWSDOWN ? VM_GROWS_DOWN : 0) | (flags & MAP_POPULATE ? VM_POPULATE : 0);
}

/* May the file be mapped so? */
static int
file_check(const struct file *f, unsigned prot, unsigned flags)
{
    unsigned mode = f->flags & O_ACCMODE;

    if ((f->flags & O_PATH) == O_PATH)
        return -EBADF;
    if (mode == O_WRONLY || ((flags & VM_SHARED) && (prot & VM_WRITE) && mode != O_RDWR))
        return -EACCES;
    return f->ops->object && !(f->ops->object == vnode_copies && flags & VM_SHARED && mode == O_RDWR)
               ? 0
               : -ENODEV;
}

static int
map_file(struct vm_space *s, uintptr_t address, size_t size, unsigned prot, unsigned flags, uint64_t fd,
         uint64_t offset, uintptr_t *at)
{
    struct file *f = call_file(fd);
    struct vm_object *object;
    int err;

    if (!f)
        return -EBADF;
    err = file_check(f, prot, flags);
    if (!err) {
        object = f->ops->object(f->vnode);
        err = object ? vm_map(s, address, size, prot, flags, object, offset, at) : -ENODEV;
    }
    file_put(f);
    return err;
}

SYSCALL(mmap)
{
    struct vm_space *s = process_current()->space;
    unsigned prot, flags = flags_of(d), type = (unsigned)d & MAP_TYPE;
    uintptr_t at;
    int err = prot_of(c, &prot);

    if (err || b == 0 || type < MAP_SHARED || type > MAP_SHARED_VALIDATE || f % PAGE_SIZE)
        return -EINVAL;
    if (d & MAP_ANONYMOUS)
        err = vm_map(s, a, b, prot, flags, NULL, 0, &at);
    else
        err = map_file(s, a, b, prot, flags, e, f, &at);
    return err ? err : (long)at;
}

SYSCALL(munmap)
{
    return a % PAGE_SIZE ? -EINVAL : vm_unmap(process_current()->space, a, b);
}

SYSCALL(mprotect)
{
    unsigned prot;
    int err = prot_of(c, &prot);

    return err ? err : vm_protect(process_current()->space, a, b, prot);
}

SYSCALL(mremap)
{
    uintptr_t at = e;
    int err;

    if (d & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED))
        return -EINVAL;
    if ((d & MREMAP_FIXED) && !(d & MREMAP_MAYMOVE))
        return -EINVAL;
    err = vm_remap(process_current()->space, a, b, c, d & MREMAP_MAYMOVE, d & MREMAP_FIXED, &at);
    return err ? err : (long)at;
}

SYSCALL(brk)
{
    return (long)vm_brk(process_current()->space, a);
}

/* asm-generic/mman-common.h */
enum {
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_WILLNEED,
    MADV_DONTNEED,
    MADV_FREE = 8,
    MADV_HUGEPAGE = 14,
    MADV_NOHUGEPAGE,
    MADV_DONTDUMP,
    MADV_DODUMP,
};

SYSCALL(madvise)
{
    if (a % PAGE_SIZE)
        return -EINVAL;
    switch ((int)c) {
    case MADV_DONTNEED:
    case MADV_FREE: /* a program may find zeros at once */
        return vm_discard(process_current()->space, a, b);
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
        return 0; /* advice that needs not be taken */
    default:
        return -EINVAL;
    }
}

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC       4u

/* Pages of shared mappings are the file's own, so there is nothing to carry over. */
SYSCALL(msync)
{
    if (a % PAGE_SIZE || c & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC) ||
        (c & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    return 0;
}

/* Nothing is ever paged out: what was touched stays. */
SYSCALL(mlock)
{
    return a > USER_END || b > USER_END - a ? -ENOMEM : 0;
}

SYSCALL(munlock)
{
    return a > USER_END || b > USER_END - a ? -ENOMEM : 0;
}

SYSCALL(mlock2)
{
    return c & ~1ull ? -EINVAL : a > USER_END || b > USER_END - a ? -ENOMEM : 0;
}

SYSCALL(mlockall)
{
    return a == 0 || a & ~7ull ? -EINVAL : 0;
}

SYSCALL(munlockall)
{
    return 0;
}
