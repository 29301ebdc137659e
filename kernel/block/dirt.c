#include "kernel/block/dirt.h"
#include "lib/errno.h"

#define KIND(mask, kind) ((uint8_t)((mask) >> (8 * (kind))))
#define BITS(mask, kind) ((uint64_t)(mask) << (8 * (kind)))
#define MASKS            UINT64_C(0xffffffff)
#define TOKEN_SHIFT      32

/* Of a stage. */
static const uint64_t stage_masks[] = {[STAGE_DATA] = BITS(0xff, DIRT_DATA) | BITS(0xff, DIRT_FRESH),
                                       [STAGE_TABLE] = BITS(0xff, DIRT_TABLE),
                                       [STAGE_ENTRY] = BITS(0xff, DIRT_ENTRY)};

int
dirt_add(struct dirt *d, uint64_t block, uint32_t token, uint8_t sectors, enum dirt_kind kind)
{
    uint64_t was = pages_find(&d->blocks, block), now = was ? was : (uint64_t)token << TOKEN_SHIFT;

    if (kind == DIRT_ENTRY)
        sectors &= (uint8_t)~KIND(was, DIRT_DATA);
    now |= BITS(sectors, kind);
    if (was) {
        pages_set(&d->blocks, block, now);
        return 0;
    }
    if (!(now & MASKS))
        return 0;
    return pages_add(&d->blocks, block, now) ? -ENOMEM : 1;
}

/* The sectors of a block that a stage writes, those from `first` on. */
static uint8_t
wanted(uint64_t value, enum dirt_stage stage, unsigned first)
{
    uint8_t mask;

    switch (stage) {
    case STAGE_DATA:
        mask = KIND(value, DIRT_DATA) | KIND(value, DIRT_FRESH);
        break;
    case STAGE_TABLE:
        mask = KIND(value, DIRT_TABLE);
        break;
    default:
        mask = KIND(value, DIRT_ENTRY);
        break;
    }
    return (uint8_t)(mask >> first << first);
}

bool
dirt_next(const struct dirt *d, enum dirt_stage stage, uint64_t *sector, struct dirt_run *r)
{
    uint64_t block = *sector / DIRT_SECTORS, first = block, value;
    unsigned at = (unsigned)(*sector % DIRT_SECTORS), behind;
    uint8_t mask = 0, zeros;

    while ((value = pages_next(&d->blocks, &block)) != 0) {
        mask = wanted(value, stage, block == first ? at : 0);
        if (mask)
            break;
        block++;
    }
    if (!value)
        return false;
    zeros = stage == STAGE_DATA ? KIND(value, DIRT_FRESH) & KIND(value, DIRT_ENTRY) : 0;
    at = (unsigned)__builtin_ctz(mask);
    for (behind = at;
         behind < DIRT_SECTORS && mask >> behind & 1 && (zeros >> behind & 1) == (zeros >> at & 1);)
        behind++;
    *r = (struct dirt_run){.sector = block * DIRT_SECTORS + at,
                           .count = behind - at,
                           .token = (uint32_t)(value >> TOKEN_SHIFT),
                           .zeros = zeros >> at & 1};
    *sector = block * DIRT_SECTORS + behind;
    return true;
}

bool
dirt_written(struct dirt *d, enum dirt_stage stage, uint64_t *block, uint32_t *token, bool *is_clean)
{
    uint64_t value = pages_next(&d->blocks, block), left;

    if (!value)
        return false;
    left = value & ~stage_masks[stage];
    *token = (uint32_t)(value >> TOKEN_SHIFT);
    *is_clean = !(left & MASKS);
    if (*is_clean)
        (void)pages_remove(&d->blocks, *block);
    else
        pages_set(&d->blocks, *block, left);
    ++*block;
    return true;
}

bool
dirt_forget(struct dirt *d, uint32_t *token)
{
    uint64_t value = pages_take_from(&d->blocks, 0);

    *token = (uint32_t)(value >> TOKEN_SHIFT);
    return value != 0;
}
