/*
 * ATA disks through the SCSI port, by programmed I/O: what a SCSI miniport was when ATA disks came. An adapter is an ISA
 * channel, or a PCI function with two; a channel is a SCSI bus with two targets. One command at a time an adapter.
 *
 * Registers: ATA/ATAPI-6, 7. PCI functions: PCI IDE Controller Specification 1.0; bus master status: SFF-8038i.
 */
#pragma once
#include "ata.h"
#include "scsi.h"
#include "scsiport.h"

enum { DATA, ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS, FEATURES = ERROR, COMMAND = STATUS };

#define DEVICE_LBA    0xe0 /* with bits that old devices want set */
#define DEVICE_SECOND 0x10
#define CONTROL_RESET 0x04
#define CONTROL_QUIET 0x02 /* no interrupts */
#define STATUS_FAULT  0x20
#define STATUS_NOBODY 0xff

#define CHANNELS     2
#define DISKS        2
#define SECTOR       512u
#define TRANSFER_MAX (256u * SECTOR)
#define MULTIPLE     16 /* sectors an interrupt, at most */
#define POLL_US      10
#define POLLS        2000 /* 20 ms: a device takes a command within 400 ns, and data soon after */
#define RESET_POLLS  40000

struct disk {
    BOOLEAN there, lba48;
    UCHAR multiple; /* sectors an interrupt; 0: one, by the commands for that */
    ULONGLONG sectors;
    UCHAR model[40], revision[8], serial[20];
};

struct channel {
    PUCHAR command, control; /* NULL: nobody is there */
    struct disk disk[DISKS];
};

struct adapter {
    struct channel channel[CHANNELS];
    ULONG channels;
    PUCHAR master; /* bus master registers of a PCI function: only their interrupt bits; NULL: none */
    /* the command that is on its way */
    PSCSI_REQUEST_BLOCK srb; /* NULL: none */
    struct channel *at;
    struct disk *disk;
    PUCHAR data; /* where it goes on */
    ULONG left;  /* bytes */
    BOOLEAN out;
};

/* Where a search goes on, between calls of HwFindAdapter. */
struct search {
    ULONG place; /* of ISA; or the next slot */
};

/* find.c */
ULONG NTAPI find_isa(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
                     PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again);
ULONG NTAPI find_pci(PVOID extension, PVOID context, PVOID bus, PCHAR argument,
                     PPORT_CONFIGURATION_INFORMATION config, PBOOLEAN again);

/* identify.c: who is on a channel; none of its commands interrupts */
void channel_identify(struct channel *c);
BOOLEAN channel_reset(struct channel *c);

/* scsi.c: a command of SCSI's. Returns SrbStatus; PENDING: it is on its way to the disk */
UCHAR scsi_command(struct adapter *a, PSCSI_REQUEST_BLOCK srb);
void sense_fill(PSCSI_REQUEST_BLOCK srb, UCHAR key, UCHAR code);

/* transfer.c: sectors; a command without data. HwInterrupt's part */
UCHAR transfer(struct adapter *a, ULONGLONG sector, ULONG count, BOOLEAN out);
UCHAR plain_command(struct adapter *a, UCHAR command);
UCHAR transfer_interrupt(struct adapter *a);

static inline UCHAR
in(const struct channel *c, ULONG reg)
{
    return ScsiPortReadPortUchar(c->command + reg);
}

static inline void
out(const struct channel *c, ULONG reg, UCHAR value)
{
    ScsiPortWritePortUchar(c->command + reg, value);
}

/* The status, without taking an interrupt back. */
static inline UCHAR
status(const struct channel *c)
{
    return ScsiPortReadPortUchar(c->control);
}

/* Until the device is not busy. Returns its status; busy: it did not become so. */
static inline UCHAR
wait_ready(const struct channel *c, ULONG polls)
{
    UCHAR s = status(c);

    for (ULONG i = 0; s & IDE_STATUS_BUSY && i < polls; i++) {
        ScsiPortStallExecution(POLL_US);
        s = status(c);
    }
    return s;
}
