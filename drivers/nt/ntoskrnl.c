/*
 * ntoskrnl.exe: the list of what drivers can import from it (hal.c has the rest).
 */
#include "drivers/loader/exports.h"
#include "drivers/nt/crt.h"
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/smp.h"
#include "lib/errno.h"
#include "lib/string.h"

extern struct library nt_hal;
void guard_frame(void); /* kernel/cpu/guard.S */

/* Exceptions of drivers are not dispatched to them (docs/CAVEATS.md): a table may name the handler, nobody calls it. */
static LONG NTAPI
nt_no_handler(PVOID record, PVOID frame, PVOID context, PVOID dispatcher)
{
    return 1; /* ExceptionContinueSearch */
}

/* clang-format off */
static const struct export exports[] = {
    /* C runtime and memory */
    EXPORT_AS(memcpy, nt_memcpy),
    EXPORT_AS(memmove, nt_memmove),
    EXPORT_AS(memset, nt_memset),
    EXPORT_AS(memcmp, nt_memcmp),
    EXPORT_AS(memchr, nt_memchr),
    EXPORT_AS(RtlCopyMemory, nt_memcpy),
    EXPORT_AS(RtlMoveMemory, nt_memmove),
    EXPORT_AS(RtlZeroMemory, nt_zero_memory),
    EXPORT_AS(RtlFillMemory, nt_fill_memory),
    EXPORT_AS(strlen, nt_strlen),
    EXPORT_AS(strnlen, nt_strnlen),
    EXPORT_AS(strcmp, nt_strcmp),
    EXPORT_AS(strncmp, nt_strncmp),
    EXPORT_AS(_stricmp, nt_stricmp),
    EXPORT_AS(_strnicmp, nt_strnicmp),
    EXPORT_AS(strcpy, nt_strcpy),
    EXPORT_AS(strncpy, nt_strncpy),
    EXPORT_AS(strcat, nt_strcat),
    EXPORT_AS(strchr, nt_strchr),
    EXPORT_AS(strrchr, nt_strrchr),
    EXPORT_AS(strstr, nt_strstr),
    EXPORT_AS(wcslen, nt_wcslen),
    EXPORT_AS(wcscmp, nt_wcscmp),
    EXPORT_AS(toupper, nt_toupper),
    EXPORT_AS(tolower, nt_tolower),
    EXPORT_AS(sprintf, nt_sprintf),
    EXPORT_AS(_snprintf, nt_snprintf),
    EXPORT_AS(vsprintf, nt_vsprintf),
    EXPORT_AS(_vsnprintf, nt_vsnprintf),
    EXPORT_AS(atoi, nt_atoi),
    EXPORT_AS(__chkstk, guard_frame),

    /* the kernel, in the order of drivers/ddk/wdm.h */
    EXPORT(KeGetCurrentIrql),
    EXPORT(KfRaiseIrql),
    EXPORT(KeLowerIrql),
    EXPORT(KeRaiseIrqlToDpcLevel),
    EXPORT(KeInitializeSpinLock),
    EXPORT(KeAcquireSpinLockRaiseToDpc),
    EXPORT(KeReleaseSpinLock),
    EXPORT(KeAcquireSpinLockAtDpcLevel),
    EXPORT(KeReleaseSpinLockFromDpcLevel),
    EXPORT(KeTryToAcquireSpinLockAtDpcLevel),
    EXPORT(KeAcquireInStackQueuedSpinLock),
    EXPORT(KeReleaseInStackQueuedSpinLock),
    EXPORT(KeAcquireInStackQueuedSpinLockAtDpcLevel),
    EXPORT(KeReleaseInStackQueuedSpinLockFromDpcLevel),
    EXPORT(KeInitializeEvent),
    EXPORT(KeSetEvent),
    EXPORT(KeResetEvent),
    EXPORT(KeClearEvent),
    EXPORT(KeReadStateEvent),
    EXPORT(KeInitializeSemaphore),
    EXPORT(KeReleaseSemaphore),
    EXPORT(KeInitializeMutex),
    EXPORT(KeReleaseMutex),
    EXPORT(ExAcquireFastMutex),
    EXPORT(ExReleaseFastMutex),
    EXPORT(KeWaitForSingleObject),
    EXPORT(KeDelayExecutionThread),
    EXPORT(KeInitializeTimer),
    EXPORT(KeInitializeTimerEx),
    EXPORT(KeSetTimer),
    EXPORT(KeSetTimerEx),
    EXPORT(KeCancelTimer),
    EXPORT(KeReadStateTimer),
    EXPORT(KeInitializeDpc),
    EXPORT(KeInsertQueueDpc),
    EXPORT(KeRemoveQueueDpc),
    EXPORT(KeFlushQueuedDpcs),
    EXPORT(KeSetTargetProcessorDpc),
    EXPORT(KeSetImportanceDpc),
    EXPORT(KeGetCurrentThread),
    EXPORT(KeGetCurrentProcessorNumberEx),
    EXPORT_AS(KeNumberProcessors, &KeNumberProcessors),
    EXPORT(KeQueryActiveProcessorCount),
    EXPORT(KeQueryActiveProcessorCountEx),
    EXPORT(KeQueryActiveProcessors),
    EXPORT(KeQuerySystemTimePrecise),
    EXPORT(KeQueryInterruptTime),
    EXPORT(KeQueryTimeIncrement),
    EXPORT(ExAllocatePool),
    EXPORT(ExAllocatePoolWithTag),
    EXPORT(ExAllocatePool2),
    EXPORT(ExFreePool),
    EXPORT(ExFreePoolWithTag),
    EXPORT(ExInitializeNPagedLookasideList),
    EXPORT(ExDeleteNPagedLookasideList),
    EXPORT(ExpInterlockedPopEntrySList),
    EXPORT(ExpInterlockedPushEntrySList),
    EXPORT(ExpInterlockedFlushSList),
    EXPORT(ExQueryDepthSList),
    EXPORT(InitializeSListHead),
    EXPORT(ExInterlockedInsertHeadList),
    EXPORT(ExInterlockedInsertTailList),
    EXPORT(ExInterlockedRemoveHeadList),
    EXPORT(ExInterlockedAddLargeInteger),
    EXPORT(ExInterlockedAddUlong),
    EXPORT(MmMapIoSpace),
    EXPORT(MmMapIoSpaceEx),
    EXPORT(MmUnmapIoSpace),
    EXPORT(MmAllocateContiguousMemory),
    EXPORT(MmAllocateContiguousMemorySpecifyCache),
    EXPORT(MmFreeContiguousMemory),
    EXPORT(MmFreeContiguousMemorySpecifyCache),
    EXPORT(MmAllocateNonCachedMemory),
    EXPORT(MmFreeNonCachedMemory),
    EXPORT(MmGetPhysicalAddress),
    EXPORT(MmGetVirtualForPhysical),
    EXPORT(MmIsAddressValid),
    EXPORT(MmMapLockedPages),
    EXPORT(MmMapLockedPagesSpecifyCache),
    EXPORT(MmUnmapLockedPages),
    EXPORT(MmBuildMdlForNonPagedPool),
    EXPORT(IoAllocateMdl),
    EXPORT(IoFreeMdl),
    EXPORT(MmQuerySystemSize),
    EXPORT(RtlInitUnicodeString),
    EXPORT(RtlInitAnsiString),
    EXPORT(RtlUnicodeStringToAnsiString),
    EXPORT(RtlAnsiStringToUnicodeString),
    EXPORT(RtlFreeUnicodeString),
    EXPORT(RtlFreeAnsiString),
    EXPORT(RtlCopyUnicodeString),
    EXPORT(RtlAppendUnicodeToString),
    EXPORT(RtlAppendUnicodeStringToString),
    EXPORT(RtlCompareUnicodeString),
    EXPORT(RtlEqualUnicodeString),
    EXPORT(RtlCompareString),
    EXPORT(RtlEqualString),
    EXPORT(RtlUpcaseUnicodeChar),
    EXPORT(RtlUpperChar),
    EXPORT(RtlIntegerToUnicodeString),
    EXPORT(RtlUnicodeStringToInteger),
    EXPORT(RtlCharToInteger),
    EXPORT(RtlCompareMemory),
    EXPORT(RtlCompareMemoryUlong),
    EXPORT(RtlRandomEx),
    EXPORT(DbgPrint),
    EXPORT(DbgPrintEx),
    EXPORT(RtlAssert),
    EXPORT(DbgBreakPoint),
    EXPORT(KeBugCheckEx),
    EXPORT(KeBugCheck),
    EXPORT(MmGetSystemRoutineAddress),

    /* other names of the same */
    EXPORT_AS(KeRaiseIrql, KfRaiseIrql),
    EXPORT_AS(KfLowerIrql, KeLowerIrql),
    EXPORT_AS(KfAcquireSpinLock, KeAcquireSpinLockRaiseToDpc),
    EXPORT_AS(KfReleaseSpinLock, KeReleaseSpinLock),
    EXPORT_AS(KefAcquireSpinLockAtDpcLevel, KeAcquireSpinLockAtDpcLevel),
    EXPORT_AS(KefReleaseSpinLockFromDpcLevel, KeReleaseSpinLockFromDpcLevel),
    EXPORT_AS(RtlInitString, RtlInitAnsiString),
    EXPORT_AS(PsGetCurrentThread, KeGetCurrentThread),
    EXPORT_AS(KeQuerySystemTime, KeQuerySystemTimePrecise),
    EXPORT_AS(KeQueryInterruptTimePrecise, KeQueryInterruptTime),
    EXPORT_AS(ExInitializePagedLookasideList, ExInitializeNPagedLookasideList),
    EXPORT_AS(ExDeletePagedLookasideList, ExDeleteNPagedLookasideList),
    EXPORT_AS(__C_specific_handler, nt_no_handler),
};
/* clang-format on */

static const char *const names[] = {"ntoskrnl.exe", "ntkrnlmp.exe", "hal.dll", NULL};
static struct library nt_kernel = {.names = names, .exports = exports, .count = ARRAY_SIZE(exports)};

/* A name that a driver looks for at run time. NULL: there is none. */
PVOID NTAPI
MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    UNICODE_STRING s;
    char name[64];

    guard_copy(&s, SystemRoutineName, sizeof(s));
    if (s.Length / 2u >= sizeof(name))
        return NULL;
    (void)guard_text16(name, s.Buffer, s.Length / 2u);
    return (PVOID)(uintptr_t)library_function("ntoskrnl.exe", name, 0);
}

int
nt_init(void)
{
    KeNumberProcessors = (CCHAR)cpu_count();
    library_publish(&nt_kernel);
    library_publish(&nt_hal);
    return nt_dpc_init();
}
