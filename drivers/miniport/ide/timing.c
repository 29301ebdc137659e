/*
 * Transfer modes: what cable and chip allow, and the timing registers of Intel's PIIX and ICH (290550, 290562, 290655: IDETIM,
 * SIDETIM, UDMACTL, UDMATIM, IDE_CONFIG). Other chips stay as the firmware has set them.
 */
#include "ide.h"

#define IDETIM          0x40 /* one a channel, 16 bits */
#define SIDETIM         0x44
#define UDMACTL         0x48
#define UDMATIM         0x4a
#define IDE_CONFIG      0x54
#define IDETIM_DECODE   0x8000u
#define IDETIM_SLAVE    0x4000u /* the second device has a timing of its own */
#define IDETIM_FAST(n)  (1u << 4 * (n))
#define IDETIM_IORDY(n) (2u << 4 * (n))
#define IDETIM_DMA(n)   (8u << 4 * (n)) /* fast timing for DMA only */

#define PIO_MODES   (PIO_MODE0 | PIO_MODE1 | PIO_MODE2 | PIO_MODE3 | PIO_MODE4)
#define UP_TO(mode) (((mode) << 1) - 1)

static const struct chip {
    ULONG id;
    ULONG fastest;
    BOOLEAN tells_cable; /* IDE_CONFIG says where an 80-conductor cable is */
} chips[] = {
    {0x12308086, MWDMA_MODE2, FALSE},                                 /* PIIX */
    {0x70108086, MWDMA_MODE2, FALSE},                                 /* PIIX3 */
    {0x71118086, UDMA_MODE2, FALSE},                                  /* PIIX4 */
    {0x24218086, UDMA_MODE2, FALSE},                                  /* ICH0 */
    {0x24118086, UDMA_MODE4, TRUE},                                   /* ICH */
    {0x244b8086, UDMA_MODE5, TRUE},                                   /* ICH2 */
    {0x244a8086, UDMA_MODE5, TRUE},   {0x248a8086, UDMA_MODE5, TRUE}, /* ICH3 */
    {0x248b8086, UDMA_MODE5, TRUE},   {0x24ca8086, UDMA_MODE5, TRUE}, /* ICH4 */
    {0x24cb8086, UDMA_MODE5, TRUE},   {0x24db8086, UDMA_MODE5, TRUE}, /* ICH5 */
    {0x266f8086, UDMA_MODE5, TRUE},                                   /* ICH6 */
    {0x27df8086, UDMA_MODE5, TRUE},                                   /* ICH7 */
};

static const struct chip *
chip_of(const struct controller *c)
{
    for (ULONG i = 0; c->has_pci && i < sizeof(chips) / sizeof(chips[0]); i++)
        if (chips[i].id == c->chip)
            return &chips[i];
    return NULL;
}

/* The highest mode of a set, as a bit; 0: none. */
static ULONG
highest(ULONG modes)
{
    ULONG bit = 1u << 31;

    while (bit && !(modes & bit))
        bit >>= 1;
    return bit;
}

static ULONG
number(ULONG mode, ULONG first)
{
    ULONG n = 0;

    while (first << n < mode)
        n++;
    return n;
}

/* PIO and multiword modes as IDETIM counts: sample point and recovery, by PIO mode (MWDMA 1 and 2 are as PIO 3 and 4). */
static const struct {
    UCHAR isp, rtc;
} cycles[] = {{0, 0}, {0, 0}, {1, 0}, {2, 1}, {2, 3}};

static void
piix_time(struct controller *c, ULONG channel, ULONG device, ULONG mode, ULONG pio)
{
    ULONG offset = IDETIM + 2 * channel, at = 2 * channel + device, speed = number(pio, PIO_MODE0);
    USHORT idetim = 0, udmatim = 0;
    UCHAR udmactl = 0, sidetim = 0;

    if (mode >= MWDMA_MODE0 && mode <= MWDMA_MODE2)
        speed = mode == MWDMA_MODE0 ? 0 : number(mode, MWDMA_MODE0) + 2;
    if (AtaPortGetBusData(c, &idetim, offset, 2) != 2 || AtaPortGetBusData(c, &udmactl, UDMACTL, 1) != 1 ||
        AtaPortGetBusData(c, &udmatim, UDMATIM, 2) != 2 || AtaPortGetBusData(c, &sidetim, SIDETIM, 1) != 1)
        return;
    idetim = (USHORT)(idetim & ~(15u << 4 * device)) | IDETIM_DECODE | IDETIM_SLAVE;
    if (speed >= 2)
        idetim |= (USHORT)(IDETIM_FAST(device) | (speed >= 3 ? IDETIM_IORDY(device) : 0));
    if (device) {
        sidetim = (UCHAR)((sidetim & ~(15u << 4 * channel)) |
                          (ULONG)(cycles[speed].isp << 2 | cycles[speed].rtc) << 4 * channel);
    } else {
        idetim = (USHORT)((idetim & ~0x3300u) | (ULONG)cycles[speed].isp << 12 |
                          (ULONG)cycles[speed].rtc << 8);
    }
    udmactl &= (UCHAR) ~(1u << at);
    if (mode >= UDMA_MODE0) {
        ULONG n = number(mode, UDMA_MODE0);

        udmactl |= (UCHAR)(1u << at);
        udmatim = (USHORT)((udmatim & ~(3u << 4 * at)) | (n > 2 ? 2 - (n & 1) : n) << 4 * at);
    }
    (void)AtaPortSetBusData(c, &idetim, offset, 2);
    (void)AtaPortSetBusData(c, &sidetim, SIDETIM, 1);
    (void)AtaPortSetBusData(c, &udmactl, UDMACTL, 1);
    (void)AtaPortSetBusData(c, &udmatim, UDMATIM, 2);
}

/* What chip and cable allow of what the device can. */
static ULONG
allowed(struct controller *c, const struct chip *chip, ULONG channel, ULONG device)
{
    ULONG config = 0, fastest = chip->fastest;

    if (chip->tells_cable && AtaPortGetBusData(c, &config, IDE_CONFIG, 4) == 4 &&
        !(config & 0x10u << (2 * channel + device)))
        fastest = UDMA_MODE2; /* 40 conductors */
    return UP_TO(fastest);
}

BOOLEAN NTAPI
ide_transfer_mode_select(PVOID extension, PIDE_TRANSFER_MODE_PARAMETERS p)
{
    struct controller *c = extension;
    const struct chip *chip = chip_of(c);

    for (ULONG n = 0; n < 2; n++) {
        ULONG can = p->DeviceTransferModeSupported[n], mode;

        if (p->DeviceType[n] == DeviceNotExist || !chip)
            continue; /* as the firmware left it */
        mode = highest(can & allowed(c, chip, p->ChannelNumber, n));
        piix_time(c, p->ChannelNumber, n, mode, highest(can & PIO_MODES));
        p->DeviceTransferModeSelected[n] = mode;
    }
    return TRUE;
}

/* A channel that the chip is not to decode, and where nothing answers. (QEMU's answers all the same.) */
ATA_CHANNEL_STATE NTAPI
ide_channel_enabled(PVOID extension, ULONG channel)
{
    struct controller *c = extension;
    USHORT idetim = 0;

    if (!chip_of(c) || AtaPortGetBusData(c, &idetim, IDETIM + 2 * channel, 2) != 2)
        return ChannelStateUnKnown;
    if (idetim & IDETIM_DECODE)
        return ChannelStateEnabled;
    return c->command[channel & 1] && AtaPortReadPortUchar(c->command[channel & 1] + STATUS) != STATUS_NOBODY
               ? ChannelStateUnKnown
               : ChannelStateDisabled;
}
