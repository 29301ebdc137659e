/*
 * SCSI commands, statuses and sense (SPC-4, SBC-3), with the WDK's names where it has them (scsi.h).
 */
#pragma once
#include "ntdef.h"

/* Operation codes */
#define SCSIOP_TEST_UNIT_READY     0x00
#define SCSIOP_REQUEST_SENSE       0x03
#define SCSIOP_FORMAT_UNIT         0x04
#define SCSIOP_READ6               0x08
#define SCSIOP_WRITE6              0x0a
#define SCSIOP_INQUIRY             0x12
#define SCSIOP_VERIFY6             0x13
#define SCSIOP_MODE_SELECT         0x15
#define SCSIOP_MODE_SENSE          0x1a
#define SCSIOP_START_STOP_UNIT     0x1b
#define SCSIOP_SEND_DIAGNOSTIC     0x1d
#define SCSIOP_MEDIUM_REMOVAL      0x1e
#define SCSIOP_READ_CAPACITY       0x25
#define SCSIOP_READ                0x28
#define SCSIOP_WRITE               0x2a
#define SCSIOP_WRITE_VERIFY        0x2e
#define SCSIOP_VERIFY              0x2f
#define SCSIOP_SYNCHRONIZE_CACHE   0x35
#define SCSIOP_WRITE_SAME          0x41
#define SCSIOP_UNMAP               0x42
#define SCSIOP_LOG_SENSE           0x4d
#define SCSIOP_MODE_SELECT10       0x55
#define SCSIOP_MODE_SENSE10        0x5a
#define SCSIOP_ATA_PASSTHROUGH16   0x85
#define SCSIOP_READ16              0x88
#define SCSIOP_WRITE16             0x8a
#define SCSIOP_VERIFY16            0x8f
#define SCSIOP_SYNCHRONIZE_CACHE16 0x91
#define SCSIOP_SERVICE_ACTION_IN16 0x9e
#define SCSIOP_READ_CAPACITY16     0x9e
#define SCSIOP_REPORT_LUNS         0xa0
#define SCSIOP_ATA_PASSTHROUGH12   0xa1
#define SCSIOP_READ12              0xa8
#define SCSIOP_WRITE12             0xaa
#define SCSIOP_VERIFY12            0xaf

#define SERVICE_ACTION_READ_CAPACITY16 0x10

/* Statuses */
#define SCSISTAT_GOOD                 0x00
#define SCSISTAT_CHECK_CONDITION      0x02
#define SCSISTAT_BUSY                 0x08
#define SCSISTAT_RESERVATION_CONFLICT 0x18
#define SCSISTAT_COMMAND_TERMINATED   0x22
#define SCSISTAT_QUEUE_FULL           0x28

/* Messages (SCSI-2, 6.6) */
#define SCSIMESS_COMMAND_COMPLETE     0x00
#define SCSIMESS_EXTENDED_MESSAGE     0x01
#define SCSIMESS_SAVE_DATA_POINTER    0x02
#define SCSIMESS_RESTORE_POINTERS     0x03
#define SCSIMESS_DISCONNECT           0x04
#define SCSIMESS_ABORT                0x06
#define SCSIMESS_MESSAGE_REJECT       0x07
#define SCSIMESS_NO_OPERATION         0x08
#define SCSIMESS_BUS_DEVICE_RESET     0x0c
#define SCSIMESS_ABORT_WITH_TAG       0x0d
#define SCSIMESS_IDENTIFY             0x80
#define SCSIMESS_SYNCHRONOUS_DATA_REQ 0x01
#define SCSIMESS_WIDE_DATA_REQUEST    0x03

/* Sense keys */
#define SCSI_SENSE_NO_SENSE        0x00
#define SCSI_SENSE_RECOVERED_ERROR 0x01
#define SCSI_SENSE_NOT_READY       0x02
#define SCSI_SENSE_MEDIUM_ERROR    0x03
#define SCSI_SENSE_HARDWARE_ERROR  0x04
#define SCSI_SENSE_ILLEGAL_REQUEST 0x05
#define SCSI_SENSE_UNIT_ATTENTION  0x06
#define SCSI_SENSE_DATA_PROTECT    0x07
#define SCSI_SENSE_ABORTED_COMMAND 0x0b

/* Additional sense codes */
#define SCSI_ADSENSE_NO_SENSE                     0x00
#define SCSI_ADSENSE_LUN_NOT_READY                0x04
#define SCSI_ADSENSE_WRITE_ERROR                  0x0c
#define SCSI_ADSENSE_UNRECOVERED_ERROR            0x11
#define SCSI_ADSENSE_ILLEGAL_COMMAND              0x20
#define SCSI_ADSENSE_ILLEGAL_BLOCK                0x21
#define SCSI_ADSENSE_INVALID_CDB                  0x24
#define SCSI_ADSENSE_INVALID_LUN                  0x25
#define SCSI_ADSENSE_INVALID_FIELD_PARAMETER_LIST 0x26
#define SCSI_ADSENSE_WRITE_PROTECT                0x27
#define SCSI_ADSENSE_MEDIUM_CHANGED               0x28
#define SCSI_ADSENSE_BUS_RESET                    0x29
#define SCSI_ADSENSE_NO_MEDIA_IN_DEVICE           0x3a
#define SCSI_ADSENSE_INTERNAL_TARGET_FAILURE      0x44

#define SCSI_SENSE_ERRORCODE_FIXED_CURRENT      0x70
#define SCSI_SENSE_ERRORCODE_DESCRIPTOR_CURRENT 0x72

#define DIRECT_ACCESS_DEVICE           0x00
#define READ_ONLY_DIRECT_ACCESS_DEVICE 0x05

/* Vital product data pages */
#define VPD_SUPPORTED_PAGES              0x00
#define VPD_SERIAL_NUMBER                0x80
#define VPD_DEVICE_IDENTIFIERS           0x83
#define VPD_ATA_INFORMATION              0x89
#define VPD_BLOCK_LIMITS                 0xb0
#define VPD_BLOCK_DEVICE_CHARACTERISTICS 0xb1
#define VPD_LOGICAL_BLOCK_PROVISIONING   0xb2

#define MODE_PAGE_ERROR_RECOVERY 0x01
#define MODE_PAGE_CACHING        0x08
#define MODE_PAGE_CONTROL        0x0a
#define MODE_SENSE_RETURN_ALL    0x3f

typedef struct _SENSE_DATA {
    UCHAR ErrorCode : 7;
    UCHAR Valid : 1;
    UCHAR SegmentNumber;
    UCHAR SenseKey : 4;
    UCHAR Reserved : 1;
    UCHAR IncorrectLength : 1;
    UCHAR EndOfMedia : 1;
    UCHAR FileMark : 1;
    UCHAR Information[4];
    UCHAR AdditionalSenseLength;
    UCHAR CommandSpecificInformation[4];
    UCHAR AdditionalSenseCode;
    UCHAR AdditionalSenseCodeQualifier;
    UCHAR FieldReplaceableUnitCode;
    UCHAR SenseKeySpecific[3];
} SENSE_DATA, *PSENSE_DATA;

#define SENSE_BUFFER_SIZE 18
