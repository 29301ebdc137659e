/* Bus master transfers (SFF-8038i). */
#include "ide.h"

BOOLEAN
ide_dma_prepare(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    PIDE_SCATTER_GATHER_LIST sg = AtaPortGetScatterGatherList(c, irb);
    ULONG n = 0;

    for (ULONG i = 0; sg && i < sg->NumberOfElements; i++) {
        ULONG address = sg->Elements[i].Address.LowPart, left = sg->Elements[i].Length;

        while (left) {
            ULONG room = REGION_MAX - (address & (REGION_MAX - 1)), size = left < room ? left : room;

            if (n == REGIONS)
                return FALSE;
            c->regions[n++] = (struct region){address, (USHORT)size, 0};
            address += size;
            left -= size;
        }
    }
    if (!n)
        return FALSE;
    c->regions[n - 1].flags = REGION_LAST;
    AtaPortWritePortUlong((PULONG)(PVOID)(c->master + BM_TABLE), c->regions_at);
    AtaPortWritePortUchar(c->master + BM_COMMAND, irb->IrbFlags & IRB_FLAGS_DATA_IN ? BM_TO_MEMORY : 0);
    AtaPortWritePortUchar(c->master + BM_STATUS, BM_INTERRUPT | BM_ERROR);
    return TRUE;
}

void
ide_dma_start(struct channel *c)
{
    AtaPortWritePortUchar(c->master + BM_COMMAND,
                          (UCHAR)(AtaPortReadPortUchar(c->master + BM_COMMAND) | BM_START));
}

UCHAR
ide_dma_stop(struct channel *c)
{
    UCHAR status = AtaPortReadPortUchar(c->master + BM_STATUS);

    AtaPortWritePortUchar(c->master + BM_COMMAND, 0);
    AtaPortWritePortUchar(c->master + BM_STATUS, BM_INTERRUPT | BM_ERROR);
    return status;
}
