/*
 * ataport.sys and pciidex.sys: one list for both names, since vendors' drivers import all from the latter.
 */
#include "drivers/ddk/irb.h"
#include "drivers/ddk/wdm.h"
#include "drivers/loader/exports.h"
#include "drivers/port/ataport/ataport.h"

#define OF_WIDTH(Type, TYPE)                                                                                 \
    EXPORT_AS(AtaPortReadPort##Type, READ_PORT_##TYPE),                                                      \
        EXPORT_AS(AtaPortWritePort##Type, WRITE_PORT_##TYPE),                                                \
        EXPORT_AS(AtaPortReadPortBuffer##Type, READ_PORT_BUFFER_##TYPE),                                     \
        EXPORT_AS(AtaPortWritePortBuffer##Type, WRITE_PORT_BUFFER_##TYPE),                                   \
        EXPORT_AS(AtaPortReadRegister##Type, READ_REGISTER_##TYPE),                                          \
        EXPORT_AS(AtaPortWriteRegister##Type, WRITE_REGISTER_##TYPE),                                        \
        EXPORT_AS(AtaPortReadRegisterBuffer##Type, READ_REGISTER_BUFFER_##TYPE),                             \
        EXPORT_AS(AtaPortWriteRegisterBuffer##Type, WRITE_REGISTER_BUFFER_##TYPE)

/* clang-format off */
static const struct export exports[] = {
    EXPORT(AtaPortInitializeEx),
    EXPORT(AtaPortGetBusData),
    EXPORT(AtaPortSetBusData),
    EXPORT(AtaPortGetScatterGatherList),
    EXPORT(AtaPortGetPhysicalAddress),
    EXPORT(AtaPortGetDeviceBase),
    EXPORT(AtaPortGetUnCachedExtension),
    EXPORT(AtaPortCompleteRequest),
    EXPORT(AtaPortCompleteAllActiveRequests),
    EXPORT(AtaPortNotification),
    EXPORT(AtaPortDeviceStateChange),
    EXPORT(AtaPortRequestCallback),
    EXPORT(AtaPortBuildRequestSenseIrb),
    EXPORT(AtaPortReleaseRequestSenseIrb),
    EXPORT(AtaPortInitializeQueueTag),
    EXPORT(AtaPortAllocateQueueTag),
    EXPORT(AtaPortReleaseQueueTag),
    EXPORT(AtaPortRegistryAllocateBuffer),
    EXPORT(AtaPortRegistryFreeBuffer),
    EXPORT(AtaPortRegistryRead),
    EXPORT(AtaPortRegistryWrite),
    EXPORT(AtaPortRegistryWriteDeferred),
    EXPORT(AtaPortMoveMemory),
    EXPORT(AtaPortCopyMemory),
    EXPORT(AtaPortConvertPhysicalAddressToUlong),
    EXPORT(AtaPortConvertUlongToPhysicalAddress),
    EXPORT(AtaPortStallExecution),
    EXPORT(AtaPortLogError),
    EXPORT(AtaPortDebugPrint),
    EXPORT(AtaPortQuerySystemTime),
    EXPORT(AtaPortDebugBreak),
    EXPORT(AtaPortTraceNotification),
    EXPORT(AtaPortEtwTraceLog),
    OF_WIDTH(Uchar, UCHAR),
    OF_WIDTH(Ushort, USHORT),
    OF_WIDTH(Ulong, ULONG),
};
/* clang-format on */

static const char *const names[] = {"ataport.sys", "pciidex.sys", NULL};
static struct library library = {
    .names = names, .exports = exports, .count = sizeof(exports) / sizeof(exports[0])};

void
ataport_init(void)
{
    library_publish(&library);
}
