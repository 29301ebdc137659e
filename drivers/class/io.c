/* Block requests become SCSI commands. */
#include "drivers/class/class_impl.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/trace/trace.h"
#include "lib/bytes.h"
#include "lib/errname.h"
#include "lib/errno.h"
#include "lib/string.h"

#define CLASS_TAG     POOL_TAG('c', 'l', 's', 's')
#define IO_SECONDS    30
#define FLUSH_SECONDS 60
#define CDB_FUA       0x08

static void send(struct slot *t);

/* ---- commands ---- */

static uint8_t
transfer_cdb(const struct media *m, const struct slot *t, uint8_t *cdb)
{
    uint64_t block = t->start / m->block_size;
    uint32_t count = t->size / m->block_size;
    bool write = t->r->op == BLOCK_WRITE;
    uint8_t fua = write && t->r->flags & BLOCK_FUA ? CDB_FUA : 0;

    cdb[1] = fua;
    if (block + count <= UINT32_MAX && count <= UINT16_MAX) {
        cdb[0] = write ? SCSIOP_WRITE : SCSIOP_READ;
        put_be32(cdb + 2, (uint32_t)block);
        cdb[6] = 0;
        put_be16(cdb + 7, (uint16_t)count);
        cdb[9] = 0;
        return 10;
    }
    cdb[0] = write ? SCSIOP_WRITE16 : SCSIOP_READ16;
    put_be64(cdb + 2, block);
    put_be32(cdb + 10, count);
    cdb[14] = cdb[15] = 0;
    return 16;
}

/* UNMAP (SBC-3, 5.28) of one range, whose list lies behind the sense data's neighbours: in the slot's pieces. */
static uint8_t
unmap_cdb(const struct media *m, struct slot *t, uint8_t *cdb)
{
    uint8_t *list = (uint8_t *)t->piece;

    memset(list, 0, 24);
    put_be16(list, 22);
    put_be16(list + 2, 16);
    put_be64(list + 8, t->start / m->block_size);
    put_be32(list + 16, t->size / m->block_size);
    memset(cdb, 0, 10);
    cdb[0] = SCSIOP_UNMAP;
    put_be16(cdb + 7, 24);
    t->s.srb.DataBuffer = list;
    t->s.srb.DataTransferLength = 24;
    t->s.srb.SrbFlags = SRB_FLAGS_DATA_OUT | SRB_FLAGS_NO_QUEUE_FREEZE;
    return 10;
}

static void
build(struct media *m, struct slot *t, uint32_t pieces)
{
    SCSI_REQUEST_BLOCK *srb = &t->s.srb;

    srb->Length = sizeof(*srb);
    srb->Function = SRB_FUNCTION_EXECUTE_SCSI;
    srb->TimeOutValue = IO_SECONDS;
    srb->SenseInfoBuffer = t->sense;
    srb->SenseInfoBufferLength = sizeof(t->sense);
    srb->DataBuffer = NULL;
    t->s.pieces = 0;
    switch (t->r->op) {
    case BLOCK_FLUSH:
        memset(srb->Cdb, 0, 10);
        srb->Cdb[0] = SCSIOP_SYNCHRONIZE_CACHE;
        srb->CdbLength = 10;
        srb->TimeOutValue = FLUSH_SECONDS;
        srb->DataTransferLength = 0;
        srb->SrbFlags = SRB_FLAGS_NO_DATA_TRANSFER | SRB_FLAGS_NO_QUEUE_FREEZE;
        break;
    case BLOCK_DISCARD:
        srb->CdbLength = unmap_cdb(m, t, srb->Cdb);
        break;
    default:
        srb->CdbLength = transfer_cdb(m, t, srb->Cdb);
        srb->DataTransferLength = t->size;
        srb->SrbFlags = (t->r->op == BLOCK_READ ? SRB_FLAGS_DATA_IN : SRB_FLAGS_DATA_OUT) |
                        SRB_FLAGS_NO_QUEUE_FREEZE;
        t->s.piece = t->r->next ? t->piece : t->r->piece;
        t->s.pieces = pieces;
    }
}

/* ---- the end of a command ---- */

static void
slot_end(struct slot *t, int error)
{
    struct media *m = t->media;
    struct block_request *r = t->r;

    trace(TRACE_SRB_END, (uintptr_t)&t->s.srb, t->s.srb.SrbStatus | (uint32_t)t->s.srb.ScsiStatus << 8,
          (uint32_t)(t->sense[2] & 15) << 16 | (uint32_t)t->sense[12] << 8 | t->sense[13],
          t->s.srb.DataTransferLength);
    if (error && error != -ENODEV && error != -ENOMEDIUM)
        log_err("%s: %s of %u bytes at byte %lu failed: %s, SRB status %s (%#x), sense %x/%02x/%02x",
                m->disk->whole.name,
                r->op == BLOCK_READ    ? "reading"
                : r->op == BLOCK_WRITE ? "writing"
                : r->op == BLOCK_FLUSH ? "flushing"
                                       : "discarding",
                t->size, t->start, errname(error), srb_status_name(t->s.srb.SrbStatus), t->s.srb.SrbStatus,
                t->sense[2] & 15, t->sense[12], t->sense[13]);
    __atomic_fetch_and(&m->busy, ~BIT64(t - m->slots), __ATOMIC_RELEASE);
    disk_done(m->disk, r, error);
}

static void
again(struct timer *timer)
{
    send(container_of(timer, struct slot, again));
}

static void
answered(struct scsi_request *s)
{
    struct slot *t = s->context;
    int error;

    if (SRB_STATUS(s->srb.SrbStatus) == SRB_STATUS_SUCCESS) {
        slot_end(t, 0);
        return;
    }
    switch (sense_judge(s, t->sense, t->r->op == BLOCK_FLUSH, &error)) {
    case VERDICT_DONE: /* with something to say, and perhaps not with all of the data */
        if (t->r->op <= BLOCK_WRITE && s->srb.DataTransferLength < t->size) {
            error = -EIO;
            if (t->tries++ >= CLASS_TRIES)
                break;
            send(t);
            return;
        }
        slot_end(t, 0);
        return;
    case VERDICT_RETRY:
        if (t->tries++ >= CLASS_TRIES)
            break;
        send(t);
        return;
    case VERDICT_RETRY_LATER:
        if (t->tries++ >= CLASS_TRIES_LATER)
            break;
        (void)timer_set(&t->again, timer_deadline(CLASS_LATER), 0, NULL);
        return;
    case VERDICT_FAILED:
        break;
    }
    slot_end(t, error);
}

static void
send(struct slot *t)
{
    struct media *m = t->media;

    if (t->tries) { /* the port has changed them */
        t->s.srb.DataTransferLength = t->r->op <= BLOCK_WRITE ? t->size : t->r->op == BLOCK_DISCARD ? 24 : 0;
        memset(t->sense, 0, sizeof(t->sense));
    }
    trace(TRACE_SRB, (uintptr_t)&t->s.srb, get_le64(t->s.srb.Cdb), get_le64(t->s.srb.Cdb + 8),
          t->s.srb.CdbLength | (uint64_t)t->s.srb.DataTransferLength << 32, (uintptr_t)t->r);
    if (unit_send(m->unit, &t->s))
        slot_end(t, -ENODEV);
}

/* ---- the block layer's side ---- */

/* One is free: there are as many as the disk's depth. */
static struct slot *
slot_take(struct media *m)
{
    uint64_t free, bit;

    do {
        free = ~__atomic_load_n(&m->busy, __ATOMIC_RELAXED);
        bit = free & -free;
    } while (!bit || __atomic_fetch_or(&m->busy, bit, __ATOMIC_ACQUIRE) & bit);
    return &m->slots[__builtin_ctzll(bit)];
}

static void
media_start(struct disk *d, struct block_request *r, uint64_t start, uint32_t size, uint32_t pieces)
{
    struct media *m = d->private;
    struct slot *t = slot_take(m);

    t->r = r;
    t->start = start;
    t->size = size;
    t->tries = 0;
    if (r->next) {
        uint32_t at = 0;

        for (const struct block_request *q = r; q; q = q->next)
            for (uint32_t i = 0; i < q->pieces; i++)
                t->piece[at++] = q->piece[i];
    }
    build(m, t, pieces);
    send(t);
}

int
slots_make(struct media *m)
{
    m->slot_count = MIN(m->facts.depth, (uint32_t)CLASS_DEPTH);
    m->slots = pool_zalloc(sizeof(*m->slots) * m->slot_count, CLASS_TAG);
    for (uint32_t n = 0; m->slots && n < m->slot_count; n++) {
        struct slot *t = &m->slots[n];

        t->media = m;
        t->s.done = answered;
        t->s.context = t;
        timer_init_call(&t->again, again);
    }
    return m->slots ? 0 : -ENOMEM;
}

void
slots_free(struct media *m)
{
    pool_free(m->slots, CLASS_TAG);
}

/* Is there a medium, and which? */
static int
media_open(struct disk *d)
{
    struct media *m = d->private;
    uint64_t before;
    int err;

    if (!d->removable)
        return 0;
    mutex_lock(&m->probing, WAIT_FOREVER);
    before = m->blocks;
    err = m->unit ? media_measure(m) : -ENODEV;
    mutex_unlock(&m->probing);
    if (m->blocks != before)
        disk_resize(d, m->blocks * m->block_size);
    return err;
}

static void
media_free(struct disk *d)
{
    struct media *m = d->private;

    slots_free(m);
    pool_free(m->request, CLASS_TAG);
    pool_free(m->buffer, CLASS_TAG);
    pool_free(m, CLASS_TAG);
}

const struct block_ops media_ops = {
    .start = media_start, .ioctl = media_ioctl, .open = media_open, .free = media_free};
