/*
 * Registers touched without the port's routines, in each way that compilers have: for QEMU's educational device, whose register 4
 * answers with the complement of what was written. tests/system/test_iotrace.py builds it into a template.
 */
#include "ntddk.h"

void registers_touch(volatile UCHAR *r);

/* Each operand is kept in memory so that no instruction but those that stand here touches a register of the device. */
void
registers_touch(volatile UCHAR *r)
{
    static ULONG from[4] = {0x11, 0x22, 0x33, 0x44}, to[4];
    void *rdi = (void *)(r + 0x300), *rsi = from;
    ULONG_PTR rcx = 4, value = 0xabcdef01;

    __asm__ volatile("movl $0x12345678, 4(%1)\n\tmovl 4(%1), %k0\n\tmovl $0xf, 4(%1)"
                     : "=&r"(value)
                     : "r"(r)
                     : "memory");
    __asm__ volatile("movb $0x11, 0x200(%0)\n\tmovw $0x2222, 0x202(%0)\n\tmovq $-2, 0x208(%0)"
                     :
                     : "r"(r)
                     : "memory");
    __asm__ volatile("movb 0x210(%1), %b0\n\tmovzwl 0x212(%1), %k0\n\tmovq 0x218(%1), %0"
                     : "=&q"(value)
                     : "r"(r)
                     : "memory");
    value = 0xabcdef01;
    __asm__ volatile("movnti %k0, 0x220(%1)\n\txchg %k0, 4(%1)" : "+r"(value) : "r"(r) : "memory");
    __asm__ volatile("lock orl $1, 0x230(%0)\n\ttestl $1, 0(%0)" : : "r"(r) : "memory", "cc");
    __asm__ volatile("rep movsl" : "+D"(rdi), "+S"(rsi), "+c"(rcx) : : "memory");
    rdi = (void *)(r + 0x320), rcx = 2;
    __asm__ volatile("rep stosw" : "+D"(rdi), "+c"(rcx) : "a"(0xbeef) : "memory");
    rdi = to, rsi = (void *)r, rcx = 2;
    __asm__ volatile("rep movsl" : "+D"(rdi), "+S"(rsi), "+c"(rcx) : : "memory");
    rsi = (void *)r;
    __asm__ volatile("lodsl" : "+S"(rsi), "=a"(value) : : "memory");
    __asm__ volatile("movdqu 0x340(%0), %%xmm0\n\tmovups %%xmm0, 0x340(%0)" : : "r"(r) : "memory", "xmm0");
    rdi = (void *)(r + 0x2000), rsi = (void *)r; /* from a page of registers to another */
    __asm__ volatile("movsl" : "+D"(rdi), "+S"(rsi) : : "memory");
    __asm__ volatile("movl 0xffe(%1), %k0" : "=r"(value) : "r"(r) : "memory"); /* in two pages */
}
