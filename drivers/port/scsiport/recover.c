/*
 * What is over its time (S-109 to S-117): HwResetBus of its path, whose units then wait while devices settle; what the miniport
 * has not completed by then, the port ends. So one unit that hangs costs its bus a moment, and the adapter stays.
 */
#include "drivers/port/scsiport/scsi_impl.h"

#define SETTLE     MS(500) /* twice what SPI-3 recommends from a reset to the first selection */
#define BUSY_PAUSE MS(20)
#define ALL_PATHS  ((1u << SCSI_MAXIMUM_BUSES) - 1)

/* Every unit of these paths. */
static void
units_hold(struct scsi_hba *h, uint32_t paths, bool hold)
{
    uint8_t irql = spin_lock(&h->bus->lock);
    struct unit *u;

    list_for_each_entry(u, &h->bus->units, link)
        if (paths >> u->path & 1) {
            if (hold)
                unit_hold(u, HOLD_RECOVERY);
            else
                unit_release(u, HOLD_RECOVERY);
        }
    spin_unlock(&h->bus->lock, irql);
}

static bool
call_reset(struct scsi_hba *h, uint8_t path)
{
    uint64_t result = FALSE;

    adapter_log(h->adapter, "bus %u is reset", path);
    (void)scsi_call_locked(h, "HwScsiResetBus", (const void *)(uintptr_t)h->registration->hw.HwResetBus, path,
                           &result);
    return (uint8_t)result;
}

/* S-113: what is left of a path. <= DISPATCH_LEVEL */
static void
leftovers_end(struct scsi_hba *h, uint8_t path)
{
    uint8_t irql = spin_lock_at(&h->bus->isr_lock, h->bus->irq_level); /* nothing is just being sent */
    unsigned left = scsi_complete_all(h, path, SP_UNTAGGED, SP_UNTAGGED, SRB_STATUS_BUS_RESET);

    spin_unlock(&h->bus->isr_lock, irql);
    if (left)
        scsi_violation(h, RULE_S113, "bus %u: %u requests were left after HwScsiResetBus (S-113)", path,
                       left);
}

/* The time after a reset is over. S-115: one that failed is tried once more. */
static void
settle_fire(struct timer *t)
{
    struct scsi_hba *h = container_of(t, struct scsi_hba, settle);
    uint32_t paths = __atomic_exchange_n(&h->resetting, 0, __ATOMIC_ACQ_REL),
             refused = __atomic_exchange_n(&h->refused, 0, __ATOMIC_ACQ_REL) & paths;

    for (uint8_t path = 0; path < SCSI_MAXIMUM_BUSES; path++) {
        if (refused >> path & 1 && !call_reset(h, path))
            scsi_violation(h, RULE_S115, "bus %u: HwScsiResetBus returned FALSE twice (S-115)", path);
        if (paths >> path & 1)
            leftovers_end(h, path);
    }
    units_hold(h, paths, false);
    if (bus_next(h->bus, NULL)) /* S-117: whatever it was waiting for before */
        bus_kick(h->bus);
}

static void
settle_start(struct dpc *d, void *context)
{
    struct scsi_hba *h = context;

    if (__atomic_load_n(&h->stopping, __ATOMIC_ACQUIRE))
        return;
    units_hold(h, __atomic_load_n(&h->resetting, __ATOMIC_ACQUIRE), true);
    (void)timer_set(&h->settle, timer_deadline(SETTLE), 0, NULL);
}

/* S-114 */
static void
settle_paths(struct scsi_hba *h, uint32_t paths)
{
    __atomic_fetch_or(&h->resetting, paths, __ATOMIC_ACQ_REL);
    (void)dpc_queue(&h->settle_dpc);
}

void
scsi_settle(struct scsi_hba *h)
{
    settle_paths(h, ALL_PATHS);
}

/* S-110 */
void
scsi_reset(struct scsi_hba *h, uint8_t path)
{
    units_hold(h, 1u << path, true);
    if (!call_reset(h, path))
        __atomic_fetch_or(&h->refused, 1u << path, __ATOMIC_ACQ_REL);
    scsi_verify_memory(h);
    settle_paths(h, 1u << path);
}

/* A reset of the path is on its way already: what has not come back by its end is ended then. */
void
scsi_timed_out(struct bus *b, struct request *r)
{
    struct scsi_hba *h = b->face_data;
    const struct unit *u = r->unit;

    adapter_log(h->adapter, "bus %u target %u lun %u: command %#x not completed within its %u s (S-109)",
                u->path, u->target, u->lun, h->slots[r->slot].srb.Cdb[0], r->seconds);
    if (!(__atomic_load_n(&h->resetting, __ATOMIC_ACQUIRE) >> u->path & 1))
        scsi_reset(h, u->path);
    else
        settle_paths(h, 1u << u->path);
}

/* S-066 is its own to keep; it gets the next request all the same. */
void
scsi_starved(struct bus *b, uint32_t seconds)
{
    scsi_violation((struct scsi_hba *)b->face_data, RULE_S066,
                   "no NextRequest within %u s after its last request ended (S-066)", seconds);
}

/* ---- units that are busy: S-093 ---- */

static void
busy_fire(struct timer *t)
{
    struct scsi_hba *h = container_of(t, struct scsi_hba, busy_timer);
    uint8_t irql = spin_lock(&h->bus->lock);
    struct unit *u;

    list_for_each_entry(u, &h->bus->units, link) {
        struct scsi_unit *su = u->face_data;

        if (__atomic_exchange_n(&su->busy, false, __ATOMIC_ACQ_REL))
            unit_release(u, HOLD_BUSY);
    }
    spin_unlock(&h->bus->lock, irql);
}

void
scsi_busy(struct scsi_unit *u)
{
    unit_hold(u->unit, HOLD_BUSY);
    __atomic_store_n(&u->busy, true, __ATOMIC_RELEASE);
    (void)timer_set(&u->hba->busy_timer, timer_deadline(BUSY_PAUSE), 0, NULL);
}

void
scsi_recover_init(struct scsi_hba *h)
{
    timer_init_call(&h->settle, settle_fire);
    timer_init_call(&h->busy_timer, busy_fire);
    dpc_init(&h->settle_dpc, settle_start, h);
}

void
scsi_recover_stop(struct scsi_hba *h)
{
    dpc_flush();
    (void)timer_cancel(&h->settle);
    (void)timer_cancel(&h->busy_timer);
    dpc_flush();
}
