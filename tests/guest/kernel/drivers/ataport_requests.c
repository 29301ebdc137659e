/*
 * Requests through the ATA port: from every context, at every depth, with every status; rules that a miniport breaks; time.
 */
#include "tests/guest/kernel/drivers/sim.h"
#include "drivers/ddk/wdm.h"
#include "kernel/cpu/apic.h"
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

#define WAIT SECONDS(60)

KTEST(
    ataport_requests_complete_from_every_context) /* A-066 A-070 A-071 A-075 A-086 A-096 A-102 A-134 A-136 */
{
    static const struct {
        uint8_t mode, call;
        bool raised; /* at the interrupt's level */
    } ways[] = {
        {DO_COMPLETE, CALL_STARTIO, true},
        {DO_WORKER, CALL_WORKER, false},
        {DO_TIMER, CALL_TIMER, true},
        {DO_SYNC, CALL_SYNC, true},
        {DO_CONTROLLER_SYNC, CALL_CONTROLLER_SYNC, true},
    };
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(ways) && !ktest_failed(); i++) {
        KCHECK_EQ(sim_run(&s, ways[i].mode), IRB_STATUS_SUCCESS);
        KCHECK(sim_calls(&s, ways[i].call) != 0);
        KCHECK_EQ(sim_call(&s, ways[i].call, 0)->irql,
                  ways[i].raised ? s.adapter->irq[0].line.level : DISPATCH_LEVEL);
    }
    for (unsigned n = 0; n < sim_calls(&s, CALL_BUILDIO); n++) {
        KCHECK(sim_call(&s, CALL_BUILDIO, n)->irql <= DISPATCH_LEVEL);
        KCHECK_EQ(sim_call(&s, CALL_BUILDIO, n)->argument,
                  sim_call(&s, CALL_STARTIO, n)->argument); /* */
    }
    KCHECK_EQ(sim_calls(&s, CALL_BUILDIO), sim_calls(&s, CALL_STARTIO));
    KCHECK_EQ(sim_calls(&s, CALL_CONTROLLER_SYNC), 1); /* the one that DO_SYNC replaced did not run */
    sim_stop(&s);
}

KTEST(ataport_unsynchronized_channel_runs_at_dispatch_level) /* A-049 A-075 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->sync = 0;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(sim_run(&s, DO_SYNC), IRB_STATUS_SUCCESS);
    for (unsigned n = 0; n < sim_calls(&s, CALL_STARTIO); n++)
        KCHECK_EQ(sim_call(&s, CALL_STARTIO, n)->irql, DISPATCH_LEVEL);
    KCHECK_EQ(sim_call(&s, CALL_INITIALIZE, 0)->irql, DISPATCH_LEVEL);
    KCHECK_EQ(sim_call(&s, CALL_SYNC, 0)->irql, s.adapter->irq[0].line.level);
    sim_stop(&s);
}

KTEST(ataport_never_exceeds_the_depths) /* A-069 A-050 A-051 A-062 A-067 A-068 A-076 */
{
    static const unsigned depths[][3] = {{4, 4, 4}, {8, 3, 3}, {2, 16, 2}, {0, 4, 1}, {32, 0, 1}};

    for (unsigned i = 0; i < ARRAY_SIZE(depths) && !ktest_failed(); i++) {
        struct unit *u;
        struct sim s;

        if (!sim_load(&s))
            return;
        s.knobs->overlapped = depths[i][0];
        s.knobs->depth = depths[i][1];
        KCHECK_EQ(sim_start(&s), 0);
        s.seen->outstanding_max = 0;
        s.knobs->mode = DO_INTERRUPT;
        u = sim_unit(&s);
        if (u) {
            KCHECK_EQ(sim_fly(u, SIM_FLIGHTS, 5), SIM_FLIGHTS);
            for (unsigned n = 0; n < SIM_FLIGHTS && s.adapter->bus[0]->active; n++) {
                KCHECK(s.adapter->bus[0]->active <= depths[i][2]);
                sim_interrupt(&s);
            }
            sim_land(0, SIM_FLIGHTS);
            KCHECK_EQ(s.seen->outstanding_max, depths[i][2]);
            KCHECK(s.seen->count < CALLS_MAX || s.seen->irb_extensions);
        }
        for (unsigned e = 1; e < MIN(s.seen->irb_extensions, depths[i][2]);
             e++) /* those out together differ */
            KCHECK(depths[i][2] == 1 || s.seen->irb_extension[e] || s.seen->irb_extension[0]);
        sim_stop(&s);
    }
}

KTEST(ataport_statuses_come_back_as_they_are) /* A-072 A-087 A-089 A-091 A-092 A-093 A-094 A-099 */
{
    static const uint8_t through[] = {IRB_STATUS_SUCCESS,      IRB_STATUS_DATALENGTH_MISMATCH,
                                      IRB_STATUS_DEVICE_ERROR, IRB_STATUS_INVALID_REQUEST,
                                      IRB_STATUS_BUS_RESET,    IRB_STATUS_SELECTION_TIMEOUT};
    struct ata_request a;
    struct sim s;
    unsigned n;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(through); i++) {
        s.knobs->status = through[i];
        KCHECK_EQ(sim_run(&s, DO_STATUS), through[i]);
        KCHECK_EQ(sim_run(&s, DO_ALL), through[i]);
        n = sim_calls(&s, CALL_STARTIO);
        KCHECK_EQ(sim_run(&s, DO_BUILDIO), through[i]);
        KCHECK_EQ(sim_calls(&s, CALL_STARTIO), n);
    }
    s.knobs->status = IRB_STATUS_SUCCESS | 0xc0;
    KCHECK_EQ(sim_run(&s, DO_STATUS), IRB_STATUS_SUCCESS); /* */
    KCHECK_EQ(sim_run(&s, DO_PENDING), IRB_STATUS_INTERNAL_ERROR);
    n = sim_calls(&s, CALL_STARTIO);
    KCHECK_EQ(sim_run(&s, DO_BUSY_ONCE), IRB_STATUS_SUCCESS);
    KCHECK_EQ(sim_calls(&s, CALL_STARTIO), n + 2);
    KCHECK_EQ(sim_run(&s, DO_BUSY_ALWAYS), IRB_STATUS_BUSY);
    KCHECK_EQ(sim_calls(&s, CALL_STARTIO), n + 4); /* retried once */
    a = sim_read(8192);
    s.knobs->mode = DO_SHORT;
    KCHECK_EQ(ata_execute(sim_unit(&s), &a), 0);
    KCHECK_EQ(a.transferred, 4096);
    a = sim_read(4096);
    s.knobs->mode = DO_LONG;
    KCHECK_EQ(ata_execute(sim_unit(&s), &a), 0);
    KCHECK_EQ(a.transferred, 4096);
    a = sim_read(4096);
    s.knobs->mode = DO_SENSE;
    KCHECK_EQ(ata_execute(sim_unit(&s), &a), 0);
    KCHECK_EQ(a.irb_status, IRB_STATUS_DEVICE_ERROR | IRB_STATUS_AUTOSENSE_VALID);
    KCHECK(a.sense[0] == 0x70 && a.sense[2] == 5 && a.sense[12] == 0x24);
    sim_stop(&s);
}

KTEST(ataport_lists_and_limits) /* A-026 A-027 A-031 A-080 A-081 A-148 */
{
    struct ata_request a = sim_read(65536);
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->max_transfer = 32768;
    s.knobs->breaks = 1;
    s.knobs->dma64 = 0;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(ata_execute(sim_unit(&s), &a), 0);
    KCHECK_EQ(a.irb_status, IRB_STATUS_INVALID_REQUEST); /* larger than a request may be */
    a = sim_read(32768);
    KCHECK_EQ(ata_execute(sim_unit(&s), &a), 0);
    KCHECK_EQ(a.irb_status, IRB_STATUS_SUCCESS);
    sim_stop(&s);
}

/* ---- misbehaviour that is survived ---- */

KTEST(ataport_rules_broken_are_reported_and_survived) /* A-088 A-095 A-098 */
{
    static const struct {
        uint8_t mode, status;
        const char *said;
    } rules[] = {
        {DO_TWICE, IRB_STATUS_SUCCESS, "(A-088)"},         {DO_FOREIGN, IRB_STATUS_SUCCESS, "(A-088)"},
        {DO_WILD, IRB_STATUS_SUCCESS, "(A-088)"},          {DO_PENDING, IRB_STATUS_INTERNAL_ERROR, "(A-087)"},
        {DO_LONG, IRB_STATUS_SUCCESS, "(A-089)"},          {DO_SENSE_TWICE, 0x23, "(A-098)"},
        {DO_ALL_INTERRUPT, IRB_STATUS_SUCCESS, "(A-095)"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rules) && !ktest_failed(); i++) {
        struct sim s;
        bool said = false;

        if (!sim_load(&s))
            return;
        KCHECK_EQ(sim_start(&s), 0);
        if (rules[i].mode == DO_ALL_INTERRUPT) {
            s.knobs->mode = rules[i].mode;
            KCHECK_EQ(sim_fly(sim_unit(&s), 1, 5), 1);
            sim_interrupt(&s);
            sim_land(0, 1);
            KCHECK_EQ(sim_flights[0].a.irb_status, rules[i].status);
        } else {
            KCHECK_EQ(sim_run(&s, rules[i].mode), rules[i].status);
        }
        for (unsigned n = 0; n < MIN(s.adapter->log_count, (uint32_t)PORT_LOG); n++)
            said |= strstr(s.adapter->log[n].text, rules[i].said) != NULL;
        if (!said || !s.adapter->gate.violations)
            ktest_fail(__FILE__, __LINE__, "mode %u: nothing is said of %s", rules[i].mode, rules[i].said);
        KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
        sim_stop(&s);
    }
}

/* ---- misbehaviour that costs the adapter ---- */

KTEST(ataport_adapter_that_goes_wrong_is_lost_and_its_requests_fail)
{
    static const struct {
        uint8_t mode;
        const char *said;
    } faults[] = {
        {DO_FAULT, "IdeHwStartIo wrote to address 0000000000001234"},
        {DO_FAULT_INTERRUPT, "IdeHwInterrupt wrote to address 0000000000004321"},
        {DO_LOOP, "IdeHwStartIo did not return within "},
        {DO_LEVEL, "and returned at IRQL 12"},
        {DO_FREED, "IdeHwStartIo read address"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(faults) && !ktest_failed(); i++) {
        struct unit *u;
        struct sim s;

        if (!sim_load(&s))
            return;
        KCHECK_EQ(sim_start(&s), 0);
        u = sim_unit(&s);
        s.knobs->mode = faults[i].mode;
        if (u) {
            unsigned sent = sim_fly(u, 6, 5);

            if (faults[i].mode == DO_FAULT_INTERRUPT)
                sim_interrupt(&s);
            sim_land(0, sent);
            KCHECK_EQ(sim_flights[sent - 1].a.r.error != 0 || faults[i].mode == DO_LEVEL, 1);
            if (!s.adapter->gate.is_closed || !strstr(s.adapter->gate.text, faults[i].said))
                ktest_fail(__FILE__, __LINE__, "mode %u: \"%s\", want \"%s\"", faults[i].mode,
                           s.adapter->gate.text, faults[i].said);
            sim_flights[0].a = sim_read(512);
            KCHECK_EQ(ata_submit(u, &sim_flights[0].a), -ENODEV);
        }
        sim_stop(&s);
    }
}

KTEST(ataport_one_adapter_lost_leaves_the_other) /* the machine, and other drivers, go on */
{
    struct sim good, bad = {0};

    if (!sim_load(&good))
        return;
    KCHECK_EQ(sim_start(&good), 0);
    bad.driver = probe_load("faults.sys");
    if (bad.driver) {
        *(uint32_t *)probe_variable(bad.driver, "Mode") = 2;
        KCHECK(driver_start(bad.driver, bad.why) != 0);
        probe_unload(bad.driver);
    }
    KCHECK_EQ(sim_run(&good, DO_COMPLETE), IRB_STATUS_SUCCESS);
    sim_stop(&good);
}

/* ---- time ---- */

/* A request of one second that the miniport keeps. Returns its status. */
static uint8_t
time_out(struct sim *s, unsigned reset)
{
    struct unit *u = sim_unit(s);

    if (!u)
        return 0;
    s->knobs->mode = DO_NEVER;
    s->knobs->reset = reset;
    KCHECK_EQ(sim_fly(u, 1, 1), 1);
    sim_land(0, 1);
    return sim_flights[0].a.irb_status;
}

KTEST(ataport_timeout_resets_the_unit_then_the_channel) /* A-122 A-123 A-124 A-125 A-126 A-135 A-146 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(time_out(&s, RESET_COMPLETES), IRB_STATUS_BUS_RESET);
    KCHECK_EQ(sim_calls(&s, CALL_RESET), 0);
    KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
    KCHECK_EQ(time_out(&s, RESET_LUN_FAILS), IRB_STATUS_BUS_RESET);
    KCHECK_EQ(sim_calls(&s, CALL_RESET), 1);
    KCHECK(sim_call(&s, CALL_RESET, 0)->irql == s.adapter->irq[0].line.level);
    KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
    KCHECK_EQ(time_out(&s, RESET_LEAVES), IRB_STATUS_BUS_RESET); /* the port completes what is left */
    KCHECK(s.adapter->gate.violations);
    KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
    KCHECK(!s.adapter->gate.is_closed);
    sim_stop(&s);
}

KTEST(ataport_reset_that_fails_costs_the_adapter) /* */
{
    uint64_t deadline;
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    (void)time_out(&s, RESET_FALSE);
    deadline = timer_deadline(
        WAIT); /* the request has come back from within IdeHwReset, which returns FALSE later */
    while (!__atomic_load_n(&s.adapter->gate.is_closed, __ATOMIC_ACQUIRE) && time_now() < deadline)
        thread_sleep(MS(1));
    KCHECK(s.adapter->gate.is_closed);
    KCHECK(strstr(s.adapter->gate.text, "A-125"));
    sim_stop(&s);
}

/* ---- nothing is lost ---- */

KTEST(ataport_starts_and_stops_without_a_page_lost) /* */
{
    struct mem_taken before;

    for (unsigned i = 0; i <= 60 && !ktest_failed(); i++) {
        struct sim s;

        if (i == 1)
            before = mem_taken();
        if (!sim_load(&s))
            return;
        s.knobs->channels = 3;
        KCHECK_EQ(sim_start(&s), 0);
        KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
        sim_stop(&s);
    }
    mem_check_same(&before);
}

static void
load_thread(void *context)
{
    for (unsigned i = 0; i < 300 && !ktest_failed(); i++) {
        struct ata_request a = sim_read(4096);

        KCHECK_EQ(ata_execute(context, &a), 0);
        KCHECK_EQ(a.irb_status, IRB_STATUS_SUCCESS);
    }
}

KTEST(ataport_under_load_from_every_processor_while_drivers_come_and_go)
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->overlapped = s.knobs->depth = 16;
    KCHECK_EQ(sim_start(&s), 0);
    s.knobs->mode = DO_SYNC;
    if (sim_unit(&s))
        on_each_processor(load_thread, sim_unit(&s));
    for (unsigned i = 0; i < 10; i++) {
        struct driver *d = probe_load("runtime.sys");

        if (d) {
            (void)probe_start(d);
            probe_unload(d);
        }
    }
    sim_stop(&s);
}
