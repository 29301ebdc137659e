/*
 * Routines for HwFindAdapter: mappings, configuration space, common memory (S-049 to S-058).
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/hw/pci.h"
#include "lib/canary.h"
#include "lib/string.h"

#define PCI_SPACE 256
#define SLOTS_LEAST                                                                                          \
    (16u + PORT_RESERVED) /* SRBs of an adapter, as many as their extensions let in reasonable memory */
#define SLOTS_FEW  48u
#define SLOTS_MANY 128u
#define NO_DEVICE  2 /* bytes that ScsiPortGetBusData returns where there is none (S-052) */

/* May it be called now? Else it is said, and nothing is done. */
static bool
is_time(struct scsi_hba *h, const char *routine, bool also_control)
{
    uint8_t phase = __atomic_load_n(&h->phase, __ATOMIC_ACQUIRE);

    if (phase == HBA_FINDING || (also_control && phase == HBA_RECONFIGURING))
        return true;
    scsi_violation(h, RULE_S057, "%s was called outside of HwScsiFindAdapter (S-057)", routine);
    return false;
}

/* ---- mappings: S-049, S-050, S-051, S-136 ---- */

PVOID NTAPI
ScsiPortGetDeviceBase(PVOID HwDeviceExtension, INTERFACE_TYPE BusType, ULONG SystemIoBusNumber,
                      SCSI_PHYSICAL_ADDRESS IoAddress, ULONG NumberOfBytes, BOOLEAN InIoSpace)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);
    uint64_t start = (uint64_t)IoAddress.QuadPart;

    if (!is_time(h, "ScsiPortGetDeviceBase", true) || !NumberOfBytes ||
        adapter_take(h->adapter, start, NumberOfBytes, !InIoSpace, BusType == PCIBus))
        return NULL;
    return adapter_map(h->adapter, start, NumberOfBytes);
}

VOID NTAPI
ScsiPortFreeDeviceBase(PVOID HwDeviceExtension, PVOID MappedAddress)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);

    if (is_time(h, "ScsiPortFreeDeviceBase", false) && !adapter_unmap(h->adapter, MappedAddress))
        scsi_violation(h, RULE_S050, "ScsiPortFreeDeviceBase of %p, which is not mapped (S-050)",
                       MappedAddress);
}

BOOLEAN NTAPI
ScsiPortValidateRange(PVOID HwDeviceExtension, INTERFACE_TYPE BusType, ULONG SystemIoBusNumber,
                      SCSI_PHYSICAL_ADDRESS IoAddress, ULONG NumberOfBytes, BOOLEAN InIoSpace)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);

    return is_time(h, "ScsiPortValidateRange", false) && NumberOfBytes &&
           !adapter_may_take(h->adapter, (uint64_t)IoAddress.QuadPart, NumberOfBytes, !InIoSpace,
                             BusType == PCIBus);
}

/* ---- configuration space: S-052, S-053, S-054 ---- */

void
scsi_bus_data_free(struct scsi_hba *h)
{
    pool_free(h->bus_data, SCSI_TAG);
    h->bus_data = NULL;
}

static struct pci_device *
function_at(ULONG bus, ULONG slot)
{
    return bus > UINT8_MAX ? NULL
                           : pci_find((struct pci_address){
                                 .bus = (uint8_t)bus, .device = slot & 31, .function = slot >> 5 & 7});
}

static bool
bus_exists(ULONG bus)
{
    for (struct pci_device *p = pci_next(NULL, NULL); p; p = pci_next(p, NULL))
        if (p->at.bus == bus)
            return true;
    return false;
}

/* Where the data goes: the caller's buffer, or one of the port's whose address goes there. */
static void *
bus_data_room(struct scsi_hba *h, PVOID Buffer, ULONG *length)
{
    if (*length)
        return Buffer;
    scsi_bus_data_free(h);
    *length = PCI_SPACE;
    h->bus_data = pool_zalloc(PCI_SPACE, SCSI_TAG);
    if (h->bus_data)
        guard_copy(Buffer, &h->bus_data, sizeof(h->bus_data));
    return h->bus_data;
}

ULONG NTAPI
ScsiPortGetBusData(PVOID DeviceExtension, ULONG BusDataType, ULONG SystemIoBusNumber, ULONG SlotNumber,
                   PVOID Buffer, ULONG Length)
{
    struct scsi_hba *h = scsi_hba_of(DeviceExtension);
    static const uint8_t none[NO_DEVICE] = {0xff, 0xff};
    const struct pci_device *p;
    void *room;
    ULONG n = 0;

    if (!is_time(h, "ScsiPortGetBusData", true) || BusDataType != PCIConfiguration ||
        !bus_exists(SystemIoBusNumber))
        return 0;
    room = bus_data_room(h, Buffer, &Length);
    if (!room)
        return 0;
    p = function_at(SystemIoBusNumber, SlotNumber);
    if (!p) {
        guard_copy(room, none, MIN(Length, NO_DEVICE));
        return MIN(Length, NO_DEVICE);
    }
    for (; n < MIN(Length, PCI_SPACE); n++) {
        uint8_t byte = pci_read8(p, n);

        guard_copy((char *)room + n, &byte, 1);
    }
    return n;
}

/* Only its own device's, or one that is nobody's. */
ULONG NTAPI
ScsiPortSetBusDataByOffset(PVOID DeviceExtension, ULONG BusDataType, ULONG SystemIoBusNumber,
                           ULONG SlotNumber, PVOID Buffer, ULONG Offset, ULONG Length)
{
    struct scsi_hba *h = scsi_hba_of(DeviceExtension);
    struct pci_device *p = BusDataType == PCIConfiguration ? function_at(SystemIoBusNumber, SlotNumber)
                                                           : NULL;
    ULONG n = 0;

    if (!is_time(h, "ScsiPortSetBusDataByOffset", true) || !p || (p->owner && p != h->adapter->pci))
        return 0;
    for (; n < Length && Offset < PCI_SPACE && Offset + n < PCI_SPACE; n++) {
        uint8_t byte;

        guard_copy(&byte, (const char *)Buffer + n, 1);
        pci_write8(p, Offset + n, byte);
    }
    return n;
}

/* ---- memory for miniport and device: S-055, S-056, S-058, S-073 ---- */

static int
common_alloc(struct scsi_hba *h, uint32_t size, struct dma_buffer *b)
{
    int err = dma_alloc(size + CANARY_SIZE, &h->adapter->dma, b);

    if (!err)
        canary_set((uint8_t *)b->va + size, CANARY_SIZE);
    return err;
}

void
scsi_extensions_free(struct scsi_hba *h)
{
    if (h->extensions.va)
        dma_free(&h->extensions);
    h->extensions.va = NULL;
}

/* One an SRB, on a boundary of 16 bytes. */
int
scsi_extensions_make(struct scsi_hba *h, uint32_t size)
{
    bool many = h->config.TaggedQueuing || h->config.MultipleRequestPerLu;
    uint64_t all;

    h->config.SrbExtensionSize = size;
    h->extension_size = ALIGN_UP(size, 16u);
    h->slot_count = MIN(MAX(SCSI_EXTENSION_MAX / 4 / MAX(size, 1u), SLOTS_LEAST),
                        many ? SLOTS_MANY : SLOTS_FEW);
    all = (uint64_t)h->extension_size * h->slot_count;
    scsi_extensions_free(h);
    if (size > SCSI_EXTENSION_MAX || all > 2 * (uint64_t)SCSI_EXTENSION_MAX)
        return -ENOMEM;
    if (!all)
        return 0;
    h->extensions_size = (uint32_t)all;
    return common_alloc(h, (uint32_t)all, &h->extensions);
}

PVOID NTAPI
ScsiPortGetUncachedExtension(PVOID HwDeviceExtension, PPORT_CONFIGURATION_INFORMATION ConfigInfo,
                             ULONG NumberOfBytes)
{
    struct scsi_hba *h = scsi_hba_of(HwDeviceExtension);

    if (!is_time(h, "ScsiPortGetUncachedExtension", false) || ConfigInfo != &h->config)
        return NULL;
    if (h->uncached_asked || !h->config.Master) {
        scsi_violation(h, RULE_S055, "ScsiPortGetUncachedExtension %s (S-055)",
                       h->uncached_asked ? "was called again" : "was called with Master FALSE");
        return NULL;
    }
    if (NumberOfBytes > SCSI_EXTENSION_MAX)
        return NULL;
    scsi_reach_take(h);
    if (scsi_extensions_make(h, h->config.SrbExtensionSize))
        return NULL;
    if (NumberOfBytes && common_alloc(h, NumberOfBytes, &h->uncached)) {
        scsi_extensions_free(h);
        return NULL;
    }
    h->uncached_size = NumberOfBytes;
    h->uncached_asked = true;
    return h->uncached.va;
}
