/*
 * The end: say what happened, stop every processor, and leave the text where a person finds it.
 */
#include "kernel/console/log.h"
#include "kernel/console/panic.h"
#include "kernel/console/sink.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/symbols.h"
#include "kernel/cpu/trap.h"

static bool leave_emulator; /* [I] set by an option at boot */
static uint32_t panicking;  /* [a] processor + 1 of the first to panic */

void
panic_set_exit(bool leave)
{
    leave_emulator = leave;
}

void
emulator_exit(uint8_t code)
{
    port_write8(EMULATOR_EXIT_PORT, code);
}

/*
 * Make this processor the only one that talks. A second processor that panics meanwhile halts here; the same
 * one panicking again (a fault in the report) skips to the end.
 */
static void
panic_begin(void)
{
    uint32_t nobody = 0, me = cpu_number() + 1;

    interrupts_save();
    if (!__atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        if (nobody == me) {
            log_err("panic: a second fault while reporting the first");
            if (leave_emulator)
                emulator_exit(EMULATOR_PANIC);
        }
        cpu_halt_forever();
    }
    log_panic_mode();
    smp_stop_others();
}

_Noreturn static void
panic_end(void)
{
    log_err("The system is halted.");
    if (leave_emulator)
        emulator_exit(EMULATOR_PANIC);
    cpu_halt_forever();
}

void
panic(const char *format, ...)
{
    va_list args;

    panic_begin();
    va_start(args, format);
    log_err("panic on processor %u, IRQL %u:", cpu_number(), irql_current());
    log_message_v(LOG_ERR, format, args);
    va_end(args);
    backtrace_print((uintptr_t)__builtin_return_address(0) - 1, *(uintptr_t *)__builtin_frame_address(0));
    panic_end();
}

void
panic_trap(const struct trap_frame *f, const char *name)
{
    panic_begin();
    log_err("panic on processor %u, IRQL %u:", cpu_number(), irql_current());
    log_err("%s in the kernel", name);
    trap_report(f);
    panic_end();
}

/* Called by -fstack-protector's checks. */
_Noreturn void __stack_chk_fail(void);
void
__stack_chk_fail(void)
{
    panic("stack: a function wrote past the end of a local array");
}
