/*
 * Which units there are (S-063, S-064, S-077, S-130): INQUIRY to unit 0 of each target, REPORT LUNS for the others. Where a
 * target does not know that command: an INQUIRY to one after the other; SCSI-2 allows gaps between its eight.
 */
#include "drivers/port/scsiport/scsi_impl.h"
#include "kernel/mem/frame.h"
#include "kernel/sched/thread.h"
#include "lib/bytes.h"
#include "lib/string.h"

#define PROBE_SECONDS  10
#define PROBE_TRIES    4
#define BUFFER_SIZE    2056 /* 256 units */
#define LUNS_HEADER    8
#define LUNS_ENTRY     8
#define LUNS_OLD       8u /* a target of SCSI-2 has at most */
#define VERSION_SPC    3
#define QUALIFIER      0xe0
#define COMMAND_QUEUE  0x02 /* byte 7 */
#define SETTLED_WITHIN SECONDS(5)
#define DEPTH_MAX      64u

/* What a scan needs at hand. */
struct scan {
    struct scsi_hba *hba;
    struct scsi_request *request;
    uint8_t *buffer; /* BUFFER_SIZE */
    uint8_t sense[SENSE_BUFFER_SIZE];
    uint32_t luns[256 / 32]; /* bits: reported */
};

/* ---- units by address ---- */

static unsigned
hash_of(uint8_t path, uint8_t target, uint8_t lun)
{
    return (path * 5u + target * 7u + lun) % SCSI_HASH;
}

struct scsi_unit *
scsi_unit_find(const struct scsi_hba *h, uint8_t path, uint8_t target, uint8_t lun)
{
    struct scsi_unit *u = __atomic_load_n(&h->hash[hash_of(path, target, lun)], __ATOMIC_ACQUIRE);

    while (u && (u->unit->path != path || u->unit->target != target || u->unit->lun != lun))
        u = __atomic_load_n(&u->next, __ATOMIC_ACQUIRE);
    return u;
}

/* S-077 */
PVOID NTAPI
ScsiPortGetLogicalUnit(PVOID HwDeviceExtension, UCHAR PathId, UCHAR TargetId, UCHAR Lun)
{
    const struct scsi_unit *u = scsi_unit_find(scsi_hba_of(HwDeviceExtension), PathId, TargetId, Lun);

    return u ? u->extension : NULL;
}

static void
unit_free(struct scsi_unit *u)
{
    pool_free(u->extension, SCSI_TAG);
    pool_free(u, SCSI_TAG);
}

static struct scsi_unit *
unit_new(struct scsi_hba *h, uint8_t path, uint8_t target, uint8_t lun)
{
    struct scsi_unit *u = pool_zalloc(sizeof(*u), SCSI_TAG), **place = &h->hash[hash_of(path, target, lun)];
    ULONG size = h->config.SpecificLuExtensionSize;

    if (!u)
        return NULL;
    u->hba = h;
    u->depth_max = 1;
    u->is_new = true;
    if (size && size <= SCSI_EXTENSION_MAX)
        u->extension = pool_zalloc(size, SCSI_TAG);
    if ((size && !u->extension) || unit_add(h->bus, path, target, lun, 1, u, &u->unit)) {
        unit_free(u);
        return NULL;
    }
    u->next = *place;
    __atomic_store_n(place, u, __ATOMIC_RELEASE);
    return u;
}

static void
unit_forget(struct scsi_hba *h, struct scsi_unit *u)
{
    struct scsi_unit **place = &h->hash[hash_of(u->unit->path, u->unit->target, u->unit->lun)];

    unit_cut(u->unit);
    while (*place != u)
        place = &(*place)->next;
    __atomic_store_n(place, u->next, __ATOMIC_RELEASE);
    unit_remove(u->unit);
    dpc_flush(); /* a routine of the port's that has just looked it up has returned */
    unit_free(u);
}

/* The bus, with its units, has been freed. */
void
scsi_units_free(struct scsi_hba *h)
{
    for (unsigned n = 0; n < SCSI_HASH; n++)
        while (h->hash[n]) {
            struct scsi_unit *u = h->hash[n];

            h->hash[n] = u->next;
            unit_free(u);
        }
}

/* ---- commands ---- */

/* Returns SrbStatus without its bits; SUCCESS also for less data than there is room for, whose length is in srb. */
static uint8_t
command(struct scan *c, struct scsi_unit *u, const uint8_t *cdb, uint8_t length, uint32_t size)
{
    struct scsi_request *s = c->request;
    uint8_t status = SRB_STATUS_NO_DEVICE;

    for (unsigned tries = 0; tries < PROBE_TRIES; tries++) {
        scsi_request_make(s, cdb, length, c->buffer, size);
        s->srb.TimeOutValue = PROBE_SECONDS;
        s->srb.SenseInfoBuffer = c->sense;
        s->srb.SenseInfoBufferLength = sizeof(c->sense);
        status = unit_execute(u->unit, s);
        if (status == SRB_STATUS_DATA_OVERRUN)
            return SRB_STATUS_SUCCESS;
        if (status != SRB_STATUS_BUS_RESET && status != SRB_STATUS_BUSY && status != SRB_STATUS_TIMEOUT &&
            !(status == SRB_STATUS_ERROR && (c->sense[2] & 15) == SCSI_SENSE_UNIT_ATTENTION))
            break;
    }
    return status;
}

enum answer { NOBODY, NO_UNIT, UNIT }; /* NO_UNIT: the target answers, and has no such unit */

/* S-064 */
static enum answer
inquire(struct scan *c, struct scsi_unit *u)
{
    const uint8_t cdb[6] = {SCSIOP_INQUIRY, 0, 0, 0, SCSI_INQUIRY_SIZE};
    uint8_t status = command(c, u, cdb, sizeof(cdb), SCSI_INQUIRY_SIZE);

    if (status == SRB_STATUS_ERROR && !u->unit->lun && u->is_new)
        adapter_log(c->hba->adapter,
                    "bus %u target %u lun 0: INQUIRY is refused, sense %x/%02x/%02x: no unit (S-064)",
                    u->unit->path, u->unit->target, c->sense[2] & 15, c->sense[12], c->sense[13]);
    if (status != SRB_STATUS_SUCCESS)
        return status == SRB_STATUS_ERROR ? NO_UNIT : NOBODY;
    return c->buffer[0] & QUALIFIER ? NO_UNIT : UNIT;
}

/* ---- one target ---- */

static bool
is_another(const struct scsi_unit *u, const uint8_t *inquiry)
{
    return memcmp(u->inquiry, inquiry, SCSI_INQUIRY_SIZE) != 0;
}

/* S-072, S-069: how many commands at once. */
static void
depth_set(struct scsi_unit *u)
{
    const struct scsi_hba *h = u->hba;
    bool tagged = h->may_tag && u->inquiry[7] & COMMAND_QUEUE;

    u->depth_max = tagged || (h->many && !h->may_tag) ? MIN(DEPTH_MAX, h->slot_count - PORT_RESERVED) : 1;
    __atomic_store_n(&u->tagged, tagged, __ATOMIC_RELEASE);
    __atomic_store_n(&u->unit->depth, u->depth_max, __ATOMIC_RELEASE);
}

/* Is there a unit at this address? What has gone, or was exchanged, is forgotten. */
static enum answer
unit_look(struct scan *c, uint8_t path, uint8_t target, uint8_t lun)
{
    struct scsi_hba *h = c->hba;
    struct scsi_unit *u = scsi_unit_find(h, path, target, lun);
    enum answer answer;

    if (!u)
        u = unit_new(h, path, target, lun);
    if (!u) {
        adapter_log(h->adapter, "bus %u target %u lun %u: no memory", path, target, lun);
        return NOBODY;
    }
    answer = inquire(c, u);
    if (answer == UNIT && !u->is_new && is_another(u, c->buffer)) {
        unit_forget(h, u);
        u = unit_new(h, path, target, lun);
        answer = u ? inquire(c, u) : NOBODY;
    }
    if (answer == UNIT) {
        u->is_here = true;
        if (u->is_new) {
            memcpy(u->inquiry, c->buffer, SCSI_INQUIRY_SIZE);
            depth_set(u);
        }
    } else if (u && (lun || answer == NOBODY)) {
        unit_forget(h, u); /* unit 0 of a target that answers is asked for its others first */
    }
    return answer;
}

/* SPC-4, 6.33; only units that an SRB can address: single level, peripheral or flat. Returns whether it was understood. */
static bool
luns_report(struct scan *c, struct scsi_unit *zero)
{
    uint8_t cdb[12] = {SCSIOP_REPORT_LUNS};
    uint32_t size;

    put_be32(cdb + 6, BUFFER_SIZE);
    memset(c->luns, 0, sizeof(c->luns));
    if (command(c, zero, cdb, sizeof(cdb), BUFFER_SIZE) != SRB_STATUS_SUCCESS)
        return false;
    size = MIN(get_be32(c->buffer), BUFFER_SIZE - LUNS_HEADER);
    for (uint32_t at = LUNS_HEADER; at + LUNS_ENTRY <= LUNS_HEADER + size; at += LUNS_ENTRY) {
        const uint8_t *e = c->buffer + at;

        if (e[0] == 0 || e[0] == 0x40)
            c->luns[e[1] / 32] |= 1u << e[1] % 32;
    }
    return true;
}

static void
target_look(struct scan *c, uint8_t path, uint8_t target)
{
    struct scsi_hba *h = c->hba;
    uint32_t luns = h->config.MaximumNumberOfLogicalUnits;
    enum answer first = unit_look(c, path, target, 0);
    struct scsi_unit *zero = scsi_unit_find(h, path, target, 0);
    bool until_gap = false;

    if (first == NOBODY || !zero)
        return;
    if (!luns_report(c, zero)) {
        memset(c->luns, first == UNIT ? 0xff : 0, sizeof(c->luns));
        until_gap = (zero->inquiry[2] & 7) >= VERSION_SPC;
        luns = until_gap ? luns : MIN(luns, LUNS_OLD);
    }
    for (uint32_t lun = 1; lun < luns && !h->stopping; lun++)
        if (c->luns[lun / 32] >> lun % 32 & 1 && unit_look(c, path, target, (uint8_t)lun) != UNIT &&
            until_gap)
            break;
    if (first == NO_UNIT)
        unit_forget(h, zero);
}

/* ---- all ---- */

/* Buffers for what it, or its miniport, cannot reach. Returns: the bytes that its requests may have. */
static uint32_t
reserve(struct scsi_hba *h)
{
    uint64_t reach = h->adapter->dma.max_address;
    bool often = h->is_mapped || h->config.AlignmentMask > 3 ||
                 (reach && mem_overlaps(reach + 1, UINT64_MAX - reach - 1));

    return bounce_reserve(h->bus, often, h->max_bytes);
}

static void
announce(struct scsi_hba *h, struct scsi_unit *u)
{
    u->is_new = false;
    unit_describe(u->unit, u->inquiry);
    log_info("%s: bus %u target %u lun %u: %s, %s", h->adapter->name, u->unit->path, u->unit->target,
             u->unit->lun, unit_type_name(u->unit->type), u->unit->name);
    unit_announce(u->unit, reserve(h), h->max_pieces);
}

/* Calls f() for each unit of these paths, which may forget it. */
static void
for_each_unit(struct scsi_hba *h, uint32_t paths, void (*f)(struct scsi_hba *h, struct scsi_unit *u))
{
    for (unsigned n = 0; n < SCSI_HASH; n++)
        for (struct scsi_unit *u = h->hash[n], *next; u; u = next) {
            next = u->next;
            if (paths >> u->unit->path & 1)
                f(h, u);
        }
}

static void
look_begin(struct scsi_hba *h, struct scsi_unit *u)
{
    u->is_here = false;
}

static void
look_end(struct scsi_hba *h, struct scsi_unit *u)
{
    if (!u->is_here)
        unit_forget(h, u);
}

/* In the order of their addresses, as names are given by it. */
static void
announce_path(struct scsi_hba *h, uint8_t path)
{
    for (unsigned target = 0; target < h->config.MaximumNumberOfTargets; target++)
        for (unsigned lun = 0; lun < h->config.MaximumNumberOfLogicalUnits; lun++) {
            struct scsi_unit *u = scsi_unit_find(h, path, (uint8_t)target, (uint8_t)lun);

            if (u && u->is_new)
                announce(h, u);
        }
}

/* S-063: down or up, but not itself. S-085: nothing beyond its limits. */
static void
path_scan(struct scan *c, uint8_t path)
{
    struct scsi_hba *h = c->hba;
    unsigned targets = h->config.MaximumNumberOfTargets;

    for_each_unit(h, 1u << path, look_begin);
    for (unsigned n = 0; n < targets && !h->stopping; n++) {
        unsigned target = h->config.AdapterScansDown ? targets - 1 - n : n;

        if (target != h->config.InitiatorBusId[path])
            target_look(c, path, (uint8_t)target);
    }
    if (!h->stopping)
        for_each_unit(h, 1u << path, look_end);
    announce_path(h, path);
}

void
scsi_scan(struct scsi_hba *h, uint32_t paths)
{
    struct scan *c = pool_zalloc(sizeof(*c), SCSI_TAG);
    uint64_t deadline = timer_deadline(SETTLED_WITHIN);

    if (c) {
        c->hba = h;
        c->request = pool_zalloc(sizeof(*c->request), SCSI_TAG);
        c->buffer = pool_zalloc(BUFFER_SIZE, SCSI_TAG);
    }
    if (!c || !c->request || !c->buffer) {
        adapter_log(h->adapter, "no memory to look for units");
    } else {
        mutex_lock(&h->scanning, WAIT_FOREVER);
        reserve(h); /* also for the scan itself */
        while (__atomic_load_n(&h->resetting, __ATOMIC_ACQUIRE) && time_now() < deadline) /* S-061 */
            thread_sleep(MS(5));
        for (uint8_t path = 0; path < h->config.NumberOfBuses; path++)
            if (paths >> path & 1)
                path_scan(c, path);
        mutex_unlock(&h->scanning);
    }
    if (c) {
        pool_free(c->request, SCSI_TAG);
        pool_free(c->buffer, SCSI_TAG);
    }
    pool_free(c, SCSI_TAG);
}
