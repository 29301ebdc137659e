/*
 * AMD Am53C974: a SCSI miniport that is written to be read first. One command at a time is on the bus; targets that
 * disconnect let others in. Sense data is fetched by the port.
 */
#include "am53c974.h"

/* ---- a command: its begin and its end ---- */

/* The port takes it back, and may send another one. */
static void
give_back(struct adapter *a, PSCSI_REQUEST_BLOCK srb, UCHAR status)
{
    srb->SrbStatus = status;
    ScsiPortNotification(RequestComplete, a, srb);
}

void
end(struct adapter *a, UCHAR srb_status)
{
    PSCSI_REQUEST_BLOCK srb = a->srb;

    a->srb = NULL;
    a->state = FREE;
    if (!srb)
        return;
    srb->ScsiStatus = a->status;
    if (a->unit->moved < srb->DataTransferLength) {
        srb->DataTransferLength = a->unit->moved;
        if (srb_status == SRB_STATUS_SUCCESS)
            srb_status = SRB_STATUS_DATA_OVERRUN;
    }
    give_back(a, srb, srb_status);
}

/* Not with what old devices are asked before anything is known of them. */
static BOOLEAN
wants_speed(PSCSI_REQUEST_BLOCK srb)
{
    return srb->Cdb[0] != SCSIOP_INQUIRY && srb->Cdb[0] != SCSIOP_REQUEST_SENSE &&
           !(srb->SrbFlags & SRB_FLAGS_DISABLE_SYNCH_TRANSFER);
}

/* The engine fetches the IDENTIFY message and the command block; the chip does the rest by itself until the target asks for
 * the first phase after them. */
static void
select(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    struct target *t = &a->target[srb->TargetId];
    UCHAR identify = (UCHAR)(0x80 | srb->Lun);

    a->srb = srb;
    a->unit = ScsiPortGetLogicalUnit(a, 0, srb->TargetId, srb->Lun);
    a->unit->moved = a->unit->saved = 0;
    a->status = 0;
    a->parity = FALSE;
    a->state = SELECTING;
    if (!(srb->SrbFlags & SRB_FLAGS_DISABLE_DISCONNECT))
        identify |= 0x40;
    put(a, COMMAND, CMD_CLEAR_FIFO);
    put(a, BUS_ID, srb->TargetId);
    put(a, PERIOD, t->period);
    put(a, OFFSET, t->offset);
    if (!t->settled && wants_speed(srb)) {
        t->settled = t->asking = TRUE;
        put(a, FIFO, identify);
        put(a, COMMAND, CMD_SELECT_STOP);
        return;
    }
    a->out[0] = identify;
    for (ULONG i = 0; i < srb->CdbLength; i++)
        a->out[1 + i] = srb->Cdb[i];
    engine_start(a, a->out_at, 1u + srb->CdbLength, 0, CMD_SELECT);
}

void
go_on(struct adapter *a)
{
    PSCSI_REQUEST_BLOCK srb = a->next;

    if (a->state != FREE)
        return;
    put(a, COMMAND, CMD_ENABLE_RESELECT);
    a->next = NULL;
    if (srb)
        select(a, srb);
    else
        ScsiPortNotification(NextRequest, a);
}

/* ---- interrupts ---- */

/* The selection was not answered (SPI: 250 ms), or the target has left. */
static void
disconnected(struct adapter *a, UCHAR step)
{
    switch (a->state) {
    case SELECTING:
        end(a, step == 0 ? SRB_STATUS_SELECTION_TIMEOUT : SRB_STATUS_UNEXPECTED_BUS_FREE);
        break;
    case ENDING:
        end(a, a->parity                    ? SRB_STATUS_PARITY_ERROR
               : a->status == SCSISTAT_GOOD ? SRB_STATUS_SUCCESS
               : a->status == SCSISTAT_BUSY ? SRB_STATUS_BUSY
                                            : SRB_STATUS_ERROR);
        break;
    case LEAVING: /* the command goes on when it comes back */
        a->srb = NULL;
        a->state = FREE;
        break;
    default:
        if (a->srb) {
            ScsiPortLogError(a, a->srb, 0, a->srb->TargetId, a->srb->Lun, SP_UNEXPECTED_DISCONNECT, a->state);
            end(a, SRB_STATUS_UNEXPECTED_BUS_FREE);
        }
        a->state = FREE;
    }
    go_on(a);
}

/* A target is back: its number as a bit beside ours, and the IDENTIFY message, are in the FIFO. A selection that we
 * had begun has lost. */
static void
reselected(struct adapter *a)
{
    UCHAR ids = get(a, FIFO) & (UCHAR) ~(1u << OWN_ID), identify = get(a, FIFO), target = 0;

    if (a->state == SELECTING)
        a->next = a->srb;
    while (target < TARGETS - 1 && !(ids >> target & 1))
        target++;
    a->srb = ScsiPortGetSrb(a, 0, target, identify & 7, SP_UNTAGGED);
    a->unit = ScsiPortGetLogicalUnit(a, 0, target, identify & 7);
    a->state = RESELECTED;
    if (!a->srb || a->srb == a->next || !a->unit) { /* nobody has sent it anything */
        ScsiPortLogError(a, NULL, 0, target, identify & 7, SP_INVALID_RESELECTION, ids);
        put(a, COMMAND, CMD_RESET_BUS);
        return;
    }
    a->unit->moved = a->unit->saved;
    a->state = CONNECTED;
    put(a, PERIOD, a->target[target].period);
    put(a, OFFSET, a->target[target].offset);
    put(a, COMMAND, CMD_ACCEPT);
}

/* Somebody has reset the bus, perhaps we: all commands are gone. */
static void
bus_was_reset(struct adapter *a)
{
    for (ULONG i = 0; i < TARGETS; i++)
        a->target[i] = (struct target){0};
    a->srb = a->next = NULL;
    a->run = 0;
    a->state = FREE;
    ScsiPortNotification(ResetDetected, a);
    ScsiPortCompleteRequest(a, 0, SP_UNTAGGED, SP_UNTAGGED, SRB_STATUS_BUS_RESET);
    go_on(a);
}

/* One event of the chip's. */
static void
handle(struct adapter *a)
{
    UCHAR status = get(a, STATUS), step = get(a, STEP) & STEP_MASK, why = get(a, INTERRUPT);

    if (a->run)
        transfer_end(a);
    if (status & STATUS_PARITY)
        a->parity = TRUE;
    if (why & INT_RESET) {
        bus_was_reset(a);
    } else if (status & STATUS_GROSS || why & (INT_INVALID | INT_SELECTED)) {
        ScsiPortLogError(a, NULL, 0, 0, 0, SP_PROTOCOL_ERROR, (ULONG)status << 8 | why);
        put(a, COMMAND, CMD_RESET_BUS);
    } else if (why & INT_DISCONNECT) {
        disconnected(a, step);
    } else if (why & INT_RESELECTED) {
        reselected(a);
    } else if (why & (INT_SERVICE | INT_DONE) && a->srb) {
        if (a->state == SELECTING)
            a->state = CONNECTED;
        phase(a, status);
    }
}

/* The end of a command comes within microseconds: it costs no interrupt. */
static void
soon(struct adapter *a)
{
    for (ULONG i = 0; i < SOON_READS && a->state == ENDING; i++)
        if (get(a, STATUS) & STATUS_INTERRUPT) {
            handle(a);
            i = 0;
        }
}

static BOOLEAN NTAPI
HwInterrupt(PVOID extension)
{
    struct adapter *a = extension;

    if (!(get32(a, DMA_STATUS) & DMA_SCSI))
        return FALSE;
    handle(a);
    soon(a);
    return TRUE;
}

/* ---- what the port asks for ---- */

static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    struct adapter *a = extension;

    switch (srb->Function) {
    case SRB_FUNCTION_EXECUTE_SCSI:
        if (srb->Lun >= LUNS || !ScsiPortGetLogicalUnit(a, 0, srb->TargetId, srb->Lun)) {
            give_back(a, srb, SRB_STATUS_INVALID_LUN);
            ScsiPortNotification(NextRequest, a);
            break;
        }
        a->next = srb;
        if (a->state == FREE)
            go_on(a);
        break;
    default: /* no abort: a command that hangs is ended by a reset of the bus */
        give_back(a, srb, SRB_STATUS_INVALID_REQUEST);
        ScsiPortNotification(NextRequest, a);
    }
    return TRUE;
}

static void
chip_start(struct adapter *a)
{
    put(a, COMMAND, CMD_RESET_CHIP);
    put(a, COMMAND, CMD_NOP); /* required behind a reset */
    put32(a, DMA_COMMAND, DMA_IDLE);
    put(a, CONTROL1, CONTROL1_PARITY | OWN_ID);
    put(a, CONTROL2, CONTROL2_FEATURES);
    put(a, CONTROL3, CONTROL3_FAST);
    put(a, CONTROL4, 0);
    put(a, CLOCK, CLOCK_40MHZ);
    put(a, TIMEOUT, TIMEOUT_250MS);
    (void)get(a, INTERRUPT);
}

/* The chip is in an unknown state, too. The interrupt that the reset makes ends the commands. */
static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    struct adapter *a = extension;

    put32(a, DMA_COMMAND, DMA_ABORT);
    chip_start(a);
    put(a, COMMAND, CMD_RESET_BUS);
    ScsiPortStallExecution(30); /* SCSI-2, 4.7.2: 25 us */
    (void)get(a, INTERRUPT);
    bus_was_reset(a);
    return TRUE;
}

static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    struct adapter *a = extension;

    chip_start(a);
    put(a, COMMAND, CMD_RESET_BUS);
    ScsiPortStallExecution(30);
    (void)get(a, INTERRUPT);
    put(a, COMMAND, CMD_ENABLE_RESELECT);
    ScsiPortNotification(ResetDetected, a);
    return TRUE;
}

static ULONG NTAPI
HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
              PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again)
{
    struct adapter *a = extension;
    ACCESS_RANGE *range = &(*config->AccessRanges)[0];
    ULONG length;

    *again = FALSE;
    if (range->RangeInMemory || range->RangeLength < PORTS)
        return SP_RETURN_NOT_FOUND;
    config->NumberOfBuses = 1;
    config->InitiatorBusId[0] = OWN_ID;
    config->MaximumNumberOfTargets = TARGETS;
    config->MaximumNumberOfLogicalUnits = LUNS;
    config->MaximumTransferLength = TRANSFER_MAX;
    config->Master = TRUE;
    config->ScatterGather = TRUE;
    config->Dma32BitAddresses = TRUE;
    a->ports = ScsiPortGetDeviceBase(a, config->AdapterInterfaceType, config->SystemIoBusNumber,
                                     range->RangeStart, range->RangeLength, TRUE);
    a->out = ScsiPortGetUncachedExtension(a, config, OUT_SIZE);
    if (!a->ports || !a->out)
        return SP_RETURN_ERROR;
    a->out_at = ScsiPortConvertPhysicalAddressToUlong(ScsiPortGetPhysicalAddress(a, NULL, a->out, &length));
    return SP_RETURN_FOUND;
}

static SCSI_ADAPTER_CONTROL_STATUS NTAPI
HwAdapterControl(PVOID extension, SCSI_ADAPTER_CONTROL_TYPE type, PVOID parameters)
{
    PSCSI_SUPPORTED_CONTROL_TYPE_LIST list = parameters;
    struct adapter *a = extension;

    switch (type) {
    case ScsiQuerySupportedControlTypes:
        for (ULONG i = 0; i < list->MaxControlType; i++)
            list->SupportedTypeList[i] = i <= ScsiRestartAdapter;
        return ScsiAdapterControlSuccess;
    case ScsiStopAdapter: /* reset, it neither interrupts nor moves data */
        put32(a, DMA_COMMAND, DMA_IDLE);
        put(a, COMMAND, CMD_RESET_CHIP);
        put(a, COMMAND, CMD_NOP);
        return ScsiAdapterControlSuccess;
    case ScsiRestartAdapter:
        return HwInitialize(a) ? ScsiAdapterControlSuccess : ScsiAdapterControlUnsuccessful;
    default:
        return ScsiAdapterControlUnsuccessful;
    }
}

ULONG NTAPI
DriverEntry(PVOID driver, PVOID registry)
{
    HW_INITIALIZATION_DATA data = {.HwInitializationDataSize = sizeof(data),
                                   .AdapterInterfaceType = PCIBus,
                                   .HwInitialize = HwInitialize,
                                   .HwStartIo = HwStartIo,
                                   .HwInterrupt = HwInterrupt,
                                   .HwFindAdapter = HwFindAdapter,
                                   .HwResetBus = HwResetBus,
                                   .HwAdapterControl = HwAdapterControl,
                                   .DeviceExtensionSize = sizeof(struct adapter),
                                   .SpecificLuExtensionSize = sizeof(struct unit),
                                   .NumberOfAccessRanges = 1,
                                   .NeedPhysicalAddresses = TRUE};

    return ScsiPortInitialize(driver, registry, &data, NULL);
}
