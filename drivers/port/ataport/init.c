/*
 * Registration: AtaPortInitializeEx, and what all files call.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "drivers/ddk/wdm.h"
#include "lib/format.h"
#include "lib/string.h"

#define refuse(status, ...) (port_refuse("AtaPortInitializeEx", __VA_ARGS__), (status))
#define EXTENSION_MAGIC     UINT64_C(0x6e6f6974634341ff)

/* The driver goes. */
static void
driver_gone(struct driver *d, void *data)
{
    pool_free(data, ATA_TAG);
    d->port = (struct port_registration){0};
}

/* Reserved is ignored: A-017. The miniport's author reads why. */
static NTSTATUS
interface_check(const IDE_CONTROLLER_INTERFACE *i)
{
    if (i->Version != sizeof(*i))
        return refuse(STATUS_REVISION_MISMATCH, "Version is %u, not %zu (A-010)", i->Version, sizeof(*i));
    if (!i->AtaAdapterControl)
        return refuse(STATUS_INVALID_PARAMETER, "AtaAdapterControl is NULL (A-011)");
    return STATUS_SUCCESS;
}

/* nothing is called back, nothing is touched; DriverEntry returns what this does. */
ULONG NTAPI
AtaPortInitializeEx(PVOID DriverObject, PVOID RegistryPath, PIDE_CONTROLLER_INTERFACE ControllerInterface)
{
    IDE_CONTROLLER_INTERFACE copy;
    struct ata_driver *a;
    struct driver *d;
    NTSTATUS status;

    if (!DriverObject || !RegistryPath || !ControllerInterface)
        return (ULONG)refuse(STATUS_INVALID_PARAMETER, "one of its arguments is NULL (A-012)");
    if (irql_current() != PASSIVE_LEVEL)
        guard_stop("called AtaPortInitializeEx at IRQL %u", irql_current());
    guard_copy(&copy, ControllerInterface, sizeof(copy)); /* */
    d = driver_of_object(DriverObject);
    if (!d || RegistryPath != &d->registry_path)
        return (ULONG)refuse(STATUS_INVALID_PARAMETER, "its arguments are not those of DriverEntry (A-002)");
    if (d->port.port || d->state == DRIVER_STARTED)
        return (ULONG)refuse(STATUS_UNSUCCESSFUL, d->state == DRIVER_STARTED
                                                      ? "DriverEntry has returned (A-003)"
                                                      : "it has been called before (A-019)");
    status = interface_check(&copy);
    if (status != STATUS_SUCCESS)
        return (ULONG)status;
    a = pool_zalloc(sizeof(*a), ATA_TAG);
    if (!a)
        return (ULONG)STATUS_INSUFFICIENT_RESOURCES;
    a->interface = copy;
    d->port = (struct port_registration){.port = "ataport", /* */
                                         .needs = copy.AtaChannelInitRoutine ? NULL : ATA_DEFAULT_CHANNEL,
                                         .data = a,
                                         .unload = driver_gone,
                                         .add = ata_controller_add,
                                         .remove = ata_controller_remove};
    return STATUS_SUCCESS;
}

struct ata_extension *
ata_extension_new(struct ata_controller *c, struct ata_channel *ch, uint32_t size)
{
    struct ata_extension *e;

    if (size > PORT_DEVICE_EXTENSION_MAX)
        return NULL; /* */
    e = port_extension_alloc(sizeof(*e) + size);
    if (e) {
        e->magic = EXTENSION_MAGIC;
        e->self = e;
        e->controller = c;
        e->channel = ch;
    }
    return e;
}

static const struct ata_extension *
extension_of(const void *p)
{
    const struct ata_extension *e = (const struct ata_extension *)((const char *)p - sizeof(*e));

    guard_touch(e);
    guard_touch(&e->channel);
    if (((uintptr_t)e & 7) || e->magic != EXTENSION_MAGIC || e->self != e)
        guard_stop("passed %p, which is no extension of the port's", p);
    return e;
}

struct ata_controller *
ata_controller_of(const void *extension)
{
    return extension_of(extension)->controller;
}

struct ata_channel *
ata_channel_of(const void *extension)
{
    return extension_of(extension)->channel;
}

int
ata_call(struct ata_controller *c, const char *routine, const void *function, uint64_t a, uint64_t b,
         uint64_t d, uint8_t *al)
{
    uint64_t result = 0;
    int err = gate_call(&c->adapter->gate, routine, function, GATE_ARGUMENTS(a, b, d), &result);

    if (al)
        *al = err ? FALSE : (uint8_t)result;
    return err;
}

static int
call_locked(struct ata_channel *ch, const char *routine, const void *function, uint64_t b, uint64_t d,
            uint8_t *al)
{
    uint8_t irql = spin_lock_at(&ch->bus->isr_lock, ch->bus->irq_level);
    int err = ata_call(ch->controller, routine, function, (uintptr_t)ch->extension->bytes, b, d, al);

    spin_unlock(&ch->bus->isr_lock, irql);
    return err;
}

int
ata_call_synchronized(struct ata_channel *ch, const char *routine, const void *function, uint64_t b,
                      uint64_t d, uint8_t *al)
{
    uint8_t irql;
    int err;

    if (ch->configuration.SyncWithIsr)
        return call_locked(ch, routine, function, b, d, al);
    irql = irql_raise(DISPATCH_LEVEL);
    err = ata_call(ch->controller, routine, function, (uintptr_t)ch->extension->bytes, b, d, al);
    irql_lower(irql);
    return err;
}

int
ata_call_at_interrupt(struct ata_channel *ch, const char *routine, const void *function)
{
    return call_locked(ch, routine, function, 0, 0, NULL);
}
