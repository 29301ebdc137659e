/*
 * Between the files of kernel/fs that deal with names: the dentry.
 *
 * I1  A dentry that is not the root of all holds a reference to its parent; so the path of one that is held is held.
 * I2  A hashed dentry tells the truth: its name in its parent is its vnode's, or nobody's if vnode is NULL. Names of a
 *     directory change with its vnode's lock held, and the dentries with them.
 * I3  A dentry that nobody holds stays for the next walk, on the list of the unused, until there are too many.
 */
#pragma once
#include "kernel/fs/vfs.h"
#include "kernel/sync/spin.h"

#define FS_TAG POOL_TAG('f', 's', ' ', ' ')

/* [I] fixed   [n] the names' lock   [d] and the parent directory's vnode->lock, to change it */
struct dentry {
    struct dentry *parent; /* [n][d] the root of all: itself */
    struct vnode *vnode;   /* [n][d] a reference; NULL: there is no such file */
    struct fs *fs;         /* [I] of the directory that the name is in */
    struct fs *mounted;    /* [n] what is mounted on it; NULL: nothing */
    struct dentry *chain;  /* [n] in the hash table */
    struct list unused;    /* [n] the oldest first; linked while refs is 0 */
    uint32_t refs;         /* [n] */
    uint32_t hash;         /* [n] */
    bool hashed;           /* [n] can be found; false: removed, or its mount is gone */
    uint16_t length;       /* [n][d] */
    char *name;            /* [n][d] NUL-terminated; in `room` if it is short */
    char room[32];
};

/* Names' lock. */
extern spinlock_t names_lock;

/*
 * The dentry of a name in a directory, with a reference: from the cache, else from the file system's lookup (then it
 * has a vnode, or is known to be missing).
 * Locks:   none, or the directory's vnode->lock (`locked`)
 * Returns: 0, -ENOMEM, or the file system's error
 */
int dentry_lookup(struct dentry *dir, const char *name, size_t len, bool locked, struct dentry **out);

/* A name has got a file, lost it, or moved. Locks: the directories' vnode->lock. A vnode's reference goes over. */
void dentry_attach(struct dentry *d, struct vnode *v);
void dentry_detach(struct dentry *d);
int dentry_move(struct dentry *d, struct dentry *to_dir, const char *name, size_t len);

/* Nobody finds a directory's dentries for a vnode any more; NULL: those that say that a name is missing. */
void dentry_purge(const struct dentry *dir, const struct vnode *v);

/* The name of a file system's own root: covered by nothing yet, with a reference; NULL: no memory. */
struct dentry *dentry_new_root(struct fs *fs, struct vnode *root);

/* Forget what is cached of a file system; -EBUSY if a dentry of it but `top` is in use. */
int dentry_forget(struct fs *fs);

/* Is `d` below `top`, or the same? */
bool dentry_below(const struct dentry *d, const struct dentry *top);

/* From a dentry that is covered to the root of what covers it. The reference goes over. */
struct dentry *dentry_down(struct dentry *d);

/* ".." of d, as seen from `root`: across mounts. The reference of d goes over. */
struct dentry *dentry_up(struct dentry *d, struct dentry *root);

/*
 * Make the file of a dentry that has none (vfs_walk() with WALK_CREATE).
 * Returns: 0; -EEXIST; -EAGAIN: the name has changed, walk again; or the file system's
 */
int vfs_create(struct dentry *d, uint32_t mode, uint64_t rdev);

/* For vfs_init(). */
void mount_init(void);
