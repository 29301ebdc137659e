/*
 * SCSI commands for an ATA disk (SAT-3): what needs no disk is answered here.
 */
#include "atadisk.h"

#define FLUSH_CACHE    0xe7
#define FLUSH_CACHE_48 0xea
#define PAGE_SERIAL    VPD_SERIAL_NUMBER
#define CACHE_ON       0x04

void
sense_fill(PSCSI_REQUEST_BLOCK srb, UCHAR key, UCHAR code)
{
    UCHAR *s = srb->SenseInfoBuffer;

    srb->ScsiStatus = SCSISTAT_CHECK_CONDITION;
    if (!s || srb->SenseInfoBufferLength < sizeof(SENSE_DATA))
        return;
    for (ULONG i = 0; i < sizeof(SENSE_DATA); i++)
        s[i] = 0;
    s[0] = SCSI_SENSE_ERRORCODE_FIXED_CURRENT;
    s[2] = key;
    s[7] = sizeof(SENSE_DATA) - 8;
    s[12] = code;
}

static UCHAR
illegal(PSCSI_REQUEST_BLOCK srb, UCHAR code)
{
    sense_fill(srb, SCSI_SENSE_ILLEGAL_REQUEST, code);
    return SRB_STATUS_ERROR |
           (srb->SenseInfoBufferLength >= sizeof(SENSE_DATA) ? SRB_STATUS_AUTOSENSE_VALID : 0);
}

/* As much of an answer as is asked for. */
static UCHAR
answer(PSCSI_REQUEST_BLOCK srb, const UCHAR *bytes, ULONG size)
{
    UCHAR *to = srb->DataBuffer;
    UCHAR result = SRB_STATUS_SUCCESS;

    if (size < srb->DataTransferLength) {
        srb->DataTransferLength = size;
        result = SRB_STATUS_DATA_OVERRUN;
    }
    for (ULONG i = 0; i < srb->DataTransferLength; i++)
        to[i] = bytes[i];
    return result;
}

static UCHAR
inquiry(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    UCHAR b[36] = {DIRECT_ACCESS_DEVICE, 0, 5, 2, 31, [8] = 'A', 'T', 'A', ' ', ' ', ' ', ' ', ' '};
    UCHAR pages[] = {0, 0, 0, 2, VPD_SUPPORTED_PAGES, PAGE_SERIAL}, serial[24] = {0, PAGE_SERIAL, 0, 20};

    if (!(srb->Cdb[1] & 1)) {
        for (ULONG i = 0; i < 16; i++)
            b[16 + i] = a->disk->model[i];
        for (ULONG i = 0; i < 4; i++)
            b[32 + i] = a->disk->revision[i];
        return answer(srb, b, sizeof(b));
    }
    for (ULONG i = 0; i < 20; i++)
        serial[4 + i] = a->disk->serial[i];
    switch (srb->Cdb[2]) {
    case VPD_SUPPORTED_PAGES:
        return answer(srb, pages, sizeof(pages));
    case PAGE_SERIAL:
        return answer(srb, serial, sizeof(serial));
    default:
        return illegal(srb, SCSI_ADSENSE_INVALID_CDB);
    }
}

static void
put(UCHAR *to, ULONGLONG value, ULONG bytes)
{
    while (bytes--) {
        to[bytes] = (UCHAR)value;
        value >>= 8;
    }
}

static ULONGLONG
get(const UCHAR *from, ULONG bytes)
{
    ULONGLONG value = 0;

    for (ULONG i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

static UCHAR
capacity(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    ULONGLONG last = a->disk->sectors - 1;
    UCHAR b[32] = {0};

    if (srb->Cdb[0] == SCSIOP_READ_CAPACITY) {
        put(b, last > 0xffffffff ? 0xffffffff : last, 4);
        put(b + 4, SECTOR, 4);
        return answer(srb, b, 8);
    }
    if ((srb->Cdb[1] & 0x1f) != SERVICE_ACTION_READ_CAPACITY16)
        return illegal(srb, SCSI_ADSENSE_INVALID_CDB);
    put(b, last, 8);
    put(b + 8, SECTOR, 4);
    return answer(srb, b, sizeof(b));
}

/* The caching page, which says that there is a cache to flush. */
static UCHAR
mode_sense(PSCSI_REQUEST_BLOCK srb)
{
    UCHAR b[24] = {23, 0, 0, 0, MODE_PAGE_CACHING, 18, CACHE_ON};
    UCHAR page = srb->Cdb[2] & 0x3f;

    return page == MODE_PAGE_CACHING || page == MODE_SENSE_RETURN_ALL
               ? answer(srb, b, sizeof(b))
               : illegal(srb, SCSI_ADSENSE_INVALID_CDB);
}

static UCHAR
medium(struct adapter *a, PSCSI_REQUEST_BLOCK srb, BOOLEAN is_long, BOOLEAN out)
{
    ULONGLONG sector = is_long ? get(srb->Cdb + 2, 8) : get(srb->Cdb + 2, 4);
    ULONG count = is_long ? (ULONG)get(srb->Cdb + 10, 4) : (ULONG)get(srb->Cdb + 7, 2);

    if (sector >= a->disk->sectors || count > a->disk->sectors - sector)
        return illegal(srb, SCSI_ADSENSE_ILLEGAL_BLOCK);
    if (!count)
        return SRB_STATUS_SUCCESS;
    if (count > TRANSFER_MAX / SECTOR || count * SECTOR > srb->DataTransferLength)
        return illegal(srb, SCSI_ADSENSE_INVALID_CDB);
    return transfer(a, sector, count, out);
}

UCHAR
scsi_command(struct adapter *a, PSCSI_REQUEST_BLOCK srb)
{
    UCHAR op = srb->Cdb[0];

    switch (op) {
    case SCSIOP_TEST_UNIT_READY:
    case SCSIOP_START_STOP_UNIT:
    case SCSIOP_MEDIUM_REMOVAL:
        return SRB_STATUS_SUCCESS;
    case SCSIOP_INQUIRY:
        return inquiry(a, srb);
    case SCSIOP_READ_CAPACITY:
    case SCSIOP_READ_CAPACITY16:
        return capacity(a, srb);
    case SCSIOP_MODE_SENSE:
        return mode_sense(srb);
    case SCSIOP_READ:
    case SCSIOP_READ16:
        return medium(a, srb, op == SCSIOP_READ16, FALSE);
    case SCSIOP_WRITE:
    case SCSIOP_WRITE16:
        return medium(a, srb, op == SCSIOP_WRITE16, TRUE);
    case SCSIOP_SYNCHRONIZE_CACHE:
    case SCSIOP_SYNCHRONIZE_CACHE16:
        return plain_command(a, a->disk->lba48 ? FLUSH_CACHE_48 : FLUSH_CACHE);
    default:
        return illegal(srb, SCSI_ADSENSE_ILLEGAL_COMMAND);
    }
}
