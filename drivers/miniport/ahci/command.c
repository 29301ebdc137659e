/* A request becomes a command: frame, header, regions. */
#include "ahci.h"

#define ATA_READ_QUEUED  0x60
#define ATA_WRITE_QUEUED 0x61
#define DEVICE_LBA       0x40
#define DEVICE_FUA       0x80
#define PACKET_DMA       1
#define PACKET_BYTES     0xfffe /* a PIO transfer's at once */
#define LOG_NCQ_ERROR    0x10

static BOOLEAN
moves_sectors(const IDE_REQUEST_BLOCK *irb)
{
    return (irb->Function == IRB_FUNCTION_ATA_READ || irb->Function == IRB_FUNCTION_ATA_WRITE) &&
           irb->IrbFlags & IRB_FLAGS_USE_DMA;
}

/* ---- regions ---- */

static BOOLEAN
region_add(struct table *t, ULONG *n, ULONGLONG address, ULONG size)
{
    if (*n == REGIONS || address & 1)
        return FALSE;
    t->region[*n].address = (ULONG)address;
    t->region[*n].address_high = (ULONG)(address >> 32);
    t->region[*n].last = size - 1;
    (*n)++;
    return TRUE;
}

/* By the request's list; one without is described where its buffer is. Returns: how many; REGIONS + 1: too many. */
static ULONG
regions_fill(struct channel *c, PIDE_REQUEST_BLOCK irb, struct table *t)
{
    PIDE_SCATTER_GATHER_LIST sg = irb->IrbFlags & IRB_FLAGS_USE_DMA ? AtaPortGetScatterGatherList(c, irb)
                                                                    : NULL;
    ULONG n = 0, at = 0, size;

    for (ULONG i = 0; sg && i < sg->NumberOfElements; i++)
        if (!region_add(t, &n, (ULONGLONG)sg->Elements[i].Address.QuadPart, sg->Elements[i].Length))
            return REGIONS + 1;
    while (!sg && at < irb->DataTransferLength) {
        IDE_PHYSICAL_ADDRESS pa = AtaPortGetPhysicalAddress(c, irb, (PUCHAR)irb->DataBuffer + at, &size);

        if (!pa.QuadPart || !size)
            return REGIONS + 1;
        size = size < irb->DataTransferLength - at ? size : irb->DataTransferLength - at;
        if (!region_add(t, &n, (ULONGLONG)pa.QuadPart, size))
            return REGIONS + 1;
        at += size;
    }
    return n;
}

/* ---- frames ---- */

static void
frame_begin(UCHAR *f, UCHAR command)
{
    for (ULONG i = 0; i < 20; i++)
        f[i] = 0;
    f[0] = FRAME_TO_DEVICE;
    f[1] = FRAME_COMMAND;
    f[2] = command;
}

static void
frame_plain(UCHAR *f, const IDE_REQUEST_BLOCK *irb)
{
    const IDEREGISTERS *now = &irb->IdeTaskFile.Current, *high = &irb->IdeTaskFile.Previous;

    frame_begin(f, now->bCommandReg);
    f[3] = now->bFeaturesReg;
    f[4] = now->bSectorNumberReg;
    f[5] = now->bCylLowReg;
    f[6] = now->bCylHighReg;
    f[7] = now->bDriveHeadReg;
    f[12] = now->bSectorCountReg;
    if (irb->IrbFlags & IRB_FLAGS_48BIT) {
        f[8] = high->bSectorNumberReg;
        f[9] = high->bCylLowReg;
        f[10] = high->bCylHighReg;
        f[11] = high->bFeaturesReg;
        f[13] = high->bSectorCountReg;
    }
}

/* READ and WRITE FPDMA QUEUED (ACS-2, 7.26 and 7.75): the count is in the features, the tag in the count. */
static void
frame_queued(UCHAR *f, const IDE_REQUEST_BLOCK *irb, ULONG slot)
{
    const IDEREGISTERS *now = &irb->IdeTaskFile.Current;

    frame_plain(f, irb);
    f[2] = irb->Function == IRB_FUNCTION_ATA_READ ? ATA_READ_QUEUED : ATA_WRITE_QUEUED;
    f[3] = f[12];
    f[11] = f[13];
    if (!(irb->IrbFlags & IRB_FLAGS_48BIT)) {
        f[8] = now->bDriveHeadReg & 15;
        f[11] = f[12] ? 0 : 1; /* 0 is 256 sectors in 28 bits */
    }
    f[7] = DEVICE_LBA | (now->bCommandReg == IDE_COMMAND_WRITE_DMA_FUA_EXT ? DEVICE_FUA : 0);
    f[12] = (UCHAR)(slot << 3);
    f[13] = 0;
}

static void
frame_packet(struct table *t, const IDE_REQUEST_BLOCK *irb)
{
    ULONG size = irb->DataTransferLength < PACKET_BYTES ? irb->DataTransferLength : PACKET_BYTES;

    frame_begin(t->frame, IDE_COMMAND_ATAPI_PACKET);
    if (irb->IrbFlags & IRB_FLAGS_USE_DMA)
        t->frame[3] = PACKET_DMA;
    t->frame[5] = (UCHAR)size;
    t->frame[6] = (UCHAR)(size >> 8);
    for (ULONG i = 0; i < sizeof(t->packet); i++)
        t->packet[i] = i < irb->CdbLength ? irb->Cdb[i] : 0;
}

/* ---- slots ---- */

static void
issue(struct channel *c, ULONG slot, USHORT flags, ULONG regions, BOOLEAN queued)
{
    struct header *h = &c->shared->header[slot];
    ULONG bit = 1u << slot;

    h->flags = (USHORT)(FRAME_WORDS | flags);
    h->regions = (USHORT)regions;
    h->transferred = 0;
    c->used |= bit;
    if (queued) {
        c->queued |= bit;
        out(c, PX_SACT, bit);
    }
    out(c, PX_CI, bit);
}

static void
start(struct channel *c, PIDE_REQUEST_BLOCK irb, BOOLEAN queued)
{
    ULONG slot = (ULONG)__builtin_ctz(~c->used), regions;
    struct table *t = &c->shared->table[slot];
    BOOLEAN packet = (irb->Function & 0x200) != 0;

    c->irb[slot] = irb;
    c->used |= 1u << slot;
    if (packet)
        frame_packet(t, irb);
    else if (queued)
        frame_queued(t->frame, irb, slot);
    else
        frame_plain(t->frame, irb);
    regions = regions_fill(c, irb, t);
    if (regions > REGIONS) {
        ahci_end(c, slot, IRB_STATUS_INVALID_REQUEST);
        return;
    }
    issue(c, slot,
          (USHORT)((packet ? HEADER_PACKET : 0) | (irb->IrbFlags & IRB_FLAGS_DATA_OUT ? HEADER_WRITE : 0)),
          regions, queued);
}

/* Can it go now? If so *queued says how. */
static BOOLEAN
can_start(struct channel *c, const IDE_REQUEST_BLOCK *irb, BOOLEAN more, BOOLEAN *queued)
{
    BOOLEAN may = c->ncq && !c->one_by_one && moves_sectors(irb);

    *queued = FALSE;
    if (c->state != RUNNING || c->reading_log)
        return FALSE;
    if (!c->used) {
        *queued = may && (more || c->overlap);
        if (c->overlap)
            c->overlap--;
        return TRUE;
    }
    *queued = TRUE;
    return may && c->used == c->queued && c->used != (ULONG)((1ull << c->slots) - 1);
}

void
ahci_wait_first(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    irb->NextIrb = c->first;
    if (!c->first)
        c->last = (PIDE_REQUEST_BLOCK *)(PVOID)&irb->NextIrb;
    c->first = irb;
}

static void
wait_last(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    irb->NextIrb = NULL;
    if (c->first)
        *c->last = irb;
    else
        c->first = irb;
    c->last = (PIDE_REQUEST_BLOCK *)(PVOID)&irb->NextIrb;
}

void
ahci_submit(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    BOOLEAN queued;

    if (c->used)
        c->overlap = OVERLAP;
    if (!c->first && can_start(c, irb, FALSE, &queued))
        start(c, irb, queued);
    else
        wait_last(c, irb);
}

void
ahci_release(struct channel *c)
{
    BOOLEAN queued;

    while (c->first && can_start(c, c->first, c->first->NextIrb != NULL, &queued)) {
        PIDE_REQUEST_BLOCK irb = c->first;

        c->first = irb->NextIrb;
        irb->NextIrb = NULL;
        start(c, irb, queued);
    }
    if (!c->first)
        c->one_by_one = FALSE;
}

/* Which of the queued commands failed (ACS-2, 9.13): READ LOG EXT, in slot 0; a request that was there keeps its place. */
void
ahci_read_error_log(struct channel *c)
{
    struct table *t = &c->shared->table[0];
    ULONG n = 0;

    frame_begin(t->frame, IDE_COMMAND_READ_LOG_EXT);
    t->frame[4] = LOG_NCQ_ERROR;
    t->frame[12] = 1;
    t->frame[7] = 0xa0;
    (void)region_add(t, &n, shared_at(c, c->shared->log), sizeof(c->shared->log));
    issue(c, 0, 0, n, FALSE);
}
