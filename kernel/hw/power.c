/*
 * Power off and reset. Nobody can say beforehand which way a board follows: each is tried, given time, and
 * then comes the next one.
 */
#include "kernel/hw/power.h"
#include "kernel/console/log.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/reset.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/acpi.h"
#include "kernel/mem/space.h"
#include "lib/field.h"

/* clang-format off */
/* ACPI 6.5, 4.8.3.1.1 and 4.8.3.2.1: PM1 status and control; 4.8.3.7: sleep control and status */
#define PM1_WAKE_STATUS        BIT(15)
#define PM1_SCI_EN             BIT(0)
#define PM1_SLP_TYP            BITS(12, 10)
#define PM1_SLP_EN             BIT(13)
#define SLEEP_TYPE             BITS(4, 2)
#define SLEEP_ENABLE           BIT(5)
#define SLEEP_WAKE_STATUS      BIT(7)

/* PCI 3.0, 3.2.2.3.2: configuration mechanism 1 */
#define PCI_CONFIG_ADDRESS     0xcf8
#define PCI_CONFIG_DATA        0xcfc
#define  PCI_CONFIG_ENABLE       BIT(31)

/* Keyboard controller: status and command port */
#define KBC_COMMAND            0x64
#define  KBC_INPUT_FULL          BIT(1)
#define  KBC_PULSE_RESET         0xfe

/* Reset control register of Intel's chipsets */
#define RESET_CONTROL          0xcf9
#define  RESET_SYSTEM            BIT(1)
#define  RESET_CPU               BIT(2)
/* clang-format on */

#define ACPI_ENABLE_MS 300
#define KBC_READY_MS   100
#define WAY_MS         100 /* for a way to take effect */

/* Ports by which virtual machines are turned off, and what they want to see there. */
static const struct {
    uint16_t port, value;
} virtual_machines[] = {
    {0x604, 0x2000},  /* QEMU's PM1a control where its firmware puts it */
    {0xb004, 0x2000}, /* Bochs, and QEMU before 2.0 */
    {0x4004, 0x3400}, /* VirtualBox */
};

/* A register, and its address if it is in memory. */
struct reg {
    struct acpi_reg at;
    void *mapped;
};

static struct acpi_power power; /* [I] after power_init() */
static bool has_8042 = true;    /* [I] */
static struct reg pm1a_event, pm1b_event, pm1a_control, pm1b_control, sleep_control, sleep_status,
    reset; /* [I] */

static struct reg
reg_init(struct acpi_reg at)
{
    struct reg r = {.at = at};

    if (at.space == ACPI_MEMORY) {
        r.mapped = space_map_device(at.address, sizeof(uint32_t));
        if (!r.mapped) {
            log_warn("power: register at %#lx: cannot be mapped", (unsigned long)at.address);
            r.at.space = ACPI_NONE;
        }
    }
    return r;
}

void
power_init(const struct acpi_info *info)
{
    power = info->power;
    has_8042 = info->has_8042;
    pm1a_event = reg_init(power.pm1a_event);
    pm1b_event = reg_init(power.pm1b_event);
    pm1a_control = reg_init(power.pm1a_control);
    pm1b_control = reg_init(power.pm1b_control);
    sleep_control = reg_init(power.sleep_control);
    sleep_status = reg_init(power.sleep_status);
    reset = reg_init(power.reset);
}

static uint16_t
read16(const struct reg *r)
{
    if (r->at.space == ACPI_PORT)
        return port_read16((uint16_t)r->at.address);
    return r->at.space == ACPI_MEMORY ? mmio_read16(r->mapped, 0) : 0;
}

static void
write16(const struct reg *r, uint16_t v)
{
    if (r->at.space == ACPI_PORT)
        port_write16((uint16_t)r->at.address, v);
    else if (r->at.space == ACPI_MEMORY)
        mmio_write16(r->mapped, 0, v);
}

static void
write8(const struct reg *r, uint8_t v)
{
    uint32_t a = (uint32_t)r->at.address;

    if (r->at.space == ACPI_PORT) {
        port_write8((uint16_t)a, v);
    } else if (r->at.space == ACPI_MEMORY) {
        mmio_write8(r->mapped, 0, v);
    } else if (r->at.space == ACPI_PCI) { /* struct acpi_reg says how the address is made */
        uint32_t device = (uint32_t)(r->at.address >> 32), function = a >> 16, offset = a & 0xff;

        port_write32(PCI_CONFIG_ADDRESS, PCI_CONFIG_ENABLE | device << 11 | function << 8 | (offset & ~3u));
        port_write8((uint16_t)(PCI_CONFIG_DATA + (offset & 3)), v);
    }
}

/* Take the power management registers over from firmware. They need not answer: then the attempt goes on. */
static void
acpi_mode_enter(void)
{
    if (!power.smi_command || read16(&pm1a_control) & PM1_SCI_EN)
        return;
    port_write8(power.smi_command, power.acpi_enable);
    for (unsigned ms = 0; ms < ACPI_ENABLE_MS && !(read16(&pm1a_control) & PM1_SCI_EN); ms++)
        stall_us(1000);
}

static void
pm1_sleep(const struct reg *control, uint8_t type, uint16_t enable)
{
    uint16_t v = read16(control) & (uint16_t) ~(PM1_SLP_TYP | PM1_SLP_EN);

    write16(control, (uint16_t)(v | FIELD_PUT(PM1_SLP_TYP, type) | enable));
}

static void
off_by_acpi(void)
{
    if (!power.has_s5)
        return;
    acpi_mode_enter();
    write16(&pm1a_event, PM1_WAKE_STATUS);
    write16(&pm1b_event, PM1_WAKE_STATUS);
    pm1_sleep(&pm1a_control, power.s5_type[0], 0);
    pm1_sleep(&pm1b_control, power.s5_type[1], 0);
    pm1_sleep(&pm1a_control, power.s5_type[0], PM1_SLP_EN);
    pm1_sleep(&pm1b_control, power.s5_type[1], PM1_SLP_EN);
    write8(&sleep_status, SLEEP_WAKE_STATUS);
    write8(&sleep_control, (uint8_t)(FIELD_PUT(SLEEP_TYPE, power.s5_type[0]) | SLEEP_ENABLE));
    stall_us(1000 * WAY_MS);
}

void
power_off(void)
{
    interrupts_save();
    smp_stop_others();
    log_info("power: off");
    off_by_acpi();
    for (size_t i = 0; i < ARRAY_SIZE(virtual_machines); i++) {
        port_write16(virtual_machines[i].port, virtual_machines[i].value);
        stall_us(1000 * WAY_MS);
    }
    log_err("power: this machine cannot be turned off by software; you can do it now");
    cpu_halt_forever();
}

static void
reset_by_keyboard_controller(void)
{
    if (!has_8042)
        return;
    for (unsigned ms = 0; ms < KBC_READY_MS && port_read8(KBC_COMMAND) & KBC_INPUT_FULL; ms++)
        stall_us(1000);
    port_write8(KBC_COMMAND, KBC_PULSE_RESET);
    stall_us(1000 * WAY_MS);
}

static void
reset_by_chipset(void)
{
    uint8_t v = port_read8(RESET_CONTROL) & (uint8_t) ~(RESET_SYSTEM | RESET_CPU);

    port_write8(RESET_CONTROL, v | RESET_SYSTEM);
    stall_us(50);
    port_write8(RESET_CONTROL, v | RESET_SYSTEM | RESET_CPU);
    stall_us(1000 * WAY_MS);
}

void
power_reboot(void)
{
    interrupts_save();
    smp_stop_others();
    log_info("power: reboot");
    if (reset.at.space != ACPI_NONE) {
        write8(&reset, power.reset_value);
        stall_us(1000 * WAY_MS);
    }
    reset_by_keyboard_controller();
    reset_by_chipset();
    cpu_triple_fault();
}
