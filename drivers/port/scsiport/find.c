/*
 * HwFindAdapter: what it is told and what it says (S-025 to S-048, S-133 to S-137).
 */
#include "drivers/loader/registry.h"
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/hw/pci.h"
#include "lib/format.h"
#include "lib/string.h"

#define FOUND_MAX    32 /* adapters a bus (S-041) */
#define RANGES_MAX   64
#define ARGUMENT_MAX 256
#define ISA_LINES    16
#define ISA_REACH    0xffffffu /* of its 24 address lines */
#define BUSES_MAX    256
#define AT_PRIMARY   0x1f0
#define AT_SECONDARY 0x170
#define AT_PORTS     8

/* ---- what it is told ---- */

/* S-030: those of its device, then zeros, in the device's order (S-140). */
static void
ranges_fill(struct scsi_hba *h)
{
    memset(h->ranges, 0, h->config.NumberOfAccessRanges * sizeof(*h->ranges));
    for (uint32_t i = 0; i < MIN(h->adapter->range_count, h->config.NumberOfAccessRanges); i++) {
        const struct port_range *r = &h->adapter->range[i];

        h->ranges[i].RangeStart.QuadPart = (LONGLONG)r->start;
        h->ranges[i].RangeLength = (ULONG)MIN(r->size, (uint64_t)UINT32_MAX);
        h->ranges[i].RangeInMemory = r->in_memory;
    }
    h->config.AccessRanges = (ACCESS_RANGE(*)[])(void *)h->ranges;
}

static ULONG
slot_of(const struct pci_device *p)
{
    return p->at.device | (ULONG)p->at.function << 5;
}

/* S-028: where its device is and how it interrupts. Messages are none of its concern: the line is told (S-047). */
static void
device_fill(struct scsi_hba *h)
{
    PORT_CONFIGURATION_INFORMATION *k = &h->config;
    const struct adapter *a = h->adapter;

    if (a->pci) {
        k->SystemIoBusNumber = a->pci->at.bus;
        k->SlotNumber = slot_of(a->pci);
        k->BusInterruptLevel = k->BusInterruptVector = a->pci->line;
    }
    if (adapter_is_compatible(a, 0) || a->isa) {
        k->BusInterruptLevel = k->BusInterruptVector = a->isa ? a->isa->line : 14;
        k->InterruptMode = Latched;
    }
    if (adapter_is_compatible(a, 1)) {
        k->BusInterruptLevel2 = k->BusInterruptVector2 = 15;
        k->InterruptMode2 = Latched;
    }
}

struct claims {
    const struct adapter *but;
    bool primary, secondary;
};

static void
claims_look(void *context, struct adapter *a)
{
    struct claims *c = context;

    for (uint32_t i = 0; i < a->range_count && a != c->but; i++) {
        c->primary |= !a->range[i].in_memory && a->range[i].start == AT_PRIMARY;
        c->secondary |= !a->range[i].in_memory && a->range[i].start == AT_SECONDARY;
    }
}

/* S-027, S-028, S-029, S-031, S-048 */
static void
config_fill(struct scsi_hba *h, uint32_t bus_number)
{
    const HW_INITIALIZATION_DATA *hw = &h->registration->hw;
    struct claims claims = {h->adapter, false, false};

    adapters_for_each(claims_look, &claims);
    h->config = (PORT_CONFIGURATION_INFORMATION){
        .Length = sizeof(h->config),
        .SystemIoBusNumber = bus_number,
        .AdapterInterfaceType = hw->AdapterInterfaceType,
        .InterruptMode = hw->AdapterInterfaceType == PCIBus ? LevelSensitive : Latched,
        .MaximumTransferLength = SP_UNINITIALIZED_VALUE,
        .NumberOfPhysicalBreaks = SP_UNINITIALIZED_VALUE,
        .DmaChannel = SP_UNINITIALIZED_VALUE,
        .DmaPort = SP_UNINITIALIZED_VALUE,
        .DmaChannel2 = SP_UNINITIALIZED_VALUE,
        .DmaPort2 = SP_UNINITIALIZED_VALUE,
        .NumberOfAccessRanges = MIN(hw->NumberOfAccessRanges, RANGES_MAX),
        .AtdiskPrimaryClaimed = claims.primary,
        .AtdiskSecondaryClaimed = claims.secondary,
        .MapBuffers = hw->MapBuffers,
        .NeedPhysicalAddresses = hw->NeedPhysicalAddresses,
        .TaggedQueuing = hw->TaggedQueuing,
        .AutoRequestSense = hw->AutoRequestSense,
        .MultipleRequestPerLu = hw->MultipleRequestPerLu,
        .ReceiveEvent = hw->ReceiveEvent,
        .MaximumNumberOfTargets = 8,
        .MaximumNumberOfLogicalUnits = 8,
        .DeviceExtensionSize = hw->DeviceExtensionSize,
        .SpecificLuExtensionSize = hw->SpecificLuExtensionSize,
        .SrbExtensionSize = hw->SrbExtensionSize,
        .Dma64BitAddresses = SCSI_DMA64_SYSTEM_SUPPORTED};
    memset(h->config.InitiatorBusId, 0xff, sizeof(h->config.InitiatorBusId));
    device_fill(h);
}

/* S-032: Parameters\Device of the service, or Parameters\DeviceN of its N-th adapter: the text DriverParameter. */
static void
argument_read(const struct scsi_hba *h, char *text)
{
    const char *service = h->adapter->driver->service;
    char key[REGISTRY_KEY_MAX];
    uint32_t type;
    long size;

    snprintf(key, sizeof(key), "Services\\%s\\Parameters\\Device%s", service,
             h->adapter->name + strlen("scsi"));
    size = registry_get(key, "DriverParameter", &type, text, ARGUMENT_MAX - 1);
    if (size < 0 || type != REGISTRY_SZ) {
        snprintf(key, sizeof(key), "Services\\%s\\Parameters\\Device", service);
        size = registry_get(key, "DriverParameter", &type, text, ARGUMENT_MAX - 1);
    }
    text[size < 0 || type != REGISTRY_SZ ? 0 : MIN(size, ARGUMENT_MAX - 1)] = 0;
}

/* S-023: its context as it was passed. */
int
scsi_find(struct scsi_hba *h, const struct scsi_hba *from, uint32_t bus_number, bool *again)
{
    const HW_INITIALIZATION_DATA *hw = &h->registration->hw;
    struct {
        char argument[ARGUMENT_MAX];
        BOOLEAN again;
    } *told = pool_zalloc(sizeof(*told), SCSI_TAG);
    uint64_t result = SP_RETURN_ERROR;
    int err = told ? 0 : -ENOMEM;

    if (err)
        return err;
    config_fill(h, bus_number);
    if (from) {
        h->config = from->config;
        if (h->adapter->pci)
            device_fill(h);
    }
    if (!h->ranges)
        h->ranges = pool_zalloc(MAX(h->config.NumberOfAccessRanges, 1u) * sizeof(*h->ranges), SCSI_TAG);
    if (!h->ranges) {
        pool_free(told, SCSI_TAG);
        return -ENOMEM;
    }
    ranges_fill(h);
    if (from && !h->adapter->range_count)
        memcpy(h->ranges, from->ranges, h->config.NumberOfAccessRanges * sizeof(*h->ranges));
    argument_read(h, told->argument);
    h->phase = HBA_FINDING;
    h->adapter->searching = h->registration->is_legacy && !h->adapter->pci && !h->adapter->isa;
    err = gate_call(&h->adapter->gate, "HwScsiFindAdapter", (const void *)(uintptr_t)hw->HwFindAdapter,
                    GATE_ARGUMENTS((uintptr_t)h->extension->bytes, (uintptr_t)h->registration->context, 0,
                                   (uintptr_t)told->argument, (uintptr_t)&h->config, (uintptr_t)&told->again),
                    &result);
    h->adapter->searching = false;
    h->phase = HBA_NONE;
    *again = told->again && !err;
    pool_free(told, SCSI_TAG);
    scsi_bus_data_free(h);
    return err ? err : (int)(uint32_t)result;
}

/* ---- what it says ---- */

NTSTATUS
scsi_find_status(int result)
{
    switch (result) {
    case SP_RETURN_FOUND:
        return STATUS_SUCCESS;
    case SP_RETURN_NOT_FOUND: /* S-036 */
        return STATUS_NO_SUCH_DEVICE;
    case SP_RETURN_BAD_CONFIG: /* S-038 */
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    default: /* S-037, S-039 */
        return STATUS_ADAPTER_HARDWARE_ERROR;
    }
}

void
scsi_find_text(const struct scsi_hba *h, int result, char *why)
{
    if (result < 0)
        snprintf(why, DRIVER_WHY, "%s", h->adapter->gate.text);
    else
        snprintf(why, DRIVER_WHY, "HwScsiFindAdapter %s",
                 result == SP_RETURN_NOT_FOUND    ? "finds no adapter there (S-036)"
                 : result == SP_RETURN_BAD_CONFIG ? "says that its configuration is bad (S-038)"
                 : result == SP_RETURN_ERROR      ? "says that it does not work (S-037)"
                                                  : "returned a value that is none (S-039)");
}

/* S-042, S-024 (what it changed), S-124 */
static int
config_check(const PORT_CONFIGURATION_INFORMATION *k, char *why)
{
    if (k->NumberOfBuses > SCSI_MAXIMUM_BUSES) {
        snprintf(why, DRIVER_WHY, "NumberOfBuses is %u; at most 8 can be (S-042)", k->NumberOfBuses);
        return -EINVAL;
    }
    if (!k->Master && (k->DmaChannel != SP_UNINITIALIZED_VALUE || k->DmaPort != SP_UNINITIALIZED_VALUE)) {
        snprintf(why, DRIVER_WHY, "it wants the system's DMA controller, which is not supported (S-124)");
        return -ENOTSUP;
    }
    if ((k->AlignmentMask & (k->AlignmentMask + 1)) || k->AlignmentMask > 0xfff) {
        snprintf(why, DRIVER_WHY, "AlignmentMask is %#x, which is no mask of low bits", k->AlignmentMask);
        return -EINVAL;
    }
    return 0;
}

/* How far its addresses reach (S-031, S-056); 0: everywhere. What is on PCI has 32 bits at least. */
static uint64_t
reach(const PORT_CONFIGURATION_INFORMATION *k)
{
    if (!k->Master || k->Dma64BitAddresses & SCSI_DMA64_MINIPORT_SUPPORTED)
        return 0;
    return k->Dma32BitAddresses || k->AdapterInterfaceType == PCIBus ? UINT32_MAX : ISA_REACH;
}

void
scsi_reach_take(struct scsi_hba *h)
{
    h->adapter->dma = (struct dma_limits){.max_address = reach(&h->config)};
}

/* S-043, S-044, S-045, S-074. One piece less than the breaks allow: where class drivers take their number for that of the
 * pieces, as Windows' do, miniports have been built whose lists are no longer. */
static void
limits_take(struct scsi_hba *h)
{
    PORT_CONFIGURATION_INFORMATION *k = &h->config;

    if (k->MaximumNumberOfTargets > SCSI_MAXIMUM_TARGETS_PER_BUS)
        k->MaximumNumberOfTargets = SCSI_MAXIMUM_TARGETS_PER_BUS;
    if (!k->NumberOfBuses || !k->MaximumNumberOfTargets)
        adapter_log(h->adapter, "%s is 0: it has no units (%s)",
                    k->NumberOfBuses ? "MaximumNumberOfTargets" : "NumberOfBuses",
                    k->NumberOfBuses ? "S-063" : "S-042");
    if (!k->MaximumNumberOfLogicalUnits)
        k->MaximumNumberOfLogicalUnits = 1;
    h->max_pieces = MAX(MIN(k->NumberOfPhysicalBreaks, SCSI_PIECES_MAX), 1u);
    h->is_mapped = k->MapBuffers || !k->Master;
    h->may_tag = k->TaggedQueuing;
    h->many = k->TaggedQueuing || k->MultipleRequestPerLu;
    h->max_bytes = MIN(k->MaximumTransferLength, SCSI_TRANSFER_MAX);
    h->max_bytes = MIN(h->max_bytes, (MAX(h->max_pieces, 2u) - 1) * (uint32_t)PAGE_SIZE);
    if (h->max_bytes < 512) {
        scsi_violation(h, RULE_CONFIGURATION, "MaximumTransferLength %u is less than a sector (S-045)",
                       k->MaximumTransferLength);
        h->max_bytes = 512;
    }
    scsi_reach_take(h);
}

/* An adapter without device interrupts by the line that the miniport names; PCI's own is the port's (S-047). */
static int
line_take(struct scsi_hba *h, char *why)
{
    struct adapter *a = h->adapter;
    ULONG level = h->config.BusInterruptLevel;

    if (a->pci || a->isa || !h->registration->hw.HwInterrupt || !level)
        return 0;
    if (level >= ISA_LINES) {
        snprintf(why, DRIVER_WHY, "BusInterruptLevel is %u; ISA has 16", level);
        return -EINVAL;
    }
    a->line = (int)level;
    return 0;
}

/* S-048: the addresses of the AT's disk controllers, for adapters that take their place. */
static void
addresses_claim(struct scsi_hba *h)
{
    struct adapter *a = h->adapter;

    if (a->pci || a->isa)
        return;
    a->searching = true;
    if (h->config.AtdiskPrimaryClaimed)
        (void)adapter_take(a, AT_PRIMARY, AT_PORTS, false, false);
    if (h->config.AtdiskSecondaryClaimed)
        (void)adapter_take(a, AT_SECONDARY, AT_PORTS, false, false);
    a->searching = false;
}

/* S-046; S-056: extensions that it has let grow since are made anew, as it has seen none of them yet. */
static int
extensions_take(struct scsi_hba *h)
{
    ULONG size = h->config.SrbExtensionSize;

    if (h->uncached_asked && size <= h->extension_size)
        return 0;
    if (h->uncached_asked)
        scsi_violation(h, RULE_S056, "SrbExtensionSize became %u after ScsiPortGetUncachedExtension (S-056)",
                       size);
    return scsi_extensions_make(h, size);
}

int
scsi_config_take(struct scsi_hba *h, char *why)
{
    int err = config_check(&h->config, why);

    if (!err)
        err = line_take(h, why);
    if (err)
        return err;
    addresses_claim(h);
    limits_take(h);
    err = extensions_take(h);
    if (!err)
        err = dma_alloc(h->slot_count * sizeof(*h->slots), &h->adapter->dma, &h->slot_memory);
    if (err) {
        snprintf(why, DRIVER_WHY, "no memory for its requests");
        return err;
    }
    h->slots = h->slot_memory.va;
    __atomic_store_n(&h->bus->depth, h->slot_count - PORT_RESERVED, __ATOMIC_RELEASE);
    return 0;
}

/* ---- legacy: one bus after the other ---- */

static bool
id_matches(const char *prefix, uint16_t id)
{
    char text[5];

    snprintf(text, sizeof(text), "%04X", id);
    return !strncasecmp(text, prefix, strlen(prefix)); /* S-019 */
}

/* The next function on a bus that it is for and nobody has. S-020: without identifiers it looks for itself. */
static struct pci_device *
next_function(const struct scsi_registration *r, uint32_t bus_number, struct pci_device *after)
{
    for (struct pci_device *p = pci_next(after, NULL); p; p = pci_next(p, NULL))
        if (p->at.bus == bus_number && !p->owner && id_matches(r->vendor, p->vendor) &&
            id_matches(r->device, p->device))
            return p;
    return NULL;
}

static void
say(const struct scsi_driver *d, const char *why)
{
    log_err("%s: an adapter is not used: %s", d->driver->name, why);
}

/* One HwFindAdapter. Returns its result; FOUND: *hba runs soon. */
static int
look_for(const struct scsi_driver *d, const struct scsi_registration *r, const struct device *dev,
         uint32_t bus_number, struct scsi_hba **hba, bool *again)
{
    const struct scsi_hba *before = *hba;
    char why[DRIVER_WHY];
    struct scsi_hba *h;
    int result = SP_RETURN_ERROR, err;

    *again = false;
    if (scsi_hba_new(d, r, dev, &h, why)) {
        say(d, why);
        return SP_RETURN_ERROR;
    }
    result = scsi_find(h, before, bus_number, again);
    scsi_find_text(h, result, why);
    err = result == SP_RETURN_FOUND ? scsi_config_take(h, why) : -ENODEV;
    if (!err)
        err = scsi_hba_start(h, why);
    if (!err) {
        *hba = h;
        return result;
    }
    if (result != SP_RETURN_NOT_FOUND)
        say(d, why);
    scsi_hba_end(h); /* S-036, S-137 */
    return result == SP_RETURN_FOUND ? SP_RETURN_ERROR : result;
}

/* S-033, S-035, S-040, S-041, S-135. Returns the best result of a bus. */
static int
search_bus(const struct scsi_driver *d, const struct scsi_registration *r, uint32_t bus_number)
{
    bool again = true, by_id = r->hw.AdapterInterfaceType == PCIBus && r->vendor[0];
    int best = SP_RETURN_NOT_FOUND, result;
    struct pci_device *p = NULL;
    struct scsi_hba *h = NULL;

    for (unsigned n = 0; again; n++) {
        if (n == FOUND_MAX) {
            log_warn("%s: found %u adapters on one bus and wants to go on: that is enough (S-041)",
                     d->driver->name, n);
            break;
        }
        if (by_id && (p = next_function(r, bus_number, p)) == NULL)
            break;
        result = look_for(d, r, &(struct device){.pci = p}, bus_number, &h, &again);
        if (best != SP_RETURN_FOUND && result != SP_RETURN_NOT_FOUND)
            best = result;
        again &= result == SP_RETURN_FOUND;
    }
    return best;
}

static bool
is_for_nothing(const struct scsi_registration *r)
{
    bool by_id = r->hw.AdapterInterfaceType == PCIBus && r->vendor[0];

    for (uint32_t n = 0; by_id && n < BUSES_MAX; n++)
        if (next_function(r, n, NULL))
            return false;
    return by_id;
}

static bool
bus_exists(INTERFACE_TYPE type, uint32_t number)
{
    if (type != PCIBus)
        return number == 0;
    for (const struct pci_device *p = pci_next(NULL, NULL); p;
         p = pci_next((struct pci_device *)(uintptr_t)p, NULL))
        if (p->at.bus == number)
            return true;
    return false;
}

NTSTATUS
scsi_search(const struct scsi_driver *d, const struct scsi_registration *r)
{
    NTSTATUS status = STATUS_NO_SUCH_DEVICE;

    for (uint32_t n = 0; n < BUSES_MAX; n++) {
        NTSTATUS found;

        if (!bus_exists(r->hw.AdapterInterfaceType, n))
            continue;
        found = scsi_find_status(search_bus(d, r, n));
        if (found == STATUS_SUCCESS || status == STATUS_NO_SUCH_DEVICE)
            status = status == STATUS_SUCCESS ? status : found;
    }
    if (status == STATUS_NO_SUCH_DEVICE)
        log_warn("%s: HwScsiFindAdapter %s (S-036)", d->driver->name,
                 is_for_nothing(r) ? "was not called: no free PCI function has its VendorId and DeviceId"
                                   : "found no adapter");
    return status;
}
