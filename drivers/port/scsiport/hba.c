/*
 * Host bus adapters: their lives (S-025, S-026, S-059 to S-065, S-125, S-128), and how they are called.
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/sched/thread.h"
#include "lib/format.h"
#include "lib/string.h"

/* ---- calling ---- */

int
scsi_call_locked(struct scsi_hba *h, const char *routine, const void *function, uint64_t b, uint64_t *result)
{
    uint8_t irql = spin_lock_at(&h->bus->isr_lock, h->bus->irq_level);
    int err = scsi_call(h, routine, function, b, result);

    spin_unlock(&h->bus->isr_lock, irql);
    return err;
}

/* S-057: HwScsiAdapterControl may look at the hardware as HwScsiFindAdapter may. S-065: only what it said it can. A restart is
 * as HwScsiInitialize. */
bool
scsi_adapter_control(struct scsi_hba *h, SCSI_ADAPTER_CONTROL_TYPE type)
{
    static const char *const names[] = {"HwScsiAdapterControl(ScsiQuerySupportedControlTypes)",
                                        "HwScsiAdapterControl(ScsiStopAdapter)",
                                        "HwScsiAdapterControl(ScsiRestartAdapter)",
                                        "HwScsiAdapterControl(ScsiSetBootConfig)",
                                        "HwScsiAdapterControl(ScsiSetRunningConfig)"};
    uint8_t phase = h->phase, irql = 0;
    uint64_t result = ScsiAdapterControlUnsuccessful;

    if (!h->supported[type])
        return false;
    if (type == ScsiRestartAdapter)
        irql = spin_lock_at(&h->bus->isr_lock, h->bus->irq_level);
    if (type == ScsiSetRunningConfig || type == ScsiSetBootConfig)
        h->phase = HBA_RECONFIGURING;
    (void)gate_call(&h->adapter->gate, names[type],
                    (const void *)(uintptr_t)h->registration->hw.HwAdapterControl,
                    GATE_ARGUMENTS((uintptr_t)h->extension->bytes, type, 0), &result);
    if (type == ScsiRestartAdapter)
        spin_unlock(&h->bus->isr_lock, irql);
    h->phase = phase;
    return (uint32_t)result == ScsiAdapterControlSuccess;
}

static void
controls_ask(struct scsi_hba *h)
{
    struct {
        ULONG max;
        BOOLEAN supported[ScsiAdapterControlMax];
        BOOLEAN rest[3];
    } *list = pool_zalloc(sizeof(*list), SCSI_TAG);
    uint64_t result = ScsiAdapterControlUnsuccessful;

    if (!h->registration->hw.HwAdapterControl || !list) {
        pool_free(list, SCSI_TAG);
        return;
    }
    list->max = ScsiAdapterControlMax;
    (void)gate_call(&h->adapter->gate, "HwScsiAdapterControl(ScsiQuerySupportedControlTypes)",
                    (const void *)(uintptr_t)h->registration->hw.HwAdapterControl,
                    GATE_ARGUMENTS((uintptr_t)h->extension->bytes, ScsiQuerySupportedControlTypes,
                                   (uintptr_t)list),
                    &result);
    for (unsigned n = 0; n < ScsiAdapterControlMax && (uint32_t)result == ScsiAdapterControlSuccess; n++)
        h->supported[n] = list->supported[n];
    pool_free(list, SCSI_TAG);
}

/* ---- beginning ---- */

/* S-024, S-025. No part of a request is in it, so it need not be contiguous. */
static int
extension_new(struct scsi_hba *h, char *why)
{
    ULONG size = h->registration->hw.DeviceExtensionSize;

    if (size <= PORT_DEVICE_EXTENSION_MAX)
        h->extension = port_extension_alloc(sizeof(*h->extension) + size);
    if (!h->extension) {
        snprintf(why, DRIVER_WHY, "no memory for a device extension of %u bytes (S-024)", size);
        return -ENOMEM;
    }
    h->extension->magic = SCSI_EXTENSION_MAGIC;
    h->extension->self = h->extension;
    h->extension->hba = h;
    return 0;
}

int
scsi_hba_new(const struct scsi_driver *d, const struct scsi_registration *r, const struct device *dev,
             struct scsi_hba **out, char *why)
{
    struct scsi_hba *h = pool_zalloc(sizeof(*h), SCSI_TAG);
    int err = h ? adapter_new(&scsi_face, d->driver, dev, "scsi", &h->adapter, why) : -ENOMEM;

    if (err) {
        if (!h)
            snprintf(why, DRIVER_WHY, "no memory");
        pool_free(h, SCSI_TAG);
        return err;
    }
    h->adapter->face_data = h;
    h->registration = r;
    h->is_own = r->is_legacy || !dev;
    if (h->is_own)
        __atomic_fetch_add(&d->driver->found, 1, __ATOMIC_ACQ_REL);
    mutex_init(&h->scanning);
    scsi_notify_init(h);
    scsi_recover_init(h);
    err = bus_new(h->adapter, 0, 1, &h->bus);
    if (!err) {
        h->bus->face_data = h;
        h->bus->paced = true;
        h->adapter->bus[h->adapter->bus_count++] = h->bus;
        err = extension_new(h, why);
    } else {
        snprintf(why, DRIVER_WHY, "no memory for a bus");
    }
    if (err) {
        adapter_free(h->adapter);
        return err;
    }
    *out = h;
    return 0;
}

/* S-059, S-060; S-062: the gate has limits for all calls */
int
scsi_initialize(struct scsi_hba *h, char *why)
{
    const void *function = (const void *)(uintptr_t)h->registration->hw.HwInitialize;
    uint64_t result = FALSE;
    int err;

    h->phase = HBA_STARTING;
    err = scsi_call_locked(h, "HwScsiInitialize", function, 0, &result);
    if (err)
        snprintf(why, DRIVER_WHY, "%s", h->adapter->gate.text);
    else if (!(uint8_t)result)
        snprintf(why, DRIVER_WHY, "HwScsiInitialize returned FALSE (S-060)");
    if (err || !(uint8_t)result) {
        h->phase = HBA_NONE;
        return -EIO;
    }
    controls_ask(h);
    return 0;
}

/* S-061, S-108 */
int
scsi_hba_start(struct scsi_hba *h, char *why)
{
    bool interrupts = h->registration->hw.HwInterrupt != NULL;
    int err = interrupts ? adapter_connect(h->adapter) : 0;

    if (err) {
        snprintf(why, DRIVER_WHY, "its interrupt cannot be connected: error %d", err);
        return err;
    }
    if (!interrupts)
        h->bus->irq_level = DISPATCH_LEVEL;
    return scsi_initialize(h, why);
}

void
scsi_hba_run(struct scsi_hba *h)
{
    __atomic_store_n(&h->adapter->state, ADAPTER_STARTED, __ATOMIC_RELEASE);
    __atomic_store_n(&h->phase, HBA_RUNNING, __ATOMIC_RELEASE);
    h->bus->started = true;
    log_info("%s: %s, %u bus%s", h->adapter->name, h->adapter->driver->name, h->config.NumberOfBuses,
             h->config.NumberOfBuses == 1 ? "" : "es");
    scsi_scan(h, ~0u);
}

/* The registration for the bus that a device is on; a simulated one takes the first. */
static const struct scsi_registration *
registration_for(const struct scsi_driver *d, const struct device *dev)
{
    INTERFACE_TYPE type = dev && dev->pci ? PCIBus : Isa;

    for (uint32_t n = 0; n < d->count; n++)
        if (!d->registration[n].is_legacy && (!dev || d->registration[n].hw.AdapterInterfaceType == type))
            return &d->registration[n];
    return NULL;
}

static bool
is_legacy(const struct scsi_driver *d)
{
    for (uint32_t n = 0; n < d->count; n++)
        if (d->registration[n].is_legacy)
            return true;
    return d->count == 0;
}

/* S-034: Again is not looked at. S-127: an adapter that was stopped begins like this, with a zeroed extension. */
int
scsi_hba_add(struct driver *d, void *data, const struct device *dev, char *why)
{
    const struct scsi_registration *r = registration_for(data, dev);
    struct scsi_hba *h;
    bool again;
    int result, err;

    if (!r) {
        snprintf(why, DRIVER_WHY, "%s %s", d->name,
                 is_legacy(data) ? "looks for its devices itself, and has not taken this one"
                                 : "is for another bus: AdapterInterfaceType (S-018)");
        return -ENODEV;
    }
    err = scsi_hba_new(data, r, dev, &h, why);
    if (err)
        return err;
    result = scsi_find(h, NULL, 0, &again);
    if (result == SP_RETURN_FOUND) {
        err = scsi_config_take(h, why);
        if (!err)
            err = scsi_hba_start(h, why);
    } else {
        scsi_find_text(h, result, why);
        err = -EIO;
    }
    if (err) {
        scsi_hba_end(h);
        return err;
    }
    scsi_hba_run(h);
    return 0;
}

/* ---- end ---- */

void
scsi_quiet(struct scsi_hba *h)
{
    __atomic_store_n(&h->stopping, true, __ATOMIC_RELEASE);
    scsi_notify_stop(h);
    scsi_recover_stop(h);
}

/* Also when the gate is closed and nothing could be stopped: no scan is under way any more. */
static void
hba_quiet(struct scsi_hba *h)
{
    scsi_quiet(h);
    scsi_rescan_stop(h);
}

void
scsi_hba_end(struct scsi_hba *h)
{
    if (h->phase == HBA_RUNNING) {
        mutex_lock(&h->scanning, WAIT_FOREVER);
        adapter_flush(h->adapter); /* S-125 */
        mutex_unlock(&h->scanning);
        (void)adapter_stop(h->adapter, SCSI_STOP_TIMEOUT);
    }
    hba_quiet(h);
    adapter_free(h->adapter);
}

int
scsi_hba_remove(struct driver *d, void *data, const struct device *dev, char *why)
{
    struct adapter *a = adapter_of(d, dev);

    if (!a) {
        snprintf(why, DRIVER_WHY, "it has no adapter of this driver");
        return -ENODEV;
    }
    scsi_hba_end(a->face_data);
    return 0;
}

/* ---- the face ---- */

static bool
face_interrupt(struct adapter *a, uint32_t line)
{
    struct scsi_hba *h = a->face_data;
    uint64_t result = FALSE;
    uint8_t irql = spin_lock_at(&h->bus->isr_lock, h->bus->irq_level); /* the other line's may be higher */

    if (!h->deferred && (h->phase == HBA_STARTING || h->phase == HBA_RUNNING)) /* S-104 */
        (void)scsi_call(h, "HwScsiInterrupt", (const void *)(uintptr_t)h->registration->hw.HwInterrupt, 0,
                        &result);
    spin_unlock(&h->bus->isr_lock, irql);
    if ((uint8_t)result) /* S-107 */
        bus_claimed(h->bus);
    return (uint8_t)result;
}

/* S-125: no request is out, the caches were flushed; then no interrupt. A legacy one is only left alone. */
static void
face_stop(struct adapter *a)
{
    struct scsi_hba *h = a->face_data;

    hba_quiet(h);
    (void)scsi_adapter_control(h, ScsiStopAdapter);
    h->phase = HBA_STOPPED;
    adapter_disconnect(a);
    scsi_verify_memory(h);
}

static void
face_power_down(struct adapter *a)
{
    struct scsi_hba *h = a->face_data;

    face_stop(a);
    (void)scsi_adapter_control(h, ScsiSetBootConfig); /* S-126 */
    h->phase = HBA_STOPPED;
}

static void
face_rescan(struct adapter *a)
{
    struct scsi_hba *h = a->face_data;

    if (h->phase == HBA_RUNNING)
        scsi_scan(h, ~0u);
}

static void
face_failed(struct adapter *a)
{
    struct scsi_hba *h = a->face_data;

    __atomic_store_n(&h->stopping, true, __ATOMIC_RELEASE);
    scsi_recover_stop(h);
}

void
scsi_memory_free(struct scsi_hba *h)
{
    if (h->uncached.va)
        dma_free(&h->uncached);
    if (h->slot_memory.va)
        dma_free(&h->slot_memory);
    h->uncached.va = h->slot_memory.va = NULL;
    h->slots = NULL;
    h->slot_count = 0;
    h->uncached_asked = false;
    scsi_extensions_free(h);
}

static void
face_destroy(struct adapter *a)
{
    struct scsi_hba *h = a->face_data;

    if (h->is_own)
        __atomic_fetch_sub(&a->driver->found, 1, __ATOMIC_ACQ_REL);
    scsi_units_free(h);
    scsi_bus_data_free(h);
    scsi_memory_free(h);
    pool_free(h->ranges, SCSI_TAG);
    port_extension_free(h->extension);
    pool_free(h, SCSI_TAG);
}

/* No messages: a ScsiPort miniport knows its device's line only, and some devices are others when they have them (the
 * registers of virtio's move, and its status tells nothing any more). */
const struct port_face scsi_face = {
    .name = "scsiport",
    .send = scsi_send,
    .issue = scsi_issue,
    .completed = scsi_completed,
    .timed_out = scsi_timed_out,
    .starved = scsi_starved,
    .failed = face_failed,
    .interrupt = face_interrupt,
    .stop = face_stop,
    .power_down = face_power_down,
    .rescan = face_rescan,
    .destroy = face_destroy,
};
