/*
 * What a SCSI miniport says of its adapter, and what is on it: sizes, reach, many units, units that are no disks; the end of all.
 */
#include "kernel/block/block.h"
#include "kernel/mem/frame.h"
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/scsisim.h"
#include "tests/guest/ktest.h"

#define ISA_REACH 0xffffffu

static bool
said(const struct adapter *a, const char *what)
{
    for (unsigned n = 0; n < a->log_count && n < PORT_LOG; n++)
        if (strstr(a->log[n].text, what))
            return true;
    return false;
}

KTEST(scsiport_extensions_are_as_large_as_the_miniport_says_last) /* S-029 S-046 S-056 S-073 S-077 */
{
    static const struct {
        unsigned config, late;
    } rows[] = {{5000, 0}, {16, 0}, {0, 6000}, {600, 4000}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->tagged = s.knobs->many = 1;
        s.knobs->config_srb_extension = rows[i].config;
        s.knobs->late_srb_extension = rows[i].late;
        s.knobs->config_lu_extension = 3000;
        KCHECK_EQ(scsisim_start(&s), 0);
        s.knobs->mode = S_TIMER; /* many at once, each extension filled to its end */
        KCHECK_EQ(scsisim_fly(scsisim_unit(&s, 0, 0), 0, SCSISIM_FLIGHTS, 20), SCSISIM_FLIGHTS);
        scsisim_land(0, SCSISIM_FLIGHTS);
        KCHECK_EQ(s.seen->lu_extension_zero, 3000);
        s.adapter->face->stop(s.adapter); /* looks behind them */
        KCHECK(!said(s.adapter, "written behind"));
        KCHECK_EQ(said(s.adapter, "S-056"), rows[i].late != 0);
        scsisim_stop(&s);
    }
}

/* S-031: of a bus master that does not say that it has 32 address lines; memory above its reach goes through buffers below. */
KTEST(scsiport_adapter_of_24_address_lines) /* S-031 S-045 S-056 */
{
    for (unsigned dma32 = 0; dma32 < 2; dma32++) {
        struct dma_buffer high;
        struct scsi_request *r;
        struct scsisim s;
        uint64_t bounced;

        if (!scsisim_load(&s))
            return;
        s.knobs->dma64 = 0;
        s.knobs->dma32 = dma32;
        KCHECK_EQ(scsisim_start(&s), 0);
        KCHECK_EQ(s.adapter->dma.max_address, dma32 ? UINT32_MAX : ISA_REACH);
        if (dma_alloc(8192, &(struct dma_limits){.max_address = UINT32_MAX}, &high))
            return;
        memset(high.va, 0x5a, 8192);
        r = scsisim_request(true, 0, 8192);
        r->srb.DataBuffer = high.va;
        bounced = s.adapter->bus[0]->bounce.used; /* the scan's data may lie above 4 GiB */
        KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_SUCCESS);
        if (high.pa > ISA_REACH)
            KCHECK_EQ(s.adapter->bus[0]->bounce.used != bounced, !dma32);
        memset(high.va, 0, 8192);
        r = scsisim_request(false, 0, 8192);
        r->srb.DataBuffer = high.va;
        KCHECK_EQ(unit_execute(scsisim_unit(&s, 0, 0), r), SRB_STATUS_SUCCESS);
        for (unsigned n = 0; n < 8192; n++)
            KCHECK_EQ(((uint8_t *)high.va)[n], 0x5a);
        dma_free(&high);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_transfer_length_that_cannot_be) /* S-045 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->max_transfer = 100;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK(said(s.adapter, "S-045"));
    scsisim_stop(&s);
}

/* Requests of which each unit has n. */
static void
each_unit_has(struct scsisim *s, uint32_t detail, unsigned n)
{
    static uint8_t seen[16][8];

    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < s->seen->count && i < SCALLS_MAX; i++) {
        volatile struct scall *c = &s->seen->call[i];

        if (c->what == SCALL_STARTIO && c->detail == detail)
            seen[c->target & 15][c->lun & 7]++;
    }
    for (unsigned target = 0; target < 16; target++)
        for (unsigned lun = 0; lun < 8; lun++)
            KCHECK_EQ(seen[target][lun], target == 7 ? 0 : n);
}

/* A wide bus: all of its 15 targets with 8 units each are found, serve at once, and are told of the end. */
KTEST(scsiport_fifteen_targets_of_eight_units) /* S-063 S-069 S-079 S-125 */
{
    struct scsisim s;
    unsigned n = 0;

    if (!scsisim_load(&s))
        return;
    s.knobs->targets = 16;
    s.knobs->initiator = 7;
    s.knobs->present = 0xffff;
    s.knobs->lun_mask = 0xff;
    s.knobs->caches = s.knobs->tagged = s.knobs->many = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.seen->count = 0;
    s.knobs->mode = S_TIMER;
    for (uint8_t target = 0; target < 16; target++)
        for (uint8_t lun = 0; lun < 8 && target != 7; lun++) {
            if (n == SCSISIM_FLIGHTS) {
                scsisim_land(0, n);
                n = 0;
            }
            KCHECK_EQ(scsisim_fly(scsisim_unit(&s, target, lun), n++, 1, 30), 1);
        }
    scsisim_land(0, n);
    each_unit_has(&s, SCSIOP_READ, 1);
    s.seen->count = 0;
    scsisim_stop_only(&s);
    each_unit_has(&s, SCSIOP_SYNCHRONIZE_CACHE, 1);
    each_unit_has(&s, SRB_FUNCTION_FLUSH << 8, 1);
    each_unit_has(&s, SRB_FUNCTION_SHUTDOWN << 8, 1);
    KCHECK_EQ(s.seen->call[s.seen->count - 1].what, SCALL_CONTROL);
    KCHECK_EQ(s.seen->call[s.seen->count - 1].detail, ScsiStopAdapter);
    scsisim_stop(&s);
}

KTEST(scsiport_frozen_queue_does_not_keep_the_adapter_from_its_end) /* S-079 S-121 S-125 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->caches = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    if (scsisim_unit(&s, 0, 0))
        unit_hold(scsisim_unit(&s, 0, 0), HOLD_LOCKED | HOLD_FROZEN);
    scsisim_stop_only(&s);
    KCHECK_EQ(s.seen->call[s.seen->count - 2].detail, SRB_FUNCTION_SHUTDOWN << 8);
    scsisim_stop(&s);
}

static void
count_disk(void *context, struct block_device *b)
{
    ++*(unsigned *)context;
}

static unsigned
disks(void)
{
    unsigned n = 0;

    block_for_each(count_disk, &n);
    return n;
}

/* The class drivers are told of all units, and take those that are for them. */
KTEST(scsiport_units_that_are_no_disks_are_not_taken_for_disks) /* S-063 */
{
    static const uint8_t types[] = {1, 2, 3, 6, 8, 9, 13, 31};
    uint64_t deadline = timer_deadline(SECONDS(30));
    unsigned before = disks();
    struct scsisim s;

    for (unsigned disk = 0; disk < 2; disk++) {
        if (!scsisim_load(&s))
            return;
        s.knobs->lun_mask = 0xff;
        for (unsigned n = 0; n < 8; n++)
            s.knobs->type_of[n] = types[n];
        if (disk)
            s.knobs->type_of[5] = 0;
        KCHECK_EQ(driver_start(s.driver, s.why), 0);
        KCHECK_EQ(s.driver->port.add(s.driver, s.driver->port.data, NULL, s.why), 0);
        while (disk && disks() == before && time_now() < deadline)
            thread_sleep(MS(1));
        thread_sleep(disk ? MS(1) : MS(200));
        KCHECK_EQ(disks(), before + disk);
        KCHECK_EQ(s.driver->port.remove(s.driver, s.driver->port.data, NULL, s.why), 0);
        KCHECK_EQ(disks(), before);
        scsisim_stop(&s); /* s.adapter is NULL: only the driver */
    }
}

/* ---- stopped and started again ---- */

static int
restart(struct scsisim *s)
{
    return s->driver->port.restart(s->driver, s->driver->port.data, NULL, s->why);
}

static unsigned
sent(struct scsisim *s, uint32_t detail)
{
    unsigned n = 0;

    for (unsigned i = 0; i < scsisim_calls(s, SCALL_STARTIO); i++)
        n += scsisim_call(s, SCALL_STARTIO, i)->detail == detail;
    return n;
}

/* The control types that it was called with after the first question, in a row. */
static void
controls_are(struct scsisim *s, const uint8_t *types, unsigned count)
{
    KCHECK_EQ(scsisim_calls(s, SCALL_CONTROL), count + 1);
    for (unsigned n = 0; n < count; n++)
        KCHECK_EQ(scsisim_call(s, SCALL_CONTROL, n + 1)->detail, types[n]);
}

KTEST(scsiport_adapter_is_restarted) /* S-057 S-125 S-126 S-127 S-128 */
{
    static const uint8_t all[] = {ScsiStopAdapter, ScsiSetBootConfig, ScsiSetRunningConfig,
                                  ScsiRestartAdapter},
                         plain[] = {ScsiStopAdapter, ScsiRestartAdapter},
                         anew[] = {ScsiStopAdapter, ScsiQuerySupportedControlTypes};
    static const struct {
        unsigned controls, count, finds;
        const uint8_t *types;
    } rows[] = {{0x1f, 4, 1, all}, {0x07, 2, 1, plain}, {0x03, 2, 2, anew}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct scsisim s;
        struct unit *u;

        if (!scsisim_load(&s))
            return;
        s.knobs->controls = rows[i].controls;
        s.knobs->find[1] = 1;
        s.knobs->tagged = s.knobs->many = s.knobs->caches = 1;
        KCHECK_EQ(scsisim_start(&s), 0);
        u = scsisim_unit(&s, 0, 0);
        s.knobs->mode = S_TIMER;
        KCHECK_EQ(scsisim_fly(u, 0, 20, 30), 20); /* is waited for: the probe looks that nothing is out */
        KCHECK_EQ(restart(&s), 0);
        scsisim_land(0, 20);
        controls_are(&s, rows[i].types, rows[i].count);
        KCHECK_EQ(sent(&s, SRB_FUNCTION_FLUSH << 8), 1);
        KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), rows[i].finds);
        KCHECK_EQ(scsisim_calls(&s, SCALL_INITIALIZE), rows[i].finds);
        if (rows[i].finds == 1)
            KCHECK(scsisim_call(&s, SCALL_CONTROL, rows[i].count)->irql > DISPATCH_LEVEL);
        KCHECK(scsisim_unit(&s, 0, 0) == u); /* the same disk */
        KCHECK_EQ(scsisim_fly(u, 0, SCSISIM_FLIGHTS, 30), SCSISIM_FLIGHTS);
        scsisim_land(0, SCSISIM_FLIGHTS);
        for (unsigned n = 0; n < SCSISIM_FLIGHTS; n++)
            KCHECK_EQ(scsisim_flights[n].s.srb.SrbStatus, SRB_STATUS_SUCCESS);
        KCHECK_EQ(restart(&s), rows[i].finds == 1 ? 0 : -ENODEV); /* the third find says 0 */
        KCHECK_EQ(s.adapter->gate.is_closed, rows[i].finds == 2);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_adapter_that_does_not_start_again_fails) /* S-127 S-128 */
{
    struct scsisim s;

    for (unsigned i = 0; i < 2 && !ktest_failed(); i++) {
        if (!scsisim_load(&s))
            return;
        s.knobs->controls = i ? 0x07 : 0x05; /* cannot be stopped */
        s.knobs->restart_fails = 1;
        KCHECK_EQ(scsisim_start(&s), 0);
        KCHECK_EQ(restart(&s), i ? -EIO : -ENOTSUP);
        KCHECK_EQ(s.adapter->gate.is_closed, i);
        KCHECK(scsisim_fly(scsisim_unit(&s, 0, 0), 0, 1, 30) == !i);
        if (!i)
            scsisim_land(0, 1);
        scsisim_stop(&s);
    }
}
