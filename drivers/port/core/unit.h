/*
 * For class drivers: sending SCSI requests to a unit, whatever port serves it.
 *
 * The sender fills srb as for Windows' ports (Function, Cdb, CdbLength, SrbFlags' direction, DataBuffer,
 * DataTransferLength, TimeOutValue in seconds, SenseInfoBuffer and its length) and done. When done() is called SrbStatus,
 * ScsiStatus, DataTransferLength and the sense data say what became of it.
 */
#pragma once
#include <stdint.h>
#include "drivers/ddk/srb.h"

#define SCSI_ROOM 1536 /* bytes that a port needs with each request */

struct unit;
struct data_piece;

/* Data that is read or written on a medium may lie in pieces (data.h) instead of at srb.DataBuffer. */
struct scsi_request {
    SCSI_REQUEST_BLOCK srb;
    const struct data_piece *piece;
    uint32_t pieces;                                      /* 0: srb.DataBuffer */
    void (*done)(struct scsi_request *s);                 /* [I] DISPATCH_LEVEL, no lock held */
    void *context;                                        /* the sender's */
    uint8_t room[SCSI_ROOM] __attribute__((aligned(16))); /* the port's, until done */
};

/* What a class driver needs to know of a unit. */
struct unit_facts {
    char path[24];                  /* adapter:bus:target:lun */
    const char *driver;             /* the miniport's file name. [I] while the unit exists */
    const char *device;             /* the adapter's: "0000:00:1f.2", "isa-ide0", "-" */
    uint32_t depth;                 /* requests at once */
    uint32_t max_bytes, max_pieces; /* of one request */
};
void unit_facts(const struct unit *u, struct unit_facts *out);

/*
 * Who is told of units: arrived() when one takes requests, leaving() when it does not any more; when that returns nobody
 * may use it. PASSIVE_LEVEL. unit_watch(): boot; returns who was told before, NULL: nobody. The class driver's own word for a unit is kept
 * beside it.
 */
struct unit_watcher {
    void *(*arrived)(struct unit *u); /* Returns: its word; NULL: not interested */
    void (*leaving)(void *word);
};
const struct unit_watcher *unit_watch(const struct unit_watcher *w);

/* Fill in *s: a command that reads `size` bytes, or has no data; *data is cleared. Left to the caller: sense data, time. Any IRQL. */
void scsi_request_make(struct scsi_request *s, const uint8_t *cdb, uint8_t length, void *data, uint32_t size);

/*
 * Send a request. DataBuffer lies in the kernel's half and is resident.
 * IRQL:    <= DISPATCH_LEVEL
 * Owns:    *s until s->done(s): exactly once, perhaps before this returns
 * Returns: 0, or -ENODEV: the unit has gone (done is not called)
 */
int unit_send(struct unit *u, struct scsi_request *s);

/* Send and wait. PASSIVE_LEVEL. Returns: SrbStatus without its bits; SRB_STATUS_NO_DEVICE if it could not be sent. */
uint8_t unit_execute(struct unit *u, struct scsi_request *s);
