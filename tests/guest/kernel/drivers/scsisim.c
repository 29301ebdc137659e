#include "tests/guest/kernel/drivers/scsisim.h"
#include "kernel/cpu/apic.h"
#include "lib/bytes.h"
#include "lib/string.h"
#include "tests/guest/ktest.h"

#define WAIT SECONDS(60)

uint8_t scsisim_data[64 * 1024] __attribute__((aligned(4096))), scsisim_sense[64];
struct sflight scsisim_flights[SCSISIM_FLIGHTS];

bool
scsisim_load(struct scsisim *s)
{
    *s = (struct scsisim){.driver = probe_load("scsisim.sys")};
    if (!s->driver)
        return false;
    s->knobs = probe_variable(s->driver, "Knobs");
    s->seen = probe_variable(s->driver, "Seen");
    return s->knobs && s->seen;
}

static void
remember(void *context, struct adapter *a)
{
    struct scsisim *s = context;

    if (a->driver != s->driver)
        return;
    s->adapter = a;
    s->adapters++;
}

/* Are there adapters without anybody's giving it a device? */
static bool
finds_itself(const struct scsisim *s)
{
    bool finds = s->knobs->legacy;

    for (unsigned n = 0; n < s->knobs->registrations; n++)
        finds |= s->knobs->type[n] == Internal;
    return finds;
}

int
scsisim_start(struct scsisim *s)
{
    const struct unit_watcher *disks = unit_watch(NULL); /* nobody but the test sends requests */
    int err = driver_start(s->driver, s->why);

    if (!err && !finds_itself(s) && s->driver->port.add)
        err = s->driver->port.add(s->driver, s->driver->port.data, NULL, s->why);
    (void)unit_watch(disks);
    adapters_for_each(remember, s);
    return err;
}

void
scsisim_stop_only(struct scsisim *s)
{
    if (s->adapter)
        KCHECK_EQ(s->driver->port.remove(s->driver, s->driver->port.data, NULL, s->why), 0);
    s->adapter = NULL;
}

void
scsisim_stop(struct scsisim *s)
{
    if (!finds_itself(s))
        scsisim_stop_only(s);
    if (s->seen && s->seen->checks_failed)
        ktest_fail("tests/guest/probe/scsisim.c", (int)s->seen->first_failed_line, "%u checks do not hold",
                   s->seen->checks_failed);
    if (s->seen)
        KCHECK_EQ(scsisim_calls(s, SCALL_STATE), 0);
    if (s->driver)
        probe_unload(s->driver);
}

bool
scsisim_has(struct scsisim *s, uint8_t target, uint8_t lun)
{
    return s->adapter && unit_find(s->adapter->bus[0], 0, target, lun);
}

struct unit *
scsisim_unit(struct scsisim *s, uint8_t target, uint8_t lun)
{
    if (scsisim_has(s, target, lun))
        return unit_find(s->adapter->bus[0], 0, target, lun);
    ktest_fail(__FILE__, __LINE__, "no unit: %s", s->why);
    return NULL;
}

static volatile struct scall missing; /* SCALL_NONE, zeros */

volatile struct scall *
scsisim_call(struct scsisim *s, unsigned what, unsigned n)
{
    for (unsigned i = 0; i < s->seen->count && i < SCALLS_MAX; i++)
        if (s->seen->call[i].what == what && n-- == 0)
            return &s->seen->call[i];
    return &missing;
}

unsigned
scsisim_calls(struct scsisim *s, unsigned what)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->seen->count && i < SCALLS_MAX; i++)
        n += s->seen->call[i].what == what;
    return n;
}

unsigned
scsisim_reads(struct scsisim *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->seen->count && i < SCALLS_MAX; i++)
        n += s->seen->call[i].what == SCALL_STARTIO && s->seen->call[i].detail == SCSIOP_READ;
    return n;
}

void
scsisim_interrupt(struct scsisim *s)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    apic_send_self(s->adapter->irq[0].line.vector);
    irql_lower(irql);
}

static void
fill(struct scsi_request *s, bool write, uint32_t block, uint32_t size, void *data, uint8_t *sense,
     uint8_t sense_size)
{
    memset(&s->srb, 0, sizeof(s->srb));
    s->pieces = 0;
    s->srb.Length = sizeof(s->srb);
    s->srb.Function = SRB_FUNCTION_EXECUTE_SCSI;
    s->srb.CdbLength = 10;
    s->srb.Cdb[0] = write ? SCSIOP_WRITE : SCSIOP_READ;
    put_be32(s->srb.Cdb + 2, block);
    put_be16(s->srb.Cdb + 7, (uint16_t)(size / 512));
    s->srb.SrbFlags = (write ? SRB_FLAGS_DATA_OUT : SRB_FLAGS_DATA_IN) | SRB_FLAGS_NO_QUEUE_FREEZE;
    s->srb.TimeOutValue = 5;
    s->srb.DataBuffer = data;
    s->srb.DataTransferLength = size;
    s->srb.SenseInfoBuffer = sense;
    s->srb.SenseInfoBufferLength = sense_size;
    memset(sense, 0, sense_size);
}

struct scsi_request *
scsisim_request(bool write, uint32_t block, uint32_t size)
{
    static struct scsi_request s;

    fill(&s, write, block, size, scsisim_data, scsisim_sense, 32);
    return &s;
}

uint8_t
scsisim_run(struct scsisim *s, unsigned mode)
{
    struct scsi_request *r = scsisim_request(false, 0, 8192);
    struct unit *u = scsisim_unit(s, 0, 0);

    if (!u)
        return 0;
    s->knobs->mode = mode;
    (void)unit_execute(u, r);
    return r->srb.SrbStatus;
}

static void
landed(struct scsi_request *s)
{
    (void)event_set(&container_of(s, struct sflight, s)->done);
}

unsigned
scsisim_fly(struct unit *u, unsigned first, unsigned n, uint32_t seconds)
{
    unsigned sent = 0;

    for (unsigned i = first; i < first + n; i++) {
        struct sflight *f = &scsisim_flights[i];

        fill(&f->s, false, 0, 512, scsisim_data + 512 * i, f->sense, sizeof(f->sense));
        f->s.srb.TimeOutValue = seconds;
        f->s.done = landed;
        event_init(&f->done, EVENT_AUTO, false);
        sent += !unit_send(u, &f->s);
    }
    return sent;
}

void
scsisim_land(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n && !ktest_failed(); i++)
        KCHECK_EQ(wait_event(&scsisim_flights[i].done.waitable, WAIT), 0);
}
