/*
 * The engine under the three port faces: adapters, their buses (ATA channels, SCSI paths), the units on them, and the way
 * of a request from its submission to its completion.
 *
 *   adapter   what a driver serves: resources, the interrupt, a gate; one struct for a controller
 *   bus       requests of its units share slots and an interrupt lock; a face numbers them from 0
 *   unit      target and LUN: its own queue, its own depth, its own reasons to wait
 *   request   waits in its unit's queue, gets a slot, is issued by the face, is completed, is done: once
 *
 * A slot's state is one atomic byte, so that of two who complete it (the miniport twice, a late interrupt and a timeout)
 * exactly one wins. What a miniport completes is only noted there, at any IRQL; a DPC on the processor that submitted ends
 * it. So nothing recurses, and no lock of the engine is taken below a miniport's.
 *
 * Simplifications:
 *   1. A bus has at most PORT_SLOTS requests at its miniport; more wait.
 *   2. Time is counted in whole seconds, by a timer that runs only while a bus has requests out.
 *
 * Locks: bus->lock (DISPATCH_LEVEL), then bus->isr_lock (the interrupt's level). Never the other way.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "drivers/loader/gate.h"
#include "drivers/port/core/data.h"
#include "kernel/cpu/irq.h"
#include "kernel/mem/dma.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/event.h"
#include "kernel/sync/spin.h"
#include "kernel/sync/timer.h"
#include "kernel/sync/work.h"
#include "lib/list.h"

#define PORT_SLOTS                256
#define PORT_SLOT_WORDS           (PORT_SLOTS / 64)
#define PORT_RESERVED             8 /* slots at the end that a face uses for itself (sense, resets) */
#define PORT_DEPTH_MAX            (PORT_SLOTS - PORT_RESERVED)
#define PORT_BUSES_MAX            32
#define PORT_RANGES               9 /* BARs, and ISA addresses beside them */
#define PORT_LINES                2
#define PORT_DEVICE_EXTENSION_MAX (64u << 20) /* bytes of a miniport's device extension */
#define PORT_LOG                  16
#define PORT_TEXT                 120
#define UNIT_NAME                 26

struct adapter;
struct bus;
struct unit;
struct request;
struct scsi_request;
struct unit_watcher;
struct device;

enum request_flags {
    REQUEST_FIRST = 1, /* ahead of those that wait */
};

/* [I] the submitter's, until done   [q] bus->lock */
struct request {
    struct list link;  /* [q] unit->waiting */
    struct unit *unit; /* [I] */
    uint32_t seconds;  /* [I] it may be at the miniport; 0: without limit */
    uint8_t flags;     /* [I] enum request_flags */
    uint8_t passes; /* [I] HOLD_..: reasons to wait that are none for it; not 0: no limits of depth either */
    bool retried;   /* the face's */
    uint8_t status; /* of the face, when done */
    int error; /* 0, or -errno of the engine: it has not been (or could not be) completed by the miniport */
    uint32_t cpu;  /* where it was submitted */
    uint32_t slot; /* while it is issued */
    void (*done)(
        struct request *r); /* [I] DISPATCH_LEVEL, no lock held; the request is the submitter's again */
};

/* TAKEN: on its way to the miniport, which cannot complete it yet; ISSUED: the miniport has it. */
enum slot_state { SLOT_FREE, SLOT_TAKEN, SLOT_ISSUED, SLOT_COMPLETED };

struct slot {
    uint8_t state;    /* [a] enum slot_state */
    bool timed_out;   /* [q] recovery has begun for it */
    bool reporting;   /* [a] the face is told so, and the request stays */
    uint32_t seconds; /* [q] left; 0: no limit */
    uint32_t order;   /* of being issued */
    struct request *request;
};

/* What a face does for the engine. All at DISPATCH_LEVEL without locks unless it says otherwise. */
struct port_face {
    const char *name; /* "ataport" */
    bool messages;    /* its miniports work as well when their device interrupts by messages (MSI, MSI-X) */
    /* A SCSI request, as unit_send() (unit.h). <= DISPATCH_LEVEL */
    int (*send)(struct unit *u, struct scsi_request *s);
    /* Hand it to the miniport; r->slot is set, and SLOT_TAKEN: bus_slot_start() just before. */
    void (*issue)(struct bus *b, struct request *r);
    /* It was completed: say how, in r->status. Returns true: done; false: the face has submitted it again. */
    bool (*completed)(struct bus *b, struct request *r);
    /* A request is over its time. The unit is held; the face releases it when it has recovered (unit_release()). */
    void (*timed_out)(struct bus *b, struct request *r);
    /* Its miniport has nothing, and has asked for nothing for so long. NULL: this face's buses are not paced */
    void (*starved)(struct bus *b, uint32_t seconds);
    /* The gate is closed: nothing of this adapter comes any more. PASSIVE_LEVEL. The engine then fails what is left. */
    void (*failed)(struct adapter *a);
    /* An interrupt, of the adapter's n-th line (most have one). The line's level. Returns: it was this adapter's */
    bool (*interrupt)(struct adapter *a, uint32_t n);
    /* Stop the miniport, with no request out. PASSIVE_LEVEL. Not called once the gate is closed. */
    void (*stop)(struct adapter *a);
    /* The power goes: the same, and devices, buses and the adapter are told. With no request out. PASSIVE_LEVEL */
    void (*power_down)(struct adapter *a);
    /* Look for units that came or went; returns when that is done. PASSIVE_LEVEL. NULL: cannot */
    void (*rescan)(struct adapter *a);
    /* Free what the face has for the adapter. PASSIVE_LEVEL. */
    void (*destroy)(struct adapter *a);
};

/* Reasons to wait. PACE is the engine's own, on a bus that is paced: its miniport has not asked for more. */
enum {
    HOLD_BUSY = 1,
    HOLD_RECOVERY = 2,
    HOLD_STOP = 4,
    HOLD_BOUNCE = 8,
    HOLD_FROZEN = 16, /* the sender is to release the queue */
    HOLD_LOCKED = 32, /* the sender has locked it */
    HOLD_SENSE = 64,  /* sense data is fetched */
    HOLD_PACE = 128,
    HOLD_ALL = HOLD_PACE - 1, /* for request.passes: all but PACE */
};

/* [I] fixed   [q] bus->lock   [a] atomic */
struct unit {
    struct list link;                   /* [q] bus->units */
    struct list ready;                  /* [q] bus->ready, while something waits */
    struct bus *bus;                    /* [I] */
    uint8_t path, target, lun;          /* [I] */
    uint8_t type;                       /* [I] once announced: of peripheral device (SPC-4, 6.4.2) */
    char name[UNIT_NAME];               /* [I] likewise: vendor and product */
    uint32_t depth;                     /* [a] requests at the miniport at once */
    uint32_t active;                    /* [q] */
    uint32_t holds;                     /* [a] HOLD_.. */
    uint32_t busy_seconds;              /* [a] until HOLD_BUSY ends by itself */
    bool gone;                          /* [q] new requests fail */
    struct list waiting;                /* [q] oldest first */
    uint64_t requests, errors;          /* [a] */
    void *face_data;                    /* [I] */
    uint32_t max_bytes, max_pieces;     /* [I] of a request, once announced */
    const struct unit_watcher *watcher; /* [I] once announced: who was told (unit.h) */
    void *class_word;                   /* [a] its word */
};

struct bus_cpu {
    struct bus *bus;
    struct dpc dpc;
    uint64_t completed[PORT_SLOT_WORDS]; /* [a] slots that this processor's DPC ends */
};

struct bus {
    struct adapter *adapter; /* [I] */
    uint32_t number;         /* [I] */
    spinlock_t lock;
    spinlock_t isr_lock;   /* at irq_level */
    uint8_t irq_level;     /* [I] once connected */
    uint8_t line;          /* [I] which of the adapter's lines interrupts for it */
    struct list units;     /* [q] */
    struct list ready;     /* [q] struct unit.ready: round robin */
    uint32_t depth;        /* [a] */
    uint32_t active;       /* [q] slots issued; read without */
    bool paced;            /* [I] a request is issued when the miniport has asked for one (bus_next()) */
    uint32_t starved;      /* seconds that requests wait though nothing is out; the timer's */
    uint32_t holds;        /* [a] HOLD_.. */
    uint32_t busy_seconds; /* [a] */
    uint64_t used[PORT_SLOT_WORDS]; /* [q] */
    struct slot slots[PORT_SLOTS];
    struct bounce_pool bounce;
    struct timer second;                    /* while active */
    struct bus_cpu *cpus;                   /* [I] cpu_count() of them */
    struct dpc run_dpc;                     /* bus_kick() */
    bool ticking;                           /* [q] the timer is set */
    bool started, dead;                     /* [q] */
    uint64_t issued, completed, interrupts; /* [a] */
    uint32_t idle_claims; /* [a] interrupts claimed since anything was issued or completed */
    void *face_data;      /* [I] */
};

/* A range of registers that the device has. */
struct port_range {
    uint64_t start, size;
    bool in_memory;
    uint8_t bar;
    uint32_t users; /* times that adapter_map() has given it out */
    void *va;       /* mapped; NULL: not yet */
};

struct adapter_line {
    struct irq line;
    struct adapter *adapter;
    bool connected;
};

enum adapter_state { ADAPTER_NEW, ADAPTER_STARTED, ADAPTER_FAILED, ADAPTER_STOPPED };

struct adapter {
    struct list link;             /* the adapters' mutex */
    char name[16];                /* [I] "ata0" */
    const struct port_face *face; /* [I] */
    struct driver *driver;        /* [I] */
    struct pci_device *pci;       /* [I] one of the two; both NULL: it has none, or is simulated */
    struct isa_device *isa;       /* [I] */
    bool searching;               /* its driver looks for a device: adapter_take() */
    bool found;                   /* [I] once connected: pci or isa is what its driver has found */
    int line;                     /* [I] once connected: ISA's, of an adapter without device; -1: none */
    struct gate gate;
    uint8_t state;        /* [a] enum adapter_state */
    uint32_t range_count; /* [I] */
    struct port_range range[PORT_RANGES];
    struct dma_limits dma; /* [I] once started */
    struct adapter_line irq[PORT_LINES];
    uint32_t irq_count;         /* [I] once connected: lines, or 1 */
    struct irq_message message; /* of a simulated adapter */
    uint32_t bus_count;         /* [I] once started */
    struct bus *bus[PORT_BUSES_MAX];
    struct dpc fail_dpc;
    struct work fail_work;
    spinlock_t log_lock;
    struct {
        uint64_t time;
        char text[PORT_TEXT];
    } log[PORT_LOG];    /* [l] log_lock: the last errors, as a ring */
    uint32_t log_count; /* [l] */
    void *face_data;    /* [I] */
};

/* ---- adapters (adapter.c). PASSIVE_LEVEL unless it says otherwise. ---- */

/* Boot, once. */
void port_init(void);

/* A new adapter, with the ranges of its device (claimed here), NULL: none. Returns 0 or -errno and why[DRIVER_WHY]. */
int adapter_new(const struct port_face *face, struct driver *d, const struct device *dev, const char *prefix,
                struct adapter **out, char *why);
/* Undo adapter_new() and all that was added: frees buses, mappings, the interrupt, the claim. Nothing is active. */
void adapter_free(struct adapter *a);

/* From now on face->interrupt may be called. MSI-X or MSI if function and face have it, else its line; an IDE controller
 * in compatibility mode has ISA's two. Its buses exist. Returns 0 or -errno. */
int adapter_connect(struct adapter *a);
void adapter_disconnect(struct adapter *a);

/* The range of the device that holds these bytes, mapped; ports: their number. NULL: none. PASSIVE_LEVEL, both.
 * adapter_unmap(): false: it was not mapped. */
void *adapter_map(struct adapter *a, uint64_t start, uint64_t size);
bool adapter_unmap(struct adapter *a, const void *base);

/*
 * For a driver that looks for its devices itself (a->searching): claim whatever has these addresses: on PCI a function,
 * else an ISA device, or ports that are nobody's. It is given back with the last adapter_unmap(). The two channels of an IDE
 * controller in compatibility mode may be two adapters of one driver's.
 * Returns: 0: it has them, or (adapter_may_take()) could; -EBUSY: somebody else has; -ENODEV: there is nothing; -EACCES: it
 *          does not search; -ENOSPC. PASSIVE_LEVEL
 */
int adapter_may_take(struct adapter *a, uint64_t start, uint64_t size, bool in_memory, bool on_pci);
int adapter_take(struct adapter *a, uint64_t start, uint64_t size, bool in_memory, bool on_pci);

/*
 * Zeroed memory of a miniport's own, up to the end of a page behind which there is none: who writes behind it (more than what aligns
 * it) faults. PASSIVE_LEVEL. NULL: no memory
 */
#define EXTENSION_ALIGN 16u
void *port_extension_alloc(size_t size);
void port_extension_free(void *extension);

/* Why a driver's registration is refused, into the kernel's log; of the driver that is being called. The text ends with the rule. */
void port_refuse(const char *routine, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Into the error log, and into the kernel's. Any IRQL. */
void adapter_log(struct adapter *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The miniport broke a rule of its contract: counted, and told once (*said is its mark). The text ends with the rule. Any IRQL. */
void adapter_violation(struct adapter *a, bool *said, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Requests drain (at most `timeout` ns), the face stops its miniport. Returns 0 or -ETIMEDOUT: it was stopped the hard way. */
int adapter_stop(struct adapter *a, uint64_t timeout);
int adapter_power_down(struct adapter *a, uint64_t timeout); /* likewise; it is not started again */
/* Every unit is told to write its cache (SYNCHRONIZE CACHE, SRB_FUNCTION_FLUSH, SRB_FUNCTION_SHUTDOWN), unless its adapter
 * has failed. No unit comes or goes meanwhile. PASSIVE_LEVEL */
void adapter_flush(struct adapter *a);
/* Look for units of an adapter ("all": of each) that came or went. PASSIVE_LEVEL. Returns 0 or -ENODEV: no such adapter */
int adapters_rescan(const char *name);
/* Before the power goes or the machine starts anew: adapter_flush(), and every adapter is stopped. Again: nothing is left
 * to do. PASSIVE_LEVEL. */
void ports_shutdown(void);

/* PASSIVE_LEVEL, both; show() must not add or free adapters. adapter_of(): NULL: there is none. */
void adapters_for_each(void (*show)(void *context, struct adapter *a), void *context);
struct adapter *adapter_of(const struct driver *d, const struct device *dev);
const char *adapter_device(const struct adapter *a); /* its name; "-": none */
/* Is it a PCI IDE controller; is its channel n at ISA's addresses (PCI IDE Controller Specification 1.0)? Any IRQL. */
bool adapter_is_ide(const struct adapter *a);
bool adapter_is_compatible(const struct adapter *a, uint32_t n);

/* ---- buses and units (bus.c) ---- */

/* A bus with its number and how many requests it may have out. Returns 0 or -ENOMEM. PASSIVE_LEVEL, both. */
int bus_new(struct adapter *a, uint32_t number, uint32_t depth, struct bus **out);
void bus_free(struct bus *b);

/* path: for buses that serve several. PASSIVE_LEVEL. -EEXIST */
int unit_add(struct bus *b, uint8_t path, uint8_t target, uint8_t lun, uint32_t depth, void *face_data,
             struct unit **out);
/* It takes requests now, within its limits: class drivers are told. unit_remove() tells them, too. PASSIVE_LEVEL */
void unit_announce(struct unit *u, uint32_t max_bytes, uint32_t max_pieces);
/* New requests fail with -ENODEV, those that wait are done with it. <= DISPATCH_LEVEL; again: nothing. */
void unit_cut(struct unit *u);
/* Likewise; then it is freed when the last has come back. */
void unit_remove(struct unit *u);
/* Type and name from the first 36 bytes of its INQUIRY data, before unit_announce(); what types are called. */
void unit_describe(struct unit *u, const uint8_t *inquiry);
const char *unit_type_name(uint8_t type);
/* Whoever was told of it is told that it goes (unit.c). PASSIVE_LEVEL; again: nothing */
void unit_retire(struct unit *u);
/* <= DISPATCH_LEVEL; valid until unit_remove(). NULL: none */
struct unit *unit_find(struct bus *b, uint8_t path, uint8_t target, uint8_t lun);
/* All that waits at it is done with this error. <= DISPATCH_LEVEL */
void unit_flush(struct unit *u, int error);

/*
 * Queue a request for its unit.
 * IRQL:    <= DISPATCH_LEVEL
 * Owns:    *r until r->done(r): exactly once, at DISPATCH_LEVEL, perhaps before this returns
 * Returns: 0; -ENODEV: the unit or its adapter has gone (done is not called)
 */
int unit_submit(struct unit *u, struct request *r);

static inline bool
bus_is_dead(const struct bus *b)
{
    return b->dead || __atomic_load_n(&b->adapter->gate.is_closed, __ATOMIC_ACQUIRE);
}

/* Would unit_submit() fail? Any IRQL. */
static inline bool
unit_is_gone(const struct unit *u)
{
    return u->gone || bus_is_dead(u->bus);
}

/* Reasons to wait. Any IRQL. Releasing makes the bus go on soon. */
void unit_hold(struct unit *u, uint32_t hold);
void unit_release(struct unit *u, uint32_t hold);
void bus_hold(struct bus *b, uint32_t hold);
void bus_release(struct bus *b, uint32_t hold);

/*
 * A paced bus issues one request, then waits until its miniport asks for the next: for a unit that has none out, or (u)
 * also for this one. Any IRQL. Returns whether requests wait: then bus_run() or bus_kick() is called.
 */
bool bus_next(struct bus *b, struct unit *u);

/*
 * The miniport has completed what is in a slot: claim it, write down how, post it. Whoever has claimed it has
 * slots[slot].request to himself. Any IRQL. bus_slot_claim() returns false: it was not out (twice, or never).
 */
/* TAKEN -> ISSUED: from now on it can be claimed. */
static inline void
bus_slot_start(struct bus *b, uint32_t slot)
{
    __atomic_store_n(&b->slots[slot].state, SLOT_ISSUED, __ATOMIC_RELEASE);
}

static inline bool
bus_slot_claim(struct bus *b, uint32_t slot)
{
    uint8_t issued = SLOT_ISSUED;

    return slot < PORT_SLOTS && __atomic_compare_exchange_n(&b->slots[slot].state, &issued, SLOT_COMPLETED,
                                                            false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* After a claim: its end, by a DPC of the processor that submitted. */
void bus_slot_post(struct bus *b, uint32_t slot);
bool bus_slot_is_out(const struct bus *b, uint32_t slot); /* TAKEN or ISSUED */

static inline bool
bus_slot_is_issued(const struct bus *b, uint32_t slot)
{
    return slot < PORT_SLOTS && __atomic_load_n(&b->slots[slot].state, __ATOMIC_ACQUIRE) == SLOT_ISSUED;
}

/* The miniport says that an interrupt was of this bus. Too many in a row, and nothing done: the adapter is given up, as
 * its line would never be quiet. The interrupt's level. */
void bus_claimed(struct bus *b);

/* In face->issue, before bus_slot_start(): not now; it is the next of its unit, once what holds it ends. */
void bus_postpone(struct bus *b, struct request *r);

/* Issue what can be issued. DISPATCH_LEVEL, no lock held; bus_kick(): soon, any IRQL. */
void bus_run(struct bus *b);
void bus_kick(struct bus *b);

/* Nothing is out any more, within `timeout` ns. PASSIVE_LEVEL. 0 or -ETIMEDOUT. */
int bus_drain(struct bus *b, uint64_t timeout);

/* Nothing is issued any more; all that waits is done with -ENODEV, all that is out with -EIO. <= DISPATCH_LEVEL. */
void bus_kill(struct bus *b);

/* ---- bounce buffers (bounce.c) ---- */

/* WAIT: all buffers are taken; CANNOT: no buffer is that large. */
enum data_mapping { DATA_MAPPED, DATA_WAIT, DATA_CANNOT };

/*
 * Data through a buffer of the bus's: bus->bounce.buffer[*n]; room: bytes that the device may fill, at least the data's.
 * bounce_end(): `received` bytes of it are the data; the buffer is given back; false: something was written behind its room.
 * <= DISPATCH_LEVEL
 */
enum data_mapping bounce_begin(struct bus *b, const struct request_data *d, uint32_t room, bool to_device,
                               int32_t *n);
bool bounce_end(struct bus *b, const struct request_data *d, uint32_t room, uint32_t received, int32_t *n);

/*
 * Buffers for one more unit: several where many of its requests need one, else one for the whole bus, since any request may turn
 * out to need it. PASSIVE_LEVEL. Returns: the bytes that a request may have, at most `most`: what a buffer holds
 */
uint32_t bounce_reserve(struct bus *b, bool often, uint32_t most);
