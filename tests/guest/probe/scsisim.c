/*
 * A SCSI adapter with disks that exist in memory only: it records how the port calls it, checks what it is given (S-nnn beside
 * the check), and deals with requests as its knobs say. tests/guest/kernel/drivers/scsiport*.c turn the knobs.
 */
#include "probe.h"
#include "scsi.h"
#include "scsiport.h"
#include "scsisim.h"
#include "simulated.h"

PROBE_EXPORT struct sknobs Knobs = {.registrations = 1,
                                    .type = {Isa, Internal, PCIBus, Isa},
                                    .size = sizeof(HW_INITIALIZATION_DATA),
                                    .extension = 4096,
                                    .lu_extension = 64,
                                    .srb_extension = 200,
                                    .uncached = 4096,
                                    .ranges = 2,
                                    .find = {1, 0},
                                    .buses = 1,
                                    .targets = 4,
                                    .luns = 8,
                                    .initiator = 3,
                                    .auto_sense = 0,
                                    .master = 1,
                                    .dma32 = 1,
                                    .dma64 = 1,
                                    .vendor = "1AF4",
                                    .device = "10F0",
                                    .absent_status = SRB_STATUS_SELECTION_TIMEOUT,
                                    .breaks = 16,
                                    .max_transfer = 65536,
                                    .dma_channel = ~0u,
                                    .controls = 6,
                                    .version = 5,
                                    .report_luns = 1,
                                    .queue_bit = 1,
                                    .present = 1,
                                    .lun_mask = 1,
                                    .status = SRB_STATUS_SUCCESS};
PROBE_EXPORT struct sseen Seen;

#define HELD 64

struct adapter {
    PPORT_CONFIGURATION_INFORMATION config;
    PSCSI_REQUEST_BLOCK held[HELD];
    ULONG count;
    PUCHAR uncached;
    UCHAR stopped;
};

static UCHAR disk[SDISK_BLOCKS * 512];

static void
record(UCHAR what, PSCSI_REQUEST_BLOCK srb, ULONG detail, PVOID argument)
{
    ULONG n = __sync_fetch_and_add(&Seen.count, 1);

    if (n < SCALLS_MAX)
        Seen.call[n] = (struct scall){what,
                                      (UCHAR)irql(),
                                      (UCHAR)processor(),
                                      srb ? srb->PathId : 0,
                                      srb ? srb->TargetId : 0,
                                      srb ? srb->Lun : 0,
                                      detail,
                                      (ULONG_PTR)argument};
}

/* ---- completing ---- */

static void
complete(struct adapter *a, PSCSI_REQUEST_BLOCK srb, UCHAR status)
{
    __sync_fetch_and_sub(&Seen.outstanding, 1);
    srb->SrbStatus = status;
    ScsiPortNotification(RequestComplete, a, srb);
}

static void
next(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    if (Knobs.many && srb->QueueTag != SP_UNTAGGED)
        ScsiPortNotification(NextLuRequest, a, srb->PathId, srb->TargetId, srb->Lun);
    else
        ScsiPortNotification(NextRequest, a);
}

static ULONG
block_of(PSCSI_REQUEST_BLOCK srb)
{
    return (ULONG)srb->Cdb[2] << 24 | srb->Cdb[3] << 16 | srb->Cdb[4] << 8 | srb->Cdb[5];
}

/* At DataBuffer if it is mapped, else piece by piece as the device would (S-074, S-075). */
static void
move(struct adapter *a, PSCSI_REQUEST_BLOCK srb, PUCHAR ours, ULONG size, BOOLEAN in)
{
    ULONG at = 0, pieces = 0;

    while (at < size) {
        ULONG length = size - at;
        PUCHAR theirs = (PUCHAR)srb->DataBuffer + at;

        if (Knobs.master) {
            SCSI_PHYSICAL_ADDRESS pa = ScsiPortGetPhysicalAddress(a, srb, theirs, &length);

            CHECK(pa.QuadPart && length);
            CHECK(Knobs.dma64 || !pa.HighPart); /* S-031 */
            CHECK(!(pa.QuadPart & Knobs.alignment) || at);
            theirs = MmGetVirtualForPhysical(pa);
            if (Knobs.map_buffers) /* S-074 */
                (void)((volatile UCHAR *)srb->DataBuffer)[at];
        }
        if (length > size - at)
            length = size - at;
        if (!length || !theirs)
            return;
        if (in)
            RtlCopyMemory(theirs, ours + at, length);
        else
            RtlCopyMemory(ours + at, theirs, length);
        at += length;
        pieces++;
    }
    CHECK(pieces <= Knobs.breaks || pieces == 1); /* S-045 */
}

static void
transfer(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    ULONG block = block_of(srb), size = srb->DataTransferLength;

    if (block >= SDISK_BLOCKS || size > (SDISK_BLOCKS - block) * 512)
        return;
    move(a, srb, disk + block * 512, size, srb->Cdb[0] == SCSIOP_READ);
}

/* SP_UNTAGGED: any */
static BOOLEAN
is_of(PSCSI_REQUEST_BLOCK srb, ULONG path, ULONG target, ULONG lun)
{
    return (path == SP_UNTAGGED || path == srb->PathId) &&
           (target == SP_UNTAGGED || target == srb->TargetId) && (lun == SP_UNTAGGED || lun == srb->Lun);
}

/* Those of a path, target and LUN are no longer held; one by one they are completed with a status, or (0) they are not. */
static void
let_go(struct adapter *a, ULONG path, ULONG target, ULONG lun, UCHAR status)
{
    ULONG kept = 0, count = a->count;

    a->count = 0;
    for (ULONG i = 0; i < count; i++)
        if (!is_of(a->held[i], path, target, lun))
            a->held[kept++] = a->held[i];
        else if (status)
            complete(a, a->held[i], status);
        else
            __sync_fetch_and_sub(&Seen.outstanding, 1);
    a->count = kept;
}

static void
complete_held(struct adapter *a, UCHAR status)
{
    while (a->count) {
        PSCSI_REQUEST_BLOCK srb = a->held[--a->count];

        if (status == SRB_STATUS_SUCCESS)
            transfer(a, srb);
        complete(a, srb, status);
    }
}

static void
hold(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    if (a->count < HELD)
        a->held[a->count++] = srb;
}

static VOID NTAPI
timer(PVOID extension)
{
    struct adapter *a = extension;

    record(SCALL_TIMER, NULL, 0, NULL);
    if (Knobs.mode == S_ALL) {
        __sync_fetch_and_sub(&Seen.outstanding, a->count);
        a->count = 0;
        ScsiPortCompleteRequest(a, 0xff, 0xff, 0xff, (UCHAR)Knobs.status); /* S-098 */
        return;
    }
    complete_held(a, (UCHAR)Knobs.status);
}

static VOID NTAPI
never_timer(PVOID extension)
{
    record(SCALL_TIMER, NULL, 1, NULL);
}

static BOOLEAN NTAPI
disable(PVOID extension)
{
    record(SCALL_DISABLE, NULL, 0, NULL);
    return TRUE;
}

static BOOLEAN NTAPI
enable(PVOID extension)
{
    struct adapter *a = extension;

    record(SCALL_ENABLE, NULL, 0, NULL);
    complete_held(a, (UCHAR)Knobs.status);
    ScsiPortNotification(CallDisableInterrupts, a, disable);
    return TRUE;
}

/* ---- commands of a target ---- */

static void
check_condition(PSCSI_REQUEST_BLOCK srb, UCHAR first)
{
    PUCHAR sense = srb->SenseInfoBuffer;

    srb->ScsiStatus = SCSISTAT_CHECK_CONDITION;
    if (first && sense && srb->SenseInfoBufferLength >= 14) {
        sense[0] = first;
        sense[2] = 5;
        sense[12] = 0x24;
    }
}

static UCHAR
answer_give(struct adapter *a, PSCSI_REQUEST_BLOCK srb, PUCHAR bytes, ULONG size)
{
    UCHAR status = SRB_STATUS_SUCCESS;

    if (size < srb->DataTransferLength) {
        srb->DataTransferLength = size; /* S-095 */
        status = SRB_STATUS_DATA_OVERRUN;
    }
    move(a, srb, bytes, srb->DataTransferLength, TRUE);
    return status;
}

/* S-077: zeros at first, all its own. */
static void
unit_extension_use(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    PUCHAR unit = ScsiPortGetLogicalUnit(a, srb->PathId, srb->TargetId, srb->Lun);
    ULONG size = Knobs.config_lu_extension ? Knobs.config_lu_extension : Knobs.lu_extension;

    CHECK(!size == !unit);
    if (!unit || unit[0])
        return;
    CHECK_ALL_ZERO(unit, size);
    RtlFillMemory(unit, size, 0xb6);
    Seen.lu_extension_zero = size;
}

static UCHAR
inquiry(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    UCHAR b[36] = {[2] = (UCHAR)Knobs.version, [4] = 31, [7] = Knobs.queue_bit ? 2 : 0};
    static const char name[] = "PORTOLANSCSISIM DISK    1.0 ";

    if (srb->Cdb[1] & 1) {
        check_condition(srb, 0);
        return SRB_STATUS_ERROR;
    }
    unit_extension_use(a, srb);
    b[0] = (UCHAR)(Knobs.lun_mask >> srb->Lun & 1 ? Knobs.type_of[srb->Lun & 7] : 0x7f);
    for (ULONG i = 0; i < 28; i++)
        b[8 + i] = (UCHAR)name[i];
    return answer_give(a, srb, b, sizeof(b));
}

static UCHAR
luns(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    UCHAR b[8 + 32 * 8] = {0};
    ULONG n = 0;

    if (!Knobs.report_luns) {
        check_condition(srb, 0);
        return SRB_STATUS_ERROR;
    }
    for (ULONG lun = 0; lun < 32; lun++)
        if (Knobs.lun_mask >> lun & 1)
            b[8 + 8 * n++ + 1] = (UCHAR)lun;
    b[3] = (UCHAR)(8 * n);
    b[2] = (UCHAR)(8 * n >> 8);
    return answer_give(a, srb, b, 8 + 8 * n);
}

static UCHAR
command(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    UCHAR capacity[8] = {0, 0, (SDISK_BLOCKS - 1) >> 8, (SDISK_BLOCKS - 1) & 0xff, 0, 0, 2, 0};
    UCHAR sense[18] = {0x70, 0, 5, [7] = 10, [12] = 0x24};

    if (srb->TargetId > 31 || !(Knobs.present >> srb->TargetId & 1))
        return (UCHAR)Knobs.absent_status; /* S-064 */
    switch (srb->Cdb[0]) {
    case SCSIOP_INQUIRY:
        return inquiry(a, srb);
    case SCSIOP_REPORT_LUNS:
        return luns(a, srb);
    case SCSIOP_READ_CAPACITY:
        return answer_give(a, srb, capacity, 8);
    case SCSIOP_REQUEST_SENSE:
        CHECK(srb->QueueTag == SP_UNTAGGED && srb->SrbFlags & SRB_FLAGS_DISABLE_AUTOSENSE);
        if (Knobs.sense_fails) {
            check_condition(srb, 0);
            return SRB_STATUS_ERROR;
        }
        return answer_give(a, srb, sense, sizeof(sense));
    case SCSIOP_TEST_UNIT_READY:
    case SCSIOP_SYNCHRONIZE_CACHE:
        return SRB_STATUS_SUCCESS;
    default:
        check_condition(srb, 0);
        return SRB_STATUS_ERROR;
    }
}

/* ---- reads and writes, as the knobs say ---- */

/* S-057, S-075, S-076, S-077, S-078, S-106, S-132: in StartIo. */
static void
library(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    ULONG length = 0;
    SCSI_PHYSICAL_ADDRESS pa;
    PUCHAR unit = ScsiPortGetLogicalUnit(a, srb->PathId, srb->TargetId, srb->Lun);
    PCI_COMMON_CONFIG pci;
    UCHAR text[8] = "abcdefg";
    LARGE_INTEGER now;

    CHECK(unit && unit == ScsiPortGetLogicalUnit(a, srb->PathId, srb->TargetId, srb->Lun));
    CHECK(!ScsiPortGetLogicalUnit(a, srb->PathId, 99, 0) && !ScsiPortGetLogicalUnit(a, 7, srb->TargetId, 0));
    CHECK(ScsiPortGetSrb(a, srb->PathId, srb->TargetId, srb->Lun, srb->QueueTag) == srb);
    CHECK(!ScsiPortGetSrb(a, srb->PathId, srb->TargetId, srb->Lun, srb->QueueTag == 5 ? 6 : 5));
    CHECK(!ScsiPortGetSrb(a, srb->PathId, 99, srb->Lun, srb->QueueTag));
    pa = ScsiPortGetPhysicalAddress(a, NULL, srb->SrbExtension, &length);
    CHECK(pa.QuadPart && length >= Knobs.srb_extension);
    CHECK(ScsiPortGetVirtualAddress(a, pa) == srb->SrbExtension);
    pa = ScsiPortGetPhysicalAddress(a, srb, srb->SenseInfoBuffer, &length);
    CHECK(pa.QuadPart && length >= srb->SenseInfoBufferLength);
    pa = ScsiPortGetPhysicalAddress(a, srb, &length, &length);
    CHECK(!pa.QuadPart && !length);
    pa.QuadPart = 0x1000;
    CHECK(!ScsiPortGetVirtualAddress(a, pa));
    CHECK(!ScsiPortGetDeviceBase(a, Isa, 0, pa, 8, TRUE) && !ScsiPortValidateRange(a, Isa, 0, pa, 8, TRUE));
    CHECK(!ScsiPortGetBusData(a, PCIConfiguration, 0, 0, &pci, 64));
    CHECK(!ScsiPortGetUncachedExtension(a, a->config, 4096));
    ScsiPortFreeDeviceBase(a, (PVOID)0x1f0);
    RtlMoveMemory(text + 1, text, 6);
    CHECK(text[0] == 'a' && text[1] == 'a' && text[6] == 'f');
    ScsiPortStallExecution(20);
    ScsiPortQuerySystemTime(&now);
    CHECK(now.QuadPart > 0);
    ScsiPortLogError(a, NULL, 0, 1, 0, SP_BUS_PARITY_ERROR, 0x1234);
    ScsiPortLogError(a, srb, 0, 1, 0, 0xffff, 1);
    ScsiPortIoMapTransfer(a, srb, srb->DataBuffer, 512);
    ScsiPortFlushDma(a);
    ScsiDebugPrint(3, "scsisim: %s %d\n", "text", 5);
    complete(a, srb, SRB_STATUS_SUCCESS);
}

/* SRB extensions lie in a row: behind the last one is what the port says that there is behind this one. */
static void
write_behind(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    ULONG left = 0;

    switch (Knobs.behind) {
    case 0:
        a->uncached[Knobs.uncached] = 1;
        break;
    case 1:
        (void)ScsiPortGetPhysicalAddress(a, NULL, srb->SrbExtension, &left);
        ((PUCHAR)srb->SrbExtension)[left] = 1;
        break;
    default:
        ((PUCHAR)srb->DataBuffer)[srb->DataTransferLength] = 1;
    }
}

static void
misbehave(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    static SCSI_REQUEST_BLOCK copy;
    volatile ULONG spin = 0;

    switch (Knobs.mode) {
    case S_TWICE:
        complete(a, srb, SRB_STATUS_SUCCESS);
        ScsiPortNotification(RequestComplete, a, srb);
        break;
    case S_FOREIGN:
        copy = *srb;
        ScsiPortNotification(RequestComplete, a, &copy);
        ScsiPortNotification(RequestComplete, a, (PUCHAR)srb + 8);
        ScsiPortNotification(RequestComplete, a, (PVOID)0x5000);
        complete(a, srb, SRB_STATUS_SUCCESS);
        break;
    case S_LONG:
        srb->DataTransferLength *= 2;
        complete(a, srb, SRB_STATUS_SUCCESS);
        break;
    case S_FIELDS:
        srb->TargetId ^= 1;
        complete(a, srb, SRB_STATUS_SUCCESS);
        break;
    case S_FAULT:
        *(volatile ULONG *)0x1234 = 1;
        break;
    case S_LOOP:
        for (;;)
            spin++;
        break;
    case S_LEVEL:
        complete(a, srb, SRB_STATUS_SUCCESS);
        __asm__ volatile("mov %0, %%cr8" ::"r"(2ull));
        break;
    case S_WRITE_BEHIND:
        write_behind(a, srb);
        complete(a, srb, SRB_STATUS_SUCCESS);
        break;
    case S_NEXT_LU: /* S-099 */
        hold(a, srb);
        ScsiPortNotification(NextLuRequest, a, srb->PathId, srb->TargetId, srb->Lun);
        break;
    default:
        complete(a, srb, SRB_STATUS_SUCCESS);
    }
}

static void
sense(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    check_condition(srb, Knobs.mode == S_AUTOSENSE ? 0x70 : Knobs.mode == S_BAD_SENSE ? 0x33 : 0);
    complete(a, srb, SRB_STATUS_ERROR | (Knobs.mode == S_SENSE ? 0 : SRB_STATUS_AUTOSENSE_VALID));
}

static void
notify(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    switch (Knobs.mode) {
    case S_RESET_DETECTED:
        Knobs.mode = S_COMPLETE;
        ScsiPortNotification(ResetDetected, a, 0); /* S-138 */
        break;
    case S_BUS_CHANGE:
        Knobs.mode = S_COMPLETE;
        ScsiPortNotification(BusChangeDetected, a, 0);
        break;
    case S_UNKNOWN: /* S-101 */
        ScsiPortNotification(77, a, 1, 2, 3);
        ScsiPortNotification(WMIEvent, a, NULL, 0, 0, 0, 0);
        ScsiPortNotification(WMIReregister, a, 0xff);
        ScsiPortNotification(10, a);
        break;
    case S_SLEEPY_TIMER:
        ScsiPortNotification(RequestTimerCall, a, never_timer, 20000);
        ScsiPortNotification(RequestTimerCall, a, never_timer, 0);
        break;
    case S_MANY_NEXT: /* S-100 */
        hold(a, srb);
        for (ULONG i = 0; i < 3; i++)
            ScsiPortNotification(NextRequest, a);
        return;
    }
    complete(a, srb, SRB_STATUS_SUCCESS);
}

/* Returns: NextRequest follows. */
static BOOLEAN
deal(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    switch (Knobs.mode) {
    case S_COMPLETE:
        transfer(a, srb);
        complete(a, srb, (UCHAR)Knobs.status);
        break;
    case S_STATUS:
        srb->ScsiStatus = (UCHAR)Knobs.scsi_status;
        complete(a, srb, (UCHAR)Knobs.status);
        break;
    case S_INTERRUPT:
    case S_DEFERRED:
    case S_NEVER:
    case S_SOME:
        hold(a, srb);
        break;
    case S_NEVER_NEXT:
        hold(a, srb);
        return FALSE;
    case S_NO_NEXT:
        transfer(a, srb);
        complete(a, srb, SRB_STATUS_SUCCESS);
        return FALSE;
    case S_TIMER:
    case S_ALL:
        hold(a, srb);
        ScsiPortNotification(RequestTimerCall, a, never_timer, 1000); /* replaced: S-102 */
        ScsiPortNotification(RequestTimerCall, a, timer, 2000);
        break;
    case S_SENSE:
    case S_AUTOSENSE:
    case S_BAD_SENSE:
        sense(a, srb);
        break;
    case S_BUSY:
        if (Knobs.busy) {
            Knobs.busy--;
            complete(a, srb, SRB_STATUS_BUSY);
        } else {
            complete(a, srb, SRB_STATUS_SUCCESS);
        }
        break;
    case S_QUEUE_FULL:
        if (a->count >= Knobs.room) {
            srb->ScsiStatus = SCSISTAT_QUEUE_FULL;
            complete(a, srb, SRB_STATUS_ERROR);
        } else {
            hold(a, srb);
        }
        break;
    case S_SHORT:
        srb->DataTransferLength /= 2;
        complete(a, srb, SRB_STATUS_DATA_OVERRUN);
        break;
    case S_RESET_DETECTED:
    case S_BUS_CHANGE:
    case S_UNKNOWN:
    case S_MANY_NEXT:
    case S_SLEEPY_TIMER:
        notify(a, srb);
        break;
    case S_LIBRARY:
        library(a, srb);
        break;
    default:
        misbehave(a, srb);
    }
    return TRUE;
}

/* ---- what the port calls ---- */

/* S-046 */
static ULONG
srb_extension_size(void)
{
    return Knobs.late_srb_extension     ? Knobs.late_srb_extension
           : Knobs.config_srb_extension ? Knobs.config_srb_extension
                                        : Knobs.srb_extension;
}

/* S-070 to S-074, S-080, S-084, S-085, S-087 */
static void
srb_check(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    CHECK(srb->Length == sizeof(*srb) && srb->SrbStatus == SRB_STATUS_PENDING && !srb->ScsiStatus);
    CHECK(srb->PathId < Knobs.buses && srb->TargetId < Knobs.targets && srb->Lun < Knobs.luns);
    CHECK(srb->TargetId != Knobs.initiator);
    CHECK(srb->SrbFlags & SRB_FLAGS_IS_ACTIVE && srb->TimeOutValue);
    CHECK(srb->DataTransferLength <= Knobs.max_transfer);
    CHECK(!srb->SenseInfoBufferLength || srb->SenseInfoBuffer);
    CHECK(Knobs.srb_extension ? srb->SrbExtension != NULL : srb->SrbExtension == NULL);
    for (ULONG i = 0; i < a->count; i++) /* S-073 */
        CHECK(a->held[i] != srb && (!Knobs.srb_extension || a->held[i]->SrbExtension != srb->SrbExtension));
    if (srb->SrbExtension)
        RtlFillMemory(srb->SrbExtension, srb_extension_size(), 0xa5);
    switch (srb->Function) {
    case SRB_FUNCTION_EXECUTE_SCSI:
    case SRB_FUNCTION_IO_CONTROL:
    case SRB_FUNCTION_ABORT_COMMAND:
    case SRB_FUNCTION_TERMINATE_IO:
        break;
    case SRB_FUNCTION_FLUSH:
    case SRB_FUNCTION_SHUTDOWN:
        CHECK(Knobs.caches); /* S-079 */
        break;
    case SRB_FUNCTION_RESET_DEVICE:
        CHECK(Knobs.reset_target); /* S-080 */
        break;
    case SRB_FUNCTION_RECEIVE_EVENT:
        CHECK(Knobs.events); /* S-081 */
        break;
    default:
        CHECK(FALSE);
    }
    if (srb->SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE) {
        CHECK(Knobs.tagged && srb->QueueTag != SP_UNTAGGED);
        CHECK(srb->QueueAction >= SRB_SIMPLE_TAG_REQUEST &&
              srb->QueueAction <= SRB_ORDERED_QUEUE_TAG_REQUEST);
        for (ULONG i = 0; i < a->count; i++)
            CHECK(a->held[i]->QueueTag != srb->QueueTag);
    } else if (!Knobs.many || Knobs.tagged) {
        CHECK(srb->QueueTag == SP_UNTAGGED);
    }
}

/* S-111: what is found by its address and tag is what it is about. */
static void
abort(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    PSCSI_REQUEST_BLOCK victim = srb->NextSrb;

    CHECK(a->count && victim == a->held[0]);
    if (!a->count || ScsiPortGetSrb(a, srb->PathId, srb->TargetId, srb->Lun, victim->QueueTag) != victim) {
        complete(a, srb, SRB_STATUS_ABORT_FAILED);
        return;
    }
    if (srb->Function == SRB_FUNCTION_TERMINATE_IO) {
        victim->ScsiStatus = SCSISTAT_COMMAND_TERMINATED;
        complete_held(a, SRB_STATUS_ERROR);
    } else {
        complete_held(a, SRB_STATUS_ABORTED);
    }
    complete(a, srb, SRB_STATUS_SUCCESS);
}

static void
device_reset(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    switch (Knobs.device_reset) {
    case SDEVICE_LATE:
        hold(a, srb);
        return;
    case SDEVICE_REFUSES:
        complete(a, srb, SRB_STATUS_INVALID_REQUEST);
        return;
    case SDEVICE_COMPLETES:
        let_go(a, srb->PathId, srb->TargetId, SP_UNTAGGED, SRB_STATUS_BUS_RESET);
    }
    complete(a, srb, SRB_STATUS_SUCCESS);
}

/* The answer lies behind the header, and both are the processor's to see, whatever MapBuffers says (S-082). */
static void
io_control(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    PSRB_IO_CONTROL header = srb->DataBuffer;

    if (srb->DataTransferLength < sizeof(*header) || header->ControlCode != SCONTROL_CODE) {
        complete(a, srb, SRB_STATUS_INVALID_REQUEST);
        return;
    }
    RtlFillMemory(header + 1, header->Length, 0x3c);
    header->ReturnCode = 7;
    complete(a, srb, SRB_STATUS_SUCCESS);
}

static void
other_function(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    switch (srb->Function) {
    case SRB_FUNCTION_ABORT_COMMAND:
    case SRB_FUNCTION_TERMINATE_IO:
        abort(a, srb);
        break;
    case SRB_FUNCTION_RESET_DEVICE:
        device_reset(a, srb);
        break;
    case SRB_FUNCTION_IO_CONTROL:
        io_control(a, srb);
        break;
    default:
        complete(a, srb, SRB_STATUS_SUCCESS);
    }
}

static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    struct adapter *a = extension;
    ULONG out = __sync_add_and_fetch(&Seen.outstanding, 1);
    BOOLEAN more = TRUE;

    record(SCALL_STARTIO, srb, srb->Function << 8 | srb->Cdb[0], srb);
    if (out > Seen.outstanding_max)
        Seen.outstanding_max = out;
    srb_check(a, srb);
    CHECK(!a->stopped); /* S-125 */
    if (Knobs.both_orders)
        next(a, srb); /* S-092 */
    if (srb->Function != SRB_FUNCTION_EXECUTE_SCSI) {
        other_function(a, srb);
    } else if (srb->Cdb[0] == SCSIOP_READ || srb->Cdb[0] == SCSIOP_WRITE) {
        Seen.action = srb->QueueAction;
        if (Knobs.mode == S_REFUSE) {
            __sync_fetch_and_sub(&Seen.outstanding, 1);
            return FALSE;
        }
        more = deal(a, srb);
    } else {
        UCHAR status = command(a, srb);

        complete(a, srb, status);
    }
    if (more && !Knobs.both_orders)
        next(a, srb); /* S-139: the next one does not come from within this */
    return TRUE;
}

static BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    struct adapter *a = extension;

    record(SCALL_INTERRUPT, NULL, 0, NULL);
    if (Knobs.mode == S_DEFERRED) {
        if (a->count)
            ScsiPortNotification(CallEnableInterrupts, a, enable);
        return TRUE;
    }
    if (Knobs.mode == S_NO_NEXT) {
        ScsiPortNotification(NextRequest, a);
        return TRUE;
    }
    if (Knobs.mode == S_SOME) { /* S-098 */
        let_go(a, Knobs.which[0], Knobs.which[1], Knobs.which[2], 0);
        ScsiPortCompleteRequest(a, (UCHAR)Knobs.which[0], (UCHAR)Knobs.which[1], (UCHAR)Knobs.which[2],
                                (UCHAR)Knobs.status);
        return TRUE;
    }
    if (!a->count)
        return FALSE;
    if (Knobs.mode == S_QUEUE_FULL || Knobs.mode == S_MANY_NEXT ||
        Knobs.mode == S_NEXT_LU) { /* one at a time */
        PSCSI_REQUEST_BLOCK srb = a->held[--a->count];

        transfer(a, srb);
        complete(a, srb, SRB_STATUS_SUCCESS);
        ScsiPortNotification(NextRequest, a);
        return TRUE;
    }
    complete_held(a, (UCHAR)Knobs.status);
    return TRUE;
}

static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    struct adapter *a = extension;

    record(SCALL_RESET, NULL, path, NULL);
    if (Knobs.reset != SRESET_COMPLETES) {
        __sync_fetch_and_sub(&Seen.outstanding, a->count);
        a->count = 0;
        return Knobs.reset == SRESET_LEAVES;
    }
    complete_held(a, SRB_STATUS_BUS_RESET);
    ScsiPortNotification(ResetDetected, a);
    ScsiPortNotification(NextRequest, a);
    return TRUE;
}

static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    record(SCALL_INITIALIZE, NULL, 0, NULL);
    if (Knobs.initialize_reset)
        ScsiPortNotification(ResetDetected, extension);
    return !Knobs.initialize_false;
}

static BOOLEAN NTAPI
HwAdapterState(PVOID extension, PVOID context, BOOLEAN save)
{
    record(SCALL_STATE, NULL, save, NULL); /* never */
    return TRUE;
}

static SCSI_ADAPTER_CONTROL_STATUS NTAPI
HwAdapterControl(PVOID extension, SCSI_ADAPTER_CONTROL_TYPE type, PVOID parameters)
{
    PSCSI_SUPPORTED_CONTROL_TYPE_LIST list = parameters;
    struct adapter *a = extension;

    record(SCALL_CONTROL, NULL, type, NULL);
    if (type == ScsiQuerySupportedControlTypes) {
        for (ULONG i = 0; i < list->MaxControlType; i++) {
            CHECK(!list->SupportedTypeList[i]); /* S-065 */
            list->SupportedTypeList[i] = Knobs.controls >> i & 1;
        }
        return ScsiAdapterControlSuccess;
    }
    CHECK(Knobs.controls >> type & 1); /* S-065 */
    switch (type) {
    case ScsiStopAdapter:
        CHECK(!Seen.outstanding && !a->stopped); /* S-125 */
        a->stopped = 1;
        break;
    case ScsiSetBootConfig: /* S-126 */
        CHECK(a->stopped);
        break;
    case ScsiSetRunningConfig: { /* S-057: here the hardware may be looked at */
        UCHAR id[2];

        CHECK(a->stopped && ScsiPortGetBusData(a, PCIConfiguration, 0, 0, id, 2) == 2 && id[0] == 0x86);
        break;
    }
    case ScsiRestartAdapter:
        CHECK(a->stopped);
        a->stopped = (UCHAR)Knobs.restart_fails;
        return Knobs.restart_fails ? ScsiAdapterControlUnsuccessful : ScsiAdapterControlSuccess;
    default:
        CHECK(FALSE);
    }
    return ScsiAdapterControlSuccess;
}

/* S-027 to S-031, S-046 */
static void
config_check(PPORT_CONFIGURATION_INFORMATION k, ULONG n)
{
    ACCESS_RANGE *ranges = *k->AccessRanges;

    CHECK(k->Length == sizeof(*k) && k->NumberOfAccessRanges == Knobs.ranges);
    CHECK(k->SrbExtensionSize == Knobs.srb_extension && k->SpecificLuExtensionSize == Knobs.lu_extension);
    CHECK(k->TaggedQueuing == !!Knobs.tagged && k->MultipleRequestPerLu == !!Knobs.many);
    CHECK(k->AutoRequestSense == !!Knobs.auto_sense && k->MapBuffers == !!Knobs.map_buffers);
    CHECK(k->Dma64BitAddresses == SCSI_DMA64_SYSTEM_SUPPORTED || n);
    for (ULONG i = 0; i < Knobs.ranges; i++)
        CHECK(!ranges[i].RangeLength == !ranges[i].RangeStart.QuadPart);
    if (n)
        return;
    CHECK(k->MaximumTransferLength == SP_UNINITIALIZED_VALUE &&
          k->NumberOfPhysicalBreaks == SP_UNINITIALIZED_VALUE);
    CHECK(k->DmaChannel == SP_UNINITIALIZED_VALUE && k->DmaPort == SP_UNINITIALIZED_VALUE && !k->DmaWidth);
    CHECK(!k->NumberOfBuses && !k->ScatterGather && !k->Master && !k->CachesData && !k->AdapterScansDown);
    CHECK(!k->Dma32BitAddresses && !k->WmiDataProvider && !k->RealModeInitialized);
    CHECK(k->MaximumNumberOfTargets == 8 && k->MaximumNumberOfLogicalUnits == 8);
}

/* S-049, S-050, S-051, S-052, S-053, S-054, S-136: what a driver that searches does. */
static void
search(struct adapter *a, PPORT_CONFIGURATION_INFORMATION k)
{
    SCSI_PHYSICAL_ADDRESS port = {.QuadPart = 0x330}, system = {.QuadPart = 0x20},
                          memory = {.QuadPart = 0xd8000};
    PPCI_COMMON_CONFIG pci = NULL, again = NULL;
    UCHAR bytes[4];

    for (ULONG i = 0; i < 100; i++) {
        PVOID base;

        port.QuadPart = 0x300 + 8 * (LONGLONG)(i % 8);
        CHECK(ScsiPortValidateRange(a, Isa, 0, port, 8, TRUE));
        base = ScsiPortGetDeviceBase(a, Isa, 0, port, 8, TRUE);
        CHECK(base != NULL);
        ScsiPortFreeDeviceBase(a, base);
    }
    CHECK(!ScsiPortValidateRange(a, Isa, 0, system, 8, TRUE) &&
          !ScsiPortGetDeviceBase(a, Isa, 0, system, 8, TRUE));
    CHECK(!ScsiPortGetDeviceBase(a, Isa, 0, memory, 4096, FALSE));
    CHECK(!ScsiPortGetBusData(a, PCIConfiguration, 200, 0, bytes, 4)); /* S-052 */
    CHECK(!ScsiPortGetBusData(a, Cmos, 0, 0, bytes, 4));
    CHECK(ScsiPortGetBusData(a, PCIConfiguration, 0, 30, bytes, 4) == 2 && bytes[0] == 0xff &&
          bytes[1] == 0xff);
    CHECK(ScsiPortGetBusData(a, PCIConfiguration, 0, 0, &pci, 0) && pci &&
          pci->VendorID == 0x8086); /* S-053 */
    CHECK(ScsiPortGetBusData(a, PCIConfiguration, 0, 0, &again, 0) && again);
    CHECK(!ScsiPortSetBusDataByOffset(a, PCIConfiguration, 0, 30, bytes, 0x3c, 1));
    CHECK(ScsiPortSetBusDataByOffset(a, PCIConfiguration, 0, 0, bytes, 0x3c, 0) == 0);
    CHECK(ScsiPortSetBusDataByOffset(a, PCIConfiguration, 0, 0, &again->u.type0.InterruptLine, 0x3c, 1) == 1);
    port.QuadPart = 0x170;
    CHECK(ScsiPortValidateRange(a, Isa, 0, port, 8, TRUE) == !k->AtdiskSecondaryClaimed); /* S-048, S-051 */
    ScsiPortFreeDeviceBase(a, (PVOID)0x5554); /* S-050: none of its */
}

static ULONG NTAPI
HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
              PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again)
{
    struct adapter *a = extension;
    ULONG n = Seen.finds++;
    ULONG result = n < SFINDS ? Knobs.find[n] : Knobs.find_forever;
    ULONG length;

    record(SCALL_FIND, NULL, config->SystemIoBusNumber << 8 | (ULONG)config->AdapterInterfaceType, context);
    CHECK(!*again);                             /* S-033 */
    CHECK_ALL_ZERO(extension, Knobs.extension); /* S-025 */
    config_check(config, n);
    for (ULONG i = 0; argument && i < sizeof(Seen.argument) - 1; i++) {
        Seen.argument[i] = argument[i];
        if (!argument[i])
            break;
    }
    *again = (BOOLEAN)Knobs.find_forever;
    if (n < SFINDS) {
        Seen.extension_of[n] = (ULONG_PTR)extension;
        Seen.bus_of[n] = config->SystemIoBusNumber;
        *again |= (BOOLEAN)Knobs.again[n];
    }
    if (Knobs.legacy && !n && !Knobs.id_length)
        search(a, config);
    if (Knobs.claim_secondary && n) { /* S-048: the first one has it */
        SCSI_PHYSICAL_ADDRESS secondary = {.QuadPart = 0x170};

        CHECK(!ScsiPortValidateRange(a, Isa, 0, secondary, 8, TRUE));
    }
    if (result != SP_RETURN_FOUND)
        return result;
    a->config = config;
    config->NumberOfBuses = (UCHAR)Knobs.buses;
    for (ULONG i = 0; i < 8; i++)
        config->InitiatorBusId[i] = (UCHAR)Knobs.initiator;
    config->MaximumNumberOfTargets = (UCHAR)Knobs.targets;
    config->MaximumNumberOfLogicalUnits = (UCHAR)Knobs.luns;
    config->AdapterScansDown = (BOOLEAN)Knobs.scans_down;
    config->CachesData = (BOOLEAN)Knobs.caches;
    config->Master = (BOOLEAN)Knobs.master;
    config->ScatterGather = TRUE;
    config->MaximumTransferLength = Knobs.max_transfer;
    config->NumberOfPhysicalBreaks = Knobs.breaks;
    config->AlignmentMask = Knobs.alignment;
    config->DmaChannel = Knobs.dma_channel;
    if (Knobs.claim_secondary)
        config->AtdiskSecondaryClaimed = TRUE;
    Seen.secondary_claimed[n % SFINDS] = config->AtdiskSecondaryClaimed;
    config->BusInterruptLevel = Knobs.interrupt_level;
    config->Dma32BitAddresses = (BOOLEAN)Knobs.dma32;
    config->ResetTargetSupported = (BOOLEAN)Knobs.reset_target;
    if (Knobs.config_srb_extension)
        config->SrbExtensionSize = Knobs.config_srb_extension;
    if (Knobs.config_lu_extension)
        config->SpecificLuExtensionSize = Knobs.config_lu_extension;
    if (Knobs.dma64)
        config->Dma64BitAddresses |= SCSI_DMA64_MINIPORT_SUPPORTED;
    if (Knobs.uncached && Knobs.master) {
        a->uncached = ScsiPortGetUncachedExtension(a, config, Knobs.uncached); /* S-055 */
        CHECK(a->uncached != NULL);
        if (a->uncached) {
            CHECK_ALL_ZERO(a->uncached, Knobs.uncached);
            CHECK(ScsiPortGetPhysicalAddress(a, NULL, a->uncached, &length).QuadPart &&
                  length >= Knobs.uncached); /* S-058 */
        }
        CHECK(!ScsiPortGetUncachedExtension(a, config, 16));
    } else if (Knobs.uncached) {
        CHECK(!ScsiPortGetUncachedExtension(a, config, Knobs.uncached)); /* S-055: no bus master */
    }
    if (Knobs.late_srb_extension)
        config->SrbExtensionSize = Knobs.late_srb_extension; /* S-056 */
    return result;
}

ULONG NTAPI
DriverEntry(PVOID driver, PVOID registry)
{
    ULONG lowest = ~0u, highest = 0;
    struct {
        HW_INITIALIZATION_DATA hw;
        UCHAR more[64];
    } data;

    for (ULONG n = 0; n < Knobs.registrations; n++) {
        ULONG context = n;

        RtlFillMemory(&data, sizeof(data), Knobs.garbage ? 0xcc : 0);
        data.hw = (HW_INITIALIZATION_DATA){.HwInitializationDataSize = Knobs.size,
                                           .AdapterInterfaceType = (INTERFACE_TYPE)Knobs.type[n],
                                           .HwInitialize = HwInitialize,
                                           .HwStartIo = HwStartIo,
                                           .HwInterrupt = Knobs.no_interrupt ? NULL : HwInterrupt,
                                           .HwFindAdapter = HwFindAdapter,
                                           .HwResetBus = HwResetBus,
                                           .HwAdapterState = HwAdapterState,
                                           .HwAdapterControl = Knobs.legacy ? NULL : HwAdapterControl,
                                           .DeviceExtensionSize = Knobs.extension,
                                           .SpecificLuExtensionSize = Knobs.lu_extension,
                                           .SrbExtensionSize = Knobs.srb_extension,
                                           .NumberOfAccessRanges = Knobs.ranges,
                                           .MapBuffers = (BOOLEAN)Knobs.map_buffers,
                                           .NeedPhysicalAddresses = TRUE,
                                           .TaggedQueuing = (BOOLEAN)Knobs.tagged,
                                           .MultipleRequestPerLu = (BOOLEAN)Knobs.many,
                                           .AutoRequestSense = (BOOLEAN)Knobs.auto_sense,
                                           .ReceiveEvent = (BOOLEAN)Knobs.events};
        if (Knobs.garbage) { /* reserved, of another bus, or beyond an older version's end */
            data.hw.Reserved = data.hw.VendorId = data.hw.DeviceId = (PVOID)(ULONG_PTR)0xcccccccccccccccc;
            data.hw.VendorIdLength = data.hw.DeviceIdLength = data.hw.ReservedUshort = 0xcccc;
            if (Knobs.size < sizeof(data.hw))
                data.hw.HwAdapterControl = (PHW_ADAPTER_CONTROL)(ULONG_PTR)0xcccccccccccccccc;
        }
        if (Knobs.id_length) {
            data.hw.VendorId = Knobs.vendor;
            data.hw.VendorIdLength = (USHORT)Knobs.id_length;
            data.hw.DeviceId = Knobs.device;
            data.hw.DeviceIdLength = (USHORT)Knobs.device_length;
        }
        if (Knobs.missing >> SCALL_FIND & 1)
            data.hw.HwFindAdapter = NULL;
        if (Knobs.missing >> SCALL_INITIALIZE & 1)
            data.hw.HwInitialize = NULL;
        if (Knobs.missing >> SCALL_STARTIO & 1)
            data.hw.HwStartIo = NULL;
        if (Knobs.missing >> SCALL_RESET & 1)
            data.hw.HwResetBus = NULL;
        Seen.status[n] = ScsiPortInitialize(driver, registry, &data.hw, &context);
        RtlFillMemory(&data, sizeof(data), 0xee); /* S-006 */
        lowest = Seen.status[n] < lowest ? Seen.status[n] : lowest;
        highest = Seen.status[n] > highest ? Seen.status[n] : highest;
    }
    return Knobs.return_highest ? highest : lowest;
}
