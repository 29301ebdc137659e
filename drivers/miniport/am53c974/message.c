/*
 * Messages (SCSI-2, 6.6): disconnection, data pointers, synchronous transfers.
 */
#include "am53c974.h"

#define SDTR_LENGTH 5
#define OUR_PERIOD  25 /* of 4 ns: 10 MHz, the fastest of SCSI-2 */
#define OUR_OFFSET  15 /* the chip's most */
#define PERIOD_MIN  4  /* clocks */

/* "Shall we transfer synchronously?" The answer is the same message, with what the target can. */
void
negotiate(struct adapter *a)
{
    static const UCHAR sdtr[SDTR_LENGTH] = {SCSIMESS_EXTENDED_MESSAGE, 3, SCSIMESS_SYNCHRONOUS_DATA_REQ,
                                            OUR_PERIOD, OUR_OFFSET};
    a->target[a->srb->TargetId].asked = TRUE;
    put(a, COMMAND, CMD_CLEAR_FIFO);
    for (ULONG i = 0; i < SDTR_LENGTH; i++)
        put(a, FIFO, sdtr[i]);
    put(a, COMMAND, CMD_TRANSFER);
}

/* With ATN, the target asks for a message: that one. */
static void
reject(struct adapter *a)
{
    a->rejecting = TRUE;
    put(a, COMMAND, CMD_SET_ATN);
}

static void
synchronize(struct adapter *a)
{
    struct target *t = &a->target[a->srb->TargetId];
    ULONG clocks = (a->message[3] * 4 * MEGAHERTZ + 999) / 1000;

    if (!t->asked) { /* it asks us: it is not so */
        reject(a);
        return;
    }
    t->asked = FALSE;
    t->offset = a->message[4] < OUR_OFFSET ? a->message[4] : OUR_OFFSET;
    t->period = t->offset ? (UCHAR)(clocks < PERIOD_MIN ? PERIOD_MIN : clocks) : 0;
    put(a, PERIOD, t->period);
    put(a, OFFSET, t->offset);
}

/* One that is complete. */
static void
message(struct adapter *a)
{
    switch (a->message[0]) {
    case SCSIMESS_DISCONNECT:
        a->state = LEAVING;
        break;
    case SCSIMESS_SAVE_DATA_POINTER:
        a->unit->saved = a->unit->moved;
        break;
    case SCSIMESS_RESTORE_POINTERS:
        a->unit->moved = a->unit->saved;
        break;
    case SCSIMESS_MESSAGE_REJECT: /* SDTR is all that we send: so asynchronously */
        a->target[a->srb->TargetId].asked = FALSE;
        break;
    case SCSIMESS_COMMAND_COMPLETE: /* without a status before it */
        a->state = ENDING;
        break;
    case SCSIMESS_EXTENDED_MESSAGE:
        if (a->message[2] == SCSIMESS_SYNCHRONOUS_DATA_REQ && a->message_length == SDTR_LENGTH) {
            synchronize(a);
            break;
        }
        reject(a);
        break;
    default:
        reject(a);
    }
    put(a, COMMAND, CMD_ACCEPT);
}

void
message_in(struct adapter *a, UCHAR byte)
{
    ULONG whole = 1;

    if (a->message_length < sizeof(a->message))
        a->message[a->message_length++] = byte;
    if (a->message[0] == SCSIMESS_EXTENDED_MESSAGE)
        whole = a->message_length < 2 ? 2 : 2u + a->message[1];
    else if (a->message[0] >= 0x20 && a->message[0] < 0x30)
        whole = 2;
    if (a->message_length < whole && a->message_length < sizeof(a->message)) {
        put(a, COMMAND, CMD_ACCEPT); /* the next byte comes */
        return;
    }
    message(a);
    a->message_length = 0;
}
