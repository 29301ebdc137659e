/* Command packets (ATA/ATAPI-6, 9.8 to 9.10), and the sense data of those that fail. */
#include "ide.h"

#define REASON_COMMAND 0x01
#define REASON_TO_HOST 0x02
#define BYTES_AT_ONCE  0xfffe /* even, as the interface wants it */
#define FEATURE_DMA    0x01
#define CDB_READ_10    0x28
#define CDB_WRITE_10   0x2a
#define CDB_READ_12    0xa8
#define CDB_WRITE_12   0xaa
#define CDB_READ_CD    0xbe

/* Commands whose length is exact; others may end early, which a bus master does not tell. */
BOOLEAN
ide_packet_wants_dma(PIDE_REQUEST_BLOCK irb)
{
    UCHAR op = irb->Cdb[0];

    return irb->IrbFlags & IRB_FLAGS_USE_DMA &&
           (op == CDB_READ_10 || op == CDB_WRITE_10 || op == CDB_READ_12 || op == CDB_WRITE_12 ||
            op == CDB_READ_CD);
}

static void
cdb_write(struct channel *c)
{
    UCHAR cdb[16] = {0};

    for (ULONG i = 0; i < c->irb->CdbLength && i < sizeof(cdb); i++)
        cdb[i] = c->irb->Cdb[i];
    AtaPortWritePortBufferUshort((PUSHORT)(PVOID)(c->command + DATA), (PUSHORT)(PVOID)cdb,
                                 c->device[c->irb->TargetId].packet_words);
    c->phase = c->phase == DMA ? DMA : PACKET;
    if (c->phase == DMA)
        ide_dma_start(c);
}

void
ide_packet(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    const struct device *d = &c->device[irb->TargetId];
    ULONG size = irb->DataTransferLength < BYTES_AT_ONCE ? irb->DataTransferLength : BYTES_AT_ONCE;
    UCHAR status;

    if (!ide_select(c, irb->TargetId, 0)) {
        ide_complete(c, IRB_STATUS_BUSY);
        return;
    }
    c->data = irb->DataBuffer;
    c->left = irb->DataTransferLength;
    c->phase = c->master && ide_packet_wants_dma(irb) && ide_dma_prepare(c, irb) ? DMA : PACKET_CDB;
    out(c, FEATURES, c->phase == DMA ? FEATURE_DMA : 0);
    out(c, LBA_MID, (UCHAR)size);
    out(c, LBA_HIGH, (UCHAR)(size >> 8));
    out(c, COMMAND, IDE_COMMAND_ATAPI_PACKET);
    if (d->packet_interrupts && c->phase != DMA)
        return; /* the interrupt asks for it */
    status = ide_wait(c, IDE_STATUS_BUSY | IDE_STATUS_DRQ, IDE_STATUS_DRQ);
    if ((status & (IDE_STATUS_BUSY | IDE_STATUS_DRQ)) == IDE_STATUS_DRQ)
        cdb_write(c);
    else
        ide_complete(c, status & IDE_STATUS_ERROR ? IRB_STATUS_DEVICE_ERROR : IRB_STATUS_BUSY);
}

/* As much as the device has or wants now; what the request has no room for, or has not, is thrown away, or zeros. */
static void
data_move(struct channel *c, BOOLEAN to_host)
{
    ULONG count = in(c, LBA_MID) | (ULONG)in(c, LBA_HIGH) << 8;
    ULONG use = count < c->left ? count : c->left;
    PUSHORT port = (PUSHORT)(PVOID)(c->command + DATA);

    if (to_host)
        AtaPortReadPortBufferUshort(port, (PUSHORT)(PVOID)c->data, use / 2);
    else
        AtaPortWritePortBufferUshort(port, (PUSHORT)(PVOID)c->data, use / 2);
    if (use & 1 && to_host)
        c->data[use - 1] = (UCHAR)AtaPortReadPortUshort(port);
    else if (use & 1)
        AtaPortWritePortUshort(port, c->data[use - 1]);
    for (ULONG at = (use + 1) & ~1u; at < count; at += 2)
        if (to_host)
            (void)AtaPortReadPortUshort(port);
        else
            AtaPortWritePortUshort(port, 0);
    c->data += use;
    c->left -= use;
}

/* The command failed: the device says why, in a command of the miniport's own (contract 1, row 14). */
static void
ask_why(struct channel *c)
{
    PIDE_REQUEST_BLOCK failed = c->irb, ask;

    failed->AtaStatus = ide_alternate_status(c);
    failed->AtaError = in(c, ERROR);
    ask = AtaPortBuildRequestSenseIrb(c, failed);
    if (!ask) {
        ide_complete(c, IRB_STATUS_DEVICE_ERROR);
        return;
    }
    ask->NextIrb = failed;
    c->irb = ask;
    ide_packet(c, ask);
}

/* What the device said goes to the request that failed. */
static void
told_why(struct channel *c, BOOLEAN success)
{
    PIDE_REQUEST_BLOCK ask = c->irb, failed = ask->NextIrb;

    AtaPortReleaseRequestSenseIrb(c, ask);
    c->irb = NULL;
    c->phase = IDLE;
    failed->IrbStatus = IRB_STATUS_DEVICE_ERROR;
    if (success && failed->SenseInfoBuffer && failed->SenseInfoBufferLength)
        failed->IrbStatus |= IRB_STATUS_AUTOSENSE_VALID;
    AtaPortCompleteRequest(c, failed);
}

static void
packet_end(struct channel *c, BOOLEAN failed)
{
    if (c->irb->Function == IRB_FUNCTION_REQUEST_SENSE) {
        told_why(c, !failed);
    } else if (failed) {
        ask_why(c);
    } else if (c->phase != DMA && c->left) {
        c->irb->DataTransferLength -= c->left;
        ide_complete(c, IRB_STATUS_DATALENGTH_MISMATCH);
    } else {
        ide_complete(c, IRB_STATUS_SUCCESS);
    }
}

BOOLEAN
ide_packet_interrupt(struct channel *c, UCHAR status)
{
    UCHAR reason = in(c, COUNT) & (REASON_COMMAND | REASON_TO_HOST);

    if (c->phase == DMA) {
        UCHAR master = ide_dma_stop(c);

        packet_end(c, (status & IDE_STATUS_ERROR) || (master & BM_ERROR));
    } else if (c->phase == PACKET_CDB && status & IDE_STATUS_DRQ && reason == REASON_COMMAND) {
        cdb_write(c);
    } else if (status & IDE_STATUS_DRQ && !(reason & REASON_COMMAND)) {
        data_move(c, reason == REASON_TO_HOST);
    } else {
        packet_end(c, (status & (IDE_STATUS_ERROR | STATUS_FAULT)) != 0);
    }
    return TRUE;
}
