/*
 * What goes wrong in the SCSI port: time that runs out, resets, rules that a miniport breaks, calls that do not come back.
 */
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/scsisim.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

KTEST(scsiport_request_over_its_time_costs_a_reset) /* S-109 S-110 S-113 S-114 S-115 S-116 S-117 */
{
    static const unsigned resets[] = {SRESET_COMPLETES, SRESET_LEAVES, SRESET_FALSE};

    for (unsigned i = 0; i < ARRAY_SIZE(resets) && !ktest_failed(); i++) {
        uint64_t violations;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->present = 3;
        s.knobs->reset = resets[i];
        KCHECK_EQ(scsisim_start(&s), 0);
        violations = s.adapter->gate.violations;
        s.knobs->mode = S_NEVER;
        KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 2, 1), 2);
        scsisim_land(0, 2); /* the second one waits, is sent, and is over its time, too */
        KCHECK(SRB_STATUS(scsisim_flights[0].s.srb.SrbStatus) == SRB_STATUS_TIMEOUT);
        KCHECK(SRB_STATUS(scsisim_flights[1].s.srb.SrbStatus) == SRB_STATUS_TIMEOUT);
        KCHECK_EQ(scsisim_call(&s, SCALL_RESET, 0)->irql, s.adapter->irq[0].line.level);
        KCHECK(scsisim_calls(&s, SCALL_RESET) >= (resets[i] == SRESET_FALSE ? 4 : 2));
        KCHECK_EQ(s.adapter->gate.violations > violations, resets[i] != SRESET_COMPLETES);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS); /* the adapter stays: S-117 */
        scsisim_stop(&s);
    }
}

KTEST(scsiport_miniport_that_asks_for_nothing_is_given_the_next_one) /* S-117 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.knobs->mode = S_NO_NEXT;
    KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 2, 30), 2);
    scsisim_land(0, 2);
    KCHECK_EQ(scsisim_flights[1].s.srb.SrbStatus, SRB_STATUS_SUCCESS);
    KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), 0);
    scsisim_stop(&s);
}

KTEST(scsiport_reset_ends_what_others_have_out) /* S-112 S-113 S-114 S-138 */
{
    static struct scsi_request reset;
    struct unit *first, *second;
    struct scsisim s;
    uint64_t before;

    if (!scsisim_load(&s))
        return;
    s.knobs->present = 3;
    KCHECK_EQ(scsisim_start(&s), 0);
    first = scsisim_unit(&s, 0, 0);
    second = scsisim_unit(&s, 1, 0);
    s.knobs->mode = S_NEVER;
    if (first && second) {
        KCHECK_EQ(scsisim_fly(first, 0, 1, 30) + scsisim_fly(second, 1, 1, 30), 2);
        memset(&reset.srb, 0, sizeof(reset.srb));
        reset.srb.Length = sizeof(reset.srb);
        reset.srb.Function = SRB_FUNCTION_RESET_BUS;
        before = time_now();
        KCHECK_EQ(unit_execute(first, &reset), SRB_STATUS_SUCCESS);
        scsisim_land(0, 2);
        KCHECK_EQ(scsisim_flights[0].s.srb.SrbStatus, SRB_STATUS_BUS_RESET);
        KCHECK_EQ(scsisim_flights[1].s.srb.SrbStatus, SRB_STATUS_BUS_RESET);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        KCHECK(time_now() - before >= MS(250)); /* after the hold */
        before = time_now();
        KCHECK_EQ(scsisim_run(&s, S_RESET_DETECTED), SRB_STATUS_SUCCESS);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        KCHECK(time_now() - before >= MS(250));
    }
    KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), 1);
    scsisim_stop(&s);
}

KTEST(scsiport_one_request_is_aborted) /* S-111 S-078 */
{
    static struct scsi_request abort;
    static const struct {
        unsigned tagged;
        uint8_t function, status;
    } rows[] = {{1, SRB_FUNCTION_ABORT_COMMAND, SRB_STATUS_ABORTED},
                {0, SRB_FUNCTION_ABORT_COMMAND, SRB_STATUS_ABORTED},
                {1, SRB_FUNCTION_TERMINATE_IO, SRB_STATUS_ERROR},
                {0, SRB_FUNCTION_TERMINATE_IO, SRB_STATUS_ERROR}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct unit *u;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->tagged = s.knobs->many = rows[i].tagged;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        s.knobs->mode = S_NEVER;
        if (u) {
            KCHECK_EQ(scsisim_fly(u, 0, 2, 30), 2); /* without tags the second one waits behind */
            memset(&abort.srb, 0, sizeof(abort.srb));
            abort.srb.Length = sizeof(abort.srb);
            abort.srb.Function = rows[i].function;
            abort.srb.NextSrb = &scsisim_flights[0].s.srb;
            KCHECK_EQ(unit_execute(u, &abort), SRB_STATUS_SUCCESS);
            scsisim_land(0, 1);
            KCHECK_EQ(scsisim_flights[0].s.srb.SrbStatus, rows[i].status);
            abort.srb.NextSrb = &scsisim_flights[0].s.srb;
            KCHECK_EQ(unit_execute(u, &abort), SRB_STATUS_ABORT_FAILED); /* it has ended */
            abort.srb.NextSrb = &scsisim_flights[1].s.srb;
            if (!rows[i].tagged)
                KCHECK_EQ(unit_execute(u, &abort), SRB_STATUS_SUCCESS);
            scsisim_land(1, 1);
            KCHECK_EQ(scsisim_flights[1].s.srb.SrbStatus, rows[i].status);
        }
        KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), 0);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        scsisim_stop(&s);
    }
}

/* S-110: its own device is reset first if the miniport says that it can; what another one has out is none of that. */
KTEST(scsiport_device_is_reset_before_its_bus) /* S-080 S-110 S-112 S-116 */
{
    static const struct {
        unsigned supported, how, tagged, mode, devices, buses;
    } rows[] = {{1, SDEVICE_COMPLETES, 0, S_NEVER, 1, 0},     {1, SDEVICE_COMPLETES, 1, S_NEVER, 1, 0},
                {1, SDEVICE_LEAVES, 0, S_NEVER, 1, 1},        {1, SDEVICE_REFUSES, 0, S_NEVER, 1, 1},
                {1, SDEVICE_LATE, 0, S_NEVER, 1, 1},          {0, SDEVICE_COMPLETES, 0, S_NEVER, 0, 1},
                {1, SDEVICE_COMPLETES, 0, S_NEVER_NEXT, 0, 1}}; /* it has not asked for a request */

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        bool other = rows[i].mode == S_NEVER;
        unsigned devices = 0;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->present = 3;
        s.knobs->reset_target = rows[i].supported;
        s.knobs->device_reset = rows[i].how;
        s.knobs->tagged = s.knobs->many = rows[i].tagged;
        KCHECK_EQ(scsisim_start(&s), 0);
        s.knobs->mode = rows[i].mode;
        if (other)
            KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 1, 0), 1, 1, 60), 1);
        KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 1, 1), 1);
        scsisim_land(0, 1);
        KCHECK_EQ(SRB_STATUS(scsisim_flights[0].s.srb.SrbStatus), SRB_STATUS_TIMEOUT);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS); /* the unit goes on */
        KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), rows[i].buses);
        if (other && rows[i].buses) {
            scsisim_land(1, 1);
            KCHECK_EQ(scsisim_flights[1].s.srb.SrbStatus, SRB_STATUS_BUS_RESET);
        } else if (other) {
            KCHECK_EQ(scsisim_flights[1].s.srb.SrbStatus, SRB_STATUS_PENDING);
            s.knobs->mode = S_INTERRUPT;
            scsisim_interrupt(&s);
            scsisim_land(1, 1);
            KCHECK_EQ(scsisim_flights[1].s.srb.SrbStatus, SRB_STATUS_SUCCESS);
        }
        for (unsigned n = 0; n < scsisim_calls(&s, SCALL_STARTIO); n++)
            devices += scsisim_call(&s, SCALL_STARTIO, n)->detail == SRB_FUNCTION_RESET_DEVICE << 8;
        KCHECK_EQ(devices, rows[i].devices);
        scsisim_stop(&s);
    }
}

/* From above: the device's if that can be, else the bus's. */
KTEST(scsiport_resets_that_are_asked_for) /* S-080 S-112 */
{
    static const uint8_t functions[] = {SRB_FUNCTION_RESET_DEVICE, SRB_FUNCTION_RESET_LOGICAL_UNIT};
    static struct scsi_request reset;

    for (unsigned supported = 0; supported < 2; supported++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->reset_target = supported;
        KCHECK_EQ(scsisim_start(&s), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(functions) && scsisim_unit(&s, 0, 0); i++) {
            s.knobs->mode = S_NEVER;
            KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 1, 30), 1);
            memset(&reset.srb, 0, sizeof(reset.srb));
            reset.srb.Length = sizeof(reset.srb);
            reset.srb.Function = functions[i];
            KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), &reset), SRB_STATUS_SUCCESS);
            scsisim_land(0, 1);
            KCHECK_EQ(scsisim_flights[0].s.srb.SrbStatus, SRB_STATUS_BUS_RESET);
            KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), supported ? 0 : i + 1);
            KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        }
        scsisim_stop(&s);
    }
}

KTEST(scsiport_rules_that_are_broken_are_said_and_survived) /* S-050 S-083 S-089 S-090 S-099 S-113 */
{
    static const struct {
        unsigned mode, tagged;
        uint8_t status;
        const char *said;
    } rows[] = {
        {S_TWICE, 0, SRB_STATUS_SUCCESS, "S-089"},
        {S_FOREIGN, 0, SRB_STATUS_SUCCESS, "S-090"},
        {S_REFUSE, 0, SRB_STATUS_INVALID_REQUEST, "S-083"},
        {S_LONG, 0, SRB_STATUS_SUCCESS, "bytes transferred of"},
        {S_FIELDS, 0, SRB_STATUS_SUCCESS, "were changed"},
        {S_BAD_SENSE, 0, SRB_STATUS_ERROR, "S-097"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        uint64_t violations;
        bool said = false;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        KCHECK_EQ(scsisim_start(&s), 0);
        violations = s.adapter->gate.violations;
        s.knobs->auto_sense = 1;
        KCHECK_EQ(SRB_STATUS(scsisim_run(&s, rows[i].mode)), rows[i].status);
        KCHECK(s.adapter->gate.violations > violations);
        for (unsigned n = 0; n < s.adapter->log_count && n < PORT_LOG; n++)
            said |= strstr(s.adapter->log[n].text, rows[i].said) != NULL;
        KCHECK(said);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_NextLuRequest_for_a_unit_that_is_busy_is_no_credit) /* S-099 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.knobs->mode = S_NEXT_LU;
    KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 2, 30), 2);
    KCHECK_EQ(scsisim_reads(&s), 1);
    KCHECK_EQ(s.adapter->gate.violations, 2);
    scsisim_interrupt(&s);
    scsisim_land(0, 1);
    while (s.adapter->bus[0]->active == 0 && !ktest_failed())
        thread_sleep(MS(1));
    scsisim_interrupt(&s);
    scsisim_land(1, 1);
    scsisim_stop(&s);
}

/* The uncached extension, the SRB extensions, the data of a request in a buffer of the port's. */
KTEST(scsiport_miniport_that_writes_behind_its_memory_is_found_out) /* S-055 S-073 */
{
    for (unsigned i = 0; i < 3 && !ktest_failed(); i++) {
        struct scsisim s;
        uint64_t violations;

        if (!scsisim_load(&s))
            return;
        s.knobs->behind = i;
        s.knobs->map_buffers = i == 2;
        s.knobs->alignment = i == 2 ? 0xfff : 0; /* through a buffer */
        KCHECK_EQ(scsisim_start(&s), 0);
        violations = s.adapter->gate.violations;
        if (i == 2) {
            struct scsi_request *r = scsisim_request(false, 0, 512);

            r->srb.DataBuffer = scsisim_data + 16;
            s.knobs->mode = S_WRITE_BEHIND;
            KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_SUCCESS);
        } else {
            KCHECK_EQ(scsisim_run(&s, S_WRITE_BEHIND), SRB_STATUS_SUCCESS);
        }
        s.adapter->face->stop(s.adapter);
        KCHECK_EQ(s.adapter->gate.violations, violations + 1);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_flush_that_overtakes_a_write_is_found_out)
{
    struct scsi_request *r = scsisim_request(true, 0, 512);
    uint64_t violations;
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->tagged = s.knobs->many = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    violations = s.adapter->gate.violations;
    s.knobs->mode = S_NEVER;
    KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 1, 30), 1); /* a read may stay behind */
    scsisim_flights[1] = scsisim_flights[0];
    scsisim_flights[1].s.srb = r->srb;
    event_init(&scsisim_flights[1].done, EVENT_AUTO, false);
    KCHECK_EQ(unit_send(scsisim_unit(&s, 0, 0), &scsisim_flights[1].s), 0);
    r->srb.Cdb[0] = SCSIOP_SYNCHRONIZE_CACHE;
    r->srb.DataTransferLength = 0;
    r->srb.SrbFlags = SRB_FLAGS_NO_QUEUE_FREEZE;
    KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_SUCCESS);
    KCHECK_EQ(s.adapter->gate.violations, violations + 1);
    scsisim_interrupt(&s);
    scsisim_land(0, 2);
    scsisim_stop(&s);
}

KTEST(scsiport_driver_that_goes_wrong_loses_its_adapter) /* S-117 S-062 */
{
    static const unsigned modes[] = {S_FAULT, S_LEVEL, S_LOOP};

    for (unsigned i = 0; i < ARRAY_SIZE(modes) && !ktest_failed(); i++) {
        struct unit *u;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        s.knobs->mode = modes[i];
        KCHECK(u && scsisim_fly(u, 0, 3, 30) > 0);
        for (unsigned n = 0; n < 3; n++)
            if (wait_event(&scsisim_flights[n].done.waitable, n ? MS(100) : SECONDS(60)) == 0 &&
                modes[i] != S_LEVEL)
                KCHECK(SRB_STATUS(scsisim_flights[n].s.srb.SrbStatus) == SRB_STATUS_NO_HBA ||
                       SRB_STATUS(scsisim_flights[n].s.srb.SrbStatus) == SRB_STATUS_NO_DEVICE);
        KCHECK(s.adapter->gate.is_closed);
        KCHECK_EQ(scsisim_fly(u, 10, 1, 5), 0);
        s.seen->outstanding = 0;
        scsisim_stop(&s);
    }
}

/* The processor's clock came while its timers could not be served, so nobody had set it again, and then a driver is called. */
KTEST(scsiport_driver_that_loops_when_the_clock_has_just_been) /* S-062 */
{
    struct scsisim s;
    struct unit *u;
    uint8_t irql;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    u = scsisim_unit(&s, 0, 0);
    s.knobs->mode = S_LOOP;
    irql = irql_raise(DISPATCH_LEVEL);
    stall_us(700000); /* longer than a driver's watch sleeps */
    KCHECK(u && scsisim_fly(u, 0, 1, 30) == 1);
    irql_lower(irql);
    KCHECK_EQ(wait_event(&scsisim_flights[0].done.waitable, SECONDS(60)), 0);
    KCHECK(s.adapter->gate.is_closed);
    s.seen->outstanding = 0;
    scsisim_stop(&s);
}

KTEST(scsiport_removal_under_load_ends_every_request) /* S-125 S-128 */
{
    for (unsigned i = 0; i < 3 && !ktest_failed(); i++) {
        struct mem_taken before;
        struct scsisim s;
        unsigned sent;

        if (i == 1)
            before = mem_taken();
        if (!scsisim_load(&s))
            return;
        s.knobs->tagged = s.knobs->many = 1;
        KCHECK_EQ(scsisim_start(&s), 0);
        s.knobs->mode = S_TIMER;
        sent = scsisim_fly(scsisim_unit(&s, 0, 0), 0, SCSISIM_FLIGHTS, 20);
        KCHECK_EQ(sent, SCSISIM_FLIGHTS);
        scsisim_stop(&s);
        s.adapter = NULL;
        scsisim_land(0, sent);
        if (i == 2)
            mem_check_same(&before);
    }
}

KTEST(scsiport_power_goes) /* S-079 S-125 S-126 */
{
    struct scsisim s;
    unsigned n;

    if (!scsisim_load(&s))
        return;
    s.knobs->controls = 0x1e;
    s.knobs->caches = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(adapter_power_down(s.adapter, SECONDS(10)), 0);
    n = scsisim_calls(&s, SCALL_CONTROL);
    KCHECK_EQ(n, 3);
    KCHECK_EQ(scsisim_call(&s, SCALL_CONTROL, 1)->detail, ScsiStopAdapter);
    KCHECK_EQ(scsisim_call(&s, SCALL_CONTROL, 2)->detail, ScsiSetBootConfig);
    scsisim_stop(&s);
}
