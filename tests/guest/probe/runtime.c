/*
 * Uses what ntoskrnl.exe and hal.dll offer and checks what comes back. DriverEntry returns 0, or 0xe0000000 | the line of the
 * first check that does not hold.
 */
#include "probe.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return (NTSTATUS)(0xe0000000 | __LINE__);                                                        \
    } while (0)

int sprintf(char *to, const char *format, ...);
int _snprintf(char *to, size_t n, const char *format, ...);
size_t strlen(const char *s);
int _stricmp(const char *a, const char *b);
char *strstr(const char *s, const char *part);

PROBE_EXPORT volatile LONG DpcCount, TimerCount, LastDpcIrql;
static volatile PVOID seen[3];
static UCHAR zeros[70000]; /* .bss without file data */

static VOID NTAPI
dpc_routine(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    seen[0] = DeferredContext;
    seen[1] = SystemArgument1;
    seen[2] = SystemArgument2;
    LastDpcIrql = KeGetCurrentIrql();
    __sync_fetch_and_add(&DpcCount, 1);
}

static VOID NTAPI
timer_routine(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    __sync_fetch_and_add(&TimerCount, 1);
    KeSetEvent(DeferredContext, 0, FALSE);
}

static int
texts_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static NTSTATUS
check_texts(void)
{
    static const WCHAR wide[] = {'w', 'i', 'd', 'e', 0};
    UNICODE_STRING u, v;
    ANSI_STRING a;
    WCHAR room[20];
    CHAR text[100];
    ULONG n;

    CHECK(sprintf(text, "%d %u %x %08lX %s|%-5s|%5s|%c%%", -1, 2u, 255, 0xabcdul, "text", "l", "r", 'c') ==
          36);
    CHECK(texts_equal(text, "-1 2 ff 0000ABCD text|l    |    r|c%"));
    CHECK(sprintf(text, "%I64x %llu %ld %lu", 0x123456789abcdefll, 1ull << 40, -5l, 0xfffffffful) == 43);
    CHECK(texts_equal(text, "123456789abcdef 1099511627776 -5 4294967295"));
    RtlInitUnicodeString(&u, wide);
    CHECK(u.Length == 8 && u.MaximumLength == 10 && u.Buffer == wide);
    sprintf(text, "%S %ws %wZ %.2s %p", wide, wide, &u, "abcdef", (void *)0x1234);
    CHECK(texts_equal(text, "wide wide wide ab 0000000000001234"));
    CHECK(_snprintf(text, 4, "%s", "abcdef") == -1 && text[3] == 'd');
    CHECK(_snprintf(text, 4, "%s", "abc") == 3 && !text[3]);
    CHECK(strlen("12345") == 5 && !_stricmp("HeLLo", "hEllO") && strstr("haystack", "st"));
    RtlInitAnsiString(&a, "Ansi");
    CHECK(a.Length == 4 && a.MaximumLength == 5);
    v.Buffer = room;
    v.MaximumLength = sizeof(room);
    CHECK(RtlAnsiStringToUnicodeString(&v, &a, FALSE) == STATUS_SUCCESS && v.Length == 8 && room[3] == 'i' &&
          !room[4]);
    CHECK(RtlAppendUnicodeToString(&v, wide) == STATUS_SUCCESS && v.Length == 16);
    CHECK(RtlAppendUnicodeToString(&v, wide) == STATUS_SUCCESS);
    CHECK(RtlAppendUnicodeToString(&v, wide) == STATUS_SUCCESS && v.Length == 32);
    CHECK(RtlAppendUnicodeToString(&v, wide) == STATUS_SUCCESS && v.Length == 40);
    CHECK(RtlAppendUnicodeToString(&v, wide) == STATUS_BUFFER_TOO_SMALL && v.Length == 40);
    CHECK(RtlIntegerToUnicodeString(4711, 10, &v) == STATUS_SUCCESS && v.Length == 8);
    CHECK(RtlUnicodeStringToInteger(&v, 10, &n) == STATUS_SUCCESS && n == 4711);
    CHECK(RtlCharToInteger("0x1f", 0, &n) == STATUS_SUCCESS && n == 31);
    RtlInitUnicodeString(&v, L"WIDE");
    CHECK(!RtlEqualUnicodeString(&u, &v, FALSE) && RtlEqualUnicodeString(&u, &v, TRUE));
    CHECK(RtlUnicodeStringToAnsiString(&a, &u, TRUE) == STATUS_SUCCESS && a.Length == 4 &&
          texts_equal(a.Buffer, "wide"));
    RtlFreeAnsiString(&a);
    CHECK(!a.Buffer);
    return 0;
}

static NTSTATUS
check_memory(void)
{
    static NPAGED_LOOKASIDE_LIST list;
    PHYSICAL_ADDRESS below = {.QuadPart = 0xffffffff}, pa;
    char *p = ExAllocatePoolWithTag(NonPagedPool, 10000, 'tseT'), *q;
    MDL *mdl;

    for (ULONG i = 0; i < sizeof(zeros); i++)
        CHECK(!zeros[i]);
    CHECK(p && !((ULONG_PTR)p & 0xfff));
    __builtin_memset(p, 7, 10000);
    q = ExAllocatePool2(0x40, 33, 'tseT');
    CHECK(q && !q[0] && !q[32]);
    ExFreePool(q);
    CHECK(RtlCompareMemory(p, p + 5000, 5000) == 5000);
    p[9000] = 8;
    CHECK(RtlCompareMemory(p, p + 5000, 5000) == 4000);
    mdl = IoAllocateMdl(p + 100, 9000, FALSE, FALSE, NULL);
    CHECK(mdl);
    MmBuildMdlForNonPagedPool(mdl);
    CHECK(MmGetPhysicalAddress(p + 4096).QuadPart >> 12 == (LONGLONG)MmGetMdlPfnArray(mdl)[1]);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(p, 'tseT');
    p = MmAllocateContiguousMemory(70000, below);
    CHECK(p);
    pa = MmGetPhysicalAddress(p);
    CHECK(pa.QuadPart && pa.QuadPart + 70000 <= below.QuadPart);
    CHECK(MmGetPhysicalAddress(p + 65536).QuadPart == pa.QuadPart + 65536);
    MmFreeContiguousMemory(p);
    CHECK(!MmIsAddressValid((PVOID)0x1234) && MmIsAddressValid(&list));
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 64, 'tseT', 0);
    for (int i = 0; i < 3; i++) {
        p = (char *)ExpInterlockedPopEntrySList(&list.L.ListHead);
        if (!p)
            p = list.L.Allocate(list.L.Type, list.L.Size, list.L.Tag);
        CHECK(p);
        ExpInterlockedPushEntrySList(&list.L.ListHead, (PSLIST_ENTRY)p);
        CHECK(ExQueryDepthSList(&list.L.ListHead) == 1);
    }
    ExDeleteNPagedLookasideList(&list);
    return 0;
}

static NTSTATUS
check_levels(void)
{
    static KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KIRQL old;

    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    CHECK(old == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL && lock);
    CHECK(!KeTryToAcquireSpinLockAtDpcLevel(&lock));
    KeReleaseSpinLock(&lock, old);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && !lock);
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    KeReleaseInStackQueuedSpinLock(&handle);
    KeRaiseIrql(9, &old);
    CHECK(KeGetCurrentIrql() == 9);
    KeLowerIrql(old);
    __asm__ volatile("mov %0, %%cr8" ::"r"(2ull)); /* as compiled drivers do inline */
    CHECK(KeGetCurrentIrql() == 2);
    __asm__ volatile("mov %0, %%cr8" ::"r"(0ull));
    return 0;
}

static NTSTATUS
check_waiting(void)
{
    static KEVENT event, fired;
    static KTIMER timer;
    static KDPC dpc, timer_dpc;
    static KMUTEX mutex;
    static KSEMAPHORE semaphore;
    LARGE_INTEGER now = {.QuadPart = 0}, soon = {.QuadPart = -20000}, long_ago = {.QuadPart = 1};

    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    CHECK(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &now) == STATUS_TIMEOUT);
    CHECK(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &soon) == STATUS_TIMEOUT);
    CHECK(KeSetEvent(&event, 0, FALSE) == 0 && KeReadStateEvent(&event));
    CHECK(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    CHECK(!KeReadStateEvent(&event));
    KeInitializeMutex(&mutex, 0);
    CHECK(KeWaitForSingleObject(&mutex, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    CHECK(KeWaitForSingleObject(&mutex, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    KeReleaseMutex(&mutex, FALSE);
    KeReleaseMutex(&mutex, FALSE);
    KeInitializeSemaphore(&semaphore, 1, 2);
    CHECK(KeReleaseSemaphore(&semaphore, 0, 1, FALSE) == 1);
    CHECK(KeWaitForSingleObject(&semaphore, Executive, KernelMode, FALSE, &now) == STATUS_SUCCESS);
    CHECK(KeWaitForSingleObject(&semaphore, Executive, KernelMode, FALSE, &long_ago) == STATUS_SUCCESS);
    CHECK(KeWaitForSingleObject(&semaphore, Executive, KernelMode, FALSE, &now) == STATUS_TIMEOUT);
    KeInitializeDpc(&dpc, dpc_routine, &event);
    CHECK(KeInsertQueueDpc(&dpc, &timer, &mutex));
    KeFlushQueuedDpcs();
    CHECK(DpcCount == 1 && LastDpcIrql == DISPATCH_LEVEL && seen[0] == &event && seen[1] == &timer &&
          seen[2] == &mutex);
    KeInitializeEvent(&fired, NotificationEvent, FALSE);
    KeInitializeDpc(&timer_dpc, timer_routine, &fired);
    KeInitializeTimer(&timer);
    CHECK(!KeSetTimer(&timer, soon, &timer_dpc));
    CHECK(KeWaitForSingleObject(&fired, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    CHECK(TimerCount == 1 && KeReadStateTimer(&timer));
    CHECK(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    soon.QuadPart = -600000000ll;
    CHECK(!KeSetTimer(&timer, soon, &timer_dpc) && KeCancelTimer(&timer) && !KeCancelTimer(&timer));
    return 0;
}

/* What KeQuerySystemTime and KeQueryTickCount are in compiled drivers. */
static NTSTATUS
check_shared_data(void)
{
    const volatile ULONG *shared = (const volatile ULONG *)0xfffff78000000000ull;
    LARGE_INTEGER now, wait = {.QuadPart = -500000};
    ULONGLONG system, ticks = *(const volatile ULONGLONG *)(const volatile void *)&shared[0x320 / 4];

    KeQuerySystemTimePrecise(&now);
    system = *(const volatile ULONGLONG *)(const volatile void *)((const volatile UCHAR *)shared + 0x14);
    CHECK(now.QuadPart - (LONGLONG)system < 600000000ll && (LONGLONG)system - now.QuadPart < 600000000ll);
    CHECK(shared[0x18 / 4] == shared[0x1c / 4]);
    for (unsigned i = 0;
         i < 1200 && *(const volatile ULONGLONG *)(const volatile void *)&shared[0x320 / 4] == ticks; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    CHECK(*(const volatile ULONGLONG *)(const volatile void *)&shared[0x320 / 4] > ticks);
    return 0;
}

static NTSTATUS
check_time_and_buses(void)
{
    LARGE_INTEGER frequency, from = KeQueryPerformanceCounter(&frequency), to;
    USHORT vendor = 0;
    ULONG processor, thread_low;
    PVOID thread;

    KeStallExecutionProcessor(100);
    to = KeQueryPerformanceCounter(NULL);
    CHECK(frequency.QuadPart > 0 && (to.QuadPart - from.QuadPart) * 1000000 / frequency.QuadPart >= 100);
    CHECK(HalGetBusDataByOffset(PCIConfiguration, 0, 0, &vendor, 0, 2) == 2 && vendor == 0x8086);
    CHECK(HalGetBusDataByOffset(PCIConfiguration, 0, 31 | 7 << 5, &vendor, 0, 64) == 2 && vendor == 0xffff);
    __asm__ volatile("movl %%gs:0x184, %0" : "=r"(processor)); /* inline, as compiled drivers have it */
    CHECK(processor < KeQueryActiveProcessorCount(NULL));
    __asm__ volatile("movq %%gs:0x188, %0" : "=r"(thread));
    CHECK(thread == KeGetCurrentThread());
    thread_low = (ULONG)(ULONG_PTR)thread;
    CHECK(RtlRandomEx(&thread_low) < 0x7fffffff);
    return 0;
}

/* More than the kernel's own pool has in one piece, and given back where it cannot be unmapped at once. */
static NTSTATUS
check_large_memory(void)
{
    const SIZE_T size = 5 << 20;
    KIRQL irql;

    for (unsigned raised = 0; raised < 2; raised++) {
        char *p = ExAllocatePoolWithTag(NonPagedPool, size, 'tseT');

        CHECK(p && !((ULONG_PTR)p & 0xfff));
        p[0] = p[size - 1] = 7;
        CHECK(MmGetPhysicalAddress(p).QuadPart && MmGetPhysicalAddress(p + size - 1).QuadPart);
        irql = KfRaiseIrql(raised ? DISPATCH_LEVEL : PASSIVE_LEVEL);
        CHECK(!raised || !ExAllocatePoolWithTag(NonPagedPool, size, 'tseT'));
        ExFreePoolWithTag(p, 'tseT');
        KeLowerIrql(irql);
    }
    return 0;
}

/* What the compiler calls for a large frame, and what a debug build's ASSERT() does. */
static NTSTATUS
check_compiled_code(void)
{
    extern __declspec(dllimport) VOID NTAPI __chkstk(VOID);
    VOID(NTAPI *const touch)(VOID) = __chkstk;
    ULONG_PTR size = 3 * 4096 + 8, before, after;

    __asm__ volatile("movq %%rsp, %1\n\tcall *%3\n\tmovq %%rsp, %2"
                     : "+a"(size), "=&r"(before), "=&r"(after)
                     : "r"(touch)
                     : "r10", "r11", "cc", "memory");
    CHECK(size == 3 * 4096 + 8 && before == after);
    CHECK((ULONG)KeNumberProcessors == KeQueryActiveProcessorCount(NULL));
    RtlAssert("1 > 2", "runtime.c", 1, NULL);
    return 0;
}

/* SSE2 in the driver's own code: doubles that live across calls into the kernel. */
static NTSTATUS
check_floating_point(void)
{
    volatile double x = 1.5, y = 0;

    for (int i = 0; i < 1000; i++) {
        y += x * i;
        if (i % 100 == 0)
            KeStallExecutionProcessor(1);
    }
    CHECK(y == 1.5 * 499500);
    return 0;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS(*const checks[])
    (void) = {check_texts,          check_memory,      check_large_memory,
              check_levels,         check_waiting,     check_time_and_buses,
              check_floating_point, check_shared_data, check_compiled_code};

    CHECK(DriverObject->Size == sizeof(*DriverObject) && DriverObject->DriverInit == DriverEntry);
    CHECK(RegistryPath->Length > 20 && RegistryPath->Buffer[0] == '\\');
    DbgPrint("checks from %wZ\n", RegistryPath);
    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        NTSTATUS status = checks[i]();

        if (status)
            return status;
    }
    return STATUS_SUCCESS;
}
