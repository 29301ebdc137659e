/*
 * /proc: the tree of registered names, and the processes among them.
 */
#include "kernel/fs/procfs_impl.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"

#define PROC_MAGIC 0x9fa0
#define PIDS_FROM  (1u << 20) /* readdir positions from here on are numbers of processes */
#define PIDS_EACH  32

extern const struct fs_ops procfs_ops;

struct proc_entry proc_root = {.children = LIST_INIT(proc_root.children), .ino = 1};
static uint64_t last_ino = 1; /* boot alone */
static const struct proc_part self_part = {"self", S_IFLNK | 0777, NULL};

struct vnode *
proc_vnode(struct fs *fs, uint32_t mode, uint64_t ino, const struct proc_node *n)
{
    struct proc_node *copy = pool_alloc(sizeof(*copy), PROC_TAG);
    struct vnode *v = copy ? vnode_new(fs, &procfs_ops, mode, ino) : NULL;

    if (!v) {
        pool_free(copy, PROC_TAG);
        return NULL;
    }
    *copy = *n;
    v->private = copy;
    return v;
}

static void
proc_evict(struct vnode *v)
{
    pool_free(v->private, PROC_TAG);
}

static const struct proc_node *
node_of(const struct vnode *v)
{
    return v->private;
}

static uint32_t
entry_mode(const struct proc_entry *e)
{
    return e->show || e->read ? S_IFREG | 0444 : S_IFDIR | 0555;
}

static int
proc_mount(struct fs *fs, const char *source, const char *options)
{
    fs->root = proc_vnode(fs, S_IFDIR | 0555, 1, &(struct proc_node){.entry = &proc_root, .fd = PROC_NO_FD});
    return fs->root ? 0 : -ENOMEM;
}

static int
proc_statfs(struct fs *fs, struct fs_stats *out)
{
    *out = (struct fs_stats){.block_size = 4096, .magic = PROC_MAGIC, .name_max = NAME_MAX};
    return 0;
}

static struct proc_entry *
entry_find(const struct proc_entry *dir, const char *name, size_t len)
{
    struct proc_entry *e;

    list_for_each_entry(e, &dir->children, link)
        if (strlen(e->name) == len && memcmp(e->name, name, len) == 0)
            return e;
    return NULL;
}

static int
root_lookup(struct fs *fs, const char *name, size_t len, struct vnode **out)
{
    int pid = proc_pid_parse(name, len);

    if (len == 4 && memcmp(name, "self", 4) == 0) {
        *out = proc_vnode(fs, self_part.mode, 2, &(struct proc_node){.part = &self_part, .fd = PROC_NO_FD});
        return *out ? 0 : -ENOMEM;
    }
    return pid ? proc_pid_dir(fs, pid, out) : -ENOENT;
}

static int
proc_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    const struct proc_node *n = node_of(dir);
    const struct proc_entry *e;

    if (!n->entry)
        return proc_pid_lookup(dir, name, len, out);
    e = entry_find(n->entry, name, len);
    if (!e)
        return n->entry == &proc_root ? root_lookup(dir->fs, name, len, out) : -ENOENT;
    *out = proc_vnode(dir->fs, entry_mode(e), e->ino, &(struct proc_node){.entry = e, .fd = PROC_NO_FD});
    return *out ? 0 : -ENOMEM;
}

static int
pids_emit(uint64_t *position, dir_emit *emit, void *context)
{
    int pids[PIDS_EACH];
    unsigned n;

    while ((n = process_list((int)(*position - PIDS_FROM), pids, PIDS_EACH)) > 0)
        for (unsigned i = 0; i < n; i++) {
            uint64_t next = PIDS_FROM + (uint64_t)pids[i];
            char name[16];
            int len = snprintf(name, sizeof(name), "%d", pids[i]);

            if (!emit(context, name, (size_t)len, next, S_IFDIR, next))
                return 0;
            *position = next;
        }
    return 0;
}

static int
proc_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    const struct proc_node *n = node_of(dir);
    const struct proc_entry *e;
    uint64_t at = 0;

    if (!n->entry)
        return proc_pid_readdir(dir, position, emit, context);
    list_for_each_entry(e, &n->entry->children, link) {
        if (at++ < *position)
            continue;
        if (!emit(context, e->name, strlen(e->name), e->ino, entry_mode(e) & S_IFMT, at))
            return 0;
        *position = at;
    }
    if (n->entry != &proc_root)
        return 0;
    if (*position < PIDS_FROM) {
        if (!emit(context, "self", 4, 2, S_IFLNK, PIDS_FROM))
            return 0;
        *position = PIDS_FROM;
    }
    return pids_emit(position, emit, context);
}

static long
proc_readlink(struct vnode *v, char *text, size_t size)
{
    const struct proc_node *n = node_of(v);
    struct text t = {0};
    long result;
    int err = 0;

    if (n->part == &self_part)
        text_add(&t, "%d", process_current() ? process_current()->pid : 0);
    else
        err = proc_pid_show(n, &t);
    result = err ? err : t.failed ? -ENOMEM : (long)MIN(t.size, size);
    if (result > 0)
        memcpy(text, t.bytes, (size_t)result);
    text_free(&t);
    return result;
}

static int
proc_follow(struct vnode *v, struct dentry **out)
{
    const struct proc_node *n = node_of(v);

    if (n->part == &self_part)
        return -EOPNOTSUPP;
    return proc_pid_follow(n, out);
}

/* ---- files: made whole at the first read ---- */

static int
proc_open(struct file *f)
{
    if ((f->flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    return 0;
}

static void
proc_release(struct file *f)
{
    struct text *t = f->private;

    if (t)
        text_free(t);
    pool_free(t, PROC_TAG);
}

static int
text_make(const struct proc_node *n, struct text **out)
{
    struct text *t = pool_zalloc(sizeof(*t), PROC_TAG);
    int err = 0;

    if (!t)
        return -ENOMEM;
    if (n->entry)
        n->entry->show(t);
    else
        err = proc_pid_show(n, t);
    if (err) {
        text_free(t);
        pool_free(t, PROC_TAG);
        return err;
    }
    *out = t;
    return 0;
}

/* Locks: the file's position_lock, or this file is read by pread() of several at once: the first text stays. */
static long
proc_read(struct file *f, struct uio *u, uint64_t position)
{
    const struct proc_node *n = node_of(f->vnode);
    struct text *t = NULL, *none = NULL;
    int err;

    if (n->entry && n->entry->read)
        return n->entry->read(n->entry, u, position);
    if (position == 0 || !__atomic_load_n(&f->private, __ATOMIC_ACQUIRE)) {
        err = text_make(n, &t);
        if (err)
            return err;
        if (!__atomic_compare_exchange_n(&f->private, (void **)&none, t, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            text_free(t);
            pool_free(t, PROC_TAG);
        }
    }
    return text_read(f->private, u, position);
}

int
procfs_add_entry(const char *path, const struct proc_entry *like)
{
    struct proc_entry *dir = &proc_root, *e;

    for (;;) {
        const char *slash = strchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : strlen(path);

        e = entry_find(dir, path, len);
        if (!e) {
            e = pool_zalloc(sizeof(*e), PROC_TAG);
            if (!e)
                return -ENOMEM;
            if (!slash)
                *e = *like;
            memcpy(e->name, path, MIN(len, sizeof(e->name) - 1));
            e->name[MIN(len, sizeof(e->name) - 1)] = 0;
            e->ino = ++last_ino + 16;
            list_init(&e->children);
            list_add_tail(&dir->children, &e->link);
        }
        if (!slash)
            return 0;
        dir = e;
        path = slash + 1;
    }
}

int
procfs_add(const char *name, void (*show)(struct text *t))
{
    return procfs_add_entry(name, &(struct proc_entry){.show = show});
}

const struct fs_ops procfs_ops = {
    .name = "proc",
    .nodev = true,
    .uncached = true,
    .mount = proc_mount,
    .statfs = proc_statfs,
    .lookup = proc_lookup,
    .readdir = proc_readdir,
    .readlink = proc_readlink,
    .follow = proc_follow,
    .open = proc_open,
    .read = proc_read,
    .release = proc_release,
    .evict = proc_evict,
};
