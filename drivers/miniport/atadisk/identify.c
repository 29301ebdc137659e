/*
 * Which disks a channel has, by polling. Packet devices are left to others.
 */
#include "atadisk.h"

#define WORDS         256
#define IDLE_MULTIPLE 0xc6
#define SUPPORT_LBA   0x0200 /* word 49 */
#define SUPPORT_48    0x0400 /* word 83 */

/* Texts have their bytes exchanged in each word. */
static void
text(UCHAR *to, const USHORT *from, ULONG bytes)
{
    for (ULONG i = 0; i < bytes; i += 2) {
        to[i] = (UCHAR)(from[i / 2] >> 8);
        to[i + 1] = (UCHAR)from[i / 2];
    }
}

static void
select(const struct channel *c, ULONG n)
{
    out(c, DEVICE, (UCHAR)(DEVICE_LBA | (n ? DEVICE_SECOND : 0)));
    ScsiPortStallExecution(1); /* 400 ns until the status is the device's */
}

/* READ and WRITE MULTIPLE, with as many sectors as it likes. */
static void
multiple_set(struct channel *c, struct disk *d, UCHAR most)
{
    UCHAR s;

    d->multiple = 0;
    if (!most)
        return;
    most = most < MULTIPLE ? most : MULTIPLE;
    out(c, COUNT, most);
    out(c, COMMAND, IDLE_MULTIPLE);
    s = wait_ready(c, POLLS);
    if (!(s & (IDE_STATUS_BUSY | IDE_STATUS_ERROR)))
        d->multiple = most;
    (void)in(c, STATUS);
}

static BOOLEAN
identify(struct channel *c, USHORT *words)
{
    UCHAR s;

    out(c, COUNT, 0);
    out(c, LBA_LOW, 0);
    out(c, LBA_MID, 0);
    out(c, LBA_HIGH, 0);
    out(c, COMMAND, IDE_COMMAND_IDENTIFY);
    ScsiPortStallExecution(1);
    if (!status(c))
        return FALSE;
    s = wait_ready(c, POLLS);
    if (s & (IDE_STATUS_BUSY | IDE_STATUS_ERROR | STATUS_FAULT) || !(s & IDE_STATUS_DRQ) ||
        s == STATUS_NOBODY) {
        (void)in(c, STATUS);
        return FALSE;
    }
    ScsiPortReadPortBufferUshort((PUSHORT)c->command, words, WORDS);
    (void)in(c, STATUS);
    return TRUE;
}

static void
disk_identify(struct channel *c, ULONG n)
{
    struct disk *d = &c->disk[n];
    USHORT words[WORDS];

    select(c, n);
    d->there = !(wait_ready(c, POLLS) & IDE_STATUS_BUSY) && identify(c, words) && words[49] & SUPPORT_LBA;
    if (!d->there)
        return;
    d->sectors = words[60] | (ULONG)words[61] << 16;
    d->lba48 = (words[83] & 0xc000) == 0x4000 && words[83] & SUPPORT_48;
    if (d->lba48)
        d->sectors = words[100] | (ULONG)words[101] << 16 | (ULONGLONG)words[102] << 32;
    text(d->serial, words + 10, sizeof(d->serial));
    text(d->revision, words + 23, sizeof(d->revision));
    text(d->model, words + 27, sizeof(d->model));
    multiple_set(c, d, (UCHAR)words[47]);
}

void
channel_identify(struct channel *c)
{
    ScsiPortWritePortUchar(c->control, CONTROL_QUIET);
    for (ULONG n = 0; n < DISKS; n++)
        disk_identify(c, n);
    select(c, 0);
}

/* Devices are as they were after power-on, but for what SET FEATURES has kept. */
BOOLEAN
channel_reset(struct channel *c)
{
    ScsiPortWritePortUchar(c->control, CONTROL_RESET | CONTROL_QUIET);
    ScsiPortStallExecution(10);
    ScsiPortWritePortUchar(c->control, CONTROL_QUIET);
    ScsiPortStallExecution(2000);
    if (wait_ready(c, RESET_POLLS) & IDE_STATUS_BUSY)
        return FALSE;
    for (ULONG n = 0; n < DISKS; n++)
        if (c->disk[n].there) {
            select(c, n);
            multiple_set(c, &c->disk[n], c->disk[n].multiple);
        }
    ScsiPortWritePortUchar(c->control, 0);
    return TRUE;
}
