/* The ways of tests/guest/probe/atabad.c. */
#pragma once

enum {
    BAD_NOTHING,
    BAD_STALL,      /* 150 ms */
    BAD_STALL_LONG, /* more than an hour */
    BAD_SLOW,       /* 700 ms in StartIo */
    BAD_PORT_READ,  /* the real-time clock's */
    BAD_PORT_WRITE, /* the configuration space's */
    BAD_LOCK_KEPT,  /* StartIo returns with it */
    BAD_LOCK_TWICE,
    BAD_LOCK_LEVEL,    /* KeAcquireSpinLock above DISPATCH_LEVEL */
    BAD_SHORT,         /* success with half of the data */
    BAD_SENSE,         /* AUTOSENSE_VALID without sense data */
    BAD_BEHIND_COMMON, /* a byte behind the uncached extension */
    BAD_BEHIND_DATA,   /* a byte behind a request's data (in a bounce buffer) */
    BAD_FIELDS,        /* function and target of an IRB */
    BAD_FLUSH,         /* a flush is completed before an earlier write */
    BAD_LIST,          /* the list of a request that it has completed */
    BAD_NOTIFICATION,  /* of an unknown type */
    BAD_CALLBACK,      /* likewise */
    BAD_ADDRESS,       /* the physical address of its own stack */
    BAD_COMMON_LATE,   /* AtaPortGetUnCachedExtension in StartIo */
    BAD_POOL,          /* a byte behind a block of the pool */
    BAD_WAIT,          /* waits in StartIo */
    BAD_CLAIM,         /* claims every interrupt and does nothing */
    BAD_AFTER_STOP,    /* completes a request in IdeHwControl(IdeStop) */
    BAD_GREED,         /* nothing: an uncached extension that nobody has memory for, then a small one */
    BAD_PATIENCE,      /* nothing: what is long at a raised IRQL is not at PASSIVE_LEVEL */
    BAD_MODES
};
