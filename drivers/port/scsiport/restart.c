/*
 * An adapter is stopped and started again while its units stay (S-125 to S-128), as when resources are moved or power comes back.
 * Requests wait meanwhile.
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "lib/format.h"
#include "lib/string.h"

#define DRAIN_TIMEOUT SECONDS(60)

/* S-127: everything that the miniport has had is new to it, but the units. */
static void
forget(struct scsi_hba *h)
{
    memset(h->extension->bytes, 0, h->registration->hw.DeviceExtensionSize);
    for (unsigned n = 0; n < SCSI_HASH; n++)
        for (struct scsi_unit *u = h->hash[n]; u; u = u->next)
            if (u->extension)
                memset(u->extension, 0, h->config.SpecificLuExtensionSize);
    scsi_memory_free(h);
    memset(h->supported, 0, sizeof(h->supported));
}

static int
find_again(struct scsi_hba *h, char *why)
{
    uint32_t bytes = h->max_bytes, pieces = h->max_pieces, unit_size = h->config.SpecificLuExtensionSize;
    bool again;
    int err;

    forget(h);
    if (scsi_find(h, NULL, h->config.SystemIoBusNumber, &again) != SP_RETURN_FOUND) {
        snprintf(why, DRIVER_WHY, "HwScsiFindAdapter does not find it again");
        return -ENODEV;
    }
    err = scsi_config_take(h, why);
    if (!err &&
        (h->max_bytes < bytes || h->max_pieces < pieces || h->config.SpecificLuExtensionSize > unit_size)) {
        snprintf(why, DRIVER_WHY, "it now takes less in a request than its units were told");
        err = -EINVAL;
    }
    return err ? err : scsi_initialize(h, why);
}

/* S-126 */
static int
start(struct scsi_hba *h, char *why)
{
    int err = 0;

    __atomic_store_n(&h->stopping, false, __ATOMIC_RELEASE);
    if (!h->supported[ScsiRestartAdapter]) {
        err = find_again(h, why);
    } else {
        (void)scsi_adapter_control(h, ScsiSetRunningConfig);
        h->phase = HBA_STARTING;
        if (!scsi_adapter_control(h, ScsiRestartAdapter)) {
            snprintf(why, DRIVER_WHY, "HwScsiAdapterControl(ScsiRestartAdapter) does not succeed");
            err = -EIO;
        }
    }
    if (err)
        return err;
    __atomic_store_n(&h->phase, HBA_RUNNING, __ATOMIC_RELEASE);
    (void)bus_next(h->bus, NULL);
    scsi_settle(h); /* what was held for a reset, too */
    return 0;
}

/* With no request out, and none coming. */
static int
stop_and_start(struct scsi_hba *h, char *why)
{
    int err;

    scsi_quiet(h);
    (void)scsi_adapter_control(h, ScsiStopAdapter);
    h->phase = HBA_STOPPED;
    (void)scsi_adapter_control(h, ScsiSetBootConfig);
    err = start(h, why);
    if (err)
        gate_close(&h->adapter->gate, NULL, "could not be started again: %s", why);
    else
        log_info("%s: started again", h->adapter->name);
    return err;
}

/* No scan is under way, whose requests would wait. */
static int
restart(struct scsi_hba *h, char *why)
{
    int err;

    adapter_flush(h->adapter);
    bus_hold(h->bus, HOLD_STOP);
    err = bus_drain(h->bus, DRAIN_TIMEOUT);
    if (err)
        snprintf(why, DRIVER_WHY, "its requests do not end");
    else
        err = stop_and_start(h, why);
    bus_release(h->bus, HOLD_STOP);
    return err;
}

int
scsi_hba_restart(struct driver *d, void *data, const struct device *dev, char *why)
{
    struct adapter *a = adapter_of(d, dev);
    struct scsi_hba *h = a ? a->face_data : NULL;
    int err;

    if (!h || h->phase != HBA_RUNNING || a->gate.is_closed) {
        snprintf(why, DRIVER_WHY, "it has no adapter that runs");
        return -ENODEV;
    }
    if (!h->supported[ScsiStopAdapter]) {
        snprintf(why, DRIVER_WHY, "%s cannot stop it", d->name);
        return -ENOTSUP;
    }
    mutex_lock(&h->scanning, WAIT_FOREVER);
    err = restart(h, why);
    mutex_unlock(&h->scanning);
    if (!err)
        scsi_scan(h, ~0u); /* somebody may have come or gone */
    return err;
}
