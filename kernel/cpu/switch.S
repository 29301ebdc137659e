/*
 * The thread switch: void context_switch_*(struct context *from, struct context *to), see context.h.
 *
 * One variant for each way to keep the FPU state. XSAVE takes what XCR0 enables (EDX:EAX all ones); a context
 * without an area (an idle thread's) keeps none. RDI and RSI stay what they are until the stack is exchanged.
 */
#include "kernel/cpu/context.h"

    .text

.macro CONTEXT_SWITCH name, save, restore, mask
    .balign 16
    .globl \name
\name:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    .if \mask
    mov $-1, %eax
    mov %eax, %edx
    .endif
    mov CONTEXT_FPU(%rdi), %rcx
    test %rcx, %rcx
    jz 1f
    \save (%rcx)
1:  mov %rsp, CONTEXT_STACK(%rdi)
    mov CONTEXT_STACK(%rsi), %rsp
    mov CONTEXT_FPU(%rsi), %rcx
    test %rcx, %rcx
    jz 2f
    \restore (%rcx)
2:  pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
.endm

    CONTEXT_SWITCH context_switch_xsaveopt, xsaveopt64, xrstor64, 1
    CONTEXT_SWITCH context_switch_xsave, xsave64, xrstor64, 1
    CONTEXT_SWITCH context_switch_fxsave, fxsave64, fxrstor64, 0

    .section .note.GNU-stack, "", @progbits
