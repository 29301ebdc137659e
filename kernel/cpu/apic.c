#include "kernel/cpu/apic.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/tsc.h"
#include "lib/errno.h"
#include "lib/field.h"

// clang-format off
/* SDM vol. 3A, table 11-1: offsets in the page; as an MSR 0x800 + offset / 16 (table 11-6). */
#define APIC_ID              0x20
#define APIC_VERSION         0x30
#define  VERSION_MAX_LVT       BITS(23, 16)
#define APIC_EOI             0xb0
#define APIC_SPURIOUS        0xf0
#define  SPURIOUS_ENABLE       BIT(8)
#define APIC_ISR             0x100       /* 8 registers of 32 vectors */
#define APIC_ERROR_STATUS    0x280
#define APIC_LVT_CMCI        0x2f0
#define APIC_ICR             0x300
#define  ICR_FIXED             0x0000
#define  ICR_NMI               0x0400
#define  ICR_INIT              0x0500
#define  ICR_STARTUP           0x0600
#define  ICR_PENDING           BIT(12)   /* xAPIC only */
#define  ICR_ASSERT            BIT(14)
#define  ICR_TO_SELF           BIT(18)
#define APIC_ICR_HIGH        0x310       /* xAPIC only: destination in bits 31..24 */
#define APIC_LVT_TIMER       0x320
#define APIC_LVT_THERMAL     0x330
#define APIC_LVT_COUNTERS    0x340
#define APIC_LVT_LINT0       0x350
#define APIC_LVT_LINT1       0x360
#define APIC_LVT_ERROR       0x370
#define  LVT_NMI               0x400
#define  LVT_EXTINT            0x700
#define  LVT_MASKED            BIT(16)
#define APIC_TIMER_INITIAL   0x380
#define APIC_TIMER_CURRENT   0x390
#define APIC_TIMER_DIVIDE    0x3e0
#define  DIVIDE_BY_16          0x3
#define APIC_SELF            0x3f0       /* x2APIC only */
// clang-format on

#define CPUID1_EDX_APIC   BIT(9)
#define CPUID1_ECX_X2APIC BIT(21)

#define SEND_LIMIT_US 1000 /* for the previous interrupt to leave; it takes some bus cycles */

static void *page;        /* [I] after apic_probe(); NULL: x2APIC */
static bool ready;        /* [I] after the first apic_setup() */
static uint64_t timer_hz; /* [I] after calibration */

static uint32_t
reg_read(uint32_t reg)
{
    if (page)
        return mmio_read32(page, reg);
    return (uint32_t)msr_read(MSR_X2APIC + reg / 16);
}

static void
reg_write(uint32_t reg, uint32_t v)
{
    if (page)
        mmio_write32(page, reg, v);
    else
        msr_write(MSR_X2APIC + reg / 16, v);
}

int
apic_probe(void *regs, bool want_x2apic)
{
    uint32_t r[4];
    bool has_x2apic, left_on;

    cpuid(1, 0, r);
    if (!(r[3] & CPUID1_EDX_APIC))
        return -ENODEV;
    has_x2apic = r[2] & CPUID1_ECX_X2APIC;
    /* From x2APIC mode there is no way to xAPIC mode but through "disabled", which firmware may have locked. */
    left_on = has_x2apic && (msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC);
    page = left_on || (has_x2apic && want_x2apic) ? NULL : regs;
    return page || has_x2apic ? 0 : -ENODEV;
}

/* End what an earlier owner of the machine left in service; each EOI clears one vector. */
static void
service_clear(void)
{
    for (unsigned v = 255; v >= 16; v--)
        if (apic_in_service((uint8_t)v))
            apic_eoi();
}

void
apic_setup(bool extint)
{
    uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    msr_write(MSR_APIC_BASE, base); /* to x2APIC only through "enabled" (SDM vol. 3A, figure 11-27) */
    if (!page)
        msr_write(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    reg_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    service_clear();

    reg_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_CLOCK);
    reg_write(APIC_LVT_LINT0, extint ? LVT_EXTINT : LVT_EXTINT | LVT_MASKED);
    reg_write(APIC_LVT_LINT1, LVT_NMI);
    reg_write(APIC_LVT_ERROR, VECTOR_APIC_ERROR);
    if (FIELD_GET(VERSION_MAX_LVT, reg_read(APIC_VERSION)) >= 4)
        reg_write(APIC_LVT_COUNTERS, LVT_MASKED | VECTOR_SPURIOUS);
    if (FIELD_GET(VERSION_MAX_LVT, reg_read(APIC_VERSION)) >= 5)
        reg_write(APIC_LVT_THERMAL, LVT_MASKED | VECTOR_SPURIOUS);
    if (FIELD_GET(VERSION_MAX_LVT, reg_read(APIC_VERSION)) >= 6)
        reg_write(APIC_LVT_CMCI, LVT_MASKED | VECTOR_SPURIOUS);
    reg_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    reg_write(APIC_TIMER_INITIAL, 0);
    apic_error_take();
    ready = true;
}

bool
apic_ready(void)
{
    return ready;
}

bool
apic_is_x2apic(void)
{
    return !page;
}

uint32_t
apic_id(void)
{
    return page ? reg_read(APIC_ID) >> 24 : reg_read(APIC_ID);
}

uint32_t
apic_id_max(void)
{
    return page ? 0xfe : 0xfffffffe; /* all ones is a broadcast */
}

void
apic_eoi(void)
{
    reg_write(APIC_EOI, 0);
}

bool
apic_in_service(uint8_t vector)
{
    return reg_read(APIC_ISR + vector / 32 * 16) & BIT(vector % 32);
}

uint32_t
apic_error_take(void)
{
    reg_write(APIC_ERROR_STATUS, 0); /* a write moves what was gathered into the register */
    return reg_read(APIC_ERROR_STATUS);
}

/* The command register holds one interrupt at a time, and an interrupt here may want to send as well. */
static void
command_send(uint32_t destination, uint32_t command)
{
    uint64_t were_on = interrupts_save();

    if (!page) {
        memory_fence(); /* WRMSR to x2APIC does not order earlier stores (SDM vol. 3A, 11.12.3) */
        msr_write(MSR_X2APIC + APIC_ICR / 16, (uint64_t)destination << 32 | command);
    } else {
        for (unsigned us = 0; us < SEND_LIMIT_US && (reg_read(APIC_ICR) & ICR_PENDING); us++)
            stall_us(1);
        reg_write(APIC_ICR_HIGH, destination << 24);
        reg_write(APIC_ICR, command);
    }
    interrupts_restore(were_on);
}

void
apic_send(uint32_t id, uint8_t vector)
{
    command_send(id, ICR_FIXED | ICR_ASSERT | vector);
}

void
apic_send_self(uint8_t vector)
{
    if (page)
        command_send(0, ICR_FIXED | ICR_ASSERT | ICR_TO_SELF | vector);
    else
        reg_write(APIC_SELF, vector);
}

void
apic_send_init(uint32_t id)
{
    command_send(id, ICR_INIT | ICR_ASSERT);
}

void
apic_send_startup(uint32_t id, uint8_t first_page)
{
    command_send(id, ICR_STARTUP | ICR_ASSERT | first_page);
}

void
apic_send_nmi(uint32_t id)
{
    command_send(id, ICR_NMI | ICR_ASSERT);
}

void
apic_timer_set_frequency(uint64_t hz)
{
    timer_hz = hz;
}

uint64_t
apic_timer_frequency(void)
{
    return timer_hz;
}

void
apic_timer_calibrate_start(void)
{
    reg_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_CLOCK);
    reg_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t
apic_timer_left(void)
{
    return reg_read(APIC_TIMER_CURRENT);
}

/* The product fits: ns * hz < 2^32 * 10^9 whenever ns is below what the counter holds. */
static uint32_t
timer_counts(uint64_t ns)
{
    ASSERT(timer_hz);
    if (ns >= UINT32_MAX * SECONDS(1) / timer_hz)
        return UINT32_MAX;
    return (uint32_t)MAX(DIV_ROUND_UP(ns * timer_hz, SECONDS(1)), 1);
}

void
apic_timer_arm(uint64_t ns)
{
    reg_write(APIC_LVT_TIMER, VECTOR_CLOCK);
    reg_write(APIC_TIMER_INITIAL, timer_counts(ns));
}

void
apic_timer_stop(void)
{
    reg_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_CLOCK);
    reg_write(APIC_TIMER_INITIAL, 0);
}
