/*
 * Futexes: waiting for a 32-bit word of program memory to change. Whoever shares the page shares the futex.
 *
 * All on behalf of the running program, at PASSIVE_LEVEL; addresses are the program's. Besides what is listed they
 * return -EFAULT (nothing is there) and -EINVAL (not aligned).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FUTEX_ANY UINT32_MAX /* mask: wakes and is woken by all */

/* Once, before all else. */
void futex_init(void);

/*
 * Wait until woken, if the word at `at` is `value`. deadline: ns of time_now(); UINT64_MAX: none.
 * Returns: 0; -EAGAIN: it is something else; -ETIMEDOUT; -EINTR
 */
int futex_wait(uintptr_t at, bool shared, uint32_t value, uint32_t mask, uint64_t deadline);

/* Wake up to `most` of those whose mask has a bit of `mask`, oldest first. Returns: how many */
long futex_wake(uintptr_t at, bool shared, unsigned most, uint32_t mask);

/*
 * Wake `wake` of those at `at`, and let up to `move` of the rest wait at `to` instead; if expected is not NULL only
 * if the word at `at` is that. Returns: woken plus, for expected, moved; -EAGAIN
 */
long futex_requeue(uintptr_t at, uintptr_t to, bool shared, unsigned wake, unsigned move,
                   const uint32_t *expected);

/*
 * Change the word at `other` as `deed` says (linux/futex.h, FUTEX_OP), wake `wake` at `at`, and `wake_other` at
 * `other` if the old value compares as it says. Returns: how many; -ENOSYS: no such deed
 */
long futex_wake_op(uintptr_t at, uintptr_t other, bool shared, unsigned wake, unsigned wake_other,
                   uint32_t deed);
