/* ahci: the controller, and what the port driver calls. */
#include "ahci.h"
#include "ntddk.h"

#define AHCI_BAR       5
#define PCI_INTERFACE  9 /* of the class code */
#define INTERFACE_AHCI 1
#define HANDOFF_MS     2000 /* the BIOS gets so long when it says that it is busy (10.6.3) */
#define WORD75_DEPTH   31
#define WORD76_NCQ     (1u << 8)
#define WORD84_LOGS    (1u << 5) /* general purpose logging */
#define LINK_WAIT_MS   100

static ULONG
hba_in(struct controller *h, ULONG reg)
{
    return AtaPortReadRegisterUlong((PULONG)(PVOID)(h->base + reg));
}

static void
hba_out(struct controller *h, ULONG reg, ULONG value)
{
    AtaPortWriteRegisterUlong((PULONG)(PVOID)(h->base + reg), value);
}

/* ---- requests ---- */

static void
answer(struct channel *c, PIDE_REQUEST_BLOCK irb, UCHAR status)
{
    irb->IrbStatus = status;
    AtaPortCompleteRequest(c, irb);
}

/* A disk spins down; whatever does not, nothing is lost. */
static void
power_change(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    BOOLEAN down = irb->PowerChange.DesiredPowerState == IdePowerD3;

    if (!down || c->is_packet || c->state == EMPTY) {
        answer(c, irb, IRB_STATUS_SUCCESS);
        return;
    }
    irb->IdeTaskFile = (IDE_TASK_FILE){.Current.bCommandReg = IDE_COMMAND_STANDBY_IMMEDIATE};
    ahci_submit(c, irb);
}

static BOOLEAN NTAPI
startio(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct channel *c = extension;

    if (irb->Function == IRB_FUNCTION_LUN_RESET) {
        ahci_reset(c, IRB_STATUS_BUS_RESET);
        answer(c, irb, IRB_STATUS_SUCCESS);
    } else if (irb->Function == IRB_FUNCTION_ADAPTER_FLUSH || irb->Function == IRB_FUNCTION_SHUTDOWN ||
               irb->Function == IRB_FUNCTION_POWER_REBOOT) {
        answer(c, irb, IRB_STATUS_SUCCESS);
    } else if (irb->Function == IRB_FUNCTION_POWER_CHANGE) {
        power_change(c, irb);
    } else if (c->state == EMPTY) {
        answer(c, irb, IRB_STATUS_SELECTION_TIMEOUT);
    } else if (irb->Function & 0x300) {
        ahci_submit(c, irb);
    } else {
        answer(c, irb, IRB_STATUS_INVALID_REQUEST);
    }
    return TRUE;
}

static BOOLEAN NTAPI
reset(PVOID extension)
{
    ahci_reset(extension, IRB_STATUS_BUS_RESET);
    return TRUE;
}

static BOOLEAN NTAPI
initialize(PVOID extension, PIDE_DEVICE_PARAMETERS p, PIDENTIFY_DEVICE_DATA data)
{
    struct channel *c = extension;
    const USHORT *word = (const USHORT *)(PVOID)data;
    ULONG depth = (word[75] & WORD75_DEPTH) + 1u;

    c->ncq = p->IdeDeviceType == DeviceIsAta && c->hba->cap & CAP_NCQ && word[76] != 0xffff &&
             word[76] & WORD76_NCQ && depth > 1;
    c->has_log = (word[84] & 0xc000) == 0x4000 && word[84] & WORD84_LOGS;
    if (c->ncq)
        c->slots = depth < c->slots ? depth : c->slots; /* a tag is a slot */
    p->NumberOfOverlappedRequests = (UCHAR)c->slots;
    return TRUE;
}

/* ---- start and stop ---- */

static void
addresses_set(struct channel *c)
{
    ULONGLONG list = shared_at(c, c->shared->header), received = shared_at(c, &c->shared->received);

    for (ULONG n = 0; n < SLOTS; n++) {
        ULONGLONG table = shared_at(c, &c->shared->table[n]);

        c->shared->header[n].table = (ULONG)table;
        c->shared->header[n].table_high = (ULONG)(table >> 32);
    }
    out(c, PX_CLB, (ULONG)list);
    out(c, PX_CLBU, (ULONG)(list >> 32));
    out(c, PX_FB, (ULONG)received);
    out(c, PX_FBU, (ULONG)(received >> 32));
}

/* At PASSIVE_LEVEL: the engine stands, the link comes up. */
static void
link_start(struct channel *c)
{
    ULONG cmd;

    out(c, PX_IE, 0);
    for (ULONG ms = 0; !ahci_stop(c) && ms < 500; ms++)
        AtaPortStallExecution(1);
    out(c, PX_CMD, in(c, PX_CMD) & ~CMD_RECEIVE);
    for (ULONG ms = 0; in(c, PX_CMD) & CMD_RECEIVING && ms < 500; ms++)
        AtaPortStallExecution(1000);
    addresses_set(c);
    cmd = in(c, PX_CMD) | CMD_SPIN_UP | CMD_RECEIVE;
    if (cmd & CMD_COLD_PRESENT)
        cmd |= CMD_POWER;
    out(c, PX_CMD, (cmd & 0x0fffffff) | CMD_ACTIVE);
    for (ULONG ms = 0; SSTS_DETECT(in(c, PX_SSTS)) == DETECT_NO_LINK && ms < LINK_WAIT_MS; ms++)
        AtaPortStallExecution(1000);
}

static BOOLEAN
channel_start(struct channel *c, PIDE_CHANNEL_CONFIGURATION k)
{
    ULONG length = 0;

    c->number = k->ChannelNumber;
    c->base = c->hba->base + HBA_PORTS + (ULONG_PTR)HBA_PORT_SIZE * c->number;
    c->slots = CAP_SLOTS(c->hba->cap);
    k->NumberOfOverlappedRequests = (UCHAR)c->slots;
    k->MaxTargetId = 0;
    k->SyncWithIsr = TRUE;
    k->SupportsWmi = TRUE;
    c->shared = AtaPortGetUnCachedExtension(c, sizeof(*c->shared), 0);
    if (!c->shared)
        return FALSE;
    c->shared_at = (ULONGLONG)AtaPortGetPhysicalAddress(c, NULL, c->shared, &length).QuadPart;
    link_start(c);
    if (in(c, PX_TFD) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ) &&
        SSTS_DETECT(in(c, PX_SSTS)) == DETECT_ESTABLISHED)
        ahci_reset(c, IRB_STATUS_BUS_RESET); /* not ready yet: looked after by the timer */
    else
        ahci_look(c);
    hba_out(c->hba, HBA_IS, 1u << c->number);
    hba_out(c->hba, HBA_GHC, hba_in(c->hba, HBA_GHC) | GHC_INTERRUPTS);
    return TRUE;
}

static BOOLEAN NTAPI
control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct channel *c = extension;

    if (action == IdeStart)
        return channel_start(c, parameters);
    if (action == IdeStop || action == IdePowerDown) {
        out(c, PX_IE, 0);
        (void)ahci_stop(c);
        out(c, PX_CMD, in(c, PX_CMD) & ~CMD_RECEIVE);
        c->state = EMPTY;
    }
    return TRUE;
}

static BOOLEAN NTAPI
channel_init(PVOID extension, PIDE_CHANNEL_INTERFACE i, PVOID context)
{
    struct channel *c = extension;

    c->hba = context;
    i->IdeHwInitialize = initialize;
    i->IdeHwStartIo = startio;
    i->IdeHwInterrupt = ahci_interrupt;
    i->IdeHwReset = reset;
    i->IdeHwControl = control;
    return TRUE;
}

static ATA_CHANNEL_STATE NTAPI
channel_enabled(PVOID extension, ULONG channel)
{
    const struct controller *h = extension;

    return h->ports >> channel & 1 ? ChannelStateEnabled : ChannelStateDisabled;
}

/* Firmware that uses the controller is asked to let go (10.6.3). */
static void
handoff(struct controller *h)
{
    if (!(hba_in(h, HBA_CAP2) & CAP2_HANDOFF))
        return;
    hba_out(h, HBA_BOHC, hba_in(h, HBA_BOHC) | BOHC_OS);
    for (ULONG ms = 0; hba_in(h, HBA_BOHC) & (BOHC_BIOS | BOHC_BIOS_BUSY) && ms < HANDOFF_MS; ms++)
        AtaPortStallExecution(1000);
}

static ULONG
channels_of(const struct controller *h)
{
    ULONG n = 32;

    while (n && !(h->ports >> (n - 1) & 1))
        n--;
    return n;
}

static BOOLEAN
controller_start(struct controller *h, PIDE_CONTROLLER_CONFIGURATION k)
{
    PIDE_MINIPORT_RESOURCES r = k->ControllerResources;

    for (ULONG i = 0; i < r->NumberOfAccessRanges; i++)
        if (r->IdeAccessRange[i].InMemory && r->IdeAccessRange[i].Bar == AHCI_BAR)
            h->base = AtaPortGetDeviceBase(h, r->IdeAccessRange[i].RangeStart, 0);
    if (!h->base)
        return FALSE;
    handoff(h);
    hba_out(h, HBA_GHC, (hba_in(h, HBA_GHC) | GHC_AHCI) & ~GHC_INTERRUPTS);
    h->cap = hba_in(h, HBA_CAP);
    if (h->cap &
        CAP_COALESCING) /* one interrupt for all ports: the port driver gives it to one channel at a time */
        hba_out(h, HBA_CCC_CTL, hba_in(h, HBA_CCC_CTL) & ~CCC_ENABLE);
    h->ports = hba_in(h, HBA_PI);
    k->NumberOfChannels = (UCHAR)channels_of(h);
    k->NumberOfPhysicalBreaks = REGIONS - 1;
    k->MaximumTransferLength = MAX_TRANSFER;
    k->Dma64BitAddress = (h->cap & CAP_64BIT) != 0;
    k->BusMaster = TRUE;
    k->NativeModeEnabled = TRUE;
    k->AtaBusType = IdeBusSata;
    return TRUE;
}

static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    struct controller *h = extension;

    if (action == IdeStart)
        return controller_start(h, parameters);
    if ((action == IdeStop || action == IdePowerDown) && h->base)
        hba_out(h, HBA_GHC, hba_in(h, HBA_GHC) & ~GHC_INTERRUPTS);
    return TRUE;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    IDE_CONTROLLER_INTERFACE i = {.Version = sizeof(i),
                                  .ControllerExtensionSize = sizeof(struct controller),
                                  .ChannelExtensionSize = sizeof(struct channel),
                                  .AlignmentMask = 1, /* regions begin at words (4.2.3.3) */
                                  .AtaChannelInitRoutine = channel_init,
                                  .AtaControllerChannelEnabled = channel_enabled,
                                  .AtaAdapterControl = adapter_control};

    return (NTSTATUS)AtaPortInitializeEx(DriverObject, RegistryPath, &i);
}
