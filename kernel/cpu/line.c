/*
 * The sixteen interrupt lines: which controller each goes through, and how it is held back.
 *
 * Through an I/O APIC pin a line is a vector like any other: the local APIC keeps its level. Through the 8259 pair
 * it is masked from the moment it is accepted until its handlers have run; so it comes once, whether they run at
 * once or after a self-IPI on the line's vector.
 *
 * A line keeps its vector for good: there are nine times as many.
 */
#include "kernel/cpu/apic.h"
#include "kernel/cpu/ioapic.h"
#include "kernel/cpu/irq_impl.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/pic.h"
#include "kernel/cpu/smp.h"
#include "lib/errno.h"

/* Where a line's interrupts come from. */
struct line {
    uint8_t vector;         /* [t] 0: never connected */
    bool overridden;        /* [I] by the MADT, which then knows polarity and trigger */
    bool active_low, level; /* [I] if overridden */
    uint32_t gsi;           /* [I] its I/O APIC pin as an ISA line */
    bool pci;               /* [s] these three: as connected */
    bool through_8259;
    enum irq_trigger trigger;
};

static struct line lines[IRQ_LINES];
static bool has_8259; /* [I] */

/*
 * Clocks are the most urgent, then what has a small buffer (serial ports, floppy, keyboard); disks and the lines
 * that PCI shares come last.
 */
static const uint8_t levels[IRQ_LINES] = {11, 8, 3, 9, 9, 6, 9, 8, 11, 5, 6, 7, 8, 5, 7, 7};

void
lines_init(const struct irq_platform *p, bool pair)
{
    has_8259 = pair;
    for (unsigned n = 0; n < IRQ_LINES; n++)
        lines[n].gsi = n;
    for (size_t i = 0; i < p->overrides; i++) {
        const struct irq_override *o = &p->override[i];

        if (o->line >= IRQ_LINES) {
            log_warn("irq: override of line %u ignored, ISA has %u (ACPI 6.5, 5.2.12.5)", o->line, IRQ_LINES);
            continue;
        }
        lines[o->line].overridden = true;
        lines[o->line].gsi = o->gsi;
        lines[o->line].active_low = o->active_low;
        lines[o->line].level = o->level;
    }
}

struct source *
line_source(unsigned line)
{
    uint8_t vector = __atomic_load_n(&lines[line].vector, __ATOMIC_ACQUIRE);

    return vector ? source_of(vector) : NULL;
}

bool
line_masks_itself(const struct source *s)
{
    return s->line >= 0 && lines[s->line].through_8259;
}

const char *
line_via(const struct source *s)
{
    if (s->line < 0)
        return "message";
    return lines[s->line].through_8259 ? "8259" : "I/O APIC";
}

void
line_mask(const struct source *s)
{
    if (s->line < 0)
        return;
    if (lines[s->line].through_8259)
        pic_mask((unsigned)s->line);
    else
        ioapic_mask(lines[s->line].gsi);
}

void
line_unmask(const struct source *s)
{
    if (s->line < 0)
        return;
    if (lines[s->line].through_8259)
        pic_unmask((unsigned)s->line);
    else
        ioapic_unmask(lines[s->line].gsi);
}

/* Without an override an ISA line is active high and edge triggered; one that is level triggered is wired as PCI's. */
static void
route_to_ioapic(const struct source *s, const struct line *l)
{
    struct ioapic_route route = {.vector = s->vector,
                                 .apic_id = cpu_apic_id(0),
                                 .active_low = l->overridden ? l->active_low : l->trigger == IRQ_LEVEL,
                                 .level = l->overridden ? l->level : l->trigger == IRQ_LEVEL};

    ioapic_route(l->gsi, &route);
}

/* Choose the controller for a line that is being connected. Locks: s->lock held. Returns 0 or -ENODEV. */
static int
line_route(const struct source *s, enum irq_trigger trigger, bool pci)
{
    unsigned n = (unsigned)s->line;
    struct line *l = &lines[n];
    bool pin = ioapic_has(l->gsi) && cpu_apic_id(0) <= 0xff;

    if (!pin && !has_8259)
        return -ENODEV;
    l->pci = pci;
    l->trigger = trigger;
    l->through_8259 = has_8259 && (pci || !pin);
    if (!l->through_8259) {
        if (pci)
            log_warn("irq: no 8259 pair, PCI line %u is assumed on I/O APIC pin %u", n, l->gsi);
        route_to_ioapic(s, l);
    } else if (trigger == IRQ_LEVEL && !pic_set_level(n)) {
        log_warn("irq: line %u cannot be made level triggered at the 8259 pair", n);
    }
    return 0;
}

/* The source of the line, made at its first connection; NULL without a free vector. */
static struct source *
line_source_make(unsigned n)
{
    uint64_t were_on = spin_lock_interrupts(&irq_table_lock);
    uint8_t vector = lines[n].vector;

    if (!vector) {
        vector = vectors_take(1, levels[n], SOURCE_LINE);
        if (vector) {
            source_of(vector)->line = (int)n;
            __atomic_store_n(&lines[n].vector, vector, __ATOMIC_RELEASE);
        }
    }
    spin_unlock_interrupts(&irq_table_lock, were_on);
    return vector ? source_of(vector) : NULL;
}

int
irq_connect_line(struct irq *i, unsigned n, enum irq_trigger trigger, bool pci)
{
    struct source *s;
    uint64_t were_on;
    bool first;
    int err = 0;

    assert_irql_max(APC_LEVEL);
    if (n >= IRQ_LINES || n == PIC_CASCADE)
        return -EINVAL;
    s = line_source_make(n);
    if (!s)
        return -ENOSPC;
    were_on = spin_lock_interrupts(&s->lock);
    first = list_empty(&s->handlers);
    if (first)
        err = line_route(s, trigger, pci);
    else if (lines[n].trigger != trigger || lines[n].pci != pci)
        err = -EBUSY;
    if (!err) {
        source_add(s, i);
        if (first)
            line_unmask(s);
    }
    spin_unlock_interrupts(&s->lock, were_on);
    return err;
}
