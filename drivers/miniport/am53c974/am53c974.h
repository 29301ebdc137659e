/*
 * One adapter, and the way of a command through it:
 *
 *   StartIo ── select ──► SELECTING ──► CONNECTED ◄──┐
 *                             │           │  │  │    │ data, messages: whatever phase the target asks for
 *                      nobody │           │  └──┴────┘
 *                             ▼           ▼ status phase
 *                          FREE ◄─── ENDING: status and message taken, the target leaves
 *                             ▲           │
 *                             └─ disconnect: other commands run until it reselects
 *
 * The chip interrupts at each arrow. What it does within microseconds is waited for in place (soon()).
 */
#pragma once
#include "regs.h"
#include "scsi.h"
#include "scsiport.h"

#define TARGETS      8
#define LUNS         8
#define OWN_ID       7
#define TRANSFER_MAX 0x20000u /* bytes of a command */
#define RUN_MAX                                                                                              \
    0x10000u /* bytes of one DMA transfer: one does not cross a multiple of that in a command's data */
#define OUT_SIZE   20
#define SOON_READS 20 /* of a register, about 1 us each */

enum state {
    FREE,       /* nobody is connected */
    SELECTING,  /* the selection of srb's target runs */
    CONNECTED,  /* to srb's target, or to one that reselected and has not said which unit it is */
    RESELECTED, /* the latter */
    ENDING,     /* the message after the status was accepted */
    LEAVING,    /* the target said that it disconnects */
};

/* What a target and we have agreed on (SCSI-2, 6.6.21). */
struct target {
    UCHAR period, offset; /* for PERIOD and OFFSET; offset 0: asynchronous */
    BOOLEAN settled;      /* it has been asked once since the bus was reset */
    BOOLEAN asked;        /* the answer has not come */
    BOOLEAN asking;       /* SDTR goes out with the next message out phase */
};

/* A logical unit's: where its command stands while it is disconnected, and what it has saved. */
struct unit {
    ULONG moved; /* bytes of the data that are on the other side */
    ULONG saved; /* at the last SAVE DATA POINTER */
};

struct adapter {
    PUCHAR ports;
    enum state state;
    PSCSI_REQUEST_BLOCK srb;  /* of whom we are connected to, or select; NULL: nobody */
    PSCSI_REQUEST_BLOCK next; /* to be started when the bus is free */
    struct unit *unit;        /* srb's */
    UCHAR *out;               /* in the uncached extension: IDENTIFY and a command block, for the engine */
    ULONG out_at;             /* its physical address */
    ULONG run;                /* bytes of the DMA transfer that runs; 0: none does */
    BOOLEAN run_in;           /* its direction */
    UCHAR status;             /* that the target gave */
    BOOLEAN parity;           /* an error in the command's data */
    UCHAR message[8];         /* that comes in, extended ones in pieces */
    ULONG message_length;
    BOOLEAN rejecting; /* it is told so in the next message out phase */
    struct target target[TARGETS];
};

/* am53c974.c: the bus has become free, or a command has ended: `srb_status` for it, the next one starts. */
void end(struct adapter *a, UCHAR srb_status);
void go_on(struct adapter *a);

/* phase.c: the target asks for a phase; message.c: a byte of a message has come, the SDTR message that is sent */
void phase(struct adapter *a, UCHAR status);
void engine_start(struct adapter *a, ULONG physical, ULONG count, ULONG direction, UCHAR command);
void transfer_end(struct adapter *a);
void message_in(struct adapter *a, UCHAR byte);
void negotiate(struct adapter *a);

static inline UCHAR
get(const struct adapter *a, ULONG port)
{
    return ScsiPortReadPortUchar(a->ports + port);
}

static inline void
put(const struct adapter *a, ULONG port, UCHAR value)
{
    ScsiPortWritePortUchar(a->ports + port, value);
}

static inline ULONG
get32(const struct adapter *a, ULONG port)
{
    return ScsiPortReadPortUlong((PULONG)(a->ports + port));
}

static inline void
put32(const struct adapter *a, ULONG port, ULONG value)
{
    ScsiPortWritePortUlong((PULONG)(a->ports + port), value);
}
