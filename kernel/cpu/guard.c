/*
 * Giving up a call into a driver: who is blamed, and the way back.
 */
#include "kernel/cpu/guard.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/symbols.h"
#include "kernel/cpu/tsc.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"

#define WATCH_PERIOD    MS(50)
#define FLAGS_RESERVED  0x2u
#define FLAGS_INTERRUPT 0x200u

uint64_t guard_enter(struct guard *g, const void *function, const uint64_t arguments[GUARD_ARGUMENTS]);
void guard_landing(void);
extern const uint8_t text_start[], text_end[], driver_leaf_start[], driver_leaf_end[];

unsigned (*guard_backtrace)(const struct trap_frame *f, uint64_t *frame, unsigned max); /* [I] after boot */

/* start is written last and cleared first: 0 is no range. */
static struct {
    uintptr_t start, end; /* [a] */
} ranges[GUARD_RANGES_MAX];

static struct context *
context_current(void)
{
    return (struct context *)(void *)thread_current(); /* its first member */
}

struct guard *
guard_current(void)
{
    const struct context *c = context_current();

    return c ? c->guard : NULL;
}

int
guard_call(struct guard *g, const void *function, const uint64_t arguments[GUARD_ARGUMENTS])
{
    struct context *c = context_current();
    uint64_t failed;

    __asm__ volatile("pushfq; pop %0" : "=r"(g->flags)::"memory");
    g->irql = irql_current();
    g->outer = c->guard;
    g->locks = 0;
    g->begun = context_ticks();
    g->raised_since = 0;
    g->report.reason = GUARD_NONE;
    __atomic_store_n(&c->guard, g, __ATOMIC_RELEASE);
    failed = guard_enter(g, function, arguments);
    /* Where the driver waited the thread may have changed its processor, never its context. */
    __atomic_store_n(&c->guard, g->outer, __ATOMIC_RELEASE);
    if (!failed)
        return 0;
    if (irql_current() != g->irql)
        irql_set(g->irql);
    return -EFAULT;
}

int
guard_range_add(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < GUARD_RANGES_MAX; i++) {
        uintptr_t none = 0;

        if (!__atomic_compare_exchange_n(&ranges[i].start, &none, 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&ranges[i].end, end, __ATOMIC_RELEASE);
        __atomic_store_n(&ranges[i].start, start, __ATOMIC_RELEASE);
        return 0;
    }
    return -ENOSPC;
}

void
guard_range_remove(uintptr_t start)
{
    for (unsigned i = 0; i < GUARD_RANGES_MAX; i++)
        if (__atomic_load_n(&ranges[i].start, __ATOMIC_ACQUIRE) == start) {
            __atomic_store_n(&ranges[i].end, 0, __ATOMIC_RELEASE);
            __atomic_store_n(&ranges[i].start, 0, __ATOMIC_RELEASE);
        }
}

bool
guard_range_has(uintptr_t address)
{
    for (unsigned i = 0; i < GUARD_RANGES_MAX; i++)
        if (address >= __atomic_load_n(&ranges[i].start, __ATOMIC_ACQUIRE) &&
            address < __atomic_load_n(&ranges[i].end, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

static bool
within(uintptr_t address, const uint8_t *start, const uint8_t *end)
{
    return address >= (uintptr_t)start && address < (uintptr_t)end;
}

static bool
blamed(uintptr_t rip)
{
    return !within(rip, text_start, text_end) || within(rip, driver_leaf_start, driver_leaf_end);
}

/* The frame goes on in guard_landing. */
static void
give_up(struct guard *g, struct trap_frame *f)
{
    g->report.irql = irql_current();
    g->report.rip = f->rip;
    g->report.rsp = f->rsp;
    g->report.frame[0] = f->rip;
    g->report.frames = guard_backtrace && f->rsp ? guard_backtrace(f, g->report.frame, GUARD_FRAMES) : 1;
    f->rip = (uint64_t)guard_landing;
    f->rsp = g->stack;
    f->rdi = (uint64_t)g;
    f->rflags = FLAGS_RESERVED | (g->flags & FLAGS_INTERRUPT);
}

static void
describe(struct guard_report *r, const struct trap_frame *f)
{
    if (f->vector == TRAP_PAGE_FAULT)
        snprintf(r->text, sizeof(r->text), "%s address %016lx, which is not %s",
                 f->error & PF_FETCH   ? "executed"
                 : f->error & PF_WRITE ? "wrote to"
                                       : "read",
                 r->address,
                 !(f->error & PF_PRESENT) ? "mapped"
                 : f->error & PF_FETCH    ? "executable"
                 : f->error & PF_WRITE    ? "writable"
                                          : "its own");
    else if (r->reason == GUARD_STACK_OVERRUN)
        snprintf(r->text, sizeof(r->text), "overran its stack");
    else
        snprintf(r->text, sizeof(r->text), "raised %s, error code %#lx", trap_name(f->vector), f->error);
}

bool
guard_exception(struct trap_frame *f, uint64_t address)
{
    struct guard *g = guard_current();
    struct guard_report *r;

    if (!g || !blamed(f->rip) || f->vector == TRAP_NMI || f->vector == TRAP_MACHINE_CHECK)
        return false;
    if (f->vector == TRAP_DOUBLE_FAULT && memory_readable((const void *)(f->rsp - 8), 8))
        return false; /* it was not the stack */
    r = &g->report;
    r->reason = f->vector == TRAP_DOUBLE_FAULT ? GUARD_STACK_OVERRUN : GUARD_EXCEPTION;
    r->vector = f->vector;
    r->error = f->error;
    r->address = address;
    describe(r, f);
    give_up(g, f);
    return true;
}

/* Ticks that this call has too many of, or 0. */
static uint64_t
over_limit(struct guard *g, bool raised)
{
    uint64_t now = context_ticks();

    if (!raised)
        g->raised_since = 0;
    else if (!g->raised_since)
        g->raised_since = now;
    if (g->limit && now - g->begun >= g->limit)
        return now - g->begun;
    if (g->limit_raised && raised && now - g->raised_since >= g->limit_raised)
        return now - g->raised_since;
    return 0;
}

void
guard_clock(struct trap_frame *f, uint8_t interrupted_irql)
{
    struct guard *g = guard_current();
    bool raised = interrupted_irql >= DISPATCH_LEVEL;
    uint64_t ticks = g && !(f->cs & 3) ? over_limit(g, raised) : 0;

    if (!ticks || !blamed(f->rip)) {
        if (raised) /* the timers, which set the clock again, have to wait: look again; a call may be just about to begin */
            apic_timer_arm(WATCH_PERIOD);
        return;
    }
    g->report.reason = GUARD_TIMEOUT;
    snprintf(g->report.text, sizeof(g->report.text), "did not return within %lu s%s",
             (ticks + tsc_frequency() / 2) / MAX(tsc_frequency(), UINT64_C(1)),
             raised ? " at a raised IRQL" : "");
    give_up(g, f);
    g->report.irql = interrupted_irql;
}

void
guard_stop(const char *format, ...)
{
    struct guard *g = guard_current();
    struct trap_frame f = {0};
    va_list args;

    if (!g)
        return;
    va_start(args, format);
    vsnprintf(g->report.text, sizeof(g->report.text), format, args);
    va_end(args);
    g->report.reason = GUARD_STOPPED;
    f.rip = (uintptr_t)__builtin_return_address(0);
    f.rsp = f.rbp = (uintptr_t)__builtin_frame_address(0);
    give_up(g, &f);
    if (g->flags & FLAGS_INTERRUPT)
        interrupts_on();
    __asm__ volatile("mov %0, %%rsp; mov %1, %%rdi; cld; jmp guard_landing" ::"r"(g->stack), "r"(g)
                     : "memory");
    __builtin_unreachable();
}

uint64_t
guard_ticks(uint64_t ns)
{
    return tsc_frequency() / 1000000 * (ns / 1000);
}
