/*
 * What a miniport tells the port: devices that come and go, power, busy and ready.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "drivers/ddk/wdm.h"

#define POWER_SECONDS 30

/* On a work thread: who is there is found out by asking. */
static void
rescan(struct work *w)
{
    struct ata_channel *ch = container_of(w, struct ata_channel, rescan);

    if (__atomic_load_n(&ch->phase, __ATOMIC_ACQUIRE) == PHASE_RUNNING && !ch->controller->stopping)
        ata_detect(ch);
}

/* the device is told, by an IRB of the port's. */
static void
power(struct work *w)
{
    struct ata_channel *ch = container_of(w, struct ata_channel, power);
    const struct ata_unit *u = ch->power_target < ATA_TARGETS_MAX ? ch->unit[ch->power_target] : NULL;
    struct ata_request a = {.r.seconds = POWER_SECONDS,
                            .function = IRB_FUNCTION_POWER_CHANGE,
                            .power = {IdePowerUnspecified, (IDE_POWER_STATE)ch->power_desired}};

    if (u && __atomic_load_n(&ch->phase, __ATOMIC_ACQUIRE) == PHASE_RUNNING && !ch->controller->stopping)
        (void)ata_execute(u->unit, &a);
}

static void
rescan_dpc(struct dpc *d, void *context)
{
    struct ata_channel *ch = context;

    for (unsigned t = 0; t < ATA_TARGETS_MAX; t++)
        if (ch->unit[t] && __atomic_load_n(&ch->unit[t]->removed, __ATOMIC_ACQUIRE))
            unit_cut(ch->unit[t]->unit);
    (void)work_queue(&ch->rescan);
}

static void
power_dpc(struct dpc *d, void *context)
{
    (void)work_queue(&((struct ata_channel *)context)->power);
}

void
ata_notify_init(struct ata_channel *ch)
{
    mutex_init(&ch->detecting);
    work_item_init(&ch->rescan, rescan);
    work_item_init(&ch->power, power);
    dpc_init(&ch->rescan_dpc, rescan_dpc, ch);
    dpc_init(&ch->power_dpc, power_dpc, ch);
}

void
ata_notify_stop(struct ata_channel *ch)
{
    dpc_flush();
    (void)work_cancel(&ch->rescan);
    (void)work_cancel(&ch->power);
    (void)work_flush(&ch->rescan, ATA_STOP_TIMEOUT);
    (void)work_flush(&ch->power, ATA_STOP_TIMEOUT);
}

VOID NTAPI
AtaPortNotification(IDE_NOTIFICATION_TYPE NotificationType, PVOID ChannelExtension, ...)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    struct ata_unit *u;
    NT_VA_LIST args;
    int target, state = 0;

    if (!ch)
        return;
    nt_va_start(args, ChannelExtension);
    target = va_arg(args, int);
    if (NotificationType == IdePowerStateChange) {
        (void)va_arg(args, int); /* the logical unit */
        state = va_arg(args, int);
    }
    nt_va_end(args);
    switch (NotificationType) {
    case IdeDeviceRemoval: /* at once nothing more is sent to it; what is out comes back, or times out */
        u = target >= 0 && target < ATA_TARGETS_MAX ? ch->unit[target] : NULL;
        if (u)
            __atomic_store_n(&u->removed, true, __ATOMIC_RELEASE);
        (void)dpc_queue(&ch->rescan_dpc);
        break;
    case IdeDeviceArrival:
        (void)dpc_queue(&ch->rescan_dpc);
        break;
    case IdePowerStateChange:
        ch->power_target = (uint8_t)target;
        ch->power_desired = (uint8_t)state;
        (void)dpc_queue(&ch->power_dpc);
        break;
    default:
        ata_violation(ch->controller, RULE_CONFIGURATION, "AtaPortNotification type %d is unknown",
                      NotificationType);
    }
}

/* busy not from IdeHwInterrupt: A-095 */
VOID NTAPI
AtaPortDeviceStateChange(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun, ULONG BusyTimeout)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    struct ata_unit *u;

    if (!ch)
        return;
    if (BusyTimeout && ch->interrupt_cpu == cpu_number() + 1) {
        ata_violation(ch->controller, RULE_A095, "AtaPortDeviceBusy was called in IdeHwInterrupt (A-095)");
        return;
    }
    if (TargetId == IDE_UNTAGGED) {
        __atomic_store_n(&ch->bus->busy_seconds, BusyTimeout, __ATOMIC_RELAXED);
        if (BusyTimeout)
            bus_hold(ch->bus, HOLD_BUSY);
        else
            bus_release(ch->bus, HOLD_BUSY);
        bus_kick(ch->bus);
        return;
    }
    u = TargetId < ATA_TARGETS_MAX && !Lun ? ch->unit[TargetId] : NULL;
    if (!u)
        return;
    __atomic_store_n(&u->unit->busy_seconds, BusyTimeout, __ATOMIC_RELAXED);
    if (BusyTimeout)
        unit_hold(u->unit, HOLD_BUSY);
    else
        unit_release(u->unit, HOLD_BUSY);
    bus_kick(ch->bus);
}
