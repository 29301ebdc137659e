/*
 * The time stamp counter as the kernel's clock.
 *
 * I1  ns = (ticks - base) * factor >> 32, in 128 bits: no overflow in the machine's life.
 * I2  Every processor's ticks are its counter plus its offset. The offsets are zero but on boards that start
 *     their processors' counters apart; there time_now() also never returns less than it ever has.
 */
#include "kernel/cpu/tsc.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"

#define HZ_ASSUMED   UINT64_C(10000000000) /* faster than any: a stall gets too long, never too short */
#define HZ_MIN       UINT64_C(100000000)
#define STALL_MARGIN 512 /* one part in 512 more, for the error of the calibration */
#define STALL_MAX_US UINT64_C(1000000000000)

static uint64_t tsc_hz;           /* [I] once set */
static uint64_t tsc_factor;       /* [I] nanoseconds per tick, times 2^32 */
static uint64_t tsc_base;         /* [I] counter at which time_now() is 0 */
static bool offsets_used;         /* [a] some processor's offset is not zero */
static uint64_t time_highest;     /* [a] returned so far, while offsets are used */
static PERCPU int64_t tsc_offset; /* [I] but for tsc_set_offset() */

/* Not read before what stands before it in the program: another processor's time may hang on that. */
uint64_t
tsc_ticks(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

static uint64_t
ticks_to_ns(uint64_t ticks)
{
    int64_t passed = (int64_t)(ticks - tsc_base);

    return passed < 0 ? 0 : (uint64_t)((unsigned __int128)(uint64_t)passed * tsc_factor >> 32);
}

/* This processor's ticks, corrected by its offset. */
static uint64_t
ticks_corrected(void)
{
    uint64_t were_on, ticks;

    if (__builtin_expect(!__atomic_load_n(&offsets_used, __ATOMIC_RELAXED), 1))
        return tsc_ticks();
    were_on = interrupts_save();
    ticks = tsc_ticks() + (uint64_t)*percpu_this(tsc_offset);
    interrupts_restore(were_on);
    return ticks;
}

void
tsc_set_frequency(uint64_t hz)
{
    ASSERT(hz >= HZ_MIN);
    if (!tsc_base)
        tsc_base = tsc_ticks();
    tsc_hz = hz;
    __atomic_store_n(&tsc_factor, (UINT64_C(1000000000) << 32) / hz, __ATOMIC_RELEASE);
}

uint64_t
tsc_frequency(void)
{
    return tsc_hz;
}

void
tsc_set_offset(uint32_t n, int64_t ticks)
{
    bool used = false;

    *percpu_of(n, tsc_offset) = ticks;
    for (uint32_t i = 0; i < CPU_MAX; i++)
        used |= percpu_blocks[i] && *percpu_of(i, tsc_offset);
    __atomic_store_n(&offsets_used, used, __ATOMIC_RELEASE);
}

/* The highest of `ns` and of what this has returned before, on any processor. */
static uint64_t
time_not_back(uint64_t ns)
{
    uint64_t highest = __atomic_load_n(&time_highest, __ATOMIC_ACQUIRE);

    while (ns > highest)
        if (__atomic_compare_exchange_n(&time_highest, &highest, ns, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return ns;
    return highest;
}

uint64_t
time_now(void)
{
    uint64_t ns;

    if (!__atomic_load_n(&tsc_factor, __ATOMIC_ACQUIRE))
        return 0;
    ns = ticks_to_ns(ticks_corrected());
    if (__builtin_expect(!__atomic_load_n(&offsets_used, __ATOMIC_RELAXED), 1))
        return ns;
    return time_not_back(ns);
}

void
stall_us(uint64_t us)
{
    uint64_t start = ticks_corrected(), hz = tsc_hz ? tsc_hz : HZ_ASSUMED,
             n = us < STALL_MAX_US ? us : STALL_MAX_US;
    uint64_t ticks = n / 1000000 * hz + n % 1000000 * hz / 1000000;

    /* Where the offsets are measured, two processors' ticks may differ by what the measurement left open. */
    ticks += ticks / STALL_MARGIN + 1 + (__atomic_load_n(&offsets_used, __ATOMIC_RELAXED) ? hz / 1000000 : 0);
    while ((int64_t)(ticks_corrected() - start) < (int64_t)ticks)
        cpu_relax();
}

/* The hypervisor's word: leaf 40000010h, EAX in kHz (VMware's, also given by KVM and QEMU). */
static uint64_t
hypervisor_frequency(void)
{
    uint32_t r[4];

    if (!cpu_has(CPU_HYPERVISOR))
        return 0;
    cpuid(0x40000000, 0, r);
    if (r[0] < 0x40000010 || r[0] > 0x400000ff)
        return 0;
    cpuid(0x40000010, 0, r);
    return r[0] * UINT64_C(1000);
}

/* SDM vol. 2A, CPUID leaf 15h: ratio EBX / EAX to a crystal of ECX Hz. */
static uint64_t
crystal_frequency(void)
{
    uint32_t r[4];

    cpuid(0, 0, r);
    if (r[0] < 0x15)
        return 0;
    cpuid(0x15, 0, r);
    return r[0] && r[1] ? (uint64_t)r[2] * r[1] / r[0] : 0;
}

static uint64_t
plausible(uint64_t hz)
{
    return hz >= HZ_MIN && hz <= HZ_ASSUMED ? hz : 0;
}

uint64_t
tsc_frequency_told(void)
{
    uint64_t hz = plausible(hypervisor_frequency());

    return hz ? hz : plausible(crystal_frequency());
}

/* SDM vol. 2A, CPUID leaf 16h: EAX, the base frequency in MHz, for information. */
uint64_t
tsc_frequency_guess(void)
{
    uint32_t r[4];
    uint64_t hz = 0;

    cpuid(0, 0, r);
    if (r[0] >= 0x16) {
        cpuid(0x16, 0, r);
        hz = plausible((r[0] & 0xffff) * UINT64_C(1000000));
    }
    return hz ? hz : HZ_ASSUMED;
}
