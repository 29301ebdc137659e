/*
 * Channels: init, start, stop.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "kernel/mem/frame.h"
#include "lib/canary.h"
#include "lib/string.h"

#define POWER_SECONDS 10

/* */
static int
channel_init(struct ata_channel *ch)
{
    struct ata_controller *c = ch->controller;
    IDE_CHANNEL_INTERFACE *i = &ch->interface;
    const char *missing;
    uint8_t al;

    *i = (IDE_CHANNEL_INTERFACE){.Version = sizeof(*i), .ChannelNumber = (UCHAR)ch->number};
    ch->phase = PHASE_INIT;
    (void)ata_call(c, "AtaChannelInitRoutine",
                   (const void *)(uintptr_t)c->channels->interface.AtaChannelInitRoutine,
                   (uintptr_t)ch->extension->bytes, (uintptr_t)i, (uintptr_t)c->extension->bytes, &al);
    ch->phase = PHASE_NONE;
    if (!al) {
        adapter_log(c->adapter, "channel %u: AtaChannelInitRoutine returned FALSE (A-044)", ch->number);
        return -EIO;
    }
    missing = !i->IdeHwStartIo      ? "IdeHwStartIo"
              : !i->IdeHwInterrupt  ? "IdeHwInterrupt"
              : !i->IdeHwReset      ? "IdeHwReset"
              : !i->IdeHwControl    ? "IdeHwControl"
              : !i->IdeHwInitialize ? "IdeHwInitialize"
                                    : NULL;
    if (missing)
        ata_violation(c, RULE_CONFIGURATION, "channel %u: %s is NULL (A-045)", ch->number, missing);
    return missing ? -EINVAL : 0;
}

int
ata_channel_new(struct ata_controller *c, uint32_t number)
{
    struct ata_channel *ch = pool_zalloc(sizeof(*ch), ATA_TAG);
    int err = ch ? 0 : -ENOMEM;

    if (err)
        return err;
    ch->controller = c;
    ch->number = number;
    ch->extension = ata_extension_new(c, ch, c->channels->interface.ChannelExtensionSize); /* */
    err = ch->extension ? bus_new(c->adapter, number, 1, &ch->bus) : -ENOMEM;
    if (!err) {
        ch->bus->face_data = ch;
        ata_callbacks_init(ch);
        ata_notify_init(ch);
        err = channel_init(ch);
    }
    if (err) {
        if (ch->bus)
            bus_free(ch->bus);
        port_extension_free(ch->extension);
        pool_free(ch, ATA_TAG);
        return err;
    }
    c->adapter->bus[c->adapter->bus_count++] = ch->bus;
    c->channel[number] = ch;
    return 0;
}

/* All of the adapter's; of an IDE controller the channel's own (PCI IDE 1.0; the bus master has 8 ports a channel). */
static void
resources_fill(struct ata_channel *ch)
{
    const struct ata_controller *c = ch->controller;
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->resources.NumberOfAccessRanges; i++) {
        IDE_ACCESS_RANGE r = c->ranges[i];

        if (adapter_is_ide(c->adapter) && r.Bar < 4 && r.Bar / 2 != ch->number)
            continue;
        if (adapter_is_ide(c->adapter) && r.Bar == 4) {
            r.RangeStart.QuadPart += (LONGLONG)8 * ch->number;
            r.PhysicalRangeStart = r.RangeStart;
            r.RangeLength = 8;
        }
        ch->ranges[n++] = r;
    }
    ch->resources = (IDE_MINIPORT_RESOURCES){n, ch->ranges};
}

/* What the miniport left. */
static void
configuration_read(struct ata_channel *ch)
{
    IDE_CHANNEL_CONFIGURATION *k = &ch->configuration;

    ch->depth = k->NumberOfOverlappedRequests ? MIN(k->NumberOfOverlappedRequests, PORT_DEPTH_MAX) : 1u;
    if (k->MaxTargetId >= ATA_TARGETS_MAX) {
        ata_violation(ch->controller, RULE_CONFIGURATION, "channel %u: MaxTargetId %u: %u is used (A-051)",
                      ch->number, k->MaxTargetId, ATA_TARGETS_MAX - 1);
        k->MaxTargetId = ATA_TARGETS_MAX - 1;
    }
}

/* IRBs with their scatter/gather lists, for all that may be out at once and what bypasses the limit. */
static int
slots_make(struct ata_channel *ch)
{
    ch->slot_size =
        ALIGN_UP(sizeof(struct ata_slot) + ch->controller->sg_max * sizeof(IDE_SCATTER_GATHER_ELEMENT), 64ul);
    ch->slot_count = ch->depth + PORT_RESERVED;
    ch->slots = pool_zalloc(ch->slot_size * ch->slot_count, ATA_TAG);
    __atomic_store_n(&ch->bus->depth, ch->depth, __ATOMIC_RELEASE);
    return ch->slots ? 0 : -ENOMEM;
}

/* A-054 (not supported: clear and NULL; so A-055 cannot come about), A-056 */
int
ata_channel_start(struct ata_channel *ch)
{
    IDE_CHANNEL_CONFIGURATION *k = &ch->configuration;
    uint8_t al;
    int err;

    *k = (IDE_CHANNEL_CONFIGURATION){.Version = sizeof(*k),
                                     .ChannelNumber = (UCHAR)ch->number,
                                     .ChannelMode = IdeModeNormal,
                                     .ChannelResources = &ch->resources,
                                     .NumberOfOverlappedRequests = 1,
                                     .MaxTargetId = 1};
    resources_fill(ch);
    __atomic_store_n(&ch->phase, PHASE_START, __ATOMIC_RELEASE); /* IdeHwInterrupt may come: A-053 */
    (void)ata_call(ch->controller, "IdeHwControl(IdeStart)",
                   (const void *)(uintptr_t)ch->interface.IdeHwControl, (uintptr_t)ch->extension->bytes,
                   IdeStart, (uintptr_t)k, &al);
    if (!al) {
        __atomic_store_n(&ch->phase, PHASE_NONE, __ATOMIC_RELEASE);
        adapter_log(ch->controller->adapter, "channel %u: IdeHwControl(IdeStart) returned FALSE (A-052)",
                    ch->number);
        return -EIO;
    }
    configuration_read(ch);
    err = slots_make(ch);
    __atomic_store_n(&ch->phase, err ? PHASE_NONE : PHASE_RUNNING, __ATOMIC_RELEASE);
    if (err)
        return err;
    ch->bus->started = true;
    ata_detect(ch);
    return 0;
}

void
ata_channel_stop(struct ata_channel *ch)
{
    uint8_t al;

    if (ch->phase != PHASE_RUNNING)
        return;
    ata_notify_stop(ch);
    ata_callbacks_stop(ch);
    __atomic_store_n(&ch->phase, PHASE_STOP, __ATOMIC_RELEASE);
    (void)ata_call(ch->controller, "IdeHwControl(IdeStop)",
                   (const void *)(uintptr_t)ch->interface.IdeHwControl, (uintptr_t)ch->extension->bytes,
                   IdeStop, 0, &al);
    __atomic_store_n(&ch->phase, PHASE_NONE, __ATOMIC_RELEASE);
    ata_verify_memory(ch);
}

/* A device that cannot or does not: nothing is lost, its cache has been flushed. */
static void
device_power_down(const struct ata_unit *u)
{
    struct ata_request a = {.r = {.seconds = POWER_SECONDS, .passes = HOLD_ALL},
                            .function = IRB_FUNCTION_POWER_CHANGE,
                            .power = {IdePowerD0, IdePowerD3}};

    (void)ata_execute(u->unit, &a);
}

void
ata_channel_power_down(struct ata_channel *ch)
{
    if (ch->phase != PHASE_RUNNING)
        return;
    ata_notify_stop(ch);
    for (unsigned t = 0; t < ATA_TARGETS_MAX; t++)
        if (ch->unit[t])
            device_power_down(ch->unit[t]);
    ata_callbacks_stop(ch);
    (void)ata_call(ch->controller, "IdeHwControl(IdePowerDown)",
                   (const void *)(uintptr_t)ch->interface.IdeHwControl, (uintptr_t)ch->extension->bytes,
                   IdePowerDown, 0, NULL);
    __atomic_store_n(&ch->phase, PHASE_NONE, __ATOMIC_RELEASE);
    ata_verify_memory(ch);
}

/* The bus, with its units, has been freed. A-064: after IdeStop. */
void
ata_channel_free(struct ata_channel *ch)
{
    ata_notify_stop(ch);
    ata_callbacks_stop(ch);
    for (unsigned t = 0; t < ATA_TARGETS_MAX; t++)
        if (ch->unit[t]) {
            dma_free(&ch->unit[t]->sense_data);
            pool_free(ch->unit[t]->identify, ATA_TAG);
            pool_free(ch->unit[t], ATA_TAG);
        }
    if (ch->uncached.va)
        dma_free(&ch->uncached);
    if (ch->irb_extensions.va)
        dma_free(&ch->irb_extensions);
    pool_free(ch->registry_buffer, ATA_TAG);
    pool_free(ch->slots, ATA_TAG);
    port_extension_free(ch->extension);
    pool_free(ch, ATA_TAG);
}

/* Memory for miniport and device, with a canary behind it. */
static int
common_alloc(struct ata_channel *ch, uint32_t size, struct dma_buffer *b)
{
    int err = dma_alloc(size + CANARY_SIZE, &ch->controller->adapter->dma, b);

    if (!err)
        canary_set((uint8_t *)b->va + size, CANARY_SIZE);
    return err;
}

/* The pool has room for the depth as it is now, what bypasses it, and a sense IRB a target. */
PVOID NTAPI
AtaPortGetUnCachedExtension(PVOID ChannelExtension, ULONG UncachedExtensionSize, ULONG IrbExtensionSize)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    uint64_t pool;

    if (!ch || ch->phase != PHASE_START || ch->uncached_asked) {
        ata_violation(ata_controller_of(ChannelExtension), RULE_A060, "AtaPortGetUnCachedExtension %s (%s)",
                      ch && ch->uncached_asked ? "was called again"
                                               : "was called outside of IdeHwControl(IdeStart)",
                      ch && ch->uncached_asked ? "A-058" : "A-060");
        return NULL;
    }
    configuration_read(ch);
    pool = (uint64_t)IrbExtensionSize * (ch->depth + PORT_RESERVED + ATA_TARGETS_MAX);
    if (UncachedExtensionSize > ATA_EXTENSION_MAX || pool > ATA_EXTENSION_MAX)
        return NULL; /* */
    if (pool && common_alloc(ch, (uint32_t)pool, &ch->irb_extensions))
        return NULL;
    if (UncachedExtensionSize && common_alloc(ch, UncachedExtensionSize, &ch->uncached)) {
        if (pool)
            dma_free(&ch->irb_extensions);
        ch->irb_extensions.va = NULL;
        return NULL;
    }
    ch->uncached_size = UncachedExtensionSize;
    ch->irb_pool_size = (uint32_t)pool;
    ch->uncached_asked = true;
    ch->irb_extension_size = IrbExtensionSize;
    return ch->uncached.va;
}
