/*
 * One adapter. The chip runs a program of its own (program.c): it takes commands from a ring, selects, moves data, lets
 * targets disconnect, and finds the command of one that reselects by its tag. It stops, and interrupts, when a command has
 * ended and for all that is out of the ordinary.
 *
 *            ring                  command
 *   start ──► ┌───┐ jump ──► code: DSA = &table; select; start is the next place; data of this length; ...
 *             │   │                table: target, message, command block, status, data pieces
 *             └───┘  tags ──► code: DSA = &table; data from where it stood
 *
 * The commands are made once, with their code; an SRB takes one that is idle. So an SRB needs no extension, and starting it
 * changes only what differs.
 */
#pragma once
#include "regs.h"
#include "scripts.h"
#include "scsi.h"
#include "scsiport.h"

#define OWN_ID       7
#define TARGETS      16
#define PIECES       128u
#define TRANSFER_MAX ((PIECES - 1) * 4096u)
#define TAGS         256
#define COMMANDS     128 /* at once */
#define RING         256 /* more than there are commands */
#define BUCKET       64
#define CAREFUL      64
#define SIGNAL_READS 100 /* 1 us each */

/* Why the program stops. */
enum stop {
    STOP_DONE = 1,     /* a command has ended; all of its data has been moved */
    STOP_DONE_WITHOUT, /* likewise, and there was no data phase */
    STOP_OVERRUN,      /* data has gone into the bucket; it goes on as after data */
    STOP_UNTAGGED,     /* one that reselected has no tag */
    STOP_UNKNOWN,      /* it has a tag that no command has, or no IDENTIFY */
    STOP_MESSAGE,      /* a message that the program does not know; message[0] */
    STOP_EXTENDED,     /* an extended message is there */
    STOP_UNSAVED,      /* disconnects, and has not saved its data pointer */
    STOP_PHASE,        /* asks for a phase that cannot be now */
};

/* Places in the program. */
enum label {
    L_START, /* the next command of the ring, or wait */
    L_IDLE,
    L_SIGNALLED,
    L_RESELECTED,
    L_SELECTED,      /* a subroutine of commands' code */
    L_COMMAND,       /* after messages: the command block, or what the target wants */
    L_DISPATCH,      /* phases but data and command */
    L_DISPATCH_DONE, /* the same behind the data */
    L_UNSAVED,       /* the same, with data moved since the pointer was saved */
    L_STATUS,
    L_STATUS_DONE,
    L_MESSAGE_IN,
    L_MESSAGE_UNSAVED,
    L_MESSAGE_OUT,
    L_SAVED,
    L_DISCONNECT,
    L_EXTENDED,
    L_EXTENDED_2,
    L_EXTENDED_3,
    L_ACCEPT,  /* the message, then as L_COMMAND */
    L_LEAVE,   /* accept a disconnection */
    L_TAGS,    /* the tag of who has reselected */
    L_DATA_IN, /* PIECES instructions each */
    L_DATA_OUT,
    L_BUCKET_IN, /* more data than was asked for */
    L_BUCKET_OUT,
    LABELS
};

struct entry {
    ULONG count, address;
};

/* What DSA points to. */
struct table {
    ULONG target; /* SCNTL3, SDID, SXFER from the highest byte on */
    struct entry message, cdb, status, data[PIECES];
};

/* The first parts of a command are read by the chip. */
#define CODE_NEXT   11 /* words of the code: where the address of the ring's place behind it is */
#define CODE_IN     15 /* words of the data instructions' jumps */
#define CODE_OUT    17
#define CODE_RESUME 21 /* where reselection enters */
struct command {
    ULONG code[32];
    struct table table;
    UCHAR message[12], cdb[16], status;
    /* not the chip's */
    PSCSI_REQUEST_BLOCK srb; /* NULL: it is idle */
    ULONG physical;
    ULONG next; /* piece that is moved next; the last one is PIECES - 1 */
    ULONG left; /* bytes that were not moved when it went to its status */
    BOOLEAN overrun;
    struct command *before, *after; /* of those that are out; after: also of those that are idle */
    ULONG behind;                   /* address of the ring's place behind it */
};

/* A place for a command to start: an empty one jumps to L_IDLE, a full one to the command's code. */
struct place {
    ULONG jump[2];
    ULONG address; /* of this place */
    ULONG reserved;
};

/* Memory that the chip reads and writes. */
struct shared {
    struct place ring[RING];
    ULONG program[2 * (128 + 2 * PIECES + TAGS + TAGS / 16)];
    UCHAR message[16]; /* that comes in */
    UCHAR no_operation;
    UCHAR bucket[BUCKET]; /* what is not wanted; zeros for who wants too much */
    struct command command[COMMANDS];
};

struct target {
    UCHAR scntl3, sxfer; /* as they are loaded for it */
    BOOLEAN settled;     /* it has been asked for speed since the bus was reset */
};

struct adapter {
    PUCHAR regs;
    struct shared *shared;
    ULONG physical; /* of it */
    ULONG label[LABELS];
    ULONG *tag[TAGS]; /* where the jump of a tag lies in the program */
    ULONG *begin;     /* where the jump of L_START lies in it */
    ULONG fill;       /* place of the ring */
    BOOLEAN wide;
    struct command *idle, *out; /* commands that the chip has not, and has */
    /* Where a target has come back without saying who it is, only the one command that is out can be meant: for some time
     * there is only one. QEMU 7.2 does so with commands that fail. */
    ULONG careful;    /* commands left of that time */
    BOOLEAN withheld; /* the port has not been asked for more: the next end of a command does */
    struct target target[TARGETS];
};

/* program.c */
void program_make(struct adapter *a);
void command_data_at(struct adapter *a, struct command *c, ULONG piece);

/* sym53c8xx.c */
void bus_was_reset(struct adapter *a);
void command_enter(struct adapter *a, struct command *c);
void command_end(struct adapter *a, struct command *c, UCHAR srb_status);

/* event.c */
BOOLEAN NTAPI HwInterrupt(PVOID extension);

/* negotiate.c: bytes of the messages behind IDENTIFY and tag; what the target answers */
ULONG negotiate(struct adapter *a, ULONG id, PUCHAR to);
void negotiated(struct adapter *a, ULONG id);

static inline UCHAR
get(const struct adapter *a, ULONG reg)
{
    return ScsiPortReadRegisterUchar(a->regs + reg);
}

static inline void
put(const struct adapter *a, ULONG reg, UCHAR value)
{
    ScsiPortWriteRegisterUchar(a->regs + reg, value);
}

static inline ULONG
get32(const struct adapter *a, ULONG reg)
{
    return ScsiPortReadRegisterUlong((PULONG)(a->regs + reg));
}

/* Have the program go on at a label, or at a command's code. It has stopped. */
static inline void
run(const struct adapter *a, ULONG address)
{
    ScsiPortWriteRegisterUlong((PULONG)(a->regs + DSP), address);
}
