/* The registers of a channel. */
#include "ide.h"

/* Does not acknowledge an interrupt. */
UCHAR
ide_alternate_status(struct channel *c)
{
    return AtaPortReadPortUchar(c->control);
}

/* 400 ns until the status is valid after a selection or a command: four reads of 100 ns. */
static void
settle(struct channel *c)
{
    for (ULONG i = 0; i < 4; i++)
        (void)ide_alternate_status(c);
}

UCHAR
ide_wait(struct channel *c, UCHAR mask, UCHAR value)
{
    UCHAR status = ide_alternate_status(c);

    for (ULONG us = 0; us < WAIT_US && (status & mask) != value; us++) {
        AtaPortStallExecution(1);
        status = ide_alternate_status(c);
    }
    return status;
}

BOOLEAN
ide_select(struct channel *c, UCHAR target, UCHAR device_bits)
{
    out(c, DEVICE, (UCHAR)(DEVICE_OBSOLETE | (target ? DEVICE_SECOND : 0) | (device_bits & 0x4f)));
    settle(c);
    return !(ide_wait(c, IDE_STATUS_BUSY | IDE_STATUS_DRQ, 0) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ));
}

static void
write_set(struct channel *c, const IDEREGISTERS *r)
{
    out(c, FEATURES, r->bFeaturesReg);
    out(c, COUNT, r->bSectorCountReg);
    out(c, LBA_LOW, r->bSectorNumberReg);
    out(c, LBA_MID, r->bCylLowReg);
    out(c, LBA_HIGH, r->bCylHighReg);
}

void
ide_registers_write(struct channel *c, const IDE_TASK_FILE *t, BOOLEAN is_48bit)
{
    if (is_48bit)
        write_set(c, &t->Previous);
    write_set(c, &t->Current);
}

static void
read_set(struct channel *c, IDEREGISTERS *r)
{
    r->bFeaturesReg = in(c, ERROR);
    r->bSectorCountReg = in(c, COUNT);
    r->bSectorNumberReg = in(c, LBA_LOW);
    r->bCylLowReg = in(c, LBA_MID);
    r->bCylHighReg = in(c, LBA_HIGH);
}

#define CONTROL_HIGH_ORDER 0x80 /* the previous contents are read */

void
ide_registers_return(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    IDE_TASK_FILE t = {0};
    ULONG size = sizeof(t.Current);

    read_set(c, &t.Current);
    t.Current.bDriveHeadReg = in(c, DEVICE);
    t.Current.bCommandReg = ide_alternate_status(c);
    if (irb->IrbFlags & IRB_FLAGS_48BIT) {
        AtaPortWritePortUchar(c->control, CONTROL_HIGH_ORDER);
        read_set(c, &t.Previous);
        AtaPortWritePortUchar(c->control, 0);
        size = sizeof(t);
    }
    if (irb->SenseInfoBuffer && irb->SenseInfoBufferLength >= size) {
        AtaPortCopyMemory(irb->SenseInfoBuffer, &t, size);
        irb->IrbStatus |= IRB_STATUS_RETURN_TASKFILE_VALID;
    }
}
