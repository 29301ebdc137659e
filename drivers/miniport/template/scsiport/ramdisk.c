/*
 * A RAM disk through the SCSI port: a whole miniport, to be copied and changed. It has no hardware, so it has no interrupt and
 * finds itself once; where a driver of hardware differs, a comment says so. docs/writing-a-miniport.md goes with it.
 */
#include "scsi.h"
#include "scsiport.h"

#define SECTOR       512u
#define SECTORS      (16u * 1024 * 1024 / SECTOR)
#define BLOCK_LENGTH 4 /* byte of READ CAPACITY's answer at which the length of a block begins */

/* All that the driver knows of one adapter: zeroed by the port, which hands it to every routine. No other state is needed. */
struct adapter {
    UCHAR disk[SECTORS * SECTOR];
};

/* ---- memory ---- */

static ULONG
be32(const UCHAR *p)
{
    return (ULONG)p[0] << 24 | (ULONG)p[1] << 16 | (ULONG)p[2] << 8 | p[3];
}

static void
put_be32(UCHAR *p, ULONG value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        p[i] = (UCHAR)value;
}

/* ---- commands ---- */

/* CHECK CONDITION with this sense key and additional sense code (SPC-4, 4.5). */
static UCHAR
refuse(PSCSI_REQUEST_BLOCK srb, UCHAR key, UCHAR code)
{
    UCHAR *sense = srb->SenseInfoBuffer;

    srb->ScsiStatus = SCSISTAT_CHECK_CONDITION;
    srb->DataTransferLength = 0;
    if (!sense || srb->SenseInfoBufferLength < 18)
        return SRB_STATUS_ERROR;
    for (int i = 0; i < 18; i++)
        sense[i] = 0;
    sense[0] = 0x70;
    sense[2] = key;
    sense[7] = 10;
    sense[12] = code;
    return SRB_STATUS_ERROR | SRB_STATUS_AUTOSENSE_VALID;
}

/* An answer of `size` bytes: as much of it as there is room for. */
static UCHAR
answer(PSCSI_REQUEST_BLOCK srb, const UCHAR *data, ULONG size)
{
    UCHAR *to = srb->DataBuffer;

    if (srb->DataTransferLength > size)
        srb->DataTransferLength = size;
    for (ULONG i = 0; i < srb->DataTransferLength; i++)
        to[i] = data[i];
    return SRB_STATUS_SUCCESS;
}

static UCHAR
inquiry(PSCSI_REQUEST_BLOCK srb)
{
    static const UCHAR data[36] = "\0\0\5\2\37\0\0\0PORTOLANRAM DISK        1.0 ";

    return srb->Cdb[1] ? refuse(srb, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_INVALID_CDB)
                       : answer(srb, data, sizeof(data));
}

static UCHAR
read_capacity(PSCSI_REQUEST_BLOCK srb)
{
    UCHAR data[8];

    put_be32(data, SECTORS - 1);
    put_be32(data + BLOCK_LENGTH, SECTOR);
    return answer(srb, data, sizeof(data));
}

/* READ(10) and WRITE(10). A driver of hardware would fill registers here and end the request in HwInterrupt. */
static UCHAR
transfer(struct adapter *a, PSCSI_REQUEST_BLOCK srb, BOOLEAN is_write)
{
    ULONG lba = be32(srb->Cdb + 2), count = (ULONG)srb->Cdb[7] << 8 | srb->Cdb[8];
    UCHAR *data = srb->DataBuffer;

    if (lba > SECTORS || count > SECTORS - lba)
        return refuse(srb, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_BLOCK);
    if (srb->DataTransferLength < count * SECTOR)
        return SRB_STATUS_DATA_OVERRUN;
    for (ULONG i = 0; i < count * SECTOR; i++)
        if (is_write)
            a->disk[lba * SECTOR + i] = data[i];
        else
            data[i] = a->disk[lba * SECTOR + i];
    srb->DataTransferLength = count * SECTOR;
    return SRB_STATUS_SUCCESS;
}

static UCHAR
command(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    switch (srb->Cdb[0]) {
    case SCSIOP_TEST_UNIT_READY:
    case SCSIOP_START_STOP_UNIT:
    case SCSIOP_SYNCHRONIZE_CACHE: /* nothing is held back */
        return SRB_STATUS_SUCCESS;
    case SCSIOP_INQUIRY:
        return inquiry(srb);
    case SCSIOP_READ_CAPACITY:
        return read_capacity(srb);
    case SCSIOP_READ:
    case SCSIOP_WRITE:
        return transfer(a, srb, srb->Cdb[0] == SCSIOP_WRITE);
    default:
        return refuse(srb, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_COMMAND);
    }
}

/* ---- what the port calls ---- */

/* A request. It is ended exactly once, here or later; then the port is told that the next one may come. */
static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    srb->ScsiStatus = SCSISTAT_GOOD;
    if (srb->PathId || srb->TargetId || srb->Lun)
        srb->SrbStatus = SRB_STATUS_SELECTION_TIMEOUT; /* nobody is there */
    else if (srb->Function == SRB_FUNCTION_EXECUTE_SCSI)
        srb->SrbStatus = command(extension, srb);
    else if (srb->Function == SRB_FUNCTION_FLUSH || srb->Function == SRB_FUNCTION_SHUTDOWN)
        srb->SrbStatus = SRB_STATUS_SUCCESS;
    else
        srb->SrbStatus = SRB_STATUS_INVALID_REQUEST;
    ScsiPortNotification(RequestComplete, extension, srb);
    ScsiPortNotification(NextRequest, extension);
    return TRUE;
}

/* The bus is reset: what is under way ends. Here nothing ever is. */
static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    ScsiPortCompleteRequest(extension, (UCHAR)path, SP_UNTAGGED, SP_UNTAGGED, SRB_STATUS_BUS_RESET);
    return TRUE;
}

/* Make the hardware ready; from here on it may interrupt. */
static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    return TRUE;
}

/*
 * Is there an adapter, and what can it do? A driver of hardware takes its registers from config->AccessRanges, maps them with
 * ScsiPortGetDeviceBase() and looks whether it is what it knows. *again TRUE: call me again, there may be one more.
 */
static ULONG NTAPI
HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PCHAR arguments,
              PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again)
{
    BOOLEAN *found = context;

    *again = FALSE;
    if (*found)
        return SP_RETURN_NOT_FOUND;
    *found = TRUE;
    config->NumberOfBuses = 1;
    config->InitiatorBusId[0] = 7;
    config->MaximumNumberOfTargets = 1;
    config->MaximumTransferLength = 0x100000;
    config->NumberOfPhysicalBreaks = SP_UNINITIALIZED_VALUE; /* any number: no address is physical here */
    config->MapBuffers = TRUE;                               /* DataBuffer is wanted as memory */
    return SP_RETURN_FOUND;
}

ULONG NTAPI
DriverEntry(PVOID driver, PVOID registry)
{
    BOOLEAN found = FALSE; /* on the stack: HwFindAdapter is called before ScsiPortInitialize() returns */
    HW_INITIALIZATION_DATA hw = {.HwInitializationDataSize = sizeof(hw),
                                 .AdapterInterfaceType =
                                     Isa, /* a PCI driver: PCIBus, and VendorId, DeviceId */
                                 .HwInitialize = HwInitialize,
                                 .HwStartIo = HwStartIo,
                                 .HwFindAdapter = HwFindAdapter,
                                 .HwResetBus = HwResetBus,
                                 .DeviceExtensionSize = sizeof(struct adapter),
                                 .MapBuffers = TRUE,
                                 .AutoRequestSense = TRUE};

    return ScsiPortInitialize(driver, registry, &hw, &found);
}
