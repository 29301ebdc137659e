/*
 * ATA commands, register bits and IDENTIFY data (ATA8-ACS), with the WDK's names where it has them (ata.h).
 */
#pragma once
#include "ntdef.h"

#define IDE_COMMAND_NOP                       0x00
#define IDE_COMMAND_DATA_SET_MANAGEMENT       0x06
#define IDE_COMMAND_ATAPI_RESET               0x08
#define IDE_COMMAND_READ                      0x20
#define IDE_COMMAND_READ_EXT                  0x24
#define IDE_COMMAND_READ_DMA_EXT              0x25
#define IDE_COMMAND_READ_MULTIPLE_EXT         0x29
#define IDE_COMMAND_READ_LOG_EXT              0x2f
#define IDE_COMMAND_WRITE                     0x30
#define IDE_COMMAND_WRITE_EXT                 0x34
#define IDE_COMMAND_WRITE_DMA_EXT             0x35
#define IDE_COMMAND_WRITE_MULTIPLE_EXT        0x39
#define IDE_COMMAND_WRITE_DMA_FUA_EXT         0x3d
#define IDE_COMMAND_WRITE_LOG_EXT             0x3f
#define IDE_COMMAND_VERIFY                    0x40
#define IDE_COMMAND_VERIFY_EXT                0x42
#define IDE_COMMAND_EXECUTE_DEVICE_DIAGNOSTIC 0x90
#define IDE_COMMAND_SET_DRIVE_PARAMETERS      0x91
#define IDE_COMMAND_ATAPI_PACKET              0xa0
#define IDE_COMMAND_ATAPI_IDENTIFY            0xa1
#define IDE_COMMAND_SMART                     0xb0
#define IDE_COMMAND_READ_MULTIPLE             0xc4
#define IDE_COMMAND_WRITE_MULTIPLE            0xc5
#define IDE_COMMAND_SET_MULTIPLE              0xc6
#define IDE_COMMAND_READ_DMA                  0xc8
#define IDE_COMMAND_WRITE_DMA                 0xca
#define IDE_COMMAND_WRITE_MULTIPLE_FUA_EXT    0xce
#define IDE_COMMAND_STANDBY_IMMEDIATE         0xe0
#define IDE_COMMAND_IDLE_IMMEDIATE            0xe1
#define IDE_COMMAND_CHECK_POWER               0xe5
#define IDE_COMMAND_SLEEP                     0xe6
#define IDE_COMMAND_FLUSH_CACHE               0xe7
#define IDE_COMMAND_FLUSH_CACHE_EXT           0xea
#define IDE_COMMAND_IDENTIFY                  0xec
#define IDE_COMMAND_SET_FEATURE               0xef

#define IDE_STATUS_ERROR 0x01
#define IDE_STATUS_DRQ   0x08
#define IDE_STATUS_DSC   0x10
#define IDE_STATUS_DRDY  0x40
#define IDE_STATUS_BUSY  0x80

#define IDE_ERROR_ADDRESS_NOT_FOUND 0x01
#define IDE_ERROR_END_OF_MEDIA      0x02
#define IDE_ERROR_COMMAND_ABORTED   0x04
#define IDE_ERROR_MEDIA_CHANGE_REQ  0x08
#define IDE_ERROR_ID_NOT_FOUND      0x10
#define IDE_ERROR_MEDIA_CHANGE      0x20
#define IDE_ERROR_DATA_ERROR        0x40
#define IDE_ERROR_BAD_BLOCK         0x80

#define IDE_FEATURE_SET_TRANSFER_MODE   0x03
#define IDE_FEATURE_ENABLE_WRITE_CACHE  0x02
#define IDE_FEATURE_DISABLE_WRITE_CACHE 0x82
#define IDE_LBA_MODE                    0x40

/* 256 words; those that the port or a miniport reads have names. Bit fields as the WDK declares them. */
#pragma pack(push, 1)
typedef struct _IDENTIFY_DEVICE_DATA {
    struct {
        USHORT Reserved1 : 1;
        USHORT Retired3 : 1;
        USHORT ResponseIncomplete : 1;
        USHORT Retired2 : 3;
        USHORT FixedDevice : 1;
        USHORT RemovableMedia : 1;
        USHORT Retired1 : 7;
        USHORT DeviceType : 1;
    } GeneralConfiguration; /* word 0 */
    USHORT NumCylinders;
    USHORT SpecificConfiguration;
    USHORT NumHeads;
    USHORT Retired1[2];
    USHORT NumSectorsPerTrack; /* word 6 */
    USHORT VendorUnique1[3];
    UCHAR SerialNumber[20]; /* word 10 */
    USHORT Retired2[2];
    USHORT Obsolete1;
    UCHAR FirmwareRevision[8];  /* word 23 */
    UCHAR ModelNumber[40];      /* word 27 */
    UCHAR MaximumBlockTransfer; /* word 47 */
    UCHAR VendorUnique2;
    USHORT TrustedComputing; /* word 48 */
    struct {
        UCHAR CurrentLongPhysicalSectorAlignment : 2;
        UCHAR ReservedByte49 : 6;
        UCHAR DmaSupported : 1;
        UCHAR LbaSupported : 1;
        UCHAR IordyDisable : 1;
        UCHAR IordySupported : 1;
        UCHAR Reserved1 : 1;
        UCHAR StandybyTimerSupport : 1;
        UCHAR Reserved2 : 2;
        USHORT ReservedWord50;
    } Capabilities; /* words 49, 50 */
    USHORT ObsoleteWords51[2];
    USHORT TranslationFieldsValid : 3; /* word 53 */
    USHORT Reserved3 : 5;
    USHORT FreeFallControlSensitivity : 8;
    USHORT NumberOfCurrentCylinders;
    USHORT NumberOfCurrentHeads;
    USHORT CurrentSectorsPerTrack;
    ULONG CurrentSectorCapacity; /* word 57 */
    UCHAR CurrentMultiSectorSetting;
    UCHAR MultiSectorSettingValid : 1;
    UCHAR ReservedByte59 : 7;
    ULONG UserAddressableSectors; /* word 60 */
    USHORT ObsoleteWord62;
    USHORT MultiWordDMASupport : 8; /* word 63 */
    USHORT MultiWordDMAActive : 8;
    USHORT AdvancedPIOModes : 8; /* word 64 */
    USHORT ReservedByte64 : 8;
    USHORT MinimumMWXferCycleTime;
    USHORT RecommendedMWXferCycleTime;
    USHORT MinimumPIOCycleTime;
    USHORT MinimumPIOCycleTimeIORDY;
    USHORT AdditionalSupported; /* word 69 */
    USHORT ReservedWords70[5];
    USHORT QueueDepth : 5; /* word 75 */
    USHORT ReservedWord75 : 11;
    USHORT SerialAtaCapabilities; /* word 76; bit 8: NCQ */
    USHORT SerialAtaCapabilities2;
    USHORT SerialAtaFeaturesSupported;
    USHORT SerialAtaFeaturesEnabled;
    USHORT MajorRevision; /* word 80 */
    USHORT MinorRevision;
    USHORT CommandSetSupport[3]; /* words 82..84 */
    USHORT CommandSetActive[3];  /* words 85..87 */
    USHORT UltraDMASupport : 8;  /* word 88 */
    USHORT UltraDMAActive : 8;
    USHORT ReservedWord89[11];
    ULONG Max48BitLBA[2]; /* word 100 */
    USHORT StreamingTransferTime;
    USHORT DsmCap;                    /* word 105: blocks of 512 bytes of DATA SET MANAGEMENT */
    USHORT PhysicalLogicalSectorSize; /* word 106 */
    USHORT InterSeekDelay;
    USHORT WorldWideName[4]; /* word 108 */
    USHORT ReservedForWorldWideName128[4];
    USHORT ReservedForTlcTechnicalReport;
    USHORT WordsPerLogicalSector[2]; /* word 117 */
    USHORT CommandSetSupportExt;
    USHORT CommandSetActiveExt;
    USHORT ReservedForExpandedSupportandActive[6];
    USHORT MsnSupport; /* word 127 */
    USHORT SecurityStatus;
    USHORT ReservedWord129[31];
    USHORT CfaPowerModel;
    USHORT ReservedForCfaWord161[7];
    USHORT NominalFormFactor;        /* word 168 */
    USHORT DataSetManagementFeature; /* word 169; bit 0: TRIM */
    USHORT AdditionalProductID[4];
    USHORT ReservedForCfaWord174[2];
    USHORT CurrentMediaSerialNumber[30]; /* word 176 */
    USHORT SCTCommandTransport;
    USHORT ReservedWord207[2];
    USHORT BlockAlignment; /* word 209 */
    USHORT WriteReadVerifySectorCountMode3Only[2];
    USHORT WriteReadVerifySectorCountMode2Only[2];
    USHORT NVCacheCapabilities;
    USHORT NVCacheSizeLSW;
    USHORT NVCacheSizeMSW;
    USHORT NominalMediaRotationRate; /* word 217 */
    USHORT ReservedWord218;
    USHORT NVCacheOptions;
    USHORT WriteReadVerifySectorCount;
    USHORT ReservedWord221;
    USHORT TransportMajorVersion;
    USHORT TransportMinorVersion;
    USHORT ReservedWord224[31];
    USHORT Signature : 8; /* word 255 */
    USHORT CheckSum : 8;
} IDENTIFY_DEVICE_DATA, *PIDENTIFY_DEVICE_DATA;
#pragma pack(pop)
