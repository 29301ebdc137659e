/*
 * Interrupts of a real device: QEMU's "edu" (docs/specs/edu.txt there), which raises its line or its message when
 * told to, and holds the line until it is acknowledged. Its configuration space is reached through CF8/CFC, so that
 * these tests stand below kernel/hw.
 */
#include "kernel/cpu/io.h"
#include "kernel/cpu/smp.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "tests/guest/kernel/cpu/irq_probe.h"

#define PCI_ADDRESS      0xcf8
#define PCI_DATA         0xcfc
#define PCI_COMMAND      0x04
#define PCI_MEMORY       BIT(1)
#define PCI_MASTER       BIT(2)
#define PCI_INTX_OFF     BIT(10)
#define PCI_BAR0         0x10
#define PCI_CAPABILITIES 0x34
#define PCI_LINE         0x3c
#define MSI_ID           0x05
#define MSI_ENABLE       BIT(16)
#define MSI_64BIT        BIT(23)

#define EDU_ID      0x11e81234
#define EDU_SIZE    0x1000
#define EDU_PENDING 0x24
#define EDU_RAISE   0x60
#define EDU_ACK     0x64

struct edu {
    struct probe probe;
    uint32_t function; /* device << 11 on bus 0 */
    void *regs;
    uint8_t line;
    bool keep; /* [a] the handler does not acknowledge */
};

static uint32_t
config_read(uint32_t function, uint32_t reg)
{
    port_write32(PCI_ADDRESS, BIT(31) | function | (reg & 0xfc));
    return port_read32(PCI_DATA);
}

static void
config_write(uint32_t function, uint32_t reg, uint32_t v)
{
    port_write32(PCI_ADDRESS, BIT(31) | function | (reg & 0xfc));
    port_write32(PCI_DATA, v);
}

/* Claims if the device has raised the interrupt. */
static void
edu_serve(struct probe *p)
{
    struct edu *e = container_of(p, struct edu, probe);
    uint32_t pending = mmio_read32(e->regs, EDU_PENDING);

    if (pending && !__atomic_load_n(&e->keep, __ATOMIC_ACQUIRE))
        mmio_write32(e->regs, EDU_ACK, pending);
}

/* The next edu behind device `from` of bus 0. Returns its device number, or 32. */
static unsigned
edu_open(struct edu *e, unsigned from)
{
    unsigned n = from;

    while (n < 32 && config_read(n << 11, 0) != EDU_ID)
        n++;
    if (n == 32)
        return n;
    *e = (struct edu){.function = n << 11, .line = (uint8_t)config_read(n << 11, PCI_LINE)};
    config_write(e->function, PCI_COMMAND, PCI_MEMORY | PCI_MASTER);
    e->regs = space_map_device(config_read(e->function, PCI_BAR0) & ~0xfu, EDU_SIZE);
    KCHECK(e->regs);
    if (!e->regs)
        return 32;
    mmio_write32(e->regs, EDU_ACK, UINT32_MAX);
    probe_init(&e->probe, "edu");
    e->probe.more = edu_serve;
    return n;
}

static void
edu_close(struct edu *e)
{
    mmio_write32(e->regs, EDU_ACK, UINT32_MAX);
    config_write(e->function, PCI_COMMAND, PCI_MEMORY | PCI_INTX_OFF);
    space_unmap(e->regs);
}

static void
edu_raise(struct edu *e)
{
    mmio_write32(e->regs, EDU_RAISE, 1);
}

static bool
edu_find(struct edu *e)
{
    if (edu_open(e, 0) < 32)
        return true;
    ktest_skip("needs -device edu");
    return false;
}

/* Open the first edu and connect it to its line. */
static bool
edu_on_line(struct edu *e)
{
    int err;

    if (!edu_find(e))
        return false;
    err = irq_connect_line(&e->probe.irq, e->line, IRQ_LEVEL, true);
    KCHECK_EQ(err, 0);
    if (!err && irq_facts(&e->probe.irq).source.via[0] == '8')
        return true;
    if (!err) {
        irq_disconnect(&e->probe.irq);
        ktest_skip("no 8259 pair, and only AML knows the pin");
    }
    edu_close(e);
    return false;
}

KTEST(irq_edu_line_comes_once_for_each_raise)
{
    struct edu e;

    if (!edu_on_line(&e))
        return;
    for (uint32_t n = 1; n <= 100; n++) {
        edu_raise(&e);
        KCHECK(probe_wait(&e.probe, n));
    }
    stall_us(1000);
    KCHECK_EQ(probe_calls(&e.probe), 100);
    KCHECK_EQ(irq_facts(&e.probe.irq).claimed, 100);
    KCHECK_EQ(e.probe.irql, e.probe.irq.level);
    irq_disconnect(&e.probe.irq);
    edu_close(&e);
}

/* Level triggered: masked while deferred, so that it does not come again and again meanwhile. */
KTEST(irq_edu_line_is_deferred_while_cr8_is_at_its_level)
{
    static const uint8_t levels[] = {0, CLOCK_LEVEL, HIGH_LEVEL};
    struct edu e;

    pin(0);
    if (edu_on_line(&e)) {
        for (unsigned i = 0; i < ARRAY_SIZE(levels); i++) {
            uint32_t calls = probe_calls(&e.probe);
            uint8_t old = irql_raise(levels[i] ? levels[i] : e.probe.irq.level);

            edu_raise(&e);
            stall_us(2000);
            KCHECK_EQ(probe_calls(&e.probe), calls);
            KCHECK_EQ(irq_facts(&e.probe.irq).source.deferred, i + 1);
            irql_set(e.probe.irq.level - 1);
            KCHECK_EQ(probe_calls(&e.probe), calls + 1);
            irql_lower(old);
        }
        irq_disconnect(&e.probe.irq);
        edu_close(&e);
    }
    unpin();
}

/* Two devices, or two handlers where only one device shares the line: each raise is claimed by its own. */
static void
sharing_check(struct edu *a, struct edu *b)
{
    for (uint32_t n = 1; n <= 20; n++) {
        edu_raise(a);
        edu_raise(b);
        KCHECK(probe_wait(&a->probe, n) && probe_wait(&b->probe, n));
        for (unsigned us = 0;
             us < 1000000 && (mmio_read32(a->regs, EDU_PENDING) || mmio_read32(b->regs, EDU_PENDING));
             us += 10)
            stall_us(10);
        KCHECK_EQ(mmio_read32(a->regs, EDU_PENDING), 0);
        KCHECK_EQ(mmio_read32(b->regs, EDU_PENDING), 0);
    }
    KCHECK_EQ(irq_facts(&a->probe.irq).source.unclaimed, 0);
}

KTEST(irq_edu_two_devices_on_a_line)
{
    struct edu a, b;
    unsigned n;

    if (!edu_on_line(&a))
        return;
    n = edu_open(&b, (a.function >> 11) + 1);
    while (n < 32 && b.line != a.line) {
        edu_close(&b);
        n = edu_open(&b, n + 1);
    }
    if (n == 32) {
        ktest_skip("no second edu on the line of the first");
    } else {
        KCHECK_EQ(irq_connect_line(&b.probe.irq, b.line, IRQ_LEVEL, true), 0);
        sharing_check(&a, &b);
        irq_disconnect(&b.probe.irq);
        edu_close(&b);
    }
    irq_disconnect(&a.probe.irq);
    edu_close(&a);
}

/* A line that nobody acknowledges screams for ever: it is masked, and the machine goes on. */
KTEST(irq_edu_screaming_line_is_masked)
{
    struct edu e;

    if (!edu_on_line(&e))
        return;
    e.probe.deny = e.keep = true;
    edu_raise(&e);
    KCHECK(probe_wait(&e.probe, IRQ_STORM_LIMIT));
    stall_us(5000);
    KCHECK_EQ(probe_calls(&e.probe), IRQ_STORM_LIMIT);
    KCHECK(irq_facts(&e.probe.irq).source.masked);
    irq_disconnect(&e.probe.irq);

    e.probe.deny = e.keep = false; /* a driver that knows the device: the line works again */
    KCHECK_EQ(irq_connect_line(&e.probe.irq, e.line, IRQ_LEVEL, true), 0);
    KCHECK(probe_wait(&e.probe, IRQ_STORM_LIMIT + 1));
    KCHECK(!irq_facts(&e.probe.irq).source.masked);
    KCHECK_EQ(mmio_read32(e.regs, EDU_PENDING), 0);
    irq_disconnect(&e.probe.irq);
    edu_close(&e);
}

/* The handler claims but does not acknowledge: it runs again and again on processor 0 while it is disconnected. */
KTEST(irq_edu_disconnect_while_the_line_is_high)
{
    struct edu e;

    if (cpu_count() == 1) {
        ktest_skip("needs two processors");
        return;
    }
    pin(1);
    if (edu_on_line(&e)) {
        for (unsigned round = 0; round < 10; round++) {
            uint32_t calls;

            e.keep = true;
            edu_raise(&e);
            KCHECK(probe_wait(&e.probe, 10));
            irq_disconnect(&e.probe.irq);
            calls = probe_calls(&e.probe);
            stall_us(500);
            KCHECK_EQ(probe_calls(&e.probe), calls);
            mmio_write32(e.regs, EDU_ACK, UINT32_MAX);
            __atomic_store_n(&e.probe.calls, 0, __ATOMIC_RELEASE);
            KCHECK_EQ(irq_connect_line(&e.probe.irq, e.line, IRQ_LEVEL, true), 0);
        }
        irq_disconnect(&e.probe.irq);
        edu_close(&e);
    }
    unpin();
}

/* Put a message into the device's MSI capability (PCI 3.0, 6.8.1). Returns the capability, or 0. */
static uint32_t
msi_enable(const struct edu *e, const struct irq_message *m)
{
    uint32_t at = config_read(e->function, PCI_CAPABILITIES) & 0xfc, head = 0;

    for (unsigned n = 0; at && n < 48; n++) {
        head = config_read(e->function, at);
        if ((head & 0xff) == MSI_ID)
            break;
        at = head >> 8 & 0xfc;
    }
    if (!at)
        return 0;
    config_write(e->function, at + 4, (uint32_t)m->address);
    if (head & MSI_64BIT)
        config_write(e->function, at + 8, (uint32_t)(m->address >> 32));
    config_write(e->function, at + (head & MSI_64BIT ? 12 : 8), m->data);
    config_write(e->function, at, head | MSI_ENABLE);
    return at;
}

static void
msi_disable(const struct edu *e, uint32_t at)
{
    config_write(e->function, at, config_read(e->function, at) & ~MSI_ENABLE);
}

static void
message_check(struct edu *e, uint32_t cpu)
{
    uint8_t old;

    edu_raise(e);
    KCHECK(probe_wait(&e->probe, 1));
    KCHECK_EQ(e->probe.cpu, cpu);
    KCHECK_EQ(e->probe.irql, e->probe.irq.level);
    pin(cpu);
    old = irql_raise(e->probe.irq.level);
    edu_raise(e);
    stall_us(1000);
    KCHECK_EQ(probe_calls(&e->probe), 1);
    irql_set(e->probe.irq.level - 1);
    KCHECK_EQ(probe_calls(&e->probe), 2);
    irql_lower(old);
    unpin();
}

KTEST(irq_edu_message_reaches_each_processor)
{
    struct edu e;
    int err = 0;

    if (!edu_find(&e))
        return;
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct irq_message m;
        uint32_t at;

        err = irq_message_alloc(1, n, &m);
        if (err)
            break;
        probe_init(&e.probe, "edu");
        e.probe.more = edu_serve;
        KCHECK_EQ(irq_connect_message(&e.probe.irq, &m, 0), 0);
        at = msi_enable(&e, &m);
        KCHECK(at);
        if (at) {
            message_check(&e, n);
            msi_disable(&e, at);
        }
        irq_disconnect(&e.probe.irq);
        irq_message_free(&m, 1);
    }
    if (err == -ENOTSUP)
        ktest_skip("messages are off");
    else
        KCHECK_EQ(err, 0);
    edu_close(&e);
}
