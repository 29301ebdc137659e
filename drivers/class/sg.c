/* SG_IO: any SCSI command from a program, by Linux's struct sg_io_hdr (version 3). */
#include "drivers/class/class_impl.h"
#include "kernel/cpu/user.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/timer.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define CLASS_TAG     POOL_TAG('c', 'l', 's', 's')
#define SG_IO         0x2285
#define SG_VERSION    0x2282 /* SG_GET_VERSION_NUM */
#define VERSION       30536
#define DATA_MAX      (1u << 20)
#define SECONDS_MAX   3600u
#define SECONDS_USUAL 60u

enum { SG_NONE = -1, SG_TO_DEVICE = -2, SG_FROM_DEVICE = -3 };
enum { HOST_OK = 0, HOST_NO_CONNECT = 1, HOST_BUSY = 2, HOST_TIME_OUT = 3, HOST_ERROR = 7, HOST_RESET = 8 };
#define DRIVER_SENSE 8
#define INFO_CHECK   1

struct sg_header {
    int32_t interface, direction;
    uint8_t cdb_length, sense_room;
    uint16_t vectors;
    uint32_t size;
    uint64_t data, cdb, sense;
    uint32_t timeout; /* ms */
    uint32_t flags;
    int32_t pack_id;
    uint64_t user;
    uint8_t status, masked_status, message_status, sense_written;
    uint16_t host_status, driver_status;
    int32_t residue;
    uint32_t duration; /* ms */
    uint32_t info;
};
_Static_assert(sizeof(struct sg_header) == 88, "Linux's struct sg_io_hdr");

/* What a command needs while it is on its way. */
struct passage {
    struct scsi_request s;
    uint8_t sense[64];
};

static uint16_t
host_status(uint8_t srb_status)
{
    switch (SRB_STATUS(srb_status)) {
    case SRB_STATUS_SUCCESS:
    case SRB_STATUS_ERROR:
    case SRB_STATUS_DATA_OVERRUN:
        return HOST_OK;
    case SRB_STATUS_NO_DEVICE:
    case SRB_STATUS_SELECTION_TIMEOUT:
        return HOST_NO_CONNECT;
    case SRB_STATUS_BUSY:
        return HOST_BUSY;
    case SRB_STATUS_TIMEOUT:
    case SRB_STATUS_COMMAND_TIMEOUT:
        return HOST_TIME_OUT;
    case SRB_STATUS_BUS_RESET:
        return HOST_RESET;
    default:
        return HOST_ERROR;
    }
}

static int
header_check(const struct sg_header *h, bool may_write)
{
    if (h->interface != 'S' || !h->cdb_length || h->cdb_length > 16)
        return -EINVAL;
    if (h->vectors || h->size > DATA_MAX)
        return -EINVAL;
    if (h->direction != SG_NONE && h->direction != SG_TO_DEVICE && h->direction != SG_FROM_DEVICE)
        return -EINVAL;
    return h->direction == SG_TO_DEVICE && !may_write ? -EPERM : 0;
}

static void
answer_fill(struct sg_header *h, const struct passage *p, uint64_t began)
{
    bool check = p->s.srb.ScsiStatus == SCSISTAT_CHECK_CONDITION;
    bool sense = check && p->s.srb.SrbStatus & SRB_STATUS_AUTOSENSE_VALID;
    uint32_t moved = SRB_STATUS(p->s.srb.SrbStatus) == SRB_STATUS_SUCCESS ||
                             SRB_STATUS(p->s.srb.SrbStatus) == SRB_STATUS_DATA_OVERRUN
                         ? p->s.srb.DataTransferLength
                         : 0;

    h->status = p->s.srb.ScsiStatus;
    h->masked_status = h->status >> 1 & 0x1f;
    h->message_status = 0;
    h->sense_written = sense ? (uint8_t)MIN((size_t)h->sense_room, sizeof(p->sense)) : 0;
    h->host_status = host_status(p->s.srb.SrbStatus);
    h->driver_status = sense ? DRIVER_SENSE : 0;
    h->residue = (int32_t)(h->size - MIN(moved, h->size));
    h->duration = (uint32_t)((time_now() - began) / MS(1));
    h->info = h->status || h->host_status ? INFO_CHECK : 0;
}

static int
passage_run(struct media *m, struct sg_header *h, struct passage *p, void *data)
{
    SCSI_REQUEST_BLOCK *srb = &p->s.srb;
    uint64_t began = time_now();

    srb->Length = sizeof(*srb);
    srb->Function = SRB_FUNCTION_EXECUTE_SCSI;
    srb->CdbLength = h->cdb_length;
    srb->TimeOutValue = h->timeout ? MIN((h->timeout + 999) / 1000, SECONDS_MAX) : SECONDS_USUAL;
    srb->SenseInfoBuffer = p->sense;
    srb->SenseInfoBufferLength = sizeof(p->sense);
    srb->DataBuffer = data;
    srb->DataTransferLength = h->direction == SG_NONE ? 0 : h->size;
    srb->SrbFlags = h->direction == SG_TO_DEVICE     ? SRB_FLAGS_DATA_OUT
                    : h->direction == SG_FROM_DEVICE ? SRB_FLAGS_DATA_IN
                                                     : SRB_FLAGS_NO_DATA_TRANSFER;
    srb->SrbFlags |= SRB_FLAGS_NO_QUEUE_FREEZE;
    (void)unit_execute(m->unit, &p->s);
    answer_fill(h, p, began);
    if (h->direction == SG_FROM_DEVICE && h->size && user_write(h->data, data, h->size))
        return -EFAULT;
    return h->sense_written && user_write(h->sense, p->sense, h->sense_written) ? -EFAULT : 0;
}

static long
sg_io(struct media *m, uintptr_t argument, bool may_write)
{
    struct passage *p = NULL;
    struct sg_header h;
    void *data = NULL;
    int err = user_read(&h, argument, sizeof(h)) ? -EFAULT : header_check(&h, may_write);

    if (err)
        return err;
    p = pool_zalloc(sizeof(*p), CLASS_TAG);
    if (h.size)
        data = pool_zalloc(ALIGN_UP(h.size, 4u), CLASS_TAG); /* devices move words */
    if (!p || (h.size && !data))
        err = -ENOMEM;
    else if (user_read(p->s.srb.Cdb, h.cdb, h.cdb_length) ||
             (h.direction == SG_TO_DEVICE && h.size && user_read(data, h.data, h.size)))
        err = -EFAULT;
    else
        err = passage_run(m, &h, p, data);
    if (!err && user_write(argument, &h, sizeof(h)))
        err = -EFAULT;
    pool_free(data, CLASS_TAG);
    pool_free(p, CLASS_TAG);
    return err;
}

long
media_ioctl(struct disk *d, unsigned request, uintptr_t argument, bool may_write)
{
    int version = VERSION;
    struct media *m = d->private;
    long err;

    switch (request) {
    case SG_IO: /* one at a time; the unit stays meanwhile */
        mutex_lock(&m->probing, WAIT_FOREVER);
        err = m->unit ? sg_io(m, argument, may_write) : -ENODEV;
        mutex_unlock(&m->probing);
        return err;
    case SG_VERSION:
        return user_write(argument, &version, sizeof(version)) ? -EFAULT : 0;
    default:
        if (!m->is_cd)
            return -ENOTTY;
        mutex_lock(&m->probing, WAIT_FOREVER);
        err = m->unit ? cdrom_ioctl(m, request, argument) : -ENODEV;
        mutex_unlock(&m->probing);
        return err;
    }
}
