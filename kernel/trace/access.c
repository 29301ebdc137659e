#include "kernel/trace/access.h"

#define REX_W 8
#define REX_R 4

struct bytes {
    const uint8_t *at, *end;
};

static uint8_t
next(struct bytes *b)
{
    return b->at < b->end ? *b->at++ : 0;
}

/* Bytes of a ModRM byte's address: SIB and displacement (SDM vol. 2A, table 2-2). */
static void
address_skip(struct bytes *b, uint8_t modrm)
{
    unsigned mod = modrm >> 6, rm = modrm & 7,
             displacement = mod == 1                            ? 1
                            : mod == 2 || (mod == 0 && rm == 5) ? 4
                                                                : 0;

    if (rm == 4 && (next(b) & 7) == 5 && mod == 0)
        displacement = 4;
    while (displacement--)
        (void)next(b);
}

static void
of_register(struct access *a, uint8_t modrm, uint8_t rex)
{
    a->has_value = true;
    a->reg = (uint8_t)((modrm >> 3 & 7) | (rex & REX_R ? 8 : 0));
    if (a->size == 1 && !rex && a->reg >= 4) { /* AH, CH, DH, BH */
        a->reg -= 4;
        a->is_high = true;
    }
}

/* C6, C7: an immediate value, of at most 32 bits, behind the address. */
static void
of_constant(struct access *a, struct bytes *b, uint8_t modrm)
{
    unsigned bytes = a->size > 4 ? 4 : a->size;

    address_skip(b, modrm);
    a->has_value = a->is_constant = true;
    for (unsigned i = 0; i < bytes; i++)
        a->constant |= (uint32_t)next(b) << 8 * i;
}

struct access
access_decode(const uint8_t *code, size_t size)
{
    struct bytes b = {code, code + size};
    struct access a = {.size = 0};
    uint8_t rex = 0, op = next(&b), wide = 4, modrm;

    for (; op == 0x66 || op == 0xf2 || op == 0xf3 || op == 0x65; op = next(&b))
        wide = op == 0x66 ? 2 : wide;
    if ((op & 0xf0) == 0x40) {
        rex = op;
        op = next(&b);
        wide = rex & REX_W ? 8 : wide;
    }
    if (op == 0x0f) {
        op = next(&b);
        if ((op & 0xf6) != 0xb6) /* MOVZX, MOVSX */
            return a;
        modrm = next(&b);
        of_register(&a, modrm, rex ? rex : 0x40);
        a.size = op & 1 ? 2 : 1;
        return a;
    }
    modrm = next(&b);
    a.size = op & 1 ? wide : 1;
    switch (op) {
    case 0x88:
    case 0x89:
        a.is_write = true;
        of_register(&a, modrm, rex);
        break;
    case 0x8a:
    case 0x8b:
        of_register(&a, modrm, rex);
        break;
    case 0xc6:
    case 0xc7:
        a.is_write = true;
        of_constant(&a, &b, modrm);
        break;
    default: /* arithmetic and tests, string moves: the width is right, of what it is not known */
        break;
    }
    return a;
}
