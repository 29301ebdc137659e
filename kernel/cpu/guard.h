/*
 * Calls into code that is not trusted to come back: a driver's. What goes wrong in it ends the call, not the machine.
 *
 * guard_call() calls a function of the Microsoft x64 convention. If code that is blamed on the driver raises an
 * exception, overruns the stack, stays longer than the limit at a raised IRQL or with interrupts on, or asks for
 * guard_stop(), all of its frames are dropped and guard_call() returns -EFAULT with a report.
 *
 * Blamed on the driver is what happens in an executable range of a driver, in the leaf functions that it calls (KERNEL_LEAF:
 * no locks, no state: memcpy and the like), and at an address that is neither the kernel's code nor a driver's. What
 * happens in other code of the kernel is the kernel's own bug, and a panic.
 *
 * Calls nest: an interrupt during one may begin another; a thread may wait in one. What the driver held (memory, locks
 * of its own) stays as it is: its owner is told, and gives it up with the driver.
 *
 * Not for: a driver that spins with interrupts off, which nothing on this processor interrupts.
 */
#pragma once

#define GUARD_STACK  0 /* offsets in struct guard, for guard.S */
#define GUARD_RESULT 8
#define GUARD_MXCSR  16
#define GUARD_XMM    32

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/trap.h"

#define GUARD_ARGUMENTS  6
#define GUARD_TEXT       160
#define GUARD_FRAMES     16
#define GUARD_RANGES_MAX 64

enum guard_reason { GUARD_NONE, GUARD_EXCEPTION, GUARD_STACK_OVERRUN, GUARD_TIMEOUT, GUARD_STOPPED };

struct guard_report {
    uint8_t reason;                  /* enum guard_reason */
    uint8_t irql;                    /* at which it happened */
    uint64_t vector, error, address; /* of the exception; address: CR2 of a page fault */
    uint64_t rip, rsp;
    unsigned frames; /* of guard_backtrace, innermost first; the place itself is the first */
    uint64_t frame[GUARD_FRAMES];
    char text[GUARD_TEXT]; /* what happened, in words */
};

/*
 * How the frames of drivers are found: fills at most `max` addresses, innermost first, and returns their number. Called where
 * the exception is handled, as the stack still stands. NULL: only the place itself is reported. Set at boot.
 */
extern unsigned (*guard_backtrace)(const struct trap_frame *f, uint64_t *frame, unsigned max);

/* One call. On the caller's stack. */
struct guard {
    uintptr_t stack; /* guard.S */
    uint64_t result; /* what the function returned: RAX */
    uint32_t mxcsr;  /* guard.S */
    uint32_t reserved;
    uint64_t reserved2;
    uint8_t xmm[16][16];   /* guard.S: of whoever was interrupted, or of the program that called */
    void *owner;           /* of the call; NULL: nobody's. Set by the caller */
    uint32_t locks;        /* spin locks of the driver's that are held */
    uint64_t limit;        /* ticks of the time stamp counter; 0: none. Set by the caller */
    uint64_t limit_raised; /* likewise, in a row at DISPATCH_LEVEL or above. Set by the caller */
    uint64_t raised_since; /* the counter when the clock first found it there; 0: it was below since */
    uint64_t begun;        /* the counter on entry */
    struct guard *outer;   /* the call in which this one began */
    uint64_t flags;        /* RFLAGS on entry */
    uint8_t irql;          /* on entry */
    struct guard_report report;
} __attribute__((aligned(16)));
_Static_assert(offsetof(struct guard, stack) == GUARD_STACK, "guard.S");
_Static_assert(offsetof(struct guard, result) == GUARD_RESULT, "guard.S");
_Static_assert(offsetof(struct guard, mxcsr) == GUARD_MXCSR, "guard.S");
_Static_assert(offsetof(struct guard, xmm) == GUARD_XMM, "guard.S");

/*
 * Call function(arguments) for a driver; g's limits are set, the rest is filled. The volatile XMM registers and MXCSR are
 * kept, as in system calls and interrupts somebody else's are in them.
 * IRQL:    any; with interrupts as they are
 * Returns: 0 and g->result; -EFAULT and g->report, at the IRQL of entry
 */
int guard_call(struct guard *g, const void *function, const uint64_t arguments[GUARD_ARGUMENTS]);

/* The innermost call in progress on this thread; NULL: none. Any IRQL. */
struct guard *guard_current(void);

/* End the innermost call with GUARD_STOPPED and this text. Called by the kernel's functions for drivers, with no lock of
 * the kernel held. Outside of any call: returns. */
void guard_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The executable parts of a driver. Adding: PASSIVE_LEVEL, returns 0 or -ENOSPC. Removing: nothing runs there any more.
 * guard_range_has(): any IRQL.
 */
int guard_range_add(uintptr_t start, uintptr_t end);
void guard_range_remove(uintptr_t start);
bool guard_range_has(uintptr_t address);

/* Limits in ticks. Once the counter's frequency is known. */
uint64_t guard_ticks(uint64_t ns);

/* Functions in which a fault is blamed on the driver that called: they take no lock and change no state of the kernel. */
#define KERNEL_LEAF __attribute__((section(".text.driver_leaf"), noinline))

/* Read or write-probe a byte where a driver says that there is something: in the driver's name. Any IRQL. */
void guard_touch(const void *p);
void guard_touch_write(void *p);

/*
 * Memory at addresses that a driver gave, in its name. guard_move(): overlaps allowed. guard_compare(): the number of equal
 * bytes. guard_text(): a text of at most size - 1 bytes and a NUL; returns its length. guard_text16(): of 16-bit units,
 * those above 0x7e as '?', at most n. Any IRQL.
 */
void guard_copy(void *to, const void *from, size_t n);
void guard_move(void *to, const void *from, size_t n);
void guard_fill(void *to, int byte, size_t n);
size_t guard_compare(const void *a, const void *b, size_t n);
size_t guard_text(char *to, const char *from, size_t size);
size_t guard_text16(char *to, const uint16_t *from, size_t n);

/* A lock of a driver's in 8 bytes of its own, 0: free, else who has it (not 0). At the lock's IRQL. guard_lock() spins in
 * the driver's name. */
void guard_lock(uint64_t *lock, uint64_t who);
bool guard_trylock(uint64_t *lock, uint64_t who);
void guard_unlock(uint64_t *lock);

/* For trap.c: an exception of ring 0. Returns true if it was blamed on a driver: the frame now leads back to guard_call().
 * For irq.c: the clock has interrupted this frame. */
bool guard_exception(struct trap_frame *f, uint64_t address);
void guard_clock(struct trap_frame *f, uint8_t interrupted_irql);
#endif
