/*
 * Registers of the Am53C974 (AMD PCscsi, data sheet 16506): an ESP core, each of whose byte registers has four ports, and a
 * DMA engine with ports of 32 bits.
 */
#pragma once

/* The SCSI core. Where reading and writing differ: R, W. */
enum {
    COUNT_LOW = 0x00, /* R: what is left of a transfer; W: its length */
    COUNT_MID = 0x04,
    FIFO = 0x08, /* 16 bytes */
    COMMAND = 0x0c,
    STATUS = 0x10,     /* R */
    BUS_ID = 0x10,     /* W: who is selected */
    INTERRUPT = 0x14,  /* R: clears it and the status */
    TIMEOUT = 0x14,    /* W: of a selection */
    STEP = 0x18,       /* R */
    PERIOD = 0x18,     /* W: of synchronous transfers, in clocks */
    FIFO_STATE = 0x1c, /* R: bits 4 to 0: bytes in it */
    OFFSET = 0x1c,     /* W: of synchronous transfers */
    CONTROL1 = 0x20,
    CLOCK = 0x24, /* W */
    CONTROL2 = 0x2c,
    CONTROL3 = 0x30,
    CONTROL4 = 0x34,
    COUNT_HIGH = 0x38,
};

/* COMMAND */
enum {
    CMD_NOP = 0x00,
    CMD_CLEAR_FIFO = 0x01,
    CMD_RESET_CHIP = 0x02,
    CMD_RESET_BUS = 0x03,
    CMD_TRANSFER = 0x10,
    CMD_COMPLETE = 0x11, /* status and message byte into the FIFO */
    CMD_ACCEPT = 0x12,   /* the message */
    CMD_SET_ATN = 0x1a,
    CMD_SELECT = 0x42,      /* with ATN: one message byte, then the command block */
    CMD_SELECT_STOP = 0x43, /* with ATN: one message byte, then stop */
    CMD_ENABLE_RESELECT = 0x44,
    CMD_DMA = 0x80,
};

/* STATUS: bits 2 to 0 are the phase */
enum { PHASE_DATA_OUT, PHASE_DATA_IN, PHASE_COMMAND, PHASE_STATUS, PHASE_MESSAGE_OUT = 6, PHASE_MESSAGE_IN };
#define STATUS_PHASE     0x07
#define STATUS_COUNT_0   0x10
#define STATUS_PARITY    0x20
#define STATUS_GROSS     0x40
#define STATUS_INTERRUPT 0x80

/* INTERRUPT */
#define INT_SELECTED   0x03
#define INT_RESELECTED 0x04
#define INT_DONE       0x08
#define INT_SERVICE    0x10 /* the target asks for another phase */
#define INT_DISCONNECT 0x20
#define INT_INVALID    0x40
#define INT_RESET      0x80

#define STEP_MASK 0x07
#define FIFO_MASK 0x1f

/* Settings for the 40 MHz that PCI adapters give it. */
#define CONTROL1_PARITY   0x10 /* and bits 2 to 0: its own number */
#define CONTROL2_FEATURES 0x40 /* counts of 24 bits */
#define CONTROL3_FAST     0x08
#define CLOCK_40MHZ       0 /* 35 to 40 MHz */
#define TIMEOUT_250MS     153
#define MEGAHERTZ         40

/* The DMA engine. */
enum {
    DMA_COMMAND = 0x40,
    DMA_COUNT = 0x44,   /* bytes */
    DMA_ADDRESS = 0x48, /* physical */
    DMA_LEFT = 0x4c,
    DMA_STATUS = 0x54,
};
#define DMA_IDLE      0x00
#define DMA_BLAST     0x01 /* what it holds goes to memory */
#define DMA_ABORT     0x02
#define DMA_START     0x03
#define DMA_TO_MEMORY 0x80

#define DMA_ERROR   0x02
#define DMA_DONE    0x08
#define DMA_SCSI    0x10 /* the core interrupts */
#define DMA_BLASTED 0x20

#define PORTS 0x60
