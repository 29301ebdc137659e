/* Registers and structures of AHCI 1.3.1 (sections 3 and 4) and of Serial ATA's frames (SATA 3.0, 10.3). */
#pragma once
#include "irb.h"

/* Generic host control. */
enum {
    HBA_CAP = 0x00,
    HBA_GHC = 0x04,
    HBA_IS = 0x08,
    HBA_PI = 0x0c,
    HBA_CCC_CTL = 0x14,
    HBA_CAP2 = 0x24,
    HBA_BOHC = 0x28
};
#define CAP_PORTS(cap) (((cap)&31) + 1)
#define CAP_COALESCING (1u << 7)
#define CAP_SLOTS(cap) (((cap) >> 8 & 31) + 1)
#define CAP_CLO        (1u << 24) /* command list override */
#define CAP_SPIN_UP    (1u << 27) /* staggered */
#define CAP_NCQ        (1u << 30)
#define CAP_64BIT      (1u << 31)
#define GHC_INTERRUPTS (1u << 1)
#define GHC_AHCI       (1u << 31)
#define CCC_ENABLE     (1u << 0)
#define CAP2_HANDOFF   (1u << 0)
#define BOHC_BIOS      (1u << 0)
#define BOHC_OS        (1u << 1)
#define BOHC_BIOS_BUSY (1u << 4)

/* Of a port, from HBA_PORTS + n * HBA_PORT_SIZE. */
#define HBA_PORTS     0x100
#define HBA_PORT_SIZE 0x80
enum {
    PX_CLB = 0x00,
    PX_CLBU = 0x04,
    PX_FB = 0x08,
    PX_FBU = 0x0c,
    PX_IS = 0x10,
    PX_IE = 0x14,
    PX_CMD = 0x18,
    PX_TFD = 0x20,
    PX_SIG = 0x24,
    PX_SSTS = 0x28,
    PX_SCTL = 0x2c,
    PX_SERR = 0x30,
    PX_SACT = 0x34,
    PX_CI = 0x38
};
#define CMD_START        (1u << 0)
#define CMD_SPIN_UP      (1u << 1)
#define CMD_POWER        (1u << 2)
#define CMD_OVERRIDE     (1u << 3)
#define CMD_RECEIVE      (1u << 4)
#define CMD_SLOT(cmd)    ((cmd) >> 8 & 31)
#define CMD_RECEIVING    (1u << 14)
#define CMD_RUNNING      (1u << 15)
#define CMD_COLD_PRESENT (1u << 20)
#define CMD_ACTIVE       (1u << 28)

#define IS_REGISTERS     (1u << 0) /* a register frame came: the command is done */
#define IS_PIO           (1u << 1)
#define IS_DMA           (1u << 2)
#define IS_BITS          (1u << 3) /* a set device bits frame: queued commands are done */
#define IS_UNKNOWN       (1u << 4)
#define IS_CONNECT       (1u << 6)
#define IS_PHY           (1u << 22)
#define IS_OVERFLOW      (1u << 24)
#define IS_INTERFACE     (1u << 26) /* non-fatal */
#define IS_INTERFACE_BAD (1u << 27)
#define IS_BUS_DATA      (1u << 28)
#define IS_BUS_BAD       (1u << 29)
#define IS_TASK_FILE     (1u << 30)
#define IS_FATAL         (IS_INTERFACE_BAD | IS_BUS_DATA | IS_BUS_BAD | IS_OVERFLOW)
#define IS_HOT_PLUG      (IS_CONNECT | IS_PHY)
#define IS_WANTED                                                                                            \
    (IS_REGISTERS | IS_PIO | IS_DMA | IS_BITS | IS_UNKNOWN | IS_HOT_PLUG | IS_FATAL | IS_TASK_FILE)

#define SSTS_DETECT(ssts)    ((ssts)&15)
#define DETECT_NOTHING       0
#define DETECT_NO_LINK       1
#define DETECT_ESTABLISHED   3
#define SCTL_RESET           1u
#define SIGNATURE_DISK       0x00000101u
#define SIGNATURE_PACKET     0xeb140101u
#define SIGNATURE_MULTIPLIER 0x96690101u

/* Of the command list: section 4.2.2. */
struct header {
    USHORT flags; /* length of the frame in words, and: */
    USHORT regions;
    volatile ULONG transferred;
    ULONG table, table_high;
    ULONG reserved[4];
};
#define HEADER_PACKET (1u << 5)
#define HEADER_WRITE  (1u << 6)
#define FRAME_WORDS   5

struct region {
    ULONG address, address_high;
    ULONG reserved;
    ULONG last; /* bytes - 1 */
};
#define REGIONS 129 /* 512 KiB, page by page, from any offset */

struct table {
    UCHAR frame[64];
    UCHAR packet[16];
    UCHAR reserved[48];
    struct region region[REGIONS];
    UCHAR pad[112]; /* a multiple of 128 */
};
_Static_assert(sizeof(struct table) % 128 == 0, "AHCI 1.3.1, 4.2.3");

/* A frame from the host, and one from the device, with the registers (SATA 3.0, 10.3.4 and 10.3.5). */
#define FRAME_TO_DEVICE 0x27
#define FRAME_COMMAND   0x80

struct registers_frame {
    UCHAR type, flags, status, error;
    UCHAR lba0, lba1, lba2, device;
    UCHAR lba3, lba4, lba5, features_high;
    UCHAR count, count_high, reserved[6];
};

/* Received frames: section 4.2.1. */
struct received {
    UCHAR dma_setup[0x20];
    UCHAR pio_setup[0x20];
    struct registers_frame registers;
    UCHAR reserved[0x58 - 0x54];
    UCHAR bits[8];
    UCHAR rest[0x100 - 0x60];
};
_Static_assert(sizeof(struct received) == 0x100, "AHCI 1.3.1, 4.2.1");
