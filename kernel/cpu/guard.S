/*
 * uint64_t guard_enter(struct guard *g, const void *function, const uint64_t arguments[6]): the call itself, System V to
 * Microsoft x64. guard_landing: where a call that is given up goes on, RDI = g, RSP = g->stack; returns from
 * guard_enter() with 1 instead of 0.
 */
#include "kernel/cpu/guard.h"

#define MXCSR_DEFAULT 0x1f80

    .text
    .balign 16
    .globl guard_enter
guard_enter:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rdi, %rbx
    mov %rsp, GUARD_STACK(%rbx)
    stmxcsr GUARD_MXCSR(%rbx)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps %xmm\n, (GUARD_XMM + 16 * \n)(%rbx)
    .endr
    /* 32 bytes of home space, arguments 5 and 6, MXCSR; six pushes and this make RSP a multiple of 16 */
    sub $56, %rsp
    movl $MXCSR_DEFAULT, 48(%rsp)
    ldmxcsr 48(%rsp)
    mov %rsi, %rax
    mov %rdx, %r10
    mov 32(%r10), %r11
    mov %r11, 32(%rsp)
    mov 40(%r10), %r11
    mov %r11, 40(%rsp)
    mov (%r10), %rcx
    mov 8(%r10), %rdx
    mov 16(%r10), %r8
    mov 24(%r10), %r9
    call *%rax
    add $56, %rsp
    mov %rax, GUARD_RESULT(%rbx)
    cld
    xor %eax, %eax
1:  ldmxcsr GUARD_MXCSR(%rbx)
    .irp n, 0, 1, 2, 3, 4, 5
    movaps (GUARD_XMM + 16 * \n)(%rbx), %xmm\n
    .endr
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

    .globl guard_landing
guard_landing:
    mov %rdi, %rbx
    .irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps (GUARD_XMM + 16 * \n)(%rbx), %xmm\n
    .endr
    mov $1, %eax
    jmp 1b

/* NT's __guard_dispatch_icall: the target is in RAX. The check before a call: nothing is checked. */
    .globl guard_dispatch_icall
guard_dispatch_icall:
    jmp *%rax
    .globl guard_check_icall
guard_check_icall:
    ret

/* NT's __chkstk, called by compiled code for a frame of more than a page: RAX is its size; R10, R11 and flags alone are changed.
 * Each page of it is touched, so that a stack that is too small for it ends at its guard page and not behind. */
    .section .text.driver_leaf, "ax", @progbits
    .globl guard_frame
guard_frame:
    lea 8(%rsp), %r10
    mov %r10, %r11
    sub %rax, %r11
1:  sub $4096, %r10
    cmp %r11, %r10
    jb 2f
    testb $0, (%r10)
    jmp 1b
2:  testb $0, (%r11)
    ret

    .section .note.GNU-stack, "", @progbits
