/*
 * Where the bytes of a read or a write go to or come from: a program's memory, in pieces, or the kernel's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uio_part {
    uintptr_t base; /* program address, or the kernel's if uio.kernel */
    size_t size;
};

struct uio {
    const struct uio_part *part; /* the present one */
    size_t done_in_part;
    size_t left; /* bytes in all parts from here on */
    bool kernel;
    bool limited; /* a write ends at `limit` in a regular file: RLIMIT_FSIZE */
    uint64_t limit;
};

/* One piece of the kernel's memory: uio_kernel(&u, &part, p, n). Any IRQL. */
void uio_kernel(struct uio *u, struct uio_part *part, const void *p, size_t n);

/*
 * Move up to n bytes (never more than u->left) and go on behind them. For program memory no lock is held that serves
 * page faults (vm_object_ops.page).
 * IRQL:    PASSIVE_LEVEL
 * Returns: bytes moved; -EFAULT if none could be
 */
long uio_to(struct uio *u, const void *from, size_t n); /* a read: fill the reader's memory */
long uio_from(struct uio *u, void *to, size_t n);       /* a write: take from the writer's memory */
long uio_zero(struct uio *u, size_t n);
