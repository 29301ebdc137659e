/*
 * The end: what disks have in their caches is written, and they and their adapters are told, before the power goes.
 */
#include "drivers/ddk/scsi.h"
#include "drivers/port/core/port.h"
#include "drivers/port/core/unit.h"
#include "kernel/hw/pci.h"
#include "kernel/mem/pool.h"
#include "lib/string.h"

#define PORT_TAG      POOL_TAG('p', 'o', 'r', 't')
#define FLUSH_SECONDS 60
#define STOP_TIMEOUT  SECONDS(30)

/* The one request that is out. */
struct farewell {
    struct scsi_request s;
    uint8_t sense[SENSE_BUFFER_SIZE];
};

/* Or no medium in it. */
static bool
has_no_cache(const struct farewell *f)
{
    uint8_t key = f->sense[2] & 15;

    return key == SCSI_SENSE_ILLEGAL_REQUEST || key == SCSI_SENSE_NOT_READY;
}

/* Also where a queue is frozen or locked. Returns SrbStatus without its bits. */
static uint8_t
unit_tell(struct unit *u, struct farewell *f, uint8_t function)
{
    SCSI_REQUEST_BLOCK *srb = &f->s.srb;
    uint8_t status;

    memset(f, 0, sizeof(*f));
    srb->Length = sizeof(*srb);
    srb->Function = function;
    srb->TimeOutValue = FLUSH_SECONDS;
    srb->SrbFlags = SRB_FLAGS_NO_QUEUE_FREEZE | SRB_FLAGS_BYPASS_LOCKED_QUEUE;
    if (function == SRB_FUNCTION_EXECUTE_SCSI) {
        srb->CdbLength = 10;
        srb->Cdb[0] = SCSIOP_SYNCHRONIZE_CACHE;
        srb->SenseInfoBuffer = f->sense;
        srb->SenseInfoBufferLength = sizeof(f->sense);
    }
    status = unit_execute(u, &f->s);
    if (status != SRB_STATUS_SUCCESS && status != SRB_STATUS_NO_DEVICE &&
        status != SRB_STATUS_INVALID_REQUEST && !has_no_cache(f))
        log_err("%s: path %u target %u: function %#x at the end failed: SRB status %#x",
                u->bus->adapter->name, u->path, u->target, function, status);
    return status;
}

/* NULL: the bus has fewer. */
static struct unit *
unit_at(struct bus *b, unsigned n)
{
    uint8_t irql = spin_lock(&b->lock);
    struct unit *u, *found = NULL;

    list_for_each_entry(u, &b->units, link)
        if (n-- == 0) {
            found = u;
            break;
        }
    spin_unlock(&b->lock, irql);
    return found;
}

/* One that answers no more is waited for once. */
static void
bus_tell(struct bus *b, struct farewell *f)
{
    static const uint8_t functions[] = {SRB_FUNCTION_EXECUTE_SCSI, SRB_FUNCTION_FLUSH, SRB_FUNCTION_SHUTDOWN};
    struct unit *u;

    for (unsigned n = 0; (u = unit_at(b, n)) != NULL; n++)
        for (unsigned i = 0; i < sizeof(functions); i++)
            if (unit_tell(u, f, functions[i]) == SRB_STATUS_TIMEOUT)
                break;
}

void
adapter_flush(struct adapter *a)
{
    struct farewell *f;

    if (a->gate.is_closed || (a->pci && a->pci->presence == PCI_REMOVED))
        return;
    f = pool_zalloc(sizeof(*f), PORT_TAG);
    if (!f)
        log_err("%s: no memory to flush its disks with", a->name);
    for (uint32_t i = 0; i < a->bus_count && f; i++)
        bus_tell(a->bus[i], f);
    pool_free(f, PORT_TAG);
}

static void
adapter_end(void *context, struct adapter *a)
{
    adapter_flush(a);
    (void)adapter_power_down(a, STOP_TIMEOUT);
}

void
ports_shutdown(void)
{
    adapters_for_each(adapter_end, NULL);
}
