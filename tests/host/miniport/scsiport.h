/*
 * As much of the SCSI port as a test of a miniport needs: starts it, sends requests one NextRequest at a time, and notes what
 * it reports. Every request must come back once. Physical addresses are offsets into `memory`.
 */
#pragma once
#include "drivers/ddk/scsi.h"
#include "drivers/ddk/scsiport.h"
#include "tests/host/check.h"

#define REQUESTS 16
#define DATA     4096

struct sent {
    SCSI_REQUEST_BLOCK srb;
    bool out, done;
};

static struct {
    HW_INITIALIZATION_DATA hw;
    PORT_CONFIGURATION_INFORMATION config;
    uint8_t extension[4096] __attribute__((aligned(16)));
    uint8_t unit[8][8][64] __attribute__((aligned(16)));
    struct sent sent[REQUESTS];
    bool may_send, tagged; /* tagged: requests have tags, of their numbers */
    uint16_t device;
    unsigned resets, errors; /* ResetDetected, ScsiPortLogError */
} port;

#define UNCACHED  (REQUESTS * DATA)
#define EXTENSION (UNCACHED + 64 * DATA) /* of the first SRB */
static uint8_t memory[EXTENSION + REQUESTS * DATA] __attribute__((aligned(4096)));

ULONG NTAPI
ScsiPortInitialize(PVOID a, PVOID b, PHW_INITIALIZATION_DATA hw, PVOID context)
{
    port.hw = *hw;
    return 0;
}

PVOID NTAPI
ScsiPortGetDeviceBase(PVOID extension, INTERFACE_TYPE type, ULONG bus, SCSI_PHYSICAL_ADDRESS at, ULONG size,
                      BOOLEAN io)
{
    return (PVOID)(ULONG_PTR)at.QuadPart;
}

PVOID NTAPI
ScsiPortGetUncachedExtension(PVOID extension, PPORT_CONFIGURATION_INFORMATION config, ULONG size)
{
    return memory + UNCACHED;
}

SCSI_PHYSICAL_ADDRESS NTAPI
ScsiPortGetPhysicalAddress(PVOID extension, PSCSI_REQUEST_BLOCK srb, PVOID va, ULONG *length)
{
    size_t offset = (size_t)((uint8_t *)va - memory);

    CHECK(offset < sizeof memory);
    *length = (ULONG)(512 - offset % 512); /* pieces of 512 */
    return (SCSI_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)offset};
}

PVOID NTAPI
ScsiPortGetVirtualAddress(PVOID extension, SCSI_PHYSICAL_ADDRESS at)
{
    return at.LowPart < sizeof memory ? memory + at.LowPart : NULL;
}

ULONG NTAPI
ScsiPortGetBusData(PVOID extension, ULONG type, ULONG bus, ULONG slot, PVOID buffer, ULONG length)
{
    memset(buffer, 0, length);
    ((PPCI_COMMON_CONFIG)buffer)->DeviceID = port.device;
    return length;
}

SCSI_PHYSICAL_ADDRESS NTAPI
ScsiPortConvertUlongToPhysicalAddress(ULONG_PTR value)
{
    return (SCSI_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)value};
}

PVOID NTAPI
ScsiPortGetLogicalUnit(PVOID extension, UCHAR path, UCHAR target, UCHAR lun)
{
    return port.unit[target & 7][lun & 7];
}

PSCSI_REQUEST_BLOCK NTAPI
ScsiPortGetSrb(PVOID extension, UCHAR path, UCHAR target, UCHAR lun, LONG tag)
{
    for (unsigned n = 0; n < REQUESTS; n++)
        if (port.sent[n].out && port.sent[n].srb.TargetId == target && port.sent[n].srb.Lun == lun &&
            port.sent[n].srb.QueueTag == (UCHAR)tag)
            return &port.sent[n].srb;
    return NULL;
}

static void
came_back(PSCSI_REQUEST_BLOCK srb)
{
    struct sent *s = (struct sent *)(void *)srb;

    CHECK(s >= port.sent && s < port.sent + REQUESTS && s->out);
    s->out = false;
    s->done = true;
}

VOID NTAPI
ScsiPortNotification(SCSI_NOTIFICATION_TYPE type, PVOID extension, ...)
{
    NT_VA_LIST args;

    nt_va_start(args, extension);
    if (type == RequestComplete)
        came_back(va_arg(args, PSCSI_REQUEST_BLOCK));
    else if (type == NextRequest || type == NextLuRequest)
        port.may_send = true;
    else if (type == ResetDetected)
        port.resets++;
    nt_va_end(args);
}

VOID NTAPI
ScsiPortCompleteRequest(PVOID extension, UCHAR path, UCHAR target, UCHAR lun, UCHAR status)
{
    for (unsigned n = 0; n < REQUESTS; n++)
        if (port.sent[n].out) {
            port.sent[n].srb.SrbStatus = status;
            came_back(&port.sent[n].srb);
        }
}

VOID NTAPI
ScsiPortLogError(PVOID extension, PSCSI_REQUEST_BLOCK srb, UCHAR path, UCHAR target, UCHAR lun, ULONG code,
                 ULONG id)
{
    port.errors++;
}

VOID NTAPI
ScsiPortStallExecution(ULONG us)
{
}

/* Send request n, whose data is memory + n * DATA. */
static void
send_request(unsigned n, uint8_t target, uint8_t op, uint32_t size, bool out)
{
    struct sent *s = &port.sent[n];

    CHECK(port.may_send);
    port.may_send = false;
    *s = (struct sent){.srb = {.Length = sizeof s->srb,
                               .TargetId = target,
                               .QueueTag = SP_UNTAGGED,
                               .CdbLength = 10,
                               .SrbFlags = (size ? out ? SRB_FLAGS_DATA_OUT : SRB_FLAGS_DATA_IN : 0) |
                                           SRB_FLAGS_IS_ACTIVE,
                               .DataTransferLength = size,
                               .TimeOutValue = 5,
                               .DataBuffer = memory + n * DATA,
                               .Cdb = {op, 0, 1, 2, 3, 4, 5, 6, 7, (uint8_t)n}},
                       .out = true};
    s->srb.SrbExtension = memory + EXTENSION + n * DATA;
    if (port.tagged) {
        s->srb.QueueTag = (UCHAR)n;
        s->srb.QueueAction = SRB_SIMPLE_TAG_REQUEST;
        s->srb.SrbFlags |= SRB_FLAGS_QUEUE_ACTION_ENABLE;
    }
    CHECK(port.hw.HwStartIo(port.extension, &s->srb));
}
