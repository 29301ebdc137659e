/*
 * The way up of the other processors. STARTUP sets one going in real mode, at the start of the page that
 * smp_trampoline was copied to, with all registers as INIT left them and nothing said but CS.
 *
 * Real mode here, protected mode in .boot (which runs at its physical address), long mode on boot_pml4, which maps
 * .boot and the image; then the page tables that the kernel runs on, this processor's block and its stack.
 */
#include "kernel/cpu/layout.h"

#define HANDOVER_CR3   0                /* struct handover of kernel/cpu/smp_start.c */
#define HANDOVER_EFER  8
#define HANDOVER_STACK 16
#define HANDOVER_BLOCK 24

    .section .rodata
    .code16
    .balign 16
    .globl smp_trampoline, smp_trampoline_end
smp_trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt - smp_trampoline
    movl %cr0, %eax
    orl $1, %eax                        /* PE */
    movl %eax, %cr0
    ljmpl $0x18, $smp_protected
    .balign 4
trampoline_gdt:
    .short 4 * 8 - 1
    .long boot_gdt
smp_trampoline_end:

    .section .boot.text, "ax"
    .code32
smp_protected:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x20, %eax                    /* PAE */
    movl %eax, %cr4
    movl $PHYS(boot_pml4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              /* EFER as on the boot processor */
    movl smp_handover + HANDOVER_EFER, %eax
    xorl %edx, %edx
    wrmsr
    movl $0x80010011, %eax              /* PG, WP, ET, PE; and caches on, which INIT may have left off */
    movl %eax, %cr0
    ljmp $0x08, $smp_long

    .code64
smp_long:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movq smp_handover + HANDOVER_CR3, %rdi
    movq smp_handover + HANDOVER_STACK, %rsi
    movq smp_handover + HANDOVER_BLOCK, %rax
    movabsq $smp_high, %rdx
    jmp *%rdx

    .section .boot.data, "aw"
    .balign 8
    .globl smp_handover
smp_handover:
    .skip 4 * 8

    .text
smp_high:
    movq %rdi, %cr3                     /* the low half is gone from here on */
    movq %rsi, %rsp
    movl $0xc0000101, %ecx              /* GS base, before any C (stack protector) */
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
    xorl %ebp, %ebp
    call secondary_main
    ud2

    .section .note.GNU-stack, "", @progbits
