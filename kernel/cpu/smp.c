/*
 * Processors calling and stopping one another.
 *
 * Each processor has one call that it makes, and a mask of those who want something called on it. A call is
 * published by filling the caller's slot and then setting the caller's bit in each target's mask; a target takes
 * its mask, runs the calls and clears its bit in each caller's `waiting`. No lock is taken, and a caller that
 * waits serves its own mask: callers cannot wait for one another in a ring.
 */
#include "kernel/cpu/smp.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/smp_impl.h"
#include "kernel/cpu/tlb.h"
#include "kernel/cpu/tsc.h"
#include "lib/field.h"

#define CALL_LIMIT    SECONDS(20) /* no processor of ours keeps its interrupts off that long */
#define STOP_LIMIT_US (100 * 1000)
#define NMI_LIMIT_US  (10 * 1000)

struct percpu_head percpu_head __attribute__((section(".bss..percpu.head")));
struct percpu_head *percpu_blocks[CPU_MAX] = {&percpu_head};

/* [a] a slot's fn and context are its processor's, as long as `waiting` is zero */
struct call {
    void (*fn)(void *context);
    void *context;
    uint64_t waiting; /* processors that have not run it yet */
};

PERCPU static struct call call; /* the one that this processor makes */
PERCPU static uint64_t callers; /* [a] processors whose call is to be run here */
static uint32_t online = 1;     /* [a] */
static uint32_t awaited;        /* [a] the processor that is being started; 0: none */
static uint32_t stopper;        /* [a] processor + 1 that stops the others; 0: none */
static uint64_t stopped;        /* [a] mask of those that have stopped */

uint32_t
cpu_count(void)
{
    return __atomic_load_n(&online, __ATOMIC_ACQUIRE);
}

uint32_t
cpu_apic_id(uint32_t n)
{
    return percpu_blocks[n]->apic_id;
}

uint64_t
smp_mask_all(void)
{
    return BITS64(cpu_count() - 1, 0);
}

void
smp_await(uint32_t number)
{
    __atomic_store_n(&awaited, number, __ATOMIC_RELEASE);
}

bool
smp_give_up(void)
{
    return __atomic_exchange_n(&awaited, 0, __ATOMIC_ACQ_REL) != 0;
}

void
smp_online(void)
{
    if (__atomic_exchange_n(&awaited, 0, __ATOMIC_ACQ_REL) != cpu_number())
        cpu_halt_forever();
    __atomic_store_n(&online, cpu_number() + 1, __ATOMIC_RELEASE);
    tlb_flush_all_here(); /* from now on flushes come here too; what was cached before is not known */
}

void
smp_calls_serve(void)
{
    uint64_t mask = __atomic_exchange_n(percpu_this(callers), 0, __ATOMIC_ACQ_REL);

    if (smp_stop_requested())
        smp_stop_self();
    while (mask) {
        struct call *c = percpu_of(__builtin_ctzll(mask), call);

        mask &= mask - 1;
        c->fn(c->context);
        __atomic_fetch_and(&c->waiting, ~BIT64(cpu_number()), __ATOMIC_RELEASE);
    }
}

/* At IPI_LEVEL with interrupts off, as by the interrupt, which does not come where they are off. */
static void
serve_here(void)
{
    uint64_t were_on;
    uint8_t old;

    if (!__atomic_load_n(percpu_this(callers), __ATOMIC_ACQUIRE) && !smp_stop_requested())
        return;
    were_on = interrupts_save();
    old = irql_raise(IPI_LEVEL);
    smp_calls_serve();
    irql_lower(old);
    interrupts_restore(were_on);
}

static void
call_here(void (*fn)(void *context), void *context)
{
    uint64_t were_on = interrupts_save();
    uint8_t old = irql_raise(IPI_LEVEL);

    fn(context);
    irql_lower(old);
    interrupts_restore(were_on);
}

static void
call_send(struct call *c, uint64_t targets)
{
    __atomic_store_n(&c->waiting, targets, __ATOMIC_RELEASE);
    while (targets) {
        uint32_t n = (uint32_t)__builtin_ctzll(targets);

        targets &= targets - 1;
        if (!__atomic_fetch_or(percpu_of(n, callers), BIT64(cpu_number()), __ATOMIC_ACQ_REL))
            apic_send(cpu_apic_id(n), VECTOR_CALL); /* else one is on its way */
    }
}

/* Raw ticks: the clock may not run yet, and 10 GHz is what stall_us() assumes then. */
static void
call_wait(struct call *c)
{
    uint64_t hz = tsc_frequency() ? tsc_frequency() : UINT64_C(10000000000);
    uint64_t start = tsc_ticks();

    while (__atomic_load_n(&c->waiting, __ATOMIC_ACQUIRE)) {
        serve_here();
        cpu_relax();
        if (tsc_ticks() - start > CALL_LIMIT / SECONDS(1) * hz)
            panic("smp: processors %#lx do not answer a call from processor %u", c->waiting, cpu_number());
    }
}

void
smp_call(uint64_t mask, void (*fn)(void *context), void *context)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    uint64_t me = BIT64(cpu_number()), others = mask & smp_mask_all() & ~me;
    struct call *c = percpu_this(call);

    assert_irql(DISPATCH_LEVEL);
    if (others && !__atomic_load_n(&stopper, __ATOMIC_ACQUIRE)) {
        c->fn = fn;
        c->context = context;
        call_send(c, others);
    }
    if (mask & me)
        call_here(fn, context);
    call_wait(c);
    irql_lower(old);
}

bool
smp_stop_requested(void)
{
    uint32_t by = __atomic_load_n(&stopper, __ATOMIC_ACQUIRE);

    return by && by != cpu_number() + 1;
}

void
smp_stop_self(void)
{
    interrupts_save();
    __atomic_fetch_or(&stopped, BIT64(cpu_number()), __ATOMIC_RELEASE);
    cpu_halt_forever();
}

/* Wait until the processors have stopped. Returns those that have not. */
static uint64_t
stop_wait(uint64_t targets, uint32_t limit_us)
{
    for (uint32_t us = 0; us < limit_us; us++) {
        if (!(targets & ~__atomic_load_n(&stopped, __ATOMIC_ACQUIRE)))
            return 0;
        stall_us(1);
    }
    return targets & ~__atomic_load_n(&stopped, __ATOMIC_ACQUIRE);
}

void
smp_stop_others(void)
{
    uint32_t nobody = 0, me = cpu_number();
    uint64_t targets = smp_mask_all() & ~BIT64(me);

    if (!__atomic_compare_exchange_n(&stopper, &nobody, me + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        if (nobody == me + 1)
            return;
        smp_stop_self();
    }
    if (!targets)
        return;
    for (uint32_t n = 0; n < cpu_count(); n++)
        if (n != me)
            apic_send(cpu_apic_id(n), VECTOR_CALL);
    targets = stop_wait(targets, STOP_LIMIT_US);
    if (targets)
        log_warn("smp: processors %#lx hold their interrupts off: stopped by NMI", targets);
    for (uint32_t n = 0; n < cpu_count(); n++)
        if (targets & BIT64(n))
            apic_send_nmi(cpu_apic_id(n));
    targets = stop_wait(targets, NMI_LIMIT_US);
    if (targets)
        log_err("smp: processors %#lx could not be stopped", targets);
}
