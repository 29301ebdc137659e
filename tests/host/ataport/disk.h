/*
 * An ATA disk of a few sectors in memory, by its task file: what the translation sends is carried out, or fails as `fault` says.
 */
#pragma once
#include "drivers/ddk/scsi.h"
#include "drivers/port/ataport/sat.h"
#include "lib/bytes.h"
#include "tests/host/check.h"

#define DISK_SECTORS 1000u

static struct {
    IDENTIFY_DEVICE_DATA identify;
    uint8_t bytes[DISK_SECTORS * 512];
    uint8_t status, error;         /* of the next command; 0: it works */
    uint8_t command[16];           /* that were sent */
    unsigned commands, flushed_at; /* flushed_at: commands when the last flush came */
    bool cache, ahead, standby, trimmed_smart;
} disk;

static inline void
disk_new(bool lba48)
{
    IDENTIFY_DEVICE_DATA *i = &disk.identify;
    static const char model[] = "OPTRLONAD SI K           ";

    memset(&disk, 0, sizeof disk);
    memset(i->ModelNumber, ' ', sizeof i->ModelNumber);
    memcpy(i->ModelNumber, model, sizeof model - 1);
    memset(i->SerialNumber, ' ', sizeof i->SerialNumber);
    memcpy(i->SerialNumber, "2143", 4);
    memcpy(i->FirmwareRevision, ".1204b  ", 8);
    i->Capabilities.LbaSupported = 1;
    i->Capabilities.DmaSupported = 1;
    i->UserAddressableSectors = DISK_SECTORS;
    i->CommandSetSupport[0] = i->CommandSetActive[0] = 1 << 5 | 1 << 6;
    i->DataSetManagementFeature = 1;
    i->NominalMediaRotationRate = 7200;
    i->WorldWideName[0] = 0x5001;
    if (lba48) {
        i->CommandSetSupport[1] = 1 << 10;
        i->Max48BitLBA[0] = DISK_SECTORS;
    }
    disk.cache = disk.ahead = true;
}

static inline uint64_t
disk_lba(const IDE_TASK_FILE *t, bool lba48)
{
    uint64_t lba = t->Current.bSectorNumberReg | (uint64_t)t->Current.bCylLowReg << 8 |
                   (uint64_t)t->Current.bCylHighReg << 16;

    return lba48 ? lba | (uint64_t)t->Previous.bSectorNumberReg << 24 |
                       (uint64_t)t->Previous.bCylLowReg << 32 | (uint64_t)t->Previous.bCylHighReg << 40
                 : lba | (uint64_t)(t->Current.bDriveHeadReg & 15) << 24;
}

static inline uint32_t
disk_count(const IDE_TASK_FILE *t, bool lba48)
{
    uint32_t n = t->Current.bSectorCountReg | (lba48 ? (uint32_t)t->Previous.bSectorCountReg << 8 : 0);

    return n ? n : lba48 ? 65536 : 256;
}

static inline void
disk_trim(const uint8_t *ranges)
{
    for (unsigned i = 0; i < 64; i++) {
        uint64_t range = get_le64(ranges + 8 * i), lba = range & 0xffffffffffff;

        if (range >> 48)
            memset(disk.bytes + lba * 512, 0, (range >> 48) * 512);
    }
}

/* Carry one out. Every address must be within the disk: the translation has checked it. */
static inline void
disk_execute(struct sat_command *c)
{
    struct sat_ata *a = &c->ata;
    uint8_t *data = a->uses_work ? c->work : c->data, op = a->task.Current.bCommandReg;
    bool lba48 = a->flags & IRB_FLAGS_48BIT, in = a->flags & IRB_FLAGS_DATA_IN;
    uint64_t lba = disk_lba(&a->task, lba48);

    if (disk.commands < sizeof disk.command)
        disk.command[disk.commands] = op;
    disk.commands++;
    a->ok = !disk.status;
    a->status = disk.status ? disk.status : 0x50;
    a->error = disk.error;
    a->has_task = true;
    a->transferred = a->ok ? a->size : 0;
    if (!a->ok)
        return;
    switch (op) {
    case IDE_COMMAND_READ_DMA:
    case IDE_COMMAND_READ_DMA_EXT:
    case IDE_COMMAND_WRITE_DMA:
    case IDE_COMMAND_WRITE_DMA_EXT:
    case IDE_COMMAND_WRITE_DMA_FUA_EXT:
        CHECK(lba + disk_count(&a->task, lba48) <= DISK_SECTORS);
        CHECK_EQ(a->size, disk_count(&a->task, lba48) * 512);
        if (in)
            memcpy(data, disk.bytes + lba * 512, a->size);
        else
            memcpy(disk.bytes + lba * 512, data, a->size);
        break;
    case IDE_COMMAND_FLUSH_CACHE:
    case IDE_COMMAND_FLUSH_CACHE_EXT:
        disk.flushed_at = disk.commands;
        break;
    case IDE_COMMAND_SET_FEATURE:
        disk.cache = a->task.Current.bFeaturesReg == 2      ? true
                     : a->task.Current.bFeaturesReg == 0x82 ? false
                                                            : disk.cache;
        disk.ahead = a->task.Current.bFeaturesReg == 0xaa   ? true
                     : a->task.Current.bFeaturesReg == 0x55 ? false
                                                            : disk.ahead;
        break;
    case IDE_COMMAND_STANDBY_IMMEDIATE:
        disk.standby = true;
        break;
    case IDE_COMMAND_DATA_SET_MANAGEMENT:
        disk_trim(data);
        break;
    case IDE_COMMAND_IDENTIFY:
        if (in)
            memcpy(data, &disk.identify, a->size < 512 ? a->size : 512);
        break;
    case IDE_COMMAND_SMART:
        if (disk.trimmed_smart) {
            a->task.Current.bCylLowReg = 0xf4;
            a->task.Current.bCylHighReg = 0x2c;
        }
        break;
    default:
        break;
    }
}
