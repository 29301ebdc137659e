/*
 * What a miniport left behind is looked at when a request comes back and when the channel stops (docs/checks.md).
 */
#include "drivers/port/ataport/ata_impl.h"
#include "lib/canary.h"
#include "lib/string.h"

#define SENSE_CODE_MIN 0x70
#define SENSE_CODE_MAX 0x73

static void
fields(struct ata_channel *ch, const struct ata_request *a, const struct ata_slot *s)
{
    const IDE_REQUEST_BLOCK *irb = &s->irb;
    const struct unit *u = a->r.unit;

    if (irb->Function != a->function || irb->Channel != ch->number || irb->TargetId != u->target ||
        irb->Lun != u->lun || irb->DataBuffer != s->base)
        ata_violation(ch->controller, RULE_FIELDS,
                      "target %u: function, address or buffer of an IRB were changed (check 23)", u->target);
}

/* */
static uint8_t
status_read(struct ata_channel *ch, const struct ata_slot *s)
{
    uint8_t status = s->irb.IrbStatus & ~(IRB_STATUS_INTERNAL_ERROR | IRB_STATUS_FORCE_ENUM_DEVICE1_NEEDED);

    if (status != s->irb.IrbStatus)
        ata_violation(ch->controller, RULE_A093, "status %#x has bits of the port's (A-093)",
                      s->irb.IrbStatus);
    if (IRB_STATUS(status) == IRB_STATUS_PENDING || IRB_STATUS(status) > IRB_STATUS_BUSY) {
        ata_violation(ch->controller, RULE_A087, "completed with status %#x (A-087)", s->irb.IrbStatus);
        status = IRB_STATUS_INTERNAL_ERROR;
    }
    return status;
}

/* What success means is all, whatever the length says. */
static void
length(struct ata_channel *ch, struct ata_request *a, const struct ata_slot *s)
{
    uint32_t said = s->irb.DataTransferLength;

    a->transferred = a->data.size;
    if (IRB_STATUS(a->irb_status) == IRB_STATUS_DATALENGTH_MISMATCH)
        a->transferred = MIN(said, a->data.size);
    if (said > a->data.size)
        ata_violation(ch->controller, RULE_A089, "%u bytes transferred of %u (A-089)", said, a->data.size);
    else if (said < a->data.size && IRB_STATUS(a->irb_status) == IRB_STATUS_SUCCESS)
        ata_violation(ch->controller, RULE_A089, "success with %u bytes transferred of %u (A-089)", said,
                      a->data.size);
}

/* */
static void
sense(struct ata_channel *ch, struct ata_request *a, const struct ata_slot *s)
{
    uint8_t code = s->sense[0] & 0x7f;

    if (a->irb_status & IRB_STATUS_AUTOSENSE_VALID &&
        (!a->want_sense || code < SENSE_CODE_MIN || code > SENSE_CODE_MAX)) {
        ata_violation(ch->controller, RULE_A092, "sense data said to be valid begin with %#x (A-092)",
                      s->sense[0]);
        a->irb_status &= (uint8_t)~IRB_STATUS_AUTOSENSE_VALID;
    }
    if (a->want_sense && a->irb_status & (IRB_STATUS_AUTOSENSE_VALID | IRB_STATUS_RETURN_TASKFILE_VALID))
        memcpy(a->sense, s->sense, ATA_SENSE_SIZE);
}

/* A write that was sent before a flush is on the medium when the flush has succeeded, so it has been completed. */
static void
flush(struct ata_channel *ch, const struct ata_request *a)
{
    uint32_t order = ch->bus->slots[a->r.slot].order;

    for (uint32_t n = 0; n < ch->slot_count; n++)
        if (bus_slot_is_out(ch->bus, n) && ata_slot(ch, n)->irb.Function == IRB_FUNCTION_ATA_WRITE &&
            ata_slot(ch, n)->irb.TargetId == a->r.unit->target &&
            (int32_t)(ch->bus->slots[n].order - order) < 0)
            ata_violation(ch->controller, RULE_FLUSH,
                          "target %u: a flush succeeded while an earlier write was not completed (check 24)",
                          a->r.unit->target);
}

void
ata_verify_answer(struct ata_channel *ch, struct ata_request *a, struct ata_slot *s)
{
    a->irb_status = status_read(ch, s);
    a->ata_status = s->irb.AtaStatus;
    a->ata_error = s->irb.AtaError;
    fields(ch, a, s);
    length(ch, a, s);
    if (a->irb_status & (IRB_STATUS_AUTOSENSE_VALID | IRB_STATUS_RETURN_TASKFILE_VALID))
        sense(ch, a, s);
    if (a->function == IRB_FUNCTION_ATA_FLUSH && IRB_STATUS(a->irb_status) == IRB_STATUS_SUCCESS)
        flush(ch, a);
}

static void
behind(struct ata_channel *ch, const struct dma_buffer *b, uint32_t size, const char *what)
{
    if (b->va && !canary_alive((const uint8_t *)b->va + size, CANARY_SIZE))
        ata_violation(ch->controller, RULE_CANARY, "channel %u: written behind %s of %u bytes (check 19)",
                      ch->number, what, size);
}

void
ata_verify_memory(struct ata_channel *ch)
{
    behind(ch, &ch->uncached, ch->uncached_size, "the uncached extension");
    behind(ch, &ch->irb_extensions, ch->irb_pool_size, "the IRB extensions");
}
