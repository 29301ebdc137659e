/*
 * scsiport.sys. On x86-64 the routines for registers and ports are macros; they are exported for drivers that were built
 * without these.
 */
#include "drivers/ddk/scsiport.h"
#include "drivers/loader/exports.h"
#include "drivers/port/scsiport/scsiport.h"

/* As names, not as the macros that the header makes of them. */
#undef ScsiPortMoveMemory
#undef ScsiPortConvertPhysicalAddressToUlong
ULONG NTAPI ScsiPortConvertPhysicalAddressToUlong(SCSI_PHYSICAL_ADDRESS Address);
VOID NTAPI ScsiPortMoveMemory(PVOID Destination, PVOID Source, ULONG Length);

#define NAME(name_, function_)                                                                               \
    {                                                                                                        \
        name_, (const void *)(uintptr_t)(function_)                                                          \
    }
#define OF_WIDTH(Type, TYPE)                                                                                 \
    NAME("ScsiPortReadPort" #Type, READ_PORT_##TYPE), NAME("ScsiPortWritePort" #Type, WRITE_PORT_##TYPE),    \
        NAME("ScsiPortReadPortBuffer" #Type, READ_PORT_BUFFER_##TYPE),                                       \
        NAME("ScsiPortWritePortBuffer" #Type, WRITE_PORT_BUFFER_##TYPE),                                     \
        NAME("ScsiPortReadRegister" #Type, READ_REGISTER_##TYPE),                                            \
        NAME("ScsiPortWriteRegister" #Type, WRITE_REGISTER_##TYPE),                                          \
        NAME("ScsiPortReadRegisterBuffer" #Type, READ_REGISTER_BUFFER_##TYPE),                               \
        NAME("ScsiPortWriteRegisterBuffer" #Type, WRITE_REGISTER_BUFFER_##TYPE)

/* clang-format off */
static const struct export exports[] = {
    EXPORT(ScsiPortInitialize),
    EXPORT(ScsiPortNotification),
    EXPORT(ScsiPortCompleteRequest),
    EXPORT(ScsiPortGetSrb),
    EXPORT(ScsiPortGetLogicalUnit),
    EXPORT(ScsiPortGetPhysicalAddress),
    EXPORT(ScsiPortGetVirtualAddress),
    EXPORT(ScsiPortGetUncachedExtension),
    EXPORT(ScsiPortGetDeviceBase),
    EXPORT(ScsiPortFreeDeviceBase),
    EXPORT(ScsiPortValidateRange),
    EXPORT(ScsiPortGetBusData),
    EXPORT(ScsiPortSetBusDataByOffset),
    EXPORT(ScsiPortIoMapTransfer),
    EXPORT(ScsiPortFlushDma),
    EXPORT(ScsiPortLogError),
    EXPORT(ScsiPortMoveMemory),
    EXPORT(ScsiPortConvertUlongToPhysicalAddress),
    EXPORT(ScsiPortConvertPhysicalAddressToUlong),
    EXPORT(ScsiPortStallExecution),
    EXPORT(ScsiPortQuerySystemTime),
    EXPORT(ScsiDebugPrint),
    OF_WIDTH(Uchar, UCHAR),
    OF_WIDTH(Ushort, USHORT),
    OF_WIDTH(Ulong, ULONG),
};
/* clang-format on */

static const char *const names[] = {"scsiport.sys", NULL};
static struct library library = {
    .names = names, .exports = exports, .count = sizeof(exports) / sizeof(exports[0])};

void
scsiport_init(void)
{
    library_publish(&library);
}
