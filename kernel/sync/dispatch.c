#include "kernel/sync/dispatch.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/smp.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/timer.h"

PERCPU struct dispatch dispatch_state;
static void (*switch_hook)(void); /* [I] */
static uint64_t online;           /* [a] processors whose queues are set up */

void
dispatch_init(void)
{
    dpc_init_cpu();
    timer_init_cpu();
    if (cpu_number() == 0) {
        irq_set_dispatch_hook(dispatch_run);
        irq_set_clock_hook(timer_clock);
    }
    __atomic_fetch_or(&online, UINT64_C(1) << cpu_number(), __ATOMIC_RELEASE);
}

bool
dispatch_online(uint32_t cpu)
{
    return cpu < CPU_MAX && __atomic_load_n(&online, __ATOMIC_ACQUIRE) >> cpu & 1;
}

void
dispatch_set_switch(void (*run)(void))
{
    switch_hook = run;
}

static bool
wanted(const struct dispatch *d)
{
    return __atomic_load_n(&d->any, __ATOMIC_ACQUIRE) != 0;
}

void
dispatch_run(void)
{
    struct dispatch *d = percpu_this(dispatch_state);

    d->requested = false;
    while (wanted(d)) {
        d->active = true;
        if (d->timer)
            timer_run_queue();
        if (d->dpc)
            dpc_run_queue();
        d->active = false;
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* I2, against interrupts of this processor */
        if (d->thread) {
            switch_hook();
            d = percpu_this(dispatch_state);
        }
    }
}

void
dispatch_leave(uint8_t old_irql)
{
    if (old_irql < DISPATCH_LEVEL)
        dispatch_run();
    else
        dispatch_want();
    irql_lower(old_irql);
}

void
dispatch_want(void)
{
    struct dispatch *d = percpu_this(dispatch_state);

    if (d->active || d->requested)
        return;
    d->requested = true;
    dispatch_request();
}
