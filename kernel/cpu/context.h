/*
 * Thread switch: what is kept of a thread that does not run, and the exchange for another one.
 */
#pragma once

#define CONTEXT_STACK     0 /* offsets in struct context, for switch.S */
#define CONTEXT_FPU       8
#define CONTEXT_USER_WORK 16

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct user_context; /* kernel/cpu/user.h */
struct guard;        /* kernel/cpu/guard.h */

struct context {
    uintptr_t stack;    /* stack pointer; on the stack: RBP, RBX, R12..R15, return address */
    void *fpu;          /* area of fpu_area_size() bytes, 64-byte aligned; NULL: no FPU state is kept */
    uint32_t user_work; /* [a] not 0: there is something to do before the thread returns to ring 3 */
    struct user_context *user; /* [I] of a program's thread; NULL: a kernel thread */
    struct guard *guard;       /* the innermost call into a driver; NULL: none */
};
_Static_assert(offsetof(struct context, stack) == CONTEXT_STACK, "switch.S");
_Static_assert(offsetof(struct context, fpu) == CONTEXT_FPU, "switch.S");
_Static_assert(offsetof(struct context, user_work) == CONTEXT_USER_WORK, "syscall.S");

/*
 * Keep the running context in *from and go on with *to; returns when somebody switches to *from.
 * What is kept: the registers that a callee preserves (System V), and the whole FPU state. Not CR8, not the
 * interrupt flag, nothing of GS: both sides run at DISPATCH_LEVEL.
 * Set by fpu_init() to the variant for this kind of processor.
 */
extern void (*context_switch)(struct context *from, struct context *to);

/* A context that starts by calling run() (which does not return) on the stack with this top. */
void context_init(struct context *c, void *stack_top, void (*run)(void));

/* Ticks of the time stamp counter, inline for the switch. Any IRQL. */
static inline uint64_t
context_ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* The idle processor: interrupts on, sleep until one comes. IRQL: PASSIVE_LEVEL, interrupts on. */
static inline void
context_idle(void)
{
    __asm__ volatile("sti; hlt" ::: "memory");
}
#endif
