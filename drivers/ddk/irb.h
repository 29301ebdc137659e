/*
 * The ATA port's interface (irb.h of the WDK): structures, constants and routines, with their layouts on x86-64.
 * abi_check.c asserts the layouts against contract/ataport.md, section 4.
 */
#pragma once
#include "ata.h"
#include "ntdef.h"

typedef PHYSICAL_ADDRESS IDE_PHYSICAL_ADDRESS, *PIDE_PHYSICAL_ADDRESS;

typedef enum { IdeDeviceArrival, IdeDeviceRemoval, IdePowerStateChange } IDE_NOTIFICATION_TYPE;
typedef enum {
    IdeTimerRoutine,
    IdeWorkerRoutine,
    IdeSynchronizedRoutine,
    IdeControllerSyncRoutine
} IDE_CALLBACK_TYPE;
typedef enum {
    IdeStart,
    IdeStop,
    IdePowerUp,
    IdePowerDown,
    IdeVendorDefined
} IDE_CONTROL_ACTION,
    *PIDE_CONTROL_ACTION;
typedef enum { DeviceUnknown, DeviceIsAta, DeviceIsAtapi, DeviceNotExist } IDE_DEVICE_TYPE;
typedef enum { UnknownTranslation, Chs, Lba, Lba48 } ATA_ADDRESS_TRANSLATION;
typedef enum { IdePowerUnspecified, IdePowerD0, IdePowerD3 } IDE_POWER_STATE;
typedef enum { IdeModeNormal, IdeModeDump, IdeModeRemovableBay } IDE_OPERATION_MODE;
typedef enum { ChannelStateDisabled, ChannelStateEnabled, ChannelStateUnKnown } ATA_CHANNEL_STATE;
typedef enum { IdeBusPata, IdeBusSata, IdeBusUnknown } IDE_BUS_TYPE;

#define IDE_REG_SZ     1
#define IDE_REG_BINARY 3
#define IDE_REG_DWORD  4

#define IDE_UNTAGGED            0xff
#define IDE_UNINITIALIZED_VALUE (-1)
#define MAX_IDE_DEVICE          2
#define MAX_IDE_LUN             8
#define MAX_IDE_CHANNEL         2

/* IrbStatus: bits 0..5 are a miniport's, the others the port's. */
#define IRB_STATUS_PENDING                   0x00
#define IRB_STATUS_SUCCESS                   0x01
#define IRB_STATUS_DATALENGTH_MISMATCH       0x02
#define IRB_STATUS_DEVICE_ERROR              0x03
#define IRB_STATUS_INVALID_REQUEST           0x04
#define IRB_STATUS_BUS_RESET                 0x05
#define IRB_STATUS_SELECTION_TIMEOUT         0x06
#define IRB_STATUS_BUSY                      0x07
#define IRB_STATUS_RETURN_TASKFILE_VALID     0x10
#define IRB_STATUS_AUTOSENSE_VALID           0x20
#define IRB_STATUS_INTERNAL_ERROR            0x40
#define IRB_STATUS_FORCE_ENUM_DEVICE1_NEEDED 0x80
#define IRB_STATUS(status)                   ((status)&0x0f)

#define IRB_FUNCTION_ATA_COMMAND      0x100
#define IRB_FUNCTION_ATA_IDENTIFY     0x101
#define IRB_FUNCTION_ATA_READ         0x102
#define IRB_FUNCTION_ATA_WRITE        0x103
#define IRB_FUNCTION_ATA_FLUSH        0x104
#define IRB_FUNCTION_ATA_SMART        0x105
#define IRB_FUNCTION_ATA_GPLOG        0x106
#define IRB_FUNCTION_ATAPI_COMMAND    0x200
#define IRB_FUNCTION_REQUEST_SENSE    0x201
#define IRB_FUNCTION_MINIPORT_COMMAND 0x400
#define IRB_FUNCTION_ADAPTER_FLUSH    0x401
#define IRB_FUNCTION_SHUTDOWN         0x402
#define IRB_FUNCTION_POWER_CHANGE     0x403
#define IRB_FUNCTION_LUN_RESET        0x404
#define IRB_FUNCTION_MINIPORT_IOCTL   0x405
#define IRB_FUNCTION_POWER_REBOOT     0x406

#define IRB_FLAGS_DRDY_REQUIRED      0x001
#define IRB_FLAGS_USE_DMA            0x002
#define IRB_FLAGS_MAP_BUFFERS        0x004
#define IRB_FLAGS_48BIT              0x008
#define IRB_FLAGS_PIO_MULTIPLE       0x010
#define IRB_FLAGS_RETURN_RESULTS     0x020
#define IRB_FLAGS_DATA_IN            0x040
#define IRB_FLAGS_DATA_OUT           0x080
#define IRB_FLAGS_DISCARDABLE        0x100
#define IRB_FLAGS_HIGH_PRIORITY      0x200
#define IRB_FLAGS_FORCE_ENUM_DEVICE1 0x400

#define SENSE_INFO_BUFFER_RETURN_TYPE_CDB            0
#define SENSE_INFO_BUFFER_RETURN_TYPE_28BIT_TASKFILE 1
#define SENSE_INFO_BUFFER_RETURN_TYPE_48BIT_TASKFILE 2
#define SENSE_INFO_BUFFER_RETURN_TYPE_FIS_REG_D2H    3

#define DFLAGS_REMOVABLE_MEDIA  0x0001
#define DFLAGS_INT_DRQ          0x0002
#define DFLAGS_MSN_SUPPORT      0x0004
#define DFLAGS_REMOVABLE_DEVICE 0x0008
#define DFLAGS_DEVICE_IS_1667   0x0010
#define DFLAGS_FUA_SUPPORT      0x1000

/* Transfer modes: one bit each. */
#define PIO_MODE0                   (1u << 0)
#define PIO_MODE1                   (1u << 1)
#define PIO_MODE2                   (1u << 2)
#define PIO_MODE3                   (1u << 3)
#define PIO_MODE4                   (1u << 4)
#define SWDMA_MODE0                 (1u << 5)
#define SWDMA_MODE1                 (1u << 6)
#define SWDMA_MODE2                 (1u << 7)
#define MWDMA_MODE0                 (1u << 8)
#define MWDMA_MODE1                 (1u << 9)
#define MWDMA_MODE2                 (1u << 10)
#define UDMA_MODE0                  (1u << 11)
#define UDMA_MODE1                  (1u << 12)
#define UDMA_MODE2                  (1u << 13)
#define UDMA_MODE3                  (1u << 14)
#define UDMA_MODE4                  (1u << 15)
#define UDMA_MODE5                  (1u << 16)
#define UDMA_MODE6                  (1u << 17)
#define UNINITIALIZED_TRANSFER_MODE 0x7fffffff

struct _IDE_REQUEST_BLOCK;
struct _IDE_CHANNEL_INTERFACE;
struct _IDE_DEVICE_PARAMETERS;
struct _IDE_TRANSFER_MODE_PARAMETERS;

typedef VOID(NTAPI *IDE_HW_DPC)(PVOID ChannelExtension);
typedef BOOLEAN(NTAPI *IDE_CHANNEL_INIT)(PVOID ChannelExtension,
                                         struct _IDE_CHANNEL_INTERFACE *ChannelInterface, PVOID InitContext);
typedef ATA_CHANNEL_STATE(NTAPI *IDE_CHANNEL_ENABLED)(PVOID ControllerExtension, ULONG ChannelNumber);
typedef BOOLEAN(NTAPI *IDE_TRANSFER_MODE_SELECT)(PVOID ControllerExtension,
                                                 struct _IDE_TRANSFER_MODE_PARAMETERS *XferMode);
typedef BOOLEAN(NTAPI *IDE_ADAPTER_CONTROL)(PVOID ControllerExtension, IDE_CONTROL_ACTION ControlAction,
                                            PVOID Parameters);
typedef BOOLEAN(NTAPI *IDE_HW_INITIALIZE)(PVOID ChannelExtension,
                                          struct _IDE_DEVICE_PARAMETERS *DeviceParameters,
                                          PIDENTIFY_DEVICE_DATA IdentifyData);
typedef BOOLEAN(NTAPI *IDE_HW_BUILDIO)(PVOID ChannelExtension, struct _IDE_REQUEST_BLOCK *Irb);
typedef BOOLEAN(NTAPI *IDE_HW_STARTIO)(PVOID ChannelExtension, struct _IDE_REQUEST_BLOCK *Irb);
typedef BOOLEAN(NTAPI *IDE_HW_INTERRUPT)(PVOID ChannelExtension);
typedef BOOLEAN(NTAPI *IDE_HW_RESET)(PVOID ChannelExtension);
typedef BOOLEAN(NTAPI *IDE_HW_CONTROL)(PVOID ChannelExtension, IDE_CONTROL_ACTION ControlAction,
                                       PVOID Parameters);

typedef struct _IDE_ACCESS_RANGE {
    IDE_PHYSICAL_ADDRESS RangeStart;
    IDE_PHYSICAL_ADDRESS PhysicalRangeStart;
    ULONG RangeLength;
    BOOLEAN InMemory;
    UCHAR Bar;
} IDE_ACCESS_RANGE, *PIDE_ACCESS_RANGE;

typedef struct _IDE_MINIPORT_RESOURCES {
    ULONG NumberOfAccessRanges;
    PIDE_ACCESS_RANGE IdeAccessRange;
} IDE_MINIPORT_RESOURCES, *PIDE_MINIPORT_RESOURCES;

typedef struct _IDE_CONTROLLER_INTERFACE {
    USHORT Version;
    USHORT Reserved;
    ULONG ControllerExtensionSize;
    ULONG ChannelExtensionSize;
    ULONG AlignmentMask;
    IDE_CHANNEL_INIT AtaChannelInitRoutine;
    IDE_CHANNEL_ENABLED AtaControllerChannelEnabled;
    IDE_TRANSFER_MODE_SELECT AtaControllerTransferModeSelect;
    IDE_ADAPTER_CONTROL AtaAdapterControl;
} IDE_CONTROLLER_INTERFACE, *PIDE_CONTROLLER_INTERFACE;

typedef struct _IDE_CONTROLLER_CONFIGURATION {
    USHORT Version;
    UCHAR NumberOfChannels;
    IDE_OPERATION_MODE ControllerMode;
    UCHAR NumberOfPhysicalBreaks;
    ULONG MaximumTransferLength;
    BOOLEAN Reserved;
    BOOLEAN NativeModeEnabled;
    BOOLEAN Dma64BitAddress;
    BOOLEAN BusMaster;
    IDE_BUS_TYPE AtaBusType;
    PIDE_MINIPORT_RESOURCES ControllerResources;
} IDE_CONTROLLER_CONFIGURATION, *PIDE_CONTROLLER_CONFIGURATION;

typedef struct _IDE_CHANNEL_INTERFACE {
    USHORT Version;
    UCHAR ChannelNumber;
    UCHAR Reserved;
    ULONG ReservedUlong;
    IDE_HW_INITIALIZE IdeHwInitialize;
    IDE_HW_BUILDIO IdeHwBuildIo;
    IDE_HW_STARTIO IdeHwStartIo;
    IDE_HW_INTERRUPT IdeHwInterrupt;
    IDE_HW_RESET IdeHwReset;
    IDE_HW_CONTROL IdeHwControl;
} IDE_CHANNEL_INTERFACE, *PIDE_CHANNEL_INTERFACE;

typedef struct _SUPPORTED_ADVANCES {
    USHORT AdvancedChannelConfigurationSupported : 1;
    USHORT Reserved : 15;
} SUPPORTED_ADVANCES;

typedef struct _IDE_VENDOR_DEFINED_POWER {
    UCHAR ValidGuids;
    GUID Guid[3];
} IDE_VENDOR_DEFINED_POWER;

typedef struct _IDE_ADVANCED_CHANNEL_CONFIGURATION_FIELDS_PRESENT {
    USHORT VendorDefinedPower : 1;
    USHORT Reserved : 15;
} IDE_ADVANCED_CHANNEL_CONFIGURATION_FIELDS_PRESENT;

typedef struct _IDE_ADVANCED_CHANNEL_CONFIGURATION {
    USHORT Length;
    IDE_ADVANCED_CHANNEL_CONFIGURATION_FIELDS_PRESENT Present;
    IDE_VENDOR_DEFINED_POWER VendorDefinedPower;
} IDE_ADVANCED_CHANNEL_CONFIGURATION, *PIDE_ADVANCED_CHANNEL_CONFIGURATION;

typedef struct _IDE_VENDOR_DEFINED_POWER_INFO {
    UCHAR TargetId;
    GUID SettingGuid;
    PVOID Value;
    ULONG ValueLength;
} IDE_VENDOR_DEFINED_POWER_INFO, *PIDE_VENDOR_DEFINED_POWER_INFO;

typedef struct _IDE_CHANNEL_CONFIGURATION {
    USHORT Version;
    UCHAR ChannelNumber;
    SUPPORTED_ADVANCES SupportedAdvances;
    IDE_OPERATION_MODE ChannelMode;
    PIDE_MINIPORT_RESOURCES ChannelResources;
    UCHAR NumberOfOverlappedRequests;
    UCHAR MaxTargetId;
    BOOLEAN SyncWithIsr;
    BOOLEAN SupportsWmi;
    PIDE_ADVANCED_CHANNEL_CONFIGURATION AdvancedChannelConfiguration;
} IDE_CHANNEL_CONFIGURATION, *PIDE_CHANNEL_CONFIGURATION;

typedef struct _IDE_DEVICE_PARAMETERS {
    USHORT Version;
    IDE_DEVICE_TYPE IdeDeviceType;
    UCHAR TargetId;
    UCHAR MaximumLun;
    UCHAR NumberOfOverlappedRequests;
    UCHAR MaxBlockXfer;
    USHORT DeviceCharacteristics;
    ATA_ADDRESS_TRANSLATION AddressTranslation;
    union {
        LARGE_INTEGER MaxLba;
        struct {
            USHORT NumCylinders;
            USHORT NumHeads;
            USHORT NumSectorsPerTrack;
            USHORT Reserved;
        };
    };
    ULONG BytesPerLogicalSector;
    ULONG BytesPerPhysicalSector;
    ULONG BytesOffsetForSectorAlignment;
    ULONG TransferModeSupported;
    ULONG TransferModeSelected;
} IDE_DEVICE_PARAMETERS, *PIDE_DEVICE_PARAMETERS;

typedef struct _IDE_TRANSFER_MODE_PARAMETERS {
    UCHAR ChannelNumber;
    IDE_DEVICE_TYPE DeviceType[MAX_IDE_DEVICE];
    BOOLEAN IoReadySupported[MAX_IDE_DEVICE];
    ULONG DeviceTransferModeSupported[MAX_IDE_DEVICE];
    ULONG DeviceTransferModeCurrent[MAX_IDE_DEVICE];
    ULONG DeviceTransferModeSelected[MAX_IDE_DEVICE];
} IDE_TRANSFER_MODE_PARAMETERS, *PIDE_TRANSFER_MODE_PARAMETERS;

#ifndef _IDEREGS_DEFINED
#define _IDEREGS_DEFINED
typedef struct _IDEREGISTERS {
    UCHAR bFeaturesReg;
    UCHAR bSectorCountReg;
    UCHAR bSectorNumberReg;
    UCHAR bCylLowReg;
    UCHAR bCylHighReg;
    UCHAR bDriveHeadReg;
    UCHAR bCommandReg;
    UCHAR bReserved;
} IDEREGISTERS, *PIDEREGISTERS;
#endif

typedef struct _IDE_TASK_FILE {
    IDEREGISTERS Current;
    IDEREGISTERS Previous;
} IDE_TASK_FILE, *PIDE_TASK_FILE;

typedef struct _IDE_POWER_INFO {
    IDE_POWER_STATE CurrentPowerState;
    IDE_POWER_STATE DesiredPowerState;
} IDE_POWER_INFO, POWER_CHANGE_INFO, *PPOWER_CHANGE_INFO;

typedef struct _IDE_REQUEST_BLOCK {
    USHORT Function;
    UCHAR IrbStatus;
    UCHAR AtaStatus;
    UCHAR AtaError;
    UCHAR Channel;
    UCHAR TargetId;
    UCHAR Lun;
    UCHAR CdbLength;
    UCHAR SenseInfoBufferLength;
    UCHAR SenseInfoBufferType;
    UCHAR QueueTag;
    ULONG ReservedAsUlong;
    ULONG IrbFlags;
    ULONG TimeOutValue; /* seconds */
    ULONG DataTransferLength;
    PVOID IrbExtension;
    PVOID DataBuffer;
    PVOID SenseInfoBuffer;
    PVOID NextIrb;
    PVOID Reserved;
    union {
        IDE_TASK_FILE IdeTaskFile;
        UCHAR Cdb[16];
        POWER_CHANGE_INFO PowerChange;
        UCHAR AsUChar[16];
    };
} IDE_REQUEST_BLOCK, *PIDE_REQUEST_BLOCK;

typedef struct _IDE_SCATTER_GATHER_ELEMENT {
    IDE_PHYSICAL_ADDRESS Address;
    ULONG Length;
    ULONG_PTR Reserved;
} IDE_SCATTER_GATHER_ELEMENT, *PIDE_SCATTER_GATHER_ELEMENT;

typedef struct _IDE_SCATTER_GATHER_LIST {
    ULONG NumberOfElements;
    ULONG_PTR Reserved;
    IDE_SCATTER_GATHER_ELEMENT Elements[];
} IDE_SCATTER_GATHER_LIST, *PIDE_SCATTER_GATHER_LIST;

typedef struct _IDE_LBA_RANGE {
    ULONGLONG StartSector : 48;
    ULONGLONG SectorCount : 16;
} IDE_LBA_RANGE, *PIDE_LBA_RANGE;

typedef struct _IDE_REGISTERS_1 {
    PUCHAR RegistersBaseAddress;
    PUSHORT Data;
    union {
        PUCHAR Error;
        PUCHAR Features;
    };
    union {
        PUCHAR BlockCount;
        PUCHAR InterruptReason;
    };
    PUCHAR BlockNumber;
    union {
        PUCHAR CylinderLow;
        PUCHAR ByteCountLow;
    };
    union {
        PUCHAR CylinderHigh;
        PUCHAR ByteCountHigh;
    };
    PUCHAR DriveSelect;
    PUCHAR Command;
} IDE_REGISTERS_1, *PIDE_REGISTERS_1;

typedef struct _IDE_REGISTERS_2 {
    PUCHAR RegistersBaseAddress;
    PUCHAR DeviceControl;
    PUCHAR DriveAddress;
} IDE_REGISTERS_2, *PIDE_REGISTERS_2;

typedef struct _IDE_ERROR_LOG_ENTRY {
    UCHAR IrbStatus;
    UCHAR Channel;
    UCHAR TargetId;
    UCHAR Lun;
    UCHAR UniqueId;
    UCHAR DumpDataSize;
    UCHAR DumpData[1];
} IDE_ERROR_LOG_ENTRY, *PIDE_ERROR_LOG_ENTRY;

typedef struct _IDE_IO_CONTROL {
    ULONG HeaderLength;
    UCHAR Signature[8];
    ULONG Timeout;
    ULONG ControlCode;
    ULONG ReturnStatus;
    ULONG DataLength;
} IDE_IO_CONTROL, *PIDE_IO_CONTROL;

/* ---- routines that ataport.sys and pciidex.sys export ---- */

#define ATAPORT_API NTSYSAPI

ATAPORT_API ULONG NTAPI AtaPortInitializeEx(PVOID DriverObject, PVOID RegistryPath,
                                            PIDE_CONTROLLER_INTERFACE ControllerInterface);
ATAPORT_API ULONG NTAPI AtaPortGetBusData(PVOID ControllerExtension, PVOID Buffer, ULONG ConfigDataOffset,
                                          ULONG BufferLength);
ATAPORT_API ULONG NTAPI AtaPortSetBusData(PVOID ControllerExtension, PVOID Buffer, ULONG ConfigDataOffset,
                                          ULONG BufferLength);
ATAPORT_API PIDE_SCATTER_GATHER_LIST NTAPI AtaPortGetScatterGatherList(PVOID ChannelExtension,
                                                                       PIDE_REQUEST_BLOCK Irb);
ATAPORT_API IDE_PHYSICAL_ADDRESS NTAPI AtaPortGetPhysicalAddress(PVOID ChannelExtension,
                                                                 PIDE_REQUEST_BLOCK Irb, PVOID VirtualAddress,
                                                                 ULONG *Length);
ATAPORT_API PVOID NTAPI AtaPortGetDeviceBase(PVOID ChannelExtension, IDE_PHYSICAL_ADDRESS IoAddress,
                                             ULONG NumberOfBytes);
ATAPORT_API PVOID NTAPI AtaPortGetUnCachedExtension(PVOID ChannelExtension, ULONG UncachedExtensionSize,
                                                    ULONG IrbExtensionSize);
ATAPORT_API VOID NTAPI AtaPortCompleteRequest(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb);
ATAPORT_API VOID NTAPI AtaPortCompleteAllActiveRequests(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun,
                                                        UCHAR IrbStatus);
ATAPORT_API VOID NTAPI AtaPortNotification(IDE_NOTIFICATION_TYPE NotificationType, PVOID ChannelExtension,
                                           ...);
ATAPORT_API VOID NTAPI AtaPortDeviceStateChange(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun,
                                                ULONG BusyTimeout);
ATAPORT_API BOOLEAN NTAPI AtaPortRequestCallback(IDE_CALLBACK_TYPE CallbackType, PVOID ChannelExtension,
                                                 IDE_HW_DPC CallbackRoutine, ULONG TimerValue);
ATAPORT_API PIDE_REQUEST_BLOCK NTAPI AtaPortBuildRequestSenseIrb(PVOID ChannelExtension,
                                                                 PIDE_REQUEST_BLOCK Irb);
ATAPORT_API VOID NTAPI AtaPortReleaseRequestSenseIrb(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb);
ATAPORT_API BOOLEAN NTAPI AtaPortInitializeQueueTag(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun,
                                                    UCHAR MaxQueueTag);
ATAPORT_API UCHAR NTAPI AtaPortAllocateQueueTag(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun);
ATAPORT_API VOID NTAPI AtaPortReleaseQueueTag(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun,
                                              UCHAR QueueTag);
ATAPORT_API PVOID NTAPI AtaPortRegistryAllocateBuffer(PVOID ChannelExtension, ULONG Length);
ATAPORT_API VOID NTAPI AtaPortRegistryFreeBuffer(PVOID ChannelExtension, PVOID Buffer);
ATAPORT_API BOOLEAN NTAPI AtaPortRegistryRead(PVOID ChannelExtension, UCHAR ControllerNumber,
                                              BOOLEAN ChannelSubKey, PCHAR ValueName, UCHAR ValueType,
                                              PUCHAR Buffer, PULONG Length);
ATAPORT_API BOOLEAN NTAPI AtaPortRegistryWrite(PVOID ChannelExtension, UCHAR ControllerNumber,
                                               BOOLEAN ChannelSubKey, PCHAR ValueName, UCHAR ValueType,
                                               PUCHAR Buffer, PULONG Length);
ATAPORT_API BOOLEAN NTAPI AtaPortRegistryWriteDeferred(PVOID ChannelExtension, UCHAR ControllerNumber,
                                                       BOOLEAN ChannelSubKey, PCHAR ValueName,
                                                       UCHAR ValueType, PUCHAR Buffer, PULONG Length);
ATAPORT_API VOID NTAPI AtaPortMoveMemory(PVOID Destination, PVOID Source, ULONG Length);
ATAPORT_API VOID NTAPI AtaPortCopyMemory(PVOID Destination, PVOID Source, ULONG Length);
ATAPORT_API ULONG NTAPI AtaPortConvertPhysicalAddressToUlong(IDE_PHYSICAL_ADDRESS Address);
ATAPORT_API IDE_PHYSICAL_ADDRESS NTAPI AtaPortConvertUlongToPhysicalAddress(ULONG_PTR Address);
ATAPORT_API VOID NTAPI AtaPortStallExecution(ULONG Delay);
ATAPORT_API VOID NTAPI AtaPortLogError(PVOID ChannelExtension, PIDE_ERROR_LOG_ENTRY ErrorLogEntry);
ATAPORT_API VOID NTAPI AtaPortDebugPrint(ULONG DebugPrintLevel, PCHAR DebugMessage, ...);
ATAPORT_API VOID NTAPI AtaPortQuerySystemTime(PLARGE_INTEGER CurrentTime);
ATAPORT_API VOID NTAPI AtaPortDebugBreak(VOID);
ATAPORT_API VOID NTAPI AtaPortTraceNotification(PVOID ChannelExtension, ULONG Level, PVOID Buffer,
                                                ULONG Length);
ATAPORT_API VOID NTAPI AtaPortEtwTraceLog(PVOID ChannelExtension, PVOID Buffer, ULONG Length);

ATAPORT_API UCHAR NTAPI AtaPortReadPortUchar(volatile UCHAR *Port);
ATAPORT_API VOID NTAPI AtaPortWritePortUchar(volatile UCHAR *Port, UCHAR Value);
ATAPORT_API VOID NTAPI AtaPortReadPortBufferUchar(volatile UCHAR *Port, PUCHAR Buffer, ULONG Count);
ATAPORT_API VOID NTAPI AtaPortWritePortBufferUchar(volatile UCHAR *Port, PUCHAR Buffer, ULONG Count);
ATAPORT_API USHORT NTAPI AtaPortReadPortUshort(volatile USHORT *Port);
ATAPORT_API VOID NTAPI AtaPortWritePortUshort(volatile USHORT *Port, USHORT Value);
ATAPORT_API VOID NTAPI AtaPortReadPortBufferUshort(volatile USHORT *Port, PUSHORT Buffer, ULONG Count);
ATAPORT_API VOID NTAPI AtaPortWritePortBufferUshort(volatile USHORT *Port, PUSHORT Buffer, ULONG Count);
ATAPORT_API ULONG NTAPI AtaPortReadPortUlong(volatile ULONG *Port);
ATAPORT_API VOID NTAPI AtaPortWritePortUlong(volatile ULONG *Port, ULONG Value);
ATAPORT_API VOID NTAPI AtaPortReadPortBufferUlong(volatile ULONG *Port, PULONG Buffer, ULONG Count);
ATAPORT_API VOID NTAPI AtaPortWritePortBufferUlong(volatile ULONG *Port, PULONG Buffer, ULONG Count);
ATAPORT_API UCHAR NTAPI AtaPortReadRegisterUchar(volatile UCHAR *Register);
ATAPORT_API VOID NTAPI AtaPortWriteRegisterUchar(volatile UCHAR *Register, UCHAR Value);
ATAPORT_API VOID NTAPI AtaPortReadRegisterBufferUchar(volatile UCHAR *Register, PUCHAR Buffer, ULONG Count);
ATAPORT_API VOID NTAPI AtaPortWriteRegisterBufferUchar(volatile UCHAR *Register, PUCHAR Buffer, ULONG Count);
ATAPORT_API USHORT NTAPI AtaPortReadRegisterUshort(volatile USHORT *Register);
ATAPORT_API VOID NTAPI AtaPortWriteRegisterUshort(volatile USHORT *Register, USHORT Value);
ATAPORT_API VOID NTAPI AtaPortReadRegisterBufferUshort(volatile USHORT *Register, PUSHORT Buffer,
                                                       ULONG Count);
ATAPORT_API VOID NTAPI AtaPortWriteRegisterBufferUshort(volatile USHORT *Register, PUSHORT Buffer,
                                                        ULONG Count);
ATAPORT_API ULONG NTAPI AtaPortReadRegisterUlong(volatile ULONG *Register);
ATAPORT_API VOID NTAPI AtaPortWriteRegisterUlong(volatile ULONG *Register, ULONG Value);
ATAPORT_API VOID NTAPI AtaPortReadRegisterBufferUlong(volatile ULONG *Register, PULONG Buffer, ULONG Count);
ATAPORT_API VOID NTAPI AtaPortWriteRegisterBufferUlong(volatile ULONG *Register, PULONG Buffer, ULONG Count);

/* ---- the documented names that are wrappers of these ---- */

#define AtaPortDeviceBusy(ext, target, lun, seconds)                                                         \
    AtaPortDeviceStateChange((ext), (target), (lun), (seconds))
#define AtaPortDeviceReady(ext, target, lun)  AtaPortDeviceStateChange((ext), (target), (lun), 0)
#define AtaPortRequestTimer(ext, routine, us) AtaPortRequestCallback(IdeTimerRoutine, (ext), (routine), (us))
#define AtaPortRequestWorkerRoutine(ext, routine)                                                            \
    AtaPortRequestCallback(IdeWorkerRoutine, (ext), (routine), 0)
#define AtaPortRequestSynchronizedRoutine(ext, routine)                                                      \
    AtaPortRequestCallback(IdeSynchronizedRoutine, (ext), (routine), 0)
#define AtaPortControllerSyncRoutine(ext, routine)                                                           \
    AtaPortRequestCallback(IdeControllerSyncRoutine, (ext), (routine), 0)
#define AtaPortBusChangeDetected(ext)     AtaPortNotification(IdeDeviceArrival, (ext), IDE_UNTAGGED, 0)
#define AtaPortDeviceArrived(ext, target) AtaPortNotification(IdeDeviceArrival, (ext), (target), 0)
#define AtaPortDeviceRemoved(ext, target) AtaPortNotification(IdeDeviceRemoval, (ext), (target), 0)
#define AtaPortRequestPowerStateChange(ext, target, lun, state)                                              \
    AtaPortNotification(IdePowerStateChange, (ext), (target), (lun), (state))
#define AtaPortRegistryControllerKeyRead(ext, n, name, type, buffer, length)                                 \
    AtaPortRegistryRead((ext), (n), FALSE, (name), (type), (buffer), (length))
#define AtaPortRegistryControllerKeyWrite(ext, n, name, type, buffer, length)                                \
    AtaPortRegistryWrite((ext), (n), FALSE, (name), (type), (buffer), (length))
#define AtaPortRegistryControllerKeyWriteDeferred(ext, n, name, type, buffer, length)                        \
    AtaPortRegistryWriteDeferred((ext), (n), FALSE, (name), (type), (buffer), (length))
#define AtaPortRegistryChannelSubkeyRead(ext, n, name, type, buffer, length)                                 \
    AtaPortRegistryRead((ext), (n), TRUE, (name), (type), (buffer), (length))
#define AtaPortRegistryChannelSubkeyWrite(ext, n, name, type, buffer, length)                                \
    AtaPortRegistryWrite((ext), (n), TRUE, (name), (type), (buffer), (length))
#define AtaPortRegistryChannelSubkeyWriteDeferred(ext, n, name, type, buffer, length)                        \
    AtaPortRegistryWriteDeferred((ext), (n), TRUE, (name), (type), (buffer), (length))
