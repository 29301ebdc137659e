/*
 * Where the data of an IRB is, for the processor and for the device.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "lib/string.h"

/* Pieces of memory, merged where they follow one another. Returns: false: the device cannot reach it so. */
static bool
sg_build(const struct ata_channel *ch, const struct request_data *d, IDE_SCATTER_GATHER_LIST *sg)
{
    const struct ata_controller *c = ch->controller;
    uint32_t mask = c->alignment_mask, n = 0, run;
    struct data_cursor at = {0};
    uint64_t pa, end = 0, max = c->adapter->dma.max_address ? c->adapter->dma.max_address : UINT64_MAX;

    while (at.offset < d->size && (run = data_next(d, &at, &pa)) != 0) {
        if (n && end == pa) {
            sg->Elements[n - 1].Length += run;
        } else if (n == c->sg_max || pa & mask) {
            return false;
        } else {
            sg->Elements[n].Address.QuadPart = (LONGLONG)pa;
            sg->Elements[n].Length = run;
            sg->Elements[n++].Reserved = 0;
        }
        end = pa + run;
        if (end - 1 > max)
            return false;
    }
    sg->NumberOfElements = n;
    return at.offset == d->size;
}

/* The data as it is. Returns: false: not within what the miniport said that its device can do. */
static bool
map_direct(const struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s)
{
    void *va = data_va(&a->data);

    if (a->must_bounce || (((uintptr_t)va | (a->data.size & 1)) & ch->controller->alignment_mask))
        return false; /* also half of the last word, where a device moves words */
    s->is_mapped = va != NULL;
    s->base = va ? va : phys_to_virt(a->data.piece[0].pa);
    return a->flags & IRB_FLAGS_USE_DMA ? sg_build(ch, &a->data, &s->sg) : s->is_mapped;
}

/* What a device may fill that moves words. */
static uint32_t
data_room(const struct ata_channel *ch, const struct ata_request *a)
{
    return a->data.size + (a->data.size & ch->controller->alignment_mask & 1);
}

/* Through a buffer of the bus's (struct bounce_pool). */
static enum data_mapping
map_bounced(struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s)
{
    uint32_t room = data_room(ch, a);
    enum data_mapping mapping = bounce_begin(ch->bus, &a->data, room, a->flags & IRB_FLAGS_DATA_OUT,
                                             &s->bounce);
    const struct dma_buffer *b;

    if (mapping != DATA_MAPPED)
        return mapping;
    b = &ch->bus->bounce.buffer[s->bounce];
    s->base = b->va;
    s->is_mapped = true;
    s->sg.NumberOfElements = a->flags & IRB_FLAGS_USE_DMA ? 1 : 0;
    s->sg.Elements[0] = (IDE_SCATTER_GATHER_ELEMENT){.Address.QuadPart = (LONGLONG)b->pa, .Length = room};
    return DATA_MAPPED;
}

enum data_mapping
ata_data_map(struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s)
{
    s->bounce = -1;
    s->base = NULL;
    s->sg.NumberOfElements = 0;
    if (!a->data.size || map_direct(ch, a, s))
        return DATA_MAPPED;
    return map_bounced(ch, a, s);
}

void
ata_data_unmap(struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s, uint32_t transferred)
{
    if (!bounce_end(ch->bus, &a->data, data_room(ch, a), a->flags & IRB_FLAGS_DATA_IN ? transferred : 0,
                    &s->bounce))
        ata_violation(ch->controller, RULE_CANARY,
                      "target %u: written behind a request's %u bytes (check 19)", a->r.unit->target,
                      a->data.size);
}

uint32_t
ata_bounce_reserve(struct ata_channel *ch, bool is_pio, uint32_t most)
{
    const struct ata_controller *c = ch->controller;
    bool often = is_pio || (!c->dma64 && mem_overlaps(ATA_LOW_MEMORY, UINT64_MAX - ATA_LOW_MEMORY)) ||
                 c->alignment_mask > 1;

    return bounce_reserve(ch->bus, often, most);
}

/* */
PIDE_SCATTER_GATHER_LIST NTAPI
AtaPortGetScatterGatherList(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    int n = ch ? ata_slot_of(ch, Irb) : -1;

    if (n < 0 || !bus_slot_is_out(ch->bus, (uint32_t)n)) {
        ata_violation(ata_controller_of(ChannelExtension), RULE_A080,
                      "asked for the list of %p, which is no request that it has (A-080)", (void *)Irb);
        return NULL;
    }
    if (!ata_slot(ch, (uint32_t)n)->sg.NumberOfElements)
        return NULL;
    return &ata_slot(ch, (uint32_t)n)->sg;
}

static bool
translate(const struct dma_buffer *b, uint32_t size, const void *va, IDE_PHYSICAL_ADDRESS *pa, ULONG *length)
{
    uint64_t offset = (uint64_t)((uintptr_t)va - (uintptr_t)b->va), address = b->pa + offset;

    if (!b->va || offset >= size)
        return false;
    pa->QuadPart = (LONGLONG)address;
    *length = (ULONG)(size - offset);
    return true;
}

/* A place in the data of an IRB that is out. */
static bool
translate_data(struct ata_channel *ch, const IDE_REQUEST_BLOCK *irb, const void *va, IDE_PHYSICAL_ADDRESS *pa,
               ULONG *length)
{
    int n = ata_slot_of(ch, irb);
    const struct ata_request *a;
    const struct ata_slot *s;
    struct data_cursor at = {0};
    uint64_t offset, start;
    uint32_t run;

    if (n < 0 || !bus_slot_is_out(ch->bus, (uint32_t)n))
        return false;
    s = ata_slot(ch, (uint32_t)n);
    a = container_of(ch->bus->slots[n].request, struct ata_request, r);
    offset = (uint64_t)((uintptr_t)va - (uintptr_t)s->base);
    if (!s->base || offset >= a->data.size)
        return false;
    if (s->bounce >= 0)
        return translate(&ch->bus->bounce.buffer[s->bounce], a->data.size, va, pa, length);
    do {
        run = data_next(&a->data, &at, &start);
    } while (run && at.offset <= offset);
    start += offset - (at.offset - run);
    pa->QuadPart = (LONGLONG)start;
    *length = (ULONG)(at.offset - offset);
    return run != 0;
}

/* a look-up, at any IRQL */
IDE_PHYSICAL_ADDRESS NTAPI
AtaPortGetPhysicalAddress(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb, PVOID VirtualAddress, ULONG *Length)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    IDE_PHYSICAL_ADDRESS pa = {.QuadPart = 0};
    ULONG length = 0;
    bool found = false;

    if (ch) {
        found = translate(&ch->uncached, ch->uncached_size, VirtualAddress, &pa, &length) ||
                translate(&ch->irb_extensions, ch->irb_pool_size, VirtualAddress, &pa, &length);
        for (unsigned t = 0; t < ATA_TARGETS_MAX && !found; t++)
            found = ch->unit[t] &&
                    translate(&ch->unit[t]->sense_data, ATA_SENSE_SIZE, VirtualAddress, &pa, &length);
        if (!found && Irb)
            found = translate_data(ch, Irb, VirtualAddress, &pa, &length);
    }
    if (!found)
        ata_violation(ata_controller_of(ChannelExtension), RULE_ADDRESS,
                      "AtaPortGetPhysicalAddress of %p, which is none of the port's (A-065)", VirtualAddress);
    if (Length)
        guard_copy(Length, &length, sizeof(length));
    return pa;
}
