/* What the simulated ATA controller and its test agree on. Plain types: both compilers have it. */
#pragma once

enum {
    CALL_NONE,
    CALL_DRIVER_ENTRY,
    CALL_ADAPTER_CONTROL,
    CALL_CHANNEL_ENABLED,
    CALL_TRANSFER_MODE,
    CALL_CHANNEL_INIT,
    CALL_CONTROL,
    CALL_INITIALIZE,
    CALL_BUILDIO,
    CALL_STARTIO,
    CALL_INTERRUPT,
    CALL_RESET,
    CALL_TIMER,
    CALL_WORKER,
    CALL_SYNC,
    CALL_CONTROLLER_SYNC,
};

/* How a request that is no IDENTIFY is dealt with. */
enum {
    DO_COMPLETE,  /* in StartIo */
    DO_INTERRUPT, /* in IdeHwInterrupt */
    DO_WORKER,    /* in a worker routine */
    DO_TIMER,     /* in a timer routine, 2 ms later */
    DO_SYNC,      /* in a synchronized routine */
    DO_NEVER,     /* not; LUN_RESET and IdeHwReset complete it, as ResetMode says */
    DO_TWICE,     /* in StartIo, two times */
    DO_FOREIGN,   /* a copy of the IRB is completed, then the IRB */
    DO_PENDING,   /* completed with IRB_STATUS_PENDING */
    DO_BUSY_ONCE, /* IRB_STATUS_BUSY, then success */
    DO_BUSY_ALWAYS,
    DO_STATUS,        /* in StartIo with Status */
    DO_BUILDIO,       /* in IdeHwBuildIo, with Status */
    DO_SHORT,         /* DATALENGTH_MISMATCH with half of the data */
    DO_LONG,          /* more data than asked for */
    DO_ALL,           /* AtaPortCompleteAllActiveRequests from a worker routine, with Status */
    DO_ALL_INTERRUPT, /* the same from IdeHwInterrupt, where it is forbidden */
    DO_SENSE,         /* a sense IRB is built, filled, released; then DEVICE_ERROR with sense */
    DO_SENSE_TWICE,
    DO_FAULT, /* a wild pointer in StartIo */
    DO_FAULT_INTERRUPT,
    DO_LOOP,  /* for ever in StartIo */
    DO_LEVEL, /* returns at another IRQL */
    DO_WILD,  /* AtaPortCompleteRequest of an address that is not mapped */
    DO_CONTROLLER_SYNC,
    DO_FREED,       /* a wrong extension is passed */
    DO_BUS_CHANGE,  /* AtaPortBusChangeDetected, then success */
    DO_REMOVAL,     /* AtaPortDeviceRemoved of target 0; the request is held until an interrupt */
    DO_POWER,       /* AtaPortRequestPowerStateChange, then success */
    DO_DEVICE_BUSY, /* AtaPortDeviceBusy of the channel for 2 s, then IRB_STATUS_BUSY: once */
    DO_DATA,        /* reads give bytes 0, 1, 2.., writes are to have them; by the list, or at DataBuffer */
    DO_LIBRARY,     /* small routines, and registry routines at the wrong time */
};

enum { RESET_COMPLETES, RESET_LUN_FAILS, RESET_LEAVES, RESET_FALSE };

struct call {
    unsigned char what, irql, processor, channel;
    unsigned int detail;         /* action, function, channel number */
    unsigned long long argument; /* the second one */
};

#define CALLS_MAX 512

struct knobs {
    unsigned int channels, states[8]; /* what AtaControllerChannelEnabled returns */
    unsigned int overlapped, max_target, sync, breaks, max_transfer, dma64, irb_extension, uncached;
    unsigned int present; /* bit t: target t answers IDENTIFY; of all channels */
    unsigned int depth;   /* NumberOfOverlappedRequests that IdeHwInitialize sets; 0: left alone */
    unsigned int mode, status, reset;
    unsigned int false_mask;                                     /* bit CALL_..: that routine returns FALSE */
    unsigned int version, alignment, extension_size, no_routine; /* no_routine: bit CALL_..: NULL */
    unsigned int initialize_twice, map_buffers;
    unsigned int ata_status, ata_error; /* with DO_STATUS */
    unsigned int expect_ahci;           /* the resources are an AHCI controller's */
    unsigned int identify_busy;         /* so often IDENTIFY ends with IRB_STATUS_BUSY */
    unsigned int seconds;               /* what IdeHwBuildIo makes TimeOutValue; 0: left alone */
};

struct seen {
    unsigned int count;
    struct call call[CALLS_MAX];
    unsigned int checks_failed, first_failed_line;
    unsigned int status, second_status; /* of AtaPortInitializeEx */
    unsigned int outstanding, outstanding_max;
    unsigned long long uncached, uncached_physical, irb_extension[64];
    unsigned int irb_extensions, with_results; /* IRBs with IRB_FLAGS_RETURN_RESULTS */
    unsigned char identify_model;
};
