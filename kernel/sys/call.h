/*
 * What the system calls about files share: paths, open files, times.
 */
#pragma once
#include "kernel/fs/file.h"
#include "kernel/sched/process.h"
#include "kernel/sys/syscall.h"

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR        0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_EMPTY_PATH       0x1000

#define RW_MAX 0x7ffff000ul /* bytes of one read or write: Linux's limit */

/* A path of a program. [o] its caller's; between call_path_get() and call_path_put() */
struct call_path {
    struct dentry *root, *start; /* references */
    struct walk walk;            /* with both */
    char *text;                  /* in PATH_MAX bytes of the pool */
};

/*
 * The path at program address `path`, which begins at dirfd: AT_FDCWD or a directory's number. Looks up nothing.
 * Returns: 0; -EBADF, -ENOTDIR (dirfd); -EFAULT, -ENAMETOOLONG (path); -ENOMEM
 */
int call_path_get(struct call_path *p, int dirfd, uintptr_t path);
void call_path_put(struct call_path *p);

/* The same, looked up: a dentry that exists, with a reference. at_flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. */
int call_dentry_get(int dirfd, uintptr_t path, unsigned at_flags, struct dentry **out);

/* The open file of a number, with a reference; NULL: -EBADF. */
static inline struct file *
call_file(uint64_t fd)
{
    return fd_get(process_current()->files, (int)fd);
}

/* What a call returns that a signal has interrupted before it did anything. */
static inline long
call_restart(long result)
{
    return result == -EINTR ? -ERESTARTSYS : result;
}

/* A struct timespec at a program address in ns; address 0: UINT64_MAX. Returns 0, -EFAULT or -EINVAL. */
int call_timespec(uintptr_t at, uint64_t *ns);

/* ns as a struct timespec to a program address; address 0: nothing. Returns 0 or -EFAULT. */
int call_put_timespec(uintptr_t at, uint64_t ns);

/*
 * The signal mask that ppoll(2) and pselect6(2) set for their wait: 8 bytes at a program address; 0: none. After the
 * wait the old one comes back, or, if a signal ended it, after that signal's handler.
 * Returns: 0, -EFAULT, -EINVAL (size)
 */
int call_mask_set(uintptr_t at, uint64_t size);
void call_mask_done(uintptr_t at, long result);
