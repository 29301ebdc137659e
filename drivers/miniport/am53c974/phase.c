/*
 * What a target asks for while it is connected: data, status, messages (SCSI-2, 6.1).
 */
#include "am53c974.h"

#define BLAST_READS 100 /* of the DMA status, until what the engine holds is in memory */

/* A transfer by the engine, for a command of the core's. */
void
engine_start(struct adapter *a, ULONG physical, ULONG count, ULONG direction, UCHAR command)
{
    put(a, COUNT_LOW, (UCHAR)count);
    put(a, COUNT_MID, (UCHAR)(count >> 8));
    put(a, COUNT_HIGH, (UCHAR)(count >> 16));
    put32(a, DMA_COMMAND, DMA_IDLE | direction);
    put32(a, DMA_COUNT, count);
    put32(a, DMA_ADDRESS, physical);
    put(a, COMMAND, command | CMD_DMA);
    put32(a, DMA_COMMAND, DMA_START | direction);
}

/* The next run of the data, which the engine moves. */
static void
data_phase(struct adapter *a, BOOLEAN in)
{
    PSCSI_REQUEST_BLOCK srb = a->srb;
    ULONG left = srb->DataTransferLength - a->unit->moved, run = 0, direction = in ? DMA_TO_MEMORY : 0;
    SCSI_PHYSICAL_ADDRESS address;

    if (!left || !(srb->SrbFlags & (in ? SRB_FLAGS_DATA_IN : SRB_FLAGS_DATA_OUT))) {
        /* more than was said, or the wrong way: there is no end to it but a reset */
        ScsiPortLogError(a, srb, 0, srb->TargetId, srb->Lun, SP_PROTOCOL_ERROR, left);
        put(a, COMMAND, CMD_RESET_BUS);
        return;
    }
    address = ScsiPortGetPhysicalAddress(a, srb, (PUCHAR)srb->DataBuffer + a->unit->moved, &run);
    if (run > left)
        run = left;
    if (run > RUN_MAX - a->unit->moved % RUN_MAX)
        run = RUN_MAX - a->unit->moved % RUN_MAX;
    a->run = run;
    a->run_in = in;
    engine_start(a, ScsiPortConvertPhysicalAddressToUlong(address), run, direction, CMD_TRANSFER);
}

/* A run has ended, or was ended: how much of it has been moved? What a short read left in the engine goes to memory. */
void
transfer_end(struct adapter *a)
{
    ULONG direction = a->run_in ? DMA_TO_MEMORY : 0, left = get32(a, DMA_LEFT);

    if (left && a->run_in) {
        put32(a, DMA_COMMAND, DMA_BLAST | direction);
        for (ULONG i = 0; i < BLAST_READS && !(get32(a, DMA_STATUS) & DMA_BLASTED); i++)
            ScsiPortStallExecution(1);
        left = get32(a, DMA_LEFT);
    } else if (!a->run_in) { /* the engine reads ahead: what has not left the chip counts */
        ULONG kept = get(a, COUNT_LOW) | (ULONG)get(a, COUNT_MID) << 8 | (ULONG)get(a, COUNT_HIGH) << 16;

        kept += get(a, FIFO_STATE) & FIFO_MASK;
        if (kept > left && kept <= a->run)
            left = kept;
    }
    put32(a, DMA_COMMAND, DMA_IDLE | direction);
    a->unit->moved += a->run - (left < a->run ? left : a->run);
    a->run = 0;
}

/* The rest of a command block that was not sent with the selection. */
static void
command_phase(struct adapter *a)
{
    put(a, COMMAND, CMD_CLEAR_FIFO);
    for (ULONG i = 0; i < a->srb->CdbLength; i++)
        a->out[i] = a->srb->Cdb[i];
    engine_start(a, a->out_at, a->srb->CdbLength, 0, CMD_TRANSFER);
}

/* Asked for by ATN, or by the target: with nothing to say, that. */
static void
message_out(struct adapter *a)
{
    struct target *t = &a->target[a->srb->TargetId];

    if (t->asking) {
        t->asking = FALSE;
        negotiate(a);
    } else {
        put(a, COMMAND, CMD_CLEAR_FIFO);
        put(a, FIFO, a->rejecting ? SCSIMESS_MESSAGE_REJECT : SCSIMESS_NO_OPERATION);
        a->rejecting = FALSE;
        put(a, COMMAND, CMD_TRANSFER);
    }
}

void
phase(struct adapter *a, UCHAR status)
{
    switch (status & STATUS_PHASE) {
    case PHASE_DATA_OUT:
    case PHASE_DATA_IN:
        data_phase(a, (status & STATUS_PHASE) == PHASE_DATA_IN);
        break;
    case PHASE_COMMAND:
        command_phase(a);
        break;
    case PHASE_STATUS:
        put(a, COMMAND, CMD_CLEAR_FIFO);
        a->state = ENDING;
        put(a, COMMAND, CMD_COMPLETE);
        break;
    case PHASE_MESSAGE_OUT:
        message_out(a);
        break;
    case PHASE_MESSAGE_IN:
        if (a->state == ENDING) { /* both bytes are there */
            a->status = get(a, FIFO) & 0x3e;
            (void)get(a, FIFO);
            put(a, COMMAND, CMD_ACCEPT);
        } else if (get(a, FIFO_STATE) & FIFO_MASK) {
            message_in(a, get(a, FIFO));
        } else {
            put(a, COMMAND, CMD_TRANSFER);
        }
        break;
    default:
        ScsiPortLogError(a, a->srb, 0, a->srb->TargetId, a->srb->Lun, SP_PROTOCOL_ERROR, status);
        put(a, COMMAND, CMD_RESET_BUS);
    }
}
