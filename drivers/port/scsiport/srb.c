/*
 * SRBs on their way to a miniport and back (S-066 to S-100).
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/trace/trace.h"
#include "lib/bytes.h"
#include "lib/string.h"

#define SENSE_SECONDS 10
#define SENSE_PASSES  (HOLD_ALL & ~(HOLD_RECOVERY | HOLD_BOUNCE))
#define GOOD_IN_A_ROW 256 /* commands, then the depth is raised again */
#define FLAGS_THROUGH                                                                                        \
    (SRB_FLAGS_DATA_IN | SRB_FLAGS_DATA_OUT | SRB_FLAGS_DISABLE_DISCONNECT |                                 \
     SRB_FLAGS_DISABLE_SYNCH_TRANSFER | SRB_FLAGS_DISABLE_AUTOSENSE | SRB_FLAGS_ADAPTER_CACHE_ENABLE |       \
     SRB_FLAGS_BYPASS_FROZEN_QUEUE | SRB_FLAGS_NO_QUEUE_FREEZE | SRB_FLAGS_QUEUE_ACTION_ENABLE)

/* ---- out ---- */

/* S-072: a tag is the number of the slot, which is unique among what is out. */
static void
tag_fill(const struct scsi_hba *h, const struct scsi_io *io, SCSI_REQUEST_BLOCK *srb, uint32_t n)
{
    bool command = srb->Function == SRB_FUNCTION_EXECUTE_SCSI && io->phase == IO_COMMAND;

    if (command && __atomic_load_n(&io->unit->tagged, __ATOMIC_RELAXED)) {
        srb->QueueTag = (UCHAR)n;
        srb->QueueAction = io->s->srb.SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE ? io->s->srb.QueueAction
                                                                               : SRB_SIMPLE_TAG_REQUEST;
        srb->SrbFlags |= SRB_FLAGS_QUEUE_ACTION_ENABLE;
        return;
    }
    srb->SrbFlags &= ~(ULONG)SRB_FLAGS_QUEUE_ACTION_ENABLE;
    srb->QueueAction = 0;
    srb->QueueTag = command && h->many && !h->may_tag ? (UCHAR)n : SP_UNTAGGED;
}

/* S-096: in the sender's name, into the slot's own sense data. */
static void
sense_fill(const struct scsi_io *io, struct scsi_slot *s)
{
    SCSI_REQUEST_BLOCK *srb = &s->srb;

    srb->Function = SRB_FUNCTION_EXECUTE_SCSI;
    srb->CdbLength = 6;
    memset(srb->Cdb, 0, sizeof(srb->Cdb));
    srb->Cdb[0] = SCSIOP_REQUEST_SENSE;
    srb->Cdb[1] = (UCHAR)(io->unit->unit->lun << 5); /* SCSI-2 had it there; later devices ignore it */
    srb->Cdb[4] = (UCHAR)s->data->size;
    srb->SrbFlags = SRB_FLAGS_DATA_IN | SRB_FLAGS_DISABLE_AUTOSENSE | SRB_FLAGS_DISABLE_DISCONNECT |
                    SRB_FLAGS_BYPASS_FROZEN_QUEUE | SRB_FLAGS_NO_QUEUE_FREEZE;
    srb->TimeOutValue = SENSE_SECONDS;
    srb->SenseInfoBuffer = NULL;
    srb->SenseInfoBufferLength = 0;
}

/* S-070, S-071, S-073, S-082; the data has been mapped */
static void
srb_fill(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s, uint32_t n)
{
    const SCSI_REQUEST_BLOCK *from = &io->s->srb;
    SCSI_REQUEST_BLOCK *srb = &s->srb;
    const struct unit *u = io->unit->unit;

    srb->Length = sizeof(*srb);
    srb->SrbStatus = SRB_STATUS_PENDING;
    srb->ScsiStatus = 0;
    srb->PathId = u->path;
    srb->TargetId = u->target;
    srb->Lun = u->lun;
    srb->DataTransferLength = io->data.size;
    srb->NextSrb = NULL;
    srb->OriginalRequest = &io->r;
    srb->SrbExtension = h->extension_size ? (char *)h->extensions.va + (size_t)n * h->extension_size : NULL;
    srb->QueueSortKey = 0;
    if (io->phase == IO_SENSE) {
        sense_fill(io, s);
    } else {
        srb->Function = from->Function;
        srb->CdbLength = from->CdbLength;
        memcpy(srb->Cdb, from->Cdb, sizeof(srb->Cdb));
        srb->SrbFlags = from->SrbFlags & FLAGS_THROUGH;
        srb->TimeOutValue = io->r.seconds;
        srb->SenseInfoBuffer = from->SenseInfoBuffer ? s->sense : NULL;
        srb->SenseInfoBufferLength = from->SenseInfoBuffer
                                         ? (UCHAR)MIN(from->SenseInfoBufferLength, SCSI_SENSE_SIZE)
                                         : 0;
        if (srb->SenseInfoBufferLength)
            s->sense[0] = 0;
        if (from->NextSrb) /* ABORT_COMMAND: what it is about has a slot (send.c) */
            srb->NextSrb = from->NextSrb;
    }
    tag_fill(h, io, srb, n);
    srb->SrbFlags |= SRB_FLAGS_IS_ACTIVE;
    trace(TRACE_SCSI, (uintptr_t)srb, srb->Function | (uint64_t)srb->SrbFlags << 32,
          srb->PathId | (uint32_t)srb->TargetId << 8 | (uint32_t)srb->Lun << 16 |
              (uint32_t)srb->QueueTag << 24 | (uint64_t)srb->CdbLength << 32,
          get_le64(srb->Cdb), get_le64(srb->Cdb + 8));
}

/* The port ends it itself, with a status, or with an error since the gate is closed. */
static void
end_here(struct scsi_hba *h, uint32_t n, uint8_t status, int error)
{
    if (!bus_slot_claim(h->bus, n))
        return;
    h->slots[n].srb.SrbStatus = status;
    h->bus->slots[n].request->error = error;
    bus_slot_post(h->bus, n);
}

/* Not the request of its unit that ScsiPortGetSrb() finds. */
static bool
is_about_others(UCHAR function)
{
    return function == SRB_FUNCTION_ABORT_COMMAND || function == SRB_FUNCTION_TERMINATE_IO ||
           function == SRB_FUNCTION_RESET_DEVICE;
}

/* S-066, S-083, S-139: what it asks for meanwhile is given when it has returned (bus_run()). */
static void
start(struct scsi_hba *h, struct scsi_unit *u, uint32_t n, SCSI_REQUEST_BLOCK *srb)
{
    uint64_t result = TRUE;
    uint8_t irql = spin_lock_at(&h->bus->isr_lock, h->bus->irq_level);
    int err;

    if (h->deferred) { /* S-104: it works at DISPATCH_LEVEL just now */
        bus_hold(h->bus, HOLD_RECOVERY);
        spin_unlock(&h->bus->isr_lock, irql);
        bus_postpone(h->bus, h->bus->slots[n].request);
        return;
    }
    if (srb->QueueTag == SP_UNTAGGED && !is_about_others(srb->Function))
        __atomic_store_n(&u->untagged, n + 1, __ATOMIC_RELAXED);
    bus_slot_start(h->bus, n);
    err = scsi_call(h, "HwScsiStartIo", (const void *)(uintptr_t)h->registration->hw.HwStartIo,
                    (uintptr_t)srb, &result);
    spin_unlock(&h->bus->isr_lock, irql);
    if (__builtin_expect(err, 0)) {
        end_here(h, n, SRB_STATUS_PENDING, err);
    } else if (__builtin_expect(!(uint8_t)result, 0)) {
        scsi_violation(h, RULE_S083, "HwScsiStartIo returned FALSE for function %#x (S-083)", srb->Function);
        end_here(h, n, SRB_STATUS_INVALID_REQUEST, 0);
        (void)bus_next(h->bus, NULL);
    }
}

/* All buffers are taken: it waits until one comes back. Looked at again after the hold, which ends when one does. */
static bool
wait_for_buffer(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s)
{
    bus_hold(h->bus, HOLD_BOUNCE);
    if (scsi_data_map(h, io, s) == DATA_WAIT) {
        bus_postpone(h->bus, &io->r);
        return true;
    }
    bus_release(h->bus, HOLD_BOUNCE);
    return false;
}

void
scsi_issue(struct bus *b, struct request *r)
{
    struct scsi_hba *h = b->face_data;
    struct scsi_io *io = container_of(r, struct scsi_io, r);
    struct scsi_slot *s = &h->slots[r->slot];
    enum data_mapping mapping;

    if (io->phase == IO_SENSE)
        io->data = (struct request_data){.va = s->sense,
                                         .size = MIN(io->s->srb.SenseInfoBufferLength, SCSI_SENSE_SIZE)};
    mapping = scsi_data_map(h, io, s);
    if (mapping == DATA_WAIT) {
        if (wait_for_buffer(h, io, s))
            return;
        mapping = DATA_MAPPED;
    }
    srb_fill(h, io, s, r->slot);
    if (__builtin_expect(mapping == DATA_CANNOT, 0)) { /* S-087 */
        bus_slot_start(b, r->slot);
        end_here(h, r->slot, SRB_STATUS_INVALID_REQUEST, 0);
        (void)bus_next(b, NULL); /* it has not seen it */
        return;
    }
    start(h, io->unit, r->slot, &s->srb);
}

/* ---- back: at the miniport's call, any IRQL ---- */

int
scsi_slot_of(const struct scsi_hba *h, const SCSI_REQUEST_BLOCK *srb)
{
    size_t offset = (size_t)((uintptr_t)srb - (uintptr_t)h->slots);

    return h->slots && offset % sizeof(*h->slots) == 0 && offset / sizeof(*h->slots) < h->slot_count
               ? (int)(offset / sizeof(*h->slots))
               : -1;
}

/* S-096, S-097: is sense data wanted that the miniport has not fetched? */
static bool
needs_sense(const struct scsi_hba *h, const struct scsi_io *io, const SCSI_REQUEST_BLOCK *srb)
{
    return srb->ScsiStatus == SCSISTAT_CHECK_CONDITION && io->phase == IO_COMMAND &&
           srb->Function == SRB_FUNCTION_EXECUTE_SCSI && srb->SenseInfoBufferLength &&
           !(srb->SrbStatus & SRB_STATUS_AUTOSENSE_VALID) && !(srb->SrbFlags & SRB_FLAGS_DISABLE_AUTOSENSE) &&
           !h->config.AutoRequestSense;
}

/* It has been claimed: nothing more goes to a unit whose sense data is to be fetched first. */
static void
claimed(struct scsi_hba *h, uint32_t n)
{
    struct scsi_io *io = scsi_io_of(h->bus, n);
    uint32_t untagged = n + 1;

    (void)__atomic_compare_exchange_n(&io->unit->untagged, &untagged, 0, false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED);
    if (__builtin_expect(needs_sense(h, io, &h->slots[n].srb), 0)) {
        io->wants_sense = true;
        unit_hold(io->unit->unit, HOLD_SENSE);
    }
    bus_slot_post(h->bus, n);
}

/* RequestComplete: S-088, S-089, S-090, S-091 (a DPC ends it), S-092 */
void
scsi_request_complete(struct scsi_hba *h, SCSI_REQUEST_BLOCK *srb)
{
    int n = scsi_slot_of(h, srb);

    if (n < 0)
        scsi_violation(h, RULE_S090, "completed %p, which is no request of its (S-090)", (void *)srb);
    else if (!bus_slot_claim(h->bus, (uint32_t)n))
        scsi_violation(h, RULE_S089, "completed %p twice, or after the port took it back (S-089)",
                       (void *)srb);
    else
        claimed(h, (uint32_t)n);
}

static bool
matches(uint8_t wanted, uint8_t is)
{
    return wanted == SP_UNTAGGED || wanted == is;
}

unsigned
scsi_complete_all(struct scsi_hba *h, uint8_t path, uint8_t target, uint8_t lun, uint8_t status)
{
    unsigned count = 0;

    for (uint32_t n = 0; n < h->slot_count; n++) {
        SCSI_REQUEST_BLOCK *srb = &h->slots[n].srb;

        if (!bus_slot_is_out(h->bus, n) || !matches(path, srb->PathId) || !matches(target, srb->TargetId) ||
            !matches(lun, srb->Lun) || !bus_slot_claim(h->bus, n))
            continue;
        srb->SrbStatus = status;
        claimed(h, n);
        count++;
    }
    return count;
}

/* S-098 */
VOID NTAPI
ScsiPortCompleteRequest(PVOID HwDeviceExtension, UCHAR PathId, UCHAR TargetId, UCHAR Lun, UCHAR SrbStatus)
{
    (void)scsi_complete_all(scsi_hba_of(HwDeviceExtension), PathId, TargetId, Lun, SrbStatus);
}

/* S-078 */
PSCSI_REQUEST_BLOCK NTAPI
ScsiPortGetSrb(PVOID HwDeviceExtension, UCHAR PathId, UCHAR TargetId, UCHAR Lun, LONG QueueTag)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);
    uint32_t n = (uint8_t)QueueTag;

    if (n == SP_UNTAGGED) {
        const struct scsi_unit *u = scsi_unit_find(h, PathId, TargetId, Lun);

        n = u ? __atomic_load_n(&u->untagged, __ATOMIC_RELAXED) : 0;
        return n && bus_slot_is_issued(h->bus, n - 1) ? &h->slots[n - 1].srb : NULL;
    }
    if (n >= h->slot_count || !bus_slot_is_issued(h->bus, n))
        return NULL;
    return h->slots[n].srb.PathId == PathId && h->slots[n].srb.TargetId == TargetId &&
                   h->slots[n].srb.Lun == Lun && h->slots[n].srb.QueueTag == n
               ? &h->slots[n].srb
               : NULL;
}

/* ---- back: in the end, at DISPATCH_LEVEL ---- */

/* Busy, or its queue is full: again, when something has ended or after a moment (S-093). */
static bool
try_again(struct scsi_io *io, uint8_t scsi_status)
{
    struct unit *u = io->unit->unit;
    uint64_t now = time_now();

    if (!io->deadline)
        io->deadline = now + SECONDS((uint64_t)MAX(io->r.seconds, 1u));
    if (now >= io->deadline)
        return false;
    __atomic_store_n(&io->unit->good, 0, __ATOMIC_RELAXED);
    if (scsi_status == SCSISTAT_QUEUE_FULL && u->active > 1)
        __atomic_store_n(&u->depth, u->active - 1, __ATOMIC_RELEASE);
    else
        scsi_busy(io->unit);
    io->r.flags |= REQUEST_FIRST;
    return true;
}

static void
deepen(struct scsi_unit *u)
{
    uint32_t depth = __atomic_load_n(&u->unit->depth, __ATOMIC_RELAXED);

    if (depth >= u->depth_max || __atomic_add_fetch(&u->good, 1, __ATOMIC_RELAXED) < GOOD_IN_A_ROW)
        return;
    __atomic_store_n(&u->good, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&u->unit->depth, depth + 1, __ATOMIC_RELEASE);
}

/* The sense data of the slot to the sender. Returns the bit that says so. */
static uint8_t
sense_give(struct scsi_io *io, const struct scsi_slot *s, size_t size)
{
    size = MIN(size, (size_t)io->s->srb.SenseInfoBufferLength);
    if (!io->s->srb.SenseInfoBuffer || !size)
        return 0;
    memcpy(io->s->srb.SenseInfoBuffer, s->sense, size);
    return SRB_STATUS_AUTOSENSE_VALID;
}

/* S-096: what was asked for as sense data has come, or not. */
static void
sense_came(struct scsi_io *io, const struct scsi_slot *s)
{
    uint8_t status = SRB_STATUS(s->srb.SrbStatus);

    if (!io->r.error && (status == SRB_STATUS_SUCCESS || status == SRB_STATUS_DATA_OVERRUN) &&
        (s->sense[0] & 0x70) == 0x70)
        io->status = io->sense_kept | sense_give(io, s, s->srb.DataTransferLength);
    else
        io->status = io->r.error ? SRB_STATUS_NO_HBA : SRB_STATUS_REQUEST_SENSE_FAILED;
    unit_release(io->unit->unit, HOLD_SENSE);
}

/* S-118, S-119: what makes a queue wait for RELEASE_QUEUE. */
static void
freeze(struct scsi_io *io)
{
    uint8_t status = SRB_STATUS(io->status), scsi = io->s->srb.ScsiStatus;

    if (io->s->srb.SrbFlags & SRB_FLAGS_NO_QUEUE_FREEZE)
        return;
    if (scsi != SCSISTAT_CHECK_CONDITION && scsi != SCSISTAT_COMMAND_TERMINATED &&
        status != SRB_STATUS_TIMEOUT && status != SRB_STATUS_BUS_RESET && status != SRB_STATUS_ABORTED)
        return;
    unit_hold(io->unit->unit, HOLD_FROZEN);
    io->status |= SRB_STATUS_QUEUE_FROZEN;
}

/* A command that has not ended well. Returns: false: it goes on. */
static bool
ended_badly(struct scsi_hba *h, struct scsi_io *io, const struct scsi_slot *s)
{
    const SCSI_REQUEST_BLOCK *srb = &s->srb;
    uint8_t status = SRB_STATUS(srb->SrbStatus);
    bool timed_out = h->bus->slots[io->r.slot].timed_out;
    bool busy = status == SRB_STATUS_BUSY ||
                (status == SRB_STATUS_ERROR &&
                 (srb->ScsiStatus == SCSISTAT_BUSY || srb->ScsiStatus == SCSISTAT_QUEUE_FULL));

    if (busy && !timed_out && try_again(io, srb->ScsiStatus))
        return false;
    io->status = busy ? SRB_STATUS_BUSY : timed_out ? SRB_STATUS_TIMEOUT : status; /* S-116 */
    if (io->wants_sense) {
        io->wants_sense = false;
        io->sense_kept = status == SRB_STATUS_SUCCESS ? SRB_STATUS_ERROR : status;
        io->phase = IO_SENSE;
        io->r.seconds = SENSE_SECONDS;
        io->r.passes = SENSE_PASSES;
        return false;
    }
    if (srb->ScsiStatus == SCSISTAT_CHECK_CONDITION && status == SRB_STATUS_SUCCESS)
        io->status = SRB_STATUS_ERROR;
    if (srb->SrbStatus & SRB_STATUS_AUTOSENSE_VALID)
        io->status |= sense_give(io, s, srb->SenseInfoBufferLength);
    return true;
}

bool
scsi_completed(struct bus *b, struct request *r)
{
    struct scsi_hba *h = b->face_data;
    struct scsi_io *io = container_of(r, struct scsi_io, r);
    struct scsi_slot *s = &h->slots[r->slot];
    bool done = true;

    if (!r->error)
        scsi_verify_answer(h, io, s);
    if (s->bounce >= 0)
        scsi_data_unmap(h, io, s);
    if (io->phase == IO_SENSE) {
        sense_came(io, s);
    } else {
        io->s->srb.ScsiStatus = r->error ? 0 : s->srb.ScsiStatus;
        io->s->srb.DataTransferLength = r->error ? 0 : s->srb.DataTransferLength;
        if (r->error) {
            io->status = r->error == -ENODEV ? SRB_STATUS_NO_DEVICE : SRB_STATUS_NO_HBA;
        } else if (s->srb.SrbStatus != SRB_STATUS_SUCCESS || s->srb.ScsiStatus ||
                   b->slots[r->slot].timed_out) {
            done = ended_badly(h, io, s);
        } else {
            io->status = s->srb.DataTransferLength < io->data.size ? SRB_STATUS_DATA_OVERRUN /* S-095 */
                                                                   : SRB_STATUS_SUCCESS;
            deepen(io->unit);
        }
    }
    if (DEBUG) /* who looks at it still looks at this */
        memset(&s->srb, 0xdb, sizeof(s->srb));
    if (done && io->status != SRB_STATUS_SUCCESS)
        freeze(io);
    return done;
}
