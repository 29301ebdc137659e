/*
 * Touching a program's memory. Every instruction that does is in the table .fixups: if its fault cannot be served,
 * execution goes on at the address beside it (kernel/cpu/user.c).
 *
 * smap_open, smap_close: STAC and CLAC where the processor has SMAP, else nothing.
 */
#include "kernel/cpu/user.h"
#include "lib/errno.h"

    .text

.macro SMAP instruction
    cmpb $0, user_smap(%rip)
    je 99f
    \instruction
99:
.endm

.macro FIXUP from, to
    .pushsection .fixups, "a"
    .quad \from, \to
    .popsection
.endm

/* int user_copy_raw(void *to, const void *from, size_t n): 0 or -EFAULT. The caller has checked the range. */
    .balign 16
    .globl user_copy_raw
user_copy_raw:
    SMAP stac
    mov %rdx, %rcx
    shr $3, %rcx
1:  rep movsq
    mov %edx, %ecx
    and $7, %ecx
2:  rep movsb
    SMAP clac
    xor %eax, %eax
    ret
    FIXUP 1b, user_fault_exit
    FIXUP 2b, user_fault_exit

/* int user_clear_raw(uintptr_t to, size_t n) */
    .balign 16
    .globl user_clear_raw
user_clear_raw:
    SMAP stac
    xor %eax, %eax
    mov %rsi, %rcx
    shr $3, %rcx
1:  rep stosq
    mov %esi, %ecx
    and $7, %ecx
2:  rep stosb
    SMAP clac
    xor %eax, %eax
    ret
    FIXUP 1b, user_fault_exit
    FIXUP 2b, user_fault_exit

/* long user_string_raw(char *to, const char *from, size_t size): length, size if there is no NUL, or -EFAULT. */
    .balign 16
    .globl user_string_raw
user_string_raw:
    SMAP stac
    xor %ecx, %ecx
1:  cmp %rdx, %rcx
    je 3f
2:  mov (%rsi,%rcx), %al
    mov %al, (%rdi,%rcx)
    test %al, %al
    je 3f
    inc %rcx
    jmp 1b
3:  SMAP clac
    mov %rcx, %rax
    ret
    FIXUP 2b, user_fault_exit

/* int user_load32_raw(uintptr_t from, uint32_t *value) */
    .balign 16
    .globl user_load32_raw
user_load32_raw:
    SMAP stac
1:  mov (%rdi), %ecx
    SMAP clac
    mov %ecx, (%rsi)
    xor %eax, %eax
    ret
    FIXUP 1b, user_fault_exit

/* int user_cmpxchg32_raw(uintptr_t at, uint32_t expected, uint32_t desired, uint32_t *was) */
    .balign 16
    .globl user_cmpxchg32_raw
user_cmpxchg32_raw:
    SMAP stac
    mov %rcx, %r8
    mov %esi, %eax
1:  lock cmpxchg %edx, (%rdi)
    SMAP clac
    mov %eax, (%r8)
    xor %eax, %eax
    ret
    FIXUP 1b, user_fault_exit

user_fault_exit:
    SMAP clac
    mov $-EFAULT, %rax
    ret

    .section .note.GNU-stack, "", @progbits
