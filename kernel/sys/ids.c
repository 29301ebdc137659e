/*
 * Who a program is: numbers of processes, groups and sessions; users, of whom there is one.
 */
#include "kernel/sched/process.h"
#include "kernel/sys/syscall.h"

SYSCALL(getpid)
{
    return process_current()->pid;
}

SYSCALL(gettid)
{
    return task_current()->tid;
}

SYSCALL(getppid)
{
    return __atomic_load_n(&task_current()->process->parent_pid, __ATOMIC_RELAXED);
}

/* A group or session by a process's number. */
static long
of_process(int pid, bool session)
{
    struct process *p = process_current();
    long result;

    if (pid == 0 || pid == p->pid)
        return session ? p->sid : p->pgid;
    p = process_find(pid);
    if (!p)
        return -ESRCH;
    result = session ? p->sid : p->pgid;
    process_put(p);
    return result;
}

SYSCALL(getpgid)
{
    return of_process((int)a, false);
}

SYSCALL(getpgrp)
{
    return of_process(0, false);
}

SYSCALL(getsid)
{
    return of_process((int)a, true);
}

SYSCALL(setpgid)
{
    return process_setpgid((int)a, (int)b);
}

SYSCALL(setsid)
{
    return process_setsid();
}

SYSCALL(set_tid_address)
{
    task_current()->clear_tid = a;
    return task_current()->tid;
}

/* ---- users: root, and nobody else ---- */

SYSCALL(getuid)
{
    return 0;
}

SYSCALL(geteuid)
{
    return 0;
}

SYSCALL(getgid)
{
    return 0;
}

SYSCALL(getegid)
{
    return 0;
}

SYSCALL(getgroups)
{
    return (int)a < 0 ? -EINVAL : 0;
}

SYSCALL(setgroups)
{
    return a ? -EPERM : 0;
}

/* An id may be set to 0, or stay (-1). */
static long
id_set(uint64_t id, bool may_stay)
{
    return (uint32_t)id == 0 || (may_stay && (uint32_t)id == UINT32_MAX) ? 0 : -EPERM;
}

static long
ids_set(uint64_t a, uint64_t b, uint64_t c)
{
    return id_set(a, true) || id_set(b, true) || id_set(c, true) ? -EPERM : 0;
}

SYSCALL(setuid)
{
    return id_set(a, false);
}

SYSCALL(setgid)
{
    return id_set(a, false);
}

SYSCALL(setreuid)
{
    return ids_set(a, b, 0);
}

SYSCALL(setregid)
{
    return ids_set(a, b, 0);
}

SYSCALL(setresuid)
{
    return ids_set(a, b, c);
}

SYSCALL(setresgid)
{
    return ids_set(a, b, c);
}

/* These return the id that was. */
SYSCALL(setfsuid)
{
    return 0;
}

SYSCALL(setfsgid)
{
    return 0;
}

static long
ids_get(const uintptr_t at[3])
{
    uint32_t root = 0;

    for (unsigned i = 0; i < 3; i++)
        if (user_write(at[i], &root, sizeof(root)))
            return -EFAULT;
    return 0;
}

SYSCALL(getresuid)
{
    return ids_get((const uintptr_t[]){a, b, c});
}

SYSCALL(getresgid)
{
    return ids_get((const uintptr_t[]){a, b, c});
}

/* ---- capabilities: linux/capability.h ---- */

#define CAPABILITY_VERSION 0x20080522u
#define CAPABILITIES       0x1ffffffffffull /* all 41 */

struct capability_header {
    uint32_t version;
    int32_t pid;
};

/* Returns 0; the version that we know is written over another one: then -EINVAL. */
static long
capability_check(uintptr_t at)
{
    struct capability_header h;

    if (user_read(&h, at, sizeof(h)))
        return -EFAULT;
    if (h.version == CAPABILITY_VERSION)
        return h.pid < 0 ? -EINVAL : 0;
    h.version = CAPABILITY_VERSION;
    return user_write(at, &h, sizeof(h)) ? -EFAULT : -EINVAL;
}

SYSCALL(capget)
{
    uint32_t low = (uint32_t)CAPABILITIES, high = (uint32_t)(CAPABILITIES >> 32);
    uint32_t data[6] = {low, low, 0, high, high, 0}; /* effective, permitted, inheritable */
    long err = capability_check(a);

    if (err)
        return b || err != -EINVAL ? err : 0;
    return b ? user_write(b, data, sizeof(data)) : -EFAULT;
}
