/*
 * Sectors between a disk and memory, word by word (ATA/ATAPI-6, 9.5 and 9.6: PIO data in and out).
 */
#include "atadisk.h"

#define ERROR_UNC  0x40
#define ERROR_IDNF 0x10
#define ERROR_ABRT 0x04

/* By: write, 48 bits, several sectors an interrupt. */
static const UCHAR commands[2][2][2] = {{{0x20, 0xc4}, {0x24, 0x29}}, {{0x30, 0xc5}, {0x34, 0x39}}};

static UCHAR
failed(struct adapter *a, UCHAR s)
{
    UCHAR error = s & IDE_STATUS_ERROR ? in(a->at, ERROR) : 0;

    if (error & ERROR_UNC)
        sense_fill(a->srb, SCSI_SENSE_MEDIUM_ERROR,
                   a->out ? SCSI_ADSENSE_WRITE_ERROR : SCSI_ADSENSE_UNRECOVERED_ERROR);
    else if (error & ERROR_IDNF)
        sense_fill(a->srb, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_BLOCK);
    else if (error & ERROR_ABRT)
        sense_fill(a->srb, SCSI_SENSE_ABORTED_COMMAND, 0);
    else
        sense_fill(a->srb, SCSI_SENSE_HARDWARE_ERROR, SCSI_ADSENSE_INTERNAL_TARGET_FAILURE);
    return SRB_STATUS_ERROR |
           (a->srb->SenseInfoBufferLength >= sizeof(SENSE_DATA) ? SRB_STATUS_AUTOSENSE_VALID : 0);
}

/* What goes with one interrupt. */
static void
move(struct adapter *a)
{
    ULONG bytes = (a->disk->multiple ? a->disk->multiple : 1) * SECTOR;

    bytes = bytes < a->left ? bytes : a->left;
    if (a->out)
        ScsiPortWritePortBufferUshort((PUSHORT)a->at->command, (PUSHORT)(PVOID)a->data, bytes / 2);
    else
        ScsiPortReadPortBufferUshort((PUSHORT)a->at->command, (PUSHORT)(PVOID)a->data, bytes / 2);
    a->data += bytes;
    a->left -= bytes;
}

static BOOLEAN
select(struct adapter *a, UCHAR lba)
{
    if (wait_ready(a->at, POLLS) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ))
        return FALSE;
    out(a->at, DEVICE, (UCHAR)(DEVICE_LBA | lba | (a->disk == &a->at->disk[1] ? DEVICE_SECOND : 0)));
    ScsiPortStallExecution(1); /* 400 ns until the status is the device's */
    return !(wait_ready(a->at, POLLS) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ));
}

static void
place(struct adapter *a, ULONGLONG sector, UCHAR count)
{
    out(a->at, COUNT, count);
    out(a->at, LBA_LOW, (UCHAR)sector);
    out(a->at, LBA_MID, (UCHAR)(sector >> 8));
    out(a->at, LBA_HIGH, (UCHAR)(sector >> 16));
}

/* The first data of a write is asked for without an interrupt. */
UCHAR
transfer(struct adapter *a, ULONGLONG sector, ULONG count, BOOLEAN to_disk)
{
    BOOLEAN wide = a->disk->lba48 && sector + count > 0x0fffffff;
    UCHAR s;

    a->out = to_disk;
    a->data = a->srb->DataBuffer;
    a->left = count * SECTOR;
    if (!select(a, wide ? 0 : (UCHAR)(sector >> 24 & 0x0f)))
        return SRB_STATUS_TIMEOUT;
    if (wide)
        place(a, sector >> 24, (UCHAR)(count >> 8));
    place(a, sector, (UCHAR)count);
    out(a->at, COMMAND, commands[to_disk][wide][a->disk->multiple != 0]);
    if (!to_disk)
        return SRB_STATUS_PENDING;
    ScsiPortStallExecution(1);
    s = wait_ready(a->at, POLLS);
    if (s & (IDE_STATUS_ERROR | STATUS_FAULT))
        return failed(a, s);
    if (s & IDE_STATUS_DRQ)
        move(a);
    return SRB_STATUS_PENDING; /* a disk that is busy yet interrupts, or its time runs out */
}

UCHAR
plain_command(struct adapter *a, UCHAR command)
{
    a->left = 0;
    a->out = FALSE;
    if (!select(a, 0))
        return SRB_STATUS_TIMEOUT;
    out(a->at, COMMAND, command);
    return SRB_STATUS_PENDING;
}

UCHAR
transfer_interrupt(struct adapter *a)
{
    UCHAR s = in(a->at, STATUS); /* takes the interrupt back */

    if (s & IDE_STATUS_BUSY)
        return SRB_STATUS_PENDING;
    if (s & (IDE_STATUS_ERROR | STATUS_FAULT))
        return failed(a, s);
    if (!a->left)
        return SRB_STATUS_SUCCESS;
    if (s & IDE_STATUS_DRQ)
        move(a);
    return a->left || a->out ? SRB_STATUS_PENDING : SRB_STATUS_SUCCESS;
}
