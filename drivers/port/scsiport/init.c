/*
 * Registration: ScsiPortInitialize (S-001 to S-024), once a bus type.
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/hw/pci.h"
#include "lib/format.h"
#include "lib/string.h"

#define SIZE_BEFORE_ADAPTER_CONTROL 120 /* S-013 */

/* The driver goes; its adapters have gone. */
static void
driver_gone(struct driver *d, void *data)
{
    pool_free(data, SCSI_TAG);
    d->port = (struct port_registration){0};
}

/* The miniport's author reads why. */
#define refuse(status, ...) (port_refuse("ScsiPortInitialize", __VA_ARGS__), (status))

/* S-012, S-013, S-014, S-015, S-016, S-018 */
static NTSTATUS
data_check(const HW_INITIALIZATION_DATA *hw)
{
    const char *missing = !hw->HwFindAdapter  ? "HwFindAdapter"
                          : !hw->HwInitialize ? "HwInitialize"
                          : !hw->HwStartIo    ? "HwStartIo"
                          : !hw->HwResetBus   ? "HwResetBus"
                                              : NULL;

    if (hw->HwInitializationDataSize != sizeof(*hw) &&
        hw->HwInitializationDataSize != SIZE_BEFORE_ADAPTER_CONTROL)
        return refuse(STATUS_REVISION_MISMATCH, "HwInitializationDataSize is %u, not %zu or %u (S-013)",
                      hw->HwInitializationDataSize, sizeof(*hw), SIZE_BEFORE_ADAPTER_CONTROL);
    if (missing)
        return refuse(STATUS_INVALID_PARAMETER, "%s is NULL (S-014)", missing);
    if ((ULONG)hw->AdapterInterfaceType >= MaximumInterfaceType)
        return refuse(STATUS_INVALID_PARAMETER, "AdapterInterfaceType is %u (S-018)",
                      hw->AdapterInterfaceType);
    return STATUS_SUCCESS;
}

/* S-017: what buses a PC has. */
static bool
has_bus(INTERFACE_TYPE type)
{
    return type == Internal || type == Isa || (type == PCIBus && pci_next(NULL, NULL));
}

/* Identifiers of PCI are prefixes of four hexadecimal digits (S-019). */
static void
id_take(char id[5], const void *text, size_t length)
{
    length = MIN(length, (size_t)4);
    if (text && length)
        guard_copy(id, text, length);
    id[text ? length : 0] = 0;
}

/* S-022: whatever it points to is touched in the miniport's name. The members of a newer version are none of an older one's. */
static NTSTATUS
registration_take(struct scsi_registration *r, const HW_INITIALIZATION_DATA *from, void *context)
{
    ULONG size;
    NTSTATUS status;

    *r = (struct scsi_registration){.context = context};
    guard_copy(&size, &from->HwInitializationDataSize, sizeof(size));
    guard_copy(&r->hw, from, MIN(size, sizeof(r->hw))); /* S-006 */
    status = data_check(&r->hw);
    if (status != STATUS_SUCCESS)
        return status;
    /* S-009; no bus here brings a device of the system itself, so who serves one looks for it */
    r->is_legacy = !r->hw.HwAdapterControl || r->hw.AdapterInterfaceType == Internal;
    if (!r->is_legacy)
        r->context = NULL; /* S-134: it lies on a stack that is gone when it would be used */
    if (r->hw.AdapterInterfaceType != PCIBus)
        return STATUS_SUCCESS;
    id_take(r->vendor, r->hw.VendorId, r->hw.VendorIdLength);
    id_take(r->device, r->hw.DeviceId, r->hw.DeviceIdLength);
    return STATUS_SUCCESS;
}

static void end_found(struct driver *d, void *data);

/* The driver's own part, made by its first call. */
static struct scsi_driver *
driver_part(struct driver *d)
{
    struct scsi_driver *s = d->port.data;

    if (s)
        return s;
    s = pool_zalloc(sizeof(*s), SCSI_TAG);
    if (!s)
        return NULL;
    s->driver = d;
    d->port = (struct port_registration){.port = "scsiport",
                                         .data = s,
                                         .unload = driver_gone,
                                         .add = scsi_hba_add,
                                         .remove = scsi_hba_remove,
                                         .restart = scsi_hba_restart,
                                         .leave = end_found};
    return s;
}

struct found {
    const struct driver *driver;
    struct scsi_hba *hba; /* the last of them */
    uint8_t phase;
    bool first; /* no, the first */
};

static void
look(void *context, struct adapter *a)
{
    struct found *f = context;
    struct scsi_hba *h = a->face_data;

    if (a->driver == f->driver && a->face == &scsi_face && h->is_own && h->phase == f->phase &&
        !(f->first && f->hba))
        f->hba = h;
}

/* DriverEntry has returned: what it has found takes requests, one after the other as they were found. */
static void
run_found(struct driver *d, void *data)
{
    struct found f = {.driver = d, .phase = HBA_STARTING, .first = true};

    for (f.hba = NULL, adapters_for_each(look, &f); f.hba; f.hba = NULL, adapters_for_each(look, &f))
        scsi_hba_run(f.hba);
}

/* Adapters that it has found itself go with it (S-003, S-021). */
static void
end_found(struct driver *d, void *data)
{
    for (unsigned phase = HBA_NONE; phase <= HBA_STOPPED; phase++) {
        struct found f = {.driver = d, .phase = (uint8_t)phase};

        for (f.hba = NULL, adapters_for_each(look, &f); f.hba; f.hba = NULL, adapters_for_each(look, &f))
            scsi_hba_end(f.hba);
    }
}

/* S-001, S-002, S-004, S-005: what it returns compares higher than success when it is none. */
ULONG NTAPI
ScsiPortInitialize(PVOID Argument1, PVOID Argument2, PHW_INITIALIZATION_DATA HwInitializationData,
                   PVOID HwContext)
{
    struct scsi_registration *r, taken;
    struct scsi_driver *s;
    struct driver *d;
    NTSTATUS status;

    if (!Argument1 || !Argument2 || !HwInitializationData)
        return (ULONG)refuse(STATUS_INVALID_PARAMETER,
                             "one of its first three arguments is NULL (S-022)"); /* S-129 */
    if (irql_current() != PASSIVE_LEVEL)
        guard_stop("called ScsiPortInitialize at IRQL %u", irql_current());
    d = driver_of_object(Argument1);
    if (!d || Argument2 != &d->registry_path)
        return (ULONG)refuse(STATUS_INVALID_PARAMETER, "its arguments are not those of DriverEntry (S-002)");
    if (d->state == DRIVER_STARTED || (d->port.port && strcmp(d->port.port, "scsiport")))
        return (ULONG)refuse(STATUS_UNSUCCESSFUL, "%s (S-010)",
                             d->state == DRIVER_STARTED ? "DriverEntry has returned"
                                                        : "it is another port's");
    status = registration_take(&taken, HwInitializationData, HwContext);
    if (status != STATUS_SUCCESS)
        return (ULONG)status; /* S-011 */
    if (!has_bus(taken.hw.AdapterInterfaceType))
        return (ULONG)refuse(STATUS_NO_SUCH_DEVICE,
                             "the machine has no bus of AdapterInterfaceType %u (S-017)",
                             taken.hw.AdapterInterfaceType);
    s = driver_part(d);
    if (!s || s->count == SCSI_REGISTRATIONS)
        return (ULONG)refuse(STATUS_INSUFFICIENT_RESOURCES, "%s",
                             s ? "it has been called too often" : "no memory");
    r = &s->registration[s->count++];
    *r = taken;
    if (!r->is_legacy)
        return STATUS_SUCCESS; /* S-007 */
    d->port.started = run_found;
    return (ULONG)scsi_search(s, r); /* S-008, S-131 */
}
