/*
 * What lies on a program's stack while its signal handler runs: Linux's struct rt_sigframe for x86-64.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "kernel/sched/signal.h"

/* asm/sigcontext.h */
struct sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, cr2;
    uint64_t fpu; /* address of the FPU state; 0: none */
    uint64_t reserved[8];
};
_Static_assert(sizeof(struct sigcontext) == 256, "struct sigcontext");
_Static_assert(offsetof(struct sigcontext, cs) == 144, "struct sigcontext");
_Static_assert(offsetof(struct sigcontext, fpu) == 184, "struct sigcontext");

/* stack_t */
struct sigstack {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};
_Static_assert(sizeof(struct sigstack) == 24, "stack_t");
#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#define SS_AUTODISARM 0x80000000u
#define SIGSTACK_MIN  2048u /* MINSIGSTKSZ */

/* asm/ucontext.h */
struct ucontext {
    uint64_t flags, link;
    struct sigstack stack;
    struct sigcontext context;
    uint64_t mask;
};
_Static_assert(offsetof(struct ucontext, context) == 40, "struct ucontext");
_Static_assert(offsetof(struct ucontext, mask) == 296, "struct ucontext");
#define UC_SIGCONTEXT_SS     2u
#define UC_STRICT_RESTORE_SS 4u

struct sigframe {
    uint64_t return_address; /* the restorer, which calls rt_sigreturn */
    struct ucontext context;
    struct signal_info info;
};
_Static_assert(offsetof(struct sigframe, context) == 8, "struct rt_sigframe");
_Static_assert(offsetof(struct sigframe, info) == 312, "struct rt_sigframe");
_Static_assert(sizeof(struct sigframe) == 440, "struct rt_sigframe");

struct trap_frame;

/* Bytes of stack that a handler's frame takes at most, with the FPU state and the red zone. */
size_t sigframe_size(void);

/*
 * Have the running task enter the handler when it leaves the kernel. mask: to come back when the handler returns.
 * Returns: 0, or -EFAULT: there is no room on the stack
 */
int sigframe_push(struct trap_frame *f, const struct signal_action *a, const struct signal_info *info,
                  uint64_t mask);

/* The handler has returned: everything as it was before, or as the handler has changed it. Returns 0 or -EFAULT. */
int sigframe_pop(struct trap_frame *f);

/* The running task's alternate stack, as sigaltstack(2) shows it at this stack pointer. */
void sigstack_get(struct sigstack *s, uintptr_t sp);
/* Returns: 0; -EINVAL (flags); -ENOMEM (too small); -EPERM (it runs on it) */
int sigstack_set(const struct sigstack *s, uintptr_t sp);
