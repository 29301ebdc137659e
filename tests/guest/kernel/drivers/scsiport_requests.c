/*
 * Requests through the SCSI port: their way out and back, the pace, tags, sense data, queues that are held.
 */
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/scsisim.h"
#include "tests/guest/ktest.h"

KTEST(
    scsiport_requests_complete_from_every_context) /* S-066 S-070 S-071 S-083 S-088 S-091 S-092 S-102 S-103 S-104 S-105 S-139 */
{
    static const struct {
        uint8_t mode, call;
        bool raised; /* at the interrupt's level */
    } ways[] = {{S_COMPLETE, SCALL_STARTIO, true}, {S_TIMER, SCALL_TIMER, true}};

    for (unsigned both = 0; both < 2; both++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->both_orders = both;
        KCHECK_EQ(scsisim_start(&s), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(ways) && !ktest_failed(); i++) {
            KCHECK_EQ(scsisim_run(&s, ways[i].mode), SRB_STATUS_SUCCESS);
            KCHECK_EQ(scsisim_call(&s, ways[i].call, 0)->irql, s.adapter->irq[0].line.level);
        }
        KCHECK_EQ(scsisim_call(&s, SCALL_TIMER, 0)->detail, 0); /* the one that was replaced did not run */
        KCHECK_EQ(scsisim_calls(&s, SCALL_TIMER), 1);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_work_without_the_interrupt) /* S-104 S-105 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.knobs->mode = S_DEFERRED;
    KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 1, 20), 1);
    scsisim_interrupt(&s);
    scsisim_land(0, 1);
    KCHECK_EQ(scsisim_call(&s, SCALL_ENABLE, 0)->irql, DISPATCH_LEVEL);
    while (!scsisim_calls(&s, SCALL_DISABLE) && !ktest_failed())
        thread_sleep(MS(1));
    KCHECK_EQ(scsisim_call(&s, SCALL_DISABLE, 0)->irql, s.adapter->irq[0].line.level);
    KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
    scsisim_stop(&s);
}

KTEST(scsiport_timer_is_taken_back) /* S-102 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(scsisim_run(&s, S_SLEEPY_TIMER), SRB_STATUS_SUCCESS);
    thread_sleep(MS(60));
    KCHECK_EQ(scsisim_calls(&s, SCALL_TIMER), 0);
    scsisim_stop(&s);
}

/* What is written is there, in pieces and in one, within the limits of any adapter. */
KTEST(scsiport_data_goes_where_it_should) /* S-031 S-044 S-045 S-058 S-073 S-074 S-075 S-087 S-095 */
{
    static const struct {
        unsigned master, map, dma64, breaks, alignment, srb_extension;
    } rows[] = {{1, 0, 1, 16, 0, 200}, {1, 0, 0, 16, 0, 200},     {1, 1, 1, 0, 0, 0},    {0, 1, 1, 16, 0, 16},
                {0, 0, 1, 16, 0, 200}, {1, 0, 1, 1, 0xfff, 4000}, {1, 0, 1, 255, 3, 200}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        static uint8_t copy[48 * 512];
        struct scsi_request *r;
        struct unit *u;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->master = rows[i].master;
        s.knobs->map_buffers = rows[i].map;
        s.knobs->dma64 = rows[i].dma64;
        s.knobs->breaks = rows[i].breaks;
        s.knobs->alignment = rows[i].alignment;
        s.knobs->srb_extension = rows[i].srb_extension;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        if (u && u->max_bytes >= sizeof(copy)) {
            for (unsigned n = 0; n < sizeof(copy); n++)
                copy[n] = scsisim_data[n + 16] = (uint8_t)(n * 7 + n / 256 + i);
            r = scsisim_request(true, 3, sizeof(copy));
            r->srb.DataBuffer = scsisim_data + 16;
            KCHECK_EQ(unit_execute(u, r), SRB_STATUS_SUCCESS);
            memset(scsisim_data, 0, sizeof(scsisim_data));
            r = scsisim_request(false, 3, sizeof(copy));
            r->srb.DataBuffer = scsisim_data + 16;
            KCHECK_EQ(unit_execute(u, r), SRB_STATUS_SUCCESS);
            KCHECK(!memcmp(copy, scsisim_data + 16, sizeof(copy)) && !scsisim_data[15] &&
                   !scsisim_data[16 + sizeof(copy)]);
        }
        if (u && u->max_bytes < 65536) {
            r = scsisim_request(false, 0, 65536);
            KCHECK_EQ(unit_execute(u, r), SRB_STATUS_INVALID_REQUEST); /* S-087 */
        }
        scsisim_stop(&s);
    }
}

/* As many pieces as it has breaks go as they are; one more are too many. */
KTEST(scsiport_pieces_anywhere_in_memory) /* S-044 S-045 S-075 */
{
    for (unsigned breaks = 15; breaks <= 16 && !ktest_failed(); breaks++) {
        static struct data_piece piece[16];
        struct scsi_request *r = scsisim_request(true, 0, 8192);
        struct unit *u;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->breaks = breaks;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        for (unsigned n = 0; n < 16; n++) { /* 512 of each page, backwards */
            uint64_t pa;

            (void)data_run((const char *)scsisim_data + 4096 * (15 - n), 512, &pa);
            piece[n] = (struct data_piece){pa, 512};
            memset(scsisim_data + 4096 * n, (int)(n + 1), 512);
        }
        r->srb.DataBuffer = NULL;
        r->piece = piece;
        r->pieces = 16;
        if (u) {
            KCHECK_EQ(unit_execute(u, r), SRB_STATUS_SUCCESS);
            r = scsisim_request(false, 0, 8192);
            KCHECK_EQ(unit_execute(u, r), SRB_STATUS_SUCCESS);
            for (unsigned n = 0; n < 16; n++)
                KCHECK_EQ(scsisim_data[512 * n], 16 - n);
        }
        scsisim_stop(&s);
    }
}

KTEST(scsiport_statuses_come_back_as_they_are) /* S-086 S-088 S-093 S-094 S-095 S-098 */
{
    static const uint8_t through[] = {SRB_STATUS_SUCCESS,
                                      SRB_STATUS_ABORTED,
                                      SRB_STATUS_ERROR,
                                      SRB_STATUS_INVALID_REQUEST,
                                      SRB_STATUS_SELECTION_TIMEOUT,
                                      SRB_STATUS_PARITY_ERROR,
                                      SRB_STATUS_BUS_RESET,
                                      SRB_STATUS_UNEXPECTED_BUS_FREE,
                                      SRB_STATUS_INTERNAL_ERROR};
    static const uint8_t bad[] = {SRB_STATUS_PENDING, 0x0c, 0x17, 0x3f};
    struct scsi_request *r;
    struct scsisim s;
    unsigned n;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(through); i++) {
        s.knobs->status = through[i];
        KCHECK_EQ(scsisim_run(&s, S_STATUS), through[i]);
        KCHECK_EQ(scsisim_run(&s, S_ALL), through[i]);
    }
    KCHECK_EQ(s.adapter->gate.violations, 1); /* the second uncached extension */
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        s.knobs->status = bad[i];
        KCHECK_EQ(scsisim_run(&s, S_STATUS), SRB_STATUS_ERROR);
    }
    s.knobs->status = SRB_STATUS_SUCCESS | SRB_STATUS_QUEUE_FROZEN;
    KCHECK_EQ(scsisim_run(&s, S_STATUS), SRB_STATUS_SUCCESS);
    KCHECK_EQ(s.adapter->gate.violations, 1 + ARRAY_SIZE(bad) + 1);
    n = scsisim_reads(&s);
    s.knobs->busy = 3;
    KCHECK_EQ(scsisim_run(&s, S_BUSY), SRB_STATUS_SUCCESS);
    KCHECK_EQ(scsisim_reads(&s), n + 4);
    s.knobs->mode = S_BUSY;
    s.knobs->busy = 1000000;
    r = scsisim_request(false, 0, 512);
    r->srb.TimeOutValue = 1; /* as long as that it is tried */
    KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_BUSY);
    r = scsisim_request(false, 0, 8192);
    s.knobs->mode = S_SHORT;
    KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_DATA_OVERRUN);
    KCHECK_EQ(r->srb.DataTransferLength, 4096);
    scsisim_stop(&s);
}

/* S-098: a path, a target, a unit, or all of them. */
KTEST(scsiport_many_are_completed_in_one_call) /* S-098 */
{
    static const unsigned which[][3] = {{0xff, 0xff, 0xff}, {1, 0xff, 0xff}, {0xff, 2, 0xff},
                                        {0xff, 0xff, 1},    {0, 2, 0xff},    {1, 0xff, 1},
                                        {0xff, 1, 0},       {1, 2, 1},       {1, 0, 1}};
    static struct {
        uint8_t path, target, lun;
    } at[SCSISIM_FLIGHTS];

    for (unsigned i = 0; i < ARRAY_SIZE(which) && !ktest_failed(); i++) {
        struct scsisim s;
        unsigned n = 0;

        if (!scsisim_load(&s))
            return;
        s.knobs->buses = 2;
        s.knobs->present = 6;
        s.knobs->lun_mask = 3;
        KCHECK_EQ(scsisim_start(&s), 0);
        s.knobs->mode = S_SOME;
        for (uint8_t bits = 0; bits < 8; bits++, n++) {
            at[n].path = bits & 1;
            at[n].target = bits & 2 ? 2 : 1;
            at[n].lun = bits >> 2;
            KCHECK_EQ(
                scsisim_fly(unit_find(s.adapter->bus[0], at[n].path, at[n].target, at[n].lun), n, 1, 60), 1);
        }
        s.knobs->status = SRB_STATUS_ABORTED;
        for (unsigned k = 0; k < 3; k++)
            s.knobs->which[k] = which[i][k];
        scsisim_interrupt(&s);
        for (n = 0; n < 8; n++)
            if ((which[i][0] == 0xff || which[i][0] == at[n].path) &&
                (which[i][1] == 0xff || which[i][1] == at[n].target) &&
                (which[i][2] == 0xff || which[i][2] == at[n].lun)) {
                scsisim_land(n, 1);
                KCHECK_EQ(scsisim_flights[n].s.srb.SrbStatus, SRB_STATUS_ABORTED);
            } else {
                KCHECK_EQ(scsisim_flights[n].s.srb.SrbStatus, SRB_STATUS_PENDING);
            }
        s.knobs->status = SRB_STATUS_SUCCESS;
        s.knobs->mode = S_INTERRUPT;
        scsisim_interrupt(&s);
        for (n = 0; n < 8; n++)
            if (scsisim_flights[n].s.srb.SrbStatus != SRB_STATUS_ABORTED)
                scsisim_land(n, 1);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_sense_data_is_fetched) /* S-096 S-097 S-118 */
{
    struct scsi_request *r;
    struct scsisim s;

    for (unsigned automatic = 0; automatic < 2; automatic++) {
        if (!scsisim_load(&s))
            return;
        s.knobs->auto_sense = automatic;
        KCHECK_EQ(scsisim_start(&s), 0);
        KCHECK_EQ(scsisim_run(&s, S_AUTOSENSE), SRB_STATUS_ERROR | SRB_STATUS_AUTOSENSE_VALID);
        KCHECK(scsisim_sense[2] == 5 && scsisim_sense[12] == 0x24);
        KCHECK_EQ(scsisim_run(&s, S_SENSE), SRB_STATUS_ERROR | (automatic ? 0 : SRB_STATUS_AUTOSENSE_VALID));
        if (!automatic)
            KCHECK(scsisim_sense[2] == 5 && scsisim_sense[12] == 0x24);
        r = scsisim_request(false, 0, 512);
        r->srb.SrbFlags |= SRB_FLAGS_DISABLE_AUTOSENSE;
        KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_ERROR);
        KCHECK(!(r->srb.SrbStatus & SRB_STATUS_AUTOSENSE_VALID));
        r = scsisim_request(false, 0, 512);
        r->srb.SenseInfoBuffer = NULL;
        r->srb.SenseInfoBufferLength = 0;
        KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_ERROR);
        KCHECK_EQ(r->srb.ScsiStatus, SCSISTAT_CHECK_CONDITION);
        s.knobs->sense_fails = 1;
        KCHECK_EQ(scsisim_run(&s, S_SENSE), automatic ? SRB_STATUS_ERROR : SRB_STATUS_REQUEST_SENSE_FAILED);
        KCHECK_EQ(scsisim_run(&s, S_BAD_SENSE), automatic ? SRB_STATUS_ERROR : SRB_STATUS_ERROR);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS); /* nothing is left held */
        scsisim_stop(&s);
    }
}

/* Sense data belongs to the last command: nothing else goes to the unit before it is fetched. */
KTEST(scsiport_nothing_comes_between_an_error_and_its_sense) /* S-096 S-072 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->tagged = s.knobs->many = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.knobs->mode = S_SENSE;
    KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 20, 20), 20);
    scsisim_land(0, 20);
    for (unsigned n = 0, checks = 0; n < scsisim_calls(&s, SCALL_STARTIO); n++) {
        volatile struct scall *c = scsisim_call(&s, SCALL_STARTIO, n);

        if (checks)
            KCHECK_EQ(c->detail, SCSIOP_REQUEST_SENSE);
        checks = c->detail == SCSIOP_READ;
    }
    for (unsigned n = 0; n < 20; n++) {
        KCHECK_EQ(scsisim_flights[n].s.srb.SrbStatus, SRB_STATUS_ERROR | SRB_STATUS_AUTOSENSE_VALID);
        KCHECK_EQ(scsisim_flights[n].sense[12], 0x24);
    }
    scsisim_stop(&s);
}

KTEST(scsiport_keeps_to_the_pace) /* S-066 S-067 S-068 S-069 S-072 S-099 S-100 */
{
    static const struct {
        unsigned tagged, many, queue_bit, most;
    } rows[] = {
        {0, 0, 1, 1}, {1, 1, 1, 40}, {1, 1, 0, 1}, {1, 0, 1, 1 /* never NextLuRequest */}, {0, 1, 0, 40}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct unit *u;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->tagged = rows[i].tagged;
        s.knobs->many = rows[i].many;
        s.knobs->queue_bit = rows[i].queue_bit;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        s.seen->outstanding_max = 0;
        s.knobs->mode = S_INTERRUPT;
        if (u) {
            KCHECK_EQ(scsisim_fly(u, 0, SCSISIM_FLIGHTS, 20), SCSISIM_FLIGHTS);
            for (unsigned n = 0; n < 2 * SCSISIM_FLIGHTS && s.adapter->bus[0]->active; n++)
                scsisim_interrupt(&s);
            scsisim_land(0, SCSISIM_FLIGHTS);
        }
        KCHECK_EQ(s.seen->outstanding_max, rows[i].most);
        KCHECK_EQ(s.adapter->gate.violations, 1);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_one_request_a_NextRequest) /* S-066 S-067 S-100 */
{
    struct unit *first, *second, *third;
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->present = 7;
    KCHECK_EQ(scsisim_start(&s), 0);
    first = scsisim_unit(&s, 0, 0);
    second = scsisim_unit(&s, 1, 0);
    third = scsisim_unit(&s, 2, 0);
    s.knobs->mode = S_NO_NEXT;
    KCHECK_EQ(scsisim_fly(first, 0, 1, 20) + scsisim_fly(second, 1, 1, 20) + scsisim_fly(third, 2, 1, 20), 3);
    scsisim_land(0, 1);
    KCHECK_EQ(scsisim_reads(&s), 1); /* it has not asked for more */
    scsisim_interrupt(&s);
    scsisim_land(1, 1);
    KCHECK_EQ(scsisim_reads(&s), 2);
    scsisim_interrupt(&s);
    scsisim_land(2, 1);
    scsisim_interrupt(&s);       /* for whatever comes next */
    s.knobs->mode = S_MANY_NEXT; /* three at once are one: to another unit, not to this one */
    KCHECK_EQ(scsisim_fly(first, 0, 2, 20) + scsisim_fly(second, 2, 1, 20), 3);
    KCHECK_EQ(scsisim_reads(&s), 5); /* the second of the first unit waits */
    for (unsigned n = 0; n < 3; n++)
        scsisim_interrupt(&s);
    scsisim_land(0, 3);
    KCHECK_EQ(scsisim_run(&s, S_UNKNOWN), SRB_STATUS_SUCCESS); /* S-101 */
    KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), 0);
    scsisim_stop(&s);
}

KTEST(scsiport_full_queue_is_filled_less) /* S-093 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->tagged = s.knobs->many = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.knobs->mode = S_QUEUE_FULL;
    s.knobs->room = 5;
    KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, SCSISIM_FLIGHTS, 30), SCSISIM_FLIGHTS);
    for (unsigned n = 0; n < 20 * SCSISIM_FLIGHTS && s.adapter->bus[0]->active && !ktest_failed(); n++) {
        scsisim_interrupt(&s);
        if (n > SCSISIM_FLIGHTS)
            thread_sleep(MS(2));
    }
    scsisim_land(0, SCSISIM_FLIGHTS);
    for (unsigned n = 0; n < SCSISIM_FLIGHTS; n++)
        KCHECK_EQ(scsisim_flights[n].s.srb.SrbStatus, SRB_STATUS_SUCCESS);
    KCHECK(scsisim_unit(&s, 0, 0)->depth <= 6);
    scsisim_stop(&s);
}

/* A function of the port's own, sent to a unit. */
static uint8_t
manage(struct unit *u, uint8_t function, uint32_t flags)
{
    static struct scsi_request s;

    memset(&s.srb, 0, sizeof(s.srb));
    s.pieces = 0;
    s.srb.Length = sizeof(s.srb);
    s.srb.Function = function;
    s.srb.SrbFlags = flags;
    return unit_execute(u, &s);
}

KTEST(scsiport_queues_freeze_and_are_locked) /* S-118 S-119 S-120 S-121 */
{
    struct scsi_request *r;
    struct unit *u;
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    u = scsisim_unit(&s, 0, 0);
    r = scsisim_request(false, 0, 512);
    r->srb.SrbFlags &= ~(ULONG)SRB_FLAGS_NO_QUEUE_FREEZE;
    s.knobs->mode = S_AUTOSENSE;
    if (u) {
        (void)unit_execute(u, r);
        KCHECK_EQ(r->srb.SrbStatus, SRB_STATUS_ERROR | SRB_STATUS_AUTOSENSE_VALID | SRB_STATUS_QUEUE_FROZEN);
        s.knobs->mode = S_COMPLETE;
        KCHECK_EQ(scsisim_fly(u, 0, 3, 20), 3);
        KCHECK_EQ(scsisim_reads(&s), 1); /* they wait */
        r = scsisim_request(false, 0, 512);
        r->srb.SrbFlags |= SRB_FLAGS_BYPASS_FROZEN_QUEUE;
        KCHECK_EQ(unit_execute(u, r), SRB_STATUS_SUCCESS); /* this one does not */
        KCHECK_EQ(manage(u, SRB_FUNCTION_RELEASE_QUEUE, 0), SRB_STATUS_SUCCESS);
        scsisim_land(0, 3);
        KCHECK_EQ(manage(u, SRB_FUNCTION_RELEASE_QUEUE, 0), SRB_STATUS_SUCCESS); /* nothing */
        KCHECK_EQ(manage(u, SRB_FUNCTION_LOCK_QUEUE, 0), SRB_STATUS_SUCCESS);
        KCHECK_EQ(scsisim_fly(u, 0, 3, 20), 3);
        KCHECK_EQ(scsisim_reads(&s), 5);
        r = scsisim_request(false, 0, 512);
        r->srb.SrbFlags |= SRB_FLAGS_BYPASS_LOCKED_QUEUE;
        KCHECK_EQ(unit_execute(u, r), SRB_STATUS_SUCCESS);
        KCHECK_EQ(manage(u, SRB_FUNCTION_UNLOCK_QUEUE, 0), SRB_STATUS_INVALID_REQUEST);
        KCHECK_EQ(manage(u, SRB_FUNCTION_UNLOCK_QUEUE, SRB_FLAGS_BYPASS_LOCKED_QUEUE), SRB_STATUS_SUCCESS);
        scsisim_land(0, 3);
        r = scsisim_request(false, 0, 512);
        r->srb.SrbFlags &= ~(ULONG)SRB_FLAGS_NO_QUEUE_FREEZE;
        s.knobs->mode = S_AUTOSENSE;
        (void)unit_execute(u, r);
        KCHECK_EQ(scsisim_fly(u, 0, 3, 20), 3);
        KCHECK_EQ(manage(u, SRB_FUNCTION_FLUSH_QUEUE, 0), SRB_STATUS_SUCCESS);
        scsisim_land(0, 3);
        for (unsigned n = 0; n < 3; n++)
            KCHECK_EQ(scsisim_flights[n].s.srb.SrbStatus, SRB_STATUS_REQUEST_FLUSHED);
    }
    KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
    scsisim_stop(&s);
}

KTEST(scsiport_functions_that_no_miniport_sees) /* S-079 S-080 S-081 S-082 S-084 S-122 */
{
    static const uint8_t functions[] = {SRB_FUNCTION_ATTACH_DEVICE, SRB_FUNCTION_REMOVE_DEVICE,
                                        SRB_FUNCTION_RECEIVE_EVENT, SRB_FUNCTION_WMI, 0x99};

    for (unsigned caches = 0; caches < 2; caches++) {
        struct scsi_request *r;
        struct unit *u;
        struct scsisim s;
        unsigned n;

        if (!scsisim_load(&s))
            return;
        s.knobs->caches = caches;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        n = scsisim_calls(&s, SCALL_STARTIO);
        if (u) {
            for (unsigned i = 0; i < ARRAY_SIZE(functions); i++)
                KCHECK_EQ(manage(u, functions[i], 0), SRB_STATUS_INVALID_REQUEST);
            KCHECK_EQ(manage(u, SRB_FUNCTION_CLAIM_DEVICE, 0), SRB_STATUS_SUCCESS);
            KCHECK_EQ(manage(u, SRB_FUNCTION_CLAIM_DEVICE, 0), SRB_STATUS_BUSY);
            KCHECK_EQ(manage(u, SRB_FUNCTION_RELEASE_DEVICE, 0), SRB_STATUS_SUCCESS);
            KCHECK_EQ(manage(u, SRB_FUNCTION_CLAIM_DEVICE, 0), SRB_STATUS_SUCCESS);
            r = scsisim_request(false, 0, 512);
            r->srb.Length = 64;
            KCHECK_EQ(unit_execute(u, r), SRB_STATUS_BAD_SRB_BLOCK_LENGTH);
            KCHECK_EQ(scsisim_calls(&s, SCALL_STARTIO), n);
            KCHECK_EQ(manage(u, SRB_FUNCTION_FLUSH, 0), SRB_STATUS_SUCCESS);
            KCHECK_EQ(manage(u, SRB_FUNCTION_SHUTDOWN, 0), SRB_STATUS_SUCCESS);
            KCHECK_EQ(scsisim_calls(&s, SCALL_STARTIO), n + 2 * caches);
            KCHECK_EQ(manage(u, SRB_FUNCTION_IO_CONTROL, 0),
                      SRB_STATUS_INVALID_REQUEST); /* the miniport's answer: S-086 */
            KCHECK_EQ(scsisim_calls(&s, SCALL_STARTIO), n + 2 * caches + 1);
        }
        scsisim_stop(&s);
    }
}

/* What the sender says of the order, else none. */
KTEST(scsiport_tags_are_of_the_kind_that_is_asked_for) /* S-072 */
{
    static const uint8_t actions[] = {0, SRB_SIMPLE_TAG_REQUEST, SRB_HEAD_OF_QUEUE_TAG_REQUEST,
                                      SRB_ORDERED_QUEUE_TAG_REQUEST};

    for (unsigned tagged = 0; tagged < 2; tagged++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->tagged = s.knobs->many = tagged;
        KCHECK_EQ(scsisim_start(&s), 0);
        s.knobs->mode = S_COMPLETE;
        for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
            struct scsi_request *r = scsisim_request(false, 0, 512);

            r->srb.SrbFlags |= actions[i] ? SRB_FLAGS_QUEUE_ACTION_ENABLE : 0;
            r->srb.QueueAction = actions[i];
            KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_SUCCESS);
            KCHECK_EQ(s.seen->action, !tagged ? 0 : actions[i] ? actions[i] : SRB_SIMPLE_TAG_REQUEST);
        }
        scsisim_stop(&s);
    }
}

KTEST(scsiport_driver_answers_a_control_request) /* S-081 S-082 */
{
    for (unsigned mapped = 0; mapped < 2; mapped++) {
        SRB_IO_CONTROL *c = (SRB_IO_CONTROL *)(void *)(scsisim_data + 16);
        struct scsi_request *r = scsisim_request(false, 0, 512);
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->map_buffers = s.knobs->events = mapped;
        KCHECK_EQ(scsisim_start(&s), 0);
        memset(scsisim_data, 0, sizeof(scsisim_data));
        *c = (SRB_IO_CONTROL){.HeaderLength = sizeof(*c), .ControlCode = SCONTROL_CODE, .Length = 1000};
        r->srb.Function = SRB_FUNCTION_IO_CONTROL;
        r->srb.CdbLength = 0;
        r->srb.DataBuffer = c;
        r->srb.DataTransferLength = sizeof(*c) + 1000;
        r->srb.SrbFlags |= SRB_FLAGS_DATA_IN | SRB_FLAGS_DATA_OUT;
        KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_SUCCESS);
        KCHECK(c->ReturnCode == 7 && c->Length == 1000);
        for (unsigned n = 0; n < 1000; n++)
            KCHECK_EQ(((uint8_t *)(c + 1))[n], 0x3c);
        KCHECK(!scsisim_data[15] && !scsisim_data[16 + sizeof(*c) + 1000]);
        KCHECK_EQ(manage(scsisim_unit(&s, 0, 0), SRB_FUNCTION_RECEIVE_EVENT, 0),
                  mapped ? SRB_STATUS_SUCCESS : SRB_STATUS_INVALID_REQUEST);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_library_answers) /* S-053 S-055 S-056 S-057 S-076 S-077 S-078 S-106 S-132 */
{
    for (unsigned tagged = 0; tagged < 2; tagged++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->tagged = s.knobs->many = tagged;
        KCHECK_EQ(scsisim_start(&s), 0);
        KCHECK_EQ(scsisim_run(&s, S_LIBRARY), SRB_STATUS_SUCCESS);
        KCHECK(s.adapter->gate.violations >= 6); /* each routine at the wrong time was said */
        scsisim_stop(&s);
    }
}
