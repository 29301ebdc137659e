/*
 * Spin locks and the IRQL. A driver's lock is 8 bytes of its own; it spins in its own name, so waiting for
 * one that nobody gives back ends its call when the gate's limit is over.
 */
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/smp.h"
#include "kernel/sched/thread.h"

KIRQL NTAPI
KeGetCurrentIrql(VOID)
{
    return irql_current();
}

KIRQL NTAPI
KfRaiseIrql(KIRQL NewIrql)
{
    if (NewIrql < irql_current() || NewIrql > HIGH_LEVEL)
        guard_stop("raised the IRQL to %u at IRQL %u", NewIrql, irql_current());
    return irql_raise(NewIrql);
}

VOID NTAPI
KeLowerIrql(KIRQL NewIrql)
{
    if (NewIrql > irql_current())
        guard_stop("lowered the IRQL to %u at IRQL %u", NewIrql, irql_current());
    irql_lower(NewIrql);
}

KIRQL NTAPI
KeRaiseIrqlToDpcLevel(VOID)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

VOID NTAPI
KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    guard_touch_write(SpinLock);
    *SpinLock = 0;
}

/* The locks that a call holds: it may not return with one. */
static void
held(int more)
{
    struct guard *g = guard_current();

    if (g)
        g->locks += (uint32_t)more;
}

/* At the lock's IRQL, so who holds it on this processor is this call, or what it has interrupted. */
static void
acquire(PKSPIN_LOCK lock)
{
    uint64_t who = cpu_number() + 1;

    guard_touch_write(lock);
    if (__atomic_load_n((uint64_t *)lock, __ATOMIC_RELAXED) == who)
        guard_stop("took a spin lock that its processor holds already");
    guard_lock((uint64_t *)lock, who);
    held(1);
}

KIRQL NTAPI
KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    KIRQL old;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    old = irql_raise(DISPATCH_LEVEL);
    acquire(SpinLock);
    return old;
}

VOID NTAPI
KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    KeReleaseSpinLockFromDpcLevel(SpinLock);
    KeLowerIrql(NewIrql);
}

VOID NTAPI
KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    if (irql_current() < DISPATCH_LEVEL)
        guard_stop("called KeAcquireSpinLockAtDpcLevel at IRQL %u, which is too low", irql_current());
    acquire(SpinLock);
}

VOID NTAPI
KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    guard_touch_write(SpinLock);
    if (!*SpinLock)
        guard_stop("released a spin lock that is not held");
    guard_unlock((uint64_t *)SpinLock);
    held(-1);
}

BOOLEAN NTAPI
KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    if (!guard_trylock((uint64_t *)SpinLock, cpu_number() + 1))
        return FALSE;
    held(1);
    return TRUE;
}

VOID NTAPI
KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    KIRQL old = KeAcquireSpinLockRaiseToDpc(SpinLock);

    guard_touch_write(LockHandle);
    LockHandle->LockQueueLock = SpinLock;
    LockHandle->OldIrql = old;
}

VOID NTAPI
KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    guard_touch(LockHandle);
    KeReleaseSpinLock(LockHandle->LockQueueLock, LockHandle->OldIrql);
}

VOID NTAPI
KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeAcquireSpinLockAtDpcLevel(SpinLock);
    guard_touch_write(LockHandle);
    LockHandle->LockQueueLock = SpinLock;
}

VOID NTAPI
KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    guard_touch(LockHandle);
    KeReleaseSpinLockFromDpcLevel(LockHandle->LockQueueLock);
}

PKTHREAD NTAPI
KeGetCurrentThread(VOID)
{
    return (PKTHREAD)(void *)thread_current();
}

ULONG NTAPI
KeGetCurrentProcessorNumberEx(PVOID ProcNumber)
{
    ULONG n = cpu_number();

    if (ProcNumber) { /* PROCESSOR_NUMBER: group, number in the group, reserved */
        const uint8_t number[4] = {0, 0, (uint8_t)n, 0};

        guard_copy(ProcNumber, number, sizeof(number));
    }
    return n;
}

CCHAR KeNumberProcessors; /* [I] the variable itself is imported */

ULONG NTAPI
KeQueryActiveProcessorCount(KAFFINITY *ActiveProcessors)
{
    uint64_t mask = smp_mask_all();

    if (ActiveProcessors)
        guard_copy(ActiveProcessors, &mask, sizeof(mask));
    return cpu_count();
}

ULONG NTAPI
KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
    return cpu_count();
}

KAFFINITY NTAPI
KeQueryActiveProcessors(VOID)
{
    return smp_mask_all();
}
