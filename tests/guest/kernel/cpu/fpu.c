/*
 * The FPU state of threads: each keeps its own, over voluntary switches, preemption, and interrupts whose
 * handlers use XMM registers.
 */
#include "kernel/cpu/fpu.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/features.h"
#include "kernel/sync/timer.h"
#include "lib/string.h"
#include "tests/guest/kernel/cpu/irq_probe.h"
#include "tests/guest/kernel/sync/crew.h"

#define REGISTERS 16
#define THREADS   4
#define ROUNDS    400

/* The state that a program can see: 16 registers of 16 (XMM) or 32 bytes (YMM), and both control words. */
struct state {
    uint8_t registers[REGISTERS][32];
    uint32_t mxcsr;
    uint16_t control;
};

#define EACH_REGISTER(op)                                                                                    \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD_XMM(n)  "movdqu " #n "*32(%0), %%xmm" #n "\n"
#define STORE_XMM(n) "movdqu %%xmm" #n ", " #n "*32(%0)\n"
#define LOAD_YMM(n)  "vmovdqu " #n "*32(%0), %%ymm" #n "\n"
#define STORE_YMM(n) "vmovdqu %%ymm" #n ", " #n "*32(%0)\n"

static void
state_load(const struct state *s)
{
    __asm__ volatile("fldcw %0; ldmxcsr %1" ::"m"(s->control), "m"(s->mxcsr));
    if (cpu_has(CPU_AVX))
        __asm__ volatile(EACH_REGISTER(LOAD_YMM)::"r"(s->registers) : "memory");
    else
        __asm__ volatile(EACH_REGISTER(LOAD_XMM)::"r"(s->registers) : "memory");
}

static void
state_store(struct state *s)
{
    memset(s, 0, sizeof(*s));
    if (cpu_has(CPU_AVX))
        __asm__ volatile(EACH_REGISTER(STORE_YMM)::"r"(s->registers) : "memory");
    else
        __asm__ volatile(EACH_REGISTER(STORE_XMM)::"r"(s->registers) : "memory");
    __asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(s->control), "=m"(s->mxcsr));
}

/* A state that no other number has. Rounding modes differ as well. */
static void
state_make(struct state *s, uint64_t number)
{
    uint64_t random = number * 0x9e3779b97f4a7c15u + 1;
    unsigned used = cpu_has(CPU_AVX) ? 32 : 16;

    memset(s, 0, sizeof(*s));
    for (unsigned r = 0; r < REGISTERS; r++)
        for (unsigned b = 0; b < used; b++)
            s->registers[r][b] = (uint8_t)random_next(&random);
    s->mxcsr = FPU_MXCSR | (number & 3) << 13;
    s->control = (uint16_t)(FPU_CONTROL | (number & 3) << 10);
}

/* Is the state of this processor now the one of that number? Reports a difference. */
static void
state_check(uint64_t number)
{
    struct state got, want;

    state_store(&got);
    state_make(&want, number);
    for (unsigned r = 0; r < REGISTERS; r++)
        if (memcmp(got.registers[r], want.registers[r], sizeof(got.registers[r])) != 0)
            ktest_fail(__FILE__, __LINE__, "register %u of state %lu has changed", r, (unsigned long)number);
    KCHECK_EQ(got.mxcsr, want.mxcsr);
    KCHECK_EQ(got.control, want.control);
}

static void
state_put(uint64_t number)
{
    struct state s;

    state_make(&s, number);
    state_load(&s);
}

/* Leave the registers as a thread finds them. */
static void
state_reset(void)
{
    struct state s = {.mxcsr = FPU_MXCSR, .control = FPU_CONTROL};

    state_load(&s);
}

static void
fresh_run(void *context)
{
    struct state s, zero = {.mxcsr = FPU_MXCSR, .control = FPU_CONTROL};

    state_store(&s);
    KCHECK_EQ(memcmp(s.registers, zero.registers, sizeof(s.registers)), 0);
    KCHECK_EQ(s.mxcsr, FPU_MXCSR);
    KCHECK_EQ(s.control, FPU_CONTROL);
}

KTEST(fpu_state_does_not_leak_into_a_new_thread)
{
    struct crew c = {.count = 0};

    state_put(77);
    crew_everywhere(&c, PRIORITY_HIGH, fresh_run, NULL);
    crew_join(&c);
    state_check(77);
    state_reset();
}

/* Voluntary switches: sleep and yield. */
static void
voluntary_run(void *context)
{
    uint64_t number = (uintptr_t)context;

    for (unsigned i = 0; i < ROUNDS / 4 && !ktest_failed(); i++) {
        state_put(number + i * 64);
        if (i % 4 == 0)
            thread_sleep(US(50));
        else
            thread_yield();
        state_check(number + i * 64);
    }
}

KTEST(fpu_state_survives_waiting)
{
    struct crew c = {.count = 0};

    for (uintptr_t i = 0; i < THREADS; i++)
        crew_add(&c, PRIORITY_NORMAL, UINT64_MAX, voluntary_run, (void *)i);
    crew_join(&c);
}

/* Preemption: the threads only compute; a thread of higher priority, with a state of its own, comes between. */
static unsigned preempt_stop;

static void
preempted_run(void *context)
{
    uint64_t number = (uintptr_t)context;

    for (unsigned i = 0; i < ROUNDS / 8 && !ktest_failed(); i++) {
        state_put(number + i * 64);
        stall_us(200);
        state_check(number + i * 64);
    }
}

static void
preempting_run(void *context)
{
    while (!load(&preempt_stop)) {
        state_put(1000);
        thread_sleep(US(100));
        state_check(1000);
    }
}

KTEST(fpu_state_survives_preemption)
{
    struct crew c = {.count = 0}, above = {.count = 0};

    preempt_stop = 0;
    crew_everywhere(&above, PRIORITY_HIGH, preempting_run, NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        crew_add(&c, PRIORITY_LOWEST + 1, UINT64_MAX, preempted_run, (void *)i);
    crew_join(&c);
    store(&preempt_stop, 1);
    crew_join(&above);
}

/* A state goes with its thread from processor to processor. */
KTEST(fpu_state_moves_with_its_thread)
{
    for (unsigned i = 0; i < 10 * cpu_count(); i++) {
        state_put(i);
        KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_C(1) << i % cpu_count()), 0);
        state_check(i);
    }
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
    state_reset();
}

/* -- interrupts whose handlers and DPCs use the volatile registers, as a driver's do */

static void
volatile_spoil(void)
{
    static const uint32_t mxcsr = 0x7f80;

    __asm__ volatile(
        "pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm1\n movdqa %%xmm0, %%xmm2\n"
        "movdqa %%xmm0, %%xmm3\n movdqa %%xmm0, %%xmm4\n movdqa %%xmm0, %%xmm5\n ldmxcsr %0" ::"m"(mxcsr));
}

static void
handler_spoils(struct probe *p)
{
    volatile_spoil();
}

static unsigned storm_timers;

static void
dpc_spoils(struct dpc *d, void *context)
{
    volatile_spoil();
    count_up(&storm_timers);
}

KTEST(fpu_state_survives_a_storm_of_interrupts)
{
    struct irq_message m;
    struct timer timer;
    struct dpc dpc;
    struct probe p;
    uint64_t end;

    pin(0);
    if (irq_message_alloc(1, 0, &m) != 0) {
        ktest_skip("messages are off");
        unpin();
        return;
    }
    probe_init(&p, "spoils");
    p.more = handler_spoils;
    KCHECK_EQ(irq_connect_message(&p.irq, &m, 0), 0);
    storm_timers = 0;
    timer_init(&timer);
    dpc_init(&dpc, dpc_spoils, NULL);
    timer_set(&timer, timer_deadline(0), US(50), &dpc);
    end = time_now() + MS(200);
    for (unsigned i = 0; time_now() < end && !ktest_failed(); i++) {
        state_put(i);
        apic_send_self(m.vector);
        stall_us(20);
        state_check(i);
    }
    timer_cancel(&timer);
    dpc_flush();
    KCHECK(probe_calls(&p) > 100);
    KCHECK(load(&storm_timers) > 100);
    irq_disconnect(&p.irq);
    irq_message_free(&m, 1);
    state_reset();
    unpin();
}

KTEST(fpu_area_has_the_size_that_the_processor_says)
{
    uint32_t r[4];

    cpuid(0xd, 0, r);
    KCHECK_EQ(fpu_area_size(), cpu_has(CPU_XSAVE) ? r[1] : 512);
    KCHECK_EQ((uintptr_t)thread_current()->context.fpu % FPU_ALIGN, 0);
}
