/*
 * SRBs to ATA and ATAPI devices: through the translation of sat.h, or, to ATAPI devices, as they are.
 */
#include "drivers/ddk/scsi.h"
#include "drivers/port/ataport/ata_impl.h"
#include "drivers/port/core/unit.h"
#include "lib/string.h"

#define SECONDS_DEFAULT 30

/* What a request needs here, in scsi_request.room. */
struct ata_scsi {
    struct ata_request a;
    struct sat_command sat;
    struct scsi_request *request;
    struct ata_unit *sat_unit;
    uint8_t work[SAT_WORK_SIZE] __attribute__((aligned(4)));
};
_Static_assert(sizeof(struct ata_scsi) <= SCSI_ROOM, "room of a request");

static struct ata_scsi *
room_of(struct scsi_request *s)
{
    return (struct ata_scsi *)(void *)s->room;
}

static void
finish(struct scsi_request *s, uint8_t status)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    s->srb.SrbStatus = status;
    s->done(s);
    irql_lower(irql);
}

/* As much sense data as there is room for. Returns the bit that says so. */
static uint8_t
sense_give(struct scsi_request *s, const uint8_t *sense, size_t size)
{
    size = MIN(size, (size_t)s->srb.SenseInfoBufferLength);
    if (!s->srb.SenseInfoBuffer || !size || s->srb.SrbFlags & SRB_FLAGS_DISABLE_AUTOSENSE)
        return 0;
    memcpy(s->srb.SenseInfoBuffer, sense, size);
    return SRB_STATUS_AUTOSENSE_VALID;
}

/* What the port or the way to the device did not do; SRB_STATUS_PENDING: the device has answered. */
static uint8_t
transport_status(const struct ata_request *a)
{
    if (a->r.error == -ENODEV)
        return SRB_STATUS_NO_DEVICE;
    switch (IRB_STATUS(a->irb_status)) {
    case IRB_STATUS_INVALID_REQUEST:
        return SRB_STATUS_INVALID_REQUEST;
    case IRB_STATUS_BUS_RESET:
        return SRB_STATUS_BUS_RESET;
    case IRB_STATUS_SELECTION_TIMEOUT:
        return SRB_STATUS_SELECTION_TIMEOUT;
    case IRB_STATUS_BUSY:
        return SRB_STATUS_BUSY;
    case IRB_STATUS_PENDING:
        return SRB_STATUS_INTERNAL_ERROR;
    default:
        return SRB_STATUS_PENDING;
    }
}

static struct request_data
data_of(const struct scsi_request *s)
{
    return (struct request_data){s->srb.DataBuffer, s->piece, s->pieces, s->srb.DataTransferLength};
}

/* What all have in common. Field by field: the answer's part is large, and filled later. */
static void
request_begin(struct ata_scsi *x, void (*done)(struct request *r))
{
    x->a.r.seconds = x->request->srb.TimeOutValue ? x->request->srb.TimeOutValue : SECONDS_DEFAULT;
    x->a.r.flags = 0;
    x->a.r.done = done;
    x->a.want_sense = true;
}

/* ---- ATA ---- */

static void
sat_finish(struct ata_scsi *x)
{
    struct scsi_request *s = x->request;
    bool is_short = x->sat.transferred < s->srb.DataTransferLength;
    uint8_t status = SRB_STATUS_SUCCESS;

    s->srb.ScsiStatus = x->sat.status;
    s->srb.DataTransferLength = x->sat.transferred;
    if (x->sat.status != SCSISTAT_GOOD)
        status = SRB_STATUS_ERROR | sense_give(s, x->sat.sense, x->sat.sense_size);
    else if (is_short)
        status = SRB_STATUS_DATA_OVERRUN; /* also: less than was asked for */
    finish(s, status);
}

static void ata_answered(struct request *r);

static void
ata_send(struct ata_scsi *x)
{
    const struct sat_ata *t = &x->sat.ata;
    struct scsi_request *s = x->request;

    request_begin(x, ata_answered);
    x->a.function = t->function;
    x->a.flags = t->flags | (t->want_task ? IRB_FLAGS_RETURN_RESULTS : 0);
    x->a.data = data_of(s);
    if (t->uses_work)
        x->a.data = (struct request_data){.va = x->work};
    x->a.data.size = t->size;
    x->a.cdb_length = 0;
    x->a.sense_type = t->flags & IRB_FLAGS_48BIT ? SENSE_INFO_BUFFER_RETURN_TYPE_48BIT_TASKFILE
                                                 : SENSE_INFO_BUFFER_RETURN_TYPE_28BIT_TASKFILE;
    x->a.task_file = t->task;
    if (ata_submit(x->sat_unit->unit, &x->a))
        finish(s, SRB_STATUS_NO_DEVICE);
}

static void
answer_take(struct ata_scsi *x)
{
    struct sat_ata *t = &x->sat.ata;
    uint8_t status = IRB_STATUS(x->a.irb_status);

    t->ok = status == IRB_STATUS_SUCCESS || status == IRB_STATUS_DATALENGTH_MISMATCH;
    t->transferred = x->a.transferred;
    t->status = x->a.ata_status;
    t->error = x->a.ata_error;
    if (status == IRB_STATUS_DEVICE_ERROR && !(t->status & (IDE_STATUS_ERROR | 0x20)))
        t->status |= IDE_STATUS_ERROR; /* the miniport says that it was the device */
    t->has_task = x->a.irb_status & IRB_STATUS_RETURN_TASKFILE_VALID;
    if (t->has_task)
        memcpy(&t->task, x->a.sense,
               t->flags & IRB_FLAGS_48BIT ? sizeof(IDE_TASK_FILE) : sizeof(IDEREGISTERS));
}

static void
ata_answered(struct request *r)
{
    struct ata_scsi *x = container_of(container_of(r, struct ata_request, r), struct ata_scsi, a);
    uint8_t status = transport_status(&x->a);

    if (status != SRB_STATUS_PENDING) {
        x->request->srb.DataTransferLength = 0;
        finish(x->request, status);
        return;
    }
    answer_take(x);
    if (sat_step(&x->sat_unit->sat, &x->sat) == SAT_SEND)
        ata_send(x);
    else
        sat_finish(x);
}

static void
ata_begin(struct ata_scsi *x)
{
    struct scsi_request *s = x->request;

    x->sat.cdb = s->srb.Cdb;
    x->sat.cdb_length = s->srb.CdbLength;
    x->sat.data = s->pieces ? NULL : s->srb.DataBuffer;
    x->sat.size = s->srb.DataTransferLength;
    x->sat.to_device = s->srb.SrbFlags & SRB_FLAGS_DATA_OUT;
    x->sat.work = x->work;
    if (sat_begin(&x->sat_unit->sat, &x->sat) == SAT_SEND)
        ata_send(x);
    else
        sat_finish(x);
}

/* ---- ATAPI ---- */

static void
atapi_answered(struct request *r)
{
    struct ata_scsi *x = container_of(container_of(r, struct ata_request, r), struct ata_scsi, a);
    struct scsi_request *s = x->request;
    uint8_t status = transport_status(&x->a), irb = IRB_STATUS(x->a.irb_status);
    bool is_short = x->a.transferred < s->srb.DataTransferLength;

    s->srb.DataTransferLength = status == SRB_STATUS_PENDING && irb != IRB_STATUS_DEVICE_ERROR
                                    ? x->a.transferred
                                    : 0;
    if (status != SRB_STATUS_PENDING) {
        finish(s, status);
    } else if (irb == IRB_STATUS_DEVICE_ERROR) {
        s->srb.ScsiStatus = SCSISTAT_CHECK_CONDITION;
        finish(s, SRB_STATUS_ERROR | (x->a.irb_status & IRB_STATUS_AUTOSENSE_VALID
                                          ? sense_give(s, x->a.sense, SENSE_BUFFER_SIZE)
                                          : 0)); /* */
    } else {
        finish(s, is_short ? SRB_STATUS_DATA_OVERRUN : SRB_STATUS_SUCCESS); /* */
    }
}

static void
atapi_begin(struct ata_scsi *x)
{
    struct scsi_request *s = x->request;

    request_begin(x, atapi_answered);
    x->a.function = IRB_FUNCTION_ATAPI_COMMAND;
    x->a.flags = (s->srb.SrbFlags & SRB_FLAGS_DATA_IN ? IRB_FLAGS_DATA_IN : 0) |
                 (s->srb.SrbFlags & SRB_FLAGS_DATA_OUT ? IRB_FLAGS_DATA_OUT : 0) |
                 (s->srb.DataTransferLength && x->sat_unit->dma ? IRB_FLAGS_USE_DMA : 0);
    x->a.data = data_of(s);
    x->a.cdb_length = s->srb.CdbLength;
    x->a.sense_type = 0;
    memcpy(x->a.cdb, s->srb.Cdb, sizeof(x->a.cdb));
    if (ata_submit(x->sat_unit->unit, &x->a))
        finish(s, SRB_STATUS_NO_DEVICE);
}

/* ---- the rest (A-129) ---- */

static void
plain_answered(struct request *r)
{
    struct ata_scsi *x = container_of(container_of(r, struct ata_request, r), struct ata_scsi, a);
    uint8_t status = transport_status(&x->a);

    /* a miniport need not know the function */
    finish(x->request, status == SRB_STATUS_PENDING || status == SRB_STATUS_INVALID_REQUEST
                           ? SRB_STATUS_SUCCESS
                           : status);
}

static void
plain_begin(struct ata_scsi *x, uint16_t function)
{
    struct scsi_request *s = x->request;

    request_begin(x, plain_answered);
    x->a.want_sense = false;
    x->a.function = function;
    x->a.flags = 0;
    x->a.data.size = 0;
    x->a.cdb_length = 0;
    memset(x->a.cdb, 0, sizeof(x->a.cdb));
    if (ata_submit(x->sat_unit->unit, &x->a))
        finish(s, SRB_STATUS_NO_DEVICE);
}

int
ata_scsi_send(struct unit *u, struct scsi_request *s)
{
    struct ata_scsi *x = room_of(s);

    if (unit_is_gone(u))
        return -ENODEV;
    x->request = s;
    x->sat_unit = u->face_data;
    switch (s->srb.Function) {
    case SRB_FUNCTION_EXECUTE_SCSI:
        if (x->sat_unit->parameters.IdeDeviceType == DeviceIsAtapi)
            atapi_begin(x);
        else
            ata_begin(x);
        break;
    case SRB_FUNCTION_FLUSH:
        plain_begin(x, IRB_FUNCTION_ADAPTER_FLUSH);
        break;
    case SRB_FUNCTION_SHUTDOWN:
        plain_begin(x, IRB_FUNCTION_SHUTDOWN);
        break;
    default:
        finish(s, SRB_STATUS_INVALID_REQUEST);
    }
    return 0;
}
