#include "kernel/cpu/ioapic.h"
#include "kernel/cpu/io.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"

// clang-format off
/* 82093AA 3.1: the page has a selector and a window */
#define IOAPIC_SELECT        0x00
#define IOAPIC_WINDOW        0x10
/* 82093AA 3.2: what is selected */
#define IOAPIC_VERSION       0x01
#define  VERSION_MAX_PIN       BITS(23, 16)
#define IOAPIC_PIN(n)        (0x10 + 2 * (n))   /* low word; the high one follows */
#define  PIN_VECTOR            BITS(7, 0)
#define  PIN_ACTIVE_LOW        BIT(13)
#define  PIN_LEVEL             BIT(15)
#define  PIN_MASKED            BIT(16)
#define  PIN_DESTINATION       BITS(31, 24)     /* in the high word */
#define PINS_MAX             240
// clang-format on

struct ioapic {
    void *regs;        /* [I] */
    uint32_t gsi_base; /* [I] */
    uint32_t pins;     /* [I] */
};

static spinlock_t lock = SPINLOCK(LOCK_IRQ_CHIP, "ioapic"); /* selector and window; with interrupts off */
static struct ioapic ioapics[IRQ_IOAPIC_MAX];               /* [I] after ioapic_init() */
static size_t ioapic_count;                                 /* [I] */

static uint32_t
reg_read(const struct ioapic *a, uint32_t reg)
{
    mmio_write32(a->regs, IOAPIC_SELECT, reg);
    return mmio_read32(a->regs, IOAPIC_WINDOW);
}

static void
reg_write(const struct ioapic *a, uint32_t reg, uint32_t v)
{
    mmio_write32(a->regs, IOAPIC_SELECT, reg);
    mmio_write32(a->regs, IOAPIC_WINDOW, v);
}

static const struct ioapic *
ioapic_of(uint32_t gsi)
{
    for (size_t i = 0; i < ioapic_count; i++)
        if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
            return &ioapics[i];
    return NULL;
}

bool
ioapic_has(uint32_t gsi)
{
    return ioapic_of(gsi) != NULL;
}

static void
ioapic_add(const struct irq_ioapic *found)
{
    struct ioapic a = {.regs = found->regs, .gsi_base = found->gsi_base};
    uint32_t version = reg_read(&a, IOAPIC_VERSION);

    a.pins = FIELD_GET(VERSION_MAX_PIN, version) + 1;
    if (version == UINT32_MAX || version == 0 || a.pins > PINS_MAX) {
        log_warn("ioapic: I/O APIC %u left out, version register %08x", found->id, version);
        return;
    }
    if (ioapic_of(a.gsi_base) || ioapic_of(a.gsi_base + a.pins - 1)) {
        log_warn("ioapic: I/O APIC %u left out, interrupts %u..%u are another's (ACPI 6.5, 5.2.12.3)",
                 found->id, a.gsi_base, a.gsi_base + a.pins - 1);
        return;
    }
    for (uint32_t pin = 0; pin < a.pins; pin++)
        reg_write(&a, IOAPIC_PIN(pin), PIN_MASKED);
    ioapics[ioapic_count++] = a;
}

void
ioapic_init(const struct irq_ioapic *found, size_t count)
{
    for (size_t i = 0; i < count && ioapic_count < IRQ_IOAPIC_MAX; i++)
        ioapic_add(&found[i]);
}

void
ioapic_route(uint32_t gsi, const struct ioapic_route *route)
{
    const struct ioapic *a = ioapic_of(gsi);
    uint32_t reg = IOAPIC_PIN(gsi - a->gsi_base);
    uint32_t low = PIN_MASKED | FIELD_PUT(PIN_VECTOR, route->vector) |
                   (route->active_low ? PIN_ACTIVE_LOW : 0) | (route->level ? PIN_LEVEL : 0);
    uint64_t were_on = spin_lock_interrupts(&lock);

    reg_write(a, reg, low);
    reg_write(a, reg + 1, FIELD_PUT(PIN_DESTINATION, route->apic_id));
    spin_unlock_interrupts(&lock, were_on);
}

static void
pin_change(uint32_t gsi, uint32_t clear, uint32_t set)
{
    const struct ioapic *a = ioapic_of(gsi);
    uint32_t reg = IOAPIC_PIN(gsi - a->gsi_base);
    uint64_t were_on = spin_lock_interrupts(&lock);

    reg_write(a, reg, (reg_read(a, reg) & ~clear) | set);
    spin_unlock_interrupts(&lock, were_on);
}

void
ioapic_mask(uint32_t gsi)
{
    pin_change(gsi, 0, PIN_MASKED);
}

void
ioapic_unmask(uint32_t gsi)
{
    pin_change(gsi, PIN_MASKED, 0);
}
