/*
 * What programs stand on (files, pipes, tables of open files, address spaces), with each of its allocations failing once.
 */
#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/mem/page.h"
#include "kernel/mem/vm.h"
#include "lib/string.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

#define BASE 0x10000000ul

static const struct uio_part *
part_of(struct uio *u, struct uio_part *part, const char *text)
{
    uio_kernel(u, part, text, strlen(text));
    return part;
}

/* A file system with a directory, a file with a hole and two pages in it, a hard link and a symbolic link. */
static bool
fill(const struct walk *w)
{
    struct file *f = NULL;
    struct uio_part part;
    struct uio u;
    bool ok = !vfs_mknod(w, "/fail/dir", S_IFDIR | 0755, 0) &&
              !vfs_open(w, "/fail/dir/file", O_CREAT | O_RDWR, 0644, &f) && part_of(&u, &part, "begin") &&
              file_pwrite(f, &u, 0) == 5 && part_of(&u, &part, "end") && file_pwrite(f, &u, 0x400000) == 3 &&
              !vfs_link(w, "/fail/dir/file", w, "/fail/link", false) &&
              !vfs_symlink(w, "dir/file", "/fail/symlink") &&
              !vfs_rename(w, "/fail/link", w, "/fail/dir/moved", 0);

    file_put(f);
    return ok;
}

/* Mounted, filled, unmounted with all that is in it. */
static bool
try_files(void)
{
    struct dentry *root = vfs_root(), *on = NULL, *top = NULL;
    const struct walk w = {root, root};
    bool ok = !vfs_walk(&w, "/fail", 0, &on) && !vfs_mount("ramfs", "none", on, false, "");

    if (ok) {
        ok = fill(&w);
        KCHECK_EQ(vfs_walk(&w, "/fail", 0, &top), 0);
        KCHECK_EQ(vfs_unmount(top, false), 0);
    }
    dentry_put(top);
    dentry_put(on);
    dentry_put(root);
    return ok;
}

static bool
try_pipe(void)
{
    struct file *reader, *writer;
    struct uio_part part;
    struct uio u;
    char got[8] = "";
    bool ok;

    if (pipe_create(0, &reader, &writer))
        return false;
    part_of(&u, &part, "through");
    ok = file_write(writer, &u) == 7;
    if (ok) {
        uio_kernel(&u, &part, got, 7);
        KCHECK(file_read(reader, &u) == 7 && !strcmp(got, "through"));
    }
    file_put(reader);
    file_put(writer);
    return ok;
}

static bool
try_fd_table(void)
{
    struct fd_table *t, *copy = NULL;
    struct file *reader, *writer;
    bool ok = false;

    if (fd_table_new(&t))
        return false;
    if (!pipe_create(0, &reader, &writer)) {
        if (fd_add(t, reader, 900, 1024, false) == 900)
            ok = !fd_table_copy(t, &copy);
        else
            file_put(reader);
        file_put(writer);
    }
    fd_table_put(t);
    fd_table_put(copy);
    return ok;
}

/* Two mappings far apart, touched; forked; one page written on each side. */
static bool
try_spaces(void)
{
    struct vm_space *s = NULL, *child = NULL;
    uintptr_t at, far;
    bool ok = !vm_create(&s) && !vm_map(s, BASE, 0x10000, VM_READ | VM_WRITE, VM_FIXED, NULL, 0, &at) &&
              !vm_map(s, BASE + (1ul << 40), 0x1000, VM_READ, VM_FIXED, NULL, 0, &far) &&
              !vm_fault(s, at, PF_USER | PF_WRITE) && !vm_fault(s, far, PF_USER) && !vm_fork(s, &child) &&
              !vm_fault(child, at, PF_USER | PF_WRITE | PF_PRESENT) &&
              !vm_fault(s, at + 0x2000, PF_USER | PF_WRITE) && !vm_protect(s, at + 0x1000, 0x1000, VM_READ) &&
              !vm_unmap(child, at + 0x4000, 0x1000);

    if (child)
        vm_put(child);
    if (s)
        vm_put(s);
    return ok;
}

KTEST(failure_of_each_allocation_for_files_and_spaces_leaks_nothing)
{
    struct dentry *root = vfs_root();
    const struct walk w = {root, root};

    KCHECK_EQ(vfs_mknod(&w, "/fail", S_IFDIR | 0755, 0), 0);
    fail_each("files", try_files, 8);
    fail_each("pipe", try_pipe, 3);
    fail_each("descriptors", try_fd_table, 4);
    KCHECK(try_spaces()); /* makes the page of zeros, which stays */
    fail_each("address spaces", try_spaces, 8);
    KCHECK_EQ(vfs_unlink(&w, "/fail", true), 0);
    dentry_put(root);
}
