/*
 * Which devices a channel has: IDENTIFY to each target, then IdeHwInitialize and the
 * transfer mode.
 */
#include "drivers/ddk/scsi.h"
#include "drivers/port/ataport/ata_impl.h"
#include "kernel/mem/frame.h"
#include "lib/string.h"

#define IDENTIFY_SECONDS 10
#define IDENTIFY_TRIES   3
#define MULTIPLE_MAX     16

/* Words of IDENTIFY that say what a device can. */
#define SUPPORT_48BIT    (1u << 10) /* word 83 */
#define SUPPORT_FUA      (1u << 6)  /* word 84 */
#define WORD106_VALID    0xc000u
#define WORD106_IS_VALID 0x4000u
#define WORD106_LONG     (1u << 12)
#define WORD106_MULTIPLE (1u << 13)
#define WORD209_VALID    0x4000u

static int
identify(struct unit *u, uint8_t command, IDENTIFY_DEVICE_DATA *data, uint8_t *status)
{
    struct ata_request a;
    int err = 0;

    for (unsigned tries = 0; tries < IDENTIFY_TRIES; tries++) { /* BUSY while it resets */
        a = (struct ata_request){
            .r.seconds = IDENTIFY_SECONDS,
            .function = IRB_FUNCTION_ATA_IDENTIFY,
            .flags = IRB_FLAGS_DATA_IN | (command == IDE_COMMAND_IDENTIFY ? IRB_FLAGS_DRDY_REQUIRED : 0),
            .data = {.va = data, .size = sizeof(*data)},
            .task_file.Current = {.bCommandReg = command,
                                  .bDriveHeadReg = (UCHAR)(0xa0 | (u->target & 1) << 4)}};
        memset(data, 0, sizeof(*data));
        err = ata_execute(u, &a);
        if (err ||
            (IRB_STATUS(a.irb_status) != IRB_STATUS_BUSY && IRB_STATUS(a.irb_status) != IRB_STATUS_BUS_RESET))
            break;
    }
    *status = err ? IRB_STATUS_INTERNAL_ERROR : IRB_STATUS(a.irb_status);
    return err ? err : *status == IRB_STATUS_SUCCESS ? 0 : -ENODEV;
}

/* Sizes of sectors: words 106, 117 and 209. */
static void
sectors_read(const IDENTIFY_DEVICE_DATA *d, IDE_DEVICE_PARAMETERS *p)
{
    uint32_t w106 = d->PhysicalLogicalSectorSize,
             words = d->WordsPerLogicalSector[0] | (uint32_t)d->WordsPerLogicalSector[1] << 16;

    p->BytesPerLogicalSector = 512;
    if ((w106 & WORD106_VALID) == WORD106_IS_VALID && w106 & WORD106_LONG && words >= 256 && words <= 2048)
        p->BytesPerLogicalSector = 2 * words;
    p->BytesPerPhysicalSector = p->BytesPerLogicalSector;
    if ((w106 & WORD106_VALID) == WORD106_IS_VALID && w106 & WORD106_MULTIPLE)
        p->BytesPerPhysicalSector = p->BytesPerLogicalSector << (w106 & 15);
    if ((d->BlockAlignment & WORD106_VALID) == WORD209_VALID)
        p->BytesOffsetForSectorAlignment = (d->BlockAlignment & 0x3fffu) * p->BytesPerLogicalSector;
}

/* */
static void
parameters_fill(const IDENTIFY_DEVICE_DATA *d, bool atapi, uint8_t target, IDE_DEVICE_PARAMETERS *p)
{
    bool lba48 = d->CommandSetSupport[1] & SUPPORT_48BIT;

    *p = (IDE_DEVICE_PARAMETERS){.Version = sizeof(*p),
                                 .IdeDeviceType = atapi ? DeviceIsAtapi : DeviceIsAta,
                                 .TargetId = target,
                                 .NumberOfOverlappedRequests = 1,
                                 .MaxBlockXfer = (UCHAR)MIN(d->MaximumBlockTransfer, MULTIPLE_MAX),
                                 .TransferModeSupported = ata_modes_supported(d),
                                 .TransferModeSelected = ata_modes_current(d)};
    if (d->GeneralConfiguration.RemovableMedia)
        p->DeviceCharacteristics |= DFLAGS_REMOVABLE_MEDIA;
    if (lba48 && d->CommandSetSupport[2] & SUPPORT_FUA)
        p->DeviceCharacteristics |= DFLAGS_FUA_SUPPORT;
    sectors_read(d, p);
    if (atapi)
        return;
    if (d->Capabilities.LbaSupported) {
        p->AddressTranslation = lba48 ? Lba48 : Lba;
        p->MaxLba.QuadPart = lba48 ? (LONGLONG)(d->Max48BitLBA[0] | (uint64_t)d->Max48BitLBA[1] << 32)
                                   : (LONGLONG)d->UserAddressableSectors;
    } else {
        p->AddressTranslation = Chs;
        p->NumCylinders = d->NumCylinders;
        p->NumHeads = d->NumHeads;
        p->NumSectorsPerTrack = d->NumSectorsPerTrack;
    }
}

/* The bytes of a command: any memory of that size fits a list, wherever in a page it begins. */
static uint32_t
transfer_max(const struct ata_channel *ch)
{
    uint32_t listed = (MAX(ch->controller->sg_max, 2u) - 1) * (uint32_t)PAGE_SIZE;

    return MIN(listed, ch->controller->configuration.MaximumTransferLength);
}

/* What SCSI commands are translated by. */
static bool
translation_prepare(const struct ata_channel *ch, struct ata_unit *u)
{
    return u->parameters.IdeDeviceType == DeviceIsAtapi ||
           sat_device_read(&u->sat, u->identify, transfer_max(ch));
}

/* the miniport may change the parameters. */
static bool
initialize(struct ata_channel *ch, struct ata_unit *u)
{
    IDE_DEVICE_PARAMETERS *p = &u->parameters;
    uint8_t al;

    if (ata_call_synchronized(ch, "IdeHwInitialize", (const void *)(uintptr_t)ch->interface.IdeHwInitialize,
                              (uintptr_t)p, (uintptr_t)u->identify, &al) ||
        !al)
        return false;
    if (!p->BytesPerLogicalSector || p->BytesPerLogicalSector % 512) {
        ata_violation(ch->controller, RULE_A118,
                      "target %u: IdeHwInitialize left sectors of %u bytes (A-118)", p->TargetId,
                      p->BytesPerLogicalSector);
        return false;
    }
    __atomic_store_n(&u->unit->depth, MAX(p->NumberOfOverlappedRequests, 1u),
                     __ATOMIC_RELEASE); /* */
    return true;
}

static void
unit_free(struct ata_unit *u)
{
    if (u->sense_data.va)
        dma_free(&u->sense_data);
    pool_free(u->identify, ATA_TAG);
    pool_free(u, ATA_TAG);
}

static struct ata_unit *
unit_new(struct ata_channel *ch, uint8_t target)
{
    struct ata_unit *u = pool_zalloc(sizeof(*u), ATA_TAG);

    if (!u)
        return NULL;
    u->identify = pool_zalloc(sizeof(*u->identify), ATA_TAG);
    if (!u->identify || dma_alloc(ATA_SENSE_SIZE, &ch->controller->adapter->dma, &u->sense_data) ||
        unit_add(ch->bus, (uint8_t)ch->number, target, 0, 1, u, &u->unit)) {
        unit_free(u);
        return NULL;
    }
    ch->unit[target] = u;
    return u;
}

void
ata_unit_forget(struct ata_channel *ch, struct ata_unit *u)
{
    __atomic_store_n(&ch->unit[u->unit->target], NULL, __ATOMIC_RELEASE);
    unit_remove(u->unit);
    dpc_flush(); /* a routine of the port's that has just looked it up has returned */
    unit_free(u);
}

/* Both kinds of IDENTIFY; a target that does not answer the first does not get the second. */
static bool
answers(struct unit *u, IDENTIFY_DEVICE_DATA *data, bool *atapi)
{
    uint8_t status;

    *atapi = false;
    if (!identify(u, IDE_COMMAND_IDENTIFY, data, &status))
        return true;
    *atapi = true;
    return status == IRB_STATUS_DEVICE_ERROR && !identify(u, IDE_COMMAND_ATAPI_IDENTIFY, data, &status);
}

/* Another device where one was: by its serial number and model (words 10 to 19, 27 to 46). */
static bool
is_another(const IDENTIFY_DEVICE_DATA *a, const IDENTIFY_DEVICE_DATA *b)
{
    return memcmp(a->SerialNumber, b->SerialNumber, sizeof(a->SerialNumber)) ||
           memcmp(a->ModelNumber, b->ModelNumber, sizeof(a->ModelNumber));
}

/* "QEMU HARDDISK": bytes of each word are swapped. */
static void
model_name(const IDENTIFY_DEVICE_DATA *d, char *text)
{
    size_t n = sizeof(d->ModelNumber);

    for (size_t i = 0; i < n; i++) {
        char c = (char)d->ModelNumber[i ^ 1];

        text[i] = c >= ' ' && c <= '~' ? c : ' ';
    }
    while (n && text[n - 1] == ' ')
        n--;
    text[n] = 0;
}

static void
target_detect(struct ata_channel *ch, uint8_t target)
{
    IDENTIFY_DEVICE_DATA *data = pool_zalloc(sizeof(*data), ATA_TAG);
    char model[sizeof(data->ModelNumber) + 1];
    bool known, atapi, there;
    struct ata_unit *u;

    if (ch->unit[target] && __atomic_load_n(&ch->unit[target]->removed, __ATOMIC_ACQUIRE))
        ata_unit_forget(ch, ch->unit[target]); /* who is there now is another one */
    u = ch->unit[target] ? ch->unit[target] : unit_new(ch, target);
    if (!u || !data) {
        adapter_log(ch->controller->adapter, "target %u: no memory", target);
        pool_free(data, ATA_TAG);
        return;
    }
    known = u->parameters.Version != 0;
    there = answers(u->unit, data, &atapi);
    if (there && known && is_another(u->identify, data)) {
        ata_unit_forget(ch, u);
        u = unit_new(ch, target);
        known = false;
        there = u && answers(u->unit, data, &atapi);
    }
    if (there && !known) {
        *u->identify = *data;
        parameters_fill(data, atapi, target, &u->parameters);
        there = initialize(ch, u);
        if (there && !translation_prepare(ch, u)) {
            adapter_log(
                ch->controller->adapter,
                "channel %u target %u: no disk that can be used: no LBA, no sectors, or sectors of an odd size",
                ch->number, target);
            there = false;
        }
        model_name(data, model);
        if (there)
            log_info("%s: channel %u target %u: %s, %s", ch->controller->adapter->name, ch->number, target,
                     atapi ? "ATAPI" : "ATA", model);
    }
    if (!there && u)
        ata_unit_forget(ch, u);
    pool_free(data, ATA_TAG);
}

static void
announce(struct ata_channel *ch, struct ata_unit *u)
{
    bool atapi = u->parameters.IdeDeviceType == DeviceIsAtapi;
    char model[sizeof(u->identify->ModelNumber) + 1];

    model_name(u->identify, model);
    strlcpy(u->unit->name, model, sizeof(u->unit->name));
    u->unit->type = atapi ? READ_ONLY_DIRECT_ACCESS_DEVICE : DIRECT_ACCESS_DEVICE;
    u->announced = true;
    u->sat.max_transfer = ata_bounce_reserve(ch, !u->dma, atapi ? transfer_max(ch) : u->sat.max_transfer);
    unit_announce(u->unit, u->sat.max_transfer, ch->controller->sg_max);
}

/* At the start and by rescans: one at a time. */
void
ata_detect(struct ata_channel *ch)
{
    mutex_lock(&ch->detecting, WAIT_FOREVER);
    for (unsigned t = 0; t <= ch->configuration.MaxTargetId && !ch->controller->stopping; t++) /* */
        target_detect(ch, (uint8_t)t);
    ata_modes_select(ch);
    for (unsigned t = 0; t < ATA_TARGETS_MAX; t++)
        if (ch->unit[t] && !ch->unit[t]->announced)
            announce(ch, ch->unit[t]);
    mutex_unlock(&ch->detecting);
}

const IDENTIFY_DEVICE_DATA *
ata_identify_data(const struct unit *u)
{
    return ((const struct ata_unit *)u->face_data)->identify;
}

const IDE_DEVICE_PARAMETERS *
ata_parameters(const struct unit *u)
{
    return &((const struct ata_unit *)u->face_data)->parameters;
}
