/*
 * What the chip interrupts for: ends of commands, and what its program leaves to the processor.
 */
#include "sym53c8xx.h"

/* The command whose table DSA points to; NULL: it is none. */
static struct command *
current(struct adapter *a)
{
    ULONG offset = get32(a, DSA) - a->physical - FIELD_OFFSET(struct shared, command[0].table);

    return offset % sizeof(struct command) == 0 && offset / sizeof(struct command) < COMMANDS
               ? &a->shared->command[offset / sizeof(struct command)]
               : NULL;
}

static UCHAR
status_of(const struct command *c)
{
    switch (c->status & 0x3e) {
    case SCSISTAT_GOOD:
        return SRB_STATUS_SUCCESS;
    case SCSISTAT_BUSY:
    case SCSISTAT_QUEUE_FULL:
        return SRB_STATUS_BUSY;
    default:
        return SRB_STATUS_ERROR;
    }
}

static void
give_up(struct adapter *a, ULONG code, ULONG id)
{
    ScsiPortLogError(a, NULL, 0, get(a, SDID) & 15, 0, code, id);
    put(a, SCNTL1, SCNTL1_RESET);
    ScsiPortStallExecution(30);
    put(a, SCNTL1, 0); /* and the interrupt that this makes ends all commands */
}

/* ---- the program has stopped itself ---- */

static void
done(struct adapter *a, struct command *c, BOOLEAN without)
{
    if (c && c->srb) {
        if (without)
            c->left = c->srb->DataTransferLength;
        command_end(a, c, status_of(c));
    }
    run(a, a->label[L_START]);
}

static void
untagged(struct adapter *a)
{
    UCHAR target = get(a, SSID) & 15, lun = a->shared->message[0] & 7;
    struct command *c = a->out;

    while (c && (c->srb->TargetId != target || c->srb->Lun != lun ||
                 c->srb->SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE))
        c = c->after;
    if (c)
        run(a, c->physical + 4 * CODE_RESUME);
    else
        give_up(a, SP_INVALID_RESELECTION, target);
}

/* A target is there and has not said which command it is about. */
static void
unknown(struct adapter *a)
{
    ULONG phase = get(a, SSTAT1) & PHASE_MASK;

    if (phase == STATUS && a->out && !a->out->after) {
        run(a, a->out->physical + 4 * CODE_RESUME);
        return;
    }
    a->careful = CAREFUL;
    give_up(a, SP_INVALID_RESELECTION, phase);
}

/* MESSAGE REJECT: what we asked for is not to be. Others are not known: they are taken, and nothing comes of them. */
static void
message(struct adapter *a, struct command *c)
{
    if (a->shared->message[0] == SCSIMESS_RESTORE_POINTERS || !c)
        give_up(a, SP_PROTOCOL_ERROR, a->shared->message[0]); /* the data's first pieces have gone */
    else
        run(a, a->label[L_ACCEPT]);
}

static void
stopped(struct adapter *a)
{
    struct command *c = current(a);
    ULONG why = get32(a, DSPS);

    switch (why) {
    case STOP_DONE:
        done(a, c, FALSE);
        break;
    case STOP_DONE_WITHOUT:
        done(a, c, TRUE);
        break;
    case STOP_OVERRUN:
        if (c)
            c->overrun = TRUE;
        run(a, a->label[L_DISPATCH_DONE]);
        break;
    case STOP_UNTAGGED:
        untagged(a);
        break;
    case STOP_UNKNOWN:
        unknown(a);
        break;
    case STOP_MESSAGE:
        message(a, c);
        break;
    case STOP_EXTENDED:
        negotiated(a, get(a, SDID) & 15);
        run(a, a->label[L_ACCEPT]);
        break;
    default: /* UNSAVED: what has been moved would have to be moved again */
        give_up(a, SP_PROTOCOL_ERROR, why);
    }
}

/* ---- the chip has stopped it ---- */

/* Bytes that an instruction has not moved: what it counts, and what has not left the chip. */
static ULONG
not_moved(struct adapter *a, BOOLEAN out)
{
    ULONG count = get32(a, DBC) & 0xffffff;

    if (out) {
        UCHAR latched = get(a, SSTAT0) & SSTAT0_LATCHED;

        count += (get(a, DFIFO) - count) & FIFO_MASK;
        for (; latched; latched &= latched - 1)
            count++;
    }
    put(a, CTEST3, CTEST3_CLEAR);
    put(a, STEST3, STEST3_EAN | STEST3_CLEAR);
    return count;
}

/* The target has left the data phase. It is where the piece that the instruction moved has this left. */
static void
data_stopped(struct adapter *a, struct command *c, ULONG piece, BOOLEAN out)
{
    ULONG left = not_moved(a, out), phase = get(a, SSTAT1) & PHASE_MASK;
    struct entry *e = &c->table.data[piece];

    if (left > e->count)
        left = e->count;
    e->address += e->count - left;
    e->count = left;
    command_data_at(a, c, left ? piece : piece + 1);
    if (phase == STATUS)
        for (ULONG i = c->next; i < PIECES; i++)
            c->left += c->table.data[i].count;
    run(a, a->label[L_UNSAVED]);
}

/* A target may ask for data, think, and have none. */
static void
bucket_stopped(struct adapter *a, struct command *c, BOOLEAN out)
{
    if (not_moved(a, out) != BUCKET)
        c->overrun = TRUE;
    run(a, a->label[L_DISPATCH_DONE]);
}

/* Not the phase that the instruction was for. DSP is behind it. */
static void
other_phase(struct adapter *a)
{
    ULONG at = get32(a, DSP) - 8, in = a->label[L_DATA_IN], out = a->label[L_DATA_OUT];
    struct command *c = current(a);

    if (!c || !c->srb)
        give_up(a, SP_PROTOCOL_ERROR, at);
    else if (at - in < 8 * PIECES)
        data_stopped(a, c, (at - in) / 8, FALSE);
    else if (at - out < 8 * PIECES)
        data_stopped(a, c, (at - out) / 8, TRUE);
    else if (at == a->label[L_BUCKET_IN] || at == a->label[L_BUCKET_OUT])
        bucket_stopped(a, c, at == a->label[L_BUCKET_OUT]);
    else
        run(a, a->label[L_COMMAND]);
}

static void
ended_by(struct adapter *a, UCHAR srb_status)
{
    struct command *c = current(a);

    if (c && c->srb) {
        if (srb_status == SRB_STATUS_SELECTION_TIMEOUT)
            *a->begin = c->behind; /* it stopped before that */
        command_end(a, c, srb_status);
    }
    run(a, a->label[L_START]);
}

static void
scsi_event(struct adapter *a, UCHAR why0, UCHAR why1)
{
    if (why0 & SIST0_RESET) {
        bus_was_reset(a);
    } else if (why1 & SIST1_TIMEOUT) {
        ended_by(a, SRB_STATUS_SELECTION_TIMEOUT);
    } else if (why0 & SIST0_DISCONNECT) {
        ended_by(a, SRB_STATUS_UNEXPECTED_BUS_FREE);
    } else if (why0 & (SIST0_PARITY | SIST0_GROSS)) {
        give_up(a, why0 & SIST0_PARITY ? SP_BUS_PARITY_ERROR : SP_PROTOCOL_ERROR, why0);
    } else if (why0 & SIST0_PHASE) {
        other_phase(a);
    }
}

BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    struct adapter *a = extension;
    UCHAR what = get(a, ISTAT), why;

    if (!(what & (ISTAT_SCSI | ISTAT_DMA)))
        return FALSE;
    if (what & ISTAT_SCSI) {
        UCHAR why0 = get(a, SIST0);

        scsi_event(a, why0, get(a, SIST1));
    }
    if (what & ISTAT_DMA) {
        why = get(a, DSTAT);
        if (why & DSTAT_INT)
            stopped(a);
        else if (why & (DSTAT_FAULT | DSTAT_WRONG))
            give_up(a, SP_INTERNAL_ADAPTER_ERROR, why);
    }
    return TRUE;
}
