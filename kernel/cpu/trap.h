/*
 * Exceptions and interrupts: what the entry code leaves on the stack, and who may claim an exception.
 */
#pragma once

#define FRAME_RAX    112 /* offsets in struct trap_frame, for assembly */
#define FRAME_VECTOR 120
#define FRAME_CS     144
#define FRAME_SIZE   176

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

enum {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_NMI = 2,
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_INVALID_OPCODE = 6,
    TRAP_DEVICE_NOT_AVAILABLE = 7,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_SEGMENT = 11,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_X87 = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_MACHINE_CHECK = 18,
    TRAP_SIMD = 19,
    TRAP_EXCEPTIONS = 32
};

/* Page fault error code (SDM vol. 3A, 4.7). */
#define PF_PRESENT  1u
#define PF_WRITE    2u
#define PF_USER     4u
#define PF_RESERVED 8u
#define PF_FETCH    16u

/* In the order in which trap.S pushes it; 16-byte aligned. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "trap.S");
_Static_assert(__builtin_offsetof(struct trap_frame, rax) == FRAME_RAX, "syscall.S");
_Static_assert(__builtin_offsetof(struct trap_frame, vector) == FRAME_VECTOR, "syscall.S");
_Static_assert(__builtin_offsetof(struct trap_frame, cs) == FRAME_CS, "trap.S");

/* Load the interrupt descriptor table of this processor. */
void trap_table_load(void);

/*
 * A claimant of exceptions: returns true when it has dealt with the exception (it may have changed the frame)
 * and the interrupted code goes on. Runs on the interrupted stack (or an IST stack), interrupts off, at the IRQL of
 * the interrupted code.
 */
typedef bool trap_claimant(struct trap_frame *f);

/* Sets the claimant for one exception, replacing what was there; NULL: none. Returns the previous one. */
trap_claimant *trap_claim(unsigned vector, trap_claimant *claimant);

/* Who sees page faults and debug exceptions of the kernel before everybody else; NULL: nobody. address: CR2. */
typedef bool trap_watcher(struct trap_frame *f, uint64_t address);
void trap_watch(trap_watcher *watcher);

/* "page fault (#PF)". Any IRQL. */
const char *trap_name(uint64_t vector);

/* Print registers and backtrace of a frame to the log, at LOG_ERR. Any IRQL. */
void trap_report(const struct trap_frame *f);

/* Called by trap.S for vectors 0..31. */
void trap_exception(struct trap_frame *f);
#endif
