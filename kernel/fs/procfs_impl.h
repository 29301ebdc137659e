/*
 * Between procfs.c (the tree), procfs_pid.c (processes), procfs_system.c (what the kernel tells of itself).
 *
 * A vnode of /proc has a struct proc_node: a directory of registered names, a text, or a part of a process.
 */
#pragma once
#include "kernel/fs/text.h"
#include "lib/list.h"

#define PROC_TAG POOL_TAG('p', 'r', 'o', 'c')

struct process;

/* A registered name. [I] once it is published */
struct proc_entry {
    struct list link;     /* of its directory */
    struct list children; /* of a directory */
    void (*show)(struct text *t);
    long (*read)(const struct proc_entry *e, struct uio *u,
                 uint64_t position); /* instead of show: not a text */
    void *private;
    uint64_t ino;
    char name[32];
};

extern struct proc_entry proc_root;

/* procfs_add() for entries of other kinds: `like` gives show or read and private. Boot. Returns 0 or -ENOMEM. */
int procfs_add_entry(const char *path, const struct proc_entry *like);

/* What a process's directory has: by name. */
struct proc_part {
    const char *name;
    uint32_t mode;
    void (*show)(struct text *t, struct process *p); /* files; links: the text is where it leads */
};

/* A vnode's private part. */
struct proc_node {
    const struct proc_entry *entry; /* a registered name; NULL: a process's */
    const struct proc_part
        *part; /* of process `pid`; NULL: its own directory, its thread's, or a link of fd/ */
    int pid;   /* 0: none */
    int fd;    /* >= 0: a link of fd/; PROC_NO_FD; PROC_THREAD: the directory below task/ */
};
enum { PROC_NO_FD = -1, PROC_THREAD = -2 };

/* A vnode for these; NULL: no memory. */
struct vnode *proc_vnode(struct fs *fs, uint32_t mode, uint64_t ino, const struct proc_node *n);

/* procfs_pid.c: names in a process's directories. As fs_ops has them. */
int proc_pid_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out);
int proc_pid_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context);
/* The process of a number in text; 0: that is none. */
int proc_pid_parse(const char *name, size_t len);
int proc_pid_dir(struct fs *fs, int pid, struct vnode **out);
int proc_pid_show(const struct proc_node *n, struct text *t);
int proc_pid_follow(const struct proc_node *n, struct dentry **out);

/* mounts, as /proc/mounts and /proc/PID/mounts show them. */
void proc_mounts_show(struct text *t);

/* procfs_pci.c: /proc/pci and /proc/bus/pci. Boot. Returns 0 or -ENOMEM. */
int proc_pci_init(void);
