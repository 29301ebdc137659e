/*
 * MODE SENSE and MODE SELECT: error recovery, caching, control (SPC-4 7.5, SBC-3 6.5, SAT-3 10.1).
 */
#include "drivers/port/ataport/sat_impl.h"

#define PAGE_CONTROL_SAVED 3
#define PAGE_CHANGEABLE    1
#define CACHING_SIZE       20
#define CONTROL_SIZE       12
#define RECOVERY_SIZE      12
#define WCE                0x04 /* caching, byte 2 */
#define DRA                0x20 /* caching, byte 12 */

#define FEATURE_READ_AHEAD_ON  0xaa
#define FEATURE_READ_AHEAD_OFF 0x55

#define STEP_READ_AHEAD 1 /* still to be set */

static uint32_t
page_put(const struct sat_device *d, uint8_t page, unsigned control, uint8_t *p)
{
    bool changeable = control == PAGE_CHANGEABLE;

    switch (page) {
    case MODE_PAGE_ERROR_RECOVERY:
        p[0] = MODE_PAGE_ERROR_RECOVERY;
        p[1] = RECOVERY_SIZE - 2;
        p[2] = changeable ? 0 : 0x80; /* AWRE */
        return RECOVERY_SIZE;
    case MODE_PAGE_CACHING:
        p[0] = MODE_PAGE_CACHING;
        p[1] = CACHING_SIZE - 2;
        p[2] = changeable || d->write_cache ? WCE : 0;
        p[12] = changeable || !d->read_ahead ? DRA : 0;
        return CACHING_SIZE;
    default:
        p[0] = MODE_PAGE_CONTROL;
        p[1] = CONTROL_SIZE - 2;
        if (!changeable) {
            p[2] = 0x02; /* GLTSD */
            p[3] = 0x10; /* commands may be reordered */
            put_be16(p + 8, 0xffff);
        }
        return CONTROL_SIZE;
    }
}

static uint32_t
block_descriptor_put(const struct sat_device *d, uint8_t *p)
{
    put_be32(p, d->sectors > UINT32_MAX ? UINT32_MAX : (uint32_t)d->sectors);
    put_be32(p + 4, d->sector_size); /* three bytes, the first is reserved */
    return 8;
}

enum sat_next
sat_mode_sense(const struct sat_device *d, struct sat_command *c)
{
    bool ten = c->cdb[0] == SCSIOP_MODE_SENSE10, all = (c->cdb[2] & 0x3f) == MODE_SENSE_RETURN_ALL;
    uint8_t p[8 + 8 + RECOVERY_SIZE + CACHING_SIZE + CONTROL_SIZE] = {0}, page = c->cdb[2] & 0x3f;
    uint8_t special = d->fua ? 0x10 : 0; /* DPOFUA */
    unsigned control = c->cdb[2] >> 6;
    uint32_t n = ten ? 8 : 4, descriptor = 0;

    if (control == PAGE_CONTROL_SAVED)
        return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, 0x39, 0); /* saving is not supported */
    if ((c->cdb[3] && c->cdb[3] != 0xff) ||
        (!all && page != MODE_PAGE_ERROR_RECOVERY && page != MODE_PAGE_CACHING && page != MODE_PAGE_CONTROL))
        return sat_bad_field(c, 2);
    if (!(c->cdb[1] & 8)) /* DBD */
        descriptor = block_descriptor_put(d, p + n);
    n += descriptor;
    if (all || page == MODE_PAGE_ERROR_RECOVERY)
        n += page_put(d, MODE_PAGE_ERROR_RECOVERY, control, p + n);
    if (all || page == MODE_PAGE_CACHING)
        n += page_put(d, MODE_PAGE_CACHING, control, p + n);
    if (all || page == MODE_PAGE_CONTROL)
        n += page_put(d, MODE_PAGE_CONTROL, control, p + n);
    if (ten) {
        put_be16(p, (uint16_t)(n - 2));
        p[3] = special;
        p[7] = (uint8_t)descriptor;
        return sat_answer(c, p, n, get_be16(c->cdb + 7));
    }
    p[0] = (uint8_t)(n - 1);
    p[2] = special;
    p[3] = (uint8_t)descriptor;
    return sat_answer(c, p, n, c->cdb[4]);
}

static enum sat_next
bad_parameter(struct sat_command *c)
{
    return sat_fail(c, SCSI_SENSE_ILLEGAL_REQUEST, SCSI_ADSENSE_INVALID_FIELD_PARAMETER_LIST, 0);
}

/* The caching page that was sent: kept until the device has taken it. */
static const uint8_t *
caching_page(const struct sat_command *c)
{
    bool ten = c->cdb[0] == SCSIOP_MODE_SELECT10;
    uint32_t n = MIN(c->size, ten ? get_be16(c->cdb + 7) : c->cdb[4]), at = ten ? 8 : 4;

    if (n < at)
        return NULL;
    at += ten ? get_be16(c->data + 6) : c->data[3];
    while (at + 2 <= n && at + 2 + c->data[at + 1] <= n) {
        if ((c->data[at] & 0x3f) == MODE_PAGE_CACHING && c->data[at + 1] == CACHING_SIZE - 2)
            return c->data + at;
        at += 2u + c->data[at + 1];
    }
    return NULL;
}

/* All pages are ours, and only what is changeable differs. */
static bool
parameters_good(const struct sat_device *d, const struct sat_command *c)
{
    bool ten = c->cdb[0] == SCSIOP_MODE_SELECT10;
    uint32_t n = ten ? get_be16(c->cdb + 7) : c->cdb[4], at = ten ? 8 : 4, descriptor;

    if (n > c->size || n < at)
        return n == 0;
    descriptor = ten ? get_be16(c->data + 6) : c->data[3];
    if (descriptor != 0 && descriptor != 8)
        return false;
    for (at += descriptor; at < n; at += 2u + c->data[at + 1]) {
        uint8_t now[CACHING_SIZE] = {0}, mask[CACHING_SIZE] = {0}, page = c->data[at] & 0x3f;
        uint32_t size;

        if (page != MODE_PAGE_ERROR_RECOVERY && page != MODE_PAGE_CACHING && page != MODE_PAGE_CONTROL)
            return false;
        size = page_put(d, page, 0, now);
        (void)page_put(d, page, PAGE_CHANGEABLE, mask);
        if (at + size > n || c->data[at + 1] != size - 2)
            return false;
        for (uint32_t i = 2; i < size; i++)
            if ((c->data[at + i] ^ now[i]) & ~mask[i])
                return false;
    }
    return at == n;
}

/* What is still different from the page. */
static enum sat_next
apply(const struct sat_device *d, struct sat_command *c, const uint8_t *page)
{
    bool cache = page[2] & WCE, ahead = !(page[12] & DRA);

    if (cache != d->write_cache)
        return sat_send_plain(c, IDE_COMMAND_SET_FEATURE,
                              cache ? IDE_FEATURE_ENABLE_WRITE_CACHE : IDE_FEATURE_DISABLE_WRITE_CACHE, 0);
    c->step = STEP_READ_AHEAD;
    if (ahead != d->read_ahead)
        return sat_send_plain(c, IDE_COMMAND_SET_FEATURE,
                              ahead ? FEATURE_READ_AHEAD_ON : FEATURE_READ_AHEAD_OFF, 0);
    c->transferred = c->size;
    return sat_good(c);
}

enum sat_next
sat_mode_select(struct sat_device *d, struct sat_command *c)
{
    const uint8_t *page;

    if (!(c->cdb[1] & 0x10) || c->cdb[1] & 1) /* PF is to be set, SP is not to be */
        return sat_bad_field(c, 1);
    if (!parameters_good(d, c))
        return bad_parameter(c);
    page = caching_page(c);
    return page ? apply(d, c, page) : sat_good(c);
}

enum sat_next
sat_mode_select_step(struct sat_device *d, struct sat_command *c)
{
    const uint8_t *page = caching_page(c);

    if (!page)
        return sat_good(c);
    if (c->step == STEP_READ_AHEAD)
        d->read_ahead = !(page[12] & DRA);
    else
        d->write_cache = page[2] & WCE;
    return apply(d, c, page);
}
