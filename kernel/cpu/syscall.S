/*
 * The door between ring 3 and the kernel: SYSCALL in, and the ways out. Interrupts and exceptions come in through
 * trap.S and leave through user_return.
 *
 * SYSCALL (SDM vol. 2B): RCX = RIP, R11 = RFLAGS; RSP is still the program's, GS is the program's, interrupts are off
 * (FMASK). All of struct trap_frame is built, so that fork, signals and exec find the program's registers.
 */
#include "kernel/cpu/context.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/segments.h"
#include "kernel/cpu/trap.h"
#include "kernel/cpu/user.h"

    .text
    .balign 16
    .globl syscall_entry
syscall_entry:
    swapgs
    mov %rsp, %gs:PERCPU_USER_STACK
    mov %gs:PERCPU_KERNEL_STACK, %rsp
    push $USER_DS
    push %gs:PERCPU_USER_STACK
    push %r11
    push $USER_CS
    push %rcx
    push %rax
    push $TRAP_SYSCALL
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
    xor %ebp, %ebp
    sti
    cmp user_vectors+USER_VECTORS_COUNT(%rip), %rax
    jae 4f
    incq %gs:PERCPU_SYSCALLS(,%rax,8)
    mov %r10, %rcx
    mov user_vectors+USER_VECTORS_CALLS(%rip), %r10
    call *(%r10,%rax,8)
1:  cli
    mov %gs:PERCPU_THREAD, %rcx
    cmpl $0, CONTEXT_USER_WORK(%rcx)
    jne 5f
    cmpl $TRAP_SYSCALL, FRAME_VECTOR(%rsp) /* exec and sigreturn have put in other registers: IRET */
    jne 5f
    add $(7 * 8), %rsp /* r15..r12, rbx: C has kept them; r11 comes below */
    mov -3 * 8(%rsp), %rbp
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    mov 0x20(%rsp), %rcx /* behind rcx, rax, vector and error code: rip, cs, rflags, rsp */
    mov 0x30(%rsp), %r11
    mov 0x38(%rsp), %rsp
    swapgs
    sysretq

4:  mov %rax, %rdi
    call *user_vectors+USER_VECTORS_UNKNOWN(%rip)
    jmp 1b

5:  mov %rax, FRAME_RAX(%rsp)
    jmp user_return

/* RSP: a frame of ring 3 at the top of the thread's stack. Whatever there is to do first, then IRET. */
    .balign 16
    .globl user_return
user_return:
    cli
    mov %rsp, %rdi
    call user_door
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
    swapgs
    iretq

/* void user_enter_at(struct trap_frame *f): leave through a frame that lies at the top of the stack. */
    .globl user_enter_at
user_enter_at:
    mov %rdi, %rsp
    jmp user_return

    .section .note.GNU-stack, "", @progbits
