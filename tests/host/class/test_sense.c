// sources: drivers/class/sense.c
/*
 * What a command's end means to the class drivers: done, again, again later, failed with which error.
 */
#include "drivers/class/class_impl.h"
#include "lib/errno.h"
#include "tests/host/check.h"

struct row {
    const char *name;
    uint8_t srb_status;
    uint8_t sense[16];
    enum verdict verdict, of_a_flush;
    int error; /* where it failed */
};

#define SENSED (SRB_STATUS_ERROR | SRB_STATUS_AUTOSENSE_VALID)
#define FIXED(key, asc, ascq)                                                                                \
    {                                                                                                        \
        0x70, 0, key, [7] = 10, [12] = asc, [13] = ascq                                                      \
    }
#define DESCRIPTORS(key, asc, ascq)                                                                          \
    {                                                                                                        \
        0x72, key, asc, ascq                                                                                 \
    }

static const struct row rows[] = {
    {"success", SRB_STATUS_SUCCESS, {0}, VERDICT_DONE, VERDICT_DONE, 0},
    {"success, with bits of the port's",
     SRB_STATUS_SUCCESS | SRB_STATUS_QUEUE_FROZEN,
     {0},
     VERDICT_DONE,
     VERDICT_DONE,
     0},
    {"recovered", SENSED, FIXED(1, 0x17, 1), VERDICT_DONE, VERDICT_DONE, 0},
    {"no sense", SENSED, FIXED(0, 0, 0), VERDICT_DONE, VERDICT_DONE, 0},
    {"not ready: becoming so", SENSED, FIXED(2, 4, 1), VERDICT_RETRY_LATER, VERDICT_RETRY_LATER, 0},
    {"not ready: needs a command", SENSED, FIXED(2, 4, 2), VERDICT_FAILED, VERDICT_FAILED, -EIO},
    {"no medium", SENSED, FIXED(2, 0x3a, 0), VERDICT_FAILED, VERDICT_FAILED, -ENOMEDIUM},
    {"no medium, in descriptors", SENSED, DESCRIPTORS(2, 0x3a, 2), VERDICT_FAILED, VERDICT_FAILED,
     -ENOMEDIUM},
    {"medium error", SENSED, FIXED(3, 0x11, 0), VERDICT_FAILED, VERDICT_FAILED, -EIO},
    {"hardware error", SENSED, FIXED(4, 0x44, 0), VERDICT_RETRY, VERDICT_FAILED, -EIO},
    {"illegal request", SENSED, FIXED(5, 0x20, 0), VERDICT_FAILED, VERDICT_FAILED, -EIO},
    {"unit attention", SENSED, FIXED(6, 0x29, 0), VERDICT_RETRY, VERDICT_RETRY, 0},
    {"protected", SENSED, FIXED(7, 0x27, 0), VERDICT_FAILED, VERDICT_FAILED, -EROFS},
    {"aborted", SENSED, FIXED(11, 0, 0), VERDICT_RETRY, VERDICT_FAILED, -EIO},
    {"of the command before", SENSED, {0x71, 0, 3}, VERDICT_FAILED, VERDICT_FAILED, -EIO},
    {"sense of no known format", SENSED, {0x7f, 3, 3, 3}, VERDICT_RETRY, VERDICT_FAILED, -EIO},
    {"an error without sense", SRB_STATUS_ERROR, FIXED(3, 0x11, 0), VERDICT_RETRY, VERDICT_FAILED, -EIO},
    {"busy", SRB_STATUS_BUSY, {0}, VERDICT_RETRY_LATER, VERDICT_RETRY_LATER, 0},
    {"bus reset", SRB_STATUS_BUS_RESET, {0}, VERDICT_RETRY, VERDICT_RETRY, 0},
    {"timeout", SRB_STATUS_TIMEOUT, {0}, VERDICT_RETRY, VERDICT_RETRY, 0},
    {"less than all", SRB_STATUS_DATA_OVERRUN, {0}, VERDICT_RETRY, VERDICT_RETRY, 0},
    {"gone", SRB_STATUS_NO_DEVICE, {0}, VERDICT_FAILED, VERDICT_FAILED, -ENODEV},
    {"not understood", SRB_STATUS_INVALID_REQUEST, {0}, VERDICT_FAILED, VERDICT_FAILED, -EINVAL},
    {"a status nobody knows", 0x3f, {0}, VERDICT_FAILED, VERDICT_FAILED, -EIO},
};

static void
test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct scsi_request s;
        int error = 0;

        memset(&s, 0, sizeof s);
        s.srb.SrbStatus = r->srb_status;
        check_row("%s", r->name);
        CHECK_EQ(sense_judge(&s, r->sense, false, &error), r->verdict);
        if (r->verdict == VERDICT_FAILED)
            CHECK_EQ(error, r->error);
        CHECK_EQ(sense_judge(&s, r->sense, true, &error), r->of_a_flush);
    }
}

/* Whatever a device says, there is a verdict, and one that failed has an error. */
static void
test_noise(void)
{
    check_row("noise");
    for (unsigned i = 0; i < 100000; i++) {
        struct scsi_request s;
        uint8_t sense[CLASS_SENSE];
        int error = 0;

        memset(&s, 0, sizeof s);
        s.srb.SrbStatus = (UCHAR)check_random();
        for (unsigned n = 0; n < sizeof sense; n++)
            sense[n] = (uint8_t)check_random();
        if (sense_judge(&s, sense, i & 1, &error) == VERDICT_FAILED)
            CHECK(error < 0);
    }
}

int
main(void)
{
    test_rows();
    test_noise();
    return check_report();
}
