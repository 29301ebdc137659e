/*
 * ScsiPortNotification, and the routines that a miniport asks to be called (S-092, S-099 to S-108, S-130). One of each kind an
 * adapter; asking again before it ran replaces it. Asked for at any IRQL, so each starts with a DPC.
 */
#include "drivers/port/scsiport/scsi_impl.h"

/* ---- the timer: S-102, S-103 ---- */

static void
timer_fire(struct timer *t)
{
    struct scsi_hba *h = container_of(t, struct scsi_hba, timer);
    PHW_TIMER f;

    if (__atomic_load_n(&h->deferred, __ATOMIC_RELAXED)) { /* not beside that */
        (void)timer_set(t, timer_deadline(MS(1)), 0, NULL);
        return;
    }
    f = __atomic_exchange_n(&h->timer_routine, NULL, __ATOMIC_ACQ_REL);
    if (f)
        (void)scsi_call_locked(h, "HwScsiTimer", (const void *)(uintptr_t)f, 0, NULL);
}

static void
timer_start(struct dpc *d, void *context)
{
    struct scsi_hba *h = context;

    if (__atomic_load_n(&h->timer_routine, __ATOMIC_ACQUIRE))
        (void)timer_set(&h->timer, __atomic_load_n(&h->timer_at, __ATOMIC_RELAXED), 0, NULL);
}

/* 0 takes back what has not run yet. */
static void
timer_request(struct scsi_hba *h, PHW_TIMER routine, ULONG us)
{
    if (__atomic_load_n(&h->stopping, __ATOMIC_ACQUIRE))
        return;
    __atomic_store_n(&h->timer_at, timer_deadline(US((uint64_t)us)), __ATOMIC_RELAXED);
    __atomic_store_n(&h->timer_routine, us ? routine : NULL, __ATOMIC_RELEASE);
    if (us)
        (void)dpc_queue(&h->timer_dpc);
}

/* ---- work without the interrupt: S-104, S-105 ---- */

static PHW_INTERRUPT
take(PHW_INTERRUPT *routine)
{
    return __atomic_exchange_n(routine, NULL, __ATOMIC_ACQ_REL);
}

/* The routine at DISPATCH_LEVEL, with neither HwScsiInterrupt nor HwScsiStartIo beside it; what it asks for at the end runs at the
 * interrupt's level before either comes again. */
static void
defer_run(struct dpc *d, void *context)
{
    struct scsi_hba *h = context;
    PHW_INTERRUPT f = take(&h->enable_routine);
    uint8_t irql;

    if (f)
        (void)scsi_call(h, "HwScsiEnableInterruptsCallback", (const void *)(uintptr_t)f, 0, NULL);
    irql = spin_lock_at(&h->bus->isr_lock, h->bus->irq_level);
    f = take(&h->disable_routine);
    if (f)
        (void)scsi_call(h, "HwScsiDisableInterruptsCallback", (const void *)(uintptr_t)f, 0, NULL);
    h->deferred = __atomic_load_n(&h->enable_routine, __ATOMIC_ACQUIRE) != NULL;
    spin_unlock(&h->bus->isr_lock, irql);
    if (h->deferred)
        (void)dpc_queue(&h->defer_dpc);
    else
        bus_release(h->bus, HOLD_RECOVERY);
}

static void
defer(struct scsi_hba *h, PHW_INTERRUPT *place, PHW_INTERRUPT routine)
{
    __atomic_store_n(place, routine, __ATOMIC_RELEASE);
    if (place == &h->enable_routine)
        h->deferred = true; /* HwScsiInterrupt, which asks for it, holds the lock */
    (void)dpc_queue(&h->defer_dpc);
}

/* ---- units that come and go: S-130 ---- */

static void
rescan(struct work *w)
{
    struct scsi_hba *h = container_of(w, struct scsi_hba, rescan);
    uint32_t paths = __atomic_exchange_n(&h->changed, 0, __ATOMIC_ACQ_REL);

    if (__atomic_load_n(&h->phase, __ATOMIC_ACQUIRE) == HBA_RUNNING && !h->stopping)
        scsi_scan(h, paths);
}

static void
changed_run(struct dpc *d, void *context)
{
    (void)work_queue(&((struct scsi_hba *)context)->rescan);
}

void
scsi_notify_init(struct scsi_hba *h)
{
    timer_init_call(&h->timer, timer_fire);
    dpc_init(&h->timer_dpc, timer_start, h);
    dpc_init(&h->defer_dpc, defer_run, h);
    dpc_init(&h->changed_dpc, changed_run, h);
    work_item_init(&h->rescan, rescan);
}

void
scsi_notify_stop(struct scsi_hba *h)
{
    __atomic_store_n(&h->timer_routine, NULL, __ATOMIC_RELEASE);
    dpc_flush();
    (void)timer_cancel(&h->timer);
    dpc_flush();
}

void
scsi_rescan_stop(struct scsi_hba *h)
{
    dpc_flush();
    (void)work_cancel(&h->rescan);
    (void)work_flush(&h->rescan, SCSI_STOP_TIMEOUT);
}

/* ---- what it says ---- */

/* S-066, S-067, S-100: it takes one more; who calls StartIo now sees to it, else it is done soon. */
static void
next(struct scsi_hba *h, struct unit *u)
{
    if (bus_next(h->bus, u))
        bus_kick(h->bus);
}

/* S-068, S-099 */
static void
next_of_unit(struct scsi_hba *h, uint8_t path, uint8_t target, uint8_t lun)
{
    struct scsi_unit *u = scsi_unit_find(h, path, target, lun);
    uint32_t untagged = u ? __atomic_load_n(&u->untagged, __ATOMIC_RELAXED) : 0;

    if (untagged && bus_slot_is_out(h->bus, untagged - 1)) {
        scsi_violation(h, RULE_S099, "target %u: NextLuRequest with an untagged request out (S-099)", target);
        next(h, NULL);
    } else {
        next(h, u ? u->unit : NULL);
    }
}

VOID NTAPI
ScsiPortNotification(SCSI_NOTIFICATION_TYPE NotificationType, PVOID HwDeviceExtension, ...)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);
    NT_VA_LIST args;

    nt_va_start(args, HwDeviceExtension);
    switch (NotificationType) {
    case RequestComplete:
        scsi_request_complete(h, va_arg(args, PSCSI_REQUEST_BLOCK));
        break;
    case NextRequest:
        next(h, NULL);
        break;
    case NextLuRequest: {
        uint8_t path = (uint8_t)va_arg(args, int), target = (uint8_t)va_arg(args, int);

        next_of_unit(h, path, target, (uint8_t)va_arg(args, int));
        break;
    }
    case ResetDetected: /* S-061, S-138: whatever follows */
        scsi_settle(h);
        break;
    case CallDisableInterrupts:
        defer(h, &h->disable_routine, va_arg(args, PHW_INTERRUPT));
        break;
    case CallEnableInterrupts:
        defer(h, &h->enable_routine, va_arg(args, PHW_INTERRUPT));
        break;
    case RequestTimerCall: {
        PHW_TIMER routine = va_arg(args, PHW_TIMER);

        timer_request(h, routine, va_arg(args, ULONG));
        break;
    }
    case BusChangeDetected:
        __atomic_fetch_or(&h->changed, 1u << ((unsigned)va_arg(args, int) & 7), __ATOMIC_ACQ_REL);
        (void)dpc_queue(&h->changed_dpc);
        break;
    default: /* S-101; WMI has no consumer here */
        break;
    }
    nt_va_end(args);
}
