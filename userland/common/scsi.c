#include "userland/common/scsi.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include "userland/common/command.h"

#define SG_IO   0x2285
#define TIMEOUT 60000 /* ms */

/* Linux's struct sg_io_hdr, version 3 (scsi/sg.h). */
struct sg_header {
    int interface, direction;
    unsigned char cdb_length, sense_room;
    unsigned short vectors;
    unsigned size;
    void *data;
    const void *cdb;
    void *sense;
    unsigned timeout, flags;
    int pack_id;
    void *user;
    unsigned char status, masked, message, sense_written;
    unsigned short host_status, driver_status;
    int residue;
    unsigned duration, info;
};

void
scsi_open(struct scsi *s, const char *path, int for_writing)
{
    memset(s, 0, sizeof *s);
    s->path = path;
    s->fd = open(path, (for_writing ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0)
        fail("%s", path);
}

int
scsi_command(struct scsi *s, const uint8_t *cdb, unsigned length, enum scsi_way way, void *data, size_t size)
{
    struct sg_header h = {.interface = 'S',
                          .direction = way == SCSI_READ    ? -3
                                       : way == SCSI_WRITE ? -2
                                                           : -1,
                          .cdb_length = (unsigned char)length,
                          .sense_room = sizeof s->sense,
                          .size = (unsigned)size,
                          .data = data,
                          .cdb = cdb,
                          .sense = s->sense,
                          .timeout = TIMEOUT};

    memset(s->sense, 0, sizeof s->sense);
    if (ioctl(s->fd, SG_IO, &h)) {
        bool other = errno == ENOTTY || errno == EINVAL;

        errno = other ? 0 : errno;
        fail("%s: %s", s->path, other ? "is no disk and no CD" : "the command cannot be sent");
    }
    s->sense_size = h.sense_written;
    s->status = h.status;
    s->host_status = h.host_status;
    s->moved = size - (size_t)h.residue;
    return h.status || h.host_status;
}

static const char *const keys[16] = {"no sense",       "recovered error", "not ready",      "medium error",
                                     "hardware error", "illegal request", "unit attention", "data protect",
                                     "blank check",    "vendor specific", "copy aborted",   "aborted command",
                                     "reserved",       "volume overflow", "miscompare",     "completed"};

/* SPC-4, annex E: those that disks and CDs say. */
static const struct {
    unsigned char asc, ascq;
    const char *text;
} codes[] = {{0x00, 0x1d, "ATA pass-through information available"},
             {0x04, 0x01, "becoming ready"},
             {0x0c, 0x00, "write error"},
             {0x11, 0x00, "unrecovered read error"},
             {0x20, 0x00, "invalid command operation code"},
             {0x21, 0x00, "logical block address out of range"},
             {0x24, 0x00, "invalid field in CDB"},
             {0x26, 0x00, "invalid field in parameter list"},
             {0x27, 0x00, "write protected"},
             {0x28, 0x00, "medium may have changed"},
             {0x29, 0x00, "power on or reset"},
             {0x3a, 0x00, "no medium"},
             {0x3a, 0x01, "no medium, tray closed"},
             {0x3a, 0x02, "no medium, tray open"},
             {0x47, 0x00, "interface CRC error"},
             {0x53, 0x02, "medium removal prevented"},
             {0x64, 0x00, "illegal mode for this track"}};

static const char *
code_text(unsigned asc, unsigned ascq)
{
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].asc == asc && codes[i].ascq == ascq)
            return codes[i].text;
    return "no further text";
}

const char *
scsi_says(const struct scsi *s)
{
    static char text[160];
    const uint8_t *b = s->sense;
    unsigned code = b[0] & 0x7f, key, asc, ascq;

    if (s->host_status)
        snprintf(text, sizeof text, "the device did not answer (host status %u)", s->host_status);
    else if (!s->status)
        return "good";
    else if (!s->sense_size)
        snprintf(text, sizeof text, "status %#x without sense data", s->status);
    else {
        key = code >= 0x72 ? b[1] & 15 : b[2] & 15;
        asc = code >= 0x72 ? b[2] : b[12];
        ascq = code >= 0x72 ? b[3] : b[13];
        snprintf(text, sizeof text, "%s: %s (%x/%02x/%02x)", keys[key], code_text(asc, ascq), key, asc, ascq);
    }
    return text;
}
