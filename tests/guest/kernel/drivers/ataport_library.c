/*
 * The ATA port's library and what a miniport tells it: configuration space, mappings, small routines, busy, bus changes, power.
 */
#include "drivers/ddk/wdm.h"
#include "drivers/loader/registry.h"
#include "kernel/hw/pci.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/sim.h"
#include "drivers/loader/bind.h"
#include "drivers/loader/device.h"
#include "tests/guest/ktest.h"

#define WAIT SECONDS(60)

KTEST(ataport_library_on_a_pci_function) /* A-029 A-036 A-104 A-112 A-131 A-132 */
{
    const struct pci_match ahci = {0x8086, 0x2922, 0, 0};
    struct pci_device *p = pci_next(NULL, &ahci);
    const struct device dev = {.pci = p};
    bool was_bound;
    struct sim s;

    if (!p) {
        ktest_skip("this machine has no AHCI controller of an ICH9");
        return;
    }
    if (!sim_load(&s))
        return;
    s.knobs->expect_ahci = 1;
    was_bound = !unbind_device(p->name, s.why); /* its own driver lends it */
    KCHECK_EQ(driver_start(s.driver, s.why), 0);
    KCHECK_EQ(s.driver->port.add(s.driver, s.driver->port.data, &dev, s.why), 0);
    KCHECK(p->owner != NULL && adapter_of(s.driver, &dev) != NULL);
    KCHECK_EQ(s.driver->port.remove(s.driver, s.driver->port.data, &dev, s.why), 0);
    KCHECK(p->owner == NULL);
    sim_stop(&s);
    if (was_bound)
        KCHECK_EQ(bind_device(p->name, NULL, s.why), 0);
}

KTEST(ataport_library_routines_and_wrong_times) /* A-060 A-106 A-111 A-113 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(sim_run(&s, DO_LIBRARY), IRB_STATUS_SUCCESS);
    KCHECK(s.adapter->gate.violations >= 3);
    KCHECK_EQ(registry_dword("Services\\atasim\\Controller0\\Channel0", "Number", 0), 0x1234); /* unchanged */
    sim_stop(&s);
}

/* How often IRBs of a function were started. */
static unsigned
started(struct sim *s, unsigned function)
{
    unsigned count = 0;

    for (unsigned n = 0; n < sim_calls(s, CALL_STARTIO); n++)
        count += sim_call(s, CALL_STARTIO, n)->detail == function;
    return count;
}

/* Wait until there are that many. */
static void
started_wait(struct sim *s, unsigned function, unsigned count)
{
    uint64_t deadline = timer_deadline(WAIT);

    while (started(s, function) < count && time_now() < deadline)
        thread_sleep(MS(5));
    KCHECK_EQ(started(s, function), count);
}

KTEST(ataport_bus_change_finds_and_loses_devices) /* */
{
    uint64_t deadline = timer_deadline(WAIT);
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK(unit_find(s.adapter->bus[0], 0, 0, 0) && !unit_find(s.adapter->bus[0], 0, 1, 0));
    s.knobs->present = 3;
    KCHECK_EQ(sim_run(&s, DO_BUS_CHANGE), IRB_STATUS_SUCCESS);
    while (sim_calls(&s, CALL_INITIALIZE) < 2 && time_now() < deadline)
        thread_sleep(MS(5));
    KCHECK_EQ(sim_calls(&s, CALL_INITIALIZE), 2); /* the new one; the old one is not told again */
    KCHECK_EQ(sim_call(&s, CALL_INITIALIZE, 1)->detail, 1);
    s.knobs->present = 1;
    KCHECK_EQ(sim_run(&s, DO_BUS_CHANGE), IRB_STATUS_SUCCESS);
    while (unit_find(s.adapter->bus[0], 0, 1, 0) && time_now() < deadline)
        thread_sleep(MS(5));
    KCHECK(!unit_find(s.adapter->bus[0], 0, 1, 0) && unit_find(s.adapter->bus[0], 0, 0, 0));
    sim_stop(&s);
}

KTEST(ataport_device_taken_away_under_requests) /* */
{
    uint64_t deadline;
    struct sim s;
    uint8_t irql;

    if (!sim_load(&s))
        return;
    s.knobs->depth = 1;
    KCHECK_EQ(sim_start(&s), 0);
    s.knobs->present = 0;
    s.knobs->mode = DO_REMOVAL;
    irql = irql_raise(DISPATCH_LEVEL);          /* what the miniport says is dealt with after them */
    KCHECK_EQ(sim_fly(sim_unit(&s), 3, 60), 3); /* one is out, two wait */
    irql_lower(irql);
    sim_land(1, 2);
    KCHECK_EQ(sim_flights[1].a.r.error, -ENODEV);
    KCHECK_EQ(sim_flights[2].a.r.error, -ENODEV);
    sim_interrupt(&s);
    sim_land(0, 1);
    KCHECK_EQ(sim_flights[0].a.irb_status, IRB_STATUS_SUCCESS);
    deadline = timer_deadline(WAIT);
    while (unit_find(s.adapter->bus[0], 0, 0, 0) && time_now() < deadline)
        thread_sleep(MS(5));
    KCHECK(!unit_find(s.adapter->bus[0], 0, 0, 0));
    KCHECK(!s.adapter->gate.is_closed);
    sim_stop(&s);
}

KTEST(ataport_power_change_is_told_to_the_device) /* */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(sim_run(&s, DO_POWER), IRB_STATUS_SUCCESS);
    started_wait(&s, IRB_FUNCTION_POWER_CHANGE, 1);
    sim_stop(&s);
}

KTEST(ataport_busy_pauses_and_goes_on_by_itself) /* A-091 A-114 A-133 */
{
    struct sim s;
    uint64_t begun;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    begun = time_now();
    KCHECK_EQ(sim_run(&s, DO_DEVICE_BUSY), IRB_STATUS_SUCCESS); /* the retry came after the pause */
    KCHECK(time_now() - begun >= SECONDS(1));
    KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
    sim_stop(&s);
}

KTEST(ataport_return_values_of_buildio_and_startio_do_not_count) /* */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->false_mask = 1 << CALL_BUILDIO | 1 << CALL_STARTIO;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
    sim_stop(&s);
}

KTEST(ataport_timeout_counts_from_what_buildio_left) /* */
{
    struct ata_request a = sim_read(4096);
    struct sim s;
    uint64_t begun;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    s.knobs->seconds = 3;
    s.knobs->mode = DO_NEVER;
    a.r.seconds = 1;
    begun = time_now();
    KCHECK_EQ(ata_execute(sim_unit(&s), &a), 0);
    KCHECK_EQ(a.irb_status, IRB_STATUS_BUS_RESET);
    KCHECK(time_now() - begun >= SECONDS(2));
    sim_stop(&s);
}

KTEST(ataport_interrupt_goes_to_the_channel_that_has_it) /* */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->channels = 3;
    KCHECK_EQ(sim_start(&s), 0);
    s.knobs->mode = DO_INTERRUPT;
    sim_interrupt(&s); /* nobody's: all are asked */
    KCHECK_EQ(sim_calls(&s, CALL_INTERRUPT), 3);
    for (unsigned i = 0; i < 3; i++)
        KCHECK_EQ(sim_call(&s, CALL_INTERRUPT, i)->channel, i);
    sim_stop(&s);
}
