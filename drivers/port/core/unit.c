/*
 * SCSI requests on their way to a face.
 */
#include "drivers/port/core/unit.h"
#include "drivers/port/core/port.h"

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
    return SRB_STATUS(s->srb.SrbStatus);
}
