/*
 * The files of a program: its own, and the dynamic linker's that it names; from headers to mappings.
 */
#include "kernel/hw/random.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/sys/exec_impl.h"
#include "lib/errno.h"

/* Where programs without a place of their own go: two thirds up, as on Linux, with a random part. */
#define BASE_LOW    0x555555554000ul
#define BASE_RANDOM GiB(16)

static const struct elf_limits limits = {USER_START, USER_END};

/* ---- files ---- */

int
program_open(struct dentry *d, struct file **out)
{
    struct vnode *v = dentry_vnode(d);

    if (!v)
        return -ENOENT;
    if (!vnode_is(v, S_IFREG) || !(v->mode & 0111))
        return -EACCES;
    return file_open(v, d, O_RDONLY, out);
}

/* All n bytes, or -ENOEXEC. */
static int
read_all(struct file *f, void *to, size_t n, uint64_t offset)
{
    long got = file_read_kernel(f, to, n, offset);

    if (got < 0)
        return (int)got;
    return (size_t)got == n ? 0 : -ENOEXEC;
}

int
program_read(struct program *p, const char **reason)
{
    uint8_t header[ELF_HEADER_SIZE];
    uint64_t size = p->file->vnode->size;
    long got = file_read_kernel(p->file, header, sizeof(header), 0);
    uint8_t *table;
    int err;

    if (got < 0)
        return (int)got;
    err = elf_header(header, (size_t)got, &p->elf, reason);
    if (err)
        return err;
    table = pool_alloc(p->elf.entries * ELF_ENTRY_SIZE, EXEC_TAG);
    if (!table)
        return -ENOMEM;
    *reason = "program headers behind the end of the file";
    err = p->elf.table_offset > size
              ? -ENOEXEC
              : read_all(p->file, table, p->elf.entries * ELF_ENTRY_SIZE, p->elf.table_offset);
    if (!err)
        err = elf_table(table, size, &limits, &p->elf, reason);
    pool_free(table, EXEC_TAG);
    return err;
}

/* The path of the dynamic linker. */
static int
linker_path(const struct exec *x, char *path, const char **reason)
{
    const struct elf *e = &x->main.elf;
    int err = read_all(x->main.file, path, e->interpreter_size, e->interpreter_offset);

    if (!err && path[e->interpreter_size - 1]) {
        *reason = "an interpreter's path without an end";
        err = -ENOEXEC;
    }
    return err;
}

int
linker_open(struct exec *x, const struct walk *w, const char **reason)
{
    struct dentry *d;
    char *path;
    int err;

    if (!x->main.elf.interpreter_size)
        return 0;
    path = pool_alloc(ELF_INTERPRETER_MAX, EXEC_TAG);
    if (!path)
        return -ENOMEM;
    err = linker_path(x, path, reason);
    if (!err)
        err = vfs_walk(w, path, 0, &d);
    pool_free(path, EXEC_TAG);
    if (err)
        return err;
    err = program_open(d, &x->linker.file);
    dentry_put(d);
    return err ? err : program_read(&x->linker, reason);
}

/* ---- mappings ---- */

static unsigned
vm_prot(unsigned prot)
{
    return (prot & ELF_READ ? VM_READ : 0) | (prot & ELF_WRITE ? VM_WRITE : 0) |
           (prot & ELF_EXECUTE ? VM_EXEC : 0);
}

static int
segment_map(struct vm_space *s, const struct program *p, const struct elf_segment *g,
            struct vm_object *object)
{
    uintptr_t start = ALIGN_DOWN(p->base + g->address, PAGE_SIZE), at;
    uintptr_t file_end = g->file_size ? ALIGN_UP(p->base + g->address + g->file_size, PAGE_SIZE) : start;
    uintptr_t end = ALIGN_UP(p->base + g->address + g->size, PAGE_SIZE);
    int err = 0;

    if (file_end > start)
        err = vm_map(s, start, file_end - start, vm_prot(g->prot), VM_FIXED_FREE, object,
                     ALIGN_DOWN(g->offset, PAGE_SIZE), &at);
    if (!err && end > file_end)
        err = vm_map(s, file_end, end - file_end, vm_prot(g->prot), VM_FIXED_FREE, NULL, 0, &at);
    return err;
}

static int
program_map(struct vm_space *s, const struct program *p)
{
    const struct fs_ops *ops = p->file->ops;
    struct vm_object *object = ops->object ? ops->object(p->file->vnode) : NULL;
    int err = object ? 0 : -ENOEXEC;

    for (unsigned i = 0; i < p->elf.segments && !err; i++)
        err = segment_map(s, p, &p->elf.segment[i], object);
    return err;
}

static uintptr_t
base_random(uint64_t align)
{
    uint64_t r;

    random_bytes(&r, sizeof(r));
    return ALIGN_UP(BASE_LOW + r % BASE_RANDOM, align);
}

/* Room where the address space has it. It is free again, but nobody else maps anything here. */
static int
linker_place(struct exec *x)
{
    const struct elf *e = &x->linker.elf;
    size_t size = e->end - e->start + (e->align - PAGE_SIZE);
    uintptr_t at;
    int err;

    if (!e->moves)
        return 0;
    err = vm_map(x->space, 0, size, 0, 0, NULL, 0, &at);
    if (err)
        return err;
    x->linker.base = ALIGN_UP(at, e->align) - e->start;
    return vm_unmap(x->space, at, size);
}

int
programs_map(struct exec *x)
{
    const struct elf *e = &x->main.elf;
    int err;

    if (e->moves)
        x->main.base = base_random(e->align) - ALIGN_DOWN(e->start, e->align);
    err = program_map(x->space, &x->main);
    if (err)
        return err;
    vm_brk_start(x->space, x->main.base + e->end);
    if (!x->linker.file)
        return 0;
    err = linker_place(x);
    return err ? err : program_map(x->space, &x->linker);
}

/* The last page that came from the file holds what follows there; behind file_size there are to be zeros. */
static int
program_clear(const struct program *p)
{
    for (unsigned i = 0; i < p->elf.segments; i++) {
        const struct elf_segment *g = &p->elf.segment[i];
        uintptr_t from = p->base + g->address + g->file_size;

        if (g->size == g->file_size || !g->file_size || from % PAGE_SIZE == 0 || !(g->prot & ELF_WRITE))
            continue;
        if (user_clear(from, ALIGN_UP(from, PAGE_SIZE) - from))
            return -EFAULT;
    }
    return 0;
}

int
programs_clear(const struct exec *x)
{
    int err = program_clear(&x->main);

    return err || !x->linker.file ? err : program_clear(&x->linker);
}
