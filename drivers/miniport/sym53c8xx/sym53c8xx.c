/*
 * Symbios 53C8xx: commands from the port to the chip's program and back. Many at once, with tags; sense data is fetched by
 * the port.
 */
#include "sym53c8xx.h"

/* ---- a command: its begin and its end ---- */

/* The pieces of its data, the last one at the end of the table. */
static void
data_fill(struct adapter *a, struct command *c, PSCSI_REQUEST_BLOCK srb)
{
    ULONG left = srb->DataTransferLength, n = 0;
    PUCHAR at = srb->DataBuffer;

    while (left && n < PIECES) {
        struct entry *e = &c->table.data[n++];
        ULONG run = 0;

        e->address = ScsiPortConvertPhysicalAddressToUlong(ScsiPortGetPhysicalAddress(a, srb, at, &run));
        e->count = run < left ? run : left;
        at += e->count;
        left -= e->count;
    }
    for (ULONG i = n; i > 0 && n < PIECES; i--)
        c->table.data[PIECES - 1 - (n - i)] = c->table.data[i - 1];
    c->next = PIECES - n;
}

/* IDENTIFY, a tag, and what is asked of a target that has not been asked yet. */
static ULONG
message_fill(struct adapter *a, struct command *c, PSCSI_REQUEST_BLOCK srb)
{
    ULONG n = 0;

    c->message[n++] = (UCHAR)(0x80 | srb->Lun | (srb->SrbFlags & SRB_FLAGS_DISABLE_DISCONNECT ? 0 : 0x40));
    if (srb->SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE) {
        c->message[n++] = srb->QueueAction;
        c->message[n++] = srb->QueueTag;
    }
    if (!a->target[srb->TargetId].settled && srb->Cdb[0] != SCSIOP_INQUIRY &&
        srb->Cdb[0] != SCSIOP_REQUEST_SENSE && !(srb->SrbFlags & SRB_FLAGS_DISABLE_SYNCH_TRANSFER))
        n += negotiate(a, srb->TargetId, c->message + n);
    return n;
}

static void
command_fill(struct adapter *a, struct command *c, PSCSI_REQUEST_BLOCK srb)
{
    const struct target *t = &a->target[srb->TargetId];

    c->srb = srb;
    c->left = 0;
    c->overrun = FALSE;
    c->status = 0;
    c->table.target = (ULONG)t->scntl3 << 24 | (ULONG)srb->TargetId << 16 | (ULONG)t->sxfer << 8;
    c->table.message.count = message_fill(a, c, srb);
    c->table.cdb.count = srb->CdbLength;
    ScsiPortMoveMemory(c->cdb, srb->Cdb, sizeof(c->cdb));
    data_fill(a, c, srb);
    command_data_at(a, c, c->next);
}

/* Into the ring. The place behind it is made empty before it itself becomes full. */
void
command_enter(struct adapter *a, struct command *c)
{
    struct place *p = &a->shared->ring[a->fill], *next;

    a->fill = (a->fill + 1) % RING;
    next = &a->shared->ring[a->fill];
    next->jump[1] = a->label[L_IDLE];
    c->behind = next->address;
    c->code[CODE_NEXT] = next->address + FIELD_OFFSET(struct place, address);
    __atomic_store_n(&p->jump[1], c->physical, __ATOMIC_RELEASE);
    put(a, ISTAT, ISTAT_SIGNAL);
}

static void
out_add(struct adapter *a, struct command *c)
{
    a->idle = c->after;
    c->before = NULL;
    c->after = a->out;
    if (a->out)
        a->out->before = c;
    a->out = c;
}

static void
out_remove(struct adapter *a, struct command *c)
{
    if (c->before)
        c->before->after = c->after;
    else
        a->out = c->after;
    if (c->after)
        c->after->before = c->before;
    c->after = a->idle;
    a->idle = c;
}

void
command_end(struct adapter *a, struct command *c, UCHAR srb_status)
{
    PSCSI_REQUEST_BLOCK srb = c->srb;

    out_remove(a, c);
    c->srb = NULL;
    if (a->careful)
        a->careful--;
    if (srb->SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE)
        *a->tag[srb->QueueTag] = a->label[L_TAGS] + 8 * (TAGS / 16);
    srb->SrbStatus = srb_status;
    srb->ScsiStatus = c->status;
    if (c->left) {
        srb->DataTransferLength -= c->left;
        if (srb_status == SRB_STATUS_SUCCESS)
            srb->SrbStatus = SRB_STATUS_DATA_OVERRUN;
    } else if (c->overrun && srb_status == SRB_STATUS_SUCCESS) {
        srb->SrbStatus = SRB_STATUS_DATA_OVERRUN;
    }
    ScsiPortNotification(RequestComplete, a, srb);
    if (a->withheld) {
        a->withheld = FALSE;
        ScsiPortNotification(NextRequest, a);
    }
}

/* Another one can come at once: for the same unit, if this one has a tag. */
static void
ask_for_more(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    if (a->careful || !a->idle)
        a->withheld = TRUE;
    else if (srb->SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE)
        ScsiPortNotification(NextLuRequest, a, srb->PathId, srb->TargetId, srb->Lun);
    else
        ScsiPortNotification(NextRequest, a);
}

static BOOLEAN NTAPI
HwStartIo(PVOID extension, PSCSI_REQUEST_BLOCK srb)
{
    struct adapter *a = extension;
    struct command *c = a->idle;

    if (srb->Function != SRB_FUNCTION_EXECUTE_SCSI || srb->Lun > 7 || srb->CdbLength > sizeof(c->cdb)) {
        srb->SrbStatus = SRB_STATUS_INVALID_REQUEST; /* no abort: what hangs is ended by a reset of the bus */
        ScsiPortNotification(RequestComplete, a, srb);
        ScsiPortNotification(NextRequest, a);
        return TRUE;
    }
    command_fill(a, c, srb);
    if (srb->SrbFlags & SRB_FLAGS_QUEUE_ACTION_ENABLE)
        *a->tag[srb->QueueTag] = c->physical + 4 * CODE_RESUME;
    out_add(a, c);
    command_enter(a, c);
    ask_for_more(a, srb);
    return TRUE;
}

/* ---- the chip ---- */

static void
chip_reset(struct adapter *a)
{
    put(a, ISTAT, ISTAT_RESET);
    ScsiPortStallExecution(10);
    put(a, ISTAT, 0);
}

static void
chip_start(struct adapter *a)
{
    put(a, SCNTL0, SCNTL0_ARBITRATE | SCNTL0_PARITY);
    put(a, SCNTL1, 0);
    put(a, SCNTL3, SCNTL3_CLOCK);
    put(a, SCID, SCID_RESELECT | OWN_ID);
    put(a, RESPID0, 1u << OWN_ID);
    put(a, DMODE, DMODE_BURST_16);
    put(a, DCNTL, DCNTL_COM);
    put(a, STIME0, STIME0_200_MS);
    put(a, STEST3, STEST3_EAN);
    put(a, SIEN0, SIST0_PHASE | SIST0_GROSS | SIST0_DISCONNECT | SIST0_RESET | SIST0_PARITY);
    put(a, SIEN1, SIST1_TIMEOUT);
    put(a, DIEN, DSTAT_FAULT | DSTAT_ABORT | DSTAT_INT | DSTAT_WRONG);
}

/* The program is to take a signal back at once when it has nothing else to do. */
static BOOLEAN
program_runs(struct adapter *a)
{
    run(a, a->label[L_START]);
    put(a, ISTAT, ISTAT_SIGNAL);
    for (ULONG i = 0; i < SIGNAL_READS; i++) {
        if (!(get(a, ISTAT) & ISTAT_SIGNAL))
            return TRUE;
        ScsiPortStallExecution(1);
    }
    return FALSE;
}

/* All commands are gone, and so is what was agreed on. The chip, and its program, begin anew. */
void
bus_was_reset(struct adapter *a)
{
    chip_start(a);
    for (ULONG i = 0; i < TARGETS; i++)
        a->target[i] = (struct target){.scntl3 = SCNTL3_CLOCK};
    a->withheld = FALSE;
    program_make(a);
    ScsiPortNotification(ResetDetected, a);
    ScsiPortCompleteRequest(a, 0, SP_UNTAGGED, SP_UNTAGGED, SRB_STATUS_BUS_RESET);
    if (!program_runs(a)) { /* it hangs in the middle of something: only now the chip itself is reset */
        chip_reset(a);
        chip_start(a);
        (void)program_runs(a);
    }
    ScsiPortNotification(NextRequest, a);
}

static BOOLEAN NTAPI
HwResetBus(PVOID extension, ULONG path)
{
    struct adapter *a = extension;

    put(a, SIEN0, 0);
    put(a, SCNTL1, SCNTL1_RESET);
    ScsiPortStallExecution(30); /* SCSI-2, 4.7.2: 25 us */
    put(a, SCNTL1, 0);
    (void)get(a, SIST0);
    (void)get(a, SIST1);
    (void)get(a, DSTAT);
    bus_was_reset(a);
    return TRUE;
}

static BOOLEAN NTAPI
HwInitialize(PVOID extension)
{
    chip_reset(extension);
    return HwResetBus(extension, 0);
}

static ULONG NTAPI
HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
              PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again)
{
    ACCESS_RANGE *ranges = *config->AccessRanges;
    struct adapter *a = extension;
    PCI_COMMON_CONFIG pci;
    ULONG length, n = 0;

    *again = FALSE;
    if (ScsiPortGetBusData(a, PCIConfiguration, config->SystemIoBusNumber, config->SlotNumber, &pci,
                           PCI_COMMON_HDR_LENGTH) != PCI_COMMON_HDR_LENGTH)
        return SP_RETURN_NOT_FOUND;
    while (n < config->NumberOfAccessRanges &&
           !(ranges[n].RangeInMemory && ranges[n].RangeLength >= REGISTERS))
        n++;
    if (n == config->NumberOfAccessRanges)
        return SP_RETURN_BAD_CONFIG;
    a->wide = pci.DeviceID != 0x0001 && pci.DeviceID != 0x0005 && pci.DeviceID != 0x0006; /* 810, 815, 860 */
    config->NumberOfBuses = 1;
    config->InitiatorBusId[0] = OWN_ID;
    config->MaximumNumberOfTargets = a->wide ? TARGETS : TARGETS / 2;
    config->MaximumTransferLength = TRANSFER_MAX;
    config->NumberOfPhysicalBreaks = PIECES - 1;
    config->Master = TRUE;
    config->ScatterGather = TRUE;
    config->Dma32BitAddresses = TRUE;
    a->regs = ScsiPortGetDeviceBase(a, config->AdapterInterfaceType, config->SystemIoBusNumber,
                                    ranges[n].RangeStart, ranges[n].RangeLength, FALSE);
    a->shared = ScsiPortGetUncachedExtension(a, config, sizeof(struct shared));
    if (!a->regs || !a->shared)
        return SP_RETURN_ERROR;
    a->physical =
        ScsiPortConvertPhysicalAddressToUlong(ScsiPortGetPhysicalAddress(a, NULL, a->shared, &length));
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
    case ScsiStopAdapter: /* it neither interrupts nor runs a program */
        put(a, SIEN0, 0);
        put(a, SIEN1, 0);
        put(a, DIEN, 0);
        put(a, ISTAT, ISTAT_ABORT);
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
    HW_INITIALIZATION_DATA hw = {.HwInitializationDataSize = sizeof(hw),
                                 .AdapterInterfaceType = PCIBus,
                                 .HwInitialize = HwInitialize,
                                 .HwStartIo = HwStartIo,
                                 .HwInterrupt = HwInterrupt,
                                 .HwFindAdapter = HwFindAdapter,
                                 .HwResetBus = HwResetBus,
                                 .HwAdapterControl = HwAdapterControl,
                                 .DeviceExtensionSize = sizeof(struct adapter),
                                 .NumberOfAccessRanges = 3,
                                 .NeedPhysicalAddresses = TRUE,
                                 .TaggedQueuing = TRUE,
                                 .MultipleRequestPerLu = TRUE};

    return ScsiPortInitialize(driver, registry, &hw, NULL);
}
