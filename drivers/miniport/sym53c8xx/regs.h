/*
 * Registers of the Symbios 53C8xx family (LSI53C895A and LSI53C810A technical manuals, chapter 4): those that all of
 * it have.
 */
#pragma once

enum {
    SCNTL0 = 0x00,
    SCNTL1 = 0x01,
    SCNTL2 = 0x02,
    SCNTL3 = 0x03, /* clocks; width */
    SCID = 0x04,
    SXFER = 0x05, /* synchronous transfers: period, offset */
    SDID = 0x06,
    SSID = 0x0a, /* who has reselected */
    DSTAT = 0x0c,
    SSTAT0 = 0x0d,
    SSTAT1 = 0x0e,
    SSTAT2 = 0x0f,
    DSA = 0x10,
    ISTAT = 0x14,
    CTEST2 = 0x1a,
    CTEST3 = 0x1b,
    DFIFO = 0x20,
    DBC = 0x24,
    DSP = 0x2c,  /* writing it starts the SCRIPTS processor */
    DSPS = 0x30, /* second word of the instruction, the code of INT */
    DMODE = 0x38,
    DIEN = 0x39,
    DCNTL = 0x3b,
    SIEN0 = 0x40,
    SIEN1 = 0x41,
    SIST0 = 0x42,
    SIST1 = 0x43,
    STIME0 = 0x48,
    RESPID0 = 0x4a,
    STEST2 = 0x4e,
    STEST3 = 0x4f,
};

#define REGISTERS 0x80 /* bytes */

#define SCNTL0_ARBITRATE 0xc0 /* in full */
#define SCNTL0_PARITY    0x0a /* is checked, and ATN asserted for errors */
#define SCNTL1_RESET     0x08 /* the bus */
#define SCNTL2_EXPECTED  0x7f /* and: a disconnection is no error */
#define SCNTL3_CLOCK     0x03 /* of 40 MHz, asynchronous */
#define SCNTL3_FAST      0x10 /* synchronous: 40 MHz / 4 at best */
#define SCNTL3_WIDE      0x08
#define SCID_RESELECT    0x40 /* is answered */

#define DSTAT_FAULT 0x60 /* of the PCI bus */
#define DSTAT_ABORT 0x10
#define DSTAT_INT   0x04 /* the instruction */
#define DSTAT_WRONG 0x01 /* no instruction */

#define ISTAT_ABORT  0x80
#define ISTAT_RESET  0x40 /* the chip */
#define ISTAT_SIGNAL 0x20 /* to the program */
#define ISTAT_FLY    0x04
#define ISTAT_SCSI   0x02
#define ISTAT_DMA    0x01

#define SIST0_PHASE      0x80 /* is not the instruction's */
#define SIST0_GROSS      0x08
#define SIST0_DISCONNECT 0x04 /* not expected */
#define SIST0_RESET      0x02
#define SIST0_PARITY     0x01
#define SIST1_TIMEOUT    0x04 /* of a selection */

#define CTEST3_CLEAR   0x04 /* the DMA FIFO */
#define DMODE_BURST_16 0xc0
#define DCNTL_COM      0x01 /* no compatibility with the 53C700 */
#define STIME0_200_MS  0x0c
#define STEST3_EAN     0x80 /* active negation */
#define STEST3_CLEAR   0x02 /* the SCSI FIFO */

#define SSTAT0_LATCHED 0x60 /* each a byte on its way out */
#define FIFO_MASK      0x7f
#define PHASE_MASK     0x07
