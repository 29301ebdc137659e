/*
 * /proc/PID: what is told of one process, in Linux's formats (proc(5)).
 */
#include "kernel/fs/procfs_impl.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"

#define TICKS_EACH (SECONDS(1) / 100) /* ns of a tick of USER_HZ */
#define STRING_MAX (256 * 1024ul)

/* ---- what a process has, with a reference ---- */

static struct fd_table *
files_get(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);
    struct fd_table *t = p->files;

    if (t)
        fd_table_get(t);
    spin_unlock(&p->lock, old);
    return t;
}

static struct fs_context *
fs_get(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);
    struct fs_context *c = p->fs;

    if (c)
        fs_context_get(c);
    spin_unlock(&p->lock, old);
    return c;
}

static struct dentry *
executable_get(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);
    struct dentry *d = p->executable;

    if (d)
        dentry_get(d);
    spin_unlock(&p->lock, old);
    return d;
}

/* ---- texts ---- */

static char
state_letter(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);
    char letter = 'S';
    const struct task *t;

    if (p->state == PROCESS_ZOMBIE)
        letter = 'Z';
    else if (p->state == PROCESS_STOPPED)
        letter = 'T';
    else
        list_for_each_entry(t, &p->tasks, link)
            if (t->thread->state != THREAD_BLOCKED)
                letter = 'R';
    spin_unlock(&p->lock, old);
    return letter;
}

static void
stats_get(struct process *p, struct vm_stats *out)
{
    struct vm_space *s = process_space(p);

    *out = (struct vm_stats){0};
    if (!s)
        return;
    vm_stats(s, out);
    vm_put(s);
}

static int
parent_of(const struct process *p)
{
    return p->parent ? p->parent->pid : 0;
}

static void
show_stat(struct text *t, struct process *p)
{
    uint64_t ticks = process_time(p) / TICKS_EACH;
    struct vm_stats m;

    stats_get(p, &m);
    text_add(t, "%d (%s) %c %d %d %d %d %d 0 %lu 0 0 0 %lu 0 %lu 0 %d %d %u 0 %lu %lu %lu %lu", p->pid,
             p->name, state_letter(p), parent_of(p), p->pgid, p->sid, p->tty ? (int)makedev(5, 1) : 0,
             p->tty ? p->pgid : -1, m.minor_faults, ticks, p->child_ns / TICKS_EACH, 20 + p->nice, p->nice,
             p->task_count, p->start_ns / TICKS_EACH, m.mapped, m.resident / PAGE_SIZE, RLIM_INFINITY);
    text_add(t, " 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void
show_statm(struct text *t, struct process *p)
{
    struct vm_stats m;

    stats_get(p, &m);
    text_add(t, "%lu %lu %lu %lu 0 %lu 0\n", m.mapped / PAGE_SIZE, m.resident / PAGE_SIZE,
             m.shared / PAGE_SIZE, m.code / PAGE_SIZE, (m.data + m.stack) / PAGE_SIZE);
}

static const char *
state_words(char letter)
{
    switch (letter) {
    case 'R':
        return "R (running)";
    case 'T':
        return "T (stopped)";
    case 'Z':
        return "Z (zombie)";
    default:
        return "S (sleeping)";
    }
}

static void
show_status(struct text *t, struct process *p)
{
    struct vm_stats m;

    stats_get(p, &m);
    text_add(t,
             "Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
             p->name, state_words(state_letter(p)), p->pid, p->pid, parent_of(p));
    text_add(t, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t0\n");
    if (p->space)
        text_add(t,
                 "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nVmData:\t%8lu kB\n"
                 "VmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n",
                 m.mapped >> 10, m.mapped >> 10, m.peak_resident >> 10, m.resident >> 10, m.data >> 10,
                 m.stack >> 10, m.code >> 10, 0ul);
    text_add(t, "Threads:\t%u\nSigPnd:\t0000000000000000\nShdPnd:\t%016lx\n", p->task_count, p->pending);
}

static void
show_comm(struct text *t, struct process *p)
{
    text_add(t, "%s\n", p->name);
}

/* Program memory [from, to), in pieces. */
static void
show_memory(struct text *t, struct process *p, uintptr_t from, uintptr_t to)
{
    struct vm_space *s = process_space(p);
    char bytes[512];

    to = MIN(to, from + STRING_MAX);
    while (s && from < to) {
        long n = vm_read(s, from, bytes, MIN(to - from, sizeof(bytes)));

        if (n <= 0)
            break;
        text_bytes(t, bytes, (size_t)n);
        from += (uint64_t)n;
    }
    if (s)
        vm_put(s);
}

static void
show_cmdline(struct text *t, struct process *p)
{
    show_memory(t, p, p->arguments, p->arguments_end);
}

static void
show_environ(struct text *t, struct process *p)
{
    show_memory(t, p, p->environment, p->environment_end);
}

static void
map_show(void *context, const struct vm_mapping *m)
{
    struct text *t = context;
    char name[128] = "";

    if (m->object && m->object->ops->name)
        m->object->ops->name(m->object, name, sizeof(name));
    text_add(t, "%08lx-%08lx %c%c%c%c %08lx 00:00 0 %26s%s\n", m->start, m->end,
             m->prot & VM_READ ? 'r' : '-', m->prot & VM_WRITE ? 'w' : '-', m->prot & VM_EXEC ? 'x' : '-',
             m->flags & VM_SHARED ? 's' : 'p', m->offset, "",
             m->stack  ? "[stack]"
             : m->heap ? "[heap]"
                       : name);
}

static void
show_maps(struct text *t, struct process *p)
{
    struct vm_space *s = process_space(p);

    if (!s)
        return;
    vm_for_each(s, map_show, t);
    vm_put(s);
}

static void
show_limits(struct text *t, struct process *p)
{
    static const char *const names[RLIMITS] = {
        [RLIMIT_CPU] = "Max cpu time",          [RLIMIT_FSIZE] = "Max file size",
        [RLIMIT_DATA] = "Max data size",        [RLIMIT_STACK] = "Max stack size",
        [RLIMIT_CORE] = "Max core file size",   [RLIMIT_RSS] = "Max resident set",
        [RLIMIT_NPROC] = "Max processes",       [RLIMIT_NOFILE] = "Max open files",
        [RLIMIT_MEMLOCK] = "Max locked memory", [RLIMIT_AS] = "Max address space"};

    text_add(t, "%-25s %-20s %-20s\n", "Limit", "Soft Limit", "Hard Limit");
    for (unsigned i = 0; i < RLIMITS; i++) {
        char now[24], max[24];

        if (!names[i])
            continue;
        snprintf(now, sizeof(now), "%lu", p->limits[i].now);
        snprintf(max, sizeof(max), "%lu", p->limits[i].max);
        text_add(t, "%-25s %-20s %-20s\n", names[i], p->limits[i].now == RLIM_INFINITY ? "unlimited" : now,
                 p->limits[i].max == RLIM_INFINITY ? "unlimited" : max);
    }
}

/* ---- links ---- */

enum { LINK_EXE, LINK_CWD, LINK_ROOT };

static struct dentry *
link_dentry(struct process *p, int which)
{
    struct fs_context *c;
    struct dentry *d = NULL;

    if (which == LINK_EXE)
        return executable_get(p);
    c = fs_get(p);
    if (c)
        d = which == LINK_CWD ? fs_context_cwd(c) : fs_context_root(c);
    fs_context_put(c);
    return d;
}

/* The path of a dentry, whose reference goes over. */
static void
dentry_show(struct text *t, struct dentry *d)
{
    struct dentry *root = vfs_root();
    char *room = pool_alloc(PATH_MAX, PROC_TAG), *path = room ? dentry_path(d, root, room, PATH_MAX) : NULL;

    if (path)
        text_add(t, "%s", path);
    else
        t->failed = true;
    pool_free(room, PROC_TAG);
    dentry_put(root);
    dentry_put(d);
}

static void
link_show(struct text *t, struct process *p, int which)
{
    struct dentry *d = link_dentry(p, which);

    if (d)
        dentry_show(t, d);
}

static void
show_exe(struct text *t, struct process *p)
{
    link_show(t, p, LINK_EXE);
}

static void
show_cwd(struct text *t, struct process *p)
{
    link_show(t, p, LINK_CWD);
}

static void
show_root(struct text *t, struct process *p)
{
    link_show(t, p, LINK_ROOT);
}

static void
show_mounts(struct text *t, struct process *p)
{
    proc_mounts_show(t);
}

static const struct proc_part parts[] = {
    {"cmdline", S_IFREG | 0444, show_cmdline},
    {"comm", S_IFREG | 0444, show_comm},
    {"cwd", S_IFLNK | 0777, show_cwd},
    {"environ", S_IFREG | 0400, show_environ},
    {"exe", S_IFLNK | 0777, show_exe},
    {"fd", S_IFDIR | 0500, NULL},
    {"limits", S_IFREG | 0444, show_limits},
    {"maps", S_IFREG | 0444, show_maps},
    {"mounts", S_IFREG | 0444, show_mounts},
    {"root", S_IFLNK | 0777, show_root},
    {"stat", S_IFREG | 0444, show_stat},
    {"statm", S_IFREG | 0444, show_statm},
    {"status", S_IFREG | 0444, show_status},
    {"task", S_IFDIR | 0555, NULL}, /* last: a thread has no threads */
};

static bool
part_is(const struct proc_part *part, const char *name)
{
    return part && strcmp(part->name, name) == 0;
}

/* How many of them the directory n has. */
static size_t
parts_of(const struct proc_node *n)
{
    return ARRAY_SIZE(parts) - (n->fd == PROC_THREAD);
}

/* ---- open files ---- */

static struct file *
file_of(int pid, int fd)
{
    struct process *p = process_find(pid);
    struct fd_table *t = p ? files_get(p) : NULL;
    struct file *f = t ? fd_get(t, fd) : NULL;

    fd_table_put(t);
    if (p)
        process_put(p);
    return f;
}

static int
fd_show(const struct proc_node *n, struct text *t)
{
    struct file *f = file_of(n->pid, n->fd);

    if (!f)
        return -ENOENT;
    if (f->dentry && f->vnode->fs) {
        dentry_get(f->dentry);
        dentry_show(t, f->dentry);
    } else {
        text_add(t, "pipe:[%lu]", f->vnode->ino);
    }
    file_put(f);
    return 0;
}

/* ---- the interface to procfs.c ---- */

int
proc_pid_parse(const char *name, size_t len)
{
    int pid = 0;

    if (len == 0 || len > 7 || name[0] == '0')
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        pid = pid * 10 + (name[i] - '0');
    }
    return pid;
}

enum { INO_THREAD, INO_PROCESS, INO_PARTS, INO_FDS = 0x1000 };

static uint64_t
ino_of(int pid, uint64_t what)
{
    return (uint64_t)pid << 20 | what;
}

static int
pid_dir(struct fs *fs, int pid, int kind, struct vnode **out)
{
    struct process *p = process_find(pid);

    if (!p)
        return -ENOENT;
    process_put(p);
    *out = proc_vnode(fs, S_IFDIR | 0555, ino_of(pid, kind == PROC_THREAD ? INO_THREAD : INO_PROCESS),
                      &(struct proc_node){.pid = pid, .fd = kind});
    return *out ? 0 : -ENOMEM;
}

int
proc_pid_dir(struct fs *fs, int pid, struct vnode **out)
{
    return pid_dir(fs, pid, PROC_NO_FD, out);
}

static int
fd_lookup(struct vnode *dir, int pid, const char *name, size_t len, struct vnode **out)
{
    int fd = len == 1 && name[0] == '0' ? 0 : proc_pid_parse(name, len);
    struct file *f = fd || name[0] == '0' ? file_of(pid, fd) : NULL;

    if (!f)
        return -ENOENT;
    file_put(f);
    *out = proc_vnode(dir->fs, S_IFLNK | 0700, ino_of(pid, INO_FDS + (uint64_t)fd),
                      &(struct proc_node){.pid = pid, .fd = fd});
    return *out ? 0 : -ENOMEM;
}

int
proc_pid_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    const struct proc_node *n = dir->private;

    if (part_is(n->part, "fd"))
        return fd_lookup(dir, n->pid, name, len, out);
    if (part_is(n->part, "task"))
        return proc_pid_parse(name, len) == n->pid ? pid_dir(dir->fs, n->pid, PROC_THREAD, out) : -ENOENT;
    for (size_t i = 0; i < parts_of(n); i++) {
        if (strlen(parts[i].name) != len || memcmp(parts[i].name, name, len) != 0)
            continue;
        *out = proc_vnode(dir->fs, parts[i].mode, ino_of(n->pid, INO_PARTS + i),
                          &(struct proc_node){.part = &parts[i], .pid = n->pid, .fd = PROC_NO_FD});
        return *out ? 0 : -ENOMEM;
    }
    return -ENOENT;
}

struct fd_list {
    dir_emit *emit;
    void *context;
    uint64_t *position;
    bool full;
};

static void
fd_emit(void *context, int fd, struct file *f)
{
    struct fd_list *l = context;
    char name[16];
    int len;

    if (l->full || (uint64_t)fd < *l->position)
        return;
    len = snprintf(name, sizeof(name), "%d", fd);
    l->full = !l->emit(l->context, name, (size_t)len, INO_FDS + (uint64_t)fd, S_IFLNK, (uint64_t)fd + 1);
    if (!l->full)
        *l->position = (uint64_t)fd + 1;
}

static int
fds_readdir(int pid, uint64_t *position, dir_emit *emit, void *context)
{
    struct fd_list l = {emit, context, position, false};
    struct process *p = process_find(pid);
    struct fd_table *t = p ? files_get(p) : NULL;

    if (t)
        fd_for_each(t, fd_emit, &l);
    fd_table_put(t);
    if (p)
        process_put(p);
    return 0;
}

int
proc_pid_readdir(struct vnode *dir, uint64_t *position, dir_emit *emit, void *context)
{
    const struct proc_node *n = dir->private;

    if (part_is(n->part, "fd"))
        return fds_readdir(n->pid, position, emit, context);
    if (part_is(n->part, "task")) {
        char name[16];
        int len = snprintf(name, sizeof(name), "%d", n->pid);

        if (*position == 0 && emit(context, name, (size_t)len, ino_of(n->pid, INO_THREAD), S_IFDIR, 1))
            *position = 1;
        return 0;
    }
    while (*position < parts_of(n)) {
        const struct proc_part *part = &parts[*position];

        if (!emit(context, part->name, strlen(part->name), ino_of(n->pid, INO_PARTS + *position),
                  part->mode & S_IFMT, *position + 1))
            break;
        ++*position;
    }
    return 0;
}

int
proc_pid_show(const struct proc_node *n, struct text *t)
{
    struct process *p;

    if (n->fd >= 0)
        return fd_show(n, t);
    p = process_find(n->pid);
    if (!p)
        return -ESRCH;
    n->part->show(t, p);
    process_put(p);
    return 0;
}

/* To the file itself, also one whose name has gone; a pipe, which has none, may be opened once more by this way. */
int
proc_pid_follow(const struct proc_node *n, struct dentry **out)
{
    struct process *p;
    struct file *f;

    if (n->fd >= 0) {
        f = file_of(n->pid, n->fd);
        if (!f)
            return -ENOENT;
        *out = f->dentry;
        if (*out)
            dentry_get(*out);
        else
            *out = pipe_dentry(f->vnode);
        file_put(f);
        return *out ? 0 : -ENOMEM;
    }
    p = process_find(n->pid);
    if (!p)
        return -ESRCH;
    *out = link_dentry(p, part_is(n->part, "exe")   ? LINK_EXE
                          : part_is(n->part, "cwd") ? LINK_CWD
                                                    : LINK_ROOT);
    process_put(p);
    return *out ? 0 : -ENOENT;
}
