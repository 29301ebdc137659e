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
        a->constant |= (uint64_t)next(b) << 8 * i;
    if (a->size == 8)
        a->constant = (uint64_t)(int64_t)(int32_t)a->constant;
}

struct prefixes {
    uint8_t rex, last; /* last: 0, or the one of 66, F2 and F3 that stands last */
};

/* Moves between memory and SSE registers, by the second byte (SDM vol. 2, table A-3): bytes with no prefix, 66, F3, F2. */
static const struct vector_move {
    uint8_t op, size[4];
    bool is_write;
} vector_moves[] = {
    {0x10, {16, 16, 4, 8}, false}, {0x11, {16, 16, 4, 8}, true}, {0x12, {8, 8, 16, 8}, false},
    {0x13, {8, 8, 0, 0}, true},    {0x16, {8, 8, 16, 0}, false}, {0x17, {8, 8, 0, 0}, true},
    {0x28, {16, 16, 0, 0}, false}, {0x29, {16, 16, 0, 0}, true}, {0x2b, {16, 16, 0, 0}, true},
    {0x6f, {8, 16, 16, 0}, false}, {0x7f, {8, 16, 16, 0}, true}, {0xd6, {0, 8, 0, 0}, true},
    {0xe7, {8, 16, 0, 0}, true},   {0xf0, {0, 0, 0, 16}, false},
};

/* One byte: does it change its operand in memory? Not CMP, TEST, MUL, CALL, PUSH and what has it as a source (appendix A.2, A.4). */
static bool
updates(uint8_t op, uint8_t modrm)
{
    unsigned extension = modrm >> 3 & 7;

    if (op < 0x40)
        return (op & 7) < 2 && (op & 0xfe) != 0x38;
    switch (op) {
    case 0x80:
    case 0x81:
    case 0x83:
        return extension != 7;
    case 0xf6:
    case 0xf7:
        return extension == 2 || extension == 3;
    case 0xfe:
    case 0xff:
        return extension < 2;
    default:
        return (op & 0xfe) == 0xc0 || (op & 0xfc) == 0xd0;
    }
}

/* Behind 0F: MOVZX, MOVSX, MOVNTI; moves of SSE; of what computes, the width alone: CMOV, SETcc; BT, BTS, BTR, BTC, SHLD, SHRD,
 * CMPXCHG, XADD, which change memory but for BT, bit scans and IMUL. */
static struct access
two_bytes(struct bytes *b, struct prefixes p, uint8_t wide)
{
    struct access a = {.size = 0};
    uint8_t op = next(b), modrm = next(b);
    unsigned column = p.last == 0x66 ? 1 : p.last == 0xf3 ? 2 : p.last == 0xf2 ? 3 : 0;

    if ((op & 0xf6) == 0xb6) { /* MOVZX, MOVSX */
        of_register(&a, modrm, p.rex ? p.rex : 0x40);
        a.size = op & 1 ? 2 : 1;
    } else if (op == 0xc3) { /* MOVNTI */
        a.is_write = true;
        a.size = wide;
        of_register(&a, modrm, p.rex);
    } else if (op == 0x6e || (op == 0x7e && p.last != 0xf3)) { /* MOVD, MOVQ of general width */
        a.is_write = op == 0x7e;
        a.size = p.rex & REX_W ? 8 : 4;
    } else if (op == 0x7e) {
        a.size = 8;
    } else if ((op & 0xf0) == 0x90) { /* SETcc */
        a.size = 1;
        a.is_write = true;
    } else if ((op & 0xf0) == 0x40) { /* CMOVcc */
        a.size = wide;
    } else if ((op & 0xe4) == 0xa0 || (op & 0xf0) == 0xb0 || op == 0xc0 || op == 0xc1) {
        bool is_bit = op == 0xba ? (modrm >> 3 & 7) > 4 : (op & 0xe7) == 0xa3 && op != 0xa3;

        a.size = op == 0xb0 || op == 0xc0 ? 1 : wide;
        a.is_update = a.is_write = is_bit || (op & 0xf6) == 0xa4 || (op & 0xfe) == 0xb0 || op >= 0xc0;
    }
    for (size_t i = 0; i < sizeof(vector_moves) / sizeof(vector_moves[0]); i++)
        if (vector_moves[i].op == op) {
            a.size = vector_moves[i].size[column];
            a.is_write = vector_moves[i].is_write;
        }
    return a;
}

struct access
access_decode(const uint8_t *code, size_t size)
{
    struct bytes b = {code, code + size};
    struct access a = {.size = 0};
    struct prefixes p = {0, 0};
    uint8_t op = next(&b), wide = 4, modrm;

    for (; op == 0x66 || op == 0xf0 || op == 0xf2 || op == 0xf3 || op == 0x65; op = next(&b)) {
        wide = op == 0x66 ? 2 : wide;
        p.last = op == 0xf0 || op == 0x65 ? p.last : op;
    }
    if ((op & 0xf0) == 0x40) {
        p.rex = op;
        op = next(&b);
        wide = p.rex & REX_W ? 8 : wide;
    }
    if (op == 0x0f)
        return two_bytes(&b, p, wide);
    modrm = next(&b);
    a.size = op & 1 ? wide : 1;
    switch (op) {
    case 0x86:
    case 0x87:
        a.is_exchange = a.is_write = true;
        of_register(&a, modrm, p.rex);
        break;
    case 0x88:
    case 0x89:
        a.is_write = true;
        of_register(&a, modrm, p.rex);
        break;
    case 0x63: /* MOVSXD */
        a.size = 4;
        of_register(&a, modrm, p.rex);
        break;
    case 0x8a:
    case 0x8b:
        of_register(&a, modrm, p.rex);
        break;
    case 0xa0: /* MOV of AL, EAX with an address of 64 bits; LODS */
    case 0xa1:
    case 0xac:
    case 0xad:
        a.has_value = true;
        break;
    case 0xa2: /* the same; STOS */
    case 0xa3:
    case 0xaa:
    case 0xab:
        a.is_write = a.has_value = true;
        break;
    case 0xa4: /* MOVS */
    case 0xa5:
        a.is_copy = true;
        break;
    case 0xc6:
    case 0xc7:
        a.is_write = true;
        of_constant(&a, &b, modrm);
        break;
    case 0xc4: /* VEX */
    case 0xc5:
        a.size = 0;
        break;
    default: /* arithmetic and tests: the width is right, of what it is not known */
        a.is_update = a.is_write = updates(op, modrm);
        break;
    }
    return a;
}
