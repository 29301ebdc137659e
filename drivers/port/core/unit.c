/*
 * SCSI requests on their way to a face.
 */
#include "drivers/port/core/unit.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/port.h"
#include "lib/format.h"
#include "lib/string.h"

int
unit_send(struct unit *u, struct scsi_request *s)
{
    s->srb.SrbStatus = SRB_STATUS_PENDING;
    s->srb.ScsiStatus = 0;
    return u->bus->adapter->face->send(u, s);
}

static void
executed(struct scsi_request *s)
{
    (void)event_set(s->context);
}

void
scsi_request_make(struct scsi_request *s, const uint8_t *cdb, uint8_t length, void *data, uint32_t size)
{
    s->pieces = 0;
    s->srb = (SCSI_REQUEST_BLOCK){.Length = sizeof(s->srb),
                                  .Function = SRB_FUNCTION_EXECUTE_SCSI,
                                  .SrbFlags = (size ? SRB_FLAGS_DATA_IN : SRB_FLAGS_NO_DATA_TRANSFER) |
                                              SRB_FLAGS_NO_QUEUE_FREEZE,
                                  .CdbLength = length,
                                  .DataBuffer = data,
                                  .DataTransferLength = size};
    memcpy(s->srb.Cdb, cdb, length);
    memset(data, 0, size);
}

uint8_t
unit_execute(struct unit *u, struct scsi_request *s)
{
    struct event done;

    event_init(&done, EVENT_AUTO, false);
    s->done = executed;
    s->context = &done; // cppcheck-suppress autoVariables ; it is waited for below
    if (unit_send(u, s))
        return SRB_STATUS_NO_DEVICE;
    (void)wait_event(&done.waitable, WAIT_FOREVER); /* the engine ends every request in time */
    s->context = NULL;
    return SRB_STATUS(s->srb.SrbStatus);
}

static const struct unit_watcher *watcher; /* [I] after boot */

const struct unit_watcher *
unit_watch(const struct unit_watcher *w)
{
    const struct unit_watcher *before = watcher;

    watcher = w;
    return before;
}

void
unit_announce(struct unit *u, uint32_t max_bytes, uint32_t max_pieces)
{
    u->max_bytes = max_bytes;
    u->max_pieces = max_pieces;
    u->watcher = watcher;
    if (u->watcher)
        u->class_word = u->watcher->arrived(u);
}

void
unit_retire(struct unit *u)
{
    void *word = __atomic_exchange_n(&u->class_word, NULL, __ATOMIC_ACQ_REL);

    if (word)
        u->watcher->leaving(word);
}

/* SPC-4, 6.4.2 */
const char *
unit_type_name(uint8_t type)
{
    static const char *const names[] = {"disk",       "tape",    "printer", "processor", "worm",
                                        "cd",         "scanner", "optical", "changer",   "communications",
                                        "graphic",    "graphic", "raid",    "enclosure", "disk",
                                        "card reader"};

    return type < ARRAY_SIZE(names) ? names[type] : "other";
}

void
unit_describe(struct unit *u, const uint8_t *inquiry)
{
    size_t n = 0;

    u->type = inquiry[0] & 0x1f;
    for (unsigned i = 8; i < 32; i++) {
        char c = inquiry[i] > ' ' && inquiry[i] <= '~' ? (char)inquiry[i] : ' ';

        if (n && u->name[n - 1] != ' ' && (c == ' ' || i == 16)) /* 8 of the vendor, 16 of the product */
            u->name[n++] = ' ';
        if (c != ' ')
            u->name[n++] = c;
    }
    while (n && u->name[n - 1] == ' ')
        n--;
    u->name[n] = 0;
}

void
unit_facts(const struct unit *u, struct unit_facts *out)
{
    const struct adapter *a = u->bus->adapter;

    *out = (struct unit_facts){.driver = a->driver->name,
                               .device = adapter_device(a),
                               .depth = __atomic_load_n(&u->depth, __ATOMIC_RELAXED),
                               .max_bytes = u->max_bytes,
                               .max_pieces = u->max_pieces};
    snprintf(out->path, sizeof(out->path), "%s:%u:%u:%u", a->name, u->path, u->target, u->lun);
}
