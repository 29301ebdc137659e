/*
 * Controllers: from a PCI function to started channels, and back.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "lib/format.h"
#include "lib/string.h"

/* RangeStart is the address on the bus, which on a PC is the physical one. */
static void
resources_fill(struct ata_controller *c)
{
    for (uint32_t i = 0; i < c->adapter->range_count; i++) {
        const struct port_range *r = &c->adapter->range[i];

        c->ranges[i] = (IDE_ACCESS_RANGE){.RangeStart.QuadPart = (LONGLONG)r->start,
                                          .PhysicalRangeStart.QuadPart = (LONGLONG)r->start,
                                          .RangeLength = (ULONG)MIN(r->size, (uint64_t)UINT32_MAX),
                                          .InMemory = r->in_memory,
                                          .Bar = r->bar};
    }
    c->resources = (IDE_MINIPORT_RESOURCES){c->adapter->range_count, c->ranges};
}

/* What the miniport left in the configuration. */
static void
configuration_read(struct ata_controller *c)
{
    IDE_CONTROLLER_CONFIGURATION *k = &c->configuration;

    if (k->NumberOfChannels > ATA_CHANNELS_MAX) {
        ata_violation(c, RULE_CONFIGURATION, "NumberOfChannels %u: only %u are used (A-030)",
                      k->NumberOfChannels, ATA_CHANNELS_MAX);
        k->NumberOfChannels = ATA_CHANNELS_MAX;
    }
    if (!k->NumberOfChannels)
        adapter_log(c->adapter, "NumberOfChannels is 0: it has no units (A-033)");
    c->dma64 = k->Dma64BitAddress && !c->channels_from; /* the default channel has 32 bits */
    c->sg_max = k->NumberOfPhysicalBreaks == 0xff ? ATA_SG_MAX : k->NumberOfPhysicalBreaks + 1u; /* */
    if (k->MaximumTransferLength < 512) {
        ata_violation(c, RULE_CONFIGURATION, "MaximumTransferLength %u is less than a sector (A-027)",
                      k->MaximumTransferLength);
        k->MaximumTransferLength = 512;
    }
    k->MaximumTransferLength = MIN(k->MaximumTransferLength, ATA_TRANSFER_MAX);
    c->adapter->dma = (struct dma_limits){.max_address = c->dma64 ? 0 : UINT32_MAX}; /* */
}

/* */
static int
controller_start(struct ata_controller *c, char *why)
{
    IDE_CONTROLLER_CONFIGURATION *k = &c->configuration;
    uint8_t al;
    int err;

    *k = (IDE_CONTROLLER_CONFIGURATION){.Version = sizeof(*k),
                                        .NumberOfPhysicalBreaks = 0xff,
                                        .MaximumTransferLength = (ULONG)IDE_UNINITIALIZED_VALUE,
                                        .ControllerMode = IdeModeNormal,
                                        .ControllerResources = &c->resources};
    c->mapping = true;
    err = ata_call(c, "AtaAdapterControl(IdeStart)",
                   (const void *)(uintptr_t)c->driver->interface.AtaAdapterControl,
                   (uintptr_t)c->extension->bytes, IdeStart, (uintptr_t)k, &al);
    c->mapping = false;
    if (err)
        snprintf(why, DRIVER_WHY, "%s", c->adapter->gate.text);
    else if (!al)
        snprintf(why, DRIVER_WHY, "AtaAdapterControl(IdeStart) returned FALSE (A-032)");
    if (err || !al)
        return -EIO;
    configuration_read(c);
    return 0;
}

/* */
static void
adapter_control(struct ata_controller *c, const char *routine, IDE_CONTROL_ACTION action)
{
    (void)ata_call(c, routine, (const void *)(uintptr_t)c->driver->interface.AtaAdapterControl,
                   (uintptr_t)c->extension->bytes, action, 0, NULL);
}

/* */
static bool
channel_enabled(struct ata_controller *c, uint32_t n)
{
    const void *f = (const void *)(uintptr_t)c->driver->interface.AtaControllerChannelEnabled;
    uint64_t state = ChannelStateEnabled;

    if (f && gate_call(&c->adapter->gate, "AtaControllerChannelEnabled", f,
                       GATE_ARGUMENTS((uintptr_t)c->extension->bytes, n), &state))
        return false;
    return (uint32_t)state == ChannelStateEnabled || (uint32_t)state == ChannelStateUnKnown;
}

/* A channel that fails costs itself; none at all is no error. */
static void
channels_start(struct ata_controller *c)
{
    bool enabled[ATA_CHANNELS_MAX] = {false};

    for (uint32_t n = 0; n < c->configuration.NumberOfChannels; n++)
        enabled[n] = channel_enabled(c, n);
    for (uint32_t n = 0; n < c->configuration.NumberOfChannels; n++)
        if (enabled[n] && ata_channel_new(c, n))
            adapter_log(c->adapter, "channel %u cannot be used", n);
}

static int
interface_check(const struct ata_controller *c, char *why)
{
    const IDE_CONTROLLER_INTERFACE *i = &c->driver->interface;
    ULONG mask = i->AlignmentMask;

    if (mask != 0 && mask != 1 && mask != 3 && mask != 7) {
        snprintf(why, DRIVER_WHY, "AlignmentMask is %#x, which is not 0, 1, 3 or 7 (A-018)", mask);
        return -EINVAL;
    }
    if (i->AtaChannelInitRoutine && !i->ChannelExtensionSize) { /* */
        snprintf(why, DRIVER_WHY, "AtaChannelInitRoutine is set and ChannelExtensionSize is 0 (A-016)");
        return -EINVAL;
    }
    return 0;
}

/* whose channel routines serve it. */
static int
channels_choose(struct ata_controller *c, char *why)
{
    c->channels = c->driver;
    c->alignment_mask = c->driver->interface.AlignmentMask;
    if (c->driver->interface.AtaChannelInitRoutine)
        return 0;
    c->channels_from = driver_find(ATA_DEFAULT_CHANNEL);
    if (c->channels_from && c->channels_from->state == DRIVER_STARTED && c->channels_from->port.data &&
        !strcmp(c->channels_from->port.port, "ataport")) {
        c->channels = c->channels_from->port.data;
        c->alignment_mask |= c->channels->interface.AlignmentMask;
        return 0;
    }
    snprintf(why, DRIVER_WHY, "it has no channel interface, and %s, the default one, does not run (A-015)",
             ATA_DEFAULT_CHANNEL);
    return -ENOENT;
}

static void
channels_release(struct ata_controller *c)
{
    if (c->channels_from)
        driver_put(c->channels_from);
}

int
ata_controller_add(struct driver *d, void *data, const struct device *dev, char *why)
{
    struct ata_controller *c = pool_zalloc(sizeof(*c), ATA_TAG);
    int err;

    if (!c)
        return -ENOMEM;
    c->driver = data;
    err = interface_check(c, why);
    if (!err)
        err = channels_choose(c, why);
    if (!err)
        err = adapter_new(&ata_face, d, dev, "ata", &c->adapter, why);
    if (err) {
        channels_release(c);
        pool_free(c, ATA_TAG);
        return err;
    }
    c->adapter->face_data = c;
    c->extension = ata_extension_new(c, NULL, c->driver->interface.ControllerExtensionSize); /* */
    if (!c->extension) {
        snprintf(why, DRIVER_WHY, "no memory for a controller extension of %u bytes (A-020)",
                 c->driver->interface.ControllerExtensionSize);
        adapter_free(c->adapter);
        return -ENOMEM;
    }
    resources_fill(c);
    err = controller_start(c, why);
    if (!err)
        channels_start(c);
    if (!err) {
        err = adapter_connect(c->adapter); /* after the start of the controller: A-034 */
        if (err) {
            snprintf(why, DRIVER_WHY, "its interrupt cannot be connected: error %d", err);
            adapter_control(c, "AtaAdapterControl(IdeStop)", IdeStop);
        }
    }
    if (err) {
        adapter_free(c->adapter);
        return err;
    }
    __atomic_store_n(&c->adapter->state, ADAPTER_STARTED, __ATOMIC_RELEASE);
    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n] && ata_channel_start(c->channel[n]))
            adapter_log(c->adapter, "channel %u did not start", n);
    log_info("%s: %s, %u of %u channels", c->adapter->name, d->name, c->adapter->bus_count,
             c->configuration.NumberOfChannels);
    return 0;
}

/* Also when the gate is closed and nothing could be stopped: no rescan is under way any more. */
static void
controller_quiet(struct ata_controller *c)
{
    c->stopping = true;
    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n])
            ata_notify_stop(c->channel[n]);
}

int
ata_controller_remove(struct driver *d, void *data, const struct device *dev, char *why)
{
    struct adapter *a = adapter_of(d, dev);

    if (!a) {
        snprintf(why, DRIVER_WHY, "it has no adapter of this driver");
        return -ENODEV;
    }
    (void)adapter_stop(a, ATA_STOP_TIMEOUT);
    controller_quiet(a->face_data);
    adapter_free(a);
    return 0;
}

/* ---- the face ---- */

static bool
face_interrupt(struct adapter *a, uint32_t line)
{
    struct ata_controller *c = a->face_data;

    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++) { /* */
        struct ata_channel *ch = c->channel[n];
        uint8_t al = FALSE;

        if (!ch || ch->bus->line != line || __atomic_load_n(&ch->phase, __ATOMIC_ACQUIRE) < PHASE_START)
            continue;
        spin_lock_raw(&ch->bus->isr_lock);
        __atomic_store_n(&ch->interrupt_cpu, cpu_number() + 1, __ATOMIC_RELAXED);
        (void)ata_call(c, "IdeHwInterrupt", (const void *)(uintptr_t)ch->interface.IdeHwInterrupt,
                       (uintptr_t)ch->extension->bytes, 0, 0, &al);
        __atomic_store_n(&ch->interrupt_cpu, 0, __ATOMIC_RELAXED);
        spin_unlock_raw(&ch->bus->isr_lock);
        if (al) {
            bus_claimed(ch->bus);
            return true;
        }
    }
    return false;
}

/* every channel, then the adapter. */
static void
face_stop(struct adapter *a)
{
    struct ata_controller *c = a->face_data;

    c->stopping = true;
    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n])
            ata_channel_stop(c->channel[n]);
    adapter_disconnect(a);
    adapter_control(c, "AtaAdapterControl(IdeStop)", IdeStop);
}

/* The order of contract 1, row 16: the devices, the channel, the adapter. */
static void
face_power_down(struct adapter *a)
{
    struct ata_controller *c = a->face_data;

    c->stopping = true;
    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n])
            ata_channel_power_down(c->channel[n]);
    adapter_control(c, "AtaAdapterControl(IdePowerDown)", IdePowerDown);
    adapter_disconnect(a);
}

static void
face_rescan(struct adapter *a)
{
    const struct ata_controller *c = a->face_data;

    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n] && __atomic_load_n(&c->channel[n]->phase, __ATOMIC_ACQUIRE) == PHASE_RUNNING)
            ata_detect(c->channel[n]);
}

static void
face_failed(struct adapter *a)
{
    struct ata_controller *c = a->face_data;

    c->stopping = true;
    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n])
            ata_callbacks_stop(c->channel[n]);
}

static void
face_destroy(struct adapter *a)
{
    struct ata_controller *c = a->face_data;

    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n])
            ata_channel_free(c->channel[n]);
    port_extension_free(c->extension);
    channels_release(c);
    pool_free(c, ATA_TAG);
}

const struct port_face ata_face = {
    .name = "ataport",
    .messages = true,
    .send = ata_scsi_send,
    .issue = ata_issue,
    .completed = ata_completed,
    .timed_out = ata_timed_out,
    .failed = face_failed,
    .interrupt = face_interrupt,
    .stop = face_stop,
    .power_down = face_power_down,
    .rescan = face_rescan,
    .destroy = face_destroy,
};
