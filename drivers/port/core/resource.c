/*
 * Registers and lines: of the device that an adapter was made for; or of one that its driver finds itself, by asking for
 * addresses.
 */
#include "drivers/loader/device.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/core_impl.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/watch.h"
#include "lib/errno.h"
#include "lib/format.h"

#define CLASS_IDE      0x010100u
#define CLASS_SUBCLASS 0xffff00u
#define CHANNELS       2
#define CHANNEL_BARS   2
#define PORTS_SYSTEM   0x100u /* below: the system board's own */
#define PORTS_END      0x10000u

/* Where a PC has its ATA channels: command block, control block as BARs 0 to 3 would have them, and the line. */
static const struct {
    uint16_t command, control;
    uint8_t line;
} compatible[CHANNELS] = {{0x1f0, 0x3f4, 14}, {0x170, 0x374, 15}};
#define COMMAND_SIZE 8
#define CONTROL_SIZE 4

static bool
is_ide(const struct pci_device *p)
{
    return p && (p->class_code & CLASS_SUBCLASS) == CLASS_IDE;
}

static bool
is_compatible(const struct pci_device *p, uint32_t n)
{
    return is_ide(p) && n < CHANNELS && !(p->class_code & 1u << 2 * n);
}

bool
adapter_is_ide(const struct adapter *a)
{
    return is_ide(a->pci);
}

bool
adapter_is_compatible(const struct adapter *a, uint32_t n)
{
    return is_compatible(a->pci, n);
}

static bool
uses(const struct adapter *a, uint16_t port)
{
    for (uint32_t i = 0; i < a->range_count; i++)
        if (!a->range[i].in_memory && a->range[i].start == port && a->range[i].users)
            return true;
    return false;
}

/* An adapter that was found and uses one channel of two has that one's line alone. Returns the channel; -1: no such adapter. */
static int
only_channel(const struct adapter *a)
{
    bool used[CHANNELS];

    for (uint32_t n = 0; n < CHANNELS; n++)
        used[n] = a->found && is_compatible(a->pci, n) && uses(a, compatible[n].command);
    return used[0] == used[1] ? -1 : used[1];
}

uint32_t
resources_lines(const struct adapter *a)
{
    return only_channel(a) < 0 && (is_compatible(a->pci, 0) || is_compatible(a->pci, 1)) ? PORT_LINES : 1;
}

int
resources_isa_line(const struct adapter *a, uint32_t n)
{
    int channel = only_channel(a);

    if (channel >= 0)
        return compatible[channel].line;
    if (a->isa)
        return a->isa->line;
    return adapter_is_compatible(a, n) ? compatible[n].line : a->pci ? -1 : a->line;
}

/* ---- ranges ---- */

static bool
holds(uint64_t start, uint64_t size, uint64_t at, uint64_t bytes)
{
    return at - start < size && bytes <= size - (at - start);
}

static void
range_add(struct adapter *a, uint64_t start, uint64_t size, bool in_memory, unsigned bar)
{
    if (a->range_count < PORT_RANGES)
        a->range[a->range_count++] =
            (struct port_range){.start = start, .size = size, .in_memory = in_memory, .bar = (uint8_t)bar};
}

/* Calls add() for each range of a function. */
static void
function_ranges(const struct pci_device *p,
                void (*add)(void *context, uint64_t start, uint64_t size, bool in_memory, unsigned bar),
                void *context)
{
    for (unsigned n = 0; n < CHANNELS; n++)
        if (is_compatible(p, n)) {
            add(context, compatible[n].command, COMMAND_SIZE, false, CHANNEL_BARS * n);
            add(context, compatible[n].control, CONTROL_SIZE, false, CHANNEL_BARS * n + 1);
        }
    for (unsigned bar = 0; bar < PCI_ROM; bar++) {
        const struct pci_bar *b = &p->bar[bar];

        if ((b->kind != PCI_BAR_MEMORY && b->kind != PCI_BAR_PORTS) || !b->address)
            continue;
        if (bar < CHANNELS * CHANNEL_BARS && is_compatible(p, bar / CHANNEL_BARS))
            continue; /* not used in this mode */
        add(context, b->address, b->size, b->kind == PCI_BAR_MEMORY, bar);
    }
}

static void
add_to_adapter(void *context, uint64_t start, uint64_t size, bool in_memory, unsigned bar)
{
    range_add(context, start, size, in_memory, bar);
}

static struct port_range *
range_find(struct adapter *a, uint64_t start, uint64_t size)
{
    for (uint32_t i = 0; i < a->range_count; i++)
        if (holds(a->range[i].start, a->range[i].size, start, size))
            return &a->range[i];
    return NULL;
}

bool
resources_own_port(struct gate *g, uint16_t port, unsigned size)
{
    const struct adapter *a = container_of(g, struct adapter, gate);

    for (uint32_t i = 0; i < a->range_count; i++) {
        const struct port_range *r = &a->range[i];

        if (!r->in_memory && holds(r->start, r->size, port, size)) {
            __atomic_store_n(&g->ports, (uint32_t)(r->start | (r->start + r->size - 1) << 16),
                             __ATOMIC_RELAXED);
            return true;
        }
    }
    return false;
}

void *
adapter_map(struct adapter *a, uint64_t start, uint64_t size)
{
    struct port_range *r = range_find(a, start, size);
    uint64_t mapped;

    if (!r)
        return NULL;
    if (r->in_memory && !r->va) {
        if (pci_map_bar(a->pci, r->bar, &r->va, &mapped))
            return NULL;
        watch_add(&(struct watch_range){(uintptr_t)r->va, r->size, trace_name(a->name), r->bar});
    }
    r->users++;
    return r->in_memory ? (char *)r->va + (start - r->start) : (void *)start;
}

static void
unmap(struct adapter *a, struct port_range *r)
{
    watch_forget(r->va, r->size);
    pci_unmap_bar(a->pci, r->bar, r->va);
    r->va = NULL;
}

bool
adapter_unmap(struct adapter *a, const void *base)
{
    bool used = false, found = false;

    for (uint32_t i = 0; i < a->range_count; i++) {
        struct port_range *r = &a->range[i];

        if (!found && r->users &&
            holds(r->in_memory ? (uintptr_t)r->va : r->start, r->size, (uintptr_t)base, 1)) {
            found = true;
            r->users--;
            if (!r->users && r->in_memory) {
                unmap(a, r);
            }
        }
        used |= r->users != 0;
    }
    if (found && !used && a->searching)
        resources_release(a);
    return found;
}

/* ---- the device that it was made for ---- */

static int
pci_prepare(struct adapter *a, char *why)
{
    unsigned flags = PCI_ENABLE_MASTER;
    int err = pci_claim(a->pci, a->name);

    if (err) {
        snprintf(why, DRIVER_WHY, "%s is owned by %s", a->pci->name, a->pci->owner);
        a->pci = NULL;
        return err;
    }
    function_ranges(a->pci, add_to_adapter, a);
    for (uint32_t i = 0; i < a->range_count; i++)
        flags |= a->range[i].in_memory ? PCI_ENABLE_MEMORY : PCI_ENABLE_PORTS;
    err = pci_enable(a->pci, flags);
    if (err)
        snprintf(why, DRIVER_WHY, "%s cannot be switched on: error %d", a->pci->name, err);
    return err;
}

static int
isa_prepare(struct adapter *a, char *why)
{
    int err = isa_claim(a->isa, a->name);

    if (err) {
        snprintf(why, DRIVER_WHY, "%s is owned by %s", a->isa->name, a->isa->owner);
        a->isa = NULL;
        return err;
    }
    for (unsigned i = 0; i < ISA_RANGES; i++)
        range_add(a, a->isa->range[i].start, a->isa->range[i].size, false, i);
    return 0;
}

int
resources_claim(struct adapter *a, char *why)
{
    return a->pci ? pci_prepare(a, why) : a->isa ? isa_prepare(a, why) : 0;
}

/* Another adapter that has the same function. */
struct sharer {
    const struct adapter *but;
    struct adapter *found;
};

static void
sharer_look(void *context, struct adapter *a)
{
    struct sharer *s = context;

    if (a != s->but && a->pci == s->but->pci)
        s->found = a;
}

/* Who has found the other channel has the function from now on. */
static bool
function_leave(const struct adapter *a)
{
    struct sharer s = {a, NULL};

    if (!a->found)
        return false;
    adapters_for_each(sharer_look, &s);
    if (s.found && a->pci->owner == a->name) {
        pci_release(a->pci, a->name);
        (void)pci_claim(a->pci, s.found->name);
    }
    return s.found;
}

void
resources_release(struct adapter *a)
{
    for (uint32_t i = 0; i < a->range_count; i++)
        if (a->range[i].va)
            unmap(a, &a->range[i]);
    a->range_count = 0;
    __atomic_store_n(&a->gate.ports, GATE_NO_PORTS, __ATOMIC_RELAXED);
    if (a->pci && !function_leave(a)) {
        pci_disable(a->pci, PCI_ENABLE_MASTER);
        pci_release(a->pci, a->name);
    }
    if (a->isa)
        isa_release(a->isa);
    a->pci = NULL;
    a->isa = NULL;
    a->found = false;
}

/* ---- a device that the driver looks for ---- */

/* Whose addresses these are. */
struct holder {
    uint64_t start, size;
    bool in_memory, found;
    struct device device;
};

static void
compare(void *context, uint64_t start, uint64_t size, bool in_memory, unsigned bar)
{
    struct holder *h = context;

    h->found |= in_memory == h->in_memory && holds(start, size, h->start, h->size);
}

static bool
holder_find(struct holder *h)
{
    struct pci_device *p = NULL;

    while ((p = pci_next(p, NULL)) != NULL) {
        function_ranges(p, compare, h);
        if (h->found) {
            h->device.pci = p;
            return true;
        }
    }
    for (struct isa_device *d = h->in_memory ? NULL : isa_next(NULL); d; d = isa_next(d))
        for (unsigned i = 0; i < ISA_RANGES; i++)
            if (holds(d->range[i].start, d->range[i].size, h->start, h->size)) {
                h->device.isa = d;
                return true;
            }
    return false;
}

/* Whether an adapter overlaps addresses that are no device's. */
struct overlap {
    const struct adapter *but;
    uint64_t start, size;
    bool found;
};

static void
overlap_look(void *context, struct adapter *a)
{
    struct overlap *o = context;

    for (uint32_t i = 0; i < a->range_count && a != o->but; i++)
        o->found |= !a->range[i].in_memory && a->range[i].start < o->start + o->size &&
                    o->start < a->range[i].start + a->range[i].size;
}

static bool
ports_are_free(const struct adapter *a, uint64_t start, uint64_t size)
{
    struct overlap o = {a, start, size, false};

    if (!size || start < PORTS_SYSTEM || start >= PORTS_END || size > PORTS_END - start)
        return false;
    adapters_for_each(overlap_look, &o);
    return !o.found;
}

/* Adapters that have the function which an adapter asks for. */
struct share {
    const struct adapter *a;
    const struct pci_device *pci;
    int channel; /* whose addresses they are; -1: neither's */
    bool by_driver, used;
};

static void
share_look(void *context, struct adapter *other)
{
    struct share *s = context;

    if (other == s->a || other->pci != s->pci)
        return;
    s->by_driver = other->found && other->driver == s->a->driver;
    s->used |= s->channel >= 0 && uses(other, compatible[s->channel].command);
}

/* The channel that is still free of a function whose other one its driver has found, and then what both need. */
static bool
may_share(const struct adapter *a, const struct holder *h)
{
    struct share s = {.a = a, .pci = h->device.pci, .channel = -1};

    if (!s.pci || h->in_memory)
        return false;
    for (uint32_t n = 0; n < CHANNELS; n++)
        if (is_compatible(s.pci, n) && (holds(compatible[n].command, COMMAND_SIZE, h->start, h->size) ||
                                        holds(compatible[n].control, CONTROL_SIZE, h->start, h->size)))
            s.channel = (int)n;
    adapters_for_each(share_look, &s);
    return s.by_driver && !s.used && (s.channel >= 0 || a->pci == s.pci);
}

int
adapter_may_take(struct adapter *a, uint64_t start, uint64_t size, bool in_memory, bool on_pci)
{
    struct holder h = {start, size, in_memory, false, {NULL, NULL}};

    if (range_find(a, start, size))
        return 0;
    if (!a->searching)
        return -EACCES;
    if (!holder_find(&h))
        return in_memory ? -ENODEV : ports_are_free(a, start, size) ? 0 : -EBUSY;
    if ((h.device.pci != NULL) != on_pci || a->isa || (a->pci && a->pci != h.device.pci))
        return -EBUSY;
    return !device_owner(&h.device) || may_share(a, &h) ? 0 : -EBUSY;
}

static int
range_take(struct adapter *a, uint64_t start, uint64_t size)
{
    range_add(a, start, size, false, PCI_ROM);
    return range_find(a, start, size) ? 0 : -ENOSPC;
}

int
adapter_take(struct adapter *a, uint64_t start, uint64_t size, bool in_memory, bool on_pci)
{
    struct holder h = {start, size, in_memory, false, {NULL, NULL}};
    int err = adapter_may_take(a, start, size, in_memory, on_pci);
    char why[DRIVER_WHY];

    if (err || range_find(a, start, size))
        return err;
    if (!holder_find(&h))
        return range_take(a, start, size);
    a->found = true;
    a->pci = h.device.pci;
    a->isa = h.device.isa;
    if (device_owner(&h.device)) /* may_share() */
        return range_take(a, start, size);
    err = resources_claim(a, why);
    if (err)
        resources_release(a);
    return err;
}
