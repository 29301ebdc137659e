#include "tests/guest/kernel/drivers/sim.h"
#include "drivers/ddk/wdm.h"
#include "drivers/port/core/unit.h"
#include "kernel/cpu/apic.h"
#include "tests/guest/ktest.h"

bool
sim_load(struct sim *s)
{
    *s = (struct sim){.driver = probe_load("atasim.sys")};
    if (!s->driver)
        return false;
    s->knobs = probe_variable(s->driver, "Knobs");
    s->seen = probe_variable(s->driver, "Seen");
    return s->knobs && s->seen;
}

static void
remember(void *context, struct adapter *a)
{
    struct sim *s = context;

    if (a->driver == s->driver)
        s->adapter = a;
}

int
sim_start(struct sim *s)
{
    const struct unit_watcher *disks = unit_watch(NULL); /* nobody but the test sends requests */
    int err = driver_start(s->driver, s->why);

    if (!err && s->driver->port.add)
        err = s->driver->port.add(s->driver, s->driver->port.data, NULL, s->why);
    (void)unit_watch(disks);
    adapters_for_each(remember, s);
    return err;
}

void
sim_stop(struct sim *s)
{
    if (s->adapter)
        KCHECK_EQ(s->driver->port.remove(s->driver, s->driver->port.data, NULL, s->why), 0);
    if (s->seen && s->seen->checks_failed)
        ktest_fail("tests/guest/probe/atasim.c", (int)s->seen->first_failed_line, "%u checks do not hold",
                   s->seen->checks_failed);
    if (s->driver)
        probe_unload(s->driver);
}

struct unit *
sim_unit(struct sim *s)
{
    struct unit *u = s->adapter && s->adapter->bus_count ? unit_find(s->adapter->bus[0], 0, 0, 0) : NULL;

    if (!u)
        ktest_fail(__FILE__, __LINE__, "no unit: %s", s->why);
    return u;
}

static volatile struct call missing; /* CALL_NONE, zeros */

volatile struct call *
sim_call(struct sim *s, unsigned what, unsigned n)
{
    for (unsigned i = 0; i < s->seen->count && i < CALLS_MAX; i++)
        if (s->seen->call[i].what == what && n-- == 0)
            return &s->seen->call[i];
    return &missing;
}

unsigned
sim_calls(struct sim *s, unsigned what)
{
    unsigned n = 0;

    while (sim_call(s, what, n)->what)
        n++;
    return n;
}

static uint8_t data[64 * 1024] __attribute__((aligned(4096)));

struct ata_request
sim_read(uint32_t size)
{
    return (struct ata_request){.r.seconds = 5,
                                .function = IRB_FUNCTION_ATA_READ,
                                .flags = IRB_FLAGS_DATA_IN | IRB_FLAGS_USE_DMA | IRB_FLAGS_48BIT,
                                .data = {.va = data, .size = size},
                                .want_sense = true,
                                .task_file.Current.bCommandReg = IDE_COMMAND_READ_DMA_EXT};
}

uint8_t
sim_run(struct sim *s, unsigned mode)
{
    struct ata_request a = sim_read(8192);
    struct unit *u = sim_unit(s);

    if (!u)
        return 0;
    s->knobs->mode = mode;
    KCHECK_EQ(ata_execute(u, &a), 0);
    return a.irb_status;
}

void
sim_interrupt(struct sim *s)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    apic_send_self(s->adapter->irq[0].line.vector);
    irql_lower(irql);
}

#define WAIT SECONDS(60)

struct flight sim_flights[SIM_FLIGHTS];

void
sim_landed(struct request *r)
{
    (void)event_set(&container_of(r, struct flight, a.r)->done);
}

unsigned
sim_fly(struct unit *u, unsigned n, uint32_t seconds)
{
    unsigned sent = 0;

    for (unsigned i = 0; i < n; i++) {
        sim_flights[i].a = sim_read(4096);
        sim_flights[i].a.r.seconds = seconds;
        sim_flights[i].a.r.done = sim_landed;
        event_init(&sim_flights[i].done, EVENT_AUTO, false);
        sent += !ata_submit(u, &sim_flights[i].a);
    }
    return sent;
}

void
sim_land(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n && !ktest_failed(); i++)
        KCHECK_EQ(wait_event(&sim_flights[i].done.waitable, WAIT), 0);
}
