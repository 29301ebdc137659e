/*
 * Slots: their interrupts, and the thread that does what is asked for there.
 */
#include "kernel/hw/pci_hotplug.h"
#include "kernel/console/log.h"
#include "kernel/hw/pci_impl.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/event.h"
#include "lib/errname.h"
#include "lib/errno.h"

#define TAG   POOL_TAG('s', 'l', 'o', 't')
#define OWNER "pci-hotplug"

/* [I] fixed   [a] atomic   [t] the thread's */
struct slot {
    struct list link;   /* [t] */
    struct pci_slot at; /* [I] */
    unsigned number;    /* [I] printed on the slot */
    unsigned message;   /* [I] of the port's interrupts */
    struct irq irq;     /* [I] */
    struct dpc dpc;     /* [I] */
    unsigned events;    /* [a] PCI_SLOT_.. that the thread has not seen */
    bool on;            /* [t] what is there is in use */
};

static struct list slots = LIST_INIT(slots); /* [t] */
static struct event asked;                   /* a slot has events */
static const struct pci_watcher *watcher;    /* [I] */

static bool
slot_interrupt(void *context)
{
    struct slot *s = context;
    unsigned all = 0, events;

    /* By message it interrupts again only after all of them were clear at once. */
    for (unsigned n = 0; n < 8 && (events = pci_slot_events(&s->at)); n++)
        all |= events;
    if (!all)
        return false;
    __atomic_fetch_or(&s->events, all, __ATOMIC_RELEASE);
    dpc_queue(&s->dpc);
    return true;
}

static void
slot_dpc(struct dpc *d, void *context)
{
    event_set(&asked);
}

/* -- what comes and goes; the thread */

static void
slot_drop(struct slot *s)
{
    list_del(&s->link);
    (void)pci_slot_listen(&s->at, false);
    pci_irq_disconnect(s->at.port, s->message, &s->irq);
    pci_messages_disable(s->at.port);
    dpc_flush();
    pci_release(s->at.port, OWNER);
    pool_free(s, TAG);
}

static void
function_goes(struct pci_device *d)
{
    struct slot *s, *next;

    list_for_each_entry_safe(s, next, &slots, link)
        if (s->at.port == d)
            slot_drop(s);
    watcher->goes(d);
    if (d->owner)
        log_err("pci: %s has gone, and %s does not let it go", d->name, d->owner);
    pci_unlist(d);
}

static void
slot_empty(struct slot *s, bool pulled)
{
    struct pci_device *d;
    unsigned count = 0;

    while ((d = pci_last_behind(s->at.port))) {
        if (pulled)
            __atomic_store_n(&d->presence, PCI_REMOVED, __ATOMIC_RELEASE);
        function_goes(d);
        count++;
    }
    s->on = false;
    (void)pci_slot_power_off(&s->at);
    log_info("pci: slot %u (%s): %u function%s %s", s->number, s->at.port->name, count, count == 1 ? "" : "s",
             pulled ? "pulled without being asked for" : "switched off; it may be pulled");
}

static void
slot_fill(struct slot *s)
{
    int count = pci_slot_power_on(&s->at);

    if (count)
        return;
    s->on = true;
    count = pci_list_behind(s->at.port);
    if (count < 0)
        log_err("pci: slot %u (%s): not all functions are listed: %s", s->number, s->at.port->name,
                errtext(-count));
    else
        log_info("pci: slot %u (%s): %d function%s came", s->number, s->at.port->name, count,
                 count == 1 ? "" : "s");
    watcher->came();
}

static void
slot_serve(struct slot *s)
{
    unsigned events = __atomic_exchange_n(&s->events, 0, __ATOMIC_ACQUIRE);
    bool occupied;

    if (!events)
        return;
    occupied = pci_slot_is_occupied(&s->at);
    log_debug("pci: slot %u: events %#x, %s, %s", s->number, events, occupied ? "occupied" : "empty",
              s->on ? "on" : "off");
    if (events & PCI_SLOT_POWER_FAULT)
        log_warn("pci: slot %u (%s): power fault", s->number, s->at.port->name);
    if (s->on && (!occupied || events & PCI_SLOT_POWER_FAULT))
        slot_empty(s, true);
    else if (s->on && events & PCI_SLOT_BUTTON)
        slot_empty(s, false);
    else if (!s->on && occupied && events & (PCI_SLOT_BUTTON | PCI_SLOT_PRESENCE))
        slot_fill(s);
}

/* One slot at a time, since serving one may take others off the list. */
static struct slot *
slot_waiting(void)
{
    struct slot *s;

    list_for_each_entry(s, &slots, link)
        if (__atomic_load_n(&s->events, __ATOMIC_ACQUIRE))
            return s;
    return NULL;
}

static void
slots_thread(void *context)
{
    struct slot *s;

    for (;;) {
        (void)wait_event(&asked.waitable, WAIT_FOREVER);
        while ((s = slot_waiting()))
            slot_serve(s);
    }
}

/* -- the beginning */

static int
slot_connect(struct slot *s)
{
    struct pci_device *port = s->at.port;
    unsigned flags = pci_read16(port, s->at.cap + PCI_PCIE_FLAGS);
    int err = pci_enable(port, PCI_ENABLE_MASTER | PCI_ENABLE_MEMORY);

    if (err)
        return err;
    s->message = (unsigned)FIELD_GET(PCI_PCIE_MESSAGE, flags);
    if (pci_msix_capable(port) <= s->message || pci_msix_enable(port, s->message + 1, NULL)) {
        s->message = 0; /* of one message MSI says all (PCIe 4.0, 7.5.3.2) */
        if (pci_msi_capable(port))
            (void)pci_msi_enable(port, 1, 0);
    }
    s->irq = (struct irq){.handler = slot_interrupt, .context = s, .name = OWNER};
    err = pci_irq_connect(port, s->message, &s->irq);
    if (err)
        pci_messages_disable(port);
    return err;
}

static int
slot_start(const struct pci_slot *at)
{
    struct slot *s = pool_zalloc(sizeof(*s), TAG);
    int err = s ? pci_claim(at->port, OWNER) : -ENOMEM;

    if (err) {
        pool_free(s, TAG);
        return err;
    }
    s->at = *at;
    s->number = (unsigned)FIELD_GET(PCI_SLTCAP_NUMBER, at->capabilities);
    dpc_init(&s->dpc, slot_dpc, s);
    err = slot_connect(s);
    if (err) {
        pci_release(at->port, OWNER);
        pool_free(s, TAG);
        return err;
    }
    s->on = pci_last_behind(at->port) && pci_slot_is_powered(at);
    (void)pci_slot_events(&s->at); /* what was before */
    if (!s->on && pci_slot_is_occupied(at))
        s->events = PCI_SLOT_PRESENCE;
    list_add_tail(&slots, &s->link);
    return pci_slot_listen(&s->at, true);
}

static unsigned
slots_find(void)
{
    struct pci_device *d = NULL;
    unsigned count = 0;

    while ((d = pci_next(d, NULL))) {
        struct pci_slot at;
        int err;

        if (!d->followed || !pci_slot_find(d, &at))
            continue;
        err = slot_start(&at);
        if (err)
            log_warn("pci: %s: what comes to and goes from its slot is not noticed: %s", d->name,
                     errtext(-err));
        else
            count++;
    }
    return count;
}

void
pci_hotplug_start(const struct pci_watcher *w)
{
    struct thread *t;
    int err;

    watcher = w;
    event_init(&asked, EVENT_AUTO, true);
    if (!slots_find())
        return;
    err = thread_create(&t, OWNER, PRIORITY_NORMAL, slots_thread, NULL);
    if (err)
        log_err("pci: slots are not served: no thread: %s", errtext(-err));
    else
        thread_detach(t);
}
