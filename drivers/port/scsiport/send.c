/*
 * SRBs from above: what goes to the miniport, and what the port answers itself (S-079 to S-087, S-111, S-112, S-120 to S-123).
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/cpu/irql.h"

#define SECONDS_DEFAULT 30

static void
finish(struct scsi_request *s, uint8_t status)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    s->srb.SrbStatus = status;
    s->done(s);
    irql_lower(irql);
}

/* The engine's end of a request. */
static void
done(struct request *r)
{
    struct scsi_io *io = container_of(r, struct scsi_io, r);

    if (r->error == -ECANCELED)
        io->status = SRB_STATUS_REQUEST_FLUSHED; /* S-120 */
    else if (r->error == -ENODEV)
        io->status = SRB_STATUS_NO_DEVICE;
    io->s->srb.SrbStatus = io->status;
    io->s->done(io->s);
}

/* What bypasses a queue that is frozen or locked (S-119, S-121). */
static uint8_t
passes_of(ULONG flags)
{
    return (flags & SRB_FLAGS_BYPASS_FROZEN_QUEUE ? HOLD_FROZEN : 0) |
           (flags & SRB_FLAGS_BYPASS_LOCKED_QUEUE ? HOLD_FROZEN | HOLD_LOCKED : 0);
}

void
scsi_queue(struct scsi_unit *u, struct scsi_request *s, uint8_t passes)
{
    struct scsi_io *io = (struct scsi_io *)(void *)s->room;

    io->s = s;
    io->unit = u;
    io->data = (struct request_data){s->srb.DataBuffer, s->piece, s->pieces, s->srb.DataTransferLength};
    io->deadline = 0;
    io->phase = IO_COMMAND;
    io->status = SRB_STATUS_ERROR;
    io->wants_sense = false;
    io->r.seconds = s->srb.TimeOutValue ? s->srb.TimeOutValue : SECONDS_DEFAULT;
    io->r.flags = 0;
    io->r.passes = passes;
    io->r.done = done;
    if (unit_submit(u->unit, &io->r))
        finish(s, SRB_STATUS_NO_DEVICE);
}

/* A request about another one of its unit does not wait until that has ended. With a depth of 1 nothing slips out beside it. */
static void
queue_about(struct scsi_unit *u, struct scsi_request *s)
{
    s->srb.DataTransferLength = 0;
    if (u->depth_max == 1)
        unit_release(u->unit, HOLD_PACE);
    scsi_queue(u, s, HOLD_ALL & ~HOLD_RECOVERY);
}

/* S-111: the request that it is about, as the miniport knows it, or NULL. */
static SCSI_REQUEST_BLOCK *
victim(const struct scsi_hba *h, const SCSI_REQUEST_BLOCK *theirs)
{
    uint8_t irql = spin_lock(&h->bus->lock);
    SCSI_REQUEST_BLOCK *found = NULL;

    for (uint32_t n = 0; n < h->slot_count; n++)
        if (bus_slot_is_out(h->bus, n) && &scsi_io_of(h->bus, n)->s->srb == theirs)
            found = &h->slots[n].srb;
    spin_unlock(&h->bus->lock, irql);
    return found;
}

static void
abort_send(struct scsi_unit *u, struct scsi_request *s)
{
    s->srb.NextSrb = victim(u->hba, s->srb.NextSrb);
    if (s->srb.NextSrb)
        queue_about(u, s);
    else
        finish(s, SRB_STATUS_ABORT_FAILED); /* it waits, or has ended */
}

/* S-112; S-080: a device's reset only to a miniport that has asked for that. A reset that it cannot be asked for is the next larger. */
static void
reset_send(struct scsi_unit *u, struct scsi_request *s)
{
    if (s->srb.Function != SRB_FUNCTION_RESET_BUS && u->hba->config.ResetTargetSupported) {
        s->srb.Function = SRB_FUNCTION_RESET_DEVICE;
        s->srb.NextSrb = NULL;
        queue_about(u, s);
        return;
    }
    scsi_reset(u->hba, u->unit->path);
    finish(s, SRB_STATUS_SUCCESS);
}

/* S-122 */
static void
claim(struct scsi_unit *u, struct scsi_request *s)
{
    bool taken = __atomic_exchange_n(&u->claimed, true, __ATOMIC_ACQ_REL);

    s->srb.DataBuffer = taken ? NULL : u->unit;
    finish(s, taken ? SRB_STATUS_BUSY : SRB_STATUS_SUCCESS);
}

/* S-120, S-121: the queue itself. */
static void
manage(struct scsi_unit *u, struct scsi_request *s)
{
    switch (s->srb.Function) {
    case SRB_FUNCTION_FLUSH_QUEUE:
        unit_flush(u->unit, -ECANCELED);
        unit_release(u->unit, HOLD_FROZEN);
        break;
    case SRB_FUNCTION_RELEASE_QUEUE:
        unit_release(u->unit, HOLD_FROZEN);
        break;
    case SRB_FUNCTION_LOCK_QUEUE:
        unit_hold(u->unit, HOLD_LOCKED);
        break;
    default: /* UNLOCK_QUEUE */
        if (!(s->srb.SrbFlags & SRB_FLAGS_BYPASS_LOCKED_QUEUE)) {
            finish(s, SRB_STATUS_INVALID_REQUEST);
            return;
        }
        unit_release(u->unit, HOLD_LOCKED);
    }
    finish(s, SRB_STATUS_SUCCESS);
}

/* S-080, S-086: what no miniport sees ends here. */
static void
dispatch(struct scsi_unit *u, struct scsi_request *s)
{
    switch (s->srb.Function) {
    case SRB_FUNCTION_EXECUTE_SCSI:
        scsi_queue(u, s, passes_of(s->srb.SrbFlags));
        break;
    case SRB_FUNCTION_FLUSH: /* S-079 */
    case SRB_FUNCTION_SHUTDOWN:
        s->srb.DataTransferLength = 0;
        if (u->hba->config.CachesData)
            scsi_queue(u, s, passes_of(s->srb.SrbFlags));
        else
            finish(s, SRB_STATUS_SUCCESS);
        break;
    case SRB_FUNCTION_RECEIVE_EVENT: /* S-081 */
        if (u->hba->config.ReceiveEvent)
            scsi_queue(u, s, 0);
        else
            finish(s, SRB_STATUS_INVALID_REQUEST);
        break;
    case SRB_FUNCTION_IO_CONTROL:
        scsi_queue(u, s, 0);
        break;
    case SRB_FUNCTION_ABORT_COMMAND:
    case SRB_FUNCTION_TERMINATE_IO:
        abort_send(u, s);
        break;
    case SRB_FUNCTION_RESET_BUS:
    case SRB_FUNCTION_RESET_DEVICE:
    case SRB_FUNCTION_RESET_LOGICAL_UNIT:
        reset_send(u, s);
        break;
    case SRB_FUNCTION_FLUSH_QUEUE:
    case SRB_FUNCTION_RELEASE_QUEUE:
    case SRB_FUNCTION_LOCK_QUEUE:
    case SRB_FUNCTION_UNLOCK_QUEUE:
        manage(u, s);
        break;
    case SRB_FUNCTION_CLAIM_DEVICE:
        claim(u, s);
        break;
    case SRB_FUNCTION_RELEASE_DEVICE:
        __atomic_store_n(&u->claimed, false, __ATOMIC_RELEASE);
        finish(s, SRB_STATUS_SUCCESS);
        break;
    default:
        finish(s, SRB_STATUS_INVALID_REQUEST);
    }
}

/* S-084, S-085: a unit that does not exist cannot be addressed; what its sender wrote as address is not looked at. */
int
scsi_send(struct unit *u, struct scsi_request *s)
{
    if (unit_is_gone(u))
        return -ENODEV;
    if (s->srb.Length != sizeof(s->srb))
        finish(s, SRB_STATUS_BAD_SRB_BLOCK_LENGTH);
    else if (s->srb.CdbLength > sizeof(s->srb.Cdb))
        finish(s, SRB_STATUS_INVALID_REQUEST);
    else
        dispatch(u->face_data, s);
    return 0;
}
