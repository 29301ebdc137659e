/*
 * Unwinding by RUNTIME_FUNCTION and UNWIND_INFO.
 */
#include "drivers/loader/unwind.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"

#define FUNCTION_SIZE 12 /* begin, end, address of the information */
#define CHAIN_MAX     16

#define FLAG_CHAINED 4

enum {
    PUSH_NONVOLATILE,
    ALLOC_LARGE,
    ALLOC_SMALL,
    SET_FRAME,
    SAVE_NONVOLATILE,
    SAVE_NONVOLATILE_FAR,
    EPILOG,
    SPARE,
    SAVE_XMM,
    SAVE_XMM_FAR,
    PUSH_MACHINE_FRAME,
};

/* The entry of the function with this address, by bisection; NULL: a leaf. */
static const uint8_t *
find_function(const struct pe *pe, const uint8_t *image, uint32_t rva)
{
    uint32_t count = pe->directory[PE_EXCEPTIONS].size / FUNCTION_SIZE, low = 0, high = count;
    const uint8_t *table = pe_bytes(pe, image, pe->directory[PE_EXCEPTIONS].rva,
                                    (uint64_t)count * FUNCTION_SIZE);

    while (table && low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *f = table + (size_t)middle * FUNCTION_SIZE;

        if (rva < get_le32(f))
            high = middle;
        else if (rva >= get_le32(f + 4))
            low = middle + 1;
        else
            return f;
    }
    return NULL;
}

/* How many 16-bit slots a code takes with its operands. */
static unsigned
code_slots(unsigned operation, unsigned info)
{
    switch (operation) {
    case ALLOC_LARGE:
        return info ? 3 : 2;
    case SAVE_NONVOLATILE:
    case SAVE_XMM:
    case EPILOG:
        return 2;
    case SAVE_NONVOLATILE_FAR:
    case SAVE_XMM_FAR:
    case SPARE:
        return 3;
    default:
        return 1;
    }
}

struct state {
    struct unwind_frame *f;
    uint64_t frame; /* what saved registers are found from */
    bool machine;   /* RIP and RSP have been taken from an interrupt's frame */
    unwind_read *read;
    void *context;
};

static int
load(struct state *s, uint64_t at, uint64_t *to)
{
    return s->read(s->context, at, to) ? 0 : -EFAULT;
}

static int
machine_frame(struct state *s, unsigned info)
{
    uint64_t at = s->f->reg[UNWIND_RSP] + (info ? 8 : 0), rsp;
    int err = load(s, at, &s->f->rip);

    if (!err)
        err = load(s, at + 24, &rsp);
    if (!err)
        s->f->reg[UNWIND_RSP] = rsp;
    s->machine = true;
    return err;
}

/* Undo one code; p: its slot and operands. */
static int
undo(struct state *s, unsigned operation, unsigned info, const uint8_t *p, uint64_t set_frame_rsp)
{
    uint64_t *rsp = &s->f->reg[UNWIND_RSP];
    int err = 0;

    switch (operation) {
    case PUSH_NONVOLATILE:
        err = load(s, *rsp, &s->f->reg[info]);
        *rsp += 8;
        return err;
    case ALLOC_LARGE:
        *rsp += info ? get_le32(p + 2) : 8ull * get_le16(p + 2);
        return 0;
    case ALLOC_SMALL:
        *rsp += 8ull * info + 8;
        return 0;
    case SET_FRAME:
        *rsp = set_frame_rsp;
        return 0;
    case SAVE_NONVOLATILE:
        return load(s, s->frame + 8ull * get_le16(p + 2), &s->f->reg[info]);
    case SAVE_NONVOLATILE_FAR:
        return load(s, s->frame + get_le32(p + 2), &s->f->reg[info]);
    case PUSH_MACHINE_FRAME:
        return machine_frame(s, info);
    default:
        return operation <= SAVE_XMM_FAR ? 0 : -EINVAL;
    }
}

/* All codes of one UNWIND_INFO whose instruction has run. offset: of RIP in the function; UINT32_MAX: all have. */
static int
undo_codes(const struct pe *pe, const uint8_t *image, const uint8_t *u, uint32_t rva, uint32_t offset,
           struct state *s)
{
    unsigned count = u[2], reg = u[3] & 15, slots;
    uint64_t frame_base = reg ? s->f->reg[reg] - 16ull * (u[3] >> 4) : 0;
    int err = 0;

    if (!pe_bytes(pe, image, rva, 4 + 2ull * count))
        return -EINVAL;
    s->frame = reg ? frame_base : s->f->reg[UNWIND_RSP];
    for (unsigned i = 0; i < count && !err; i += slots) {
        const uint8_t *p = u + 4 + 2 * i;

        slots = code_slots(p[1] & 15, p[1] >> 4);
        if (i + slots > count)
            return -EINVAL;
        if (p[0] <= offset)
            err = undo(s, p[1] & 15, p[1] >> 4, p, frame_base);
    }
    return err;
}

int
unwind_step(const struct pe *pe, const uint8_t *image, uint64_t base, struct unwind_frame *f,
            unwind_read *read, void *context)
{
    struct state s = {.f = f, .read = read, .context = context};
    uint32_t rva = (uint32_t)(f->rip - base);
    const uint8_t *function = find_function(pe, image, rva);
    uint32_t offset = function ? rva - get_le32(function) : 0;
    int err = 0;

    for (unsigned chain = 0; function && !err; chain++) {
        uint32_t info = get_le32(function + 8);
        const uint8_t *u = pe_bytes(pe, image, info, 4);

        if (!u || chain == CHAIN_MAX || (u[0] & 7) > 2)
            return -EINVAL;
        err = undo_codes(pe, image, u, info, offset, &s);
        if (!(u[0] >> 3 & FLAG_CHAINED))
            break;
        function = pe_bytes(pe, image, info + 4 + 2ull * ALIGN_UP((uint32_t)u[2], 2u), FUNCTION_SIZE);
        if (!function)
            return -EINVAL;
        offset = UINT32_MAX;
    }
    if (err || s.machine)
        return err;
    err = load(&s, f->reg[UNWIND_RSP], &f->rip);
    f->reg[UNWIND_RSP] += 8;
    return err;
}
