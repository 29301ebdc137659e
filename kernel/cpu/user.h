/*
 * Ring 3: going there, coming back, and touching a program's memory.
 *
 * A program thread enters the kernel by SYSCALL, by an exception or by an interrupt; all three leave a struct
 * trap_frame at the top of its kernel stack, and all leave through the same door: if the thread's user_work is set,
 * user_vectors.leave() is called (PASSIVE_LEVEL, interrupts on) until it is clear, then the frame is restored.
 *
 * Program addresses are uintptr_t. They are below USER_END, and only the functions here touch them.
 */
#pragma once

/* trap_frame.vector of a frame that SYSCALL left; its `error` then holds the call's number as it came (RAX). */
#define TRAP_SYSCALL 256

#define USER_VECTORS_CALLS   0 /* offsets in struct user_vectors, for syscall.S */
#define USER_VECTORS_COUNT   8
#define USER_VECTORS_UNKNOWN 16

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/trap.h"

/* The last page below the hole is never mapped: a SYSCALL at its end would return to a noncanonical address. */
#define USER_START 0x10000ul
#define USER_END   0x7ffffffff000ul

/*
 * A frame whose registers are not those that the call came with (exec, sigreturn) gets this vector: it is left by
 * IRET, which restores RCX and R11 too, and it is no call that can begin anew.
 */
#define TRAP_REPLACED 257

/* What a program thread has besides its registers. [o] the running thread itself, or before it first runs */
struct user_context {
    uint64_t fs_base, gs_base; /* [o] changed by user_set_fs(), user_set_gs() */
    uint64_t root;             /* [o] physical address of the PML4; changed by user_set_root() */
};

/* System call number n is calls[n](arguments); its result goes into RAX. IRQL: PASSIVE_LEVEL, interrupts on. */
typedef long syscall_function(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* What the layers above do about programs; kernel/sys hands it down. [I] after user_init() */
struct user_vectors {
    syscall_function *const *calls;      /* `count` entries, none of them NULL */
    uint64_t count;                      /* at most SYSCALL_MAX */
    long (*unknown)(uint64_t number);    /* a number >= count */
    void (*leave)(struct trap_frame *f); /* user_work is set: signals, the end of the process */
    void (*exception)(struct trap_frame *f,
                      uint64_t address); /* from ring 3; address: CR2 of a page fault. Blocks if it likes */
    int (*page_fault)(uintptr_t address,
                      uint64_t error); /* kernel touches program memory: 0 = mapped now, go on */
};

/* Boot processor, once, and user_init_cpu() on every processor (SYSCALL's MSRs), after segments_load(). */
void user_init(const struct user_vectors *v);
void user_init_cpu(void);

/* The running thread's frame, at the top of its kernel stack. Only on behalf of a program. */
struct trap_frame *user_frame(void);

/*
 * Leave the kernel with these registers, from a thread's function, for the first time; the frame is copied to the
 * top of the running thread's stack. thread_current()->user is set. PASSIVE_LEVEL, no lock held.
 */
_Noreturn void user_enter(const struct trap_frame *f);

/* Registers of a program that begins: all zero, `rip`, `rsp`, interrupts on. */
void user_frame_init(struct trap_frame *f, uintptr_t rip, uintptr_t rsp);

/* Make rip, cs, ss and rflags of a frame that a program wrote (sigreturn) harmless. Returns 0 or -EFAULT (rip). */
int user_frame_sanitize(struct trap_frame *f);

/* Change the running thread's, and load it. The base must be < USER_END: else -EPERM. */
int user_set_fs(uint64_t base);
int user_set_gs(uint64_t base);
void user_set_root(uint64_t root); /* 0: the kernel's own, for one that ends */

/* Of sched.c: this processor is about to run a program's thread with this context and stack. IRQL: DISPATCH_LEVEL. */
void user_switch(const struct user_context *to, uintptr_t stack_top);

/*
 * No processor uses these page tables any more when this returns; those that had them loaded (for a kernel thread that
 * runs after the program's) go to the kernel's own. IRQL: <= DISPATCH_LEVEL.
 */
void user_root_forget(uint64_t root);

/* Like tlb_flush_range(), for a program's addresses: on the processors that have these page tables loaded. */
void user_flush(uint64_t root, uintptr_t va, size_t size);

/*
 * Copies to and from the running program. Addresses need no check before. Page faults are served (they may block).
 * IRQL:    PASSIVE_LEVEL; no spin lock held
 * Returns: 0, or -EFAULT if not all could be copied (how much was is not known)
 */
int user_read(void *to, uintptr_t from, size_t n);
int user_write(uintptr_t to, const void *from, size_t n);
int user_clear(uintptr_t to, size_t n);

/* A string with its NUL. Returns: its length; -EFAULT; -ENAMETOOLONG if there is no NUL in `size` bytes. */
long user_read_string(char *to, uintptr_t from, size_t size);

/* Aligned 32-bit words, atomically (futexes). Returns 0 or -EFAULT (-EINVAL: not aligned). */
int user_load32(uintptr_t from, uint32_t *value);
int user_cmpxchg32(uintptr_t at, uint32_t expected, uint32_t desired, uint32_t *was);

/* FPU state of the running thread in and out of a signal frame: user_fpu_size() bytes, FXSAVE or XSAVE standard format. */
size_t user_fpu_size(void);
int user_fpu_save(uintptr_t to);
/* Hostile contents are made harmless. scratch: user_fpu_size() + 64 bytes. */
int user_fpu_restore(uintptr_t from, void *scratch);
/* For fork: the running thread's state copied into another thread's area. */
struct thread;
void user_fpu_copy(struct thread *to);
void user_fpu_reset(void); /* exec: fresh state for the running thread */

/* Calls of number n so far, on all processors. Any IRQL. */
uint64_t user_syscall_count(uint64_t n);

/* Of trap.c: an exception of the kernel. Was it a program's memory being touched, and is that dealt with? */
bool user_fault(struct trap_frame *f, uint64_t address);
extern struct user_vectors user_vectors;
#endif
