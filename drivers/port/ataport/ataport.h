/*
 * The ATA port: AtaPort drivers as contract/ataport.md describes them (obligations A-nnn), on the engine of drivers/port/core.
 * One controller is an adapter, one channel a bus, one device a unit. No SRBs here: ata_request is what is sent to a
 * device; translation from SCSI is another layer.
 */
#pragma once
#include "drivers/ddk/irb.h"
#include "drivers/port/core/port.h"

#define ATA_SENSE_SIZE 64

/*
 * One command for a device. The sender fills the first part, the answer is in the second when r.done() is called.
 */
struct ata_request {
    struct request r;
    uint16_t function;        /* IRB_FUNCTION_.. */
    uint32_t flags;           /* IRB_FLAGS_.. */
    struct request_data data; /* size 0: none */
    uint8_t cdb_length;       /* ATAPI */
    uint8_t sense_type;       /* SENSE_INFO_BUFFER_RETURN_TYPE_.., with IRB_FLAGS_RETURN_RESULTS */
    bool want_sense;          /* there is room for sense data or a task file */
    union {
        IDE_TASK_FILE task_file;
        uint8_t cdb[16];
        POWER_CHANGE_INFO power;
    };
    /* the answer */
    uint8_t irb_status; /* IRB_STATUS_.. with its bits */
    uint8_t ata_status, ata_error;
    bool must_bounce; /* the port's: the miniport wants to see data that lies in pieces */
    uint32_t transferred;
    uint8_t sense[ATA_SENSE_SIZE];
};

/* Boot, once: publishes ataport.sys and pciidex.sys. */
void ataport_init(void);

/* Send to a unit; as unit_submit(). seconds in a->r. */
int ata_submit(struct unit *u, struct ata_request *a);

/* Send and wait. PASSIVE_LEVEL. Returns 0 when it was completed (a->irb_status says how), or -errno. */
int ata_execute(struct unit *u, struct ata_request *a);

/* What is known of a unit. [I] while it exists */
const IDENTIFY_DEVICE_DATA *ata_identify_data(const struct unit *u);
const IDE_DEVICE_PARAMETERS *ata_parameters(const struct unit *u);
