/*
 * What programs and upper drivers ask of SCSI and ATA ports by device control (ntddscsi.h of the WDK). Miniports meet
 * SRB_IO_CONTROL, in the data of SRB_FUNCTION_IO_CONTROL.
 */
#pragma once
#include "srb.h"

/* Access is read and write (3) or any (0), the method is buffered; the device type is FILE_DEVICE_CONTROLLER. */
#define IOCTL_SCSI_BASE                     0x00000004
#define NTDDSCSI_CONTROL_(access, function) (IOCTL_SCSI_BASE << 16 | (access) << 14 | (function) << 2)
#define IOCTL_SCSI_PASS_THROUGH             NTDDSCSI_CONTROL_(3u, 0x0401u)
#define IOCTL_SCSI_MINIPORT                 NTDDSCSI_CONTROL_(3u, 0x0402u)
#define IOCTL_SCSI_GET_INQUIRY_DATA         NTDDSCSI_CONTROL_(0u, 0x0403u)
#define IOCTL_SCSI_GET_CAPABILITIES         NTDDSCSI_CONTROL_(0u, 0x0404u)
#define IOCTL_SCSI_PASS_THROUGH_DIRECT      NTDDSCSI_CONTROL_(3u, 0x0405u)
#define IOCTL_SCSI_GET_ADDRESS              NTDDSCSI_CONTROL_(0u, 0x0406u)
#define IOCTL_SCSI_RESCAN_BUS               NTDDSCSI_CONTROL_(0u, 0x0407u)
#define IOCTL_ATA_PASS_THROUGH              NTDDSCSI_CONTROL_(3u, 0x040bu)
#define IOCTL_ATA_PASS_THROUGH_DIRECT       NTDDSCSI_CONTROL_(3u, 0x040cu)

#define SCSI_IOCTL_DATA_OUT         0
#define SCSI_IOCTL_DATA_IN          1
#define SCSI_IOCTL_DATA_UNSPECIFIED 2

#define ATA_FLAGS_DRDY_REQUIRED 0x01
#define ATA_FLAGS_DATA_IN       0x02
#define ATA_FLAGS_DATA_OUT      0x04
#define ATA_FLAGS_48BIT_COMMAND 0x08
#define ATA_FLAGS_USE_DMA       0x10

typedef struct _SCSI_PASS_THROUGH {
    USHORT Length;
    UCHAR ScsiStatus;
    UCHAR PathId;
    UCHAR TargetId;
    UCHAR Lun;
    UCHAR CdbLength;
    UCHAR SenseInfoLength;
    UCHAR DataIn;
    ULONG DataTransferLength;
    ULONG TimeOutValue;
    ULONG_PTR DataBufferOffset;
    ULONG SenseInfoOffset;
    UCHAR Cdb[16];
} SCSI_PASS_THROUGH, *PSCSI_PASS_THROUGH;

typedef struct _SCSI_PASS_THROUGH_DIRECT {
    USHORT Length;
    UCHAR ScsiStatus;
    UCHAR PathId;
    UCHAR TargetId;
    UCHAR Lun;
    UCHAR CdbLength;
    UCHAR SenseInfoLength;
    UCHAR DataIn;
    ULONG DataTransferLength;
    ULONG TimeOutValue;
    PVOID DataBuffer;
    ULONG SenseInfoOffset;
    UCHAR Cdb[16];
} SCSI_PASS_THROUGH_DIRECT, *PSCSI_PASS_THROUGH_DIRECT;

typedef struct _ATA_PASS_THROUGH_EX {
    USHORT Length;
    USHORT AtaFlags;
    UCHAR PathId;
    UCHAR TargetId;
    UCHAR Lun;
    UCHAR ReservedAsUchar;
    ULONG DataTransferLength;
    ULONG TimeOutValue;
    ULONG ReservedAsUlong;
    ULONG_PTR DataBufferOffset;
    UCHAR PreviousTaskFile[8];
    UCHAR CurrentTaskFile[8];
} ATA_PASS_THROUGH_EX, *PATA_PASS_THROUGH_EX;

typedef struct _ATA_PASS_THROUGH_DIRECT {
    USHORT Length;
    USHORT AtaFlags;
    UCHAR PathId;
    UCHAR TargetId;
    UCHAR Lun;
    UCHAR ReservedAsUchar;
    ULONG DataTransferLength;
    ULONG TimeOutValue;
    ULONG ReservedAsUlong;
    PVOID DataBuffer;
    UCHAR PreviousTaskFile[8];
    UCHAR CurrentTaskFile[8];
} ATA_PASS_THROUGH_DIRECT, *PATA_PASS_THROUGH_DIRECT;

typedef struct _SCSI_ADDRESS {
    ULONG Length;
    UCHAR PortNumber;
    UCHAR PathId;
    UCHAR TargetId;
    UCHAR Lun;
} SCSI_ADDRESS, *PSCSI_ADDRESS;

typedef struct _IO_SCSI_CAPABILITIES {
    ULONG Length;
    ULONG MaximumTransferLength;
    ULONG MaximumPhysicalPages;
    ULONG SupportedAsynchronousEvents;
    ULONG AlignmentMask;
    BOOLEAN TaggedQueuing;
    BOOLEAN AdapterScansDown;
    BOOLEAN AdapterUsesPio;
} IO_SCSI_CAPABILITIES, *PIO_SCSI_CAPABILITIES;
