/*
 * execve(2): another program in the same process.
 *
 * I1  Everything that can fail for the program's fault is done first, on the side: files opened and understood,
 *     arguments copied, the new address space mapped. Up to there the old program goes on with an error.
 * I2  Then (the point of no return) the other tasks end, the spaces change, and what can fail no more should not;
 *     if it does, for want of memory, the process ends.
 */
#include "kernel/console/log.h"
#include "kernel/hw/random.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/process.h"
#include "kernel/sys/aio.h"
#include "kernel/sys/call.h"
#include "kernel/sys/exec_impl.h"
#include "kernel/sys/life.h"
#include "lib/errname.h"
#include "lib/format.h"
#include "lib/string.h"

#define STACK_ROOM   KiB(128) /* mapped at once below the strings; more comes by faults */
#define STACK_RANDOM MiB(8)

/* ---- what is to be run ---- */

/* Is x->main a script? Then its interpreter is noted. Returns 1, 0, or -errno. */
static int
script_read(struct exec *x, const char **reason)
{
    char *line = x->line[x->scripts];
    long n = file_read_kernel(x->main.file, line, SCRIPT_LINE_MAX, 0);
    int script;

    if (n < 0)
        return (int)n;
    script = script_parse(line, (size_t)n, &x->interpreter[x->scripts], &x->argument[x->scripts]);
    if (script < 0)
        *reason = "a script without an interpreter";
    return script == 1 && x->scripts == SCRIPTS_MAX ? -ELOOP : script;
}

/* The file and its headers; scripts lead to their interpreters. d: a reference that this takes over. */
static int
program_find(struct exec *x, const struct walk *w, struct dentry *d, const char **reason)
{
    int script = 1;

    while (script) {
        int err = program_open(d, &x->main.file);

        dentry_put(d);
        if (err)
            return err;
        script = script_read(x, reason);
        if (script < 0)
            return script;
        if (script) {
            file_put(x->main.file);
            x->main.file = NULL;
            err = vfs_walk(w, x->interpreter[x->scripts++], 0, &d);
            if (err)
                return err;
        }
    }
    return program_read(&x->main, reason);
}

/* What the interpreters of scripts get before the program's own arguments. */
static int
arguments_of_scripts(struct exec *x)
{
    int err = 0;

    for (unsigned i = x->scripts; i-- && !err;) {
        err = strings_add(&x->strings, x->interpreter[i]);
        if (!err && x->argument[i])
            err = strings_add(&x->strings, x->argument[i]);
    }
    return err || !x->scripts ? err : strings_add(&x->strings, x->path);
}

/* A quarter of the stack, as on Linux, but never less than 128 KiB. */
static bool
fits_stack(const struct strings *s)
{
    uint64_t limit = MAX(process_current()->limits[RLIMIT_STACK].now / 4, KiB(128));

    return s->used + s->count * sizeof(uint64_t) <= limit;
}

/* argv and envp: of the program; from: of the kernel, if it is the first. */
static int
arguments_get(struct exec *x, uintptr_t argv, uintptr_t envp, const struct exec_first *from)
{
    struct strings *s = &x->strings;
    int err = arguments_of_scripts(x);

    if (!err && !from)
        err = strings_add_array(s, argv, x->scripts ? 1 : 0);
    for (char *const *a = from ? from->argv + (x->scripts ? 1 : 0) : NULL; !err && a && *a; a++)
        err = strings_add(s, *a);
    if (!err && s->count == 0)
        err = strings_add(s, ""); /* a program may count on argv[0] */
    x->argc = s->count;
    if (!err && !from)
        err = strings_add_array(s, envp, 0);
    for (char *const *e = from ? from->envp : NULL; !err && e && *e; e++)
        err = strings_add(s, *e);
    x->envc = s->count - x->argc;
    if (!err)
        err = strings_add(s, x->path);
    if (!err)
        err = strings_add(s, "x86_64");
    return err || fits_stack(s) ? err : -E2BIG;
}

static int
stack_map(struct exec *x)
{
    size_t size = ALIGN_UP(x->strings.used + x->strings.count * sizeof(uint64_t) + STACK_ROOM, PAGE_SIZE);
    unsigned prot = VM_READ | VM_WRITE | (x->main.elf.stack_executable ? VM_EXEC : 0);
    uintptr_t at;
    uint64_t r;

    random_bytes(&r, sizeof(r));
    x->stack_top = USER_END - ALIGN_DOWN(r % STACK_RANDOM, PAGE_SIZE);
    return vm_map(x->space, x->stack_top - size, size, prot, VM_FIXED_FREE | VM_GROWS_DOWN, NULL, 0, &at);
}

static int
space_make(struct exec *x)
{
    struct vm_limits limits;
    int err = vm_create(&x->space);

    if (err)
        return err;
    limits_of(process_current(), &limits);
    vm_set_limits(x->space, &limits);
    err = stack_map(x);
    return err ? err : programs_map(x);
}

/* I1 */
static int
exec_prepare(struct exec *x, const struct walk *w, struct dentry *d, uintptr_t argv, uintptr_t envp,
             const struct exec_first *from)
{
    const char *reason = NULL;
    int err = program_find(x, w, d, &reason);

    if (!err)
        err = linker_open(x, w, &reason);
    if (!err)
        err = arguments_get(x, argv, envp, from);
    if (!err)
        err = space_make(x);
    if (err == -ENOEXEC && reason)
        log_debug("exec: %s: %s", x->path, reason);
    return err;
}

/* ---- the point of no return ---- */

/* What other processes share with this one stays theirs. */
static int
unshare(struct process *p)
{
    struct signal_actions *actions = signal_actions_new(p->actions), *old_actions = p->actions;
    struct fd_table *files = NULL, *old_files = p->files;
    int err = actions ? fd_table_copy(p->files, &files) : -ENOMEM;
    uint8_t old;

    if (err) {
        signal_actions_put(actions);
        return err;
    }
    old = spin_lock(&p->lock);
    p->actions = actions;
    p->files = files;
    spin_unlock(&p->lock, old);
    signal_actions_put(old_actions);
    fd_table_put(old_files);
    return 0;
}

static void
name_set(struct process *p, const char *path)
{
    const char *slash = strrchr(path, '/');

    strlcpy(p->name, slash ? slash + 1 : path, sizeof(p->name));
    strlcpy(thread_current()->name, p->name, sizeof(thread_current()->name));
}

/* The new program's space, file and name; the old ones' go. */
static void
process_change(struct process *p, struct exec *x)
{
    struct vm_space *space = p->space;
    struct dentry *executable = p->executable;
    uint8_t old;

    aio_end(p);
    old = spin_lock(&p->lock);
    p->space = x->space;
    p->executable = x->main.file->dentry;
    name_set(p, x->path);
    spin_unlock(&p->lock, old);
    dentry_get(p->executable);
    user_set_root(vm_root(x->space));
    x->space = NULL;
    vm_put(space);
    dentry_put(executable);
    __atomic_store_n(&p->execed, true, __ATOMIC_RELAXED);
}

static void
task_change(struct task *t)
{
    t->altstack = t->altstack_size = t->altstack_flags = 0;
    t->clear_tid = t->robust_list = 0;
    t->restore_mask = false;
    user_set_fs(0);
    user_set_gs(0);
    user_fpu_reset();
}

/* I2. Returns 0: *f is how the new program begins; or -errno: the process is to end. */
static int
exec_commit(struct exec *x, struct trap_frame *f)
{
    struct task *t = task_current();
    struct process *p = t->process;
    uintptr_t entry = x->linker.file ? x->linker.base + x->linker.elf.entry
                                     : x->main.base + x->main.elf.entry;
    uintptr_t sp;
    int err;

    process_change(p, x);
    process_vfork_done(p);
    task_change(t);
    signal_actions_reset(p->actions);
    fd_table_close_on_exec(p->files);
    err = programs_clear(x);
    if (!err)
        err = stack_fill(x, &sp);
    if (!err)
        user_frame_init(f, entry, sp);
    return err;
}

static void
exec_free(struct exec *x)
{
    if (x->space)
        vm_put(x->space);
    file_put(x->main.file);
    file_put(x->linker.file);
    strings_free(&x->strings);
    pool_free(x, EXEC_TAG);
}

/* d: a reference that this takes over. */
static int
exec_run(struct exec *x, const struct walk *w, struct dentry *d, uintptr_t argv, uintptr_t envp,
         const struct exec_first *from, struct trap_frame *f)
{
    int err = exec_prepare(x, w, d, argv, envp, from);

    if (!err)
        err = task_alone();
    if (err)
        return err;
    task_robust_end();
    err = unshare(process_current());
    if (!err)
        err = exec_commit(x, f);
    if (err) {
        log_err("exec: %s: killed, it could not be begun: %s", x->path, errtext(-err));
        process_kill(process_current(), SIGKILL);
    }
    return err;
}

/* ---- the calls ---- */

/* The file that dirfd is open on, for AT_EMPTY_PATH. */
static int
dentry_of_file(int dirfd, struct dentry **out)
{
    struct file *f = call_file((uint64_t)dirfd);
    int err = 0;

    if (!f)
        return -EBADF;
    if (f->dentry)
        dentry_get(*out = f->dentry);
    else
        err = -EACCES;
    file_put(f);
    return err;
}

static long
exec_call(int dirfd, uintptr_t path, uintptr_t argv, uintptr_t envp, unsigned flags)
{
    struct call_path p;
    struct dentry *d;
    struct exec *x;
    int err;

    if (flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    err = call_path_get(&p, dirfd, path);
    if (err)
        return err;
    x = pool_zalloc(sizeof(*x), EXEC_TAG);
    if (!x) {
        call_path_put(&p);
        return -ENOMEM;
    }
    strlcpy(x->path, p.text, sizeof(x->path));
    if (!p.text[0] && (flags & AT_EMPTY_PATH)) {
        snprintf(x->path, sizeof(x->path), "/dev/fd/%d", dirfd);
        err = dentry_of_file(dirfd, &d);
    } else {
        err = vfs_walk(&p.walk, p.text, flags & AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0, &d);
    }
    if (!err)
        err = exec_run(x, &p.walk, d, argv, envp, NULL, user_frame());
    call_path_put(&p);
    exec_free(x);
    return err;
}

SYSCALL(execve)
{
    return exec_call(AT_FDCWD, a, b, c, 0);
}

SYSCALL(execveat)
{
    return exec_call((int)a, b, c, d, (unsigned)e);
}

int
exec_first(const struct exec_first *from, struct trap_frame *f)
{
    struct process *p = process_current();
    struct walk w = {.root = fs_context_root(p->fs), .start = fs_context_cwd(p->fs)};
    struct exec *x = pool_zalloc(sizeof(*x), EXEC_TAG);
    struct dentry *d;
    int err = -ENOMEM;

    if (x) {
        strlcpy(x->path, from->path, sizeof(x->path));
        err = vfs_walk(&w, from->path, 0, &d);
        if (!err)
            err = exec_run(x, &w, d, 0, 0, from, f);
        exec_free(x);
    }
    dentry_put(w.root);
    dentry_put(w.start);
    return err;
}
