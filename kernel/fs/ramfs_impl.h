/*
 * Between ramfs.c (directories), ramfs_file.c (contents).
 */
#pragma once
#include "kernel/fs/file.h"
#include "kernel/mem/pages.h"
#include "kernel/sync/spin.h"
#include "lib/tree.h"

#define RAMFS_TAG POOL_TAG('r', 'a', 'm', 'f')

/* What belongs to the whole file system. [a] atomic */
struct ramfs {
    uint64_t last_ino; /* [a] */
    uint64_t pages;    /* [a] of all files */
    uint64_t limit;    /* [I] pages */
    uint64_t files;    /* [a] */
};

/* A vnode's private part. [d] vnode->lock   [p] pages_lock */
struct ramfs_node {
    struct tree by_name, by_order; /* [d] directory: struct ramfs_entry */
    uint64_t last_order;           /* [d] */
    spinlock_t pages_lock;
    struct pages pages; /* [p] file */
    char *target;       /* [I] link */
};

static inline struct ramfs_node *
ramfs_node(const struct vnode *v)
{
    return v->private;
}

static inline struct ramfs *
ramfs_of(const struct vnode *v)
{
    return v->fs->private;
}

/* The regular file's part of ramfs_ops. */
long ramfs_read(struct file *f, struct uio *u, uint64_t position);
long ramfs_write(struct file *f, struct uio *u, uint64_t position);
struct vm_object *ramfs_object(struct vnode *v);

/* Another size: pages behind it go, the rest of the last one becomes zeros. Locks: vnode->lock, or nobody has it. */
void ramfs_resize(struct vnode *v, uint64_t size);
