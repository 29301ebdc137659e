/* What the simulated SCSI adapter and its test agree on. Plain types: both compilers have it. */
#pragma once

enum {
    SCALL_NONE,
    SCALL_FIND,
    SCALL_INITIALIZE,
    SCALL_STARTIO,
    SCALL_INTERRUPT,
    SCALL_RESET,
    SCALL_CONTROL,
    SCALL_TIMER,
    SCALL_ENABLE,
    SCALL_DISABLE,
    SCALL_STATE,
};

/* How reads and writes are dealt with. Other commands are answered in StartIo. */
enum {
    S_COMPLETE,  /* in StartIo: moved to or from the disk */
    S_INTERRUPT, /* in HwInterrupt */
    S_TIMER,     /* in the timer routine, 2 ms later */
    S_DEFERRED,  /* in the enable routine that HwInterrupt asks for */
    S_NEVER,     /* not; HwResetBus deals with it as `reset` says */
    S_TWICE,
    S_FOREIGN,    /* a copy of the SRB, a place in it, a wild address; then it */
    S_STATUS,     /* with `status` and `scsi_status` */
    S_ALL,        /* ScsiPortCompleteRequest from the timer routine, with `status` */
    S_SENSE,      /* CHECK CONDITION; REQUEST SENSE gives 5/24/00, or fails (`sense_fails`) */
    S_AUTOSENSE,  /* CHECK CONDITION with sense data */
    S_BAD_SENSE,  /* the same with sense data that are none */
    S_BUSY,       /* `busy` times, then success */
    S_QUEUE_FULL, /* while more than `room` are out */
    S_SHORT,      /* SRB_STATUS_DATA_OVERRUN with half of the data */
    S_LONG,       /* more data than asked for */
    S_REFUSE,     /* StartIo returns FALSE */
    S_FIELDS,     /* the SRB is changed */
    S_FAULT,
    S_LOOP,
    S_LEVEL,
    S_MANY_NEXT, /* NextRequest three times */
    S_NEXT_LU,   /* NextLuRequest while an untagged request is out */
    S_RESET_DETECTED,
    S_BUS_CHANGE,
    S_UNKNOWN,      /* notifications that the port does not know */
    S_LIBRARY,      /* small routines, and routines of HwFindAdapter's at the wrong time */
    S_WRITE_BEHIND, /* `behind`: 0 the uncached extension, 1 the SRB extensions, 2 the data */
    S_NO_NEXT,      /* completed, and no NextRequest until an interrupt */
    S_SLEEPY_TIMER, /* a timer is asked for, and taken back */
    S_NEVER_NEXT,   /* as S_NEVER, and no NextRequest */
    S_SOME, /* held; HwInterrupt completes those of which[] by ScsiPortCompleteRequest, with `status` */
};

enum { SRESET_COMPLETES, SRESET_LEAVES, SRESET_FALSE };

/* SRB_FUNCTION_RESET_DEVICE; LATE: completed by HwResetBus only */
enum { SDEVICE_COMPLETES, SDEVICE_LEAVES, SDEVICE_REFUSES, SDEVICE_LATE };

struct scall {
    unsigned char what, irql, processor, path, target, lun;
    unsigned int detail; /* function, control type, path */
    unsigned long long argument;
};

#define SCALLS_MAX 1024
#define SFINDS     8

struct sknobs {
    unsigned int registrations, type[4], size, missing /* bit SCALL_..: NULL */, legacy, no_interrupt,
        garbage;
    char vendor[8], device[8];
    unsigned int id_length, device_length; /* of these */
    unsigned int extension, lu_extension, srb_extension, uncached, ranges;
    unsigned int find[SFINDS], again[SFINDS];                                   /* results in a row */
    unsigned int find_forever;                                                  /* FOUND, Again TRUE */
    unsigned int config_srb_extension, late_srb_extension, config_lu_extension; /* 0: as registered */
    unsigned int buses, targets, luns, initiator, scans_down, caches;
    unsigned int tagged, many, auto_sense, map_buffers, master, dma32, dma64, breaks, max_transfer, alignment,
        dma_channel;
    unsigned int interrupt_level;
    unsigned int claim_secondary, initialize_reset, initialize_false, controls /* bits: supported */,
        report_luns, version, queue_bit, type_of[8];
    unsigned int present, lun_mask; /* bits */
    unsigned int reset_target, device_reset, absent_status, events, restart_fails, behind;
    unsigned int which[3]; /* path, target, LUN */
    unsigned int mode, status, scsi_status, reset, busy, room, sense_fails, seconds, both_orders;
    unsigned int return_highest; /* DriverEntry */
};

struct sseen {
    unsigned int count;
    struct scall call[SCALLS_MAX];
    unsigned int checks_failed, first_failed_line;
    unsigned int status[4]; /* of ScsiPortInitialize */
    unsigned int outstanding, outstanding_max, tags_together;
    unsigned int finds, bus_of[SFINDS];
    unsigned int lu_extension_zero; /* bytes */
    unsigned int action;            /* of the last read or write */
    unsigned long long extension_of[SFINDS];
    unsigned int secondary_claimed[SFINDS];
    char argument[64];
};

#define SCONTROL_CODE 0x12345u /* of an SRB_IO_CONTROL that is answered */
#define SDISK_BLOCKS  512u
