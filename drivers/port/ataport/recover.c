/*
 * What is over its time (A-122, A-123, A-124, A-125, A-126; A-146): IRB_FUNCTION_LUN_RESET to the unit, which waits meanwhile; if that does not
 * succeed, IdeHwReset of the channel; if that fails, the adapter is given up.
 */
#include "drivers/port/ataport/ata_impl.h"

#define RESET_SECONDS 30 /* A-123 lets it take for ever; a machine should not wait that long */

static void
channel_failed(struct ata_channel *ch, const char *why)
{
    gate_close(&ch->controller->adapter->gate, NULL, "channel %u: %s (A-125)", ch->number, why);
}

static void
channel_reset(struct ata_channel *ch)
{
    unsigned left;
    uint8_t al;

    adapter_log(ch->controller->adapter, "channel %u is reset", ch->number);
    if (ata_call_synchronized(ch, "IdeHwReset", (const void *)(uintptr_t)ch->interface.IdeHwReset, 0, 0, &al))
        return;
    if (!al) {
        channel_failed(ch, "IdeHwReset returned FALSE");
        return;
    }
    ata_verify_memory(ch);
    left = ata_complete_all(ch, IDE_UNTAGGED, IDE_UNTAGGED, IRB_STATUS_BUS_RESET);
    if (left)
        ata_violation(ch->controller, RULE_A125, "channel %u: %u requests were left after IdeHwReset (A-125)",
                      ch->number, left);
}

static void
reset_done(struct request *r)
{
    struct ata_request *a = container_of(r, struct ata_request, r);
    struct ata_unit *u = container_of(a, struct ata_unit, reset);
    struct ata_channel *ch = u->unit->bus->face_data;

    if (r->error) /* the adapter has been given up */
        return;
    if (u->channel_was_reset)
        u->channel_was_reset = false;
    else if (IRB_STATUS(a->irb_status) != IRB_STATUS_SUCCESS) /* */
        channel_reset(ch);
    else if (ata_complete_all(ch, u->unit->target, u->unit->lun, IRB_STATUS_BUS_RESET))
        ata_violation(ch->controller, RULE_A125,
                      "target %u: requests were left after LUN_RESET succeeded (A-123)", u->unit->target);
    __atomic_store_n(&u->resetting, false, __ATOMIC_RELEASE);
    unit_release(u->unit, HOLD_RECOVERY);
}

void
ata_timed_out(struct bus *b, struct request *r)
{
    struct ata_channel *ch = b->face_data;
    struct ata_unit *u = ch->unit[r->unit->target];

    adapter_log(ch->controller->adapter,
                "channel %u target %u: function %#x not completed within its %u s (A-122)", ch->number,
                r->unit->target, container_of(r, struct ata_request, r)->function, r->seconds);
    if (u && r != &u->reset.r && __atomic_exchange_n(&u->resetting, true, __ATOMIC_ACQ_REL))
        return; /* another one's time was over before: the reset is on its way */
    if (!u || r == &u->reset.r) {
        if (u)
            u->channel_was_reset = true;
        else
            unit_release(r->unit, HOLD_RECOVERY);
        channel_reset(ch);
        return;
    }
    u->reset = (struct ata_request){
        .r = {.seconds = RESET_SECONDS, .flags = REQUEST_FIRST, .passes = HOLD_ALL, .done = reset_done},
        .function = IRB_FUNCTION_LUN_RESET};
    if (ata_submit(r->unit, &u->reset))
        __atomic_store_n(&u->resetting, false, __ATOMIC_RELEASE);
}
