/* Commands end: well, with an error, or because the link or the device went away. */
#include "ahci.h"

/* ---- ends ---- */

/* The registers as the device left them in its last frame. */
static void
registers_return(struct channel *c, PIDE_REQUEST_BLOCK irb)
{
    const struct registers_frame *f = &c->shared->received.registers;
    IDE_TASK_FILE t = {.Current = {f->error, f->count, f->lba0, f->lba1, f->lba2, f->device, f->status, 0},
                       .Previous = {f->features_high, f->count_high, f->lba3, f->lba4, f->lba5, 0, 0, 0}};
    ULONG size = irb->IrbFlags & IRB_FLAGS_48BIT ? sizeof(t) : sizeof(t.Current);

    if (!irb->SenseInfoBuffer || irb->SenseInfoBufferLength < size)
        return;
    AtaPortCopyMemory(irb->SenseInfoBuffer, &t, size);
    irb->IrbStatus |= IRB_STATUS_RETURN_TASKFILE_VALID;
}

/* A command that was not queued says how many bytes it moved. */
static UCHAR
length_note(struct channel *c, ULONG slot, PIDE_REQUEST_BLOCK irb)
{
    ULONG moved = c->shared->header[slot].transferred;

    if (c->queued & 1u << slot || moved >= irb->DataTransferLength)
        return IRB_STATUS_SUCCESS;
    irb->DataTransferLength = moved;
    return IRB_STATUS_DATALENGTH_MISMATCH;
}

void
ahci_end(struct channel *c, ULONG slot, UCHAR irb_status)
{
    PIDE_REQUEST_BLOCK irb = c->irb[slot];

    if (irb_status == IRB_STATUS_SUCCESS && irb->DataTransferLength)
        irb_status = length_note(c, slot, irb);
    c->irb[slot] = NULL;
    c->used &= ~(1u << slot);
    c->queued &= ~(1u << slot);
    irb->IrbStatus = irb_status;
    if (irb->IrbFlags & IRB_FLAGS_RETURN_RESULTS &&
        (irb_status == IRB_STATUS_SUCCESS || irb_status == IRB_STATUS_DEVICE_ERROR))
        registers_return(c, irb);
    AtaPortCompleteRequest(c, irb);
}

/* The device has been asked why a packet failed; that one ends now. */
static void
sense_end(struct channel *c, PIDE_REQUEST_BLOCK ask, BOOLEAN told)
{
    PIDE_REQUEST_BLOCK failed = c->sense_for;

    c->sense_for = NULL;
    AtaPortReleaseRequestSenseIrb(c, ask);
    failed->IrbStatus = IRB_STATUS_DEVICE_ERROR;
    if (told && failed->SenseInfoBuffer && failed->SenseInfoBufferLength)
        failed->IrbStatus |= IRB_STATUS_AUTOSENSE_VALID;
    AtaPortCompleteRequest(c, failed);
}

static void
end_slot(struct channel *c, ULONG slot, UCHAR irb_status)
{
    PIDE_REQUEST_BLOCK irb = c->irb[slot];

    if (irb->Function != IRB_FUNCTION_REQUEST_SENSE) {
        ahci_end(c, slot, irb_status);
        return;
    }
    c->irb[slot] = NULL;
    c->used &= ~(1u << slot);
    sense_end(c, irb, irb_status == IRB_STATUS_SUCCESS);
}

void
ahci_end_all(struct channel *c, UCHAR irb_status)
{
    for (ULONG slot = 0; slot < SLOTS; slot++)
        if (c->irb[slot])
            end_slot(c, slot, irb_status);
    c->used = c->queued = c->reading_log = 0;
    while (c->first) {
        PIDE_REQUEST_BLOCK irb = c->first;

        c->first = irb->NextIrb;
        irb->NextIrb = NULL;
        irb->IrbStatus = irb_status;
        if (irb->Function == IRB_FUNCTION_REQUEST_SENSE)
            sense_end(c, irb, FALSE);
        else
            AtaPortCompleteRequest(c, irb);
    }
    c->one_by_one = FALSE;
}

/* ---- errors ---- */

/* All that was queued has been given up by the device: each goes again by itself, so that the one that fails is known. */
static void
retry_one_by_one(struct channel *c, ULONG slots)
{
    for (ULONG slot = SLOTS; slot-- > 0;)
        if (slots >> slot & 1) {
            PIDE_REQUEST_BLOCK irb = c->irb[slot];

            c->irb[slot] = NULL;
            ahci_wait_first(c, irb);
        }
    c->one_by_one = TRUE;
    if (++c->ncq_errors >= NCQ_ERRORS && c->ncq) {
        c->ncq = FALSE;
        AtaPortDebugPrint(0, "ahci: port %lu: queued commands failed %u times and are not used any more",
                          c->number, NCQ_ERRORS);
    }
}

#define LOG_NOT_QUEUED 0x80
#define LOG_TAG        0x1f

/* The log has come, or not: the one that failed ends with its status and error, the others go again. */
static void
log_read(struct channel *c, BOOLEAN read)
{
    const UCHAR *log = c->shared->log;
    ULONG slots = c->reading_log, slot = log[0] & LOG_TAG, sum = 0;

    c->reading_log = 0;
    c->used = 0;
    for (ULONG i = 0; i < sizeof(c->shared->log); i++)
        sum += log[i];
    if (!read || log[0] & LOG_NOT_QUEUED || !(slots >> slot & 1) || sum & 0xff) {
        retry_one_by_one(c, slots);
        return;
    }
    c->irb[slot]->AtaStatus = log[2];
    c->irb[slot]->AtaError = log[3];
    ahci_end(c, slot, IRB_STATUS_DEVICE_ERROR);
    for (ULONG n = SLOTS; n-- > 0;)
        if (n != slot && slots >> n & 1) {
            PIDE_REQUEST_BLOCK irb = c->irb[n];

            c->irb[n] = NULL;
            ahci_wait_first(c, irb);
        }
}

/* A packet failed: the device is asked why (contract 1, row 14). */
static void
ask_why(struct channel *c, ULONG slot)
{
    PIDE_REQUEST_BLOCK failed = c->irb[slot], ask = AtaPortBuildRequestSenseIrb(c, failed);

    if (!ask) {
        ahci_end(c, slot, IRB_STATUS_DEVICE_ERROR);
        return;
    }
    c->irb[slot] = NULL;
    c->used &= ~(1u << slot);
    c->sense_for = failed;
    ahci_wait_first(c, ask);
}

static void
plain_failed(struct channel *c, ULONG task_file)
{
    ULONG slot = (ULONG)__builtin_ctz(c->used);
    PIDE_REQUEST_BLOCK irb = c->irb[slot];

    irb->AtaStatus = (UCHAR)task_file;
    irb->AtaError = (UCHAR)(task_file >> 8);
    if (irb->Function == IRB_FUNCTION_ATAPI_COMMAND)
        ask_why(c, slot);
    else
        end_slot(c, slot, IRB_STATUS_DEVICE_ERROR);
}

/*
 * A queued command failed, and with it all that were queued. A disk that keeps logs says which; of another one the link is
 * reset (it may still be working on the others) and each goes again by itself.
 */
static void
queued_failed(struct channel *c, ULONG slots)
{
    c->queued = c->used = 0;
    if (c->has_log) {
        ahci_restart(c);
        if (c->state != RUNNING)
            return; /* it was reset, and all have ended */
        c->reading_log = slots;
        ahci_read_error_log(c);
    } else {
        retry_one_by_one(c, slots);
        ahci_reset_keeping(c);
    }
}

/* AHCI 1.3.1, 6.2.2.1 and 6.2.2.2. */
static void
task_file_error(struct channel *c)
{
    ULONG task_file = in(c, PX_TFD), done = c->queued & ~in(c, PX_SACT);

    for (ULONG slot = 0; slot < SLOTS; slot++)
        if (done >> slot & 1)
            ahci_end(c, slot, IRB_STATUS_SUCCESS);
    if (c->queued) {
        queued_failed(c, c->queued);
        return;
    }
    ahci_restart(c);
    if (c->state != RUNNING)
        return;
    if (c->reading_log)
        log_read(c, FALSE);
    else if (c->used)
        plain_failed(c, task_file);
    ahci_release(c);
}

/* The link changed: whoever was there is gone, or another. */
static void
plugged(struct channel *c)
{
    out(c, PX_SERR, ~0u);
    if (c->state == SETTLING || c->state == STOPPING)
        return; /* our own reset */
    if (SSTS_DETECT(in(c, PX_SSTS)) == DETECT_ESTABLISHED) {
        ahci_reset(c, IRB_STATUS_BUS_RESET);
    } else {
        (void)ahci_stop(c);
        ahci_end_all(c, IRB_STATUS_SELECTION_TIMEOUT);
        c->state = EMPTY;
        AtaPortDeviceRemoved(c, 0);
    }
    AtaPortBusChangeDetected(c);
}

/* ---- the interrupt ---- */

static void
commands_done(struct channel *c)
{
    ULONG done = c->queued ? c->queued & ~in(c, PX_SACT) : c->used & ~in(c, PX_CI);

    if (done && c->reading_log) {
        log_read(c, TRUE);
    } else {
        for (; done; done &= done - 1)
            end_slot(c, (ULONG)__builtin_ctz(done), IRB_STATUS_SUCCESS);
    }
    if (c->first)
        ahci_release(c);
}

BOOLEAN NTAPI
ahci_interrupt(PVOID extension)
{
    struct channel *c = extension;
    ULONG status = in(c, PX_IS);

    if (!status)
        return FALSE;
    out(c, PX_IS, status);
    AtaPortWriteRegisterUlong((PULONG)(PVOID)(c->hba->base + HBA_IS), 1u << c->number);
    if (status & IS_HOT_PLUG)
        plugged(c);
    else if (status & IS_FATAL)
        ahci_reset(c, IRB_STATUS_BUS_RESET);
    else if (status & IS_TASK_FILE)
        task_file_error(c);
    else
        commands_done(c);
    return TRUE;
}
