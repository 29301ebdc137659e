/*
 * A channel of an IDE controller: two devices behind one set of registers, one command at a time.
 *
 * Registers: ATA/ATAPI-6, 7 and 9. Bus master: SFF-8038i. All routines below run as the port synchronizes them
 * (SyncWithIsr): one at a time a channel.
 */
#pragma once
#include "irb.h"

/* Offsets from the command block, and from the control block. */
enum { DATA, ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS, FEATURES = ERROR, COMMAND = STATUS };
#define CONTROL_OFFSET 2 /* device control and alternate status, in a PCI BAR's control block of 4 ports */

#define DEVICE_OBSOLETE 0xa0 /* bits 7 and 5, which old devices want set */
#define DEVICE_SECOND   0x10
#define CONTROL_RESET   0x04
#define STATUS_FAULT    0x20
#define STATUS_NOBODY   0xff

/* Bus master registers of a channel. */
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
#define BM_START     0x01
#define BM_TO_MEMORY 0x08
#define BM_ACTIVE    0x01
#define BM_ERROR     0x02
#define BM_INTERRUPT 0x04

/* A physical region: at most 64 KiB, not across a border of that. size 0: 64 KiB. */
struct region {
    ULONG address;
    USHORT size;
    USHORT flags;
};
#define REGION_LAST 0x8000
#define REGION_MAX  0x10000u
#define REGIONS     512

#define MAX_TRANSFER 0x80000u
#define WAIT_US      1000 /* of polling in one routine at most */
#define POLL_US      10000
#define READY_POLLS  3100 /* 31 s: what a device may take after a reset (ATA/ATAPI-6, 9.2) */

enum phase { IDLE, NO_DATA, PIO_IN, PIO_OUT, DMA, PACKET_CDB, PACKET, SETTLING };

struct device {
    UCHAR is_packet, packet_words, packet_interrupts; /* the last: it interrupts for the command packet */
    UCHAR multiple;                                   /* sectors an interrupt, with PIO_MULTIPLE */
    ULONG sector;                                     /* bytes */
};

struct channel {
    PUCHAR command, control, master; /* ports; master NULL: no DMA */
    struct region *regions;          /* in the uncached extension */
    ULONG regions_at;                /* their physical address */
    enum phase phase;
    PIDE_REQUEST_BLOCK irb; /* what it is doing; NULL: nothing */
    PUCHAR data;            /* of a PIO transfer: where it goes on */
    ULONG left;             /* bytes */
    ULONG block;            /* bytes an interrupt */
    ULONG polls;            /* left, while it settles */
    struct device device[2];
};

struct controller {
    ULONG chip;        /* vendor and device, as at offset 0 of the configuration space */
    UCHAR has_pci;     /* there is a configuration space */
    PUCHAR command[2]; /* ports of the channels' command blocks */
};

/* ide.c */
static inline UCHAR
in(struct channel *c, ULONG reg)
{
    return AtaPortReadPortUchar(c->command + reg);
}

static inline void
out(struct channel *c, ULONG reg, UCHAR value)
{
    AtaPortWritePortUchar(c->command + reg, value);
}

/* registers.c */
UCHAR ide_alternate_status(struct channel *c);
/* Select a device and wait until it takes commands. FALSE: it does not, within WAIT_US. */
BOOLEAN ide_select(struct channel *c, UCHAR target, UCHAR device_bits);
/* Wait for these bits of the status to have these values, within WAIT_US. Returns: the status. */
UCHAR ide_wait(struct channel *c, UCHAR mask, UCHAR value);
void ide_registers_write(struct channel *c, const IDE_TASK_FILE *t, BOOLEAN is_48bit);
void ide_registers_return(struct channel *c, PIDE_REQUEST_BLOCK irb);

/* command.c: ATA */
void ide_command(struct channel *c, PIDE_REQUEST_BLOCK irb);
BOOLEAN ide_command_interrupt(struct channel *c, UCHAR status);

/* packet.c: ATAPI */
void ide_packet(struct channel *c, PIDE_REQUEST_BLOCK irb);
BOOLEAN ide_packet_interrupt(struct channel *c, UCHAR status);
BOOLEAN ide_packet_wants_dma(PIDE_REQUEST_BLOCK irb);

/* dma.c: FALSE: the data cannot be described */
BOOLEAN ide_dma_prepare(struct channel *c, PIDE_REQUEST_BLOCK irb);
void ide_dma_start(struct channel *c);
UCHAR ide_dma_stop(struct channel *c); /* Returns: the bus master's status, which is cleared */

/* reset.c */
BOOLEAN NTAPI ide_reset(PVOID extension);

/* ide.c: the end of c->irb, with the registers' status and error; by is ends by the port. */
void ide_complete(struct channel *c, UCHAR status);

/* timing.c: AtaControllerTransferModeSelect */
BOOLEAN NTAPI ide_transfer_mode_select(PVOID extension, PIDE_TRANSFER_MODE_PARAMETERS p);
ATA_CHANNEL_STATE NTAPI ide_channel_enabled(PVOID extension, ULONG channel);
