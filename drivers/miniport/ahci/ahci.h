/*
 * AHCI: a controller of up to 32 ports; here a port is a channel with one device. All routines run as the port driver
 * synchronizes them (SyncWithIsr): one at a time a channel.
 *
 *   ahci.c     the controller, starting and stopping      command.c  a request becomes a command
 *   port.c     the engine of a channel, link and resets   done.c     interrupts, ends, errors
 *
 * A device takes either queued commands (NCQ), or one that is not; what cannot go now waits here, in order. A request that
 * comes alone goes unqueued, which costs a register access less.
 */
#pragma once
#include "regs.h"

#define SLOTS        32
#define MAX_TRANSFER 0x80000u
#define WAIT_US      1000  /* of polling in one routine at most */
#define POLL_US      10000 /* between two looks at a device that is not ready */
#define READY_POLLS  3100  /* 31 s (ATA/ATAPI-6, 9.2) */
#define STOP_POLLS   50    /* 500 ms (AHCI 1.3.1, 10.1.2) */
#define NCQ_ERRORS   10    /* so many, and queued commands are not used any more */
#define OVERLAP      16    /* lone requests that are queued all the same, after some came together */

/* EMPTY: no device. STOPPING, SETTLING: a reset is on its way. */
enum state { EMPTY, RUNNING, STOPPING, SETTLING };

struct controller {
    PUCHAR base;
    ULONG cap, ports;
};

/* In the uncached extension. */
struct shared {
    struct header header[SLOTS];
    struct received received;
    UCHAR log[512]; /* of queued commands that failed */
    UCHAR pad[256]; /* the tables at a multiple of 128 */
    struct table table[SLOTS];
};

struct channel {
    struct controller *hba;
    PUCHAR base; /* the port's registers */
    ULONG number;
    enum state state;
    struct shared *shared;
    ULONGLONG shared_at; /* physical */
    ULONG slots;         /* how many there are */
    ULONG used;          /* bits: slots with a command */
    ULONG queued;        /* of these, queued ones */
    PIDE_REQUEST_BLOCK irb[SLOTS];
    PIDE_REQUEST_BLOCK first, *last; /* what waits, by NextIrb */
    PIDE_REQUEST_BLOCK sense_for;    /* the request that failed, while the device is asked why */
    ULONG polls, ncq_errors, overlap;
    ULONG reading_log; /* the tags that wait for what the device says of their failure; 0: it is not asked */
    BOOLEAN ncq, has_log, one_by_one, is_packet;
};

static inline ULONG
in(struct channel *c, ULONG reg)
{
    return AtaPortReadRegisterUlong((PULONG)(PVOID)(c->base + reg));
}

static inline void
out(struct channel *c, ULONG reg, ULONG value)
{
    AtaPortWriteRegisterUlong((PULONG)(PVOID)(c->base + reg), value);
}

/* Where something of c->shared is, for the device. */
static inline ULONGLONG
shared_at(struct channel *c, const void *p)
{
    return c->shared_at + ((ULONG_PTR)p - (ULONG_PTR)c->shared);
}

/* command.c. ahci_submit(): now, or when it can. ahci_release(): what waits and can go now. */
void ahci_submit(struct channel *c, PIDE_REQUEST_BLOCK irb);
void ahci_release(struct channel *c);
void ahci_wait_first(struct channel *c, PIDE_REQUEST_BLOCK irb); /* ahead of the others */
void ahci_read_error_log(struct channel *c);

/* port.c */
BOOLEAN ahci_stop(struct channel *c); /* FALSE: it still runs after WAIT_US */
void ahci_start(struct channel *c);
void ahci_restart(struct channel *c);                 /* after an error: the link stays */
void ahci_reset(struct channel *c, UCHAR irb_status); /* COMRESET; what is here ends with the status */
void ahci_reset_keeping(struct channel *c);           /* COMRESET; what waits goes on afterwards */
void ahci_look(struct channel *c);                    /* is somebody there, and who */

/* done.c */
BOOLEAN NTAPI ahci_interrupt(PVOID extension);
void ahci_end(struct channel *c, ULONG slot, UCHAR irb_status);
void ahci_end_all(struct channel *c, UCHAR irb_status);
