/*
 * What a miniport left behind is looked at when a request comes back and when the adapter stops (docs/checks.md).
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "lib/canary.h"

#define SENSE_CODE_MIN 0x70
#define SENSE_CODE_MAX 0x73

static void
fields(struct scsi_hba *h, const struct scsi_io *io, const struct scsi_slot *s)
{
    const SCSI_REQUEST_BLOCK *srb = &s->srb;
    const struct unit *u = io->unit->unit;

    if (srb->Length != sizeof(*srb) || srb->PathId != u->path || srb->TargetId != u->target ||
        srb->Lun != u->lun || srb->OriginalRequest != &io->r)
        scsi_violation(h, RULE_FIELDS,
                       "target %u: length, address or request of an SRB were changed (check 23)", u->target);
}

/* S-088, S-094 */
static void
status(struct scsi_hba *h, SCSI_REQUEST_BLOCK *srb)
{
    uint8_t code;

    if (srb->SrbStatus & SRB_STATUS_QUEUE_FROZEN) {
        scsi_violation(h, RULE_S094, "status %#x has the port's bit for a frozen queue (S-094)",
                       srb->SrbStatus);
        srb->SrbStatus &= (UCHAR)~SRB_STATUS_QUEUE_FROZEN;
    }
    code = SRB_STATUS(srb->SrbStatus);
    if (code == SRB_STATUS_PENDING || code == 0x0c || (code > 0x16 && code < 0x20) ||
        (code > 0x25 && code != SRB_STATUS_INTERNAL_ERROR)) {
        scsi_violation(h, RULE_S088, "completed with status %#x (S-088)", srb->SrbStatus);
        srb->SrbStatus = SRB_STATUS_ERROR;
    }
}

static void
sense(struct scsi_hba *h, struct scsi_slot *s)
{
    uint8_t code = s->sense[0] & 0x7f;

    if (s->srb.SrbStatus & SRB_STATUS_AUTOSENSE_VALID &&
        (!s->srb.SenseInfoBufferLength || code < SENSE_CODE_MIN || code > SENSE_CODE_MAX)) {
        scsi_violation(h, RULE_SENSE, "sense data said to be valid begin with %#x (S-097)", s->sense[0]);
        s->srb.SrbStatus &= (UCHAR)~SRB_STATUS_AUTOSENSE_VALID;
    }
}

static bool
is_write(UCHAR code)
{
    return code == SCSIOP_WRITE || code == SCSIOP_WRITE16 || code == SCSIOP_WRITE6 || code == SCSIOP_WRITE12;
}

/* A write that was sent before a flush is on the medium when the flush has succeeded, so it has been completed. */
static void
flush(struct scsi_hba *h, const struct scsi_io *io)
{
    uint32_t order = h->bus->slots[io->r.slot].order;

    for (uint32_t n = 0; n < h->slot_count; n++)
        if (bus_slot_is_out(h->bus, n) && h->slots[n].srb.TargetId == io->unit->unit->target &&
            h->slots[n].srb.Lun == io->unit->unit->lun && h->slots[n].srb.PathId == io->unit->unit->path &&
            is_write(h->slots[n].srb.Cdb[0]) && (int32_t)(h->bus->slots[n].order - order) < 0)
            scsi_violation(h, RULE_FLUSH,
                           "target %u: a flush succeeded while an earlier write was not completed (check 24)",
                           io->unit->unit->target);
}

void
scsi_verify_answer(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s)
{
    SCSI_REQUEST_BLOCK *srb = &s->srb;

    if (__builtin_expect(srb->SrbStatus != SRB_STATUS_SUCCESS, 0)) {
        status(h, srb);
        sense(h, s);
    }
    fields(h, io, s);
    if (srb->DataTransferLength > io->data.size) {
        scsi_violation(h, RULE_LENGTH, "%u bytes transferred of %u (check 18)", srb->DataTransferLength,
                       io->data.size);
        srb->DataTransferLength = io->data.size;
    }
    if (__builtin_expect(srb->Cdb[0] == SCSIOP_SYNCHRONIZE_CACHE && srb->SrbStatus == SRB_STATUS_SUCCESS, 0))
        flush(h, io);
}

static void
behind(struct scsi_hba *h, const struct dma_buffer *b, uint32_t size, const char *what)
{
    if (b->va && !canary_alive((const uint8_t *)b->va + size, CANARY_SIZE))
        scsi_violation(h, RULE_CANARY, "written behind %s of %u bytes (check 19)", what, size);
}

void
scsi_verify_memory(struct scsi_hba *h)
{
    behind(h, &h->uncached, h->uncached_size, "the uncached extension");
    behind(h, &h->extensions, h->extensions_size, "the SRB extensions");
}
