/*
 * Open files, the numbers that programs know them by, and where a program's paths begin.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/fs/vfs.h"

/* Linux's O_ flags (octal). */
#define O_ACCMODE   03u
#define O_RDONLY    00u
#define O_WRONLY    01u
#define O_RDWR      02u
#define O_CREAT     0100u
#define O_EXCL      0200u
#define O_NOCTTY    0400u
#define O_TRUNC     01000u
#define O_APPEND    02000u
#define O_NONBLOCK  04000u
#define O_DSYNC     010000u
#define O_DIRECT    040000u
#define O_LARGEFILE 0100000u
#define O_DIRECTORY 0200000u
#define O_NOFOLLOW  0400000u
#define O_NOATIME   01000000u
#define O_CLOEXEC   02000000u
#define O_SYNC      04010000u
#define O_PATH      010000000u
#define O_TMPFILE   020200000u

#define POLLIN     0x001u
#define POLLPRI    0x002u
#define POLLOUT    0x004u
#define POLLERR    0x008u
#define POLLHUP    0x010u
#define POLLNVAL   0x020u
#define POLLRDNORM 0x040u
#define POLLWRNORM 0x100u

/* [I] fixed   [a] atomic   [p] position_lock */
struct file {
    struct vnode *vnode;        /* [I] a reference; open() of the file system may replace it */
    struct dentry *dentry;      /* [I] its name, a reference; NULL: it never had one (pipes) */
    const struct fs_ops *ops;   /* [I] vnode->ops, unless open() replaced it */
    void *private;              /* of ops */
    uint32_t refs;              /* [a] */
    uint32_t flags;             /* [a] O_ flags; O_APPEND, O_NONBLOCK, O_DIRECT change */
    uint64_t position;          /* [p] */
    struct mutex position_lock; /* read, write and seek of files with a position */
};

/* An open file of a vnode; takes its own references. Calls ops->open. Returns 0 or -errno. */
int file_open(struct vnode *v, struct dentry *d, unsigned flags, struct file **out);
void file_get(struct file *f);
void file_put(struct file *f);             /* the last one releases it. NULL is allowed. PASSIVE_LEVEL */
bool file_put_unless_last(struct file *f); /* false: it is the last one, and kept. Any IRQL */

/* read(2), write(2), with the position; p-variants (pread) with one of their own. Check the access mode: -EBADF. */
long file_read(struct file *f, struct uio *u);
long file_write(struct file *f, struct uio *u);
long file_pread(struct file *f, struct uio *u, uint64_t position);
long file_pwrite(struct file *f, struct uio *u, uint64_t position);
/* A transfer that goes on by itself (fs_ops.start). 0; -EBADF; -EOPNOTSUPP: this file, or this transfer, has to be waited for. */
int file_start(struct file *f, struct async_io *io);
int64_t file_seek(struct file *f, int64_t offset, int whence);
unsigned file_poll(struct file *f, struct poll_waiter *w, struct event *event);
int file_truncate(struct file *f, uint64_t size);
int file_readdir(struct file *f, dir_emit *emit, void *context); /* with . and .. */

/* Convenience for the kernel itself (exec). Bytes at an offset; fewer only at the end. */
long file_read_kernel(struct file *f, void *to, size_t n, uint64_t position);

/* ---- numbers ---- */

#define FD_MAX 4096

struct fd_table; /* counted: CLONE_FILES shares one */

/* All of these at PASSIVE_LEVEL; 0, -ENOMEM. */
int fd_table_new(struct fd_table **out);
int fd_table_copy(struct fd_table *from, struct fd_table **out); /* fork */
void fd_table_get(struct fd_table *t);
void fd_table_put(struct fd_table *t);           /* the last one closes all. NULL is allowed */
void fd_table_close_on_exec(struct fd_table *t); /* the caller alone has it */

struct file *fd_get(struct fd_table *t, int fd); /* a reference, or NULL */
/* Lowest free number >= least for the file, whose reference goes over. -EMFILE at `limit`, -ENOMEM: it does not. */
int fd_add(struct fd_table *t, struct file *f, int least, uint64_t limit, bool close_on_exec);
/* dup2: the number, whatever it was. The reference goes over on success. */
int fd_set(struct fd_table *t, struct file *f, int fd, bool close_on_exec);
int fd_close(struct fd_table *t, int fd); /* -EBADF */
int fd_flags(struct fd_table *t, int fd); /* 1: close on exec; -EBADF */
int fd_set_flags(struct fd_table *t, int fd, int flags);
void fd_for_each(struct fd_table *t, void (*show)(void *context, int fd, struct file *f), void *context);

/* ---- where paths begin ---- */

struct fs_context; /* root, cwd and umask; counted: CLONE_FS shares one */

int fs_context_new(struct fs_context **out); /* root and cwd: the root of all; umask 022 */
int fs_context_copy(struct fs_context *from, struct fs_context **out);
void fs_context_get(struct fs_context *c);
void fs_context_put(struct fs_context *c);            /* NULL is allowed */
struct dentry *fs_context_cwd(struct fs_context *c);  /* a new reference */
struct dentry *fs_context_root(struct fs_context *c); /* a new reference */
int fs_context_chdir(struct fs_context *c, struct dentry *d);
int fs_context_chroot(struct fs_context *c, struct dentry *d);
uint32_t fs_context_umask(struct fs_context *c);
uint32_t fs_context_set_umask(struct fs_context *c, uint32_t mask); /* the old one */

/* ---- files without a name (pipe.c) ---- */

/* pipe2(2): the reading and the writing end. flags: O_NONBLOCK, O_DIRECT ignored. Returns 0, -ENOMEM, -ENFILE. */
int pipe_create(unsigned flags, struct file **reader, struct file **writer);

/* A name without a place for a pipe's vnode, so that it may be opened once more; NULL: no memory. */
struct dentry *pipe_dentry(struct vnode *v);

/* For open() of a FIFO: f->vnode is its node; gives f the ops of a pipe. Waits for the other end as fifo(7) says. */
int fifo_open(struct file *f);

/* ---- devices (devfs.c) ---- */

/* For open() of a device's node in another file system: gives f the ops of the device. -ENXIO: there is none. */
int devfs_open_node(struct file *f, uint32_t mode, uint64_t rdev);

/* Boot, once. devfs_populate(): /dev is mounted now (a ramfs): make the nodes, and the usual links. 0 or -errno. */
void devfs_init(void);
int devfs_populate(void);

/* A device node /dev/NAME; opening it gives a file with these ops and f->private = private. Names stay. Boot, PASSIVE_LEVEL. */
int devfs_add(const char *name, uint32_t mode, uint64_t rdev, const struct fs_ops *ops, void *private);
/* Take it away: opens fail from now on; open files stay valid, their ops must bear it. */
void devfs_remove(const char *name);
static inline uint64_t
makedev(uint32_t major, uint32_t minor)
{
    return (uint64_t)(minor & 0xff) | (uint64_t)(major & 0xfff) << 8 | (uint64_t)(minor & ~0xffu) << 12 |
           (uint64_t)(major & ~0xfffu) << 32;
}

/* ---- texts (procfs.c) ---- */

struct text; /* grows; what does not fit any more for want of memory makes the read fail with -ENOMEM */
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_bytes(struct text *t, const void *bytes, size_t n);

/* /proc/NAME (directories in between are made): made anew by show() at each first read. Boot, PASSIVE_LEVEL. */
int procfs_add(const char *name, void (*show)(struct text *t));
