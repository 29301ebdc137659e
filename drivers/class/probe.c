/* Who a unit is, and how much is on its medium. */
#include "drivers/class/class_impl.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/event.h"
#include "lib/bytes.h"
#include "lib/errname.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/units.h"

#define CLASS_TAG            POOL_TAG('c', 'l', 's', 's')
#define BUFFER               4096
#define PROBE_SECONDS        20
#define TYPE_DISK            0
#define TYPE_CD              5
#define PAGE_SERIAL          0x80
#define PAGE_CHARACTERISTICS 0xb1
#define NOT_ROTATING         1
#define MODE_CACHING         0x08
#define CD_BLOCK             2048

static void
pause(void)
{
    struct event never;

    event_init(&never, EVENT_AUTO, false);
    (void)wait_event(&never.waitable, CLASS_LATER);
}

int
media_command(struct media *m, const uint8_t *cdb, uint8_t length, uint32_t size)
{
    struct scsi_request *s = m->request;
    int error = 0;

    for (unsigned tries = 0, later = 0; tries < CLASS_TRIES && later < CLASS_TRIES_LATER;) {
        memset(m->sense, 0, sizeof(m->sense));
        scsi_request_make(s, cdb, length, m->buffer, size);
        s->srb.TimeOutValue = PROBE_SECONDS;
        s->srb.SenseInfoBuffer = m->sense;
        s->srb.SenseInfoBufferLength = sizeof(m->sense);
        if (unit_execute(m->unit, s) == SRB_STATUS_DATA_OVERRUN)
            return 0; /* less than there was room for */
        switch (sense_judge(s, m->sense, false, &error)) {
        case VERDICT_DONE:
            return 0;
        case VERDICT_FAILED:
            return error;
        case VERDICT_RETRY_LATER: /* it starts up */
            later++;
            pause();
            break;
        default:
            tries++;
        }
    }
    return error;
}

/* Text of a fixed width, without the blanks at its ends; some put zeros there. */
static void
text_take(char *to, size_t room, const uint8_t *from, size_t n)
{
    size_t length = 0;

    n = strnlen((const char *)from, n);
    while (n && from[0] == ' ')
        from++, n--;
    for (size_t i = 0; i < n && length + 1 < room; i++)
        to[length++] = from[i] >= ' ' && from[i] <= '~' ? (char)from[i] : '?';
    while (length && to[length - 1] == ' ')
        length--;
    to[length] = 0;
}

int
media_ask(struct media *m, const uint8_t *cdb, uint8_t length, uint32_t size)
{
    int err = media_command(m, cdb, length, size);

    return err == -ENOMEDIUM ? media_command(m, cdb, length, size) : err;
}

int
media_inquire(struct media *m)
{
    static const uint8_t standard[6] = {SCSIOP_INQUIRY, 0, 0, 0, 96},
                         serial[6] = {SCSIOP_INQUIRY, 1, PAGE_SERIAL, 0, 252},
                         characteristics[6] = {SCSIOP_INQUIRY, 1, PAGE_CHARACTERISTICS, 0, 64};
    int err = media_command(m, standard, 6, 96);
    uint8_t type = m->buffer[0] & 0x1f;

    if (err)
        return err;
    if (m->buffer[0] >> 5 || (type != TYPE_DISK && type != TYPE_CD))
        return -ENODEV;
    m->is_cd = m->disk->whole_only = type == TYPE_CD;
    m->disk->removable = m->buffer[1] & 0x80;
    text_take(m->vendor, sizeof(m->vendor), m->buffer + 8, 8);
    text_take(m->model, sizeof(m->model), m->buffer + 16, 16);
    text_take(m->revision, sizeof(m->revision), m->buffer + 32, 4);
    if (!media_command(m, serial, 6, 252) && m->buffer[1] == PAGE_SERIAL)
        text_take(m->serial, sizeof(m->serial), m->buffer + 4, MIN(m->buffer[3], 248));
    if (!media_command(m, characteristics, 6, 64) && m->buffer[1] == PAGE_CHARACTERISTICS)
        m->disk->rotates = get_be16(m->buffer + 4) != NOT_ROTATING;
    return 0;
}

static int
capacity_read(struct media *m)
{
    static const uint8_t short_form[10] = {SCSIOP_READ_CAPACITY},
                         long_form[16] = {SCSIOP_READ_CAPACITY16, SERVICE_ACTION_READ_CAPACITY16, [13] = 32};
    int err = media_ask(m, short_form, 10, 8);
    uint32_t last = get_be32(m->buffer);

    if (err)
        return err;
    m->blocks = last + 1ull;
    m->block_size = get_be32(m->buffer + 4);
    if (m->is_cd)
        return 0;
    if (media_command(m, long_form, 16, 32)) /* older devices have the short one only */
        return last == UINT32_MAX ? -EIO : 0;
    if (last != UINT32_MAX && (get_be64(m->buffer) != last || get_be32(m->buffer + 8) != m->block_size))
        return 0; /* success without an answer, as some have it for what they do not know */
    m->blocks = get_be64(m->buffer) + 1;
    m->block_size = get_be32(m->buffer + 8);
    m->disk->physical_size = m->block_size << (m->buffer[13] & 15);
    m->disk->can_discard = m->buffer[14] & 0x80;
    return 0;
}

/* Write protection, and whether there is a cache to flush (SBC-3, 6.4.5). A device that does not say is asked to flush before
 * anything was written to it: one that cannot writes through. */
static void
mode_read(struct media *m, bool is_new)
{
    static const uint8_t cdb[6] = {SCSIOP_MODE_SENSE, 0x08, MODE_CACHING, 0, 64},
                         flush[10] = {SCSIOP_SYNCHRONIZE_CACHE};

    if (!media_command(m, cdb, 6, 64)) {
        m->disk->read_only = m->buffer[2] & 0x80;
        if (m->buffer[0] >= 7 && (m->buffer[4 + m->buffer[3]] & 0x3f) == MODE_CACHING) {
            m->disk->has_cache = m->buffer[4 + m->buffer[3] + 2] & 0x04;
            return;
        }
    }
    if (is_new)
        m->disk->has_cache = !media_command(m, flush, 10, 0);
}

static int
unusable_blocks(const struct media *m)
{
    if (!m->is_cd)
        log_warn("%s: READ CAPACITY says that its blocks have %u bytes: not a power of two from %u to %u",
                 m->facts.path, m->block_size, SECTOR, BUFFER);
    return -EMEDIUMTYPE;
}

int
media_measure(struct media *m)
{
    bool is_new = !m->blocks;
    int err = capacity_read(m);

    if (!err && (m->block_size < SECTOR || m->block_size > BUFFER || !is_power_of_two(m->block_size)))
        err = unusable_blocks(m);
    if (!err && m->blocks > UINT64_MAX / 2 / m->block_size)
        err = -EFBIG;
    if (err) {
        m->blocks = 0;
        m->block_size = m->is_cd ? CD_BLOCK : SECTOR;
    }
    m->disk->block_size = m->block_size;
    m->disk->physical_size = MAX(m->disk->physical_size, m->block_size);
    if (m->is_cd)
        m->disk->read_only = true;
    else if (!err)
        mode_read(m, is_new);
    return err;
}

static struct mutex all_lock;
static struct list all = LIST_INIT(all); /* struct media.link */

static struct media *
media_new(struct unit *u)
{
    struct media *m = pool_zalloc(sizeof(*m), CLASS_TAG);

    if (!m)
        return NULL;
    m->unit = u;
    unit_facts(u, &m->facts);
    mutex_init(&m->probing);
    m->request = pool_zalloc(sizeof(*m->request), CLASS_TAG);
    m->buffer = pool_zalloc(BUFFER, CLASS_TAG);
    m->disk = m->request && m->buffer && !slots_make(m) ? disk_new(&media_ops, m) : NULL;
    if (m->disk)
        return m;
    slots_free(m);
    pool_free(m->request, CLASS_TAG);
    pool_free(m->buffer, CLASS_TAG);
    pool_free(m, CLASS_TAG);
    return NULL;
}

static void *
arrived(struct unit *u)
{
    struct media *m = media_new(u);
    int err;

    if (!m) {
        log_err("class: no memory for a disk");
        return NULL;
    }
    err = media_inquire(m);
    if (!err)
        err = media_measure(m);
    if (err && !m->disk->removable) {
        if (err != -ENODEV)
            log_err("%s: cannot be used as a disk: %s", m->facts.path, errtext(err));
        disk_put(m->disk);
        return NULL;
    }
    __atomic_add_fetch(&m->disk->refs, 1, __ATOMIC_RELAXED); /* until leaving() */
    m->disk->depth = m->slot_count;
    m->disk->max_bytes = m->facts.max_bytes;
    m->disk->max_pieces = m->facts.max_pieces;
    mutex_lock(&all_lock, WAIT_FOREVER);
    list_add_tail(&all, &m->link);
    mutex_unlock(&all_lock);
    (void)disk_add(m->disk, m->is_cd ? "sr" : "sd", m->blocks * m->block_size);
    log_info("%s: %s, %s %s, %s", m->disk->whole.name, m->facts.path, m->vendor, m->model,
             m->blocks ? units_bytes(m->blocks * m->block_size).text : "no medium");
    return m;
}

static void
leaving(void *word)
{
    struct media *m = word;

    log_info("%s: %s has gone", m->disk->whole.name, m->facts.path);
    mutex_lock(&all_lock, WAIT_FOREVER);
    list_del(&m->link);
    mutex_unlock(&all_lock);
    disk_gone(m->disk); /* somebody may have it open still */
    mutex_lock(&m->probing, WAIT_FOREVER);
    m->unit = NULL;
    mutex_unlock(&m->probing);
    disk_put(m->disk);
}

void
class_for_each(void (*show)(void *context, const struct class_facts *f), void *context)
{
    const struct media *m;

    mutex_lock(&all_lock, WAIT_FOREVER);
    list_for_each_entry(m, &all, link) {
        const struct class_facts f = {.name = m->disk->whole.name,
                                      .path = m->facts.path,
                                      .driver = m->facts.driver,
                                      .device = m->facts.device,
                                      .vendor = m->vendor,
                                      .model = m->model,
                                      .revision = m->revision,
                                      .serial = m->serial,
                                      .size = m->disk->whole.size,
                                      .block_size = m->disk->block_size,
                                      .physical_size = m->disk->physical_size,
                                      .depth = m->disk->depth,
                                      .is_cd = m->is_cd,
                                      .read_only = m->disk->read_only,
                                      .removable = m->disk->removable,
                                      .has_cache = m->disk->has_cache,
                                      .can_discard = m->disk->can_discard};

        show(context, &f);
    }
    mutex_unlock(&all_lock);
}

static const struct unit_watcher watcher = {arrived, leaving};

void
class_init(void)
{
    mutex_init(&all_lock);
    (void)unit_watch(&watcher);
}
