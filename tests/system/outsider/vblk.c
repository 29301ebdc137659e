/*
 * A ScsiPort miniport as others write them, built with other headers than ours: virtio block devices of the first kind, with
 * commands queued for one unit. It knows its device's line only, tells its names with zeros behind them, and still reads a
 * request that it has just completed.
 */
#include <ntddk.h>
#include <srb.h>
#include <scsi.h>

#define REG_HOST_FEATURES 0
#define REG_FEATURES      4
#define REG_QUEUE_PFN     8
#define REG_QUEUE_SIZE    12
#define REG_QUEUE_SELECT  14
#define REG_QUEUE_NOTIFY  16
#define REG_STATUS        18
#define REG_ISR           19
#define REG_CAPACITY      20 /* 24 where the device interrupts by messages */

#define FEATURE_FLUSH    (1u << 9)
#define STATUS_DRIVER_OK 7
#define DESC_NEXT        1
#define DESC_WRITE       2
#define TYPE_WRITE       1
#define TYPE_FLUSH       4
#define QUEUE_MAX        1024
#define PIECES           16
#define RING_BYTES       (3 * PAGE_SIZE + QUEUE_MAX * 28)

struct desc {
    ULONGLONG address;
    ULONG length;
    USHORT flags, next;
};

struct avail {
    USHORT flags, index, ring[QUEUE_MAX];
};

struct used {
    USHORT flags;
    volatile USHORT index;
    struct {
        ULONG id, length;
    } ring[QUEUE_MAX];
};

struct request {
    ULONG type, priority;
    ULONGLONG sector;
    UCHAR status;
};

struct hba {
    PUCHAR base;
    PUCHAR ring;
    struct desc *desc;
    struct avail *avail;
    struct used *used;
    ULONG size, free, free_count, features;
    USHORT seen;
    PSCSI_REQUEST_BLOCK srb[QUEUE_MAX];
};

static ULONG
physical(struct hba *h, PSCSI_REQUEST_BLOCK srb, PVOID va, ULONGLONG *pa)
{
    ULONG length = 0;

    *pa = ScsiPortGetPhysicalAddress(h, srb, va, &length).QuadPart;
    return length;
}

static struct desc *
desc_add(struct hba *h, ULONGLONG pa, ULONG length, USHORT flags)
{
    struct desc *d = &h->desc[h->free];

    h->free = d->next;
    h->free_count--;
    d->address = pa;
    d->length = length;
    d->flags = flags | DESC_NEXT;
    return d;
}

static void
transfer(struct hba *h, PSCSI_REQUEST_BLOCK srb, ULONG type, ULONGLONG sector)
{
    struct request *r = srb->SrbExtension;
    ULONG head = h->free, left = type == TYPE_FLUSH ? 0 : srb->DataTransferLength;
    PUCHAR va = srb->DataBuffer;
    ULONGLONG pa;

    r->type = type;
    r->priority = 0;
    r->sector = sector;
    r->status = 0xff;
    physical(h, NULL, r, &pa);
    desc_add(h, pa, 16, 0);
    while (left) {
        ULONG n = physical(h, srb, va, &pa);

        n = n < left ? n : left;
        desc_add(h, pa, n, type == TYPE_WRITE ? 0 : DESC_WRITE);
        va += n;
        left -= n;
    }
    physical(h, NULL, &r->status, &pa);
    desc_add(h, pa, 1, DESC_WRITE)->flags = DESC_WRITE;
    h->srb[head] = srb;
    h->avail->ring[h->avail->index % h->size] = (USHORT)head;
    __sync_synchronize();
    h->avail->index++;
    __sync_synchronize();
    ScsiPortWritePortUshort((PUSHORT)(h->base + REG_QUEUE_NOTIFY), 0);
}

static void
complete(struct hba *h, PSCSI_REQUEST_BLOCK srb, UCHAR status)
{
    srb->SrbStatus = status;
    ScsiPortNotification(RequestComplete, h, srb);
    ScsiPortNotification(NextLuRequest, h, srb->PathId, srb->TargetId, srb->Lun);
}

static void
inquiry(PSCSI_REQUEST_BLOCK srb)
{
    INQUIRYDATA data;
    ULONG n = srb->DataTransferLength < sizeof(data) ? srb->DataTransferLength : sizeof(data);

    RtlZeroMemory(&data, sizeof(data));
    data.Versions = 2;
    data.ResponseDataFormat = 2;
    data.CommandQueue = 1;
    RtlCopyMemory(data.VendorId, "Outside", sizeof("Outside"));
    RtlCopyMemory(data.ProductId, "Disk", sizeof("Disk"));
    RtlCopyMemory(srb->DataBuffer, &data, n);
    srb->DataTransferLength = n;
}

static void
capacity(struct hba *h, PSCSI_REQUEST_BLOCK srb)
{
    READ_CAPACITY_DATA *to = srb->DataBuffer;
    ULONG last = ScsiPortReadPortUlong((PULONG)(h->base + REG_CAPACITY)) - 1, bytes = 512;

    REVERSE_BYTES(&to->LogicalBlockAddress, &last);
    REVERSE_BYTES(&to->BytesPerBlock, &bytes);
}

static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    struct hba *h = extension;
    PCDB cdb = (PCDB)srb->Cdb;
    ULONG sector = 0;

    if (srb->Function != SRB_FUNCTION_EXECUTE_SCSI) {
        complete(h, srb, SRB_STATUS_INVALID_REQUEST);
        return TRUE;
    }
    switch (cdb->CDB10.OperationCode) {
    case SCSIOP_INQUIRY:
        if (cdb->CDB6INQUIRY3.EnableVitalProductData) {
            complete(h, srb, SRB_STATUS_INVALID_REQUEST);
            return TRUE;
        }
        inquiry(srb);
        break;
    case SCSIOP_READ_CAPACITY:
        capacity(h, srb);
        break;
    case SCSIOP_TEST_UNIT_READY:
        break;
    case SCSIOP_SYNCHRONIZE_CACHE:
        if (!(h->features & FEATURE_FLUSH))
            break;
        transfer(h, srb, TYPE_FLUSH, 0);
        return TRUE; /* NextLuRequest comes with its end */
    case SCSIOP_READ:
    case SCSIOP_WRITE:
        REVERSE_BYTES(&sector, &cdb->CDB10.LogicalBlockByte0);
        transfer(h, srb, cdb->CDB10.OperationCode == SCSIOP_WRITE ? TYPE_WRITE : 0, sector);
        if (h->free_count >= PIECES + 2)
            ScsiPortNotification(NextLuRequest, h, srb->PathId, srb->TargetId, srb->Lun);
        return TRUE;
    default:
        complete(h, srb, SRB_STATUS_INVALID_REQUEST);
        return TRUE;
    }
    complete(h, srb, SRB_STATUS_SUCCESS);
    return TRUE;
}

static void
ended(struct hba *h, ULONG head)
{
    PSCSI_REQUEST_BLOCK srb = h->srb[head];
    struct request *r = srb->SrbExtension;
    ULONG last = head, count = 1;

    while (h->desc[last].flags & DESC_NEXT) {
        last = h->desc[last].next;
        count++;
    }
    h->desc[last].next = (USHORT)h->free;
    h->free = head;
    h->free_count += count;
    complete(h, srb, r->status ? SRB_STATUS_ERROR : SRB_STATUS_SUCCESS);
}

static BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    struct hba *h = extension;

    if (!ScsiPortReadPortUchar(h->base + REG_ISR))
        return FALSE;
    while (h->ring && h->seen != h->used->index)
        ended(h, h->used->ring[h->seen++ % h->size].id);
    return TRUE;
}

static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    struct hba *h = extension;
    ULONGLONG pa;

    ScsiPortWritePortUchar(h->base + REG_STATUS, 0);
    ScsiPortWritePortUchar(h->base + REG_STATUS, 3);
    h->features = ScsiPortReadPortUlong((PULONG)(h->base + REG_HOST_FEATURES)) & FEATURE_FLUSH;
    ScsiPortWritePortUlong((PULONG)(h->base + REG_FEATURES), h->features);
    for (ULONG i = 0; i < h->size; i++)
        h->desc[i].next = (USHORT)(i + 1);
    h->free = 0;
    h->free_count = h->size;
    physical(h, NULL, h->ring, &pa);
    ScsiPortWritePortUshort((PUSHORT)(h->base + REG_QUEUE_SELECT), 0);
    ScsiPortWritePortUlong((PULONG)(h->base + REG_QUEUE_PFN), (ULONG)(pa >> PAGE_SHIFT));
    ScsiPortWritePortUchar(h->base + REG_STATUS, STATUS_DRIVER_OK);
    return TRUE;
}

static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    return TRUE;
}

static SCSI_ADAPTER_CONTROL_STATUS NTAPI
HwAdapterControl(PVOID extension, SCSI_ADAPTER_CONTROL_TYPE type, PVOID parameters)
{
    struct hba *h = extension;
    PSCSI_SUPPORTED_CONTROL_TYPE_LIST list = parameters;

    if (type == ScsiQuerySupportedControlTypes)
        list->SupportedTypeList[ScsiQuerySupportedControlTypes] = list->SupportedTypeList[ScsiStopAdapter] =
            TRUE;
    else
        ScsiPortWritePortUchar(h->base + REG_STATUS, 0);
    return ScsiAdapterControlSuccess;
}

static ULONG NTAPI
HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
              PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again)
{
    struct hba *h = extension;
    PACCESS_RANGE range = &(*config->AccessRanges)[0];

    *again = FALSE;
    if (range->RangeInMemory || range->RangeLength < 0x40)
        return SP_RETURN_NOT_FOUND;
    h->base = ScsiPortGetDeviceBase(h, config->AdapterInterfaceType, config->SystemIoBusNumber,
                                    range->RangeStart, range->RangeLength, TRUE);
    if (!h->base)
        return SP_RETURN_ERROR;
    ScsiPortWritePortUshort((PUSHORT)(h->base + REG_QUEUE_SELECT), 0);
    h->size = ScsiPortReadPortUshort((PUSHORT)(h->base + REG_QUEUE_SIZE));
    if (!h->size || h->size > QUEUE_MAX)
        return SP_RETURN_ERROR;
    config->Master = TRUE;
    config->ScatterGather = TRUE;
    config->Dma64BitAddresses = SCSI_DMA64_MINIPORT_SUPPORTED;
    config->NumberOfBuses = 1;
    config->MaximumNumberOfTargets = 1;
    config->MaximumNumberOfLogicalUnits = 1;
    config->NumberOfPhysicalBreaks = PIECES - 1;
    config->MaximumTransferLength = (PIECES - 1) * PAGE_SIZE;
    h->ring = ScsiPortGetUncachedExtension(h, config, RING_BYTES);
    if (!h->ring)
        return SP_RETURN_ERROR;
    h->ring = (PUCHAR)(((ULONG_PTR)h->ring + PAGE_SIZE - 1) & ~(ULONG_PTR)(PAGE_SIZE - 1));
    h->desc = (struct desc *)h->ring;
    h->avail = (struct avail *)(h->desc + h->size);
    h->used = (struct used *)(((ULONG_PTR)&h->avail->ring[h->size] + PAGE_SIZE - 1) &
                              ~(ULONG_PTR)(PAGE_SIZE - 1));
    return SP_RETURN_FOUND;
}

ULONG NTAPI
DriverEntry(PVOID driver, PVOID path)
{
    HW_INITIALIZATION_DATA hw;

    RtlZeroMemory(&hw, sizeof(hw));
    hw.HwInitializationDataSize = sizeof(hw);
    hw.AdapterInterfaceType = PCIBus;
    hw.HwInitialize = HwInitialize;
    hw.HwStartIo = HwStartIo;
    hw.HwInterrupt = HwInterrupt;
    hw.HwFindAdapter = (PHW_FIND_ADAPTER)HwFindAdapter;
    hw.HwResetBus = HwResetBus;
    hw.HwAdapterControl = HwAdapterControl;
    hw.DeviceExtensionSize = sizeof(struct hba);
    hw.SrbExtensionSize = __builtin_offsetof(struct request, status) +
                          1; /* a size that no allocator would choose */
    hw.NumberOfAccessRanges = 1;
    hw.MapBuffers = TRUE;
    hw.NeedPhysicalAddresses = TRUE;
    hw.TaggedQueuing = TRUE;
    hw.AutoRequestSense = TRUE;
    hw.MultipleRequestPerLu = TRUE;
    return ScsiPortInitialize(driver, path, &hw, NULL);
}
