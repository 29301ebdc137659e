/*
 * The gate. Where a driver is, and what it did, is found out only after it went wrong.
 */
#include "drivers/loader/gate.h"
#include "drivers/loader/driver.h"
#include "drivers/loader/unwind.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/timer.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/format.h"

/* How long a call may take: long enough for a slow host, short enough to be noticed. */
#define LIMIT_RAISED  SECONDS(5)
#define LIMIT_PASSIVE SECONDS(120)

#define WATCH_PERIOD MS(500)

#define KERNEL_FRAMES_MAX 12

static uint64_t limit_raised, limit_passive, limit_slow; /* [I] ticks */

/* The clock comes at least this often while there are drivers, so that one that spins is interrupted by it. */
struct watch {
    struct timer timer;
    struct dpc dpc; /* a timer belongs to the processor that sets it */
};
PERCPU static struct watch watches;

static void
watch_tick(struct timer *t)
{
}

static void
watch_set(struct dpc *d, void *context)
{
    struct watch *w = context;

    (void)timer_set(&w->timer, timer_deadline(WATCH_PERIOD), WATCH_PERIOD, NULL);
}

void
gate_watch(void)
{
    static bool begun;

    if (__atomic_exchange_n(&begun, true, __ATOMIC_RELAXED))
        return;
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct watch *w = percpu_of(n, watches);

        timer_init_call(&w->timer, watch_tick);
        dpc_init(&w->dpc, watch_set, w);
        dpc_set_target(&w->dpc, n);
        (void)dpc_queue(&w->dpc);
    }
}

static bool
stack_read(void *context, uint64_t address, uint64_t *value)
{
    if (address % 8 || !memory_readable((const void *)address, 8))
        return false;
    *value = *(const uint64_t *)address;
    return true;
}

/* From a function of the kernel, by its chain of frame pointers, to the driver that called it. */
static void
leave_kernel(struct unwind_frame *f)
{
    uint64_t at = f->reg[UNWIND_RBP], rip, rbp;

    for (unsigned i = 0;
         i < KERNEL_FRAMES_MAX && stack_read(NULL, at + 8, &rip) && stack_read(NULL, at, &rbp); i++) {
        if (driver_at(rip)) {
            f->rip = rip;
            f->reg[UNWIND_RSP] = at + 16;
            f->reg[UNWIND_RBP] = rbp;
            return;
        }
        at = rbp;
    }
}

/* A call of what is no code, of NULL for one: where it was called. */
static void
leave_nowhere(struct unwind_frame *f)
{
    uint64_t rip;

    if (!stack_read(NULL, f->reg[UNWIND_RSP], &rip))
        return;
    f->rip = rip;
    f->reg[UNWIND_RSP] += 8;
}

/* Where it happened, then as long as the frames are a driver's. */
static unsigned
backtrace(const struct trap_frame *t, uint64_t *frame, unsigned max)
{
    struct unwind_frame f = {t->rip,
                             {t->rax, t->rcx, t->rdx, t->rbx, t->rsp, t->rbp, t->rsi, t->rdi, t->r8, t->r9,
                              t->r10, t->r11, t->r12, t->r13, t->r14, t->r15}};
    const struct driver *d;
    unsigned n = 0;

    frame[n++] = f.rip;
    if (!driver_at(f.rip)) {
        if (memory_readable((const void *)f.rip, 1))
            leave_kernel(&f);
        else
            leave_nowhere(&f);
        if (driver_at(f.rip))
            frame[n++] = f.rip;
    }
    while (n < max && (d = driver_at(f.rip)) != NULL &&
           !unwind_step(&d->pe, d->image, (uintptr_t)d->image, &f, stack_read, NULL) && driver_at(f.rip))
        frame[n++] = f.rip;
    return n;
}

void
gate_init(void)
{
    guard_backtrace = backtrace;
    limit_raised = guard_ticks(LIMIT_RAISED);
    limit_passive = guard_ticks(LIMIT_PASSIVE);
    limit_slow = guard_ticks(GATE_SLOW_LIMIT);
}

static void
close_v(struct gate *g, const char *what)
{
    if (__atomic_exchange_n(&g->closing, true, __ATOMIC_ACQ_REL))
        return;
    snprintf(g->text, sizeof(g->text), "%s", what);
    __atomic_store_n(&g->is_closed, true, __ATOMIC_RELEASE); /* who sees it closed sees why */
    log_err("%s: %s; it is not called any more", g->name, what);
    if (g->closed)
        g->closed(g);
}

void
gate_close(struct gate *g, const char *routine, const char *format, ...)
{
    char text[GATE_TEXT];
    size_t n = routine ? (size_t)snprintf(text, sizeof(text), "%s ", routine) : 0;
    va_list args;

    va_start(args, format);
    vsnprintf(text + n, sizeof(text) - n, format, args);
    va_end(args);
    close_v(g, text);
}

void
gate_violation(struct gate *g, bool *said, const char *format, ...)
{
    char text[GATE_TEXT];
    va_list args;

    __atomic_fetch_add(&g->violations, 1, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(said, true, __ATOMIC_RELAXED))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (g->violated)
        g->violated(g, text);
    log_warn("%s: %s", g->name, text);
}

static void __attribute__((cold))
went_wrong(struct gate *g, const char *routine, const struct guard_report *r)
{
    char text[GATE_TEXT], where[80];

    driver_place(r->rip, where, sizeof(where));
    snprintf(text, sizeof(text), "%s %s, at %s, IRQL %u", routine, r->text, where, r->irql);
    close_v(g, text);
    for (unsigned i = 1; i < r->frames; i++) {
        driver_place(r->frame[i], where, sizeof(where));
        log_err("%s:   called from %s", g->name, where);
    }
}

struct gate *
gate_current(void)
{
    const struct guard *g = guard_current();

    return g ? g->owner : NULL;
}

/* It came back, but not as it has to. */
static bool
came_back_wrong(struct gate *g, const char *routine, uint8_t irql, const struct guard *guard)
{
    uint8_t after = irql_current();

    if (__builtin_expect(after != irql, 0)) {
        irql_set(irql);
        gate_close(g, routine, "was called at IRQL %u and returned at IRQL %u (check 16)", irql, after);
        return true;
    }
    if (__builtin_expect(guard->locks != 0, 0)) {
        gate_close(g, routine, "returned with %u spin lock%s held (check 16)", guard->locks,
                   guard->locks == 1 ? "" : "s");
        return true;
    }
    return false;
}

int
gate_call(struct gate *g, const char *routine, const void *function,
          const uint64_t arguments[GUARD_ARGUMENTS], uint64_t *result)
{
    uint8_t irql = irql_current();
    struct guard guard;
    uint64_t ticks;

    if (__atomic_load_n(&g->is_closed, __ATOMIC_ACQUIRE))
        return -EIO;
    __atomic_fetch_add(&g->calls, 1, __ATOMIC_RELAXED);
    guard.limit = irql < DISPATCH_LEVEL ? limit_passive : limit_raised;
    guard.limit_raised = limit_raised;
    guard.owner = g;
    trace(TRACE_CALL, trace_name(g->name), (uintptr_t)routine);
    if (__builtin_expect(guard_call(&guard, function, arguments), 0)) {
        went_wrong(g, routine, &guard.report);
        return -EIO;
    }
    trace(TRACE_CALL_END, trace_name(g->name), (uintptr_t)routine, guard.result);
    if (came_back_wrong(g, routine, irql, &guard))
        return -EIO;
    ticks = context_ticks() - guard.begun;
    if (__builtin_expect(ticks > limit_slow && irql >= DISPATCH_LEVEL, 0))
        gate_violation(g, &g->said[GATE_SLOW], "%s took %lu ms at IRQL %u (check 3)", routine,
                       ticks * 1000 / tsc_frequency(), irql);
    if (result)
        *result = guard.result;
    return 0;
}
