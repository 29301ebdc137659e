/* What the files of the SCSI port share. */
#pragma once
#include "drivers/ddk/scsi.h"
#include "drivers/ddk/scsiport.h"
#include "drivers/loader/device.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/port.h"
#include "drivers/port/core/unit.h"
#include "drivers/port/scsiport/scsiport.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sync/mutex.h"
#include "lib/errno.h"

#define SCSI_TAG           POOL_TAG('s', 'c', 's', 'i')
#define SCSI_REGISTRATIONS 8 /* bus types a driver */
#define SCSI_EXTENSION_MAX (4u << 20)
#define SCSI_TRANSFER_MAX  (1u << 20)
#define SCSI_PIECES_MAX    256u
#define SCSI_SENSE_SIZE    128
#define SCSI_INQUIRY_SIZE  36
#define SCSI_STOP_TIMEOUT  SECONDS(60)
#define SCSI_HASH          64

/* Obligations that a miniport can break and the port can see; each is reported once an adapter. */
enum scsi_rule {
    RULE_S066,          /* no NextRequest */
    RULE_S050,          /* ScsiPortFreeDeviceBase of what is not mapped */
    RULE_S055,          /* ScsiPortGetUncachedExtension again, or of an adapter that is no bus master */
    RULE_S056,          /* SrbExtensionSize grows behind it */
    RULE_S057,          /* a routine of HwFindAdapter's, called elsewhere */
    RULE_S075,          /* ScsiPortGetPhysicalAddress of what is not the port's */
    RULE_S083,          /* HwStartIo returned FALSE */
    RULE_S088,          /* completed with a status that is none */
    RULE_S089,          /* completed twice */
    RULE_S090,          /* completed what it was not sent */
    RULE_S094,          /* SRB_STATUS_QUEUE_FROZEN set */
    RULE_S099,          /* NextLuRequest with an untagged request out */
    RULE_S113,          /* requests left after HwResetBus */
    RULE_S115,          /* HwResetBus returned FALSE */
    RULE_S124,          /* DMA of a system controller's */
    RULE_LENGTH,        /* more transferred than asked for */
    RULE_SENSE,         /* sense data said to be valid that are none */
    RULE_CANARY,        /* bytes behind what a device or driver may write are changed */
    RULE_FIELDS,        /* what a miniport must not change in an SRB */
    RULE_FLUSH,         /* flushed, with an earlier write still out */
    RULE_CONFIGURATION, /* values in a configuration that cannot be */
    SCSI_RULES
};

/* What one ScsiPortInitialize registered. [I] */
struct scsi_registration {
    HW_INITIALIZATION_DATA hw;
    char vendor[5], device[5]; /* of PCI, as its texts have them; "": any */
    void *context;
    bool is_legacy; /* it looks for its adapters itself (S-009) */
};

struct scsi_driver {
    struct driver *driver;
    uint32_t count;
    struct scsi_registration registration[SCSI_REGISTRATIONS];
};

struct scsi_hba;

/* In front of every device extension, aligned to EXTENSION_ALIGN, so that its first two members are in one page: tells whose it
 * is. */
#define SCSI_EXTENSION_MAGIC UINT64_C(0x6e6f697453435349)
struct scsi_extension {
    uint64_t magic;
    struct scsi_extension *self;
    struct scsi_hba *hba;
    uint64_t reserved;
    uint8_t bytes[];
};

/* One SRB with what belongs to it, where the device can reach it. */
struct scsi_slot {
    SCSI_REQUEST_BLOCK srb;
    uint8_t sense[SCSI_SENSE_SIZE] __attribute__((aligned(64)));
    const struct request_data *data; /* of the request; NULL: none */
    struct data_cursor cursor;       /* behind the run that was asked for last */
    uint64_t run_pa;                 /* that run */
    uint32_t run_offset, run_size;
    int32_t bounce; /* number of its buffer; -1: none */
    uint32_t room;  /* bytes that the device may write to the data */
};

enum scsi_phase { IO_COMMAND, IO_SENSE };

/* One request, in scsi_request.room. */
struct scsi_io {
    struct request r;
    struct scsi_request *s;
    struct scsi_unit *unit;
    struct request_data data;
    uint64_t deadline;  /* of trying again while the unit is busy */
    uint8_t phase;      /* enum scsi_phase */
    uint8_t status;     /* SrbStatus that is given back, with its bits */
    uint8_t sense_kept; /* IO_SENSE: SrbStatus that the command ended with */
    bool wants_sense;   /* its unit is held for it */
};
_Static_assert(sizeof(struct scsi_io) <= SCSI_ROOM, "room of a request");

/* [I] fixed   [a] atomic   [i] bus->isr_lock */
struct scsi_unit {
    struct scsi_unit *next; /* [a] of the same hash */
    struct scsi_hba *hba;
    struct unit *unit;
    void *extension;      /* [I] SpecificLuExtensionSize zeroed bytes (S-077); NULL: 0 */
    uint32_t tagged;      /* [a] commands get tags */
    uint32_t untagged;    /* [a] slot + 1 of the untagged request that is out; 0: none */
    uint32_t depth_max;   /* [I] */
    uint32_t good;        /* [a] in a row since the depth was lowered */
    bool claimed;         /* [a] S-122 */
    bool is_new, is_here; /* the scan's */
    bool busy;            /* [a] it is let go on by the hba's busy timer */
    uint8_t inquiry[SCSI_INQUIRY_SIZE];
};

enum hba_phase { HBA_NONE, HBA_FINDING, HBA_STARTING, HBA_RUNNING, HBA_RECONFIGURING, HBA_STOPPED };

/* [I] once started   [a] atomic   [i] bus->isr_lock */
struct scsi_hba {
    struct adapter *adapter;
    struct bus *bus;
    const struct scsi_registration *registration;
    struct scsi_extension *extension;
    PORT_CONFIGURATION_INFORMATION config;
    ACCESS_RANGE *ranges;
    uint8_t phase; /* [a] enum hba_phase */
    bool stopping; /* [a] */
    bool is_own;   /* [I] its driver has found it, or it has no device: it goes with its driver */
    bool is_mapped /* its miniport reads the data: S-074 */, may_tag, many;
    uint32_t max_bytes, max_pieces;
    bool supported[ScsiAdapterControlMax]; /* S-065 */
    void *bus_data;                        /* S-053 */
    struct dma_buffer uncached, extensions, slot_memory;
    uint32_t uncached_size, extension_size /* of an SRB */, extensions_size;
    bool uncached_asked;
    uint32_t slot_count;
    struct scsi_slot *slots;
    struct scsi_unit *hash[SCSI_HASH]; /* [a] */
    /* notify.c */
    PHW_TIMER timer_routine; /* [a] */
    uint64_t timer_at;       /* [a] */
    struct timer timer;
    struct dpc timer_dpc;
    PHW_INTERRUPT enable_routine, disable_routine; /* [a] */
    bool deferred;                                 /* [i] the miniport works without its interrupt (S-104) */
    struct dpc defer_dpc;
    uint32_t changed; /* [a] bits: paths to look at again */
    struct dpc changed_dpc;
    /* recover.c */
    struct timer settle, busy_timer;
    struct dpc settle_dpc;
    uint32_t resetting; /* [a] bits: paths that wait after a reset */
    uint32_t refused;   /* [a] bits: paths whose HwResetBus returned FALSE */
    struct timer device_timer;
    struct scsi_unit *device;         /* [a] whose target is reset; NULL: none is */
    struct scsi_request device_reset; /* that request */
    /* scan.c */
    struct mutex scanning; /* units come and go */
    struct work rescan;
    bool said[SCSI_RULES];
};

extern const struct port_face scsi_face;

/* Call a miniport's routine by its name for reports; as gate_call(). */
static inline int
scsi_call(struct scsi_hba *h, const char *routine, const void *function, uint64_t b, uint64_t *result)
{
    return gate_call(&h->adapter->gate, routine, function, GATE_ARGUMENTS((uintptr_t)h->extension->bytes, b),
                     result);
}
/* hba.c: the same at the interrupt's level with its lock held. IRQL: <= that level */
int scsi_call_locked(struct scsi_hba *h, const char *routine, const void *function, uint64_t b,
                     uint64_t *result);

/* Which adapter an extension that a miniport passed is of; ends the miniport's call if it is none. Any IRQL. */
static inline struct scsi_hba *
scsi_hba_of(const void *extension)
{
    const struct scsi_extension *e =
        (const struct scsi_extension *)((const char *)extension - sizeof(struct scsi_extension));

    guard_touch(e);
    if ((uintptr_t)e % EXTENSION_ALIGN || e->magic != SCSI_EXTENSION_MAGIC || e->self != e)
        guard_stop("passed %p, which is no device extension of the port's", extension);
    return e->hba;
}

/* A rule was broken and survived. Any IRQL. */
#define scsi_violation(h, rule, ...) adapter_violation((h)->adapter, &(h)->said[rule], __VA_ARGS__)

/* hba.c: an adapter for a device (both NULL: none), with its zeroed extension. 0 or -errno and why. PASSIVE_LEVEL, all */
int scsi_hba_new(const struct scsi_driver *d, const struct scsi_registration *r, const struct device *dev,
                 struct scsi_hba **out, char *why);
/* After HwFindAdapter has found it: interrupt, HwInitialize. Undone by scsi_hba_end(). */
int scsi_hba_start(struct scsi_hba *h, char *why);
/* HwInitialize alone. */
int scsi_initialize(struct scsi_hba *h, char *why);
/* Nothing but requests goes to the miniport any more. */
void scsi_quiet(struct scsi_hba *h);
/* Memory that miniport and device share. */
void scsi_memory_free(struct scsi_hba *h);
/* From now on its units are there. */
void scsi_hba_run(struct scsi_hba *h);
void scsi_hba_end(struct scsi_hba *h); /* stops it and frees all */
int scsi_hba_add(struct driver *d, void *data, const struct device *dev, char *why);
int scsi_hba_remove(struct driver *d, void *data, const struct device *dev, char *why);
/* restart.c */
int scsi_hba_restart(struct driver *d, void *data, const struct device *dev, char *why);
/* HwAdapterControl, if it is supported. Returns whether it was and succeeded. */
bool scsi_adapter_control(struct scsi_hba *h, SCSI_ADAPTER_CONTROL_TYPE type);

/* find.c: PASSIVE_LEVEL. scsi_find(): HwFindAdapter once; keep: with the configuration that `from` was left with (S-033).
 * Returns SP_RETURN_.., or -EIO: the gate is closed. */
int scsi_find(struct scsi_hba *h, const struct scsi_hba *from, uint32_t bus_number, bool *again);
/* What was found is taken over: limits, memory. 0 or -errno and why. */
int scsi_config_take(struct scsi_hba *h, char *why);
/* The memory that its device can address, by the configuration as it is now (S-056). */
void scsi_reach_take(struct scsi_hba *h);
/* A legacy driver's adapters (S-008). Returns an NTSTATUS. */
NTSTATUS scsi_search(const struct scsi_driver *d, const struct scsi_registration *r);
/* What a result of HwFindAdapter says, and the NTSTATUS that it stands for. */
void scsi_find_text(const struct scsi_hba *h, int result, char *why);
NTSTATUS scsi_find_status(int result);

/* resources.c: what HwFindAdapter has left over is freed. */
void scsi_bus_data_free(struct scsi_hba *h);
/* Memory for SRB extensions, instead of what there is. */
int scsi_extensions_make(struct scsi_hba *h, uint32_t size);
void scsi_extensions_free(struct scsi_hba *h);

/* srb.c. scsi_request_complete(): the miniport's call; any IRQL */
void scsi_request_complete(struct scsi_hba *h, SCSI_REQUEST_BLOCK *srb);
void scsi_issue(struct bus *b, struct request *r);
bool scsi_completed(struct bus *b, struct request *r);
/* The slot of an SRB that a miniport passed; -1: it is none of this adapter's. Any IRQL. */
int scsi_slot_of(const struct scsi_hba *h, const SCSI_REQUEST_BLOCK *srb);
/* Complete all that is out of a path, target and LUN (0xff: all) with a status. Any IRQL. Returns how many. */
unsigned scsi_complete_all(struct scsi_hba *h, uint8_t path, uint8_t target, uint8_t lun, uint8_t status);
static inline struct scsi_io *
scsi_io_of(const struct bus *b, uint32_t slot)
{
    return container_of(b->slots[slot].request, struct scsi_io, r);
}

/* send.c: as unit_send(). scsi_queue(): to the miniport; passes: HOLD_.. that are none for it. <= DISPATCH_LEVEL */
int scsi_send(struct unit *u, struct scsi_request *s);
void scsi_queue(struct scsi_unit *u, struct scsi_request *s, uint8_t passes);

/* address.c: <= DISPATCH_LEVEL */
enum data_mapping scsi_data_map(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s);
void scsi_data_unmap(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s);

/* verify.c: what a miniport did while it had a request, or its memory; the answer is corrected. <= DISPATCH_LEVEL */
void scsi_verify_answer(struct scsi_hba *h, struct scsi_io *io, struct scsi_slot *s);
void scsi_verify_memory(struct scsi_hba *h);

/* notify.c. scsi_notify_stop(): no routine that was asked for is called any more; scsi_rescan_stop(): nor is a scan under way that
 * was. PASSIVE_LEVEL */
void scsi_notify_init(struct scsi_hba *h);
void scsi_notify_stop(struct scsi_hba *h);
void scsi_rescan_stop(struct scsi_hba *h);

/* recover.c. scsi_reset(): HwResetBus and the time after it. <= DISPATCH_LEVEL. scsi_settle(): the miniport has seen a reset */
void scsi_recover_init(struct scsi_hba *h);
void scsi_recover_stop(struct scsi_hba *h);
void scsi_timed_out(struct bus *b, struct request *r);
void scsi_starved(struct bus *b, uint32_t seconds);
void scsi_reset(struct scsi_hba *h, uint8_t path);
void scsi_settle(struct scsi_hba *h); /* any IRQL */
void scsi_busy(struct scsi_unit *u);  /* <= DISPATCH_LEVEL: it is held for a moment */

/* scan.c: PASSIVE_LEVEL. scsi_scan(): bits: paths. Units by their address: any IRQL */
void scsi_scan(struct scsi_hba *h, uint32_t paths);
void scsi_units_free(struct scsi_hba *h);
struct scsi_unit *scsi_unit_find(const struct scsi_hba *h, uint8_t path, uint8_t target, uint8_t lun);
