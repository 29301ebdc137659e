/*
 * DPCs, timers and time of drivers.
 *
 * A KDPC lies in the driver's memory and holds its own arguments, so it is queued in a list of ours per processor, which one
 * kernel DPC drains. A KTIMER is too small for a kernel timer: while it is set, one of ours stands for it; those that
 * have fired are kept for the next.
 */
#include "drivers/loader/driver.h"
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/clock.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/spin.h"
#include "kernel/sync/timer.h"
#include "lib/errno.h"

#define NT_TAG         POOL_TAG('n', 't', 't', 'm')
#define NT_EPOCH       INT64_C(116444736000000000) /* 1970 in units of 100 ns since 1601 */
#define TARGETED       0x8000u                     /* in KDPC.Number: the rest is a processor */
#define TIME_INCREMENT 156250u
#define STALL_MAX      1000000 /* microseconds; longer is no stall but a hang */

struct dpc_queue {
    KDPC *first, *last; /* [d] linked by DpcListEntry.Flink */
    struct dpc dpc;
};
PERCPU static struct dpc_queue queues;
static spinlock_t dpc_lock = SPINLOCK(LOCK_NT_DPC, "DPCs of drivers"); /* interrupts off */

static KDPC *
dpc_next(const KDPC *d)
{
    return (KDPC *)(void *)d->DpcListEntry.Flink;
}

static KDPC *
dpc_pop(struct dpc_queue *q, KDPC *copy)
{
    uint64_t were_on = spin_lock_interrupts(&dpc_lock);
    KDPC *d = q->first;

    if (d) {
        q->first = dpc_next(d);
        if (!q->first)
            q->last = NULL;
        *copy = *d;
        d->DpcData = NULL;
    }
    spin_unlock_interrupts(&dpc_lock, were_on);
    return d;
}

static void
dpc_drain(struct dpc *dpc, void *context)
{
    struct dpc_queue *q = context;
    struct driver *driver;
    KDPC *d, copy;

    while ((d = dpc_pop(q, &copy)) != NULL) {
        driver = driver_at((uintptr_t)copy.DeferredRoutine);
        if (!driver)
            log_err("nt: a DPC's routine, %p, is no driver's", (void *)(uintptr_t)copy.DeferredRoutine);
        else
            (void)gate_call(&driver->gate, "DPC", (const void *)(uintptr_t)copy.DeferredRoutine,
                            GATE_ARGUMENTS((uintptr_t)d, (uintptr_t)copy.DeferredContext,
                                           (uintptr_t)copy.SystemArgument1, (uintptr_t)copy.SystemArgument2),
                            NULL);
    }
}

int
nt_dpc_init(void)
{
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct dpc_queue *q = percpu_of(n, queues);

        dpc_init(&q->dpc, dpc_drain, q);
        dpc_set_target(&q->dpc, n);
    }
    return 0;
}

VOID NTAPI
KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    guard_touch_write(Dpc);
    guard_touch_write((char *)(Dpc + 1) - 1);
    *Dpc = (KDPC){.Type = NT_DPC,
                  .Importance = MediumImportance,
                  .DeferredRoutine = DeferredRoutine,
                  .DeferredContext = DeferredContext};
}

BOOLEAN NTAPI
KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    struct dpc_queue *q;
    uint64_t were_on;
    uint32_t cpu;

    guard_touch_write(Dpc);
    were_on = spin_lock_interrupts(&dpc_lock);
    if (Dpc->DpcData) {
        spin_unlock_interrupts(&dpc_lock, were_on);
        return FALSE;
    }
    cpu = Dpc->Number & TARGETED && (Dpc->Number & 0xffu) < cpu_count() ? Dpc->Number & 0xffu : cpu_number();
    q = percpu_of(cpu, queues);
    Dpc->SystemArgument1 = SystemArgument1;
    Dpc->SystemArgument2 = SystemArgument2;
    Dpc->DpcData = q;
    Dpc->DpcListEntry.Flink = NULL;
    if (q->last)
        q->last->DpcListEntry.Flink = (LIST_ENTRY *)(void *)Dpc;
    else
        q->first = Dpc;
    q->last = Dpc;
    spin_unlock_interrupts(&dpc_lock, were_on);
    (void)dpc_queue(&q->dpc);
    return TRUE;
}

/* Take those out of a queue that `unwanted` names. dpc_lock held. Returns how many. */
static unsigned
dpc_filter(struct dpc_queue *q, bool (*unwanted)(const KDPC *d, const void *start, size_t size),
           const void *start, size_t size)
{
    KDPC **at = &q->first, *last = NULL;
    unsigned n = 0;

    for (KDPC *d = q->first, *next; d; d = next) {
        next = dpc_next(d);
        if (unwanted(d, start, size)) {
            d->DpcData = NULL;
            n++;
            continue;
        }
        *at = d;
        if (last)
            last->DpcListEntry.Flink = (LIST_ENTRY *)(void *)d;
        last = d;
        at = (KDPC **)(void *)&d->DpcListEntry.Flink;
    }
    *at = NULL;
    q->last = last;
    return n;
}

static bool
is_it(const KDPC *d, const void *start, size_t size)
{
    return d == start;
}

static bool
is_of_image(const KDPC *d, const void *start, size_t size)
{
    return (uintptr_t)d->DeferredRoutine - (uintptr_t)start < size;
}

static unsigned
dpc_remove(bool (*unwanted)(const KDPC *d, const void *start, size_t size), const void *start, size_t size)
{
    uint64_t were_on = spin_lock_interrupts(&dpc_lock);
    unsigned n = 0;

    for (uint32_t cpu = 0; cpu < cpu_count(); cpu++)
        n += dpc_filter(percpu_of(cpu, queues), unwanted, start, size);
    spin_unlock_interrupts(&dpc_lock, were_on);
    return n;
}

BOOLEAN NTAPI
KeRemoveQueueDpc(PRKDPC Dpc)
{
    return dpc_remove(is_it, Dpc, 0) != 0;
}

void
nt_dpc_gone(const void *start, size_t size)
{
    (void)dpc_remove(is_of_image, start, size);
    dpc_flush();
}

VOID NTAPI
KeFlushQueuedDpcs(VOID)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    dpc_flush();
}

VOID NTAPI
KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    guard_touch_write(Dpc);
    Dpc->Number = (USHORT)(TARGETED | (UCHAR)Number);
}

VOID NTAPI
KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    guard_touch_write(Dpc);
    Dpc->Importance = (UCHAR)Importance;
}

/* ---- timers ---- */

/* [w] the dispatcher lock */
struct nt_timer {
    struct timer timer;
    struct nt_timer *next; /* [w] in `set` or in `idle` */
    KTIMER *stands_for;    /* [w] NULL: cancelled while it fires */
};
static struct nt_timer *set, *idle; /* [w] */

/* Take the timer that stands for a KTIMER out of the list. Lock held. */
static struct nt_timer *
timer_take(const KTIMER *key)
{
    for (struct nt_timer **at = &set; *at; at = &(*at)->next)
        if ((*at)->stands_for == key) {
            struct nt_timer *t = *at;

            *at = t->next;
            t->stands_for = NULL;
            return t;
        }
    return NULL;
}

static void
timer_keep(struct nt_timer *t)
{
    t->next = idle;
    idle = t;
}

static void
timer_fire(struct timer *timer)
{
    struct nt_timer *t = container_of(timer, struct nt_timer, timer);
    uint8_t irql = nt_dispatcher_lock();
    KTIMER *k = t->stands_for;
    KDPC *dpc = k ? k->Dpc : NULL;

    if (k) {
        k->Header.SignalState = 1;
        nt_signal(&k->Header);
        if (!k->Period) {
            k->Header.Inserted = FALSE;
            (void)timer_take(k);
            timer_keep(t);
        }
    }
    nt_dispatcher_unlock(irql);
    if (dpc)
        (void)KeInsertQueueDpc(dpc, NULL, NULL);
}

static struct nt_timer *
timer_get(void)
{
    uint8_t irql = nt_dispatcher_lock();
    struct nt_timer *t = idle;

    if (t)
        idle = t->next;
    nt_dispatcher_unlock(irql);
    if (!t) {
        t = pool_zalloc(sizeof(*t), NT_TAG);
        if (t)
            timer_init_call(&t->timer, timer_fire);
    }
    return t;
}

VOID NTAPI
KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    nt_header_init(&Timer->Header,
                   Type == NotificationTimer ? NT_TIMER_NOTIFICATION : NT_TIMER_SYNCHRONIZATION,
                   sizeof(*Timer), 0);
    Timer->Dpc = NULL;
    Timer->Period = 0;
}

VOID NTAPI
KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

BOOLEAN NTAPI
KeCancelTimer(PKTIMER Timer)
{
    struct nt_timer *t;
    uint8_t irql;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    guard_touch_write(Timer);
    irql = nt_dispatcher_lock();
    t = timer_take(Timer);
    Timer->Header.Inserted = FALSE;
    nt_dispatcher_unlock(irql);
    if (!t)
        return FALSE;
    (void)timer_cancel(&t->timer);
    irql = nt_dispatcher_lock();
    timer_keep(t);
    nt_dispatcher_unlock(irql);
    return TRUE;
}

BOOLEAN NTAPI
KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    BOOLEAN was_set = KeCancelTimer(Timer);
    uint64_t delay = nt_delay(DueTime.QuadPart);
    struct nt_timer *t = timer_get();
    uint8_t irql;

    if (!t)
        guard_stop("set a timer for which there was no memory");
    irql = nt_dispatcher_lock();
    Timer->Header.SignalState = 0;
    Timer->Header.Inserted = TRUE;
    Timer->Dpc = Dpc;
    Timer->Period = Period > 0 ? Period : 0;
    t->stands_for = Timer;
    t->next = set;
    set = t;
    nt_dispatcher_unlock(irql);
    (void)timer_set(&t->timer, timer_deadline(delay), MS((uint64_t)(Period > 0 ? Period : 0)), NULL);
    return was_set;
}

BOOLEAN NTAPI
KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

BOOLEAN NTAPI
KeReadStateTimer(PKTIMER Timer)
{
    guard_touch(Timer);
    return Timer->Header.SignalState > 0;
}

/* A timer that is set and lies in an image, or whose DPC does; NULL: none. */
static KTIMER *
timer_of_image(const void *start, size_t size)
{
    uint8_t irql = nt_dispatcher_lock();
    KTIMER *found = NULL;

    for (const struct nt_timer *t = set; t && !found; t = t->next)
        if ((uintptr_t)t->stands_for - (uintptr_t)start < size ||
            (t->stands_for->Dpc && is_of_image(t->stands_for->Dpc, start, size)))
            found = t->stands_for;
    nt_dispatcher_unlock(irql);
    return found;
}

void
nt_timer_gone(const void *start, size_t size)
{
    KTIMER *found;

    while ((found = timer_of_image(start, size)) != NULL)
        (void)KeCancelTimer(found);
}

/* ---- time ---- */

int64_t
nt_time_now(void)
{
    return NT_EPOCH + (int64_t)(wall_clock_now() / 100);
}

VOID NTAPI
KeStallExecutionProcessor(ULONG Microseconds)
{
    struct gate *g = gate_current();

    if (Microseconds > STALL_MAX)
        guard_stop("asked for a stall of %u us", Microseconds);
    if (g && Microseconds > GATE_STALL_LIMIT)
        gate_violation(g, &g->said[GATE_STALL], "asked for a stall of %u us, longer than %u (check 2)",
                       Microseconds, GATE_STALL_LIMIT);
    stall_us(Microseconds);
}

VOID NTAPI
KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    LARGE_INTEGER now = {.QuadPart = nt_time_now()};

    guard_copy(CurrentTime, &now, sizeof(now));
}

ULONGLONG NTAPI
KeQueryInterruptTime(VOID)
{
    return time_now() / 100;
}

ULONG NTAPI
KeQueryTimeIncrement(VOID)
{
    return TIME_INCREMENT;
}

LARGE_INTEGER NTAPI
KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    LARGE_INTEGER frequency = {.QuadPart = 10000000}, now = {.QuadPart = (LONGLONG)(time_now() / 100)};

    if (PerformanceFrequency)
        guard_copy(PerformanceFrequency, &frequency, sizeof(frequency));
    return now;
}
