/*
 * An ATA controller in memory that breaks, in the way that its exported variable Mode names, a rule that the port can see.
 * tests/guest/kernel/drivers/ataport_verify.c has what is said of each, and what it costs.
 */
#include "irb.h"
#include "probe.h"
#include "atabad.h"

PROBE_EXPORT volatile ULONG Mode;
PROBE_EXPORT volatile ULONG Seen; /* what the port answered */

struct channel {
    PIDE_REQUEST_BLOCK held, last;
    PUCHAR uncached;
    KSPIN_LOCK lock;
};

static void
complete(struct channel *c, PIDE_REQUEST_BLOCK irb, UCHAR status)
{
    irb->IrbStatus = status;
    AtaPortCompleteRequest(c, irb);
}

static void
identify(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    PIDENTIFY_DEVICE_DATA d = irb->DataBuffer;

    d->Capabilities.LbaSupported = 1;
    d->Capabilities.DmaSupported = 1;
    d->UserAddressableSectors = 1 << 20;
    complete(c, irb, irb->TargetId ? IRB_STATUS_SELECTION_TIMEOUT : IRB_STATUS_SUCCESS);
}

static void
take_long(ULONG ms)
{
    LARGE_INTEGER frequency, begin = KeQueryPerformanceCounter(&frequency);

    while (KeQueryPerformanceCounter(NULL).QuadPart - begin.QuadPart < frequency.QuadPart / 1000 * ms)
        ;
}

/* What is wrong before the request is completed with success. */
static void
break_rule(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    KIRQL old;

    switch (Mode) {
    case BAD_STALL:
        AtaPortStallExecution(150000);
        break;
    case BAD_STALL_LONG:
        AtaPortStallExecution(0xffffffff);
        break;
    case BAD_SLOW:
        take_long(700);
        break;
    case BAD_PORT_READ:
        Seen = AtaPortReadPortUchar((PUCHAR)0x70);
        break;
    case BAD_PORT_WRITE:
        AtaPortWritePortUlong((PULONG)0xcf8, 0x80000000);
        break;
    case BAD_LOCK_KEPT:
        KeAcquireSpinLockAtDpcLevel(&c->lock);
        break;
    case BAD_LOCK_TWICE:
        KeAcquireSpinLockAtDpcLevel(&c->lock);
        KeAcquireSpinLockAtDpcLevel(&c->lock);
        break;
    case BAD_LOCK_LEVEL: /* at the interrupt's level KeAcquireSpinLock would lower it */
        old = KeAcquireSpinLockRaiseToDpc(&c->lock);
        KeReleaseSpinLock(&c->lock, old);
        break;
    case BAD_SHORT:
        irb->DataTransferLength /= 2;
        break;
    case BAD_BEHIND_COMMON:
        c->uncached[4096] = 1;
        break;
    case BAD_BEHIND_DATA:
        ((PUCHAR)irb->DataBuffer)[irb->DataTransferLength] = 1;
        break;
    case BAD_FIELDS:
        irb->TargetId++;
        irb->Function = IRB_FUNCTION_ATA_WRITE;
        break;
    case BAD_NOTIFICATION:
        AtaPortNotification((IDE_NOTIFICATION_TYPE)77, c, 0, 0);
        break;
    case BAD_CALLBACK:
        Seen = AtaPortRequestCallback((IDE_CALLBACK_TYPE)77, c, NULL, 0);
        break;
    case BAD_ADDRESS:
        Seen = (ULONG)AtaPortGetPhysicalAddress(c, NULL, &irb, NULL).QuadPart;
        break;
    case BAD_COMMON_LATE:
        Seen = AtaPortGetUnCachedExtension(c, 4096, 0) != NULL;
        break;
    case BAD_POOL:
        ((PUCHAR)c->last)[100] = 1;
        ExFreePool(c->last);
        break;
    case BAD_WAIT:
        KeDelayExecutionThread(KernelMode, FALSE, &(LARGE_INTEGER){.QuadPart = -1});
        break;
    }
}

static BOOLEAN NTAPI
startio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;

    if (irb->Function == IRB_FUNCTION_ATA_IDENTIFY) {
        identify(c, irb);
        return TRUE;
    }
    if (Mode == BAD_FLUSH && irb->Function == IRB_FUNCTION_ATA_WRITE) {
        c->held = irb;
        return TRUE;
    }
    break_rule(c, irb);
    complete(c, irb,
             Mode == BAD_SENSE ? IRB_STATUS_DEVICE_ERROR | IRB_STATUS_AUTOSENSE_VALID : IRB_STATUS_SUCCESS);
    if (Mode == BAD_LIST)
        Seen = AtaPortGetScatterGatherList(c, irb) != NULL;
    if (Mode != BAD_POOL)
        c->last = irb;
    return TRUE;
}

static BOOLEAN NTAPI
interrupt(PVOID extension)
{
    struct channel *c = extension;

    if (c->held)
        complete(c, c->held, IRB_STATUS_SUCCESS);
    c->held = NULL;
    return Mode == BAD_CLAIM;
}

static BOOLEAN NTAPI
reset(PVOID extension)
{
    return TRUE;
}

static BOOLEAN NTAPI
initialize(PVOID extension, PIDE_DEVICE_PARAMETERS parameters, PIDENTIFY_DEVICE_DATA data)
{
    return TRUE;
}

static BOOLEAN NTAPI
control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct channel *c = extension;
    PIDE_CHANNEL_CONFIGURATION k = parameters;

    if (action == IdeStop && Mode == BAD_AFTER_STOP)
        AtaPortCompleteRequest(c, c->last);
    if (action != IdeStart)
        return TRUE;
    k->NumberOfOverlappedRequests = 4;
    k->SyncWithIsr = TRUE;
    KeInitializeSpinLock(&c->lock);
    if (Mode == BAD_GREED)
        Seen = AtaPortGetUnCachedExtension(extension, 0x7fffffff, 256) != NULL; /* */
    c->uncached = AtaPortGetUnCachedExtension(extension, 4096, 256);
    if (Mode == BAD_POOL)
        c->last = ExAllocatePoolWithTag(NonPagedPool, 100, 'daBA');
    if (Mode == BAD_PATIENCE)
        take_long(700); /* allowed: at PASSIVE_LEVEL */
    return TRUE;
}

static BOOLEAN NTAPI
channel_init(PVOID extension, PIDE_CHANNEL_INTERFACE i, PVOID context)
{
    i->IdeHwInitialize = initialize;
    i->IdeHwStartIo = startio;
    i->IdeHwInterrupt = interrupt;
    i->IdeHwReset = reset;
    i->IdeHwControl = control;
    return TRUE;
}

static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    PIDE_CONTROLLER_CONFIGURATION k = parameters;

    if (action != IdeStart)
        return TRUE;
    k->NumberOfChannels = 1;
    k->NumberOfPhysicalBreaks = 32;
    k->MaximumTransferLength = 0x20000;
    k->Dma64BitAddress = TRUE;
    return TRUE;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    IDE_CONTROLLER_INTERFACE i = {.Version = sizeof(i),
                                  .ControllerExtensionSize = 64,
                                  .ChannelExtensionSize = sizeof(struct channel),
                                  .AtaChannelInitRoutine = channel_init,
                                  .AtaAdapterControl = adapter_control};

    return (NTSTATUS)AtaPortInitializeEx(DriverObject, RegistryPath, &i);
}
