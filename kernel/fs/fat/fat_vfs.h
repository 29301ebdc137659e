/*
 * FAT under the VFS: what fat_vfs.c (names), fat_file.c (what is in files) and fat_volume.c (volumes) share.
 *
 * I1  A file or directory has one node at a time: struct fat_volume.nodes, by where its entry is on the volume.
 * I2  A node whose vnode's last reference has gone stays listed until evict() has written what its entry says and takes it out;
 *     who finds it meanwhile waits for that.
 * I3  A file's chain is changed under the volume's change_lock and its own chain_lock, and read under either; a directory's under
 *     the change_lock and its vnode->lock.
 *
 * Locks, in this order: vnode->lock of directories, of files (the VFS's); the volume's change_lock, under which all of the volume
 * is changed and committed; a node's chain_lock; the volume's nodes_lock. No program memory is touched under the last three.
 */
#pragma once
#include "kernel/block/order.h"
#include "kernel/fs/cached.h"
#include "kernel/fs/fat/fat_impl.h"
#include "kernel/fs/file.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"

#define FAT_TAG   POOL_TAG('v', 'f', 'a', 't')
#define FAT_LISTS 64

_Static_assert(FAT_BLOCK == PAGE_SIZE, "struct fat_io is the block cache");

struct fat_volume {
    struct fs *fs;
    struct block_device *device;
    struct cache *cache;
    struct mutex change_lock;
    struct fat fat;     /* change_lock; its geometry is [I] */
    struct order order; /* change_lock */
    struct thread *writer;
    struct event wake; /* of the writer */
    bool stopping;     /* [a] */
    bool frozen;       /* change_lock: the device is left alone */
    struct mutex nodes_lock;
    uint32_t listed;              /* nodes_lock */
    struct list nodes[FAT_LISTS]; /* struct fat_node.link, by where the entry is */
};

struct fat_node {
    struct list link; /* nodes_lock; of the root not listed */
    struct vnode *vnode;
    struct mutex chain_lock;
    struct fat_file file; /* change_lock; its chain: see I3 */
    uint64_t key;         /* nodes_lock: where the entry is; 0: removed */
    uint32_t
        generation; /* [a] clusters of it may be somebody else's by now: who reads looks before and after */
    struct read_ahead ahead;
};

static inline struct fat_node *
fat_node_of(const struct vnode *v)
{
    return v->private;
}

static inline struct fat_volume *
fat_volume_of(const struct vnode *v)
{
    return v->fs->private;
}

static inline void
fat_change_begin(struct fat_volume *v)
{
    mutex_lock(&v->change_lock, WAIT_FOREVER);
}

static inline void
fat_change_end(struct fat_volume *v)
{
    mutex_unlock(&v->change_lock);
}

extern const struct fs_ops fat_ops;

/* fat_vfs.c: a node that is not listed, for the root. NULL: no memory */
struct vnode *fat_node_new(struct fat_volume *v, uint32_t mode, uint64_t ino);

/* fat_file.c: of struct fs_ops */
long fat_vfs_read(struct file *f, struct uio *u, uint64_t position);
long fat_vfs_write(struct file *f, struct uio *u, uint64_t position);
int fat_vfs_resize(struct vnode *v, uint64_t size); /* vnode->lock held. -EFBIG, -ENOSPC and others */
int fat_vfs_fsync(struct vnode *v, bool data_only);
long fat_vfs_read_at(struct vnode *v, struct uio *u, uint64_t at);

/* fat_volume.c: of struct fs_ops */
int fat_vfs_mount(struct fs *fs, const char *source, const char *options);
void fat_vfs_unmount(struct fs *fs);
int fat_vfs_sync(struct fs *fs);
int fat_vfs_freeze(struct fs *fs, bool frozen);
bool fat_vfs_is_busy(struct fs *fs);
int fat_vfs_statfs(struct fs *fs, struct fs_stats *out);

/* Much has been written: the writer begins, or the caller commits itself. No lock held. */
void fat_throttle(struct fat_volume *v);
