/* What the files of the ATA port share. */
#pragma once
#include "drivers/port/ataport/ataport.h"
#include "drivers/port/ataport/sat.h"
#include "drivers/loader/driver.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sync/mutex.h"
#include "lib/errno.h"

#define ATA_TAG             POOL_TAG('a', 't', 'a', 'p')
#define ATA_CHANNELS_MAX    PORT_BUSES_MAX
#define ATA_TARGETS_MAX     16
#define ATA_TAGS_MAX        254
#define ATA_SG_MAX          256 /* elements of a list at most, whatever a miniport allows */
#define ATA_TRANSFER_MAX    (1u << 20)
#define ATA_EXTENSION_MAX   (4u << 20)
#define ATA_LOW_MEMORY      UINT64_C(0x100000000)
#define ATA_DEFAULT_CHANNEL "ide.sys" /* whose channels serve controllers without their own */
#define ATA_STOP_TIMEOUT    SECONDS(60)

/* Obligations that a miniport can break and the port can see; each is reported once an adapter. */
enum ata_rule {
    RULE_A060,          /* AtaPortGetUnCachedExtension outside of IdeHwControl(IdeStart), or again */
    RULE_A087,          /* completed with IRB_STATUS_PENDING */
    RULE_A088,          /* completed twice, or what it was not sent */
    RULE_A089,          /* more transferred than asked for */
    RULE_A093,          /* status bits of the port's */
    RULE_A095,          /* complete-all or busy in IdeHwInterrupt */
    RULE_A098,          /* a second sense IRB of a unit */
    RULE_A106,          /* registry routines at the wrong time */
    RULE_A112,          /* AtaPortGetDeviceBase outside of the assigned ranges */
    RULE_A118,          /* device parameters that cannot be */
    RULE_A125,          /* requests left after IdeHwReset */
    RULE_A080,          /* the list of a request that is not out */
    RULE_A092,          /* sense data said to be valid that are none */
    RULE_CANARY,        /* bytes behind what a device or driver may write are changed */
    RULE_FIELDS,        /* what a miniport must not change in an IRB */
    RULE_FLUSH,         /* flushed, with an earlier write still out */
    RULE_ADDRESS,       /* AtaPortGetPhysicalAddress of what is not the port's */
    RULE_CONFIGURATION, /* values in a configuration that cannot be */
    ATA_RULES
};

struct ata_driver { /* what AtaPortInitializeEx registered */
    IDE_CONTROLLER_INTERFACE interface;
};

struct ata_channel;

/* In front of every extension: tells whose it is. */
struct ata_extension {
    uint64_t magic;
    struct ata_extension *self;
    struct ata_controller *controller;
    struct ata_channel *channel; /* NULL: the controller's */
    uint8_t bytes[];
};

struct ata_controller {
    struct adapter *adapter;
    const struct ata_driver *driver;
    const struct ata_driver *channels; /* whose channel routines are called; the same, or: */
    struct driver *channels_from;      /* the default's, with a reference */
    struct ata_extension *extension;
    IDE_CONTROLLER_CONFIGURATION configuration;
    IDE_MINIPORT_RESOURCES resources;
    IDE_ACCESS_RANGE ranges[PORT_RANGES];
    uint32_t alignment_mask; /* */
    uint32_t sg_max;         /* elements of a list */
    bool dma64, mapping;     /* mapping: AtaPortGetDeviceBase may map now */
    struct ata_channel *channel[ATA_CHANNELS_MAX];
    bool said[ATA_RULES];
    bool stopping;
};

enum ata_phase { PHASE_NONE, PHASE_INIT, PHASE_START, PHASE_RUNNING, PHASE_STOP };

/* One IRB with what belongs to it. */
struct ata_slot {
    IDE_REQUEST_BLOCK irb;
    uint8_t sense[ATA_SENSE_SIZE];
    void *base;                 /* DataBuffer as sent */
    bool is_mapped;             /* it may be read and written there */
    int32_t bounce;             /* number of its buffer; -1: none */
    IDE_SCATTER_GATHER_LIST sg; /* ata_channel.sg_max elements follow */
};

struct ata_unit {
    struct unit *unit;
    IDENTIFY_DEVICE_DATA *identify;
    IDE_DEVICE_PARAMETERS parameters;
    struct sat_device sat; /* of an ATA device */
    struct dma_buffer sense_data;
    IDE_REQUEST_BLOCK sense_irb;
    IDE_REQUEST_BLOCK *sense_for; /* [a] the IRB that failed; NULL: free */
    struct ata_request reset;     /* LUN_RESET */
    bool resetting;               /* [a] */
    bool dma, modes_set, announced;
    bool removed;           /* [a] the miniport says that it has gone */
    bool channel_was_reset; /* instead, as the LUN_RESET itself took too long */
};

struct ata_tags {
    uint8_t max; /* 0: not initialized */
    uint64_t used[4];
};

/* [I] from its start on   [a] atomic */
struct ata_channel {
    struct ata_controller *controller;
    struct bus *bus;
    uint32_t number;
    struct ata_extension *extension;
    IDE_ACCESS_RANGE ranges[PORT_RANGES]; /* of the channel */
    IDE_MINIPORT_RESOURCES resources;
    IDE_CHANNEL_INTERFACE interface;
    IDE_CHANNEL_CONFIGURATION configuration;
    uint8_t phase;          /* [a] enum ata_phase */
    uint32_t interrupt_cpu; /* [a] processor + 1 that is in IdeHwInterrupt */
    uint32_t depth;
    uint32_t slot_count;
    size_t slot_size;
    uint8_t *slots; /* slot_count of struct ata_slot */
    struct dma_buffer uncached, irb_extensions;
    bool uncached_asked;
    uint32_t uncached_size, irb_pool_size; /* bytes asked for; canaries follow */
    uint32_t irb_extension_size;
    struct ata_unit *unit[ATA_TARGETS_MAX];
    struct ata_tags channel_tags, tags[ATA_TARGETS_MAX];
    void *registry_buffer; /* */
    /* callbacks (callback.c) */
    IDE_HW_DPC timer_routine, worker_routine, sync_routine, controller_routine; /* [a] */
    uint64_t timer_at;                                                          /* [a] */
    struct timer timer;
    struct dpc timer_dpc, worker_dpc, sync_dpc, controller_dpc;
    struct mutex detecting; /* unit[] changes */
    struct work rescan, power;
    struct dpc rescan_dpc, power_dpc;
    uint8_t power_target;  /* [a] of the last AtaPortRequestPowerStateChange */
    uint8_t power_desired; /* [a] IDE_POWER_STATE */
};

extern const struct port_face ata_face;

/* Call a miniport's routine; its name for reports. As gate_call(). *al: the BOOLEAN it returned (may be NULL). */
int ata_call(struct ata_controller *c, const char *routine, const void *function, uint64_t a, uint64_t b,
             uint64_t d, uint8_t *al);

/* The same for a channel with IRQL and lock as SyncWithIsr has it: at the interrupt's level, its lock held; or
 * DISPATCH_LEVEL. IRQL: <= DISPATCH_LEVEL. */
int ata_call_synchronized(struct ata_channel *ch, const char *routine, const void *function, uint64_t b,
                          uint64_t d, uint8_t *al);
/* Always at the interrupt's level with the channel's lock. */
int ata_call_at_interrupt(struct ata_channel *ch, const char *routine, const void *function);

/* What an extension that a miniport passed belongs to; ends the miniport's call if it is none. Any IRQL. */
struct ata_controller *ata_controller_of(const void *extension);
struct ata_channel *ata_channel_of(const void *extension); /* NULL: it is a controller's */

/* A rule was broken and survived. Any IRQL. */
#define ata_violation(c, rule, ...) adapter_violation((c)->adapter, &(c)->said[rule], __VA_ARGS__)

/* `size` zeroed bytes in e->bytes; NULL: no memory, or too large. PASSIVE_LEVEL. */
struct ata_extension *ata_extension_new(struct ata_controller *c, struct ata_channel *ch, uint32_t size);

/* controller.c */
int ata_controller_add(struct driver *d, void *data, const struct device *dev, char *why);
int ata_controller_remove(struct driver *d, void *data, const struct device *dev, char *why);

/* channel.c: PASSIVE_LEVEL */
int ata_channel_new(struct ata_controller *c, uint32_t number);
int ata_channel_start(struct ata_channel *ch); /* and its devices */
void ata_channel_stop(struct ata_channel *ch);
void ata_channel_power_down(struct ata_channel *ch); /* its devices first */
void ata_channel_free(struct ata_channel *ch);

/* modes.c: sets of PIO_MODE0 and so on. ata_modes_select(): for devices that were found. PASSIVE_LEVEL */
uint32_t ata_modes_supported(const IDENTIFY_DEVICE_DATA *d);
uint32_t ata_modes_current(const IDENTIFY_DEVICE_DATA *d);
void ata_modes_select(struct ata_channel *ch);

/* detect.c */
void ata_detect(struct ata_channel *ch);
void ata_unit_forget(struct ata_channel *ch, struct ata_unit *u);

/* address.c: <= DISPATCH_LEVEL. DATA_CANNOT: it is not within the miniport's limits, and no buffer is that large. */
enum data_mapping ata_data_map(struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s);
/* The data went through a buffer: give it back, with what was read. */
void ata_data_unmap(struct ata_channel *ch, const struct ata_request *a, struct ata_slot *s,
                    uint32_t transferred);
/* For one more unit; is_pio: its data are to be seen in one piece. Returns: the bytes that its requests may have, at most `most`.
 * PASSIVE_LEVEL */
uint32_t ata_bounce_reserve(struct ata_channel *ch, bool is_pio, uint32_t most);

/* irb.c */
void ata_issue(struct bus *b, struct request *r);
bool ata_completed(struct bus *b, struct request *r);
/* The slot of an IRB that a miniport passed; -1: it is none of this channel's. Any IRQL. */
int ata_slot_of(const struct ata_channel *ch, const IDE_REQUEST_BLOCK *irb);
/* Where in the channel's memory: NULL if it is too small. */
static inline struct ata_slot *
ata_slot(const struct ata_channel *ch, uint32_t n)
{
    return n < ch->slot_count ? (struct ata_slot *)(void *)(ch->slots + n * ch->slot_size) : NULL;
}
/* Complete all that is out of a target and LUN (0xff: all) with a status. Any IRQL. Returns how many. */
unsigned ata_complete_all(struct ata_channel *ch, uint8_t target, uint8_t lun, uint8_t status);

/* verify.c: what a miniport did while it had a request, or its memory. Reports; the answer is corrected. <= DISPATCH_LEVEL */
void ata_verify_answer(struct ata_channel *ch, struct ata_request *a, struct ata_slot *s);
void ata_verify_memory(struct ata_channel *ch);

/* scsi.c: as unit_send(). */
int ata_scsi_send(struct unit *u, struct scsi_request *s);

/* recover.c */
void ata_timed_out(struct bus *b, struct request *r);

/* notify.c */
void ata_notify_init(struct ata_channel *ch);
void ata_notify_stop(struct ata_channel *ch); /* none of its work runs any more. PASSIVE_LEVEL */

/* callback.c */
void ata_callbacks_init(struct ata_channel *ch);
void ata_callbacks_stop(struct ata_channel *ch); /* none runs any more. PASSIVE_LEVEL */
