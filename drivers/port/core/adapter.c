/*
 * Adapters: resources, interrupt, error log, life and death.
 */
#include "drivers/loader/device.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/core_impl.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sync/mutex.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define PORT_TAG   POOL_TAG('p', 'o', 'r', 't')
#define KILL_LIMIT SECONDS(10)

static struct mutex lock; /* the list */
static struct list adapters = LIST_INIT(adapters);

void
port_init(void)
{
    mutex_init(&lock);
}

/* ---- failure: the gate was closed, at any IRQL ---- */

/* What is out comes back with an error; what waits too. */
static void
fail_work(struct work *w)
{
    struct adapter *a = container_of(w, struct adapter, fail_work);

    adapter_disconnect(a);
    for (uint32_t i = 0; i < a->bus_count; i++)
        bus_kill(a->bus[i]);
    a->face->failed(a);
    log_err("%s: failed; its units answer with errors from now on", a->name);
}

static void
fail_dpc(struct dpc *d, void *context)
{
    struct adapter *a = context;

    (void)work_queue(&a->fail_work);
}

/* Into the ring that `ports -v` shows. */
static void
log_add(struct adapter *a, const char *text)
{
    uint64_t were_on = spin_lock_interrupts(&a->log_lock);

    a->log[a->log_count % PORT_LOG].time = time_now();
    strlcpy(a->log[a->log_count % PORT_LOG].text, text, PORT_TEXT);
    a->log_count++;
    spin_unlock_interrupts(&a->log_lock, were_on);
}

static void
gate_closed(struct gate *g)
{
    struct adapter *a = container_of(g, struct adapter, gate);

    __atomic_store_n(&a->state, ADAPTER_FAILED, __ATOMIC_RELEASE);
    if (a->pci)
        pci_disable(a->pci, PCI_ENABLE_MASTER);
    log_add(a, g->text);
    (void)dpc_queue(&a->fail_dpc);
}

static void
gate_violated(struct gate *g, const char *text)
{
    log_add(container_of(g, struct adapter, gate), text);
}

void
adapter_log(struct adapter *a, const char *format, ...)
{
    char text[PORT_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_add(a, text);
    log_warn("%s: %s", a->name, text);
}

void
port_refuse(const char *routine, const char *format, ...)
{
    const struct gate *g = gate_current();
    char text[PORT_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_warn("%s: %s refuses: %s", g ? g->name : "a driver", routine, text);
}

void
adapter_violation(struct adapter *a, bool *said, const char *format, ...)
{
    char text[PORT_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    gate_violation(&a->gate, said, "%s", text);
}

/* ---- making and freeing ---- */

void *
port_extension_alloc(size_t size)
{
    char *base = space_alloc(size, MAP_WRITE);

    return base ? base + ((ALIGN_UP(size, (size_t)PAGE_SIZE) - size) & ~(size_t)(EXTENSION_ALIGN - 1)) : NULL;
}

void
port_extension_free(void *extension)
{
    space_free((void *)((uintptr_t)extension & ~(uintptr_t)(PAGE_SIZE - 1)));
}

static void
name_make(struct adapter *a, const char *prefix)
{
    struct adapter *other;
    unsigned n = 0;
    bool taken;

    do {
        taken = false;
        snprintf(a->name, sizeof(a->name), "%s%u", prefix, n++);
        list_for_each_entry(other, &adapters, link)
            taken |= !strcmp(other->name, a->name);
    } while (taken);
}

int
adapter_new(const struct port_face *face, struct driver *d, const struct device *dev, const char *prefix,
            struct adapter **out, char *why)
{
    struct adapter *a = pool_zalloc(sizeof(*a), PORT_TAG);
    int err = 0;

    if (!a) {
        snprintf(why, DRIVER_WHY, "no memory");
        return -ENOMEM;
    }
    a->face = face;
    a->driver = d;
    a->pci = dev ? dev->pci : NULL;
    a->isa = dev ? dev->isa : NULL;
    a->gate = (struct gate){.driver = d,
                            .name = a->name,
                            .closed = gate_closed,
                            .violated = gate_violated,
                            .owns_port = resources_own_port,
                            .ports = GATE_NO_PORTS};
    a->line = -1;
    spin_init(&a->log_lock, LOCK_PORT_LOG, "an adapter's errors");
    work_item_init(&a->fail_work, fail_work);
    dpc_init(&a->fail_dpc, fail_dpc, a);
    mutex_lock(&lock, WAIT_FOREVER);
    name_make(a, prefix);
    err = resources_claim(a, why);
    if (!err) {
        list_add_tail(&adapters, &a->link);
        driver_get(d);
    }
    mutex_unlock(&lock);
    if (err) {
        resources_release(a);
        pool_free(a, PORT_TAG);
        return err;
    }
    *out = a;
    return 0;
}

void
adapter_free(struct adapter *a)
{
    mutex_lock(&lock, WAIT_FOREVER);
    list_del(&a->link);
    mutex_unlock(&lock);
    adapter_disconnect(a);
    dpc_flush(); /* a gate that has just closed has queued its work */
    (void)work_flush(&a->fail_work, KILL_LIMIT);
    for (uint32_t i = 0; i < a->bus_count; i++)
        bus_free(a->bus[i]);
    a->face->destroy(a);
    resources_release(a);
    driver_put(a->driver);
    pool_free(a, PORT_TAG);
}

/* ---- interrupts ---- */

static bool
interrupt(void *context)
{
    struct adapter_line *l = context;

    return l->adapter->face->interrupt(l->adapter, (uint32_t)(l - l->adapter->irq));
}

/* An adapter without a device: a vector that only software raises. */
static int
connect_simulated(struct adapter *a, struct irq *i)
{
    int err = irq_vectors_alloc(1, 0, &a->message);

    if (err)
        return err;
    err = irq_connect_message(i, &a->message, 0);
    if (err)
        irq_message_free(&a->message, 1);
    return err;
}

static int
line_connect(struct adapter *a, uint32_t n)
{
    struct irq *i = &a->irq[n].line;

    int line = resources_isa_line(a, n);

    if (line >= 0)
        return irq_connect_line(i, (unsigned)line, IRQ_EDGE, false);
    if (!a->pci)
        return connect_simulated(a, i);
    return pci_irq_connect(a->pci, 0, i);
}

static void
line_disconnect(struct adapter *a, uint32_t n)
{
    struct irq *i = &a->irq[n].line;

    if (!__atomic_exchange_n(&a->irq[n].connected, false, __ATOMIC_ACQ_REL))
        return;
    if (a->pci && resources_isa_line(a, n) < 0) {
        pci_irq_disconnect(a->pci, 0, i);
        pci_messages_disable(a->pci);
        return;
    }
    irq_disconnect(i);
    if (!a->pci && resources_isa_line(a, n) < 0)
        irq_message_free(&a->message, 1);
}

static void
messages_try(const struct adapter *a)
{
    if (!pci_msix_capable(a->pci) || pci_msix_enable(a->pci, 1, NULL))
        (void)(pci_msi_capable(a->pci) && pci_msi_enable(a->pci, 1, 0));
}

int
adapter_connect(struct adapter *a)
{
    int err = 0;

    a->irq_count = resources_lines(a);
    if (a->pci && a->irq_count == 1 && a->face->messages)
        messages_try(a);
    for (uint32_t n = 0; n < a->irq_count && !err; n++) {
        a->irq[n] = (struct adapter_line){
            .line = {.handler = interrupt, .context = &a->irq[n], .name = a->name}, .adapter = a};
        err = line_connect(a, n);
        a->irq[n].connected = !err;
    }
    for (uint32_t i = 0; i < a->bus_count; i++) {
        struct bus *b = a->bus[i];

        b->line = (uint8_t)MIN(b->number, a->irq_count - 1);
        b->irq_level = a->irq[b->line].line.level;
        for (uint32_t n = a->bus_count; n < a->irq_count;
             n++) /* lines without a bus of theirs are its, too */
            b->irq_level = MAX(b->irq_level, a->irq[n].line.level);
    }
    return err;
}

void
adapter_disconnect(struct adapter *a)
{
    for (uint32_t n = 0; n < a->irq_count; n++)
        line_disconnect(a, n);
}

/* ---- the end ---- */

static int
quiesce(struct adapter *a, uint64_t timeout, void (*stop)(struct adapter *a))
{
    int err = 0;

    if (__atomic_load_n(&a->state, __ATOMIC_ACQUIRE) == ADAPTER_STOPPED)
        return 0;
    if (a->pci && a->pci->presence == PCI_REMOVED)
        gate_close(&a->gate, NULL, "its function was pulled out of the slot");
    for (uint32_t i = 0; i < a->bus_count; i++) {
        bus_hold(a->bus[i], HOLD_STOP);
        if (bus_drain(a->bus[i], timeout))
            err = -ETIMEDOUT;
    }
    if (err)
        gate_close(&a->gate, NULL, "did not complete its requests within %lu s of being stopped",
                   timeout / SECONDS(1));
    else if (!a->gate.is_closed)
        stop(a);
    for (uint32_t i = 0; i < a->bus_count; i++)
        bus_kill(a->bus[i]);
    if (!a->gate.is_closed)
        __atomic_store_n(&a->state, ADAPTER_STOPPED, __ATOMIC_RELEASE);
    return err;
}

int
adapter_stop(struct adapter *a, uint64_t timeout)
{
    return quiesce(a, timeout, a->face->stop);
}

int
adapter_power_down(struct adapter *a, uint64_t timeout)
{
    return quiesce(a, timeout, a->face->power_down);
}

void
adapters_for_each(void (*show)(void *context, struct adapter *a), void *context)
{
    struct adapter *a;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(a, &adapters, link)
        show(context, a);
    mutex_unlock(&lock);
}

struct adapter *
adapter_of(const struct driver *d, const struct device *dev)
{
    struct adapter *a, *found = NULL;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(a, &adapters, link)
        if (a->driver == d && a->pci == (dev ? dev->pci : NULL) && a->isa == (dev ? dev->isa : NULL))
            found = a;
    mutex_unlock(&lock);
    return found;
}

const char *
adapter_device(const struct adapter *a)
{
    return a->pci ? a->pci->name : a->isa ? a->isa->name : "-";
}

int
adapters_rescan(const char *name)
{
    bool all = !strcmp(name, "all");
    int err = all ? 0 : -ENODEV;
    struct adapter *a;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(a, &adapters, link)
        if (all || !strcmp(a->name, name)) {
            err = 0;
            if (a->face->rescan && __atomic_load_n(&a->state, __ATOMIC_ACQUIRE) == ADAPTER_STARTED)
                a->face->rescan(a);
        }
    mutex_unlock(&lock);
    return err;
}
