/*
 * What is over its time (S-109 to S-117). A miniport that says ResetTargetSupported is asked to reset the device first. Else, or
 * if that does not help: HwResetBus of its path, whose units then wait while devices settle; what the miniport has not completed
 * by then, the port ends. So one unit that hangs costs its bus a moment, and the adapter stays.
 */
#include "drivers/port/scsiport/scsi_impl.h"

#define SETTLE       MS(500) /* twice what SPI-3 recommends from a reset to the first selection */
#define BUSY_PAUSE   MS(20)
#define DEVICE_RESET SECONDS(5) /* it may take, and wait for NextRequest */
#define ALL_PATHS    ((1u << SCSI_MAXIMUM_BUSES) - 1)

/* Every unit of these paths, of one target or (SP_UNTAGGED) of all. */
static void
units_hold(struct scsi_hba *h, uint32_t paths, uint8_t target, bool hold)
{
    uint8_t irql = spin_lock(&h->bus->lock);
    struct unit *u;

    list_for_each_entry(u, &h->bus->units, link)
        if (paths >> u->path & 1 && (target == SP_UNTAGGED || target == u->target)) {
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
    (void)bus_next(h->bus, NULL); /* S-117: whatever it was waiting for before; while nothing is on its way */
    units_hold(h, paths, SP_UNTAGGED, false);
    bus_kick(h->bus);
}

static void
settle_start(struct dpc *d, void *context)
{
    struct scsi_hba *h = context;

    if (__atomic_load_n(&h->stopping, __ATOMIC_ACQUIRE))
        return;
    units_hold(h, __atomic_load_n(&h->resetting, __ATOMIC_ACQUIRE), SP_UNTAGGED, true);
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
    units_hold(h, 1u << path, SP_UNTAGGED, true);
    if (!call_reset(h, path))
        __atomic_fetch_or(&h->refused, 1u << path, __ATOMIC_ACQ_REL);
    scsi_verify_memory(h);
    settle_paths(h, 1u << path);
}

/* ---- one device's reset ---- */

static bool
is_resetting(const struct scsi_hba *h, uint8_t path)
{
    return __atomic_load_n(&h->resetting, __ATOMIC_ACQUIRE) >> path & 1;
}

static bool
target_is_out(const struct scsi_hba *h, uint8_t path, uint8_t target)
{
    for (uint32_t n = 0; n < h->slot_count; n++)
        if (bus_slot_is_out(h->bus, n) && h->slots[n].srb.PathId == path &&
            h->slots[n].srb.TargetId == target)
            return true;
    return false;
}

/* It has helped if nothing of the device is left. */
static void
device_reset_done(struct scsi_request *s)
{
    struct scsi_hba *h = s->context;
    const struct unit *u = __atomic_exchange_n(&h->device, NULL, __ATOMIC_ACQ_REL)->unit;

    (void)timer_cancel(&h->device_timer);
    if (bus_is_dead(h->bus) || is_resetting(h, u->path))
        return;
    if (SRB_STATUS(s->srb.SrbStatus) == SRB_STATUS_SUCCESS && !target_is_out(h, u->path, u->target))
        units_hold(h, 1u << u->path, u->target, false);
    else
        scsi_reset(h, u->path);
}

/* It takes too long, or the miniport does not ask for a request. */
static void
device_late(struct timer *t)
{
    struct scsi_hba *h = container_of(t, struct scsi_hba, device_timer);
    const struct scsi_unit *su = __atomic_load_n(&h->device, __ATOMIC_ACQUIRE);

    if (su && !is_resetting(h, su->unit->path))
        scsi_reset(h, su->unit->path);
}

/* Returns: false: it cannot be asked for, or not now. */
static bool
device_reset(struct scsi_hba *h, struct scsi_unit *su)
{
    struct scsi_request *s = &h->device_reset;
    struct scsi_unit *none = NULL;

    if (!h->config.ResetTargetSupported || h->bus->holds & HOLD_PACE)
        return false;
    if (!__atomic_compare_exchange_n(&h->device, &none, su, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return none->unit->path == su->unit->path && none->unit->target == su->unit->target;
    adapter_log(h->adapter, "bus %u target %u is reset", su->unit->path, su->unit->target);
    s->srb = (SCSI_REQUEST_BLOCK){.Length = sizeof(s->srb),
                                  .Function = SRB_FUNCTION_RESET_DEVICE,
                                  .SrbFlags = SRB_FLAGS_NO_QUEUE_FREEZE};
    s->pieces = 0;
    s->done = device_reset_done;
    s->context = h;
    (void)timer_set(&h->device_timer, timer_deadline(DEVICE_RESET), 0, NULL);
    if (su->depth_max == 1)
        unit_release(su->unit, HOLD_PACE);
    scsi_queue(su, s, HOLD_ALL);
    return true;
}

/* A reset of the path is on its way already: what has not come back by its end is ended then. */
void
scsi_timed_out(struct bus *b, struct request *r)
{
    struct scsi_hba *h = b->face_data;
    const SCSI_REQUEST_BLOCK *srb = &h->slots[r->slot].srb;
    const struct unit *u = r->unit;

    adapter_log(h->adapter, "bus %u target %u lun %u: command %#x not completed within its %u s (S-109)",
                u->path, u->target, u->lun, srb->Cdb[0], r->seconds);
    if (is_resetting(h, u->path))
        settle_paths(h, 1u << u->path);
    else if (srb->Function == SRB_FUNCTION_RESET_DEVICE || !device_reset(h, u->face_data))
        scsi_reset(h, u->path);
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
    timer_init_call(&h->device_timer, device_late);
    dpc_init(&h->settle_dpc, settle_start, h);
}

void
scsi_recover_stop(struct scsi_hba *h)
{
    dpc_flush();
    (void)timer_cancel(&h->settle);
    (void)timer_cancel(&h->busy_timer);
    (void)timer_cancel(&h->device_timer);
    dpc_flush();
}
