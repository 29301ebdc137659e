/*
 * Lines, raised by the PC's own timer (8254 counter 0, line 0) and clock (RTC, line 8), which every machine has.
 * Connected as "PCI" lines they go through the 8259 pair, as ISA's through the I/O APIC if there is one.
 */
#include "kernel/cpu/io.h"
#include "kernel/cpu/smp.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/kernel/cpu/irq_probe.h"

#define PIT_LINE    0
#define PIT_COUNTER 0x40
#define PIT_CONTROL 0x43
#define PIT_HZ      1193182
#define RTC_LINE    8
#define RTC_INDEX   0x70
#define RTC_DATA    0x71

static void
pit_start(unsigned hz)
{
    port_write8(PIT_CONTROL, 0x34); /* counter 0, both bytes, mode 2 */
    port_write8(PIT_COUNTER, (uint8_t)(PIT_HZ / hz));
    port_write8(PIT_COUNTER, (uint8_t)(PIT_HZ / hz >> 8));
}

static void
pit_stop(void)
{
    port_write8(PIT_CONTROL, 0x30); /* mode 0, and no count */
}

static uint8_t
rtc_read(uint8_t reg)
{
    port_write8(RTC_INDEX, reg);
    return port_read8(RTC_DATA);
}

static void
rtc_write(uint8_t reg, uint8_t v)
{
    port_write8(RTC_INDEX, reg);
    port_write8(RTC_DATA, v);
}

/* Periodic interrupts at 1024 Hz. Returns what register B was. */
static uint8_t
rtc_start(void)
{
    uint8_t b = rtc_read(11);

    rtc_write(10, 0x26);
    rtc_write(11, b | 0x40);
    rtc_read(12);
    return b;
}

/* The clock holds its line until register C is read. */
static void
rtc_acknowledge(struct probe *p)
{
    rtc_read(12);
}

/* Has the machine an 8259 pair? Says why not. */
static bool
connect_8259(struct probe *p, unsigned line, const char *name)
{
    int err;

    probe_init(p, name);
    err = irq_connect_line(&p->irq, line, IRQ_EDGE, true);
    KCHECK_EQ(err, 0);
    if (err)
        return false;
    if (strcmp(irq_facts(&p->irq).source.via, "8259") == 0)
        return true;
    irq_disconnect(&p->irq);
    ktest_skip("no 8259 pair");
    return false;
}

/* Wait, at most two seconds, until the line has been deferred more than `times`. */
static bool
deferred_wait(const struct probe *p, uint64_t times)
{
    for (unsigned us = 0; us < 2000000 && irq_facts(&p->irq).source.deferred <= times; us += 100)
        stall_us(100);
    return irq_facts(&p->irq).source.deferred > times;
}

/* What comes while CR8 is at `level` is not handled before CR8 is below the line's, and then at once; then all
 * goes on as before. */
static void
deferred_check(struct probe *p, uint8_t level)
{
    uint64_t deferred = irq_facts(&p->irq).source.deferred;
    uint8_t old = irql_raise(level);
    uint32_t calls = probe_calls(p);

    KCHECK(deferred_wait(p, deferred));
    stall_us(3000);
    KCHECK_EQ(irq_facts(&p->irq).source.deferred, deferred + 1);
    KCHECK_EQ(probe_calls(p), calls);
    irql_set(p->irq.level - 1);
    KCHECK(probe_calls(p) > calls);
    irql_lower(old);
    KCHECK_EQ(p->irql, p->irq.level);
    KCHECK(probe_wait(p, calls + 5));
}

KTEST(irq_8259_line_is_deferred_while_cr8_is_at_its_level)
{
    struct probe p;

    pin(0);
    if (connect_8259(&p, PIT_LINE, "pit")) {
        pit_start(1000);
        KCHECK(probe_wait(&p, 5));
        KCHECK_EQ(p.cpu, 0);
        KCHECK_EQ(p.irql, p.irq.level);
        KCHECK(p.interrupts);
        deferred_check(&p, p.irq.level);
        deferred_check(&p, CLOCK_LEVEL);
        deferred_check(&p, HIGH_LEVEL);
        pit_stop();
        irq_disconnect(&p.irq);
    }
    unpin();
}

KTEST(irq_8259_line_of_the_second_chip)
{
    struct probe p;
    uint8_t b;

    pin(0);
    if (connect_8259(&p, RTC_LINE, "rtc")) {
        p.more = rtc_acknowledge;
        b = rtc_start();
        KCHECK(probe_wait(&p, 5));
        deferred_check(&p, p.irq.level);
        rtc_write(11, b);
        rtc_read(12);
        irq_disconnect(&p.irq);
    }
    unpin();
}

/* Through the I/O APIC, with the MADT's override for line 0, or through the 8259 pair where there is none. */
KTEST(irq_isa_line_arrives_at_its_level)
{
    struct probe p;
    uint32_t calls;
    uint8_t old;

    pin(0);
    probe_init(&p, "pit");
    KCHECK_EQ(irq_connect_line(&p.irq, PIT_LINE, IRQ_EDGE, false), 0);
    pit_start(1000);
    KCHECK(probe_wait(&p, 5));
    KCHECK_EQ(p.irql, p.irq.level);
    old = irql_raise(p.irq.level);
    calls = probe_calls(&p);
    stall_us(5000);
    KCHECK_EQ(probe_calls(&p), calls);
    irql_set(p.irq.level - 1);
    irql_lower(old);
    KCHECK(probe_wait(&p, calls + 5));
    irq_disconnect(&p.irq);
    calls = probe_calls(&p);
    stall_us(5000);
    KCHECK_EQ(probe_calls(&p), calls);
    pit_stop();
    unpin();
}

static void
shared_check(const struct probe *denies, const struct probe *claims)
{
    struct irq_find d = irq_facts(&denies->irq), c = irq_facts(&claims->irq);

    KCHECK_EQ(d.claimed, 0);
    KCHECK(c.claimed >= 5);
    KCHECK(d.calls >= c.calls);
    KCHECK_EQ(c.source.unclaimed, d.source.unclaimed);
    KCHECK_EQ(c.source.line, PIT_LINE);
}

KTEST(irq_shared_line_calls_all_handlers)
{
    struct probe denies, claims, third;
    uint64_t unclaimed;

    pin(0);
    if (connect_8259(&denies, PIT_LINE, "denies")) {
        denies.deny = true;
        unclaimed = irq_facts(&denies.irq).source.unclaimed;
        probe_init(&claims, "claims");
        probe_init(&third, "third");
        KCHECK_EQ(irq_connect_line(&claims.irq, PIT_LINE, IRQ_EDGE, true), 0);
        KCHECK_EQ(irq_connect_line(&third.irq, PIT_LINE, IRQ_LEVEL, true), -EBUSY);
        KCHECK_EQ(irq_connect_line(&third.irq, PIT_LINE, IRQ_EDGE, false), -EBUSY);
        pit_start(1000);
        KCHECK(probe_wait(&claims, 5));
        pit_stop();
        shared_check(&denies, &claims);
        KCHECK_EQ(irq_facts(&denies.irq).source.unclaimed, unclaimed);
        irq_disconnect(&claims.irq);
        irq_disconnect(&denies.irq);
    }
    unpin();
}

/* Handlers come and go on a line that fires all the time; the one that stays misses nothing. */
KTEST(irq_line_handlers_come_and_go)
{
    struct probe stays, goes;

    if (!connect_8259(&stays, PIT_LINE, "stays"))
        return;
    pit_start(5000);
    for (unsigned round = 0; round < 200; round++) {
        probe_init(&goes, "goes");
        KCHECK_EQ(irq_connect_line(&goes.irq, PIT_LINE, IRQ_EDGE, true), 0);
        if (round % 4 == 0)
            KCHECK(probe_wait(&goes, 1));
        irq_disconnect(&goes.irq);
    }
    KCHECK(probe_wait(&stays, 50));
    pit_stop();
    irq_disconnect(&stays.irq);
}

KTEST(irq_line_numbers_are_checked)
{
    struct probe p;

    probe_init(&p, "none");
    KCHECK_EQ(irq_connect_line(&p.irq, 2, IRQ_EDGE, false), -EINVAL);
    KCHECK_EQ(irq_connect_line(&p.irq, IRQ_LINES, IRQ_LEVEL, true), -EINVAL);
    KCHECK_EQ(irq_connect_line(&p.irq, 0xff, IRQ_LEVEL, true), -EINVAL);
}
