/*
 * Paths as system calls bring them: a directory's number and a string in the program's memory.
 */
#include "kernel/fs/file.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/process.h"
#include "kernel/sys/call.h"

#define PATH_TAG POOL_TAG('p', 'a', 't', 'h')

/* Where relative names begin: cwd, or the directory that dirfd is open on. *out with a reference. */
static int
start_get(int dirfd, struct dentry **out)
{
    struct file *f;
    int err = 0;

    if (dirfd == AT_FDCWD) {
        *out = fs_context_cwd(process_current()->fs);
        return 0;
    }
    f = fd_get(process_current()->files, dirfd);
    if (!f)
        return -EBADF;
    if (f->dentry && vnode_is(f->vnode, S_IFDIR))
        dentry_get(*out = f->dentry);
    else
        err = -ENOTDIR;
    file_put(f);
    return err;
}

int
call_path_get(struct call_path *p, int dirfd, uintptr_t path)
{
    struct process *self = process_current();
    long n;
    int err = 0;

    p->text = pool_alloc(PATH_MAX, PATH_TAG);
    if (!p->text)
        return -ENOMEM;
    n = user_read_string(p->text, path, PATH_MAX);
    if (n < 0) {
        err = (int)n;
        goto text;
    }
    err = start_get(p->text[0] == '/' || n == 0 ? AT_FDCWD : dirfd, &p->start);
    if (err)
        goto text;
    p->root = fs_context_root(self->fs);
    p->walk = (struct walk){p->root, p->start};
    return 0;
text:
    pool_free(p->text, PATH_TAG);
    return err;
}

void
call_path_put(struct call_path *p)
{
    dentry_put(p->root);
    dentry_put(p->start);
    pool_free(p->text, PATH_TAG);
}

int
call_dentry_get(int dirfd, uintptr_t path, unsigned at_flags, struct dentry **out)
{
    struct call_path p;
    struct file *f;
    int err = call_path_get(&p, dirfd, path);

    if (err)
        return err;
    if (p.text[0] || !(at_flags & AT_EMPTY_PATH)) {
        err = vfs_walk(&p.walk, p.text, at_flags & AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0, out);
    } else if (dirfd == AT_FDCWD) {
        dentry_get(*out = p.start);
    } else {
        f = fd_get(process_current()->files, dirfd);
        if (!f)
            err = -EBADF;
        else if (!f->dentry)
            err = -EINVAL;
        else
            dentry_get(*out = f->dentry);
        file_put(f);
    }
    call_path_put(&p);
    return err;
}
