/*
 * System calls about signals. Sets of signals are 64 bits, their size is passed and checked.
 */
#include "kernel/sched/process.h"
#include "kernel/sys/call.h"
#include "kernel/sys/life.h"
#include "kernel/sys/sigframe.h"

#define SET_SIZE sizeof(uint64_t)

/* ---- actions and masks ---- */

SYSCALL(rt_sigaction)
{
    struct signal_action set, was;
    int err;

    if (d != SET_SIZE)
        return -EINVAL;
    if (b && user_read(&set, b, sizeof(set)))
        return -EFAULT;
    err = signal_action_swap((int)a, b ? &set : NULL, &was);
    if (!err && c && user_write(c, &was, sizeof(was)))
        err = -EFAULT;
    return err;
}

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

SYSCALL(rt_sigprocmask)
{
    uint64_t was = task_current()->blocked, set;

    if (d != SET_SIZE)
        return -EINVAL;
    if (b) {
        if (user_read(&set, b, sizeof(set)))
            return -EFAULT;
        switch ((int)a) {
        case SIG_BLOCK:
            signal_mask_set(was | set);
            break;
        case SIG_UNBLOCK:
            signal_mask_set(was & ~set);
            break;
        case SIG_SETMASK:
            signal_mask_set(set);
            break;
        default:
            return -EINVAL;
        }
    }
    return c && user_write(c, &was, sizeof(was)) ? -EFAULT : 0;
}

SYSCALL(rt_sigpending)
{
    uint64_t set = signal_pending_set() & task_current()->blocked;

    return b > SET_SIZE ? -EINVAL : user_write(a, &set, b);
}

SYSCALL(sigaltstack)
{
    struct sigstack set, was;
    uintptr_t sp = user_frame()->rsp;
    int err = 0;

    if (a && user_read(&set, a, sizeof(set)))
        return -EFAULT;
    sigstack_get(&was, sp);
    if (a)
        err = sigstack_set(&set, sp);
    if (!err && b && user_write(b, &was, sizeof(was)))
        err = -EFAULT;
    return err;
}

SYSCALL(rt_sigreturn)
{
    struct trap_frame *frame = user_frame();

    if (sigframe_pop(frame))
        fault_kill(frame, SIGSEGV, "a signal handler returned to a bad frame", frame->rsp);
    return (long)frame->rax;
}

/* ---- waiting ---- */

/* Until a handler has run. */
static long
sleep_forever(void)
{
    struct event never;

    event_init(&never, EVENT_MANUAL, false);
    wait_event_interruptible(&never.waitable, WAIT_FOREVER);
    return -ERESTARTNOHAND;
}

SYSCALL(pause)
{
    return sleep_forever();
}

SYSCALL(rt_sigsuspend)
{
    struct task *t = task_current();
    uint64_t set;

    if (b != SET_SIZE)
        return -EINVAL;
    if (user_read(&set, a, sizeof(set)))
        return -EFAULT;
    t->saved_mask = t->blocked;
    signal_mask_set(set);
    t->restore_mask = true;
    return sleep_forever();
}

SYSCALL(rt_sigtimedwait)
{
    struct signal_info info;
    uint64_t set, ns;
    int result;

    if (d != SET_SIZE)
        return -EINVAL;
    if (user_read(&set, a, sizeof(set)))
        return -EFAULT;
    result = call_timespec(c, &ns);
    if (!result)
        result = signal_wait(set, ns, &info);
    if (result > 0 && b && user_write(b, &info, sizeof(info)))
        return -EFAULT;
    return result;
}

/* ---- sending ---- */

static struct signal_info
info_of_self(int signal, int code)
{
    struct signal_info info = {.signo = signal, .code = code};

    info.child.pid = process_current()->pid;
    return info;
}

static long
send_to(int pid, int signal, const struct signal_info *info)
{
    struct process *p = process_find(pid);
    int err;

    if (!p)
        return -ESRCH;
    err = signal_process(p, signal, info);
    process_put(p);
    return err;
}

SYSCALL(kill)
{
    int pid = (int)a, signal = (int)b;
    struct signal_info info = info_of_self(signal, SI_USER);

    if (signal < 0 || signal > SIGNALS)
        return -EINVAL;
    if (pid > 0)
        return send_to(pid, signal, &info);
    if (pid == -1)
        return signal_all(process_current(), signal, &info);
    if (pid == INT32_MIN)
        return -ESRCH;
    return signal_group(pid ? -pid : process_current()->pgid, signal, &info);
}

static long
send_to_thread(int group, int tid, int signal, const struct signal_info *info)
{
    if (tid <= 0 || group < 0 || signal < 0 || signal > SIGNALS)
        return -EINVAL;
    return signal_thread(group, tid, signal, info);
}

SYSCALL(tkill)
{
    struct signal_info info = info_of_self((int)b, SI_TKILL);

    return send_to_thread(0, (int)a, (int)b, &info);
}

SYSCALL(tgkill)
{
    struct signal_info info = info_of_self((int)c, SI_TKILL);

    return (int)a <= 0 ? -EINVAL : send_to_thread((int)a, (int)b, (int)c, &info);
}

/* What a program may say of itself when it queues a signal: not that the kernel sent it, but to itself. */
static int
info_get(uintptr_t at, int signal, int to, struct signal_info *info)
{
    if (user_read(info, at, sizeof(*info)))
        return -EFAULT;
    if (signal < 0 || signal > SIGNALS)
        return -EINVAL;
    if ((info->code >= 0 || info->code == SI_TKILL) && to != process_current()->pid)
        return -EPERM;
    info->signo = signal;
    return 0;
}

SYSCALL(rt_sigqueueinfo)
{
    struct signal_info info;
    int err = info_get(c, (int)b, (int)a, &info);

    return err ? err : send_to((int)a, (int)b, &info);
}

SYSCALL(rt_tgsigqueueinfo)
{
    struct signal_info info;
    int err = info_get(d, (int)c, (int)a, &info);

    if (!err && (int)a <= 0)
        err = -EINVAL;
    return err ? err : send_to_thread((int)a, (int)b, (int)c, &info);
}
