/*
 * Transfer modes: what devices can, what the miniport selects, and telling the device.
 */
#include "drivers/port/ataport/ata_impl.h"

#define WORD53_64_70_VALID 2u
#define WORD53_88_VALID    4u
#define PIO_MODES          (PIO_MODE0 | PIO_MODE1 | PIO_MODE2 | PIO_MODE3 | PIO_MODE4)
#define MWDMA_MODES        (MWDMA_MODE0 | MWDMA_MODE1 | MWDMA_MODE2)
#define MODE_SECONDS       10

/* SET FEATURES, subcommand 03h: the mode as the device counts it (ACS-2 table 65). */
#define FEATURE_PIO   0x08
#define FEATURE_MWDMA 0x20
#define FEATURE_UDMA  0x40

uint32_t
ata_modes_supported(const IDENTIFY_DEVICE_DATA *d)
{
    uint32_t modes = PIO_MODE0 | PIO_MODE1 | PIO_MODE2;

    if (d->TranslationFieldsValid & WORD53_64_70_VALID)
        modes |= (d->AdvancedPIOModes & 1 ? PIO_MODE3 : 0) | (d->AdvancedPIOModes & 2 ? PIO_MODE4 : 0);
    modes |= (d->MultiWordDMASupport & 7u) * MWDMA_MODE0;
    if (d->TranslationFieldsValid & WORD53_88_VALID)
        modes |= (d->UltraDMASupport & 0x7fu) * UDMA_MODE0;
    return modes;
}

uint32_t
ata_modes_current(const IDENTIFY_DEVICE_DATA *d)
{
    uint32_t modes = (d->MultiWordDMAActive & 7u) * MWDMA_MODE0;

    if (d->TranslationFieldsValid & WORD53_88_VALID)
        modes |= (d->UltraDMAActive & 0x7fu) * UDMA_MODE0;
    return modes ? modes : PIO_MODE0;
}

/* */
static void
select_by_miniport(struct ata_channel *ch)
{
    const void *f =
        (const void *)(uintptr_t)ch->controller->driver->interface.AtaControllerTransferModeSelect;
    IDE_TRANSFER_MODE_PARAMETERS p = {.ChannelNumber = (UCHAR)ch->number};

    if (!f)
        return;
    for (unsigned t = 0; t < MAX_IDE_DEVICE; t++) {
        const struct ata_unit *u = ch->unit[t];

        p.DeviceType[t] = u ? u->parameters.IdeDeviceType : DeviceNotExist;
        if (!u)
            continue;
        p.IoReadySupported[t] = u->identify->Capabilities.IordySupported;
        p.DeviceTransferModeSupported[t] = u->parameters.TransferModeSupported;
        p.DeviceTransferModeCurrent[t] = u->parameters.TransferModeSelected;
        p.DeviceTransferModeSelected[t] = UNINITIALIZED_TRANSFER_MODE;
    }
    if (ata_call(ch->controller, "AtaControllerTransferModeSelect", f,
                 (uintptr_t)ch->controller->extension->bytes, (uintptr_t)&p, 0, NULL))
        return;
    for (unsigned t = 0; t < MAX_IDE_DEVICE; t++)
        if (ch->unit[t] && p.DeviceTransferModeSelected[t] != UNINITIALIZED_TRANSFER_MODE)
            ch->unit[t]->parameters.TransferModeSelected = p.DeviceTransferModeSelected[t] &
                                                           ch->unit[t]->parameters.TransferModeSupported;
}

static unsigned
bit_highest(uint32_t set) /* not 0 */
{
    return 31u - (unsigned)__builtin_clz(set);
}

/* A command without data. Returns: the device did it. */
static bool
tell(struct ata_unit *u, uint8_t command, uint8_t feature, uint8_t count)
{
    struct ata_request a = {
        .r.seconds = MODE_SECONDS,
        .function = IRB_FUNCTION_ATA_COMMAND,
        .flags = IRB_FLAGS_DRDY_REQUIRED,
        .task_file.Current = {.bCommandReg = command,
                              .bFeaturesReg = feature,
                              .bSectorCountReg = count,
                              .bDriveHeadReg = (UCHAR)(0xa0 | (u->unit->target & 1) << 4)}};

    return !ata_execute(u->unit, &a) && IRB_STATUS(a.irb_status) == IRB_STATUS_SUCCESS;
}

static uint8_t
feature_of(uint32_t mode)
{
    unsigned bit = bit_highest(mode);

    if (mode >= UDMA_MODE0)
        return (uint8_t)(FEATURE_UDMA | (bit - bit_highest(UDMA_MODE0)));
    if (mode & MWDMA_MODES)
        return (uint8_t)(FEATURE_MWDMA | (bit - bit_highest(MWDMA_MODE0)));
    return (uint8_t)(FEATURE_PIO | bit);
}

/* Of a parallel device that is to change its mode; a serial one has none. */
static void
mode_set(struct ata_channel *ch, struct ata_unit *u)
{
    uint32_t selected = u->parameters.TransferModeSelected, current = ata_modes_current(u->identify);
    uint32_t mode = selected ? 1u << bit_highest(selected) : 0;

    if (ch->controller->configuration.AtaBusType != IdeBusPata || !mode || mode == PIO_MODE0 ||
        mode == 1u << bit_highest(current))
        return;
    if (tell(u, IDE_COMMAND_SET_FEATURE, IDE_FEATURE_SET_TRANSFER_MODE, feature_of(mode)))
        return;
    adapter_log(ch->controller->adapter, "channel %u target %u: refuses transfer mode %#x", ch->number,
                u->unit->target, feature_of(mode));
    u->dma = u->dma && current & ~PIO_MODES;
}

/* By DMA unless the miniport has chosen PIO; then with as many sectors an interrupt as both can. */
static void
modes_apply(struct ata_channel *ch, struct ata_unit *u)
{
    uint32_t selected = u->parameters.TransferModeSelected;
    uint8_t multiple = u->parameters.MaxBlockXfer;

    u->dma = u->identify->Capabilities.DmaSupported && (!selected || selected & ~PIO_MODES);
    mode_set(ch, u);
    u->sat.dma = u->dma;
    u->sat.fua &= u->dma;
    u->sat.trim &= u->dma;
    u->modes_set = true;
    if (!u->dma && multiple > 1 && u->parameters.IdeDeviceType == DeviceIsAta &&
        tell(u, IDE_COMMAND_SET_MULTIPLE, 0, multiple))
        u->sat.multiple = multiple;
}

void
ata_modes_select(struct ata_channel *ch)
{
    select_by_miniport(ch);
    for (unsigned t = 0; t < ATA_TARGETS_MAX; t++)
        if (ch->unit[t] && !ch->unit[t]->modes_set)
            modes_apply(ch, ch->unit[t]);
}
