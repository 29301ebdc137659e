/*
 * The rest of the port's library: small things (S-106, S-124, S-132).
 */
#include "drivers/ddk/wdm.h"
#include "drivers/nt/format.h"
#include "drivers/port/scsiport/scsi_impl.h"
#include "lib/string.h"

/* S-124: there is no system DMA controller here, and an adapter that wants one was refused. */
VOID NTAPI
ScsiPortIoMapTransfer(PVOID HwDeviceExtension, PSCSI_REQUEST_BLOCK Srb, PVOID LogicalAddress, ULONG Length)
{
    scsi_violation(
        scsi_hba_of(HwDeviceExtension), RULE_S124,
        "ScsiPortIoMapTransfer was called without a channel of the system's DMA controller (S-124)");
}

VOID NTAPI
ScsiPortFlushDma(PVOID HwDeviceExtension)
{
    scsi_violation(scsi_hba_of(HwDeviceExtension), RULE_S124,
                   "ScsiPortFlushDma was called without a channel of the system's DMA controller (S-124)");
}

/* S-132 */
VOID NTAPI
ScsiPortLogError(PVOID HwDeviceExtension, PSCSI_REQUEST_BLOCK Srb, UCHAR PathId, UCHAR TargetId, UCHAR Lun,
                 ULONG ErrorCode, ULONG UniqueId)
{
    static const char *const texts[] = {"",
                                        "bus parity error",
                                        "unexpected disconnect",
                                        "invalid reselection",
                                        "bus timeout",
                                        "protocol error",
                                        "internal adapter error",
                                        "request timeout",
                                        "interrupt does not come",
                                        "firmware warning",
                                        "firmware error"};

    adapter_log(scsi_hba_of(HwDeviceExtension)->adapter,
                "the driver says: bus %u target %u lun %u: %s (code %u), id %#x", PathId, TargetId, Lun,
                ErrorCode < ARRAY_SIZE(texts) ? texts[ErrorCode] : "", ErrorCode, UniqueId);
}

SCSI_PHYSICAL_ADDRESS NTAPI
ScsiPortConvertUlongToPhysicalAddress(ULONG_PTR UlongAddress)
{
    return (SCSI_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)UlongAddress};
}

/* The header has a macro of this name; some drivers import the routine. */
#undef ScsiPortConvertPhysicalAddressToUlong
ULONG NTAPI ScsiPortConvertPhysicalAddressToUlong(SCSI_PHYSICAL_ADDRESS Address);
ULONG NTAPI
ScsiPortConvertPhysicalAddressToUlong(SCSI_PHYSICAL_ADDRESS Address)
{
    return Address.LowPart;
}

#undef ScsiPortMoveMemory
VOID NTAPI ScsiPortMoveMemory(PVOID Destination, PVOID Source, ULONG Length);
VOID NTAPI
ScsiPortMoveMemory(PVOID Destination, PVOID Source, ULONG Length)
{
    guard_move(Destination, Source, Length);
}

/* S-106: the limit is any driver's (gate.h). */
VOID NTAPI
ScsiPortStallExecution(ULONG Delay)
{
    KeStallExecutionProcessor(Delay);
}

VOID NTAPI
ScsiPortQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    KeQuerySystemTimePrecise(CurrentTime);
}

VOID NTAPI
ScsiDebugPrint(ULONG DebugPrintLevel, PCHAR DebugMessage, ...)
{
    char text[NT_FORMAT_MAX];
    NT_VA_LIST args;

    nt_va_start(args, DebugMessage);
    (void)nt_format(text, sizeof(text), DebugMessage, args);
    nt_va_end(args);
    text[strcspn(text, "\r\n")] = 0;
    log_message(DebugPrintLevel == 0 ? LOG_INFO : LOG_DEBUG, "scsiport: %s", text);
}
