/* ATA commands: without data, by PIO, by DMA (ATA/ATAPI-6, 9.4 to 9.7). */
#include "ide.h"

/* The registers that a selection has written read back: somebody is there. */
static BOOLEAN
somebody_answers(struct channel *c)
{
    out(c, COUNT, 0x55);
    out(c, LBA_LOW, 0xaa);
    return in(c, COUNT) == 0x55 && in(c, LBA_LOW) == 0xaa;
}

/* The next block, with the data register ready for it. */
static void
block_move(struct channel *c)
{
    ULONG size = c->left < c->block ? c->left : c->block;

    if (c->phase == PIO_IN)
        AtaPortReadPortBufferUshort((PUSHORT)(PVOID)(c->command + DATA), (PUSHORT)(PVOID)c->data, size / 2);
    else
        AtaPortWritePortBufferUshort((PUSHORT)(PVOID)(c->command + DATA), (PUSHORT)(PVOID)c->data, size / 2);
    c->data += size;
    c->left -= size;
}

/* The first block of a write has no interrupt of its own. */
static void
first_block(struct channel *c)
{
    UCHAR status = ide_wait(c, IDE_STATUS_BUSY | IDE_STATUS_DRQ, IDE_STATUS_DRQ);

    if ((status & (IDE_STATUS_BUSY | IDE_STATUS_DRQ)) == IDE_STATUS_DRQ)
        block_move(c);
    else
        ide_complete(c, status & IDE_STATUS_ERROR ? IRB_STATUS_DEVICE_ERROR : IRB_STATUS_BUSY);
}

static ULONG
block_size(const struct device *d, const IDE_REQUEST_BLOCK *irb)
{
    ULONG sector = irb->Function == IRB_FUNCTION_ATA_READ || irb->Function == IRB_FUNCTION_ATA_WRITE
                       ? d->sector
                       : 512;

    return irb->IrbFlags & IRB_FLAGS_PIO_MULTIPLE ? sector * d->multiple : sector;
}

void
ide_command(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    const IDE_TASK_FILE *t = &irb->IdeTaskFile;

    if (!ide_select(c, irb->TargetId, t->Current.bDriveHeadReg)) {
        ide_complete(c, ide_alternate_status(c) == STATUS_NOBODY ? IRB_STATUS_SELECTION_TIMEOUT
                                                                 : IRB_STATUS_BUSY);
        return;
    }
    if (irb->Function == IRB_FUNCTION_ATA_IDENTIFY && !somebody_answers(c)) {
        ide_complete(c, IRB_STATUS_SELECTION_TIMEOUT);
        return;
    }
    c->phase = irb->IrbFlags & IRB_FLAGS_USE_DMA    ? DMA
               : irb->IrbFlags & IRB_FLAGS_DATA_IN  ? PIO_IN
               : irb->IrbFlags & IRB_FLAGS_DATA_OUT ? PIO_OUT
                                                    : NO_DATA;
    c->data = irb->DataBuffer;
    c->left = irb->DataTransferLength;
    c->block = block_size(&c->device[irb->TargetId], irb);
    if (c->phase == DMA && (!c->master || !ide_dma_prepare(c, irb))) {
        ide_complete(c, IRB_STATUS_INVALID_REQUEST);
        return;
    }
    ide_registers_write(c, t, (irb->IrbFlags & IRB_FLAGS_48BIT) != 0);
    out(c, COMMAND, t->Current.bCommandReg);
    if (c->phase == DMA)
        ide_dma_start(c);
    else if (c->phase == PIO_OUT)
        first_block(c);
    else if (irb->Function == IRB_FUNCTION_ATA_IDENTIFY && !ide_alternate_status(c))
        ide_complete(c, IRB_STATUS_SELECTION_TIMEOUT); /* the first device answers for a missing second one */
}

/* TRUE: it is done, or goes on. */
BOOLEAN
ide_command_interrupt(struct channel *c, UCHAR status)
{
    UCHAR master = c->phase == DMA ? ide_dma_stop(c) : 0;

    if (status & (IDE_STATUS_ERROR | STATUS_FAULT) || master & BM_ERROR) {
        ide_complete(c, IRB_STATUS_DEVICE_ERROR);
        return TRUE;
    }
    if ((c->phase == PIO_IN || c->phase == PIO_OUT) && c->left) {
        if (!(status & IDE_STATUS_DRQ)) { /* it is done, and gave or took less */
            c->irb->DataTransferLength -= c->left;
            ide_complete(c, IRB_STATUS_DATALENGTH_MISMATCH);
            return TRUE;
        }
        block_move(c);
        if (c->left || c->phase == PIO_OUT)
            return TRUE; /* after the last block out an interrupt says that it was written */
    }
    ide_complete(c, IRB_STATUS_SUCCESS);
    return TRUE;
}
