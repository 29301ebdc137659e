/*
 * Sense data: of our own refusals, and of what ATA devices report (SAT-3 table 11).
 */
#include "drivers/port/ataport/sat_impl.h"

#define STATUS_DEVICE_FAULT 0x20
#define ERROR_NO_MEDIA      0x02 /* also: end of media */
#define ERROR_WRITE_PROTECT 0x40 /* of writes; of reads: UNC */
#define ERROR_CRC           0x80

enum sat_next
sat_fail(struct sat_command *c, uint8_t key, uint8_t asc, uint8_t ascq)
{
    memset(c->sense, 0, sizeof(c->sense));
    c->status = SCSISTAT_CHECK_CONDITION;
    c->transferred = 0;
    c->sense_size = SENSE_BUFFER_SIZE;
    c->sense[0] = SCSI_SENSE_ERRORCODE_FIXED_CURRENT;
    c->sense[2] = key;
    c->sense[7] = SENSE_BUFFER_SIZE - 8;
    c->sense[12] = asc;
    c->sense[13] = ascq;
    return SAT_DONE;
}

enum sat_next
sat_bad_field(struct sat_command *c, uint16_t byte)
{
    (void)sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_INVALID_CDB, 0);
    c->sense[15] = 0xc0; /* valid, in the CDB */
    put_be16(c->sense + 16, byte);
    return SAT_DONE;
}

/* The first sector that failed, of 28- or 48-bit registers. */
static uint64_t
failed_lba(const struct sat_ata *a)
{
    const IDEREGISTERS *now = &a->task.Current, *before = &a->task.Previous;
    uint64_t lba = now->bSectorNumberReg | (uint64_t)now->bCylLowReg << 8 | (uint64_t)now->bCylHighReg << 16;

    if (a->flags & IRB_FLAGS_48BIT)
        return lba | (uint64_t)before->bSectorNumberReg << 24 | (uint64_t)before->bCylLowReg << 32 |
               (uint64_t)before->bCylHighReg << 40;
    return lba | (uint64_t)(now->bDriveHeadReg & 15) << 24;
}

static void
information_add(struct sat_command *c)
{
    uint64_t lba = failed_lba(&c->ata);

    if (!c->ata.has_task || lba > UINT32_MAX)
        return;
    c->sense[0] |= 0x80; /* valid */
    put_be32(c->sense + 3, (uint32_t)lba);
}

enum sat_next
sat_ata_failed(const struct sat_device *d, struct sat_command *c)
{
    bool writes = c->ata.flags & IRB_FLAGS_DATA_OUT;
    uint8_t error = c->ata.error;

    if (c->ata.status & STATUS_DEVICE_FAULT)
        return sat_fail(c, SCSI_SENSE_HARDWARE_ERROR, SCSI_ADSENSE_INTERNAL_TARGET_FAILURE, 0);
    if (!(c->ata.status & IDE_STATUS_ERROR)) /* no answer of the device */
        return sat_fail(c, SCSI_SENSE_ABORTED_COMMAND, SCSI_ADSENSE_NO_SENSE, 0);
    if (error & ERROR_CRC)
        return sat_fail(c, SCSI_SENSE_ABORTED_COMMAND, 0x47, 0x03);
    if (error & IDE_ERROR_ID_NOT_FOUND)
        (void)sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_BLOCK, 0);
    else if (error & IDE_ERROR_DATA_ERROR && !writes)
        (void)sat_fail(c, SCSI_SENSE_MEDIUM_ERROR, SCSI_ADSENSE_UNRECOVERED_ERROR, 0);
    else if (error & ERROR_WRITE_PROTECT)
        (void)sat_fail(c, SCSI_SENSE_DATA_PROTECT, SCSI_ADSENSE_WRITE_PROTECT, 0);
    else if (error & IDE_ERROR_MEDIA_CHANGE)
        return sat_fail(c, SCSI_SENSE_UNIT_ATTENTION, SCSI_ADSENSE_MEDIUM_CHANGED, 0);
    else if (error & IDE_ERROR_MEDIA_CHANGE_REQ)
        return sat_fail(c, SCSI_SENSE_UNIT_ATTENTION, 0x5a, 0x01);
    else if (error & ERROR_NO_MEDIA && d->removable)
        return sat_fail(c, SCSI_SENSE_NOT_READY, SCSI_ADSENSE_NO_MEDIA_IN_DEVICE, 0);
    else
        return sat_fail(c, SCSI_SENSE_ABORTED_COMMAND, SCSI_ADSENSE_NO_SENSE, 0);
    information_add(c);
    return SAT_DONE;
}
