/*
 * System calls: one function each, named sys_<name>, all of one type; kernel/sys/table.c lists them by number.
 *
 * IRQL: PASSIVE_LEVEL, no lock. Pointers are program addresses (kernel/cpu/user.h). Returns a result >= 0 or -errno.
 * A call that a signal ended before it did anything returns -ERESTARTSYS: signal delivery makes it begin anew, or
 * fail with EINTR if a handler without SA_RESTART runs.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/user.h"
#include "lib/errno.h"

/* Never seen by programs. ERESTARTNOHAND: anew only if no handler runs at all, else EINTR. */
#define ERESTARTSYS    512
#define ERESTARTNOHAND 514

#define SYSCALL_PROTOTYPE(name)                                                                              \
    long sys_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
#define SYSCALL(name)                                                                                        \
    SYSCALL_PROTOTYPE(name);                                                                                 \
    SYSCALL_PROTOTYPE(name)
