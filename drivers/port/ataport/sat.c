/*
 * The table of commands; reading, writing, capacity, power.
 */
#include "drivers/port/ataport/sat_impl.h"

#define SECTORS_28       256u
#define SECTORS_48       65536u
#define LBA_28_MAX       (UINT64_C(1) << 28)
#define SUPPORT_48BIT    (1u << 10) /* IDENTIFY word 83, active 86 */
#define SUPPORT_FUA      (1u << 6)  /* word 84 */
#define WRITE_CACHE      (1u << 5)  /* word 82, 85 */
#define READ_AHEAD       (1u << 6)
#define WORD106_VALID(w) (((w)&0xc000u) == 0x4000u)
#define NOT_ROTATING     1

#define FLAG_FUA            0x08 /* READ and WRITE, byte 1 */
#define FLAG_BYTE_CHECK     0x06 /* VERIFY, byte 1: BYTCHK */
#define START_STOP_LOEJ     0x02
#define START_STOP_START    0x01
#define SMART_RETURN_STATUS 0xda

#define LOG_SUPPORTED  0x00
#define LOG_EXCEPTIONS 0x2f

bool
sat_device_read(struct sat_device *d, const IDENTIFY_DEVICE_DATA *i, uint32_t max_transfer)
{
    uint32_t w106 = i->PhysicalLogicalSectorSize;
    uint32_t words = i->WordsPerLogicalSector[0] | (uint32_t)i->WordsPerLogicalSector[1] << 16;

    *d = (struct sat_device){.identify = i, .max_transfer = max_transfer, .sector_size = 512};
    d->lba48 = i->CommandSetSupport[1] & SUPPORT_48BIT;
    d->sectors = d->lba48 ? i->Max48BitLBA[0] | (uint64_t)i->Max48BitLBA[1] << 32 : i->UserAddressableSectors;
    if (WORD106_VALID(w106) && w106 & 1u << 12)
        d->sector_size = words <= 2048 ? 2 * words : 0;
    if (WORD106_VALID(w106) && w106 & 1u << 13)
        d->physical_exponent = w106 & 15;
    if ((i->BlockAlignment & 0xc000u) == 0x4000u && d->physical_exponent) {
        uint32_t per = 1u << d->physical_exponent;

        d->alignment = (per - (i->BlockAlignment & 0x3fffu) % per) % per;
    }
    if (!d->lba48)
        d->max_transfer = MIN(d->max_transfer, SECTORS_28 * d->sector_size);
    d->dma = i->Capabilities.DmaSupported;
    d->fua = d->lba48 && d->dma && i->CommandSetSupport[2] & SUPPORT_FUA;
    d->trim = i->DataSetManagementFeature & 1 && d->dma && d->lba48;
    d->removable = i->GeneralConfiguration.RemovableMedia;
    d->rotation_rate = i->NominalMediaRotationRate;
    d->rotates = d->rotation_rate != NOT_ROTATING;
    d->write_cache = i->CommandSetActive[0] & WRITE_CACHE;
    d->read_ahead = i->CommandSetActive[0] & READ_AHEAD;
    return i->Capabilities.LbaSupported && d->sectors && d->sectors < (UINT64_C(1) << 48) &&
           d->sector_size >= 512 && d->sector_size <= 4096 && is_power_of_two(d->sector_size) &&
           max_transfer >= d->sector_size;
}

enum sat_next
sat_good(struct sat_command *c)
{
    c->status = SCSISTAT_GOOD;
    return SAT_DONE;
}

enum sat_next
sat_answer(struct sat_command *c, const void *bytes, uint32_t n, uint32_t allocation)
{
    c->transferred = MIN(MIN(n, allocation), c->size);
    if (c->transferred)
        memcpy(c->data, bytes, c->transferred);
    return sat_good(c);
}

void
sat_address(struct sat_ata *a, uint64_t lba, uint32_t count, bool lba48)
{
    a->task.Current.bSectorNumberReg = (UCHAR)lba;
    a->task.Current.bCylLowReg = (UCHAR)(lba >> 8);
    a->task.Current.bCylHighReg = (UCHAR)(lba >> 16);
    a->task.Current.bSectorCountReg = (UCHAR)count;
    a->task.Current.bDriveHeadReg = IDE_LBA_MODE;
    if (lba48) {
        a->task.Previous.bSectorNumberReg = (UCHAR)(lba >> 24);
        a->task.Previous.bCylLowReg = (UCHAR)(lba >> 32);
        a->task.Previous.bCylHighReg = (UCHAR)(lba >> 40);
        a->task.Previous.bSectorCountReg = (UCHAR)(count >> 8);
        a->flags |= IRB_FLAGS_48BIT;
    } else {
        a->task.Current.bDriveHeadReg |= (UCHAR)(lba >> 24 & 15);
    }
}

enum sat_next
sat_send_plain(struct sat_command *c, uint8_t command, uint8_t feature, uint8_t count)
{
    c->ata = (struct sat_ata){.function = IRB_FUNCTION_ATA_COMMAND, .flags = IRB_FLAGS_DRDY_REQUIRED};
    c->ata.task.Current.bCommandReg = command;
    c->ata.task.Current.bFeaturesReg = feature;
    c->ata.task.Current.bSectorCountReg = count;
    if (command == IDE_COMMAND_FLUSH_CACHE || command == IDE_COMMAND_FLUSH_CACHE_EXT ||
        command == IDE_COMMAND_CHECK_POWER)
        c->ata.function = IRB_FUNCTION_ATA_FLUSH; /* the port's own mapping: contract, 3.4 */
    if (command == IDE_COMMAND_FLUSH_CACHE_EXT)
        c->ata.flags |= IRB_FLAGS_48BIT;
    return SAT_SEND;
}

/* ---- addresses of a CDB ---- */

struct extent {
    uint64_t lba;
    uint32_t count;
};

static struct extent
extent_of(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0:
        return (struct extent){(cdb[1] & 0x1fu) << 16 | get_be16(cdb + 2), cdb[4] ? cdb[4] : 256u};
    case 4:
        return (struct extent){get_be64(cdb + 2), get_be32(cdb + 10)};
    case 5:
        return (struct extent){get_be32(cdb + 2), get_be32(cdb + 6)};
    default:
        return (struct extent){get_be32(cdb + 2), get_be16(cdb + 7)};
    }
}

enum direction { VERIFY, READ, WRITE };

/* By direction; one sector an interrupt, many, by DMA; 28 and 48 bits. */
static const uint8_t transfers[2][3][2] = {
    {{IDE_COMMAND_READ, IDE_COMMAND_READ_EXT},
     {IDE_COMMAND_READ_MULTIPLE, IDE_COMMAND_READ_MULTIPLE_EXT},
     {IDE_COMMAND_READ_DMA, IDE_COMMAND_READ_DMA_EXT}},
    {{IDE_COMMAND_WRITE, IDE_COMMAND_WRITE_EXT},
     {IDE_COMMAND_WRITE_MULTIPLE, IDE_COMMAND_WRITE_MULTIPLE_EXT},
     {IDE_COMMAND_WRITE_DMA, IDE_COMMAND_WRITE_DMA_EXT}},
};

static uint8_t
opcode_of(const struct sat_device *d, enum direction direction, bool lba48, bool fua)
{
    if (direction == VERIFY)
        return lba48 ? IDE_COMMAND_VERIFY_EXT : IDE_COMMAND_VERIFY;
    if (fua)
        return IDE_COMMAND_WRITE_DMA_FUA_EXT;
    return transfers[direction == WRITE][d->dma ? 2 : d->multiple ? 1 : 0][lba48];
}

static enum sat_next
extent_refuse(const struct sat_device *d, struct sat_command *c, struct extent e, enum direction direction)
{
    uint64_t bytes = (uint64_t)e.count * d->sector_size;

    if (e.lba > d->sectors || e.count > d->sectors - e.lba)
        return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_BLOCK, 0);
    if (e.count > (d->lba48 ? SECTORS_48 : SECTORS_28))
        return sat_bad_field(c, c->cdb[0] >> 5 == 4 ? 10 : c->cdb[0] >> 5 == 5 ? 6 : 7);
    if (direction == VERIFY)
        return SAT_SEND;
    if (bytes > d->max_transfer || bytes > c->size || c->to_device != (direction == WRITE))
        return sat_bad_field(c, c->cdb[0] >> 5 == 4 ? 10 : c->cdb[0] >> 5 == 5 ? 6 : 7);
    return SAT_SEND;
}

/* FUA of a write that the device has no command for: it is flushed behind it (step 1). */
static enum sat_next
transfer(const struct sat_device *d, struct sat_command *c, enum direction direction)
{
    struct extent e = extent_of(c->cdb);
    bool fua = direction == WRITE && c->cdb[0] >> 5 && c->cdb[1] & FLAG_FUA;
    bool lba48 = d->lba48 && (e.lba + e.count > LBA_28_MAX || e.count > SECTORS_28 || (fua && d->fua) ||
                              d->sectors > LBA_28_MAX);

    if (direction == VERIFY && c->cdb[1] & FLAG_BYTE_CHECK)
        return sat_bad_field(c, 1);
    if (extent_refuse(d, c, e, direction) == SAT_DONE)
        return SAT_DONE;
    if (!e.count)
        return sat_good(c);
    c->ata = (struct sat_ata){.function = direction == READ    ? IRB_FUNCTION_ATA_READ
                                          : direction == WRITE ? IRB_FUNCTION_ATA_WRITE
                                                               : IRB_FUNCTION_ATA_COMMAND,
                              .flags = IRB_FLAGS_DRDY_REQUIRED};
    sat_address(&c->ata, e.lba, e.count, lba48);
    c->ata.task.Current.bCommandReg = opcode_of(d, direction, lba48, fua && d->fua);
    c->step = fua && !d->fua;
    if (direction == VERIFY)
        return SAT_SEND;
    c->ata.size = e.count * d->sector_size;
    c->ata.flags |= (direction == READ ? IRB_FLAGS_DATA_IN : IRB_FLAGS_DATA_OUT) |
                    (d->dma        ? IRB_FLAGS_USE_DMA
                     : d->multiple ? IRB_FLAGS_PIO_MULTIPLE
                                   : 0);
    return SAT_SEND;
}

static enum sat_next
flush(const struct sat_device *d, struct sat_command *c)
{
    return sat_send_plain(c, d->lba48 ? IDE_COMMAND_FLUSH_CACHE_EXT : IDE_COMMAND_FLUSH_CACHE, 0, 0);
}

/* ---- what is answered at once ---- */

static enum sat_next
read_capacity(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[8];

    put_be32(p, d->sectors > UINT32_MAX ? UINT32_MAX : (uint32_t)(d->sectors - 1));
    put_be32(p + 4, d->sector_size);
    return sat_answer(c, p, sizeof(p), sizeof(p));
}

static enum sat_next
read_capacity16(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[32] = {0};

    if ((c->cdb[1] & 0x1f) != SERVICE_ACTION_READ_CAPACITY16)
        return sat_bad_field(c, 1);
    put_be64(p, d->sectors - 1);
    put_be32(p + 8, d->sector_size);
    p[13] = (uint8_t)d->physical_exponent;
    put_be16(p + 14, (uint16_t)((d->trim ? 0x8000u : 0) | (d->alignment & 0x3fff)));
    return sat_answer(c, p, sizeof(p), get_be32(c->cdb + 10));
}

static enum sat_next
report_luns(struct sat_command *c)
{
    static const uint8_t one[16] = {0, 0, 0, 8};

    return c->cdb[2] > 2 ? sat_bad_field(c, 2) : sat_answer(c, one, sizeof(one), get_be32(c->cdb + 6));
}

static enum sat_next
request_sense(struct sat_command *c)
{
    static const uint8_t fixed[SENSE_BUFFER_SIZE] = {
        SCSI_SENSE_ERRORCODE_FIXED_CURRENT, 0, 0, 0, 0, 0, 0, 10};
    static const uint8_t descriptor[8] = {SCSI_SENSE_ERRORCODE_DESCRIPTOR_CURRENT};

    if (c->cdb[1] & 1)
        return sat_answer(c, descriptor, sizeof(descriptor), c->cdb[4]);
    return sat_answer(c, fixed, sizeof(fixed), c->cdb[4]);
}

/* Step 0: flushed; step 1: spun down. */
static enum sat_next
start_stop(const struct sat_device *d, struct sat_command *c)
{
    if (c->cdb[4] >> 4)
        return sat_bad_field(c, 4);
    if (c->cdb[4] & START_STOP_LOEJ && !d->removable)
        return sat_bad_field(c, 4);
    if (!(c->cdb[4] & START_STOP_START))
        return flush(d, c);
    c->step = 1; /* a read brings it to speed: VERIFY of the first sector (SAT-3 9.10.2) */
    c->ata = (struct sat_ata){.function = IRB_FUNCTION_ATA_COMMAND, .flags = IRB_FLAGS_DRDY_REQUIRED};
    sat_address(&c->ata, 0, 1, d->lba48);
    c->ata.task.Current.bCommandReg = d->lba48 ? IDE_COMMAND_VERIFY_EXT : IDE_COMMAND_VERIFY;
    return SAT_SEND;
}

static enum sat_next
log_sense(struct sat_command *c)
{
    static const uint8_t supported[] = {LOG_SUPPORTED, 0, 0, 2, LOG_SUPPORTED, LOG_EXCEPTIONS};

    if (c->cdb[3])
        return sat_bad_field(c, 3);
    switch (c->cdb[2] & 0x3f) {
    case LOG_SUPPORTED:
        return sat_answer(c, supported, sizeof(supported), get_be16(c->cdb + 7));
    case LOG_EXCEPTIONS:
        (void)sat_send_plain(c, IDE_COMMAND_SMART, SMART_RETURN_STATUS, 0);
        c->ata.function = IRB_FUNCTION_ATA_SMART;
        c->ata.task.Current.bCylLowReg = 0x4f;
        c->ata.task.Current.bCylHighReg = 0xc2;
        c->ata.want_task = true;
        return SAT_SEND;
    default:
        return sat_bad_field(c, 2);
    }
}

/* SPC-4 7.3.11: a failure that is predicted is 5d/10. */
static enum sat_next
log_sense_step(struct sat_command *c)
{
    uint8_t p[12] = {LOG_EXCEPTIONS, 0, 0, 8, 0, 0, 3, 4};

    if (c->ata.has_task && c->ata.task.Current.bCylLowReg == 0xf4 &&
        c->ata.task.Current.bCylHighReg == 0x2c) {
        p[8] = 0x5d;
        p[9] = 0x10;
    }
    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 7));
}

/* ---- the table ---- */

enum sat_next
sat_begin(struct sat_device *d, struct sat_command *c)
{
    c->step = 0;
    c->status = SCSISTAT_GOOD;
    c->transferred = 0;
    c->sense_size = 0;
    switch (c->cdb[0]) {
    case SCSIOP_TEST_UNIT_READY:
        return sat_send_plain(c, IDE_COMMAND_CHECK_POWER, 0, 0);
    case SCSIOP_REQUEST_SENSE:
        return request_sense(c);
    case SCSIOP_READ6:
    case SCSIOP_READ:
    case SCSIOP_READ12:
    case SCSIOP_READ16:
        return transfer(d, c, READ);
    case SCSIOP_WRITE6:
    case SCSIOP_WRITE:
    case SCSIOP_WRITE12:
    case SCSIOP_WRITE16:
        return transfer(d, c, WRITE);
    case SCSIOP_VERIFY:
    case SCSIOP_VERIFY12:
    case SCSIOP_VERIFY16:
        return transfer(d, c, VERIFY);
    case SCSIOP_INQUIRY:
        return sat_inquiry(d, c);
    case SCSIOP_MODE_SENSE:
    case SCSIOP_MODE_SENSE10:
        return sat_mode_sense(d, c);
    case SCSIOP_MODE_SELECT:
    case SCSIOP_MODE_SELECT10:
        return sat_mode_select(d, c);
    case SCSIOP_START_STOP_UNIT:
        return start_stop(d, c);
    case SCSIOP_SEND_DIAGNOSTIC:
        return c->cdb[1] & 4 ? sat_send_plain(c, IDE_COMMAND_CHECK_POWER, 0, 0) : sat_bad_field(c, 1);
    case SCSIOP_MEDIUM_REMOVAL:
        return c->cdb[4] & 1 && d->removable ? sat_bad_field(c, 4) : sat_good(c);
    case SCSIOP_READ_CAPACITY:
        return read_capacity(d, c);
    case SCSIOP_SERVICE_ACTION_IN16:
        return read_capacity16(d, c);
    case SCSIOP_SYNCHRONIZE_CACHE:
    case SCSIOP_SYNCHRONIZE_CACHE16:
        return flush(d, c);
    case SCSIOP_UNMAP:
        return sat_unmap(d, c);
    case SCSIOP_LOG_SENSE:
        return log_sense(c);
    case SCSIOP_REPORT_LUNS:
        return report_luns(c);
    case SCSIOP_ATA_PASSTHROUGH12:
    case SCSIOP_ATA_PASSTHROUGH16:
        return sat_pass_through(d, c);
    default:
        return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_COMMAND, 0);
    }
}

/* A write is behind it: flush what it wrote, if it has to be on the medium. */
static enum sat_next
written(const struct sat_device *d, struct sat_command *c)
{
    c->transferred = c->ata.size ? MIN(c->ata.transferred, c->ata.size) : c->transferred;
    if (!c->step)
        return sat_good(c);
    c->step = 0;
    return flush(d, c);
}

enum sat_next
sat_step(struct sat_device *d, struct sat_command *c)
{
    switch (c->cdb[0]) {
    case SCSIOP_ATA_PASSTHROUGH12:
    case SCSIOP_ATA_PASSTHROUGH16:
        return sat_pass_through_step(d, c);
    default:
        break;
    }
    if (!c->ata.ok)
        return sat_ata_failed(d, c);
    switch (c->cdb[0]) {
    case SCSIOP_MODE_SELECT:
    case SCSIOP_MODE_SELECT10:
        return sat_mode_select_step(d, c);
    case SCSIOP_START_STOP_UNIT:
        if (c->step)
            return sat_good(c);
        c->step = 1;
        return sat_send_plain(c, IDE_COMMAND_STANDBY_IMMEDIATE, 0, 0);
    case SCSIOP_LOG_SENSE:
        return log_sense_step(c);
    case SCSIOP_UNMAP:
        c->transferred = c->size;
        return sat_good(c);
    case SCSIOP_TEST_UNIT_READY:
    case SCSIOP_SEND_DIAGNOSTIC:
    case SCSIOP_SYNCHRONIZE_CACHE:
    case SCSIOP_SYNCHRONIZE_CACHE16:
        return sat_good(c);
    default:
        return written(d, c);
    }
}
