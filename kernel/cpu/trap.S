/*
 * Entry and exit of exceptions and interrupts. One stub of 16 bytes a vector pushes what the processor did not
 * (error code) and the vector; the common parts build struct trap_frame (trap.h).
 *
 * The kernel is compiled without SSE, drivers are not: an interrupt saves the XMM registers that a driver's
 * handler may change (xmm0..5 and MXCSR: volatile in the Microsoft x64 convention).
 */
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/trap.h"

#define FIRST_INTERRUPT 32
#define XMM_AREA        (6 * 16 + 16)

    .text
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    /* Double fault, 10..14, 17, 21, 29, 30 bring an error code (SDM vol. 3A, table 6-1). */
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    push $0
    .endif
    push $vector
    .if vector == 1 || vector == 2 || vector == 8 || vector == 18
    jmp paranoid_entry
    .elseif vector < FIRST_INTERRUPT
    jmp exception_entry
    .else
    jmp interrupt_entry
    .endif
    .set vector, vector + 1
    .endr

.macro SAVE_REGISTERS
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    cld
.endm

.macro RESTORE_REGISTERS_AND_RETURN
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq
.endm

/* On entry, right behind the stub: GS is the kernel's, and what ring 3 had in AC opens nothing (SMAP). */
.macro ENTER_KERNEL
    testb $3, 24(%rsp)
    jz 98f
    swapgs
98: SMAP_CLOSE
.endm

.macro SMAP_CLOSE
    cmpb $0, user_smap(%rip)
    je 99f
    clac
99:
.endm

exception_entry:
    ENTER_KERNEL
    SAVE_REGISTERS
    mov %rsp, %rdi
    call trap_exception
trap_return:
    testb $3, FRAME_CS(%rsp)
    jnz user_return
    RESTORE_REGISTERS_AND_RETURN

/*
 * Exceptions that can come between the first instruction of the kernel and its SWAPGS, or its last SWAPGS and its last
 * instruction; on stacks of their own (IST). There the base of GS itself tells whose it is: the kernel's is negative.
 */
paranoid_entry:
    SAVE_REGISTERS
    SMAP_CLOSE
    testb $3, FRAME_CS(%rsp)
    jnz 3f
    xor %ebx, %ebx
    mov $0xc0000101, %ecx /* IA32_GS_BASE */
    rdmsr
    test %edx, %edx
    js 1f
    swapgs
    inc %ebx
1:  mov %rsp, %rdi
    call trap_exception
    test %ebx, %ebx
    jz 2f
    swapgs
2:  RESTORE_REGISTERS_AND_RETURN

3:  swapgs
    cmpq $1, FRAME_VECTOR(%rsp)
    jne 4f
    /* A debug exception of a program: on the thread's own stack, where one may wait. */
    mov %rsp, %rsi
    mov %gs:PERCPU_KERNEL_STACK, %rdi
    sub $FRAME_SIZE, %rdi
    mov %rdi, %rsp
    mov $(FRAME_SIZE / 8), %ecx
    rep movsq
    mov %rsp, %rdi
    call trap_exception
    jmp user_return
4:  mov %rsp, %rdi
    call trap_exception
    cli
    swapgs
    RESTORE_REGISTERS_AND_RETURN

interrupt_entry:
    ENTER_KERNEL
    SAVE_REGISTERS
    mov %rsp, %rdi
    sub $XMM_AREA, %rsp
    movaps %xmm0, 0x00(%rsp)
    movaps %xmm1, 0x10(%rsp)
    movaps %xmm2, 0x20(%rsp)
    movaps %xmm3, 0x30(%rsp)
    movaps %xmm4, 0x40(%rsp)
    movaps %xmm5, 0x50(%rsp)
    stmxcsr 0x60(%rsp)
    call irq_dispatch
    movaps 0x00(%rsp), %xmm0
    movaps 0x10(%rsp), %xmm1
    movaps 0x20(%rsp), %xmm2
    movaps 0x30(%rsp), %xmm3
    movaps 0x40(%rsp), %xmm4
    movaps 0x50(%rsp), %xmm5
    ldmxcsr 0x60(%rsp)
    add $XMM_AREA, %rsp
    jmp trap_return

    .section .note.GNU-stack, "", @progbits
