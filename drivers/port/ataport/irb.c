/*
 * IRBs on their way to a miniport and back.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "kernel/trace/trace.h"
#include "lib/bytes.h"
#include "lib/string.h"

int
ata_submit(struct unit *u, struct ata_request *a)
{
    a->irb_status = IRB_STATUS_PENDING;
    a->must_bounce = false;
    a->r.retried = false;
    return unit_submit(u, &a->r);
}

struct execution {
    struct ata_request *request;
    struct event done;
};

/* The event lies in the waiter's frame: found by the request, which lies in it too. */
static struct execution *current_execution(struct request *r);

static void
execution_done(struct request *r)
{
    (void)event_set(&current_execution(r)->done);
}

struct executed {
    struct ata_request a;
    struct execution e;
};

static struct execution *
current_execution(struct request *r)
{
    return &container_of(container_of(r, struct ata_request, r), struct executed, a)->e;
}

int
ata_execute(struct unit *u, struct ata_request *a)
{
    struct executed x = {.a = *a};
    int err;

    x.a.r.done = execution_done;
    event_init(&x.e.done, EVENT_AUTO, false);
    err = ata_submit(u, &x.a);
    if (err)
        return err;
    (void)wait_event(&x.e.done.waitable, WAIT_FOREVER); /* the engine ends every request in time */
    *a = x.a;
    return x.a.r.error;
}

/* ---- out ---- */

/* the data has been mapped */
static void
irb_fill(struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s, uint32_t n)
{
    const struct unit *u = a->r.unit;

    s->irb = (IDE_REQUEST_BLOCK){.Function = a->function,
                                 .Channel = (UCHAR)ch->number,
                                 .TargetId = u->target,
                                 .Lun = u->lun,
                                 .CdbLength = a->cdb_length,
                                 .IrbFlags = a->flags,
                                 .TimeOutValue = a->r.seconds,
                                 .DataTransferLength = a->data.size,
                                 .DataBuffer = s->base};
    memcpy(s->irb.Cdb, a->cdb, sizeof(s->irb.Cdb));
    if (a->want_sense) {
        s->irb.SenseInfoBuffer = s->sense;
        s->irb.SenseInfoBufferLength = ATA_SENSE_SIZE;
        s->irb.SenseInfoBufferType = a->sense_type;
    }
    trace(TRACE_IRB, (uintptr_t)&s->irb, a->function | (uint64_t)a->flags << 32,
          ch->number | (uint32_t)u->target << 8 | (uint32_t)u->lun << 16, get_le64(a->cdb),
          get_le64(a->cdb + 8));
    if (ch->irb_extension_size)
        s->irb.IrbExtension = (char *)ch->irb_extensions.va +
                              (size_t)n * ch->irb_extension_size; /* */
}

/* The port ends it itself, with a status, or with an error since the gate is closed. */
static void
end_here(struct ata_channel *ch, uint32_t n, uint8_t status, int error)
{
    if (!bus_slot_claim(ch->bus, n))
        return;
    ata_slot(ch, n)->irb.IrbStatus = status;
    ch->bus->slots[n].request->error = error;
    bus_slot_post(ch->bus, n);
}

/* no lock. Returns: false: it has ended, or comes again. */
static bool
build(struct ata_channel *ch, struct ata_request *a, uint32_t n, IDE_REQUEST_BLOCK *irb)
{
    int err = ata_call(ch->controller, "IdeHwBuildIo", (const void *)(uintptr_t)ch->interface.IdeHwBuildIo,
                       (uintptr_t)ch->extension->bytes, (uintptr_t)irb, 0, NULL);

    if (!err && irb->IrbStatus == IRB_STATUS_PENDING) {
        if (irb->IrbFlags & IRB_FLAGS_MAP_BUFFERS && a->data.size && !ata_slot(ch, n)->is_mapped) {
            a->must_bounce = true; /* in pieces it cannot be seen */
            bus_postpone(ch->bus, &a->r);
            bus_kick(ch->bus);
            return false;
        }
        if (ch->bus->slots[n].seconds)
            ch->bus->slots[n].seconds = irb->TimeOutValue + 1; /* */
        return true;
    }
    bus_slot_start(ch->bus, n);
    end_here(ch, n, irb->IrbStatus, err);
    return false;
}

/*
 * The request can be completed from the moment on in which nothing else of the channel's runs at the interrupt's
 * level: a reset that came between the two routines has not ended it under StartIo's hands.
 */
static void
start(struct ata_channel *ch, uint32_t n, IDE_REQUEST_BLOCK *irb)
{
    bool synchronized = ch->configuration.SyncWithIsr;
    uint8_t irql = synchronized ? spin_lock_at(&ch->bus->isr_lock, ch->bus->irq_level)
                                : irql_raise(DISPATCH_LEVEL);
    int err;

    bus_slot_start(ch->bus, n);
    err = ata_call(ch->controller, "IdeHwStartIo", (const void *)(uintptr_t)ch->interface.IdeHwStartIo,
                   (uintptr_t)ch->extension->bytes, (uintptr_t)irb, 0, NULL);
    if (synchronized)
        spin_unlock(&ch->bus->isr_lock, irql);
    else
        irql_lower(irql);
    if (err)
        end_here(ch, n, IRB_STATUS_PENDING, err);
}

/* All buffers are taken: it waits until one comes back. Looked at again after the hold, which ends when one does. */
static bool
wait_for_buffer(struct ata_channel *ch, struct ata_request *a, struct ata_slot *s)
{
    bus_hold(ch->bus, HOLD_BOUNCE);
    if (ata_data_map(ch, a, s) == DATA_WAIT) {
        bus_postpone(ch->bus, &a->r);
        return true;
    }
    bus_release(ch->bus, HOLD_BOUNCE);
    return false;
}

void
ata_issue(struct bus *b, struct request *r)
{
    struct ata_channel *ch = b->face_data;
    struct ata_request *a = container_of(r, struct ata_request, r);
    uint32_t n = r->slot;
    struct ata_slot *s = ata_slot(ch, n);
    enum data_mapping mapping = DATA_CANNOT;

    if (a->data.size <= ch->controller->configuration.MaximumTransferLength) /* */
        mapping = ata_data_map(ch, a, s);
    if (mapping == DATA_WAIT) {
        if (wait_for_buffer(ch, a, s))
            return;
        mapping = DATA_MAPPED;
    }
    irb_fill(ch, a, s, n);
    if (mapping == DATA_CANNOT) {
        bus_slot_start(b, n);
        end_here(ch, n, IRB_STATUS_INVALID_REQUEST, 0);
    } else if (!ch->interface.IdeHwBuildIo || build(ch, a, n, &s->irb)) {
        start(ch, n, &s->irb);
    }
}

/* ---- back ---- */

int
ata_slot_of(const struct ata_channel *ch, const IDE_REQUEST_BLOCK *irb)
{
    size_t offset = (size_t)((uintptr_t)irb - (uintptr_t)ch->slots);

    return ch->slots && offset % ch->slot_size == 0 && offset / ch->slot_size < ch->slot_count
               ? (int)(offset / ch->slot_size)
               : -1;
}

/* */
VOID NTAPI
AtaPortCompleteRequest(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    int n = ch ? ata_slot_of(ch, Irb) : -1;

    if (n < 0)
        ata_violation(ata_controller_of(ChannelExtension), RULE_A088,
                      "completed %p, which is no request of %s (A-088)", (void *)Irb,
                      ch ? "this channel" : "a controller");
    else if (!bus_slot_claim(ch->bus, (uint32_t)n))
        ata_violation(ch->controller, RULE_A088, "completed %p twice, or after the port took it back (A-088)",
                      (void *)Irb);
    else
        bus_slot_post(ch->bus, (uint32_t)n);
}

unsigned
ata_complete_all(struct ata_channel *ch, uint8_t target, uint8_t lun, uint8_t status)
{
    unsigned count = 0;

    for (uint32_t n = 0; n < ch->slot_count; n++) {
        IDE_REQUEST_BLOCK *irb = &ata_slot(ch, n)->irb;

        if (!bus_slot_is_out(ch->bus, n) ||
            !(target == IDE_UNTAGGED ||
              (irb->TargetId == target && (lun == IDE_UNTAGGED || irb->Lun == lun))) ||
            !bus_slot_claim(ch->bus, n))
            continue;
        irb->IrbStatus = status;
        bus_slot_post(ch->bus, n);
        count++;
    }
    return count;
}

/* */
VOID NTAPI
AtaPortCompleteAllActiveRequests(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun, UCHAR IrbStatus)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);

    if (!ch)
        return;
    if (ch->interrupt_cpu == cpu_number() + 1) {
        ata_violation(ch->controller, RULE_A095,
                      "AtaPortCompleteAllActiveRequests was called in IdeHwInterrupt (A-095)");
        return;
    }
    (void)ata_complete_all(ch, TargetId, Lun, IrbStatus);
}

bool
ata_completed(struct bus *b, struct request *r)
{
    struct ata_channel *ch = b->face_data;
    struct ata_request *a = container_of(r, struct ata_request, r);
    struct ata_slot *s = ata_slot(ch, r->slot);

    if (r->error) {
        a->irb_status = IRB_STATUS_INTERNAL_ERROR;
        a->transferred = 0;
    } else {
        ata_verify_answer(ch, a, s);
    }
    if (s->bounce >= 0)
        ata_data_unmap(ch, a, s, a->transferred);
    if (DEBUG) /* who looks at it still looks at this */
        memset(&s->irb, 0xdb, sizeof(s->irb));
    if (r->error)
        return true;
    if (IRB_STATUS(a->irb_status) != IRB_STATUS_BUSY || r->retried)
        return true;
    r->retried = true; /* exactly once */
    r->flags |= REQUEST_FIRST;
    return false;
}
