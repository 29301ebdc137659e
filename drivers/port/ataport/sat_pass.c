/*
 * ATA PASS-THROUGH 12 and 16 (SAT-3 12.2), and UNMAP as TRIM (SAT-3 9.23).
 */
#include "drivers/port/ataport/sat_impl.h"

#define PROTOCOL_NON_DATA 3
#define PROTOCOL_PIO_IN   4
#define PROTOCOL_PIO_OUT  5
#define PROTOCOL_DMA      6
#define PROTOCOL_UDMA_IN  10
#define PROTOCOL_UDMA_OUT 11

#define CHECK_CONDITION 0x20 /* byte 2: CK_COND */
#define FROM_DEVICE     0x08 /* T_DIR */
#define IN_BLOCKS       0x04 /* BYT_BLOK */
#define LENGTH_MASK     0x03 /* T_LENGTH: none, features, count, transport */
#define LENGTH_NONE     0
#define LENGTH_FEATURES 1
#define LENGTH_COUNT    2
#define SECTOR          512u

#define RETURN_DESCRIPTOR 9
#define SENSE_ATA_RETURN  0x1d /* 00/1d: ATA pass through information available */

#define TRIM_FEATURE 1
#define TRIM_RANGES  64u
#define TRIM_SECTORS 65535u
#define UNMAP_HEADER 8u
#define UNMAP_ENTRY  16u

static void
registers_read(const uint8_t *cdb, struct sat_ata *a)
{
    IDEREGISTERS *now = &a->task.Current, *before = &a->task.Previous;

    if (cdb[0] == SCSIOP_ATA_PASSTHROUGH12) {
        *now = (IDEREGISTERS){cdb[3], cdb[4], cdb[5], cdb[6], cdb[7], cdb[8], cdb[9], 0};
        return;
    }
    *now = (IDEREGISTERS){cdb[4], cdb[6], cdb[8], cdb[10], cdb[12], cdb[13], cdb[14], 0};
    if (!(cdb[1] & 1)) /* EXTEND */
        return;
    *before = (IDEREGISTERS){cdb[3], cdb[5], cdb[7], cdb[9], cdb[11], 0, 0, 0};
    a->flags |= IRB_FLAGS_48BIT;
}

/* Bytes that the command moves, as T_LENGTH says. */
static uint32_t
length_of(const struct sat_command *c, const struct sat_ata *a)
{
    uint32_t n;

    switch (c->cdb[2] & LENGTH_MASK) {
    case LENGTH_NONE:
        return 0;
    case LENGTH_FEATURES:
        n = a->task.Current.bFeaturesReg | (uint32_t)a->task.Previous.bFeaturesReg << 8;
        break;
    case LENGTH_COUNT:
        n = a->task.Current.bSectorCountReg | (uint32_t)a->task.Previous.bSectorCountReg << 8;
        break;
    default:
        return c->size;
    }
    return c->cdb[2] & IN_BLOCKS ? n * SECTOR : n;
}

/* The port's own mapping of commands to functions (contract, 3.4). */
static uint16_t
function_of(uint8_t command)
{
    switch (command) {
    case IDE_COMMAND_IDENTIFY:
    case IDE_COMMAND_ATAPI_IDENTIFY:
        return IRB_FUNCTION_ATA_IDENTIFY;
    case IDE_COMMAND_SMART:
        return IRB_FUNCTION_ATA_SMART;
    case IDE_COMMAND_FLUSH_CACHE:
    case IDE_COMMAND_FLUSH_CACHE_EXT:
    case IDE_COMMAND_CHECK_POWER:
        return IRB_FUNCTION_ATA_FLUSH;
    default:
        return IRB_FUNCTION_ATA_COMMAND;
    }
}

enum sat_next
sat_pass_through(const struct sat_device *d, struct sat_command *c)
{
    uint8_t protocol = c->cdb[1] >> 1 & 15;
    bool in = c->cdb[2] & FROM_DEVICE;
    struct sat_ata *a = &c->ata;

    *a = (struct sat_ata){.flags = IRB_FLAGS_DRDY_REQUIRED | IRB_FLAGS_RETURN_RESULTS, .want_task = true};
    registers_read(c->cdb, a);
    a->function = function_of(a->task.Current.bCommandReg);
    switch (protocol) {
    case PROTOCOL_NON_DATA:
        return SAT_SEND;
    case PROTOCOL_PIO_IN:
    case PROTOCOL_PIO_OUT:
        if (in != (protocol == PROTOCOL_PIO_IN))
            return sat_bad_field(c, 2);
        break;
    case PROTOCOL_DMA:
    case PROTOCOL_UDMA_IN:
    case PROTOCOL_UDMA_OUT:
        if ((protocol == PROTOCOL_UDMA_IN && !in) || (protocol == PROTOCOL_UDMA_OUT && in))
            return sat_bad_field(c, 2);
        a->flags |= IRB_FLAGS_USE_DMA;
        break;
    default:
        return sat_bad_field(c, 1);
    }
    a->size = length_of(c, a);
    if (!a->size || a->size > c->size || a->size > d->max_transfer || c->to_device == in)
        return sat_bad_field(c, 2);
    a->flags |= in ? IRB_FLAGS_DATA_IN : IRB_FLAGS_DATA_OUT;
    return SAT_SEND;
}

/* Descriptor sense with the registers (SAT-3 12.2.2.6). */
static void
registers_return(struct sat_command *c, uint8_t key, uint8_t asc, uint8_t ascq)
{
    const IDEREGISTERS *now = &c->ata.task.Current, *before = &c->ata.task.Previous;
    bool extend = c->ata.flags & IRB_FLAGS_48BIT;
    uint8_t *p = c->sense + 8;

    memset(c->sense, 0, sizeof(c->sense));
    c->sense[0] = SCSI_SENSE_ERRORCODE_DESCRIPTOR_CURRENT;
    c->sense[1] = key;
    c->sense[2] = asc;
    c->sense[3] = ascq;
    c->sense[7] = 14;
    c->sense_size = 22;
    p[0] = RETURN_DESCRIPTOR;
    p[1] = 12;
    p[2] = extend;
    p[3] = c->ata.error;
    p[4] = extend ? before->bSectorCountReg : 0;
    p[5] = now->bSectorCountReg;
    p[6] = extend ? before->bSectorNumberReg : 0;
    p[7] = now->bSectorNumberReg;
    p[8] = extend ? before->bCylLowReg : 0;
    p[9] = now->bCylLowReg;
    p[10] = extend ? before->bCylHighReg : 0;
    p[11] = now->bCylHighReg;
    p[12] = now->bDriveHeadReg;
    p[13] = c->ata.status;
}

enum sat_next
sat_pass_through_step(const struct sat_device *d, struct sat_command *c)
{
    uint32_t moved = MIN(c->ata.transferred, c->ata.size);

    if (!c->ata.ok) {
        (void)sat_ata_failed(d, c);
        registers_return(c, c->sense[2], c->sense[12], c->sense[13]);
        return SAT_DONE;
    }
    (void)sat_good(c);
    c->transferred = moved;
    if (c->cdb[2] & CHECK_CONDITION) {
        registers_return(c, SCSI_SENSE_RECOVERED_ERROR, 0, SENSE_ATA_RETURN);
        c->status = SCSISTAT_CHECK_CONDITION;
    }
    return SAT_DONE;
}

/* ---- UNMAP ---- */

/* One range, split at what an entry of TRIM can hold. Returns the entries used in all, or 0: they do not fit. */
static uint32_t
trim_add(uint8_t *work, uint32_t used, uint64_t lba, uint64_t count)
{
    while (count) {
        uint64_t part = MIN(count, (uint64_t)TRIM_SECTORS);

        if (used == TRIM_RANGES)
            return 0;
        put_le64(work + 8 * (size_t)used++, lba | part << 48);
        lba += part;
        count -= part;
    }
    return used;
}

static enum sat_next
trim_ranges(const struct sat_device *d, struct sat_command *c, uint32_t size, uint32_t *used)
{
    for (uint32_t at = UNMAP_HEADER; at + UNMAP_ENTRY <= size; at += UNMAP_ENTRY) {
        uint64_t lba = get_be64(c->data + at);
        uint32_t count = get_be32(c->data + at + 8);

        if (lba > d->sectors || count > d->sectors - lba)
            return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_BLOCK, 0);
        if (!count)
            continue;
        *used = trim_add(c->work, *used, lba, count);
        if (!*used)
            return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_INVALID_FIELD_PARAMETER_LIST, 0);
    }
    return SAT_SEND;
}

enum sat_next
sat_unmap(const struct sat_device *d, struct sat_command *c)
{
    uint32_t size = MIN(c->size, (uint32_t)get_be16(c->cdb + 7)), used = 0;

    if (!d->trim)
        return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_ILLEGAL_COMMAND, 0);
    if (c->cdb[1] & 1) /* ANCHOR */
        return sat_bad_field(c, 1);
    if (!size)
        return sat_good(c);
    if (size < UNMAP_HEADER || !c->to_device)
        return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, 0x1a, 0); /* parameter list length error */
    size = MIN(size, UNMAP_HEADER + get_be16(c->data + 2));
    memset(c->work, 0, SAT_WORK_SIZE);
    if (trim_ranges(d, c, size, &used) == SAT_DONE)
        return SAT_DONE;
    if (!used)
        return sat_good(c);
    c->ata = (struct sat_ata){.function = IRB_FUNCTION_ATA_COMMAND,
                              .flags = IRB_FLAGS_DRDY_REQUIRED | IRB_FLAGS_USE_DMA | IRB_FLAGS_DATA_OUT |
                                       IRB_FLAGS_48BIT,
                              .uses_work = true,
                              .size = SAT_WORK_SIZE};
    c->ata.task.Current = (IDEREGISTERS){.bFeaturesReg = TRIM_FEATURE,
                                         .bSectorCountReg = 1,
                                         .bDriveHeadReg = IDE_LBA_MODE,
                                         .bCommandReg = IDE_COMMAND_DATA_SET_MANAGEMENT};
    return SAT_SEND;
}
