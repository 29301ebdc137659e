/*
 * Where the data of an SRB is, for the processor and for the device (S-058, S-073 to S-076).
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/mem/frame.h"

/* Is every run within the device's reach, and are there few enough? The slot has the first one. */
static bool
fits(const struct scsi_hba *h, const struct scsi_slot *s)
{
    uint64_t pa = s->run_pa, end = 0,
             max = h->adapter->dma.max_address ? h->adapter->dma.max_address : UINT64_MAX;
    struct data_cursor at = s->cursor;
    uint32_t n = 0, run = s->run_size;

    while (run) {
        if (pa != end && (n++ == h->max_pieces || pa & h->config.AlignmentMask))
            return false;
        end = pa + run;
        if (end - 1 > max)
            return false;
        if (at.offset == s->data->size)
            return true;
        run = data_next(s->data, &at, &pa);
    }
    return false;
}

/* The data as it is. Returns: false: not within what the miniport said that it and its device can do. */
static bool
map_direct(const struct scsi_hba *h, const struct scsi_io *io, struct scsi_slot *s)
{
    void *va = data_va(&io->data);

    if ((h->is_mapped && !va) || (uintptr_t)va & h->config.AlignmentMask)
        return false;
    if (h->config.Master && !fits(h, s))
        return false;
    s->srb.DataBuffer = va ? va : phys_to_virt(io->data.piece[0].pa);
    return true;
}

enum data_mapping
scsi_data_map(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s)
{
    enum data_mapping mapping;

    s->bounce = -1;
    s->srb.DataBuffer = NULL;
    s->data = &io->data;
    s->cursor = (struct data_cursor){0};
    s->run_offset = 0;
    s->run_size = data_next(&io->data, &s->cursor, &s->run_pa);
    s->room = io->data.size;
    if (!io->data.size)
        return DATA_MAPPED;
    if (io->data.size > h->max_bytes)
        return DATA_CANNOT;
    if (map_direct(h, io, s))
        return DATA_MAPPED;
    mapping = bounce_begin(h->bus, &io->data, io->data.size, io->s->srb.SrbFlags & SRB_FLAGS_DATA_OUT,
                           &s->bounce);
    if (mapping == DATA_MAPPED)
        s->srb.DataBuffer = h->bus->bounce.buffer[s->bounce].va;
    return mapping;
}

void
scsi_data_unmap(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s)
{
    bool in = io->phase == IO_SENSE || io->s->srb.SrbFlags & SRB_FLAGS_DATA_IN;

    if (!bounce_end(h->bus, &io->data, s->room, in && !io->r.error ? s->srb.DataTransferLength : 0,
                    &s->bounce))
        scsi_violation(h, RULE_CANARY, "target %u: written behind a request's %u bytes (check 19)",
                       io->unit->unit->target, io->data.size);
}

/* ---- look-ups for the miniport, at any IRQL ---- */

static bool
translate(const struct dma_buffer *b, uint64_t size, const void *va, uint64_t *pa, ULONG *length)
{
    uint64_t offset = (uint64_t)((uintptr_t)va - (uintptr_t)b->va);

    if (!b->va || offset >= size)
        return false;
    *pa = b->pa + offset;
    *length = (ULONG)(size - offset);
    return true;
}

/* Asked for from the beginning on, as all do, each run is found behind the one before. */
static bool
translate_data(struct scsi_hba *h, struct scsi_slot *s, const void *va, uint64_t *pa, ULONG *length)
{
    uint64_t offset = (uint64_t)((uintptr_t)va - (uintptr_t)s->srb.DataBuffer);

    if (!s->srb.DataBuffer || offset >= s->data->size)
        return false;
    if (s->bounce >= 0)
        return translate(&h->bus->bounce.buffer[s->bounce], s->data->size, va, pa, length);
    if (offset < s->run_offset) {
        s->cursor = (struct data_cursor){0};
        s->run_offset = s->run_size = 0;
    }
    while (offset >= s->run_offset + s->run_size) {
        s->run_offset += s->run_size;
        s->run_size = data_next(s->data, &s->cursor, &s->run_pa);
        if (!s->run_size)
            return false;
    }
    *pa = s->run_pa + (offset - s->run_offset);
    *length = (ULONG)(s->run_offset + s->run_size - offset);
    return true;
}

/* S-075. With Srb NULL a place in common memory; the SRBs themselves lie in such memory, too. */
SCSI_PHYSICAL_ADDRESS NTAPI
ScsiPortGetPhysicalAddress(PVOID HwDeviceExtension, PSCSI_REQUEST_BLOCK Srb, PVOID VirtualAddress,
                           ULONG *Length)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);
    int n = Srb ? scsi_slot_of(h, Srb) : -1;
    ULONG length = 0;
    uint64_t pa = 0;
    bool found;

    found = (n >= 0 && bus_slot_is_issued(h->bus, (uint32_t)n) &&
             translate_data(h, &h->slots[n], VirtualAddress, &pa, &length)) ||
            translate(&h->uncached, h->uncached_size, VirtualAddress, &pa, &length) ||
            translate(&h->extensions, h->extensions_size, VirtualAddress, &pa, &length) ||
            translate(&h->slot_memory, h->slot_memory.size, VirtualAddress, &pa, &length);
    if (!found)
        scsi_violation(h, RULE_S075, "ScsiPortGetPhysicalAddress of %p, which is none of the port's (S-075)",
                       VirtualAddress);
    guard_copy(Length, &length, sizeof(length));
    return (SCSI_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)pa};
}

static void *
back(const struct dma_buffer *b, uint64_t size, uint64_t pa)
{
    return b->va && pa - b->pa < size ? (char *)b->va + (pa - b->pa) : NULL;
}

/* S-076 */
PVOID NTAPI
ScsiPortGetVirtualAddress(PVOID HwDeviceExtension, SCSI_PHYSICAL_ADDRESS PhysicalAddress)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);
    uint64_t pa = (uint64_t)PhysicalAddress.QuadPart;
    void *va = back(&h->uncached, h->uncached_size, pa);

    return va ? va : back(&h->extensions, h->extensions_size, pa);
}
