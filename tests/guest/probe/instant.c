/*
 * An ATA controller that does nothing but mark where a request enters it and where it completes it: for `make bench`.
 */
#include "irb.h"
#include "kernel/cpu/marker.h"
#include "probe.h"

struct channel {
    PIDE_REQUEST_BLOCK irb;
};

static BOOLEAN NTAPI
startio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;

    if (irb->Function == IRB_FUNCTION_ATA_IDENTIFY) {
        PIDENTIFY_DEVICE_DATA d = irb->DataBuffer;

        d->Capabilities.LbaSupported = 1;
        d->Capabilities.DmaSupported = 1;
        d->UserAddressableSectors = 1 << 20;
        irb->IrbStatus = irb->TargetId ? IRB_STATUS_SELECTION_TIMEOUT : IRB_STATUS_SUCCESS;
        AtaPortCompleteRequest(c, irb);
        return TRUE;
    }
    marker(MARKER_DRIVER_IN);
    c->irb = irb;
    return TRUE;
}

static BOOLEAN NTAPI
interrupt(PVOID extension)
{
    struct channel *c = extension;

    if (!c->irb)
        return FALSE;
    c->irb->IrbStatus = IRB_STATUS_SUCCESS;
    marker(MARKER_DRIVER_OUT);
    AtaPortCompleteRequest(c, c->irb);
    c->irb = NULL;
    return TRUE;
}

static BOOLEAN NTAPI
yes(PVOID extension)
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
    PIDE_CHANNEL_CONFIGURATION k = parameters;

    if (action == IdeStart) {
        k->NumberOfOverlappedRequests = 1;
        k->SyncWithIsr = TRUE;
        (void)AtaPortGetUnCachedExtension(extension, 0, 256);
    }
    return TRUE;
}

static BOOLEAN NTAPI
channel_init(PVOID extension, PIDE_CHANNEL_INTERFACE i, PVOID context)
{
    i->IdeHwInitialize = initialize;
    i->IdeHwStartIo = startio;
    i->IdeHwInterrupt = interrupt;
    i->IdeHwReset = yes;
    i->IdeHwControl = control;
    return TRUE;
}

static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    PIDE_CONTROLLER_CONFIGURATION k = parameters;

    if (action == IdeStart) {
        k->NumberOfChannels = 1;
        k->NumberOfPhysicalBreaks = 32;
        k->MaximumTransferLength = 0x20000;
        k->Dma64BitAddress = TRUE;
    }
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
