/*
 * Exceptions of programs: page faults are served, the others become signals (signal(7), sigaction(2): si_code).
 */
#include "kernel/console/log.h"
#include "kernel/sched/process.h"
#include "kernel/sys/life.h"
#include "kernel/sys/syscall.h"

struct cause {
    int signal, code;
    const char *text;
};

static const struct cause causes[TRAP_EXCEPTIONS] = {
    [TRAP_DIVIDE] = {SIGFPE, FPE_INTDIV, "division by zero, or overflow"},
    [TRAP_DEBUG] = {SIGTRAP, TRAP_TRACE, "single step or debug register"},
    [TRAP_BREAKPOINT] = {SIGTRAP, SI_KERNEL, "breakpoint"},
    [TRAP_OVERFLOW] = {SIGSEGV, SI_KERNEL, "overflow"},
    [5] = {SIGSEGV, SI_KERNEL, "bound range exceeded"},
    [TRAP_INVALID_OPCODE] = {SIGILL, ILL_ILLOPN, "invalid instruction"},
    [TRAP_SEGMENT] = {SIGBUS, SI_KERNEL, "segment not present"},
    [TRAP_STACK] = {SIGBUS, SI_KERNEL, "stack segment fault"},
    [TRAP_PROTECTION] = {SIGSEGV, SI_KERNEL, "privileged instruction, or a noncanonical address"},
    [TRAP_X87] = {SIGFPE, FPE_FLTINV, "x87 exception"},
    [TRAP_ALIGNMENT] = {SIGBUS, BUS_ADRALN, "address not aligned"},
    [TRAP_SIMD] = {SIGFPE, FPE_FLTINV, "SIMD floating-point exception"},
};

static void
death_report(const struct trap_frame *f, int signal, const char *why, uint64_t address)
{
    const struct process *p = process_current();

    log_warn("%s[%d]: ended by signal %d: %s, address %#lx, at %#lx, stack %#lx", p->name, p->pid, signal,
             why, address, f->rip, f->rsp);
}

void
fault_kill(const struct trap_frame *f, int signal, const char *why, uint64_t address)
{
    death_report(f, signal, why, address);
    process_kill(process_current(), signal);
}

static void
fault_signal(const struct trap_frame *f, int signal, int code, const char *why, uint64_t address)
{
    struct signal_info info = {.signo = signal, .code = code};
    struct task *t = task_current();

    info.fault.address = address;
    t->fault_address = address;
    if (signal_force(signal, &info))
        death_report(f, signal, why, address);
}

/* What a page fault that could not be served means. */
static struct cause
page_cause(int err)
{
    switch (err) {
    case -EACCES:
        return (struct cause){SIGSEGV, SEGV_ACCERR, "access that its mapping does not allow"};
    case -ENXIO:
        return (struct cause){SIGBUS, BUS_ADRERR, "access behind the end of a mapped file"};
    case -EIO:
        return (struct cause){SIGBUS, BUS_ADRERR, "a mapped file could not be read"};
    default:
        return (struct cause){SIGSEGV, SEGV_MAPERR, "nothing is mapped there"};
    }
}

static void
memory_report(void)
{
    const struct process *p = process_current();

    log_err("memory: none left for %s[%d]: killed", p->name, p->pid);
    process_kill(process_current(), SIGKILL);
}

static void
page_exception(const struct trap_frame *f, uint64_t address)
{
    /* Without PF_USER it was not the program's own access, but one to a table of the processor for its sake. */
    bool own = address < USER_END && f->error & PF_USER;
    int err = own ? vm_fault(process_current()->space, address, f->error) : -EFAULT;
    struct cause c;

    if (err == -ENOMEM)
        memory_report();
    if (!err || err == -ENOMEM)
        return;
    c = page_cause(err);
    fault_signal(f, c.signal, c.code, c.text, address);
}

void
fault_exception(struct trap_frame *f, uint64_t address)
{
    const struct cause *c = &causes[f->vector];

    if (f->vector == TRAP_PAGE_FAULT)
        page_exception(f, address);
    else if (c->signal)
        fault_signal(f, c->signal, c->code, c->text, c->code == SI_KERNEL ? 0 : f->rip);
    else
        fault_signal(f, SIGSEGV, SI_KERNEL, "an exception that programs should not see", 0);
}

int
fault_page(uintptr_t address, uint64_t error)
{
    int err = vm_fault(process_current()->space, address, error);

    if (err == -ENOMEM)
        memory_report();
    return err;
}
