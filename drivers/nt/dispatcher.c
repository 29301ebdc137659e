/*
 * Events, semaphores, mutexes, and waiting for them. The objects are the driver's memory with NT's layout; who waits is listed
 * in them by a block on the waiter's stack, under one lock for all.
 */
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/clock.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/event.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"

struct waiter {
    LIST_ENTRY link; /* in WaitListHead */
    struct event wake;
    PKTHREAD thread;
    bool satisfied;
};

static spinlock_t lock = SPINLOCK(LOCK_NT, "what drivers wait for");

uint8_t
nt_dispatcher_lock(void)
{
    return spin_lock(&lock);
}

void
nt_dispatcher_unlock(uint8_t irql)
{
    spin_unlock(&lock, irql);
}

void
nt_header_init(DISPATCHER_HEADER *h, uint8_t type, size_t size, int32_t state)
{
    guard_touch_write(h);
    guard_touch_write((char *)h + size - 1);
    *h = (DISPATCHER_HEADER){.Type = type, .Size = (uint8_t)(size / 4), .SignalState = state};
    h->WaitListHead.Flink = h->WaitListHead.Blink = &h->WaitListHead;
}

static bool
is_mutant(const DISPATCHER_HEADER *h)
{
    return (h->Type & 0x7f) == NT_MUTANT;
}

/* Would a wait end at once? Takes the signal if so. Lock held. */
static bool
take(DISPATCHER_HEADER *h, PKTHREAD thread)
{
    KMUTANT *m = CONTAINING_RECORD(h, KMUTANT, Header);

    if (h->SignalState <= 0 && !(is_mutant(h) && m->OwnerThread == thread))
        return false;
    switch (h->Type & 0x7f) {
    case NT_MUTANT:
        h->SignalState--;
        m->OwnerThread = thread;
        break;
    case NT_EVENT_SYNCHRONIZATION:
    case NT_TIMER_SYNCHRONIZATION:
        h->SignalState = 0;
        break;
    case NT_SEMAPHORE:
        h->SignalState--;
        break;
    default: /* notification: stays */
        break;
    }
    return true;
}

/* Does the list hang together here? What a driver has overwritten is not followed. */
static bool
linked(const LIST_ENTRY *e)
{
    return e->Flink && e->Blink && e->Flink->Blink == e && e->Blink->Flink == e;
}

static void
unlink(LIST_ENTRY *e)
{
    e->Blink->Flink = e->Flink;
    e->Flink->Blink = e->Blink;
    e->Flink = e->Blink = e;
}

void
nt_signal(DISPATCHER_HEADER *h)
{
    LIST_ENTRY *head = &h->WaitListHead;

    while (head->Flink && head->Flink != head) {
        struct waiter *w = CONTAINING_RECORD(head->Flink, struct waiter, link);

        if (!linked(&w->link) || !take(h, w->thread))
            return;
        unlink(&w->link);
        w->satisfied = true;
        (void)event_set(&w->wake);
    }
}

uint64_t
nt_delay(int64_t due)
{
    int64_t left = due < 0 ? -due : due - nt_time_now();

    return left <= 0 ? 0 : (uint64_t)left > UINT64_MAX / 200 ? UINT64_MAX / 2 : (uint64_t)left * 100;
}

static NTSTATUS
wait_blocked(DISPATCHER_HEADER *h, struct waiter *w, uint64_t timeout)
{
    uint8_t irql;

    (void)wait_event(&w->wake.waitable, timeout);
    irql = nt_dispatcher_lock();
    if (!w->satisfied)
        unlink(&w->link);
    nt_dispatcher_unlock(irql);
    return w->satisfied ? STATUS_SUCCESS : STATUS_TIMEOUT;
}

NTSTATUS NTAPI
KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                      PLARGE_INTEGER Timeout)
{
    DISPATCHER_HEADER *h = Object;
    struct waiter w = {.thread = KeGetCurrentThread()};
    LARGE_INTEGER due = {.QuadPart = 0};
    uint64_t timeout = WAIT_FOREVER;
    uint8_t irql;
    bool taken;

    if (Timeout) {
        guard_copy(&due, Timeout, sizeof(due));
        timeout = nt_delay(due.QuadPart);
    }
    if (timeout)
        NT_IRQL_MAX(APC_LEVEL);
    NT_IRQL_MAX(DISPATCH_LEVEL);
    guard_touch_write(h);
    event_init(&w.wake, EVENT_AUTO, false);
    irql = nt_dispatcher_lock();
    taken = take(h, w.thread);
    if (!taken && timeout) {
        LIST_ENTRY *head = &h->WaitListHead;

        if (!head->Flink || !linked(head)) {
            nt_dispatcher_unlock(irql);
            guard_stop("waits for an object at %p that was not initialized", Object);
        }
        w.link = (LIST_ENTRY){head, head->Blink};
        head->Blink->Flink = &w.link;
        head->Blink = &w.link;
    }
    nt_dispatcher_unlock(irql);
    if (taken)
        return STATUS_SUCCESS;
    return timeout ? wait_blocked(h, &w, timeout) : STATUS_TIMEOUT;
}

NTSTATUS NTAPI
KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval)
{
    LARGE_INTEGER due;

    NT_IRQL_MAX(APC_LEVEL);
    guard_copy(&due, Interval, sizeof(due));
    thread_sleep(nt_delay(due.QuadPart));
    return STATUS_SUCCESS;
}

VOID NTAPI
KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    nt_header_init(&Event->Header,
                   Type == NotificationEvent ? NT_EVENT_NOTIFICATION : NT_EVENT_SYNCHRONIZATION,
                   sizeof(*Event), State != 0);
}

/* Set, or with `by` added, the state of an object; signals it. Returns the state before. */
static LONG
state_change(DISPATCHER_HEADER *h, LONG to)
{
    uint8_t irql;
    LONG old;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    guard_touch_write(h);
    irql = nt_dispatcher_lock();
    old = h->SignalState;
    h->SignalState = to;
    if (to > 0)
        nt_signal(h);
    nt_dispatcher_unlock(irql);
    return old;
}

LONG NTAPI
KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    return state_change(&Event->Header, 1);
}

LONG NTAPI
KeResetEvent(PRKEVENT Event)
{
    return state_change(&Event->Header, 0);
}

VOID NTAPI
KeClearEvent(PRKEVENT Event)
{
    (void)state_change(&Event->Header, 0);
}

LONG NTAPI
KeReadStateEvent(PRKEVENT Event)
{
    guard_touch(Event);
    return Event->Header.SignalState;
}

VOID NTAPI
KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    nt_header_init(&Semaphore->Header, NT_SEMAPHORE, sizeof(*Semaphore), Count);
    Semaphore->Limit = Limit;
}

LONG NTAPI
KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait)
{
    DISPATCHER_HEADER *h = &Semaphore->Header;
    uint8_t irql;
    bool over;
    LONG old;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    guard_touch_write(Semaphore);
    irql = nt_dispatcher_lock();
    old = h->SignalState;
    over = Adjustment <= 0 || Adjustment > Semaphore->Limit - old;
    if (!over) {
        h->SignalState = old + Adjustment;
        nt_signal(h);
    }
    nt_dispatcher_unlock(irql);
    if (over)
        guard_stop("released a semaphore past its limit");
    return old;
}

VOID NTAPI
KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    nt_header_init(&Mutex->Header, NT_MUTANT, sizeof(*Mutex), 1);
    Mutex->OwnerThread = NULL;
    Mutex->Abandoned = FALSE;
    Mutex->ApcDisable = 1;
}

LONG NTAPI
KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    DISPATCHER_HEADER *h = &Mutex->Header;
    uint8_t irql;
    bool owned;
    LONG old;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    guard_touch_write(Mutex);
    irql = nt_dispatcher_lock();
    old = h->SignalState;
    owned = old <= 0 && Mutex->OwnerThread == KeGetCurrentThread();
    if (owned && ++h->SignalState == 1) {
        Mutex->OwnerThread = NULL;
        nt_signal(h);
    }
    nt_dispatcher_unlock(irql);
    if (!owned)
        guard_stop("released a mutex that it does not own");
    return old;
}

/* Drivers initialize the members inline: Count 1, an automatic event. */
VOID NTAPI
ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    NT_IRQL_MAX(APC_LEVEL);
    guard_touch_write(FastMutex);
    if (__atomic_sub_fetch(&FastMutex->Count, 1, __ATOMIC_ACQUIRE) != 0) {
        FastMutex->Contention++;
        (void)KeWaitForSingleObject(&FastMutex->Event, Executive, KernelMode, FALSE, NULL);
    }
    FastMutex->Owner = KeGetCurrentThread();
    FastMutex->OldIrql = irql_current();
    irql_set(APC_LEVEL);
}

VOID NTAPI
ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL old;

    guard_touch_write(FastMutex);
    if (FastMutex->Owner != KeGetCurrentThread())
        guard_stop("released a fast mutex that it does not own");
    old = (KIRQL)FastMutex->OldIrql;
    FastMutex->Owner = NULL;
    if (__atomic_add_fetch(&FastMutex->Count, 1, __ATOMIC_RELEASE) <= 0)
        (void)KeSetEvent(&FastMutex->Event, 0, FALSE);
    irql_set(old & APC_LEVEL);
}
