/*
 * Looking for channels: at ISA's addresses, and behind PCI functions of the class.
 */
#include "atadisk.h"

#define SLOTS      256
#define CLASS_DISK 1
#define CLASS_IDE  1
#define NATIVE(n)  (1u << 2 * (n)) /* of the programming interface: channel n is not at ISA's addresses */
#define HAS_MASTER 0x80
#define PORTS      8

static const struct {
    USHORT command, control;
    UCHAR line;
} places[CHANNELS] = {{0x1f0, 0x3f6, 14}, {0x170, 0x376, 15}};

static PUCHAR
base_of(struct adapter *a, PPORT_CONFIGURATION_INFORMATION config, ULONG port, ULONG size)
{
    SCSI_PHYSICAL_ADDRESS address = ScsiPortConvertUlongToPhysicalAddress(port);

    if (!ScsiPortValidateRange(a, config->AdapterInterfaceType, config->SystemIoBusNumber, address, size,
                               TRUE))
        return NULL;
    return ScsiPortGetDeviceBase(a, config->AdapterInterfaceType, config->SystemIoBusNumber, address, size,
                                 TRUE);
}

static void
range_tell(PPORT_CONFIGURATION_INFORMATION config, ULONG n, ULONG port, ULONG size)
{
    ACCESS_RANGE *r = &(*config->AccessRanges)[n];

    r->RangeStart = ScsiPortConvertUlongToPhysicalAddress(port);
    r->RangeLength = size;
    r->RangeInMemory = FALSE;
}

/* A channel whose registers answer: are there disks? Else its ports are given back. */
static BOOLEAN
channel_open(struct adapter *a, PPORT_CONFIGURATION_INFORMATION config, struct channel *c, ULONG command,
             ULONG control)
{
    c->command = base_of(a, config, command, PORTS);
    c->control = c->command ? base_of(a, config, control, 1) : NULL;
    if (c->control && status(c) != STATUS_NOBODY) {
        channel_identify(c);
        if (c->disk[0].there || c->disk[1].there)
            return TRUE;
    }
    if (c->control)
        ScsiPortFreeDeviceBase(a, c->control);
    if (c->command)
        ScsiPortFreeDeviceBase(a, c->command);
    c->command = c->control = NULL;
    return FALSE;
}

static ULONG
found(PPORT_CONFIGURATION_INFORMATION config, ULONG channels)
{
    config->NumberOfBuses = (UCHAR)channels;
    config->MaximumNumberOfTargets = DISKS;
    config->MaximumNumberOfLogicalUnits = 1;
    config->MaximumTransferLength = TRANSFER_MAX;
    config->AlignmentMask = 1;
    config->InterruptMode = Latched;
    return SP_RETURN_FOUND;
}

/* One of the two places a call: the context says which is next. */
ULONG NTAPI
find_isa(PVOID extension, PVOID context, PVOID bus, PCHAR argument, PPORT_CONFIGURATION_INFORMATION config,
         PBOOLEAN again)
{
    struct adapter *a = extension;
    struct search *search = context;

    *again = FALSE;
    while (search->place < CHANNELS) {
        ULONG n = search->place++;

        if (!channel_open(a, config, &a->channel[0], places[n].command, places[n].control))
            continue;
        a->channels = 1;
        range_tell(config, 0, places[n].command, PORTS);
        range_tell(config, 1, places[n].control, 1);
        config->BusInterruptLevel = config->BusInterruptVector = places[n].line;
        if (n)
            config->AtdiskSecondaryClaimed = TRUE;
        else
            config->AtdiskPrimaryClaimed = TRUE;
        *again = TRUE;
        return found(config, 1);
    }
    return SP_RETURN_NOT_FOUND;
}

/* A channel of a function: by its BARs, or at ISA's addresses. */
static BOOLEAN
function_channel(struct adapter *a, PPORT_CONFIGURATION_INFORMATION config, PPCI_COMMON_CONFIG pci, ULONG n)
{
    const ULONG *bar = &pci->u.type0.BaseAddresses[(SIZE_T)2 * n];
    ULONG command = places[n].command, control = places[n].control;

    if (pci->ProgIf & NATIVE(n)) {
        command = bar[0] & ~3u;
        control = (bar[1] & ~3u) + 2;
        if (!command || control == 2)
            return FALSE;
    }
    range_tell(config, 2 * n, command, PORTS);
    range_tell(config, 2 * n + 1, control, 1);
    return channel_open(a, config, &a->channel[n], command, control);
}

static BOOLEAN
function_open(struct adapter *a, PPORT_CONFIGURATION_INFORMATION config, PPCI_COMMON_CONFIG pci)
{
    BOOLEAN any = FALSE;

    for (ULONG n = 0; n < CHANNELS; n++)
        any |= function_channel(a, config, pci, n);
    if (!any)
        return FALSE;
    a->channels = CHANNELS;
    if (pci->ProgIf & HAS_MASTER && pci->u.type0.BaseAddresses[4] & ~3u)
        a->master = base_of(a, config, pci->u.type0.BaseAddresses[4] & ~3u, 16);
    config->BusInterruptLevel = config->BusInterruptVector = pci->ProgIf & NATIVE(0)
                                                                 ? pci->u.type0.InterruptLine
                                                                 : places[0].line;
    return TRUE;
}

/* The slots of a bus, one function a call. */
ULONG NTAPI
find_pci(PVOID extension, PVOID context, PVOID bus, PCHAR argument, PPORT_CONFIGURATION_INFORMATION config,
         PBOOLEAN again)
{
    struct adapter *a = extension;
    struct search *search = context;
    PCI_COMMON_CONFIG pci;

    *again = FALSE;
    for (; search->place < SLOTS; search->place++) {
        if (ScsiPortGetBusData(a, PCIConfiguration, config->SystemIoBusNumber, search->place, &pci,
                               PCI_COMMON_HDR_LENGTH) != PCI_COMMON_HDR_LENGTH ||
            pci.BaseClass != CLASS_DISK || pci.SubClass != CLASS_IDE || !function_open(a, config, &pci))
            continue;
        config->SlotNumber = search->place++;
        *again = TRUE;
        return found(config, CHANNELS);
    }
    search->place = 0; /* the next bus begins anew */
    return SP_RETURN_NOT_FOUND;
}
