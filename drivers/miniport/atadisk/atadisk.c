/*
 * What the port calls; and DriverEntry, for two kinds of bus.
 */
#include "atadisk.h"

static void
finish(struct adapter *a, PSCSI_REQUEST_BLOCK srb, UCHAR srb_status)
{
    a->srb = NULL;
    srb->SrbStatus = srb_status;
    ScsiPortNotification(RequestComplete, a, srb);
    ScsiPortNotification(NextRequest, a);
}

static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    struct adapter *a = extension;
    UCHAR result = SRB_STATUS_SELECTION_TIMEOUT;

    if (srb->Function != SRB_FUNCTION_EXECUTE_SCSI) {
        finish(a, srb, SRB_STATUS_INVALID_REQUEST);
        return TRUE;
    }
    if (srb->PathId < a->channels && srb->TargetId < DISKS &&
        a->channel[srb->PathId].disk[srb->TargetId].there) {
        a->srb = srb;
        a->at = &a->channel[srb->PathId];
        a->disk = &a->at->disk[srb->TargetId];
        result = scsi_command(a, srb);
    }
    if (result != SRB_STATUS_PENDING)
        finish(a, srb, result);
    return TRUE;
}

/* A PCI function notes its devices' interrupts in its bus master's status; it is written back. */
static BOOLEAN
is_ours(const struct adapter *a)
{
    PUCHAR note = a->master ? a->master + 8 * (a->at - a->channel) + 2 : NULL;

    if (!a->at)
        return FALSE;
    if (!note)
        return a->srb && !(status(a->at) & IDE_STATUS_BUSY);
    if (!(ScsiPortReadPortUchar(note) & 4))
        return FALSE;
    ScsiPortWritePortUchar(note, 4);
    return TRUE;
}

static BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    struct adapter *a = extension;
    UCHAR result;

    if (!is_ours(a))
        return FALSE;
    if (!a->srb) {
        (void)in(a->at, STATUS); /* takes it back */
        return TRUE;
    }
    result = transfer_interrupt(a);
    if (result != SRB_STATUS_PENDING)
        finish(a, a->srb, result);
    return TRUE;
}

static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    struct adapter *a = extension;
    BOOLEAN done = path < a->channels && (!a->channel[path].command || channel_reset(&a->channel[path]));

    if (a->srb && a->srb->PathId == path)
        a->srb = NULL;
    ScsiPortCompleteRequest(a, (UCHAR)path, SP_UNTAGGED, SP_UNTAGGED, SRB_STATUS_BUS_RESET);
    ScsiPortNotification(NextRequest, a);
    return done;
}

static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    struct adapter *a = extension;

    for (ULONG n = a->channels; n-- > 0;) {
        struct channel *c = &a->channel[n];

        if (!c->command)
            continue; /* nobody there */
        (void)in(c, STATUS);
        ScsiPortWritePortUchar(c->control, 0); /* from now on they interrupt */
        a->at = c;
    }
    return a->at != NULL;
}

/* Once a kind of bus; the lowest result is the driver's. */
ULONG NTAPI
DriverEntry(PVOID driver, PVOID registry)
{
    struct search search = {0};
    HW_INITIALIZATION_DATA hw = {.HwInitializationDataSize = sizeof(hw),
                                 .AdapterInterfaceType = Isa,
                                 .HwInitialize = HwInitialize,
                                 .HwStartIo = HwStartIo,
                                 .HwInterrupt = HwInterrupt,
                                 .HwFindAdapter = find_isa,
                                 .HwResetBus = HwResetBus,
                                 .DeviceExtensionSize = sizeof(struct adapter),
                                 .NumberOfAccessRanges = 2,
                                 .MapBuffers = TRUE,
                                 .AutoRequestSense = TRUE};
    ULONG isa = ScsiPortInitialize(driver, registry, &hw, &search), pci;

    search = (struct search){0};
    hw.AdapterInterfaceType = PCIBus;
    hw.HwFindAdapter = find_pci;
    hw.NumberOfAccessRanges = 5;
    pci = ScsiPortInitialize(driver, registry, &hw, &search);
    return isa < pci ? isa : pci;
}
