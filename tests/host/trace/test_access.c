// What instructions move: encodings as gcc and the Intel manual have them.
// sources: kernel/trace/access.c
#include "kernel/trace/access.h"
#include "tests/host/check.h"

#define CODE(...) ((const uint8_t[15]){__VA_ARGS__})

static void
load(const uint8_t *code, unsigned size, unsigned reg)
{
    struct access a = access_decode(code, 15);

    CHECK_EQ(a.size, size);
    CHECK_EQ(a.reg, reg);
    CHECK(a.has_value && !a.is_write && !a.is_constant);
}

static void
store(const uint8_t *code, unsigned size, unsigned reg)
{
    struct access a = access_decode(code, 15);

    CHECK_EQ(a.size, size);
    CHECK_EQ(a.reg, reg);
    CHECK(a.has_value && a.is_write && !a.is_constant);
}

static void
constant(const uint8_t *code, unsigned size, uint32_t value)
{
    struct access a = access_decode(code, 15);

    CHECK_EQ(a.size, size);
    CHECK_EQ(a.constant, value);
    CHECK(a.has_value && a.is_write && a.is_constant);
}

int
main(void)
{
    struct access a;

    load(CODE(0x8b, 0x01), 4, 0);                                              /* mov eax, [rcx] */
    load(CODE(0x44, 0x8b, 0x4a, 0x10), 4, 9);                                  /* mov r9d, [rdx+16] */
    load(CODE(0x48, 0x8b, 0x04, 0xca), 8, 0);                                  /* mov rax, [rdx+rcx*8] */
    load(CODE(0x66, 0x8b, 0x11), 2, 2);                                        /* mov dx, [rcx] */
    load(CODE(0x8a, 0x09), 1, 1);                                              /* mov cl, [rcx] */
    load(CODE(0x0f, 0xb6, 0x01), 1, 0);                                        /* movzx eax, byte [rcx] */
    load(CODE(0x0f, 0xb7, 0x40, 0x02), 2, 0);                                  /* movzx eax, word [rax+2] */
    load(CODE(0x48, 0x0f, 0xbe, 0x31), 1, 6);                                  /* movsx rsi, byte [rcx] */
    store(CODE(0x89, 0x11), 4, 2);                                             /* mov [rcx], edx */
    store(CODE(0x44, 0x89, 0x84, 0x24, 0, 1, 0, 0), 4, 8);                     /* mov [rsp+256], r8d */
    store(CODE(0x40, 0x88, 0x30), 1, 6);                                       /* mov [rax], sil */
    store(CODE(0x88, 0x10), 1, 2);                                             /* mov [rax], dl */
    load(CODE(0x48, 0x63, 0x01), 4, 0);                                        /* movsxd rax, dword [rcx] */
    load(CODE(0x48, 0xad), 8, 0);                                              /* lodsq */
    load(CODE(0xa1, 0, 0, 0, 0), 4, 0);                                        /* mov eax, [...] */
    store(CODE(0xf3, 0xab), 4, 0);                                             /* rep stosd */
    store(CODE(0x0f, 0xc3, 0x11), 4, 2);                                       /* movnti [rcx], edx */
    constant(CODE(0xc7, 0x41, 0x04, 0x78, 0x56, 0x34, 0x12), 4, 0x12345678);   /* mov dword [rcx+4], ... */
    constant(CODE(0xc6, 0x05, 0, 0, 0, 0, 0x7f), 1, 0x7f);                     /* mov byte [rip], 127 */
    constant(CODE(0x66, 0xc7, 0x04, 0x25, 0, 0, 0, 0, 0x34, 0x12), 2, 0x1234); /* mov word [0], ... */
    constant(CODE(0xc7, 0x44, 0x24, 0x08, 1, 0, 0, 0), 4, 1);                  /* mov dword [rsp+8], 1 */

    a = access_decode(CODE(0x88, 0x20), 15); /* mov [rax], ah */
    CHECK(a.is_high && a.reg == 0 && a.size == 1);
    a = access_decode(CODE(0xf7, 0x01, 1, 0, 0, 0), 15); /* test dword [rcx], 1 */
    CHECK(a.size == 4 && !a.has_value && !a.is_write);
    a = access_decode(CODE(0x0f, 0x10, 0x01), 15); /* movups */
    CHECK(a.size == 16 && !a.has_value && !a.is_update);
    a = access_decode(CODE(0x0f, 0xba, 0x29, 3), 15); /* bts dword [rcx], 3 */
    CHECK(a.size == 4 && !a.has_value && a.is_update && a.is_write);
    a = access_decode(CODE(0x0f, 0xba, 0x21, 3), 15); /* bt dword [rcx], 3 */
    CHECK(a.size == 4 && !a.is_update && !a.is_write);
    a = access_decode(CODE(0x23, 0x01), 15); /* and eax, [rcx] */
    CHECK(a.size == 4 && !a.is_update && !a.is_write);
    a = access_decode(CODE(0x3b, 0x01), 15); /* cmp eax, [rcx] */
    CHECK(a.size == 4 && !a.is_update);
    a = access_decode(CODE(0x39, 0x01), 15); /* cmp [rcx], eax */
    CHECK(a.size == 4 && !a.is_update);
    a = access_decode(CODE(0x21, 0x01), 15); /* and [rcx], eax */
    CHECK(a.size == 4 && a.is_update);
    a = access_decode(CODE(0x0f, 0xc1, 0x01), 15); /* xadd [rcx], eax */
    CHECK(a.size == 4 && a.is_update);
    a = access_decode(CODE(0x0f, 0xbc, 0x01), 15); /* bsf eax, [rcx] */
    CHECK(a.size == 4 && !a.is_update);
    a = access_decode(CODE(0xf0, 0x83, 0x09, 1), 15); /* lock or dword [rcx], 1 */
    CHECK(a.size == 4 && !a.has_value && a.is_update);
    a = access_decode(CODE(0x87, 0x11), 15); /* xchg [rcx], edx */
    CHECK(a.size == 4 && a.has_value && a.is_write && a.is_exchange && a.reg == 2);
    a = access_decode(CODE(0xf3, 0xa5), 15); /* rep movsd */
    CHECK(a.size == 4 && a.is_copy && !a.has_value);
    a = access_decode(CODE(0x66, 0xa5), 15); /* movsw */
    CHECK(a.size == 2 && a.is_copy);
    a = access_decode(CODE(0x48, 0xc7, 0x01, 0xff, 0xff, 0xff, 0xff), 15); /* mov qword [rcx], -1 */
    CHECK(a.size == 8 && a.is_constant && a.constant == UINT64_MAX);
    a = access_decode(CODE(0xf3, 0x0f, 0x7f, 0x01), 15); /* movdqu [rcx], xmm0 */
    CHECK(a.size == 16 && a.is_write && !a.has_value);
    a = access_decode(CODE(0xf2, 0x0f, 0x10, 0x01), 15); /* movsd xmm0, [rcx] */
    CHECK(a.size == 8 && !a.is_write);
    a = access_decode(CODE(0x66, 0x0f, 0xd6, 0x01), 15); /* movq [rcx], xmm0 */
    CHECK(a.size == 8 && a.is_write);
    a = access_decode(CODE(0xc5, 0xf8, 0x10, 0x01), 15); /* vmovups */
    CHECK(!a.size && !a.has_value);
    a = access_decode(CODE(0x66), 1); /* cut off */
    CHECK(!a.has_value);
    return check_report();
}
