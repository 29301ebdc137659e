/* What a command's end means (SPC-4, 4.5; SAM-5, 5.3). */
#include "drivers/class/class_impl.h"
#include "lib/errno.h"
#include "lib/field.h"

#define ASC_BECOMING_READY 0x04
#define ASC_NO_MEDIUM      0x3a
#define ASCQ_BECOMING      0x01

struct sense {
    uint8_t key, asc, ascq;
};

#define KEY_UNKNOWN 0xff /* the device says nothing that can be read */

/* Fixed and descriptor format. */
static struct sense
sense_read(const uint8_t *b)
{
    uint8_t code = b[0] & 0x7f;

    if (code == 0x72 || code == 0x73)
        return (struct sense){b[1] & 15, b[2], b[3]};
    return code == 0x70 || code == 0x71 ? (struct sense){b[2] & 15, b[12], b[13]}
                                        : (struct sense){.key = KEY_UNKNOWN};
}

static enum verdict
judge_sense(struct sense e, bool is_flush, int *error)
{
    *error = -EIO;
    switch (e.key) {
    case SCSI_SENSE_NO_SENSE:
    case SCSI_SENSE_RECOVERED_ERROR:
        return VERDICT_DONE;
    case SCSI_SENSE_UNIT_ATTENTION:
        return VERDICT_RETRY;
    case SCSI_SENSE_NOT_READY:
        if (e.asc == ASC_NO_MEDIUM)
            *error = -ENOMEDIUM;
        return e.asc == ASC_BECOMING_READY && e.ascq == ASCQ_BECOMING ? VERDICT_RETRY_LATER : VERDICT_FAILED;
    case SCSI_SENSE_DATA_PROTECT:
        *error = -EROFS;
        return VERDICT_FAILED;
    case SCSI_SENSE_ILLEGAL_REQUEST:
        return VERDICT_FAILED;
    case SCSI_SENSE_MEDIUM_ERROR: /* the device has tried hard enough */
        return VERDICT_FAILED;
    default: /* hardware error, aborted: may be better the next time. A flush that failed has failed: what it was to keep
              * may be lost, and a second one would not know of it */
        return is_flush ? VERDICT_FAILED : VERDICT_RETRY;
    }
}

enum verdict
sense_judge(const struct scsi_request *s, const uint8_t *sense, bool is_flush, int *error)
{
    uint8_t status = SRB_STATUS(s->srb.SrbStatus);

    *error = -EIO;
    switch (status) {
    case SRB_STATUS_SUCCESS:
        return VERDICT_DONE;
    case SRB_STATUS_NO_DEVICE:
        *error = -ENODEV;
        return VERDICT_FAILED;
    case SRB_STATUS_INVALID_REQUEST:
        *error = -EINVAL;
        return VERDICT_FAILED;
    case SRB_STATUS_BUSY:
        return VERDICT_RETRY_LATER;
    case SRB_STATUS_BUS_RESET:
    case SRB_STATUS_SELECTION_TIMEOUT:
    case SRB_STATUS_TIMEOUT:
    case SRB_STATUS_COMMAND_TIMEOUT:
    case SRB_STATUS_DATA_OVERRUN: /* less than all */
        return VERDICT_RETRY;
    case SRB_STATUS_REQUEST_SENSE_FAILED: /* what became of it is not known, or it was lost on the bus */
    case SRB_STATUS_ABORTED:
    case SRB_STATUS_PARITY_ERROR:
    case SRB_STATUS_UNEXPECTED_BUS_FREE:
    case SRB_STATUS_PHASE_SEQUENCE_FAILURE:
        return is_flush ? VERDICT_FAILED : VERDICT_RETRY;
    case SRB_STATUS_ERROR:
        if (s->srb.SrbStatus & SRB_STATUS_AUTOSENSE_VALID)
            return judge_sense(sense_read(sense), is_flush, error);
        return is_flush ? VERDICT_FAILED : VERDICT_RETRY;
    default:
        return VERDICT_FAILED;
    }
}

const char *
srb_status_name(uint8_t status)
{
    static const char *const names[] = {"PENDING",
                                        "SUCCESS",
                                        "ABORTED",
                                        "ABORT_FAILED",
                                        "ERROR",
                                        "BUSY",
                                        "INVALID_REQUEST",
                                        "INVALID_PATH_ID",
                                        "NO_DEVICE",
                                        "TIMEOUT",
                                        "SELECTION_TIMEOUT",
                                        "COMMAND_TIMEOUT",
                                        NULL,
                                        "MESSAGE_REJECTED",
                                        "BUS_RESET",
                                        "PARITY_ERROR",
                                        "REQUEST_SENSE_FAILED",
                                        "NO_HBA",
                                        "DATA_OVERRUN",
                                        "UNEXPECTED_BUS_FREE",
                                        "PHASE_SEQUENCE_FAILURE",
                                        "BAD_SRB_BLOCK_LENGTH",
                                        "REQUEST_FLUSHED",
                                        [SRB_STATUS_INVALID_LUN] = "INVALID_LUN",
                                        "INVALID_TARGET_ID",
                                        "BAD_FUNCTION",
                                        "ERROR_RECOVERY",
                                        "NOT_POWERED",
                                        "LINK_DOWN",
                                        [SRB_STATUS_INTERNAL_ERROR] = "INTERNAL_ERROR"};
    uint8_t code = SRB_STATUS(status);

    return code < sizeof(names) / sizeof(names[0]) && names[code] ? names[code] : "?";
}
