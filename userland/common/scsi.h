/* SCSI commands to a disk, by SG_IO. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct scsi {
    int fd;
    const char *path;
    uint8_t sense[64];
    unsigned sense_size, status, host_status;
    size_t moved; /* bytes */
};

enum scsi_way { SCSI_NONE, SCSI_READ, SCSI_WRITE };

/* Open a device, for writing if that is wanted; fails as fail() does. */
void scsi_open(struct scsi *s, const char *path, int for_writing);

/* Send a command and wait. Returns 0: it was done well; 1: the device said no (status, sense), or did not answer. Fails as
 * fail() does if the command cannot be sent. */
int scsi_command(struct scsi *s, const uint8_t *cdb, unsigned length, enum scsi_way way, void *data,
                 size_t size);

/* What the last command's end means: "illegal request: invalid field in CDB (5/24/00)". */
const char *scsi_says(const struct scsi *s);
