/*
 * Calibration at boot, and the time of day.
 *
 * The TSC's frequency is what CPUID says, if it does; else it is measured against the first counter that
 * gives a result. The local APIC timer is measured in the same rounds.
 */
#include "kernel/hw/clock.h"
#include "kernel/hw/clock_impl.h"
#include "kernel/console/log.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/acpi.h"
#include "kernel/hw/rtc.h"
#include "lib/errno.h"

#define TIMER_HZ_MIN 10000 /* below, a time slice is no number of counts */

static uint64_t wall_base; /* [a] wall clock minus time_now() */

static int
measure_against(const struct clock_source *s, struct clock_measured *out)
{
    const struct clock_bench bench = {.reference = s,
                                      .tsc = tsc_ticks,
                                      .timer_left = apic_ready() ? apic_timer_left : NULL,
                                      .relax = cpu_relax};
    uint64_t were_on = interrupts_save();
    int err;

    if (bench.timer_left)
        apic_timer_calibrate_start();
    err = clock_measure(&bench, out);
    if (bench.timer_left)
        apic_timer_stop();
    interrupts_restore(were_on);

    if (err == -EIO) {
        log_warn("clock: %s: cannot be measured against: stands still, or is read too slowly", s->name);
        return err;
    }
    if (err)
        log_warn("clock: %s: no two of %u rounds agree to %u ppm; taking the median", s->name, out->rounds,
                 CLOCK_AGREE);
    log_info("clock: TSC %lu kHz by %s, local APIC timer %lu kHz, %u rounds",
             (unsigned long)out->tsc_hz / 1000, s->name, (unsigned long)out->timer_hz / 1000, out->rounds);
    return 0;
}

/* With the TSC as its own reference what is left to measure is the local APIC timer. */
static struct clock_measured
measure_by_tsc(const char *name, uint64_t hz)
{
    const struct clock_source s = {.name = name, .hz = hz, .mask = UINT64_MAX, .read = tsc_ticks};
    struct clock_measured m;

    if (measure_against(&s, &m))
        m.timer_hz = 0;
    m.tsc_hz = hz;
    return m;
}

static struct clock_measured
measure(void)
{
    uint64_t told = tsc_frequency_told();
    const struct clock_source *s;
    struct clock_measured m;

    if (told)
        return measure_by_tsc("CPUID", told);
    for (size_t i = 0; (s = clock_source_at(i)); i++)
        if (!measure_against(s, &m))
            return m;
    log_err("clock: nothing to measure the TSC against; assuming %lu MHz",
            (unsigned long)tsc_frequency_guess() / 1000000);
    return measure_by_tsc("assumption", tsc_frequency_guess());
}

static void
wall_clock_init(const struct acpi_info *info)
{
    uint64_t seconds;
    int err = info->has_rtc ? rtc_read(info->century, &seconds) : -ENODEV;
    struct civil_time t;

    if (err) {
        log_warn("rtc: no time of day (error %d); it is 1970", -err);
        return;
    }
    wall_base = SECONDS(1) * seconds - time_now();
    civil_from_unix((int64_t)seconds, &t);
    log_info("rtc: %04d-%02u-%02u %02u:%02u:%02u UTC", t.year, t.month, t.day, t.hour, t.minute, t.second);
}

void
clock_init(const struct acpi_info *info)
{
    struct clock_measured m;

    assert_irql(PASSIVE_LEVEL);
    clock_source_init(info);
    m = measure();
    tsc_set_frequency(m.tsc_hz);
    if (m.timer_hz >= TIMER_HZ_MIN)
        apic_timer_set_frequency(m.timer_hz);
    else
        log_err("clock: local APIC timer runs at %lu Hz; there will be no timers", (unsigned long)m.timer_hz);
    if (!cpu_has(CPU_TSC_INVARIANT))
        log_info(
            "clock: the TSC is not invariant: in sleep states or at other speeds time may run differently");
    wall_clock_init(info);
}

uint64_t
wall_clock_now(void)
{
    return __atomic_load_n(&wall_base, __ATOMIC_RELAXED) + time_now();
}

void
wall_clock_set(uint64_t ns)
{
    __atomic_store_n(&wall_base, ns - time_now(), __ATOMIC_RELAXED);
}
