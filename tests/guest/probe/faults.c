/*
 * Goes wrong in the way that its exported variable Mode names, in DriverEntry (or in a DPC). The test expects the text that
 * stands beside each in tests/guest/kernel/drivers/contain.c.
 */
#include "probe.h"

enum {
    WELL,
    READ_NULL,
    WRITE_KERNEL,
    WRITE_OWN_CODE,
    EXECUTE_DATA,
    JUMP_NOWHERE,
    PRIVILEGED,
    DIVIDE,
    BREAKPOINT,
    NO_RETURN_LEVEL,
    LOOP_RAISED,
    STACK,
    BUGCHECK,
    DOUBLE_FREE,
    FREE_WILD,
    WAIT_RAISED,
    RELEASE_UNHELD,
    LOCK_TWICE,
    COPY_WILD,
    PRINT_WILD,
    EVENT_WILD,
    LOWER_UP,
    DPC_FAULT,
    DEEP,
    NONCANONICAL,
    UNINITIALIZED_EVENT,
};

PROBE_EXPORT volatile ULONG Mode = WELL;
PROBE_EXPORT volatile ULONG Reached;
static volatile ULONG zero;
static UCHAR data[64] = {0xc3};
static KSPIN_LOCK lock;
static KDPC dpc;
static KEVENT event;

#pragma GCC diagnostic ignored "-Winfinite-recursion"
#pragma GCC diagnostic ignored "-Wframe-larger-than="

/* Frames of their own. */
static ULONG recurse(volatile UCHAR *above) __attribute__((noinline));
static ULONG first(ULONG n) __attribute__((noinline));
static ULONG second(ULONG n) __attribute__((noinline));
static ULONG third(ULONG n) __attribute__((noinline));

static ULONG
recurse(volatile UCHAR *above)
{
    volatile UCHAR room[512];

    room[0] = above[0];
    return recurse(room) + room[511];
}

static VOID NTAPI
dpc_routine(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    *(volatile ULONG *)0x2000 = 1;
}

static ULONG
third(ULONG n)
{
    ULONG value = *(volatile ULONG *)(ULONG_PTR)(n + 0x3000);

    return value + n;
}

static ULONG
second(ULONG n)
{
    volatile UCHAR room[200];

    room[n & 63] = (UCHAR)n;
    return third(n) + room[1];
}

static ULONG
first(ULONG n)
{
    return second(n + zero) * 3;
}

static void
memory_faults(void)
{
    switch (Mode) {
    case READ_NULL:
        Reached = *(volatile ULONG *)(ULONG_PTR)zero;
        break;
    case WRITE_KERNEL: /* the start of the kernel's image */
        *(volatile ULONG *)0xffffffff80104000ull = 1;
        break;
    case WRITE_OWN_CODE:
        *(volatile UCHAR *)(ULONG_PTR)recurse = 0x90;
        break;
    case EXECUTE_DATA:
        ((void (*)(void))(ULONG_PTR)data)();
        break;
    case JUMP_NOWHERE:
        ((void (*)(void))(ULONG_PTR)(zero + 0x123450))();
        break;
    case NONCANONICAL:
        *(volatile ULONG *)(0x8000000000000000ull + zero) = 1;
        break;
    case STACK:
        Reached = recurse(data);
        break;
    case COPY_WILD:
        RtlMoveMemory(data, (PVOID)(ULONG_PTR)(zero + 0x5000), 64 + zero);
        break;
    case PRINT_WILD:
        DbgPrint("%s", (char *)(ULONG_PTR)(zero + 0x6000));
        break;
    case EVENT_WILD:
        KeSetEvent((PKEVENT)(ULONG_PTR)(zero + 0x7000), 0, FALSE);
        break;
    case DEEP:
        Reached = first(zero);
        break;
    }
}

static void
rule_faults(void)
{
    PVOID p;

    switch (Mode) {
    case PRIVILEGED: /* a selector beyond the table */
        __asm__ volatile("ltr %w0" ::"r"(0xfff8));
        break;
    case DIVIDE:
        __asm__ volatile("divl %0" ::"r"(zero) : "eax", "edx");
        break;
    case BREAKPOINT:
        __asm__ volatile("int3");
        break;
    case NO_RETURN_LEVEL:
        KfRaiseIrql(7);
        break;
    case LOOP_RAISED:
        KfRaiseIrql(7);
        for (;;)
            zero = 0;
        break;
    case BUGCHECK:
        KeBugCheckEx(0xd1, 1, 2, 3, 4);
        break;
    case DOUBLE_FREE:
        p = ExAllocatePoolWithTag(NonPagedPool, 100, 'tseT');
        ExFreePool(p);
        ExFreePool(p);
        break;
    case FREE_WILD:
        ExFreePool(data);
        break;
    case WAIT_RAISED:
        KeInitializeEvent(&event, NotificationEvent, FALSE);
        KfRaiseIrql(DISPATCH_LEVEL);
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        break;
    case RELEASE_UNHELD:
        KeReleaseSpinLock(&lock, PASSIVE_LEVEL);
        break;
    case LOCK_TWICE:
        KeAcquireSpinLockRaiseToDpc(&lock);
        KeAcquireSpinLockAtDpcLevel(&lock);
        break;
    case LOWER_UP:
        KeLowerIrql(DISPATCH_LEVEL);
        break;
    case DPC_FAULT:
        KeInitializeDpc(&dpc, dpc_routine, NULL);
        KeInsertQueueDpc(&dpc, NULL, NULL);
        KeFlushQueuedDpcs();
        break;
    case UNINITIALIZED_EVENT:
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        break;
    }
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ExAllocatePoolWithTag(NonPagedPool, 5000, 'kaeL'); /* left behind: goes with the driver */
    memory_faults();
    rule_faults();
    return STATUS_SUCCESS;
}
