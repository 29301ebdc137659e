/*
 * SCSI commands for ATA disks (SAT-3; SPC-4, SBC-3, ACS-2): each becomes an answer at once, or ATA commands and what their
 * results mean. Pure: no memory but what is passed, no waiting.
 *
 * The caller asks sat_begin(); while that or sat_step() says SAT_SEND, it sends cmd->ata and gives what came back to
 * sat_step(); with SAT_DONE the answer is in cmd: status, sense, and how many bytes of data there are.
 *
 * Not for: ATAPI devices, whose commands go through as they are; CHS addressing; devices without LBA are refused.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "drivers/ddk/irb.h"

#define SAT_SENSE_SIZE 32
#define SAT_WORK_SIZE  512 /* of the device: TRIM ranges, IDENTIFY data for a page */

/* What is known of a device. [I] but for what commands change */
struct sat_device {
    const IDENTIFY_DEVICE_DATA *identify;
    uint64_t sectors; /* logical */
    uint32_t sector_size, physical_exponent,
        alignment;         /* bytes; 2^n logical a physical; lowest aligned LBA */
    uint32_t max_transfer; /* bytes of one command: no more than its sector count can say */
    bool lba48, dma, fua, trim, removable, rotates;
    bool write_cache, read_ahead; /* as they are set now */
    uint16_t rotation_rate;
    uint8_t multiple; /* sectors an interrupt by PIO; 0: one, with the plain commands */
};

/* False: it cannot be used (no LBA, no sectors, a sector size that is not 512 to 4096). */
bool sat_device_read(struct sat_device *d, const IDENTIFY_DEVICE_DATA *identify, uint32_t max_transfer);

/* One ATA command, and its answer. */
struct sat_ata {
    uint16_t function;  /* IRB_FUNCTION_.. */
    uint32_t flags;     /* IRB_FLAGS_.. */
    IDE_TASK_FILE task; /* Previous: the high bytes of 48-bit commands */
    bool uses_work;     /* its data is the work buffer, not the request's */
    uint32_t size;      /* bytes of data */
    bool want_task;     /* registers are wanted back */
    /* filled before sat_step() */
    bool ok;               /* completed without error */
    bool has_task;         /* `task` holds registers that came back */
    uint8_t status, error; /* of the device */
    uint32_t transferred;
};

enum sat_next { SAT_DONE, SAT_SEND };

struct sat_command {
    const uint8_t *cdb; /* 16 bytes */
    uint8_t cdb_length;
    uint8_t *data;  /* the request's buffer; what it holds counts for commands that send */
    uint32_t size;  /* of it */
    bool to_device; /* the request's direction */
    uint8_t *work;  /* SAT_WORK_SIZE bytes, word-aligned */
    struct sat_ata ata;
    uint8_t step; /* sat.c's */
    /* the answer */
    uint8_t status; /* SCSISTAT_GOOD or SCSISTAT_CHECK_CONDITION */
    uint32_t transferred;
    uint8_t sense_size; /* 0: none */
    uint8_t sense[SAT_SENSE_SIZE];
};

/* Any IRQL. */
enum sat_next sat_begin(struct sat_device *d, struct sat_command *c);
enum sat_next sat_step(struct sat_device *d, struct sat_command *c);
