/*
 * The SCSI port's interface: structures, constants and routines, with their layouts on x86-64 (the WDK has them in srb.h).
 */
#pragma once
#include "miniport.h"
#include "srb.h"

#define SP_UNTAGGED            ((UCHAR)~0)
#define SP_UNINITIALIZED_VALUE ((ULONG)~0)

#define SCSI_MAXIMUM_BUSES                8
#define SCSI_MAXIMUM_TARGETS_PER_BUS      128
#define SCSI_MAXIMUM_LUNS_PER_TARGET      255
#define SCSI_MINIMUM_PHYSICAL_BREAKS      16
#define SCSI_MAXIMUM_PHYSICAL_BREAKS      255
#define SCSI_DMA64_MINIPORT_SUPPORTED     0x01
#define SCSI_DMA64_SYSTEM_SUPPORTED       0x80
#define SCSI_COMBINE_BUFFER_LUN_EXTENSION 0x01

typedef struct _ACCESS_RANGE {
    SCSI_PHYSICAL_ADDRESS RangeStart;
    ULONG RangeLength;
    BOOLEAN RangeInMemory;
} ACCESS_RANGE, *PACCESS_RANGE;

typedef struct _PORT_CONFIGURATION_INFORMATION {
    ULONG Length;
    ULONG SystemIoBusNumber;
    INTERFACE_TYPE AdapterInterfaceType;
    ULONG BusInterruptLevel;
    ULONG BusInterruptVector;
    KINTERRUPT_MODE InterruptMode;
    ULONG MaximumTransferLength;
    ULONG NumberOfPhysicalBreaks;
    ULONG DmaChannel;
    ULONG DmaPort;
    DMA_WIDTH DmaWidth;
    DMA_SPEED DmaSpeed;
    ULONG AlignmentMask;
    ULONG NumberOfAccessRanges;
    ACCESS_RANGE (*AccessRanges)[];
    PVOID Reserved;
    UCHAR NumberOfBuses;
    UCHAR InitiatorBusId[8];
    BOOLEAN ScatterGather;
    BOOLEAN Master;
    BOOLEAN CachesData;
    BOOLEAN AdapterScansDown;
    BOOLEAN AtdiskPrimaryClaimed;
    BOOLEAN AtdiskSecondaryClaimed;
    BOOLEAN Dma32BitAddresses;
    BOOLEAN DemandMode;
    BOOLEAN MapBuffers;
    BOOLEAN NeedPhysicalAddresses;
    BOOLEAN TaggedQueuing;
    BOOLEAN AutoRequestSense;
    BOOLEAN MultipleRequestPerLu;
    BOOLEAN ReceiveEvent;
    BOOLEAN RealModeInitialized;
    BOOLEAN BufferAccessScsiPortControlled;
    UCHAR MaximumNumberOfTargets;
    UCHAR ReservedUchars[2];
    ULONG SlotNumber;
    ULONG BusInterruptLevel2;
    ULONG BusInterruptVector2;
    KINTERRUPT_MODE InterruptMode2;
    ULONG DmaChannel2;
    ULONG DmaPort2;
    DMA_WIDTH DmaWidth2;
    DMA_SPEED DmaSpeed2;
    ULONG DeviceExtensionSize;
    ULONG SpecificLuExtensionSize;
    ULONG SrbExtensionSize;
    UCHAR Dma64BitAddresses;
    BOOLEAN ResetTargetSupported;
    UCHAR MaximumNumberOfLogicalUnits;
    BOOLEAN WmiDataProvider;
} PORT_CONFIGURATION_INFORMATION, *PPORT_CONFIGURATION_INFORMATION;

#define CONFIG_INFO_VERSION_2 sizeof(PORT_CONFIGURATION_INFORMATION)

/* What HwFindAdapter returns. */
#define SP_RETURN_NOT_FOUND  0
#define SP_RETURN_FOUND      1
#define SP_RETURN_ERROR      2
#define SP_RETURN_BAD_CONFIG 3

typedef enum _SCSI_ADAPTER_CONTROL_TYPE {
    ScsiQuerySupportedControlTypes,
    ScsiStopAdapter,
    ScsiRestartAdapter,
    ScsiSetBootConfig,
    ScsiSetRunningConfig,
    ScsiAdapterControlMax,
    MakeAdapterControlTypeSizeOfUlong = -1
} SCSI_ADAPTER_CONTROL_TYPE,
    *PSCSI_ADAPTER_CONTROL_TYPE;

typedef enum _SCSI_ADAPTER_CONTROL_STATUS {
    ScsiAdapterControlSuccess,
    ScsiAdapterControlUnsuccessful
} SCSI_ADAPTER_CONTROL_STATUS,
    *PSCSI_ADAPTER_CONTROL_STATUS;

typedef struct _SCSI_SUPPORTED_CONTROL_TYPE_LIST {
    ULONG MaxControlType;
    BOOLEAN SupportedTypeList[];
} SCSI_SUPPORTED_CONTROL_TYPE_LIST, *PSCSI_SUPPORTED_CONTROL_TYPE_LIST;

typedef BOOLEAN(NTAPI *PHW_INITIALIZE)(PVOID DeviceExtension);
typedef BOOLEAN(NTAPI *PHW_STARTIO)(PVOID DeviceExtension, PSCSI_REQUEST_BLOCK Srb);
typedef BOOLEAN(NTAPI *PHW_INTERRUPT)(PVOID DeviceExtension);
typedef VOID(NTAPI *PHW_TIMER)(PVOID DeviceExtension);
typedef VOID(NTAPI *PHW_DMA_STARTED)(PVOID DeviceExtension);
typedef ULONG(NTAPI *PHW_FIND_ADAPTER)(PVOID DeviceExtension, PVOID HwContext, PVOID BusInformation,
                                       PCHAR ArgumentString, PPORT_CONFIGURATION_INFORMATION ConfigInfo,
                                       PBOOLEAN Again);
typedef BOOLEAN(NTAPI *PHW_RESET_BUS)(PVOID DeviceExtension, ULONG PathId);
typedef BOOLEAN(NTAPI *PHW_ADAPTER_STATE)(PVOID DeviceExtension, PVOID Context, BOOLEAN SaveState);
typedef SCSI_ADAPTER_CONTROL_STATUS(NTAPI *PHW_ADAPTER_CONTROL)(PVOID DeviceExtension,
                                                                SCSI_ADAPTER_CONTROL_TYPE ControlType,
                                                                PVOID Parameters);

typedef struct _HW_INITIALIZATION_DATA {
    ULONG HwInitializationDataSize;
    INTERFACE_TYPE AdapterInterfaceType;
    PHW_INITIALIZE HwInitialize;
    PHW_STARTIO HwStartIo;
    PHW_INTERRUPT HwInterrupt;
    PHW_FIND_ADAPTER HwFindAdapter;
    PHW_RESET_BUS HwResetBus;
    PHW_DMA_STARTED HwDmaStarted;
    PHW_ADAPTER_STATE HwAdapterState;
    ULONG DeviceExtensionSize;
    ULONG SpecificLuExtensionSize;
    ULONG SrbExtensionSize;
    ULONG NumberOfAccessRanges;
    PVOID Reserved;
    BOOLEAN MapBuffers;
    BOOLEAN NeedPhysicalAddresses;
    BOOLEAN TaggedQueuing;
    BOOLEAN AutoRequestSense;
    BOOLEAN MultipleRequestPerLu;
    BOOLEAN ReceiveEvent;
    USHORT VendorIdLength;
    PVOID VendorId;
    union {
        USHORT ReservedUshort;
        USHORT PortVersionFlags;
    };
    USHORT DeviceIdLength;
    PVOID DeviceId;
    PHW_ADAPTER_CONTROL HwAdapterControl;
} HW_INITIALIZATION_DATA, *PHW_INITIALIZATION_DATA;

typedef enum _SCSI_NOTIFICATION_TYPE {
    RequestComplete,
    NextRequest,
    NextLuRequest,
    ResetDetected,
    CallDisableInterrupts,
    CallEnableInterrupts,
    RequestTimerCall,
    BusChangeDetected,
    WMIEvent,
    WMIReregister
} SCSI_NOTIFICATION_TYPE,
    *PSCSI_NOTIFICATION_TYPE;

/* ScsiPortLogError */
#define SP_BUS_PARITY_ERROR       0x0001
#define SP_UNEXPECTED_DISCONNECT  0x0002
#define SP_INVALID_RESELECTION    0x0003
#define SP_BUS_TIME_OUT           0x0004
#define SP_PROTOCOL_ERROR         0x0005
#define SP_INTERNAL_ADAPTER_ERROR 0x0006
#define SP_REQUEST_TIMEOUT        0x0007
#define SP_IRQ_NOT_RESPONDING     0x0008
#define SP_BAD_FW_WARNING         0x0009
#define SP_BAD_FW_ERROR           0x000a

/* ---- routines that scsiport.sys exports ---- */

#define SCSIPORT_API NTSYSAPI

SCSIPORT_API ULONG NTAPI ScsiPortInitialize(PVOID Argument1, PVOID Argument2,
                                            PHW_INITIALIZATION_DATA HwInitializationData, PVOID HwContext);
SCSIPORT_API VOID NTAPI ScsiPortNotification(SCSI_NOTIFICATION_TYPE NotificationType, PVOID HwDeviceExtension,
                                             ...);
SCSIPORT_API VOID NTAPI ScsiPortCompleteRequest(PVOID HwDeviceExtension, UCHAR PathId, UCHAR TargetId,
                                                UCHAR Lun, UCHAR SrbStatus);
SCSIPORT_API PSCSI_REQUEST_BLOCK NTAPI ScsiPortGetSrb(PVOID HwDeviceExtension, UCHAR PathId, UCHAR TargetId,
                                                      UCHAR Lun, LONG QueueTag);
SCSIPORT_API PVOID NTAPI ScsiPortGetLogicalUnit(PVOID HwDeviceExtension, UCHAR PathId, UCHAR TargetId,
                                                UCHAR Lun);
SCSIPORT_API SCSI_PHYSICAL_ADDRESS NTAPI ScsiPortGetPhysicalAddress(PVOID HwDeviceExtension,
                                                                    PSCSI_REQUEST_BLOCK Srb,
                                                                    PVOID VirtualAddress, ULONG *Length);
SCSIPORT_API PVOID NTAPI ScsiPortGetVirtualAddress(PVOID HwDeviceExtension,
                                                   SCSI_PHYSICAL_ADDRESS PhysicalAddress);
SCSIPORT_API PVOID NTAPI ScsiPortGetUncachedExtension(PVOID HwDeviceExtension,
                                                      PPORT_CONFIGURATION_INFORMATION ConfigInfo,
                                                      ULONG NumberOfBytes);
SCSIPORT_API PVOID NTAPI ScsiPortGetDeviceBase(PVOID HwDeviceExtension, INTERFACE_TYPE BusType,
                                               ULONG SystemIoBusNumber, SCSI_PHYSICAL_ADDRESS IoAddress,
                                               ULONG NumberOfBytes, BOOLEAN InIoSpace);
SCSIPORT_API VOID NTAPI ScsiPortFreeDeviceBase(PVOID HwDeviceExtension, PVOID MappedAddress);
SCSIPORT_API BOOLEAN NTAPI ScsiPortValidateRange(PVOID HwDeviceExtension, INTERFACE_TYPE BusType,
                                                 ULONG SystemIoBusNumber, SCSI_PHYSICAL_ADDRESS IoAddress,
                                                 ULONG NumberOfBytes, BOOLEAN InIoSpace);
SCSIPORT_API ULONG NTAPI ScsiPortGetBusData(PVOID DeviceExtension, ULONG BusDataType, ULONG SystemIoBusNumber,
                                            ULONG SlotNumber, PVOID Buffer, ULONG Length);
SCSIPORT_API ULONG NTAPI ScsiPortSetBusDataByOffset(PVOID DeviceExtension, ULONG BusDataType,
                                                    ULONG SystemIoBusNumber, ULONG SlotNumber, PVOID Buffer,
                                                    ULONG Offset, ULONG Length);
SCSIPORT_API VOID NTAPI ScsiPortIoMapTransfer(PVOID HwDeviceExtension, PSCSI_REQUEST_BLOCK Srb,
                                              PVOID LogicalAddress, ULONG Length);
SCSIPORT_API VOID NTAPI ScsiPortFlushDma(PVOID HwDeviceExtension);
SCSIPORT_API VOID NTAPI ScsiPortLogError(PVOID HwDeviceExtension, PSCSI_REQUEST_BLOCK Srb, UCHAR PathId,
                                         UCHAR TargetId, UCHAR Lun, ULONG ErrorCode, ULONG UniqueId);
SCSIPORT_API SCSI_PHYSICAL_ADDRESS NTAPI ScsiPortConvertUlongToPhysicalAddress(ULONG_PTR UlongAddress);
SCSIPORT_API VOID NTAPI ScsiPortStallExecution(ULONG Delay);
SCSIPORT_API VOID NTAPI ScsiPortQuerySystemTime(PLARGE_INTEGER CurrentTime);
SCSIPORT_API VOID NTAPI ScsiDebugPrint(ULONG DebugPrintLevel, PCHAR DebugMessage, ...);

/* ---- the documented names that are names of the system's ---- */

#define ScsiPortReadPortUchar                          READ_PORT_UCHAR
#define ScsiPortReadPortUshort                         READ_PORT_USHORT
#define ScsiPortReadPortUlong                          READ_PORT_ULONG
#define ScsiPortReadPortBufferUchar                    READ_PORT_BUFFER_UCHAR
#define ScsiPortReadPortBufferUshort                   READ_PORT_BUFFER_USHORT
#define ScsiPortReadPortBufferUlong                    READ_PORT_BUFFER_ULONG
#define ScsiPortReadRegisterUchar                      READ_REGISTER_UCHAR
#define ScsiPortReadRegisterUshort                     READ_REGISTER_USHORT
#define ScsiPortReadRegisterUlong                      READ_REGISTER_ULONG
#define ScsiPortReadRegisterBufferUchar                READ_REGISTER_BUFFER_UCHAR
#define ScsiPortReadRegisterBufferUshort               READ_REGISTER_BUFFER_USHORT
#define ScsiPortReadRegisterBufferUlong                READ_REGISTER_BUFFER_ULONG
#define ScsiPortWritePortUchar                         WRITE_PORT_UCHAR
#define ScsiPortWritePortUshort                        WRITE_PORT_USHORT
#define ScsiPortWritePortUlong                         WRITE_PORT_ULONG
#define ScsiPortWritePortBufferUchar                   WRITE_PORT_BUFFER_UCHAR
#define ScsiPortWritePortBufferUshort                  WRITE_PORT_BUFFER_USHORT
#define ScsiPortWritePortBufferUlong                   WRITE_PORT_BUFFER_ULONG
#define ScsiPortWriteRegisterUchar                     WRITE_REGISTER_UCHAR
#define ScsiPortWriteRegisterUshort                    WRITE_REGISTER_USHORT
#define ScsiPortWriteRegisterUlong                     WRITE_REGISTER_ULONG
#define ScsiPortWriteRegisterBufferUchar               WRITE_REGISTER_BUFFER_UCHAR
#define ScsiPortWriteRegisterBufferUshort              WRITE_REGISTER_BUFFER_USHORT
#define ScsiPortWriteRegisterBufferUlong               WRITE_REGISTER_BUFFER_ULONG
#define ScsiPortMoveMemory(to, from, size)             __builtin_memmove((to), (from), (size))
#define ScsiPortConvertPhysicalAddressToUlong(address) ((address).LowPart)
