/*
 * What a task does about signals, and about being stopped or ended, before it goes back to its program.
 *
 * I1  user_work is cleared first: what is sent from then on sets it again, and this is called again.
 * I2  A call that a signal interrupted (-ERESTARTSYS, -ERESTARTNOHAND) begins anew, unless a handler runs that does not
 *     want it; that is decided at the first signal, later ones find an ordinary frame.
 */
#include "kernel/sched/process.h"
#include "kernel/sys/life.h"
#include "kernel/sys/sigframe.h"
#include "kernel/sys/syscall.h"

#define SYSCALL_LENGTH 2 /* bytes of the instruction */

static bool
is_restart(long result)
{
    return result == -ERESTARTSYS || result == -ERESTARTNOHAND;
}

/* a: the handler that will run, or NULL. */
static void
call_finish(struct trap_frame *f, const struct signal_action *a)
{
    long result = (long)f->rax;

    if (f->vector != TRAP_SYSCALL || !is_restart(result))
        return;
    if (a && (result == -ERESTARTNOHAND || !(a->flags & SA_RESTART))) {
        f->rax = (uint64_t)-EINTR;
        return;
    }
    f->rax = f->error;
    f->rip -= SYSCALL_LENGTH;
    f->vector = TRAP_REPLACED;
}

/* While the process is stopped; whoever wakes first after SIGCONT tells the parent. Returns: is the task to end? */
static bool
stay_stopped(struct task *t)
{
    struct process *p = t->process;
    bool stopped = true, ending = false, resumed = false;

    while (stopped && !ending) {
        uint8_t old = spin_lock(&p->lock);

        stopped = p->state == PROCESS_STOPPED;
        ending = p->exiting || t->ending;
        if (!stopped) {
            resumed = p->resumed;
            p->resumed = false;
        }
        spin_unlock(&p->lock, old);
        if (stopped && !ending) {
            wait_event_interruptible(&p->resume.waitable, WAIT_FOREVER);
            __atomic_store_n(&t->thread->context.user_work, 0, __ATOMIC_SEQ_CST);
        }
    }
    if (resumed)
        process_report(p, CLD_CONTINUED);
    return ending;
}

/* One without a handler. */
static void
deed_do(struct process *p, int signal)
{
    switch (signal_deed(signal)) {
    case SIGNAL_STOPS:
        if (signal != SIGSTOP && process_is_orphaned(p))
            break; /* nobody would continue it */
        if (signal_stop(signal))
            process_report(p, CLD_STOPPED);
        break;
    case SIGNAL_TERMINATES:
        if (p->pid != 1) /* it had this one blocked; else it would not have got it */
            process_kill(p, signal);
        break;
    default:
        break;
    }
}

static void
handler_enter(struct trap_frame *f, int signal, const struct signal_info *info, const struct signal_action *a)
{
    struct task *t = task_current();
    uint64_t mask = t->restore_mask ? t->saved_mask : t->blocked;
    uint64_t also = a->flags & SA_NODEFER ? 0 : SIGNAL_BIT(signal);

    call_finish(f, a);
    t->restore_mask = false;
    if (sigframe_push(f, a, info, mask)) {
        fault_kill(f, SIGSEGV, "no room for a signal handler's frame", f->rsp);
        return;
    }
    signal_mask_set(t->blocked | a->mask | also);
}

void
deliver_leave(struct trap_frame *f)
{
    struct task *t = task_current();
    struct signal_action a;
    struct signal_info info;
    int signal;

    __atomic_store_n(&t->thread->context.user_work, 0, __ATOMIC_SEQ_CST);
    do {
        if (stay_stopped(t))
            task_exit(0);
        signal = signal_take(~t->blocked, &info, &a);
        if (signal && a.handler == SIGNAL_DEFAULT)
            deed_do(t->process, signal);
        else if (signal && a.handler != SIGNAL_IGNORED)
            handler_enter(f, signal, &info, &a);
    } while (signal);
    call_finish(f, NULL);
    if (t->restore_mask) {
        t->restore_mask = false;
        signal_mask_set(t->saved_mask);
    }
}
