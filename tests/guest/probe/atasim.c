/*
 * An ATA controller that exists in memory only: it records how the port calls it, checks what it is given (A-nnn beside the
 * check), and deals with requests as its knobs say. tests/guest/kernel/drivers/ataport.c turns the knobs.
 */
#include "irb.h"
#include "probe.h"
#include "atasim.h"
#include "simulated.h"

PROBE_EXPORT struct knobs Knobs = {.channels = 1,
                                   .states = {1, 1, 1, 1, 1, 1, 1, 1},
                                   .overlapped = 4,
                                   .max_target = 1,
                                   .sync = 1,
                                   .breaks = 32,
                                   .max_transfer = 0x20000,
                                   .dma64 = 1,
                                   .irb_extension = 256,
                                   .uncached = 8192,
                                   .present = 1,
                                   .depth = 4,
                                   .status = IRB_STATUS_SUCCESS,
                                   .version = sizeof(IDE_CONTROLLER_INTERFACE),
                                   .extension_size = 1024};
PROBE_EXPORT struct seen Seen;

struct controller {
    ULONG started;
    PVOID base;
};

struct channel {
    struct controller *controller;
    ULONG number;
    PIDE_REQUEST_BLOCK held[64];
    ULONG count;
    UCHAR busy_told;
};

_Static_assert(sizeof(struct channel) <= 1024, "the extension");

static void
record(UCHAR what, ULONG channel, ULONG detail, PVOID argument)
{
    ULONG n = __sync_fetch_and_add(&Seen.count, 1);

    if (n < CALLS_MAX)
        Seen.call[n] = (struct call){what,           (UCHAR)irql(), (UCHAR)processor(),
                                     (UCHAR)channel, detail,        (ULONG_PTR)argument};
}

static BOOLEAN
answer(UCHAR what)
{
    return !(Knobs.false_mask >> what & 1);
}

/* ---- completing ---- */

static void
complete(struct channel *c, PIDE_REQUEST_BLOCK irb, UCHAR status)
{
    __sync_fetch_and_sub(&Seen.outstanding, 1);
    irb->IrbStatus = status;
    AtaPortCompleteRequest(c, irb);
}

static void
complete_held(struct channel *c, UCHAR status)
{
    while (c->count)
        complete(c, c->held[--c->count], status);
}

static VOID NTAPI
worker(PVOID extension)
{
    struct channel *c = extension;

    record(CALL_WORKER, c->number, 0, NULL);
    if (Knobs.mode == DO_ALL) {
        __sync_fetch_and_sub(&Seen.outstanding, c->count);
        c->count = 0;
        AtaPortCompleteAllActiveRequests(c, 0xff, 0xff, (UCHAR)Knobs.status);
        return;
    }
    complete_held(c, (UCHAR)Knobs.status);
}

static VOID NTAPI
timer(PVOID extension)
{
    struct channel *c = extension;

    record(CALL_TIMER, c->number, 0, NULL);
    complete_held(c, (UCHAR)Knobs.status);
}

static VOID NTAPI
reset_timer(PVOID extension)
{
    record(CALL_TIMER, ((struct channel *)extension)->number, 1, NULL);
}

static VOID NTAPI
synchronized(PVOID extension)
{
    struct channel *c = extension;

    record(CALL_SYNC, c->number, 0, NULL);
    complete_held(c, (UCHAR)Knobs.status);
}

static VOID NTAPI
controller_synchronized(PVOID extension)
{
    struct channel *c = extension;

    record(CALL_CONTROLLER_SYNC, c->number, 0, NULL);
    complete_held(c, (UCHAR)Knobs.status);
}

static void
identify(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    PIDENTIFY_DEVICE_DATA d = irb->DataBuffer;
    static const char model[] = "ATASIM DISK";

    CHECK(irb->DataTransferLength == 512 && irb->IrbFlags & IRB_FLAGS_DATA_IN); /* */
    CHECK(irb->TargetId <= Knobs.max_target);                                   /* */
    if (Knobs.identify_busy) {
        Knobs.identify_busy--;
        complete(c, irb, IRB_STATUS_BUSY);
        return;
    }
    if (!(Knobs.present >> irb->TargetId & 1)) {
        complete(c, irb, IRB_STATUS_SELECTION_TIMEOUT); /* */
        return;
    }
    if (irb->IdeTaskFile.Current.bCommandReg != IDE_COMMAND_IDENTIFY) {
        complete(c, irb, IRB_STATUS_DEVICE_ERROR);
        return;
    }
    for (ULONG i = 0; i < sizeof(d->ModelNumber); i++)
        d->ModelNumber[i ^ 1] = i < sizeof(model) - 1 ? (UCHAR)model[i] : ' ';
    d->Capabilities.LbaSupported = 1;
    d->Capabilities.DmaSupported = 1;
    d->Capabilities.IordySupported = 1;
    d->UserAddressableSectors = 0x0fffffff;
    d->CommandSetSupport[1] = 1 << 10;
    d->Max48BitLBA[0] = 0x12345678;
    d->Max48BitLBA[1] = 1;
    d->TranslationFieldsValid = 6;
    d->AdvancedPIOModes = 3;
    d->MultiWordDMASupport = 7;
    d->UltraDMASupport = 0x3f;
    d->UltraDMAActive = 0x20;
    complete(c, irb, IRB_STATUS_SUCCESS);
}

static void
sense(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    PIDE_REQUEST_BLOCK s = AtaPortBuildRequestSenseIrb(c, irb);
    ULONG length = 0;

    CHECK(s && s->Function == IRB_FUNCTION_REQUEST_SENSE && s->Cdb[0] == 3); /* */
    if (!s)
        return;
    CHECK(s->TargetId == irb->TargetId && s->Channel == irb->Channel);
    CHECK(!((ULONG_PTR)s->DataBuffer & 1));
    CHECK(AtaPortGetPhysicalAddress(c, s, s->DataBuffer, &length).QuadPart &&
          length >= s->DataTransferLength); /* */
    if (Knobs.mode == DO_SENSE_TWICE)
        CHECK(!AtaPortBuildRequestSenseIrb(c, irb)); /* */
    ((PUCHAR)s->DataBuffer)[0] = 0x70;
    ((PUCHAR)s->DataBuffer)[2] = 0x05;
    ((PUCHAR)s->DataBuffer)[12] = 0x24;
    s->NextIrb = irb; /* */
    AtaPortReleaseRequestSenseIrb(c, s);
    complete(c, irb, IRB_STATUS_DEVICE_ERROR | IRB_STATUS_AUTOSENSE_VALID); /* */
}

static void
hold(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    if (c->count < 64)
        c->held[c->count++] = irb;
}

/* in StartIo. */
static void
library(struct channel *c)
{
    UCHAR text[8] = "abcdefg";
    ULONG value = 1, length = 4;
    LARGE_INTEGER before = KeQueryPerformanceCounter(NULL), after;

    AtaPortMoveMemory(text + 1, text, 6);
    CHECK(text[0] == 'a' && text[1] == 'a' && text[2] == 'b' && text[6] == 'f' && !text[7]);
    AtaPortStallExecution(50);
    after = KeQueryPerformanceCounter(NULL);
    CHECK(after.QuadPart - before.QuadPart >= 500);
    CHECK(!AtaPortRegistryAllocateBuffer(c, 16));
    CHECK(!AtaPortRegistryChannelSubkeyRead(c, 0, "Number", IDE_REG_DWORD, (PUCHAR)&value, &length) &&
          value == 1);
    CHECK(!AtaPortRegistryChannelSubkeyWrite(c, 0, "Number", IDE_REG_DWORD, (PUCHAR)&value, &length));
    CHECK(!AtaPortGetUnCachedExtension(c, 4096, 0));
}

/* At DataBuffer if it may be touched, else by the list. */
static void
data(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    PIDE_SCATTER_GATHER_LIST sg = AtaPortGetScatterGatherList(c, irb);
    ULONG at = 0;

    for (ULONG i = 0; i < (sg ? sg->NumberOfElements : 1); i++) {
        PUCHAR p = sg ? MmGetVirtualForPhysical(sg->Elements[i].Address) : irb->DataBuffer;

        CHECK(!sg || !(sg->Elements[i].Address.QuadPart & Knobs.alignment)); /* */
        CHECK(!sg || AtaPortGetPhysicalAddress(c, irb, (PUCHAR)irb->DataBuffer + at, NULL).QuadPart ==
                         sg->Elements[i].Address.QuadPart);
        for (ULONG n = sg ? sg->Elements[i].Length : irb->DataTransferLength; n; n--, p++, at++)
            if (irb->IrbFlags & IRB_FLAGS_DATA_IN)
                *p = (UCHAR)at;
            else
                CHECK(*p == (UCHAR)at);
    }
    complete(c, irb, IRB_STATUS_SUCCESS);
}

/* What a miniport tells the port while a request is on its way. */
static void
notify(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    switch (Knobs.mode) {
    case DO_BUS_CHANGE:
        AtaPortBusChangeDetected(c);
        break;
    case DO_REMOVAL:
        AtaPortDeviceRemoved(c, 0);
        hold(c, irb);
        return;
    case DO_POWER:
        AtaPortRequestPowerStateChange(c, 0, 0, IdePowerD3);
        break;
    case DO_LIBRARY:
        library(c);
        break;
    case DO_DEVICE_BUSY:
        Knobs.mode = DO_COMPLETE;
        AtaPortDeviceBusy(c, 0xff, 0, 2);
        complete(c, irb, IRB_STATUS_BUSY);
        return;
    }
    complete(c, irb, IRB_STATUS_SUCCESS);
}

static void
misbehave(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    static IDE_REQUEST_BLOCK copy;
    volatile ULONG spin = 0;

    switch (Knobs.mode) {
    case DO_TWICE:
        complete(c, irb, IRB_STATUS_SUCCESS);
        AtaPortCompleteRequest(c, irb);
        break;
    case DO_FOREIGN:
        copy = *irb;
        copy.IrbStatus = IRB_STATUS_SUCCESS;
        AtaPortCompleteRequest(c, &copy);
        AtaPortCompleteRequest(c, (PIDE_REQUEST_BLOCK)((PUCHAR)irb + 8));
        complete(c, irb, IRB_STATUS_SUCCESS);
        break;
    case DO_PENDING:
        complete(c, irb, IRB_STATUS_PENDING);
        break;
    case DO_LONG:
        irb->DataTransferLength *= 2;
        complete(c, irb, IRB_STATUS_SUCCESS);
        break;
    case DO_FAULT:
        *(volatile ULONG *)0x1234 = 1;
        break;
    case DO_LOOP:
        for (;;)
            spin++;
        break;
    case DO_LEVEL:
        complete(c, irb, IRB_STATUS_SUCCESS);
        __asm__ volatile("mov %0, %%cr8" ::"r"(12ull));
        break;
    case DO_WILD:
        AtaPortCompleteRequest(c, (PIDE_REQUEST_BLOCK)0x5000);
        complete(c, irb, IRB_STATUS_SUCCESS);
        break;
    case DO_FREED:
        AtaPortCompleteRequest((PVOID)0x6000, irb);
        break;
    }
}

static void
deal(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    switch (Knobs.mode) {
    case DO_STATUS:
        irb->AtaStatus = (UCHAR)Knobs.ata_status;
        irb->AtaError = (UCHAR)Knobs.ata_error;
        complete(c, irb, (UCHAR)Knobs.status);
        break;
    case DO_COMPLETE:
        complete(c, irb, (UCHAR)Knobs.status);
        break;
    case DO_INTERRUPT:
    case DO_ALL_INTERRUPT:
    case DO_NEVER:
    case DO_FAULT_INTERRUPT:
        hold(c, irb);
        break;
    case DO_WORKER:
    case DO_ALL:
        hold(c, irb);
        CHECK(AtaPortRequestWorkerRoutine(c, worker)); /* */
        break;
    case DO_TIMER:
        hold(c, irb);
        CHECK(AtaPortRequestTimer(c, controller_synchronized, 1000)); /* replaced: A-101 */
        CHECK(AtaPortRequestTimer(c, timer, 2000));
        break;
    case DO_SYNC:
        hold(c, irb);
        CHECK(AtaPortRequestSynchronizedRoutine(c, controller_synchronized)); /* replaced: A-134 */
        CHECK(AtaPortRequestSynchronizedRoutine(c, synchronized));
        break;
    case DO_CONTROLLER_SYNC:
        hold(c, irb);
        CHECK(AtaPortControllerSyncRoutine(c, controller_synchronized));
        break;
    case DO_BUSY_ONCE:
        c->busy_told = !c->busy_told;
        complete(c, irb, c->busy_told ? IRB_STATUS_BUSY : IRB_STATUS_SUCCESS);
        break;
    case DO_BUSY_ALWAYS:
        complete(c, irb, IRB_STATUS_BUSY);
        break;
    case DO_SHORT:
        irb->DataTransferLength /= 2;
        complete(c, irb, IRB_STATUS_DATALENGTH_MISMATCH);
        break;
    case DO_SENSE:
    case DO_SENSE_TWICE:
        sense(c, irb);
        break;
    case DO_DATA:
        data(c, irb);
        break;
    case DO_BUS_CHANGE:
    case DO_REMOVAL:
    case DO_POWER:
    case DO_LIBRARY:
    case DO_DEVICE_BUSY:
        notify(c, irb);
        break;
    default:
        misbehave(c, irb);
    }
}

/* ---- what the port calls ---- */

/* */
static void
irb_check(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    PIDE_SCATTER_GATHER_LIST sg = AtaPortGetScatterGatherList(c, irb);
    ULONG sum = 0, length = 0;

    CHECK(irb->IrbStatus == IRB_STATUS_PENDING && !irb->QueueTag && !irb->NextIrb && !irb->Reserved);
    CHECK(irb->Channel == c->number);
    CHECK(!irb->SenseInfoBufferLength == !irb->SenseInfoBuffer);
    for (ULONG i = 0; i < irb->SenseInfoBufferLength; i++)
        ((volatile UCHAR *)irb->SenseInfoBuffer)[i] = 0;
    CHECK(!(irb->IrbFlags & IRB_FLAGS_DISCARDABLE)); /* */
    if (irb->IrbFlags & IRB_FLAGS_RETURN_RESULTS) {  /* */
        Seen.with_results++;
        CHECK(irb->SenseInfoBufferType == SENSE_INFO_BUFFER_RETURN_TYPE_28BIT_TASKFILE ||
              irb->SenseInfoBufferType == SENSE_INFO_BUFFER_RETURN_TYPE_48BIT_TASKFILE);
        CHECK(irb->SenseInfoBufferLength >= sizeof(IDE_TASK_FILE));
    }
    CHECK(!sg == !(irb->IrbFlags & IRB_FLAGS_USE_DMA));
    for (ULONG i = 0; sg && i < sg->NumberOfElements; i++) {
        CHECK(sg->Elements[i].Length && sg->Elements[i].Address.QuadPart);
        CHECK(Knobs.dma64 ||
              sg->Elements[i].Address.QuadPart + sg->Elements[i].Length <= 0x100000000ll); /* */
        sum += sg->Elements[i].Length;
    }
    CHECK(!sg ||
          (sum == irb->DataTransferLength && sg->NumberOfElements <= Knobs.breaks + 1)); /* */
    CHECK(irb->DataTransferLength <= Knobs.max_transfer);                                /* */
    if (irb->DataBuffer)
        CHECK(AtaPortGetPhysicalAddress(c, irb, irb->DataBuffer, &length).QuadPart && length); /* */
    CHECK(!irb->IrbExtension == !Knobs.irb_extension);
    if (!irb->IrbExtension)
        return;
    CHECK(!((ULONG_PTR)irb->IrbExtension % Knobs.irb_extension) ||
          (Knobs.irb_extension & (Knobs.irb_extension - 1))); /* */
    CHECK(AtaPortGetPhysicalAddress(c, NULL, irb->IrbExtension, NULL).QuadPart);
    for (ULONG i = 0; i < Knobs.irb_extension; i++)
        ((volatile UCHAR *)irb->IrbExtension)[i] = (UCHAR)i; /* it is memory of its own */
    if (Seen.irb_extensions < 64)
        Seen.irb_extension[Seen.irb_extensions++] = (ULONG_PTR)irb->IrbExtension;
}

static BOOLEAN NTAPI
hw_buildio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;

    record(CALL_BUILDIO, c->number, irb->Function, irb);
    if (Knobs.seconds && irb->Function == IRB_FUNCTION_ATA_READ)
        irb->TimeOutValue = Knobs.seconds; /* */
    if (Knobs.map_buffers)
        irb->IrbFlags |= IRB_FLAGS_MAP_BUFFERS; /* */
    if (Knobs.mode == DO_BUILDIO && irb->Function != IRB_FUNCTION_ATA_IDENTIFY)
        irb->IrbStatus = (UCHAR)Knobs.status; /* */
    return answer(CALL_BUILDIO);
}

static void
lun_reset(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    if (Knobs.reset == RESET_COMPLETES) /* */
        complete_held(c, IRB_STATUS_BUS_RESET);
    complete(c, irb, Knobs.reset == RESET_COMPLETES ? IRB_STATUS_SUCCESS : IRB_STATUS_DEVICE_ERROR);
}

static BOOLEAN NTAPI
hw_startio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;
    ULONG out = __sync_add_and_fetch(&Seen.outstanding, 1);

    if (out > Seen.outstanding_max)
        Seen.outstanding_max = out;
    record(CALL_STARTIO, c->number, irb->Function, irb);
    irb_check(c, irb);
    switch (irb->Function) {
    case IRB_FUNCTION_ATA_IDENTIFY:
        identify(c, irb);
        break;
    case IRB_FUNCTION_LUN_RESET:
        lun_reset(c, irb);
        break;
    case IRB_FUNCTION_POWER_CHANGE:
    case IRB_FUNCTION_ADAPTER_FLUSH:
    case IRB_FUNCTION_SHUTDOWN:
        complete(c, irb, IRB_STATUS_SUCCESS);
        break;
    default:
        deal(c, irb);
    }
    return answer(CALL_STARTIO);
}

static BOOLEAN NTAPI
hw_interrupt(PVOID extension)
{
    struct channel *c = extension;

    record(CALL_INTERRUPT, c->number, 0, NULL);
    if (!c->count)
        return FALSE;
    if (Knobs.mode == DO_FAULT_INTERRUPT)
        *(volatile ULONG *)0x4321 = 1;
    if (Knobs.mode == DO_ALL_INTERRUPT) {
        AtaPortCompleteAllActiveRequests(c, 0xff, 0xff, IRB_STATUS_SUCCESS);
        AtaPortDeviceBusy(c, 0xff, 0, 3);
    }
    complete_held(c, (UCHAR)Knobs.status);
    return TRUE;
}

static BOOLEAN NTAPI
hw_reset(PVOID extension)
{
    struct channel *c = extension;

    record(CALL_RESET, c->number, 0, NULL);
    CHECK(AtaPortRequestTimer(c, reset_timer, 1000)); /* */
    if (Knobs.reset != RESET_LEAVES)
        complete_held(c, IRB_STATUS_BUS_RESET);
    __sync_fetch_and_sub(&Seen.outstanding, c->count);
    c->count = 0;
    return Knobs.reset != RESET_FALSE;
}

static BOOLEAN NTAPI
hw_initialize(PVOID extension, PIDE_DEVICE_PARAMETERS p, PIDENTIFY_DEVICE_DATA identify_data)
{
    struct channel *c = extension;

    record(CALL_INITIALIZE, c->number, p->TargetId, NULL);
    CHECK(p->Version == sizeof(*p) && p->IdeDeviceType == DeviceIsAta); /* */
    CHECK(p->NumberOfOverlappedRequests == 1 && !p->MaximumLun);
    CHECK(p->AddressTranslation == Lba48 && p->MaxLba.QuadPart == 0x112345678ll);
    CHECK(p->BytesPerLogicalSector == 512 && p->TransferModeSupported & UDMA_MODE5 &&
          p->TransferModeSupported & PIO_MODE4);
    Seen.identify_model = identify_data->ModelNumber[1];
    if (Knobs.depth)
        p->NumberOfOverlappedRequests = (UCHAR)Knobs.depth; /* */
    return answer(CALL_INITIALIZE);
}

static void
channel_start(struct channel *c, PIDE_CHANNEL_CONFIGURATION k)
{
    ULONG length = 0;

    CHECK(k->Version == sizeof(*k) && k->ChannelNumber == c->number &&
          k->ChannelMode == IdeModeNormal);                           /* */
    CHECK(k->NumberOfOverlappedRequests == 1 && k->MaxTargetId == 1); /* */
    CHECK(!k->SupportedAdvances.AdvancedChannelConfigurationSupported ==
          !k->AdvancedChannelConfiguration); /* */
    CHECK(k->ChannelResources != NULL);
    k->NumberOfOverlappedRequests = (UCHAR)Knobs.overlapped;
    k->MaxTargetId = (UCHAR)Knobs.max_target;
    k->SyncWithIsr = (BOOLEAN)Knobs.sync;
    k->SupportsWmi = TRUE;
    Seen.uncached = (ULONG_PTR)AtaPortGetUnCachedExtension(c, Knobs.uncached, Knobs.irb_extension);
    CHECK(!Seen.uncached == !Knobs.uncached);
    CHECK(!AtaPortGetUnCachedExtension(c, Knobs.uncached, 0)); /* */
    if (!Seen.uncached)
        return;
    Seen.uncached_physical =
        (ULONGLONG)AtaPortGetPhysicalAddress(c, NULL, (PVOID)Seen.uncached, &length).QuadPart;
    CHECK(!(Seen.uncached & 0xfff) && !(Seen.uncached_physical & 0xfff)); /* */
    CHECK(length >= Knobs.uncached);
    RtlZeroMemory((PVOID)Seen.uncached, Knobs.uncached);
}

/* */
static void
registry(struct channel *c)
{
    ULONG length = 4, value = 0x1234, got = 7;
    PUCHAR buffer = AtaPortRegistryAllocateBuffer(c, 64);

    CHECK(buffer && !AtaPortRegistryAllocateBuffer(c, 64));
    CHECK(AtaPortRegistryChannelSubkeyWrite(c, 0, "Number", IDE_REG_DWORD, (PUCHAR)&value, &length));
    CHECK(AtaPortRegistryChannelSubkeyRead(c, 0, "number", IDE_REG_DWORD, (PUCHAR)&got, &length) &&
          got == value);
    length = 2;
    CHECK(!AtaPortRegistryChannelSubkeyRead(c, 0, "Number", IDE_REG_DWORD, (PUCHAR)&got, &length) &&
          length == 4);
    CHECK(!AtaPortRegistryChannelSubkeyRead(c, 0, "Absent", IDE_REG_DWORD, (PUCHAR)&got, &length) &&
          got == value);
    CHECK(!AtaPortRegistryControllerKeyRead(c, 0, "Number", IDE_REG_DWORD, (PUCHAR)&got, &length));
    length = 4;
    CHECK(AtaPortRegistryChannelSubkeyWriteDeferred(c, 0, "Late", IDE_REG_DWORD, (PUCHAR)&value, &length));
    AtaPortRegistryFreeBuffer(c, buffer);
    CHECK(AtaPortRegistryChannelSubkeyRead(c, 0, "Late", IDE_REG_DWORD, (PUCHAR)&got, &length) &&
          got == value); /* */
    buffer = AtaPortRegistryAllocateBuffer(c, 64);
    CHECK(buffer);
    AtaPortRegistryFreeBuffer(c, buffer);
}

/* */
static void
tags(struct channel *c)
{
    UCHAR a, b;

    CHECK(!AtaPortAllocateQueueTag(c, 0, 0));
    CHECK(AtaPortInitializeQueueTag(c, 0, 0, 2) && AtaPortInitializeQueueTag(c, 0xff, 0xff, 31));
    a = AtaPortAllocateQueueTag(c, 0, 0);
    b = AtaPortAllocateQueueTag(c, 0, 0);
    CHECK(a && b && a != b && a <= 2 && b <= 2 && !AtaPortAllocateQueueTag(c, 0, 0));
    AtaPortReleaseQueueTag(c, 0, 0, a);
    CHECK(AtaPortAllocateQueueTag(c, 0, 0) == a && AtaPortAllocateQueueTag(c, 0xff, 0xff) == 1);
}

static BOOLEAN NTAPI
hw_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct channel *c = extension;

    record(CALL_CONTROL, c->number, action, parameters);
    if (action == IdeStart) {
        registry(c);
        tags(c);
        channel_start(c, parameters);
    }
    return answer(CALL_CONTROL);
}

static BOOLEAN NTAPI
channel_init(PVOID extension, PIDE_CHANNEL_INTERFACE i, PVOID context)
{
    struct channel *c = extension;
    ULONG length = 4, value = 0;

    record(CALL_CHANNEL_INIT, i->ChannelNumber, 0, context);
    CHECK_ALL_ZERO(c, Knobs.extension_size);             /* */
    CHECK(i->Version == sizeof(*i) && !i->IdeHwStartIo); /* */
    c->controller = context;
    CHECK(c->controller->started == 1); /* */
    c->number = i->ChannelNumber;
    (void)AtaPortRegistryControllerKeyRead(c, 0, "x", IDE_REG_DWORD, (PUCHAR)&value, &length);
    i->IdeHwInitialize = hw_initialize;
    i->IdeHwBuildIo = Knobs.no_routine >> CALL_BUILDIO & 1 ? NULL : hw_buildio; /* */
    i->IdeHwStartIo = Knobs.no_routine >> CALL_STARTIO & 1 ? NULL : hw_startio;
    i->IdeHwInterrupt = hw_interrupt;
    i->IdeHwReset = hw_reset;
    i->IdeHwControl = hw_control;
    return answer(CALL_CHANNEL_INIT);
}

static ATA_CHANNEL_STATE NTAPI
channel_enabled(PVOID extension, ULONG channel)
{
    record(CALL_CHANNEL_ENABLED, channel, channel, extension);
    return (ATA_CHANNEL_STATE)Knobs.states[channel & 7];
}

static BOOLEAN NTAPI
transfer_mode(PVOID extension, PIDE_TRANSFER_MODE_PARAMETERS p)
{
    record(CALL_TRANSFER_MODE, p->ChannelNumber, p->DeviceType[0], extension);
    if (p->DeviceType[0] == DeviceIsAta) { /* */
        CHECK(p->IoReadySupported[0] && p->DeviceTransferModeSupported[0] & UDMA_MODE5);
        CHECK(p->DeviceTransferModeCurrent[0] == UDMA_MODE5 || p->DeviceTransferModeCurrent[0] == UDMA_MODE2);
        p->DeviceTransferModeSelected[0] = UDMA_MODE2 | 1u << 30;
    }
    return answer(CALL_TRANSFER_MODE);
}

/* */
static void
resources(struct controller *c, PIDE_MINIPORT_RESOURCES r)
{
    ULONG vendor = 0, word = 0;

    CHECK(r && !AtaPortGetDeviceBase(c, (IDE_PHYSICAL_ADDRESS){.QuadPart = 0xfee00000}, 0));
    if (!Knobs.expect_ahci)
        return;
    CHECK(AtaPortGetBusData(c, &vendor, 0, 4) == 4 && vendor == 0x29228086);
    CHECK(AtaPortGetBusData(c, &word, 0x3c, 1) == 1 && AtaPortSetBusData(c, &word, 0x3c, 1) == 1);
    CHECK(!AtaPortGetBusData(c, &word, 0x10000, 4));
    for (ULONG i = 0; i < r->NumberOfAccessRanges; i++) {
        PIDE_ACCESS_RANGE range = &r->IdeAccessRange[i];

        CHECK(range->RangeLength && range->RangeStart.QuadPart == range->PhysicalRangeStart.QuadPart);
        if (range->InMemory && range->Bar == 5)
            c->base = AtaPortGetDeviceBase(c, range->RangeStart, 0);
        CHECK(!AtaPortGetDeviceBase(c, range->RangeStart, range->RangeLength + 1));
    }
    CHECK(c->base && AtaPortReadRegisterUlong(c->base) &&
          AtaPortReadRegisterUlong((PULONG)c->base + 4)); /* CAP, VS */
}

static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct controller *c = extension;
    PIDE_CONTROLLER_CONFIGURATION k = parameters;

    record(CALL_ADAPTER_CONTROL, 0, action, parameters);
    if (action != IdeStart) {
        CHECK(!parameters); /* */
        return TRUE;
    }
    CHECK_ALL_ZERO(c, Knobs.extension_size);                                            /* */
    CHECK(k->Version == sizeof(*k) && k->ControllerMode == IdeModeNormal);              /* */
    CHECK(k->NumberOfPhysicalBreaks == 0xff && k->MaximumTransferLength == 0xffffffff); /* */
    resources(c, k->ControllerResources);
    c->started = 1;
    k->NumberOfChannels = (UCHAR)Knobs.channels;
    k->NumberOfPhysicalBreaks = (UCHAR)Knobs.breaks;
    k->MaximumTransferLength = Knobs.max_transfer;
    k->Dma64BitAddress = (BOOLEAN)Knobs.dma64;
    k->BusMaster = TRUE;
    k->AtaBusType = IdeBusSata;
    return answer(CALL_ADAPTER_CONTROL);
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    IDE_CONTROLLER_INTERFACE i = {
        .Version = (USHORT)Knobs.version,
        .Reserved = 0xbeef, /* */
        .ControllerExtensionSize = Knobs.extension_size,
        .ChannelExtensionSize = Knobs.extension_size,
        .AlignmentMask = Knobs.alignment,
        .AtaChannelInitRoutine = Knobs.no_routine >> CALL_CHANNEL_INIT & 1 ? NULL : channel_init,
        .AtaControllerChannelEnabled = Knobs.no_routine >> CALL_CHANNEL_ENABLED & 1 ? NULL : channel_enabled,
        .AtaControllerTransferModeSelect = Knobs.no_routine >> CALL_TRANSFER_MODE & 1 ? NULL : transfer_mode,
        .AtaAdapterControl = Knobs.no_routine >> CALL_ADAPTER_CONTROL & 1 ? NULL : adapter_control};

    record(CALL_DRIVER_ENTRY, 0, 0, DriverObject);
    CHECK((NTSTATUS)AtaPortInitializeEx(NULL, RegistryPath, &i) == STATUS_INVALID_PARAMETER); /* */
    CHECK((NTSTATUS)AtaPortInitializeEx(DriverObject, NULL, &i) == STATUS_INVALID_PARAMETER);
    CHECK((NTSTATUS)AtaPortInitializeEx(DriverObject, RegistryPath, NULL) == STATUS_INVALID_PARAMETER);
    CHECK(Seen.count == 1);
    Seen.status = AtaPortInitializeEx(DriverObject, RegistryPath, &i);
    CHECK(Seen.count == 1); /* */
    if (Knobs.initialize_twice)
        Seen.second_status = AtaPortInitializeEx(DriverObject, RegistryPath, &i); /* */
    RtlFillMemory(&i, sizeof(i), 0xcc);                                           /* */
    return (NTSTATUS)Seen.status;
}
