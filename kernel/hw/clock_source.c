/*
 * The counters of the board: HPET, ACPI's power management timer, and, where neither is, channel 2 of the
 * 8254. Each is only used after it was seen to move.
 */
#include "kernel/hw/clock_impl.h"
#include "kernel/console/log.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/acpi.h"
#include "kernel/mem/space.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"

/* clang-format off */
/* IA-PC HPET 1.0a, 2.3. Registers are 64 bits wide; some boards take accesses of 32 only. */
#define HPET_CAPABILITIES    0x000
#define HPET_PERIOD          0x004      /* upper half: femtoseconds per count */
#define  HPET_PERIOD_MAX       100000000
#define HPET_CONFIG          0x010
#define  HPET_CONFIG_ENABLE    BIT(0)
#define  HPET_CONFIG_LEGACY    BIT(1)   /* takes over the interrupts of 8254 and RTC */
#define HPET_COUNTER         0x0f0
#define HPET_SIZE            0x400
#define FEMTO                UINT64_C(1000000000000000)

/* ACPI 6.5, 4.8.3.3 */
#define PM_TIMER_HZ          3579545
#define PM_TIMER_SIZE        4
#define PM_TIMER_JUMP        0x1000     /* 1 ms: more between two readings is the PIIX4's torn reading */

/* Intel 8254, and the PC's port 61h with the gate of channel 2 and the speaker */
#define PIT_HZ               1193182
#define PIT_CHANNEL2         0x42
#define PIT_COMMAND          0x43
#define  PIT_LATCH_2           0x80
#define  PIT_RATE_2            0xb4     /* channel 2, both bytes, mode 2: counts down, reloads */
#define PC_CONTROL           0x61
#define  PC_GATE_2             BIT(0)
#define  PC_SPEAKER            BIT(1)
/* clang-format on */

#define SEEN_TRIES 100
#define SEEN_US    10

static void *hpet_regs;        /* [I] */
static void *pm_timer_regs;    /* [I] NULL: it is a port */
static uint16_t pm_timer_port; /* [I] */
static spinlock_t pit_lock = SPINLOCK(LOCK_DEVICE, "pit");

static struct clock_source sources[3]; /* [I] after clock_source_init(); name NULL: none */

static uint64_t
hpet_read(void)
{
    return mmio_read32(hpet_regs, HPET_COUNTER);
}

static uint32_t
pm_timer_read_once(void)
{
    return pm_timer_regs ? mmio_read32(pm_timer_regs, 0) : port_read32(pm_timer_port);
}

/* The PIIX4's timer is not latched: a reading while it carries is wrong, the next one is right. */
static uint64_t
pm_timer_read(void)
{
    uint32_t a = pm_timer_read_once(), b = pm_timer_read_once();

    return ((b - a) & 0xffffff) < PM_TIMER_JUMP ? b : pm_timer_read_once();
}

static uint64_t
pit_read(void)
{
    uint64_t were_on = spin_lock_interrupts(&pit_lock);
    uint16_t v;

    port_write8(PIT_COMMAND, PIT_LATCH_2);
    v = port_read8(PIT_CHANNEL2);
    v |= (uint16_t)(port_read8(PIT_CHANNEL2) << 8);
    spin_unlock_interrupts(&pit_lock, were_on);
    return (uint16_t)-v;
}

/* Take a counter up, if it moves within a millisecond. */
static bool
add_source(const struct clock_source *s)
{
    uint64_t first = s->read() & s->mask;
    size_t i = 0;

    for (unsigned n = 0; (s->read() & s->mask) == first; n++) {
        if (n == SEEN_TRIES) {
            log_warn("clock: %s: stands still at %#lx; not used", s->name, (unsigned long)first);
            return false;
        }
        stall_us(SEEN_US);
    }
    while (sources[i].name)
        i++;
    sources[i] = *s;
    return true;
}

static bool
hpet_init(uint64_t pa)
{
    struct clock_source s = {.name = "HPET", .mask = UINT32_MAX, .read = hpet_read};
    uint32_t period, config;

    hpet_regs = space_map_device(pa, HPET_SIZE);
    if (!hpet_regs) {
        log_warn("clock: HPET at %#lx: cannot be mapped", (unsigned long)pa);
        return false;
    }
    period = mmio_read32(hpet_regs, HPET_PERIOD);
    if (!period || period > HPET_PERIOD_MAX) {
        log_warn("clock: HPET at %#lx: period is %u fs (1 to 100000000: IA-PC HPET 1.0a, 2.3.4)",
                 (unsigned long)pa, period);
        goto unmap;
    }
    s.hz = FEMTO / period;
    config = mmio_read32(hpet_regs, HPET_CONFIG);
    mmio_write32(hpet_regs, HPET_CONFIG, (config & ~HPET_CONFIG_LEGACY) | HPET_CONFIG_ENABLE);
    if (add_source(&s))
        return true;
unmap:
    space_unmap(hpet_regs);
    hpet_regs = NULL;
    return false;
}

static bool
pm_timer_init(const struct acpi_info *info)
{
    struct clock_source s = {.name = "PM timer",
                             .hz = PM_TIMER_HZ,
                             .mask = info->pm_timer_bits == 32 ? UINT32_MAX : 0xffffff,
                             .read = pm_timer_read};

    if (info->pm_timer.space == ACPI_PORT) {
        pm_timer_port = (uint16_t)info->pm_timer.address;
    } else {
        pm_timer_regs = space_map_device(info->pm_timer.address, PM_TIMER_SIZE);
        if (!pm_timer_regs) {
            log_warn("clock: PM timer at %#lx: cannot be mapped", (unsigned long)info->pm_timer.address);
            return false;
        }
    }
    return add_source(&s);
}

static void
pit_init(void)
{
    static const struct clock_source s = {.name = "8254", .hz = PIT_HZ, .mask = UINT16_MAX, .read = pit_read};

    port_write8(PC_CONTROL, (port_read8(PC_CONTROL) & ~PC_SPEAKER) | PC_GATE_2);
    port_write8(PIT_COMMAND, PIT_RATE_2);
    port_write8(PIT_CHANNEL2, 0);
    port_write8(PIT_CHANNEL2, 0);
    add_source(&s);
}

void
clock_source_init(const struct acpi_info *info)
{
    bool found = info->hpet && hpet_init(info->hpet);

    if (info->pm_timer.space == ACPI_PORT || info->pm_timer.space == ACPI_MEMORY)
        found |= pm_timer_init(info);
    if (!found)
        pit_init();
}

const struct clock_source *
clock_source_at(size_t i)
{
    return i < ARRAY_SIZE(sources) && sources[i].name ? &sources[i] : NULL;
}

uint64_t
clock_source_ns(const struct clock_source *s, uint64_t from, uint64_t to)
{
    uint64_t counts = (to - from) & s->mask;

    return counts / s->hz * SECONDS(1) + counts % s->hz * SECONDS(1) / s->hz;
}
