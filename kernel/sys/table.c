/*
 * From a system call's number to its function, out of the list in calls.h; and what happens to those we lack.
 */
#include "kernel/console/log.h"
#include "kernel/fs/file.h"
#include "kernel/sched/process.h"
#include "kernel/sys/calls.h"
#include "kernel/sys/sys.h"
#include "kernel/sys/syscall.h"
#include "lib/field.h"

#define IGNORE(...)
#define DECLARE(number, name) SYSCALL_PROTOTYPE(name);
SYSTEM_CALLS(DECLARE, IGNORE, IGNORE)

#define NAME(number, name) [number] = #name,
static const char *const names[SYSTEM_CALLS_END] = {SYSTEM_CALLS(NAME, NAME, IGNORE)};

static uint64_t missed[SYSCALL_MAX / 64]; /* [a] bit n: somebody has asked for n */

/* IRQL: PASSIVE_LEVEL. Returns -ENOSYS. */
static long
call_unknown(uint64_t number)
{
    uint64_t bit = BIT64(number % 64);

    if (number >= SYSCALL_MAX)
        return -ENOSYS;
    if (__atomic_fetch_or(&missed[number / 64], bit, __ATOMIC_RELAXED) & bit)
        return -ENOSYS;
    log_info("syscall: %s (%lu), asked for by %s, is not implemented",
             number < SYSTEM_CALLS_END && names[number] ? names[number] : "a call without a name", number,
             process_current()->name);
    return -ENOSYS;
}

static long
call_missing(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    return call_unknown(user_frame()->error);
}

#define FUNCTION(number, name) [number] = sys_##name,
#define MISSING(number, name)  [number] = call_missing,
#define UNUSED(first, last)    [(first)...(last)] = call_missing,
static syscall_function *const functions[SYSTEM_CALLS_END] = {SYSTEM_CALLS(FUNCTION, MISSING, UNUSED)};

/* /proc/syscalls: each call that was used, or is there to be used, with its number and count. */
static void
calls_show(struct text *t)
{
    for (uint64_t n = 0; n < SYSTEM_CALLS_END; n++) {
        bool have = functions[n] != call_missing;

        if (names[n] && (have || user_syscall_count(n)))
            text_add(t, "%3lu %-24s %12lu%s\n", n, names[n], user_syscall_count(n), have ? "" : " missing");
    }
}

int
sys_table_init(struct user_vectors *v)
{
    v->calls = functions;
    v->count = SYSTEM_CALLS_END;
    v->unknown = call_unknown;
    return procfs_add("syscalls", calls_show);
}
