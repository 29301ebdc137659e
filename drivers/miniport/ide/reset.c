/*
 * Software reset of a channel (ATA/ATAPI-6, 9.2). Devices may take 31 s until they take commands again: the port's queue is
 * held, and a timer looks after them.
 */
#include "ide.h"

#define HOLD_SECONDS 40
#define RESET_US     10 /* at least 5 */

static void
outstanding_end(struct channel *c)
{
    PIDE_REQUEST_BLOCK irb = c->irb;

    if (c->master)
        (void)ide_dma_stop(c);
    c->irb = NULL;
    if (!irb)
        return;
    if (irb->Function == IRB_FUNCTION_REQUEST_SENSE) {
        PIDE_REQUEST_BLOCK failed = irb->NextIrb;

        AtaPortReleaseRequestSenseIrb(c, irb);
        irb = failed;
    }
    irb->IrbStatus = IRB_STATUS_BUS_RESET;
    AtaPortCompleteRequest(c, irb);
}

static VOID NTAPI
settle_poll(PVOID extension)
{
    struct channel *c = extension;
    UCHAR status = ide_alternate_status(c);

    if (c->phase != SETTLING)
        return;
    if (status & IDE_STATUS_BUSY && status != STATUS_NOBODY && c->polls--) {
        (void)AtaPortRequestTimer(c, settle_poll, POLL_US);
        return;
    }
    c->phase = IDLE;
    AtaPortDeviceReady(c, IDE_UNTAGGED, IDE_UNTAGGED);
}

BOOLEAN NTAPI
ide_reset(PVOID extension)
{
    struct channel *c = extension;

    outstanding_end(c);
    AtaPortWritePortUchar(c->control, CONTROL_RESET);
    AtaPortStallExecution(RESET_US);
    AtaPortWritePortUchar(c->control, 0);
    c->phase = SETTLING;
    c->polls = READY_POLLS;
    AtaPortDeviceBusy(c, IDE_UNTAGGED, IDE_UNTAGGED, HOLD_SECONDS);
    (void)AtaPortRequestTimer(c, settle_poll, POLL_US);
    return TRUE;
}
