/*
 * System calls: one function each, named sys_<name>, all of one type; kernel/sys/table.c lists them by number.
 *
 * IRQL: PASSIVE_LEVEL, no lock. Pointers are program addresses (kernel/cpu/user.h). Returns a result >= 0 or -errno.
 * A call that a signal ended before it did anything returns -ERESTARTSYS: signal delivery makes it begin anew, or
 * fail with EINTR if a handler without SA_RESTART runs.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/user.h"
#include "lib/errno.h"

#define ERESTARTSYS 512 /* never seen by programs */

#define SYSCALL(name) long sys_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)

/* A call's definition names its parameters itself; the unused ones are marked by the macro's user with (void). */

/* table.c: the vectors for user_init(), its part for system calls. */
extern syscall_function *const syscall_table[SYSCALL_MAX];
extern const char *const syscall_names[SYSCALL_MAX]; /* NULL: not implemented and not known */

struct walk;
struct dentry;
struct file;

/* Where the path at program address `path` begins for dirfd (AT_FDCWD or a directory's number), and the path itself. */
#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR        0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_EMPTY_PATH       0x1000

struct call_path {
    struct dentry *root, *start; /* references */
    char *text;                  /* PATH_MAX bytes of the pool */
};
int call_path_get(struct call_path *p, int dirfd, uintptr_t path);
void call_path_put(struct call_path *p);

/* Time: Linux's struct timespec at a program address, in ns. NULL address: *ns = UINT64_MAX. -EFAULT, -EINVAL. */
int call_timespec(uintptr_t at, uint64_t *ns);
