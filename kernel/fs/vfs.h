/*
 * Names and files: the seam between path walking (above) and file systems (below).
 *
 * A file system is one table, struct fs_ops; what is NULL in it is not supported, and the error that programs then
 * see stands beside the member. Its objects:
 *
 *   struct fs       a mounted file system
 *   struct vnode    a file, directory, link, device, pipe of it; counted; at most one per file at a time
 *   struct dentry   a name in a directory, with its vnode or known to be missing; the tree of all names in use,
 *                   which is also the cache. A mounted root's parent is the dentry it covers, so a dentry is a whole
 *                   path: there is exactly one way from it to the root.
 *   struct file     an open file: vnode, position, flags (kernel/fs/file.h)
 *
 * Not for: bind mounts, hard-linked directories, more than one user (all is root's; permission bits are kept).
 *
 * Locks, in this order: the rename mutex; a directory's vnode->lock, parent before child (two of the same level: by
 * address); a file's vnode->lock. The file system is called with the vnode->lock held that each member names.
 * Devices, pipes and terminals bring their own read and write, called without it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/fs/uio.h"
#include "kernel/mem/vm.h"
#include "kernel/sync/mutex.h"
#include "lib/list.h"

#define NAME_MAX       255
#define PATH_MAX       4096
#define LINK_DEPTH_MAX 40

/* File types and bits of vnode.mode: Linux's (octal). */
#define S_IFMT   0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK  0120000u
#define S_IFREG  0100000u
#define S_IFBLK  0060000u
#define S_IFDIR  0040000u
#define S_IFCHR  0020000u
#define S_IFIFO  0010000u

struct fs;
struct vnode;
struct dentry;
struct file;
struct async_io;
struct pipe;
struct poll_queue;
struct poll_waiter;
struct event;

/* Nanoseconds since 1970, UTC. */
struct vnode_times {
    int64_t accessed, modified, changed, born;
};

/* What setattr() changes: those of `which`. */
enum attr_which { ATTR_MODE = 1, ATTR_SIZE = 2, ATTR_ACCESSED = 4, ATTR_MODIFIED = 8, ATTR_OWNER = 16 };
struct attr {
    unsigned which;
    uint32_t mode;     /* permission bits */
    uint32_t uid, gid; /* UINT32_MAX: stays as it is */
    uint64_t size;
    int64_t accessed, modified;
};

struct fs_stats {
    uint64_t block_size, blocks, free_blocks, files, free_files;
    uint32_t magic; /* Linux's f_type */
    uint32_t name_max;
};

/* readdir's sink. Returns false when it is full (that entry was not taken). type: S_IF... of the mode. */
typedef bool dir_emit(void *context, const char *name, size_t len, uint64_t ino, uint32_t type,
                      uint64_t next);

/*
 * All at PASSIVE_LEVEL; all return 0 or -errno unless they say otherwise. [d] dir->lock held; [v] v->lock held.
 * `out` gets a vnode with a reference for the caller.
 */
struct fs_ops {
    const char *name; /* as in mount -t */
    bool nodev;       /* needs no device (/proc/filesystems) */
    bool uncached;    /* its names come and go by themselves: each walk asks anew (/proc) */

    /* The file system. mount fills fs->root (a reference), fs->private; source as mount(2) got it. */
    int (*mount)(struct fs *fs, const char *source, const char *options);
    void (*unmount)(struct fs *fs); /* nobody has a vnode of it but root's; NULL: nothing to do */
    bool (*is_busy)(struct fs *fs); /* has somebody a vnode but root's, by no name (a mapping)? NULL: no */
    int (*sync)(struct fs *fs);     /* all is durable on return; NULL: nothing to do */
    /* Nothing is written from now on, or it is again; what was is durable, and the medium says that nobody works on it.
     * fs->read_only is the caller's. NULL: nothing to do */
    int (*freeze)(struct fs *fs, bool frozen);
    int (*statfs)(struct fs *fs, struct fs_stats *out); /* NULL: zeros */

    /* Names that are one name (FAT: whatever the case of letters): hash and comparison. NULL: those of the same bytes. A vnode that
     * lookup() found by another name than that has `aliased` set. */
    uint32_t (*name_hash)(const char *name, size_t len);
    bool (*names_match)(const char *a, size_t a_len, const char *b, size_t b_len);

    /* Directories. Names are `len` bytes, not NUL-terminated, never "." or "..", never with '/'. */
    int (*lookup)(struct vnode *dir, const char *name, size_t len, struct vnode **out); /* [d] -ENOENT */
    int (*create)(struct vnode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev,
                  struct vnode **out); /* [d] file, directory, device, FIFO by mode; NULL: -EROFS */
    int (*symlink)(struct vnode *dir, const char *name, size_t len, const char *target,
                   struct vnode **out);                                            /* [d] -EPERM */
    int (*link)(struct vnode *dir, const char *name, size_t len, struct vnode *v); /* [d] -EPERM */
    int (*unlink)(struct vnode *dir, const char *name, size_t len,
                  struct vnode *v); /* [d][v] also empty directories; -EROFS */
    int (*rename)(struct vnode *from, const char *name, size_t len, struct vnode *v, struct vnode *to,
                  const char *to_name, size_t to_len,
                  struct vnode *replaced); /* [d] both; replaced may be NULL; -EROFS */
    int (*readdir)(struct vnode *dir, uint64_t *position, dir_emit *emit,
                   void *context);                              /* [d] without . and ..; -ENOTDIR */
    long (*readlink)(struct vnode *v, char *text, size_t size); /* bytes, no NUL; -EINVAL */
    /* A link that leads somewhere whatever its text says (/proc/PID/fd/N), with a reference.
     * NULL, -EOPNOTSUPP: the text is walked. */
    int (*follow)(struct vnode *v, struct dentry **out);

    /* Files. read and write return bytes; 0: end of file. position is ignored by what has none. */
    long (*read)(struct file *f, struct uio *u, uint64_t position); /* no lock held; -EINVAL */
    long (*write)(struct file *f, struct uio *u,
                  uint64_t position); /* [v] for regular files, else none; -EINVAL */
    /* Begin a transfer that ends with io->done(), perhaps before this returns. 0; or it is not begun, -EOPNOTSUPP: read and
     * write have to do it. NULL: never. No lock held. */
    int (*start)(struct file *f, struct async_io *io);
    int (*setattr)(struct vnode *v, const struct attr *a); /* [v] -EPERM */
    int (*fsync)(struct vnode *v, bool data_only);         /* NULL: nothing to do */
    int (*open)(
        struct file *f); /* a struct file begins; may set f->private, f->vnode's ops differ; NULL: fine */
    void (*release)(struct file *f); /* it ends; exactly once after a successful open */
    /* What is ready: POLL bits. If w: enters it (poll_add) with event first. NULL: always readable and writable. */
    unsigned (*poll)(struct file *f, struct poll_waiter *w, struct event *event);
    long (*ioctl)(struct file *f, unsigned request,
                  uintptr_t argument); /* argument: program address; -ENOTTY */
    int64_t (*seek)(struct file *f, int64_t offset,
                    int whence); /* NULL: by size, for files and directories; else -ESPIPE */
    /* For mmap: NULL: -ENODEV. The vnode's object; its page() serves faults (vm.h). */
    struct vm_object *(*object)(struct vnode *v);
    /* For vnode_copies() as object: bytes of a file, whether or not it is open. No lock held. */
    long (*read_at)(struct vnode *v, struct uio *u, uint64_t position);

    void (*evict)(
        struct vnode *v); /* the last reference has gone: free v->private (and the file, if nlink == 0) */
};

/* [I] fixed   [v] lock   [a] atomic */
struct vnode {
    const struct fs_ops *ops; /* [I] most often fs->ops; devices have their own */
    struct fs *fs;            /* [I] */
    void *private;            /* the file system's */
    uint32_t refs;            /* [a] */
    uint32_t mode;            /* [v] type bits are [I] */
    uint32_t nlink, uid, gid; /* [v] */
    uint64_t ino;             /* [I] */
    uint64_t size;            /* [v] bytes; written under it, read without */
    uint64_t blocks;          /* [v] of 512 bytes, for stat */
    bool aliased;             /* names of several kinds may be cached for it; once set it stays */
    uint64_t rdev;            /* [I] device number, Linux's encoding (makedev) */
    struct vnode_times times; /* [v] */
    struct mutex lock;
    struct pipe *pipe;       /* [v] of a FIFO that is open */
    struct vm_object object; /* for fs_ops.object, if the file system likes: container_of() gives the vnode */
};

/* A vnode with one reference and zeroed fields but these; NULL: no memory. */
struct vnode *vnode_new(struct fs *fs, const struct fs_ops *ops, uint32_t mode, uint64_t ino);
void vnode_get(struct vnode *v);
void vnode_put(struct vnode *v); /* PASSIVE_LEVEL: may evict */
int64_t vfs_now(void);           /* for times */

/* For fs_ops.object: who maps a page of the file has a copy of his own, as it was then. So shared mappings that may be written are
 * refused (-ENODEV). */
struct vm_object *vnode_copies(struct vnode *v);

static inline bool
vnode_is(const struct vnode *v, uint32_t type)
{
    return (v->mode & S_IFMT) == type;
}

/* A mounted file system. [I] but for `mounts` */
struct fs {
    const struct fs_ops *ops;
    struct vnode *root;
    void *private;
    uint64_t device; /* st_dev */
    bool read_only;
    struct dentry *covered, *top; /* what it is mounted on (NULL: the root of all) and its own root's name */
    struct list link;             /* all mounts, oldest first */
    char source[64], options[64];
};

/* ---- names (dentry.c, path.c, mount.c) ---- */

/* Boot, once, before all else. */
void vfs_init(void);

/* Register a type of file system. Boot. */
void fs_register(const struct fs_ops *ops);
const struct fs_ops *fs_find(const char *name);
void fs_for_each(void (*show)(void *context, const struct fs_ops *ops), void *context);

/*
 * Mount on a directory; `on` NULL: the root of all, once. What the system has mounted by itself (option "auto") gives way if it
 * is not in use. Returns 0, -ENODEV (no such type), -EBUSY (also: the device is mounted), -ENOTDIR, or mount()'s.
 */
int vfs_mount(const char *type, const char *source, struct dentry *on, bool read_only, const char *options);
/* What the system has mounted by itself of a disk's ("sda") partitions is taken down, unless one of them is in use. */
void vfs_give_way(const char *disk);
/* -EBUSY if something of it is in use; -EINVAL: not a mount point. Syncs first. lazy: nobody finds it any more, and it goes when
 * it is not in use. */
int vfs_unmount(struct dentry *at, bool lazy);
/* Read-only, or not any more. Returns 0; -EINVAL: not a mount point; -EROFS: it cannot be written; -EIO and others */
int vfs_remount(struct dentry *at, bool read_only);
int vfs_sync(void);      /* all; the first error */
void vfs_shutdown(void); /* everything is durable, and nothing is written any more */
void vfs_for_each_mount(void (*show)(void *context, const struct fs *fs), void *context);

/* References. PASSIVE_LEVEL: the last one may evict the vnode. */
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d); /* NULL is allowed */
struct vnode *dentry_vnode(
    const struct dentry *d);   /* NULL: known to be missing. Valid while the dentry is held */
struct dentry *vfs_root(void); /* a new reference */

/* "/a/b" of a dentry, as seen from `root`, to the end of text[size]; " (deleted)" is added when it is. Returns the start, or NULL: too long. */
char *dentry_path(struct dentry *d, struct dentry *root, char *text, size_t size);

/* Where a walk begins. root and cwd of the process (kernel/fs/file.h). */
struct walk {
    struct dentry *root, *start; /* not changed; held by the caller */
};

enum walk_flags {
    WALK_NOFOLLOW = 1,  /* do not follow a link in last place */
    WALK_DIRECTORY = 2, /* -ENOTDIR if it is none */
    WALK_CREATE = 4,    /* the last name may be missing: its dentry comes without vnode */
};

/*
 * Find a path. A trailing '/' demands a directory. "" is -ENOENT.
 * Returns: 0 and *out with a reference; -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -ENOMEM, or the file system's
 */
int vfs_walk(const struct walk *w, const char *path, unsigned flags, struct dentry **out);

/* What the calls of the same name do; paths as in vfs_walk(). */
int vfs_open(const struct walk *w, const char *path, unsigned flags, uint32_t mode,
             struct file **out);                                                     /* O_ flags */
int vfs_mknod(const struct walk *w, const char *path, uint32_t mode, uint64_t rdev); /* mkdir too: S_IFDIR */
int vfs_symlink(const struct walk *w, const char *target, const char *path);
int vfs_link(const struct walk *from, const char *path, const struct walk *to, const char *to_path,
             bool follow);
int vfs_unlink(const struct walk *w, const char *path, bool directory);
int vfs_rename(const struct walk *from, const char *path, const struct walk *to, const char *to_path,
               unsigned flags);
int vfs_setattr(struct vnode *v, const struct attr *a);

/* ---- the root's image (cpio.c) ---- */

/*
 * Unpack newc archives, one behind another, with zeros between, into the root. Malformed: what came before stays, *reason
 * and the byte offset *at say what is wrong.
 * Returns: 0, -EINVAL, -ENOMEM, -ENOSPC
 */
int cpio_unpack(const void *image, size_t size, const char **reason, size_t *at);

extern const struct fs_ops ramfs_ops, procfs_ops, sysfs_ops, fat_ops, iso_ops;
