/*
 * ide: PCI IDE controllers in compatibility and native mode, and the ISA channels; the default channel of controllers whose
 * own driver has none.
 */
#include "ide.h"
#include "ntddk.h"

void
ide_complete(struct channel *c, UCHAR status)
{
    PIDE_REQUEST_BLOCK irb = c->irb;

    c->irb = NULL;
    c->phase = IDLE;
    irb->IrbStatus = status;
    if (status == IRB_STATUS_DEVICE_ERROR) {
        irb->AtaStatus = ide_alternate_status(c);
        irb->AtaError = in(c, ERROR);
    }
    if (irb->IrbFlags & IRB_FLAGS_RETURN_RESULTS &&
        (status == IRB_STATUS_SUCCESS || status == IRB_STATUS_DEVICE_ERROR))
        ide_registers_return(c, irb);
    AtaPortCompleteRequest(c, irb);
}

static void
answer(struct channel *c, PIDE_REQUEST_BLOCK irb, UCHAR status)
{
    irb->IrbStatus = status;
    AtaPortCompleteRequest(c, irb);
}

/* The device spins down; one that cannot says so, and nothing is lost. */
static void
power_change(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    BOOLEAN down = irb->PowerChange.DesiredPowerState == IdePowerD3;

    if (!down || c->device[irb->TargetId].is_packet) {
        answer(c, irb, IRB_STATUS_SUCCESS);
        return;
    }
    c->irb = irb;
    irb->IdeTaskFile = (IDE_TASK_FILE){.Current.bCommandReg = IDE_COMMAND_STANDBY_IMMEDIATE};
    ide_command(c, irb);
}

/* ---- what the port calls ---- */

static BOOLEAN NTAPI
buildio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;
    BOOLEAN dma = irb->Function & 0x200 ? c->master && ide_packet_wants_dma(irb)
                                        : (irb->IrbFlags & IRB_FLAGS_USE_DMA) != 0;

    if (irb->TargetId >= MAX_IDE_DEVICE)
        irb->IrbStatus = IRB_STATUS_SELECTION_TIMEOUT;
    else if (irb->DataTransferLength && !dma)
        irb->IrbFlags |= IRB_FLAGS_MAP_BUFFERS;
    return TRUE;
}

static BOOLEAN NTAPI
startio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;

    switch (irb->Function) {
    case IRB_FUNCTION_LUN_RESET:
        (void)ide_reset(c);
        answer(c, irb, IRB_STATUS_SUCCESS);
        return TRUE;
    case IRB_FUNCTION_ADAPTER_FLUSH:
    case IRB_FUNCTION_SHUTDOWN:
    case IRB_FUNCTION_POWER_REBOOT:
        answer(c, irb, IRB_STATUS_SUCCESS);
        return TRUE;
    }
    if (c->phase != IDLE) {
        answer(c, irb, IRB_STATUS_BUSY);
        return TRUE;
    }
    if (irb->Function == IRB_FUNCTION_POWER_CHANGE) {
        power_change(c, irb);
    } else if (irb->Function & 0x100) {
        c->irb = irb;
        ide_command(c, irb);
    } else if (irb->Function & 0x200) {
        c->irb = irb;
        ide_packet(c, irb);
    } else {
        answer(c, irb, IRB_STATUS_INVALID_REQUEST);
    }
    return TRUE;
}

/* The bus master notes interrupts of devices; without one the line is the channel's own. */
static BOOLEAN NTAPI
interrupt(PVOID extension)
{
    struct channel *c = extension;
    UCHAR status;

    if (c->master && !(AtaPortReadPortUchar(c->master + BM_STATUS) & BM_INTERRUPT))
        return FALSE;
    if (!c->master && (!c->irb || ide_alternate_status(c) & IDE_STATUS_BUSY))
        return FALSE;
    status = in(c, STATUS); /* acknowledges it at the device */
    if (c->master && c->phase != DMA)
        AtaPortWritePortUchar(c->master + BM_STATUS, BM_INTERRUPT);
    if (status & IDE_STATUS_BUSY || !c->irb)
        return TRUE;
    return c->irb->Function & 0x200 ? ide_packet_interrupt(c, status) : ide_command_interrupt(c, status);
}

#define WORD0_DRQ_TYPE      (3 << 5) /* of a packet device: when it asks for the command */
#define WORD0_DRQ_INTERRUPT (1 << 5)
#define WORD0_PACKET_16     1

static BOOLEAN NTAPI
initialize(PVOID extension, PIDE_DEVICE_PARAMETERS p, PIDENTIFY_DEVICE_DATA data)
{
    struct channel *c = extension;
    struct device *d = &c->device[p->TargetId & 1];
    USHORT word0 = *(const USHORT *)(PVOID)data;

    d->is_packet = p->IdeDeviceType == DeviceIsAtapi;
    d->packet_words = word0 & WORD0_PACKET_16 ? 8 : 6;
    d->packet_interrupts = (word0 & WORD0_DRQ_TYPE) == WORD0_DRQ_INTERRUPT;
    d->multiple = p->MaxBlockXfer ? p->MaxBlockXfer : 1;
    d->sector = p->BytesPerLogicalSector;
    if (!c->master)
        p->TransferModeSelected = PIO_MODE0;
    return TRUE;
}

/* Ranges by the BARs of PCI IDE: 2n the command block, 2n + 1 the control block, 4 the bus master. */
static void
ranges_find(struct channel *c, PIDE_MINIPORT_RESOURCES r, ULONG channel)
{
    for (ULONG i = 0; i < r->NumberOfAccessRanges; i++) {
        PIDE_ACCESS_RANGE range = &r->IdeAccessRange[i];
        PUCHAR base = AtaPortGetDeviceBase(c, range->RangeStart, 0);

        if (range->InMemory || !base)
            continue;
        if (range->Bar == 2 * channel)
            c->command = base;
        else if (range->Bar == 2 * channel + 1)
            c->control = base + (range->RangeLength > 1 ? CONTROL_OFFSET : 0);
        else if (range->Bar == 4)
            c->master = base;
    }
}

static BOOLEAN
channel_start(struct channel *c, PIDE_CHANNEL_CONFIGURATION k)
{
    ULONG length = 0;

    ranges_find(c, k->ChannelResources, k->ChannelNumber);
    if (!c->command || !c->control)
        return FALSE;
    k->NumberOfOverlappedRequests = 1;
    k->MaxTargetId = MAX_IDE_DEVICE - 1;
    k->SyncWithIsr = TRUE;
    k->SupportsWmi = TRUE;
    c->regions = AtaPortGetUnCachedExtension(c, REGIONS * sizeof(struct region), 0);
    if (!c->regions)
        return FALSE;
    c->regions_at = AtaPortGetPhysicalAddress(c, NULL, c->regions, &length).LowPart;
    AtaPortWritePortUchar(c->control, 0); /* interrupts on */
    return TRUE;
}

static BOOLEAN NTAPI
control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct channel *c = extension;

    if (action == IdeStart)
        return channel_start(c, parameters);
    if ((action == IdeStop || action == IdePowerDown) && c->master)
        (void)ide_dma_stop(c);
    return TRUE;
}

static BOOLEAN NTAPI
channel_init(PVOID extension, PIDE_CHANNEL_INTERFACE i, PVOID context)
{
    i->IdeHwInitialize = initialize;
    i->IdeHwBuildIo = buildio;
    i->IdeHwStartIo = startio;
    i->IdeHwInterrupt = interrupt;
    i->IdeHwReset = ide_reset;
    i->IdeHwControl = control;
    return TRUE;
}

static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct controller *c = extension;
    PIDE_CONTROLLER_CONFIGURATION k = parameters;

    if (action != IdeStart)
        return TRUE;
    c->has_pci = AtaPortGetBusData(c, &c->chip, 0, 4) == 4;
    for (ULONG i = 0; i < k->ControllerResources->NumberOfAccessRanges; i++) {
        PIDE_ACCESS_RANGE r = &k->ControllerResources->IdeAccessRange[i];

        if (!r->InMemory && (r->Bar == 0 || r->Bar == 2))
            c->command[r->Bar / 2] = AtaPortGetDeviceBase(c, r->RangeStart, 0);
    }
    k->NumberOfChannels = c->has_pci ? 2 : 1;
    k->NumberOfPhysicalBreaks = 128;
    k->MaximumTransferLength = MAX_TRANSFER;
    k->BusMaster = c->has_pci;
    k->AtaBusType = IdeBusPata;
    return TRUE;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    IDE_CONTROLLER_INTERFACE i = {.Version = sizeof(i),
                                  .ControllerExtensionSize = sizeof(struct controller),
                                  .ChannelExtensionSize = sizeof(struct channel),
                                  .AlignmentMask = 1, /* SFF-8038i: regions begin at words */
                                  .AtaChannelInitRoutine = channel_init,
                                  .AtaControllerChannelEnabled = ide_channel_enabled,
                                  .AtaControllerTransferModeSelect = ide_transfer_mode_select,
                                  .AtaAdapterControl = adapter_control};

    return (NTSTATUS)AtaPortInitializeEx(DriverObject, RegistryPath, &i);
}
