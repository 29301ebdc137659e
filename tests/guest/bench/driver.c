/*
 * What the way through a port costs: tests/guest/probe/instant.c, if the image has it as /bench/instant.sys.
 */
#include "drivers/ddk/scsi.h"
#include "drivers/loader/bind.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/port.h"
#include "drivers/port/core/unit.h"
#include "kernel/console/log.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/marker.h"
#include "kernel/mem/frame.h"
#include "lib/bytes.h"
#include "tests/guest/bench/bench.h"

#define ROUNDS 200

static struct scsi_request request;
static void *buffer; /* a page of the direct map, as what a cache has */
static struct adapter *adapter;

static void
take(void *context, struct adapter *a)
{
    adapter = a;
}

static void
done(struct scsi_request *s)
{
    marker(MARKER_DRIVER_DONE);
    __atomic_store_n((bool *)s->context, true, __ATOMIC_RELEASE);
}

/* A read of 4 KiB: submitted, started, interrupted, completed. */
static void
round_run(struct unit *u)
{
    bool ended = false;

    request.srb = (SCSI_REQUEST_BLOCK){.Function = SRB_FUNCTION_EXECUTE_SCSI,
                                       .CdbLength = 10,
                                       .SrbFlags = SRB_FLAGS_DATA_IN,
                                       .DataTransferLength = PAGE_SIZE,
                                       .TimeOutValue = 10,
                                       .DataBuffer = buffer,
                                       .Cdb = {SCSIOP_READ, [8] = PAGE_SIZE / 512}};
    request.done = done;
    request.context = &ended;
    marker(MARKER_DRIVER_SUBMIT);
    if (unit_send(u, &request))
        return;
    apic_send_self(adapter->irq[0].line.vector);
    while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE))
        cpu_relax();
}

void
bench_driver(void)
{
    char why[DRIVER_WHY];
    struct driver *d;
    struct unit *u;

    if (bind_load("/bench/instant.sys", why))
        return;
    d = driver_find("instant.sys");
    (void)unit_watch(NULL); /* no class driver sends it anything */
    if (!d->port.add || d->port.add(d, d->port.data, NULL, why)) {
        log_err("bench: no adapter: %s", why);
        return;
    }
    buffer = phys_to_virt(frame_alloc(0, 0));
    adapters_for_each(take, NULL);
    u = unit_find(adapter->bus[0], 0, 0, 0);
    for (unsigned i = 0; u && i < ROUNDS; i++)
        round_run(u);
    log_info("bench: driver done");
}
