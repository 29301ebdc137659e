/*
 * From the boot loader to C. Comes in as Multiboot says: 32-bit protected mode, paging off, interrupts off,
 * EAX = magic, EBX = physical address of the boot information.
 *
 * Makes the first page tables: the first 4 GiB at 0 and at the direct map, the first 1 GiB at KERNEL_BASE,
 * all writable and executable, in pages of 2 MiB. kernel/mem replaces them; the other processors pass
 * through them on their way up (boot/smp.S).
 */
#include "kernel/cpu/layout.h"

    .section .boot.text, "ax"
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    movl %eax, %ebp                     /* kept until C: EBP magic, EBX information */

    movl $PHYS(bss_start), %edi
    movl $PHYS(bss_end), %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    xorl %eax, %eax
    rep stosl

    movl $PHYS(boot_stack_top), %esp

    pushl %ebx                          /* cpuid overwrites EBX */
    movl $0x80000000, %eax              /* long mode at all? */
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    popl %ebx
    btl $29, %edx
    jnc no_long_mode
    movl %edx, %esi                     /* bit 20: no-execute */

    /* PD 0..3: 2048 pages of 2 MiB, present, writable, large */
    movl $PHYS(boot_pd), %edi
    movl $0x83, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    /* PDPT: the four of them */
    movl $PHYS(boot_pdpt_low), %edi
    movl $PHYS(boot_pd) + 3, %eax
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 2b
    movl $PHYS(boot_pd) + 3, PHYS(boot_pdpt_high) + 510 * 8
    movl $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4)
    movl $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4) + DIRECT_MAP_SLOT * 8
    movl $PHYS(boot_pdpt_high) + 3, PHYS(boot_pml4) + 511 * 8

    movl %cr4, %eax
    orl $0x20, %eax                     /* PAE */
    movl %eax, %cr4
    movl $PHYS(boot_pml4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              /* EFER: long mode, and no-execute where there is one */
    rdmsr
    orl $0x100, %eax
    btl $20, %esi
    jnc 3f
    orl $0x800, %eax
3:  wrmsr
    movl %cr0, %eax
    orl $0x80010000, %eax               /* PG, WP */
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $0x08, $boot_long

no_long_mode:                           /* nothing is set up to say it with but the VGA text screen */
    movl $0xb8000, %edi
    movl $no_long_mode_text, %esi
4:  lodsb
    testb %al, %al
    jz 5f
    movb $0x4f, %ah
    stosw
    jmp 4b
5:  hlt
    jmp 5b

    .code64
boot_long:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movabsq $boot_high, %rax
    jmp *%rax

    .section .boot.data, "aw"
    .balign 8
    .globl boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff            /* 0x08: 64-bit code */
    .quad 0x00cf92000000ffff            /* 0x10: data */
    .quad 0x00cf9a000000ffff            /* 0x18: 32-bit code, for the other processors' way up */
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .long boot_gdt
    .long 0
no_long_mode_text:
    .asciz "Portolan needs a 64-bit processor (x86-64): this one has no long mode."

    .text
boot_high:
    movabsq $boot_stack_top, %rsp
    movl $0xc0000101, %ecx              /* GS base: this processor's block, before any C (stack protector) */
    movq $percpu_start, %rax
    movq %rax, percpu_start + PERCPU_SELF
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
    rdtsc                               /* the stack protector's guard: no C that returns has run yet */
    shlq $32, %rdx
    orq %rdx, %rax
    movabsq $0x9e3779b97f4a7c15, %rdx
    imulq %rdx, %rax
    xorb %al, %al                       /* a zero byte ends strings that run into it */
    movq %rax, percpu_start + PERCPU_CANARY
    movl %ebp, %edi
    movl %ebx, %esi
    xorl %ebp, %ebp
    call kernel_main
    ud2

    .bss
    .balign 4096
    .globl boot_pml4
boot_pml4:      .skip 4096
boot_pdpt_low:  .skip 4096
boot_pdpt_high: .skip 4096
boot_pd:        .skip 4 * 4096
    .globl boot_guard, boot_stack, boot_stack_top
boot_guard:     .skip 4096              /* kernel/mem unmaps it */
boot_stack:     .skip BOOT_STACK_SIZE
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
