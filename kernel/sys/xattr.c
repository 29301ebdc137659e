/*
 * Extended attributes (xattr(7)): no file system here has any, so a file has none, and none can be set.
 */
#include "kernel/sys/call.h"

#define NOFOLLOW true

/* The file must be there all the same; `says` is what is said of it then. */
static long
of_path(uintptr_t path, bool nofollow, long says)
{
    struct dentry *d;
    int err = call_dentry_get(AT_FDCWD, path, nofollow ? AT_SYMLINK_NOFOLLOW : 0, &d);

    if (err)
        return err;
    dentry_put(d);
    return says;
}

static long
of_file(uint64_t fd, long says)
{
    struct file *f = call_file(fd);

    if (!f)
        return -EBADF;
    file_put(f);
    return says;
}

SYSCALL(setxattr)
{
    return of_path(a, false, -EOPNOTSUPP);
}
SYSCALL(lsetxattr)
{
    return of_path(a, NOFOLLOW, -EOPNOTSUPP);
}
SYSCALL(fsetxattr)
{
    return of_file(a, -EOPNOTSUPP);
}
SYSCALL(getxattr)
{
    return of_path(a, false, -EOPNOTSUPP);
}
SYSCALL(lgetxattr)
{
    return of_path(a, NOFOLLOW, -EOPNOTSUPP);
}
SYSCALL(fgetxattr)
{
    return of_file(a, -EOPNOTSUPP);
}
SYSCALL(listxattr)
{
    return of_path(a, false, 0);
}
SYSCALL(llistxattr)
{
    return of_path(a, NOFOLLOW, 0);
}
SYSCALL(flistxattr)
{
    return of_file(a, 0);
}
SYSCALL(removexattr)
{
    return of_path(a, false, -EOPNOTSUPP);
}
SYSCALL(lremovexattr)
{
    return of_path(a, NOFOLLOW, -EOPNOTSUPP);
}
SYSCALL(fremovexattr)
{
    return of_file(a, -EOPNOTSUPP);
}
