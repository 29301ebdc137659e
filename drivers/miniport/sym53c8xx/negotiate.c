/*
 * Speed: synchronous transfers and width (SCSI-2, 6.6.21; SPI-2, 6.5). A target is asked once after each reset.
 */
#include "sym53c8xx.h"

#define PERIOD     25 /* of 4 ns: what 40 MHz allow */
#define OFFSET_MAX 8  /* of the smallest chip */
#define CLOCK_NS   25
#define CLOCKS_MIN 4
#define CLOCKS_MAX 11

/* Width first: a change of it ends what was agreed on about synchronous transfers. */
ULONG
negotiate(struct adapter *a, ULONG id, PUCHAR to)
{
    ULONG n = 0;

    a->target[id].settled = TRUE;
    if (a->wide) {
        to[n++] = SCSIMESS_EXTENDED_MESSAGE;
        to[n++] = 2;
        to[n++] = SCSIMESS_WIDE_DATA_REQUEST;
        to[n++] = 1; /* 16 bits */
        return n;
    }
    to[n++] = SCSIMESS_EXTENDED_MESSAGE;
    to[n++] = 3;
    to[n++] = SCSIMESS_SYNCHRONOUS_DATA_REQ;
    to[n++] = PERIOD;
    to[n++] = OFFSET_MAX;
    return n;
}

static void
synchronous(struct target *t, UCHAR period, UCHAR offset)
{
    ULONG clocks = (period * 4u + CLOCK_NS - 1) / CLOCK_NS;

    t->scntl3 &= (UCHAR)~SCNTL3_FAST;
    t->sxfer = 0;
    if (!offset || offset > OFFSET_MAX || clocks > CLOCKS_MAX)
        return;
    if (clocks < CLOCKS_MIN)
        clocks = CLOCKS_MIN;
    t->scntl3 |= SCNTL3_FAST;
    t->sxfer = (UCHAR)((clocks - CLOCKS_MIN) << 5 | offset);
}

void
negotiated(struct adapter *a, ULONG id)
{
    const UCHAR *m = a->shared->message;
    struct target *t = &a->target[id];

    if (m[1] == 2 && m[2] == SCSIMESS_WIDE_DATA_REQUEST)
        t->scntl3 = m[3] == 1 && a->wide ? t->scntl3 | SCNTL3_WIDE : t->scntl3 & (UCHAR)~SCNTL3_WIDE;
    else if (m[1] == 3 && m[2] == SCSIMESS_SYNCHRONOUS_DATA_REQ)
        synchronous(t, m[3], m[4]);
    put(a, SCNTL3, t->scntl3);
    put(a, SXFER, t->sxfer);
}
