/*
 * The end: what disks have in their caches is written, and they and their adapters are told, before the power goes.
 */
#include "drivers/ddk/scsi.h"
#include "drivers/port/core/port.h"
#include "drivers/port/core/unit.h"
#include "kernel/mem/pool.h"
#include "lib/string.h"

#define PORT_TAG      POOL_TAG('p', 'o', 'r', 't')
#define FLUSH_SECONDS 60
#define STOP_TIMEOUT  SECONDS(30)
#define UNITS_MAX     64

static uint8_t sense[SENSE_BUFFER_SIZE]; /* of the one request that is out */

/* Or no medium in it. */
static bool
has_no_cache(void)
{
    uint8_t key = sense[2] & 15;

    return key == SCSI_SENSE_ILLEGAL_REQUEST || key == SCSI_SENSE_NOT_READY;
}

static void
unit_tell(struct unit *u, struct scsi_request *s, uint8_t function)
{
    uint8_t status;

    memset(&s->srb, 0, sizeof(s->srb));
    memset(sense, 0, sizeof(sense));
    s->pieces = 0;
    s->srb.Length = sizeof(s->srb);
    s->srb.Function = function;
    s->srb.TimeOutValue = FLUSH_SECONDS;
    s->srb.SrbFlags = SRB_FLAGS_NO_QUEUE_FREEZE;
    if (function == SRB_FUNCTION_EXECUTE_SCSI) {
        s->srb.CdbLength = 10;
        s->srb.Cdb[0] = SCSIOP_SYNCHRONIZE_CACHE;
        s->srb.SenseInfoBuffer = sense;
        s->srb.SenseInfoBufferLength = sizeof(sense);
    }
    status = unit_execute(u, s);
    if (has_no_cache())
        return;
    if (status != SRB_STATUS_SUCCESS && status != SRB_STATUS_NO_DEVICE &&
        status != SRB_STATUS_INVALID_REQUEST)
        log_err("%s: path %u target %u: function %#x at the end failed: SRB status %#x",
                u->bus->adapter->name, u->path, u->target, function, status);
}

/* The units of a bus as they are now; nobody adds or removes any at the end. */
static void
bus_tell(struct bus *b, struct scsi_request *s)
{
    struct unit *units[UNITS_MAX], *u;
    unsigned n = 0;
    uint8_t irql = spin_lock(&b->lock);

    list_for_each_entry(u, &b->units, link)
        if (n < UNITS_MAX)
            units[n++] = u;
    spin_unlock(&b->lock, irql);
    for (unsigned i = 0; i < n; i++) {
        unit_tell(units[i], s, SRB_FUNCTION_EXECUTE_SCSI);
        unit_tell(units[i], s, SRB_FUNCTION_FLUSH);
        unit_tell(units[i], s, SRB_FUNCTION_SHUTDOWN);
    }
}

static void
adapter_end(void *context, struct adapter *a)
{
    for (uint32_t i = 0; i < a->bus_count; i++)
        bus_tell(a->bus[i], context);
    (void)adapter_power_down(a, STOP_TIMEOUT);
}

void
ports_shutdown(void)
{
    struct scsi_request *s = pool_zalloc(sizeof(*s), PORT_TAG);

    if (!s) {
        log_err("ports: no memory to flush the disks with");
        return;
    }
    adapters_for_each(adapter_end, s);
    pool_free(s, PORT_TAG);
}
