/*
 * A ScsiPort miniport of the days before PnP: it walks over the bus for an IDE controller in compatibility mode and makes an
 * adapter of each of its channels, one HwScsiFindAdapter after the other, by what AtdiskPrimaryClaimed tells. Disks by
 * programmed input and output, one command at a time. Of several results it knows that the lowest is the right one.
 */
#include <ntddk.h>
#include <srb.h>
#include <scsi.h>

#define REG_COUNT   2
#define REG_LBA     3
#define REG_DEVICE  6
#define REG_COMMAND 7
#define BUSY        0x80
#define REQUEST     0x08
#define FAILED      0x01
#define READ        0x20
#define WRITE       0x30
#define FLUSH       0xe7
#define IDENTIFY    0xec

struct channel {
    PUCHAR base;
    ULONG sectors;
    USHORT identity[256];
    PSCSI_REQUEST_BLOCK srb; /* that the disk works on */
    PUCHAR data;
    ULONG left;
};

static UCHAR
status(struct channel *c)
{
    return ScsiPortReadPortUchar(c->base + REG_COMMAND);
}

static UCHAR
wait(struct channel *c)
{
    for (ULONG i = 0; i < 10000 && status(c) & BUSY; i++)
        ScsiPortStallExecution(10);
    return status(c);
}

static void
command(struct channel *c, UCHAR code, ULONG lba, UCHAR count)
{
    ScsiPortWritePortUchar(c->base + REG_DEVICE, (UCHAR)(0xe0 | lba >> 24));
    wait(c);
    ScsiPortWritePortUchar(c->base + REG_COUNT, count);
    for (ULONG i = 0; i < 3; i++)
        ScsiPortWritePortUchar(c->base + REG_LBA + i, (UCHAR)(lba >> 8 * i));
    ScsiPortWritePortUchar(c->base + REG_COMMAND, code);
}

static void
sector_write(struct channel *c)
{
    ScsiPortWritePortBufferUshort((PUSHORT)c->base, (PUSHORT)c->data, 256);
    c->data += 512;
    c->left -= 512;
}

static void
identify(struct channel *c)
{
    if (status(c) == 0xff)
        return;
    command(c, IDENTIFY, 0, 0);
    ScsiPortStallExecution(500);
    if ((wait(c) & (REQUEST | FAILED)) != REQUEST)
        return;
    ScsiPortReadPortBufferUshort((PUSHORT)c->base, c->identity, 256);
    c->sectors = c->identity[60] | (ULONG)c->identity[61] << 16;
}

static void
complete(struct channel *c, PSCSI_REQUEST_BLOCK srb, UCHAR how)
{
    c->srb = NULL;
    srb->SrbStatus = how;
    ScsiPortNotification(RequestComplete, c, srb);
    ScsiPortNotification(NextRequest, c, NULL);
}

static UCHAR
inquiry(PSCSI_REQUEST_BLOCK srb)
{
    INQUIRYDATA *data = srb->DataBuffer;

    if (((PCDB)srb->Cdb)->CDB6INQUIRY3.EnableVitalProductData)
        return SRB_STATUS_INVALID_REQUEST;
    RtlZeroMemory(data, srb->DataTransferLength);
    RtlCopyMemory(data->VendorId, "Outside Channel         1.0 ", 28);
    return SRB_STATUS_SUCCESS;
}

static UCHAR
capacity(struct channel *c, PSCSI_REQUEST_BLOCK srb)
{
    READ_CAPACITY_DATA *data = srb->DataBuffer;
    ULONG last = c->sectors - 1, bytes = 512;

    REVERSE_BYTES(&data->LogicalBlockAddress, &last);
    REVERSE_BYTES(&data->BytesPerBlock, &bytes);
    return SRB_STATUS_SUCCESS;
}

static UCHAR
transfer(struct channel *c, PSCSI_REQUEST_BLOCK srb, UCHAR code)
{
    ULONG lba = 0;

    REVERSE_BYTES(&lba, &((PCDB)srb->Cdb)->CDB10.LogicalBlockByte0);
    c->data = srb->DataBuffer;
    c->left = code == FLUSH ? 0 : srb->DataTransferLength;
    c->srb = srb;
    command(c, code, lba, (UCHAR)(c->left / 512));
    if (code != WRITE)
        return SRB_STATUS_PENDING;
    while (!(wait(c) & (REQUEST | FAILED)))
        ;
    sector_write(c);
    return SRB_STATUS_PENDING;
}

static UCHAR
start(struct channel *c, PSCSI_REQUEST_BLOCK srb)
{
    if (srb->PathId || srb->TargetId || srb->Lun || !c->sectors)
        return SRB_STATUS_SELECTION_TIMEOUT;
    if (srb->Function != SRB_FUNCTION_EXECUTE_SCSI)
        return SRB_STATUS_INVALID_REQUEST;
    switch (srb->Cdb[0]) {
    case SCSIOP_INQUIRY:
        return inquiry(srb);
    case SCSIOP_READ_CAPACITY:
        return capacity(c, srb);
    case SCSIOP_TEST_UNIT_READY:
        return SRB_STATUS_SUCCESS;
    case SCSIOP_READ:
        return transfer(c, srb, READ);
    case SCSIOP_WRITE:
        return transfer(c, srb, WRITE);
    case SCSIOP_SYNCHRONIZE_CACHE:
        return transfer(c, srb, FLUSH);
    default:
        return SRB_STATUS_INVALID_REQUEST;
    }
}

static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    UCHAR how = start(extension, srb);

    if (how != SRB_STATUS_PENDING)
        complete(extension, srb, how);
    return TRUE;
}

static BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    struct channel *c = extension;
    UCHAR now = status(c);

    if (!c->srb)
        return FALSE;
    if (now & FAILED) {
        complete(c, c->srb, SRB_STATUS_ERROR);
    } else if (c->left && c->srb->SrbFlags & SRB_FLAGS_DATA_OUT) {
        sector_write(c);
    } else {
        if (c->left) {
            ScsiPortReadPortBufferUshort((PUSHORT)c->base, (PUSHORT)c->data, 256);
            c->data += 512;
            c->left -= 512;
        }
        if (!c->left)
            complete(c, c->srb, SRB_STATUS_SUCCESS);
    }
    return TRUE;
}

static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    return TRUE;
}

static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    ScsiPortCompleteRequest(extension, (UCHAR)path, (UCHAR)-1, (UCHAR)-1, SRB_STATUS_BUS_RESET);
    return TRUE;
}

static BOOLEAN
map(struct channel *c, PPORT_CONFIGURATION_INFORMATION config, ULONG n, ULONG at, ULONG size)
{
    PACCESS_RANGE range = &(*config->AccessRanges)[n];
    PVOID base;

    range->RangeStart = ScsiPortConvertUlongToPhysicalAddress(at);
    range->RangeLength = size;
    range->RangeInMemory = FALSE;
    base = ScsiPortGetDeviceBase(c, PCIBus, config->SystemIoBusNumber, range->RangeStart, size, TRUE);
    if (!n)
        c->base = base;
    return base != NULL;
}

static BOOLEAN
claim(struct channel *c, PPORT_CONFIGURATION_INFORMATION config, ULONG command_block, ULONG line)
{
    if (!map(c, config, 0, command_block, 8))
        return FALSE;
    if (!map(c, config, 1, command_block + 0x206, 1)) {
        ScsiPortFreeDeviceBase(c, c->base);
        return FALSE;
    }
    config->NumberOfBuses = 1;
    config->MaximumNumberOfTargets = 2;
    config->MaximumTransferLength = 0x10000;
    config->BusInterruptLevel = config->BusInterruptVector = line;
    identify(c);
    return TRUE;
}

static ULONG NTAPI
HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
              PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again)
{
    PCI_COMMON_CONFIG pci;
    PCI_SLOT_NUMBER slot;

    *again = FALSE;
    slot.u.AsULONG = config->SlotNumber;
    for (; slot.u.bits.DeviceNumber < 31; slot.u.bits.DeviceNumber++, slot.u.bits.FunctionNumber = 0)
        do {
            BOOLEAN second = config->AtdiskPrimaryClaimed;

            if (ScsiPortGetBusData(extension, PCIConfiguration, config->SystemIoBusNumber, slot.u.AsULONG,
                                   &pci, sizeof(pci)) < PCI_COMMON_HDR_LENGTH)
                break;
            if (pci.BaseClass != 1 || pci.SubClass != 1 || pci.ProgIf & (second ? 4 : 1))
                continue;
            if (!claim(extension, config, second ? 0x170 : 0x1f0, second ? 15 : 14))
                continue;
            if (second)
                config->AtdiskSecondaryClaimed = TRUE;
            config->AtdiskPrimaryClaimed = TRUE;
            config->SlotNumber = slot.u.AsULONG;
            *again = !second;
            return SP_RETURN_FOUND;
        } while (++slot.u.bits.FunctionNumber);
    return SP_RETURN_NOT_FOUND;
}

ULONG NTAPI
DriverEntry(PVOID driver, PVOID path)
{
    HW_INITIALIZATION_DATA hw;
    ULONG here, lowest;

    RtlZeroMemory(&hw, sizeof(hw));
    hw.HwInitializationDataSize = sizeof(hw);
    hw.AdapterInterfaceType = PCIBus;
    hw.HwInitialize = HwInitialize;
    hw.HwStartIo = HwStartIo;
    hw.HwInterrupt = HwInterrupt;
    hw.HwFindAdapter = (PHW_FIND_ADAPTER)HwFindAdapter;
    hw.HwResetBus = HwResetBus;
    hw.DeviceExtensionSize = sizeof(struct channel);
    hw.NumberOfAccessRanges = 2;
    hw.MapBuffers = TRUE;
    lowest = ScsiPortInitialize(driver, path, &hw, NULL);
    hw.AdapterInterfaceType = Eisa;
    here = ScsiPortInitialize(driver, path, &hw, NULL);
    return here < lowest ? here : lowest;
}
