/*
 * What belongs to one processor, reached through GS.
 *
 * Every processor has one block of this layout: struct percpu_head, then the variables that the files of the
 * kernel declare with PERCPU(). The head keeps NT's offsets where compiled drivers read it inline (KPCR and
 * KPRCB of x86-64). The blocks start as zeros. The boot processor's is part of the image.
 *
 * A pointer to this processor's variable stays this processor's only as long as the caller cannot be moved:
 * at IRQL >= DISPATCH_LEVEL, or with interrupts off.
 */
#pragma once

#define PERCPU_THREAD       0x188 /* offsets in struct percpu_head, for assembly */
#define PERCPU_USER_STACK   0x208
#define PERCPU_KERNEL_STACK 0x210
#define PERCPU_SYSCALLS     0x220

#define SYSCALL_MAX 512 /* numbers of system calls that are counted */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct thread;

/* clang-format off */
struct percpu_head {
    uint8_t            nt_tib[0x18];
    struct percpu_head *self;            /* 0x18  KPCR.Self */
    void               *prcb;            /* 0x20  KPCR.CurrentPrcb: address of 0x180 */
    uintptr_t           canary;          /* 0x28  -fstack-protector's guard, where both compilers expect it */
    uint8_t             reserved1[0x150];
    uint32_t            mxcsr;           /* 0x180 KPRCB.MxCsr */
    uint32_t            number;          /* 0x184 KPRCB.Number: 0 = boot processor */
    struct thread      *thread;          /* 0x188 KPRCB.CurrentThread */
    void               *next_thread;     /* 0x190 */
    void               *idle_thread;     /* 0x198 */
    uint8_t             reserved2[0x60];
    uint32_t            apic_id;         /* 0x200 [I] */
    uint32_t            interrupt_depth; /* interrupts being handled on this processor */
    uint64_t            user_stack;      /* 0x208 a program's RSP on the first instructions of a system call */
    uint64_t            kernel_stack;    /* 0x210 top of the running thread's stack, if it is a program's */
    uint64_t            user_root;       /* [a] PML4 of the program whose page tables are loaded; 0: the kernel's own */
    uint64_t            syscalls[SYSCALL_MAX]; /* 0x220 calls by number */
    uint64_t            root_left;       /* [a] while user_root changes: the one before, which CR3 may still hold */
};
/* clang-format on */
_Static_assert(offsetof(struct percpu_head, canary) == 0x28, "stack protector");
_Static_assert(offsetof(struct percpu_head, number) == 0x184, "KPRCB.Number");
_Static_assert(offsetof(struct percpu_head, thread) == 0x188, "KPRCB.CurrentThread");
_Static_assert(offsetof(struct percpu_head, apic_id) == 0x200, "end of NT's part");
_Static_assert(offsetof(struct percpu_head, user_stack) == PERCPU_USER_STACK, "syscall.S");
_Static_assert(offsetof(struct percpu_head, kernel_stack) == PERCPU_KERNEL_STACK, "syscall.S");
_Static_assert(offsetof(struct percpu_head, syscalls) == PERCPU_SYSCALLS, "syscall.S");

/* The most processors the kernel starts; more in the MADT are left alone, with a message. */
#define CPU_MAX 64

extern struct percpu_head percpu_head;             /* the boot processor's; also the start of the section */
extern struct percpu_head *percpu_blocks[CPU_MAX]; /* [I] once a processor is online; NULL: no such one */

/* Declares `type name`, one for each processor, zero at start. At file level, with or without `static`. */
#define PERCPU __attribute__((section(".bss..percpu")))

#define percpu_offset(variable) ((size_t)((char *)&(variable) - (char *)&percpu_head))

/* This processor's block. */
static inline struct percpu_head *
percpu_self(void)
{
    struct percpu_head *p;
    __asm__ volatile("mov %%gs:0x18, %0" : "=r"(p));
    return p;
}

/* Pointer to processor n's copy of a PERCPU variable. */
#define percpu_of(n, variable)                                                                               \
    ((__typeof__(variable) *)(void *)((char *)percpu_blocks[n] + percpu_offset(variable)))

/* Pointer to this processor's copy of a PERCPU variable. */
#define percpu_this(variable)                                                                                \
    ((__typeof__(variable) *)(void *)((char *)percpu_self() + percpu_offset(variable)))

/* Number of this processor. */
static inline uint32_t
cpu_number(void)
{
    uint32_t n;
    __asm__ volatile("movl %%gs:0x184, %0" : "=r"(n));
    return n;
}

/* The running thread; NULL before the scheduler runs. Valid at any IRQL. */
static inline struct thread *
thread_current(void)
{
    struct thread *t;
    __asm__ volatile("mov %%gs:0x188, %0" : "=r"(t));
    return t;
}
#endif
