/* The engine of a channel: started and stopped, its link reset, who is there (AHCI 1.3.1, 10.1, 10.3, 10.4). */
#include "ahci.h"

#define RESET_US 1000 /* COMRESET lasts that long at least */

static BOOLEAN
wait_clear(struct channel *c, ULONG reg, ULONG bits)
{
    for (ULONG us = 0; in(c, reg) & bits; us += 10) {
        if (us >= WAIT_US)
            return FALSE;
        AtaPortStallExecution(10);
    }
    return TRUE;
}

BOOLEAN
ahci_stop(struct channel *c)
{
    out(c, PX_CMD, in(c, PX_CMD) & ~CMD_START);
    return wait_clear(c, PX_CMD, CMD_RUNNING);
}

void
ahci_start(struct channel *c)
{
    out(c, PX_SERR, ~0u);
    out(c, PX_IS, ~0u);
    out(c, PX_CMD, in(c, PX_CMD) | CMD_START);
    out(c, PX_IE, IS_WANTED);
    c->state = RUNNING;
}

/* ---- a reset takes its time: the timer looks after it, and requests wait here ---- */

static VOID NTAPI reset_poll(PVOID extension);

static void
look_later(struct channel *c, enum state state, ULONG polls)
{
    c->state = state;
    c->polls = polls;
    (void)AtaPortRequestTimer(c, reset_poll, POLL_US);
}

static void
link_reset(struct channel *c)
{
    ULONG sctl = in(c, PX_SCTL) & ~15u;

    out(c, PX_SCTL, sctl | SCTL_RESET);
    AtaPortStallExecution(RESET_US);
    out(c, PX_SCTL, sctl);
    look_later(c, SETTLING, READY_POLLS);
}

/* The reset is over: with a device, or without. */
static void
settled(struct channel *c)
{
    ahci_look(c);
    if (c->state == RUNNING)
        ahci_release(c);
    else
        ahci_end_all(c, IRB_STATUS_SELECTION_TIMEOUT);
}

#define LINK_POLLS 20 /* 200 ms for the link to come up, if there is a device at all */

static BOOLEAN
is_ready(struct channel *c)
{
    ULONG detect = SSTS_DETECT(in(c, PX_SSTS));

    if (detect == DETECT_ESTABLISHED) {
        out(c, PX_SERR, ~0u); /* or the port sees no signature */
        return !(in(c, PX_TFD) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ));
    }
    return detect == DETECT_NOTHING && c->polls + LINK_POLLS < READY_POLLS;
}

static VOID NTAPI
reset_poll(PVOID extension)
{
    struct channel *c = extension;

    if (c->state == STOPPING && (!(in(c, PX_CMD) & CMD_RUNNING) || !c->polls--)) {
        link_reset(c);
    } else if (c->state == SETTLING && (is_ready(c) || !c->polls--)) {
        settled(c);
    } else if (c->state == STOPPING || c->state == SETTLING) {
        (void)AtaPortRequestTimer(c, reset_poll, POLL_US);
    }
}

void
ahci_reset_keeping(struct channel *c)
{
    out(c, PX_IE, 0);
    if (ahci_stop(c))
        link_reset(c);
    else
        look_later(c, STOPPING, STOP_POLLS);
}

void
ahci_reset(struct channel *c, UCHAR irb_status)
{
    ahci_reset_keeping(c);
    ahci_end_all(c, irb_status);
}

/* The device still says that it is busy: HBAs that can are told to forget it (CAP.SCLO), others reset the link. */
void
ahci_restart(struct channel *c)
{
    if (!ahci_stop(c)) {
        ahci_reset(c, IRB_STATUS_BUS_RESET);
        return;
    }
    if (in(c, PX_TFD) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ)) {
        if (c->hba->cap & CAP_CLO)
            out(c, PX_CMD, in(c, PX_CMD) | CMD_OVERRIDE);
        if (!(c->hba->cap & CAP_CLO) || !wait_clear(c, PX_CMD, CMD_OVERRIDE)) {
            ahci_reset(c, IRB_STATUS_BUS_RESET);
            return;
        }
    }
    ahci_start(c);
}

void
ahci_look(struct channel *c)
{
    ULONG signature;

    c->state = EMPTY;
    out(c, PX_SERR, ~0u);
    out(c, PX_IS, ~0u);
    out(c, PX_IE, IS_HOT_PLUG);
    if (SSTS_DETECT(in(c, PX_SSTS)) != DETECT_ESTABLISHED)
        return;
    signature = in(c, PX_SIG);
    if (signature == SIGNATURE_MULTIPLIER) {
        AtaPortDebugPrint(0,
                          "ahci: port %lu: a port multiplier, which is not supported: its disks are not seen",
                          c->number);
        return;
    }
    if (in(c, PX_TFD) & (IDE_STATUS_BUSY | IDE_STATUS_DRQ)) {
        AtaPortDebugPrint(0, "ahci: port %lu: the device is still busy after its reset: it is not used",
                          c->number);
        return;
    }
    c->is_packet = signature == SIGNATURE_PACKET;
    ahci_start(c);
}
