/* What the files of drivers/nt share. */
#pragma once
#include "drivers/nt/nt.h"

/* Where drivers wait: one lock for all dispatcher objects, LOCK_NT, DISPATCH_LEVEL. */
uint8_t nt_dispatcher_lock(void);
void nt_dispatcher_unlock(uint8_t irql);

/* An object becomes signalled; wakes who waits. The lock is held. */
void nt_signal(DISPATCHER_HEADER *h);

/* Object types as NT numbers them (DISPATCHER_HEADER.Type). */
enum {
    NT_EVENT_NOTIFICATION = 0,
    NT_EVENT_SYNCHRONIZATION = 1,
    NT_MUTANT = 2,
    NT_SEMAPHORE = 5,
    NT_TIMER_NOTIFICATION = 8,
    NT_TIMER_SYNCHRONIZATION = 9,
    NT_DPC = 19,
};

/* A fresh object of `size` bytes that starts with h. Any IRQL. */
void nt_header_init(DISPATCHER_HEADER *h, uint8_t type, size_t size, int32_t state);

/* Nanoseconds from now of a due time: negative is relative, in units of 100 ns. */
uint64_t nt_delay(int64_t due);

/* Queues of all processors: boot, once. *_gone(): what belongs to an image does not run any more. PASSIVE_LEVEL. */
int nt_dpc_init(void);
void nt_timer_gone(const void *start, size_t size);
void nt_dpc_gone(const void *start, size_t size);
