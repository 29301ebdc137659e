/*
 * prctl(2), arch_prctl(2), personality(2): settings of a task or process.
 */
#include "kernel/sched/process.h"
#include "kernel/sys/syscall.h"
#include "lib/string.h"

/* linux/prctl.h */
enum {
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG = 2,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_SET_NAME = 15,
    PR_GET_NAME = 16,
    PR_CAPBSET_READ = 23,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
};
#define CAPABILITY_LAST 40

static long
death_signal_set(uint64_t signal)
{
    if (signal > SIGNALS)
        return -EINVAL;
    __atomic_store_n(&process_current()->death_signal, (int)signal, __ATOMIC_RELAXED);
    return 0;
}

/* A name of the task; that of the first one is the process's. */
static long
name_set(uintptr_t at)
{
    struct task *t = task_current();
    struct process *p = t->process;
    char name[PROCESS_NAME_MAX] = {0};
    long n = user_read_string(name, at, sizeof(name));
    uint8_t old;

    if (n < 0 && n != -ENAMETOOLONG)
        return n;
    name[PROCESS_NAME_MAX - 1] = '\0';
    old = spin_lock(&p->lock);
    strlcpy(t->thread->name, name, sizeof(t->thread->name));
    if (t->tid == p->pid)
        memcpy(p->name, name, sizeof(p->name));
    spin_unlock(&p->lock, old);
    return 0;
}

static long
name_get(uintptr_t at)
{
    char name[PROCESS_NAME_MAX] = {0};

    strlcpy(name, thread_current()->name, sizeof(name));
    return user_write(at, name, sizeof(name));
}

SYSCALL(prctl)
{
    struct process *p = process_current();

    switch ((int)a) {
    case PR_SET_PDEATHSIG:
        return death_signal_set(b);
    case PR_GET_PDEATHSIG:
        return user_write(b, &p->death_signal, sizeof(p->death_signal));
    case PR_SET_NAME:
        return name_set(b);
    case PR_GET_NAME:
        return name_get(b);
    case PR_GET_DUMPABLE:
        return 1;
    case PR_SET_DUMPABLE:
        return b > 1 ? -EINVAL : 0;
    case PR_CAPBSET_READ:
        return b > CAPABILITY_LAST ? -EINVAL : 1;
    case PR_SET_NO_NEW_PRIVS:
        return b != 1 || c || d || e ? -EINVAL : 0;
    case PR_GET_NO_NEW_PRIVS:
        return b || c || d || e ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

/* asm/prctl.h */
enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

SYSCALL(arch_prctl)
{
    const struct user_context *context = &task_current()->context;

    switch ((int)a) {
    case ARCH_SET_FS:
        return user_set_fs(b);
    case ARCH_SET_GS:
        return user_set_gs(b);
    case ARCH_GET_FS:
        return user_write(b, &context->fs_base, sizeof(context->fs_base));
    case ARCH_GET_GS:
        return user_write(b, &context->gs_base, sizeof(context->gs_base));
    default:
        return -EINVAL;
    }
}

#define PERSONALITY_ASK 0xffffffffu

/* PER_LINUX is the only one. */
SYSCALL(personality)
{
    return (uint32_t)a == PERSONALITY_ASK || (uint32_t)a == 0 ? 0 : -EINVAL;
}
