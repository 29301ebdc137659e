#include "kernel/trace/syscalls.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/trap.h"
#include "kernel/cpu/user.h"
#include "kernel/trace/trace.h"

static syscall_function *const *calls;         /* the real ones */
static syscall_function *watched[SYSCALL_MAX]; /* each entry: call() */

static long
call(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    uint64_t number = user_frame()->error;
    long result;

    trace(TRACE_SYSCALL, number, a, b, c);
    result = calls[number](a, b, c, d, e, f);
    trace(TRACE_SYSCALL_END, number, (uint64_t)result);
    return result;
}

void
syscalls_watch(bool on)
{
    if (!calls) {
        calls = user_vectors.calls;
        for (unsigned n = 0; n < SYSCALL_MAX; n++)
            watched[n] = call;
    }
    __atomic_store_n(&user_vectors.calls, on ? watched : calls, __ATOMIC_RELEASE);
}
