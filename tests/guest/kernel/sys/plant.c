/*
 * A fault for the fuzzer of system calls to find: a call that writes to a program's address as if it were the kernel's.
 */
#include "kernel/cpu/user.h"
#include "kernel/sys/syscall.h"
#include "lib/string.h"
#include "tests/guest/selftest.h"

#define PLANTED 400 /* a number that Linux does not use */

static syscall_function *calls[SYSCALL_MAX];

static long
trusting(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    memcpy((void *)a, &b, sizeof(b));
    return 0;
}

void
selftest_plant(void)
{
    memcpy(calls, user_vectors.calls, user_vectors.count * sizeof(calls[0]));
    calls[PLANTED] = trusting;
    user_vectors.calls = calls;
}
