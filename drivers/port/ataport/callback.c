/*
 * Routines that a miniport asks to be called. One of each kind a channel; asking again before it
 * ran replaces it. Asked for at any IRQL, so each starts with a DPC.
 */
#include "drivers/port/ataport/ata_impl.h"

static IDE_HW_DPC
take(IDE_HW_DPC *routine)
{
    return __atomic_exchange_n(routine, NULL, __ATOMIC_ACQ_REL);
}

static void
worker_run(struct dpc *d, void *context)
{
    struct ata_channel *ch = context;
    IDE_HW_DPC f = take(&ch->worker_routine);

    if (f)
        (void)ata_call(ch->controller, "worker routine", (const void *)(uintptr_t)f,
                       (uintptr_t)ch->extension->bytes, 0, 0, NULL);
}

static void
sync_run(struct dpc *d, void *context)
{
    struct ata_channel *ch = context;
    IDE_HW_DPC f = take(&ch->sync_routine);

    if (f)
        (void)ata_call_at_interrupt(ch, "synchronized routine", (const void *)(uintptr_t)f);
}

static uint8_t
highest_level(const struct ata_controller *c)
{
    uint8_t level = DISPATCH_LEVEL;

    for (uint32_t n = 0; n < c->adapter->irq_count; n++)
        level = MAX(level, c->adapter->irq[n].line.level);
    return level;
}

/* with the locks of all channels, in their order. */
static void
controller_run(struct dpc *d, void *context)
{
    struct ata_channel *ch = context;
    struct ata_controller *c = ch->controller;
    IDE_HW_DPC f = take(&ch->controller_routine);
    uint8_t irql;

    if (!f)
        return;
    irql = irql_raise(highest_level(c));
    for (uint32_t n = 0; n < ATA_CHANNELS_MAX; n++)
        if (c->channel[n])
            spin_lock_raw(&c->channel[n]->bus->isr_lock);
    (void)ata_call(c, "controller synchronized routine", (const void *)(uintptr_t)f,
                   (uintptr_t)ch->extension->bytes, 0, 0, NULL);
    for (uint32_t n = ATA_CHANNELS_MAX; n > 0; n--)
        if (c->channel[n - 1])
            spin_unlock_raw(&c->channel[n - 1]->bus->isr_lock);
    irql_lower(irql);
}

/* */
static void
timer_fire(struct timer *t)
{
    struct ata_channel *ch = container_of(t, struct ata_channel, timer);
    IDE_HW_DPC f = take(&ch->timer_routine);

    if (f)
        (void)ata_call_synchronized(ch, "timer routine", (const void *)(uintptr_t)f, 0, 0, NULL);
}

static void
timer_start(struct dpc *d, void *context)
{
    struct ata_channel *ch = context;

    if (__atomic_load_n(&ch->timer_routine, __ATOMIC_ACQUIRE))
        (void)timer_set(&ch->timer, __atomic_load_n(&ch->timer_at, __ATOMIC_RELAXED), 0, NULL);
}

void
ata_callbacks_init(struct ata_channel *ch)
{
    timer_init_call(&ch->timer, timer_fire);
    dpc_init(&ch->timer_dpc, timer_start, ch);
    dpc_init(&ch->worker_dpc, worker_run, ch);
    dpc_init(&ch->sync_dpc, sync_run, ch);
    dpc_init(&ch->controller_dpc, controller_run, ch);
}

void
ata_callbacks_stop(struct ata_channel *ch)
{
    (void)take(&ch->timer_routine);
    (void)take(&ch->worker_routine);
    (void)take(&ch->sync_routine);
    (void)take(&ch->controller_routine);
    dpc_flush();
    (void)timer_cancel(&ch->timer);
    dpc_flush();
}

static bool
ask(IDE_HW_DPC *place, IDE_HW_DPC routine, struct dpc *d)
{
    __atomic_store_n(place, routine, __ATOMIC_RELEASE);
    (void)dpc_queue(d);
    return true;
}

/* a timer may be asked for from any routine once the channel starts. */
BOOLEAN NTAPI
AtaPortRequestCallback(IDE_CALLBACK_TYPE CallbackType, PVOID ChannelExtension, IDE_HW_DPC CallbackRoutine,
                       ULONG TimerValue)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    uint8_t phase = ch ? __atomic_load_n(&ch->phase, __ATOMIC_ACQUIRE) : PHASE_NONE;

    if (!CallbackRoutine || phase < PHASE_START || phase == PHASE_STOP || ch->controller->stopping)
        return FALSE;
    switch (CallbackType) {
    case IdeTimerRoutine:
        __atomic_store_n(&ch->timer_at, timer_deadline(US((uint64_t)TimerValue)), __ATOMIC_RELAXED);
        return ask(&ch->timer_routine, CallbackRoutine, &ch->timer_dpc);
    case IdeWorkerRoutine:
        return ask(&ch->worker_routine, CallbackRoutine, &ch->worker_dpc);
    case IdeSynchronizedRoutine:
        return ask(&ch->sync_routine, CallbackRoutine, &ch->sync_dpc);
    case IdeControllerSyncRoutine:
        return ask(&ch->controller_routine, CallbackRoutine, &ch->controller_dpc);
    default:
        return FALSE;
    }
}
