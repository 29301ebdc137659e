/*
 * A RAM disk through the ATA port: a whole miniport, to be copied and changed. It takes a PCI device (of the INF file's
 * identifier) and touches nothing of it; where a driver of a real controller differs, a comment says so.
 * docs/writing-a-miniport.md goes with it.
 */
#include "irb.h"
#include "wdm.h"

#define SECTOR  512u
#define SECTORS (16u * 1024 * 1024 / SECTOR)

/* All that the driver knows of one channel: zeroed by the port, which hands it to every routine. */
struct channel {
    UCHAR disk[SECTORS * SECTOR];
};

/* ---- commands ---- */

/* A text of IDENTIFY data: padded with spaces, the two bytes of each word exchanged (ACS-3, 3.4.9). */
static void
put_text(UCHAR *to, ULONG size, const char *text)
{
    for (ULONG i = 0; i < size; i++)
        to[i ^ 1] = *text ? (UCHAR)*text++ : ' ';
}

static UCHAR
identify(PIDE_REQUEST_BLOCK irb)
{
    PIDENTIFY_DEVICE_DATA d = irb->DataBuffer;
    UCHAR *bytes = irb->DataBuffer;

    if (irb->DataTransferLength < sizeof(*d))
        return IRB_STATUS_DATALENGTH_MISMATCH;
    for (ULONG i = 0; i < sizeof(*d); i++)
        bytes[i] = 0;
    d->GeneralConfiguration.FixedDevice = 1;
    d->Capabilities.LbaSupported = 1;
    d->Capabilities.DmaSupported = 1;
    d->UserAddressableSectors = SECTORS;
    put_text(d->SerialNumber, sizeof(d->SerialNumber), "1");
    put_text(d->FirmwareRevision, sizeof(d->FirmwareRevision), "1.0");
    put_text(d->ModelNumber, sizeof(d->ModelNumber), "PORTOLAN RAM DISK");
    irb->DataTransferLength = sizeof(*d);
    return IRB_STATUS_SUCCESS;
}

/* READ and WRITE with an address of 28 bits. A driver of a controller would write the task file to its registers here. */
static UCHAR
transfer(struct channel *c, PIDE_REQUEST_BLOCK irb, BOOLEAN is_write)
{
    const IDEREGISTERS *r = &irb->IdeTaskFile.Current;
    ULONG lba = (ULONG)(r->bDriveHeadReg & 0x0f) << 24 | (ULONG)r->bCylHighReg << 16 |
                (ULONG)r->bCylLowReg << 8 | r->bSectorNumberReg;
    ULONG count = irb->DataTransferLength / SECTOR;
    UCHAR *data = irb->DataBuffer;

    if (lba > SECTORS || count > SECTORS - lba) {
        irb->AtaStatus = IDE_STATUS_DRDY | IDE_STATUS_ERROR;
        irb->AtaError = IDE_ERROR_ID_NOT_FOUND;
        return IRB_STATUS_DEVICE_ERROR;
    }
    for (ULONG i = 0; i < count * SECTOR; i++)
        if (is_write)
            c->disk[lba * SECTOR + i] = data[i];
        else
            data[i] = c->disk[lba * SECTOR + i];
    return IRB_STATUS_SUCCESS;
}

static UCHAR
request(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    if (irb->TargetId || irb->Lun)
        return IRB_STATUS_SELECTION_TIMEOUT; /* nobody is there */
    switch (irb->Function) {
    case IRB_FUNCTION_ATA_IDENTIFY:
        return identify(irb);
    case IRB_FUNCTION_ATA_READ:
    case IRB_FUNCTION_ATA_WRITE:
        return transfer(c, irb, irb->Function == IRB_FUNCTION_ATA_WRITE);
    case IRB_FUNCTION_ATA_FLUSH: /* nothing is held back */
    case IRB_FUNCTION_ADAPTER_FLUSH:
    case IRB_FUNCTION_SHUTDOWN:
    case IRB_FUNCTION_POWER_CHANGE:
    case IRB_FUNCTION_POWER_REBOOT:
        return IRB_STATUS_SUCCESS;
    default:
        irb->AtaStatus = IDE_STATUS_DRDY | IDE_STATUS_ERROR;
        irb->AtaError = IDE_ERROR_COMMAND_ABORTED;
        return IRB_STATUS_DEVICE_ERROR;
    }
}

/* ---- what the port calls for a channel ---- */

/* Without locks, for what needs none. DataBuffer is wanted as memory; a driver with DMA builds its list of addresses here. */
static BOOLEAN NTAPI
HwBuildIo(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    irb->IrbFlags |= IRB_FLAGS_MAP_BUFFERS;
    return TRUE;
}

/* A request. It is ended exactly once, here or in HwInterrupt. */
static BOOLEAN NTAPI
HwStartIo(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    irb->IrbStatus = request(extension, irb);
    AtaPortCompleteRequest(extension, irb);
    return TRUE;
}

/* Was it our device? Its line may be shared: FALSE if not. */
static BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    return FALSE;
}

/* A device was found: what the port read of it, and what may be changed of that. */
static BOOLEAN NTAPI
HwInitialize(PVOID extension, PIDE_DEVICE_PARAMETERS parameters, PIDENTIFY_DEVICE_DATA identify_data)
{
    return TRUE;
}

static BOOLEAN NTAPI
HwReset(PVOID extension)
{
    AtaPortCompleteAllActiveRequests(extension, IDE_UNTAGGED, IDE_UNTAGGED, IRB_STATUS_BUS_RESET);
    return TRUE;
}

/* Begin and end of a channel. AtaPortGetUnCachedExtension() may be called in IdeStart only. */
static BOOLEAN NTAPI
HwControl(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    PIDE_CHANNEL_CONFIGURATION channel = parameters;

    if (action == IdeStart) {
        channel->NumberOfOverlappedRequests = 1;
        channel->MaxTargetId = 1;
        channel->SyncWithIsr = TRUE;
        (void)AtaPortGetUnCachedExtension(extension, 0, 0);
    }
    return TRUE;
}

static BOOLEAN NTAPI
channel_init(PVOID extension, PIDE_CHANNEL_INTERFACE hw, PVOID context)
{
    hw->IdeHwInitialize = HwInitialize;
    hw->IdeHwBuildIo = HwBuildIo;
    hw->IdeHwStartIo = HwStartIo;
    hw->IdeHwInterrupt = HwInterrupt;
    hw->IdeHwReset = HwReset;
    hw->IdeHwControl = HwControl;
    return TRUE;
}

/* ---- and for the controller ---- */

/* What it can do. A driver of a controller takes its registers from config->ControllerResources here. */
static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    PIDE_CONTROLLER_CONFIGURATION config = parameters;

    if (action == IdeStart) {
        config->NumberOfChannels = 1;
        config->NumberOfPhysicalBreaks = 32;
        config->MaximumTransferLength = 0x20000;
        config->Dma64BitAddress = TRUE; /* no address is ever used */
    }
    return TRUE;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    IDE_CONTROLLER_INTERFACE hw = {.Version = sizeof(hw),
                                   .ControllerExtensionSize = 16,
                                   .ChannelExtensionSize = sizeof(struct channel),
                                   .AtaChannelInitRoutine = channel_init,
                                   .AtaAdapterControl = adapter_control};

    return (NTSTATUS)AtaPortInitializeEx(driver, registry, &hw);
}
