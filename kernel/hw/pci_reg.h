/*
 * Registers in PCI configuration space. Facts of the specifications only: PCI Local Bus 3.0, PCI-to-PCI Bridge
 * Architecture 1.2, PCI Express Base 4.0. Offsets are bytes from the start of a function's space, or of a
 * capability; the bits of a register stand indented below it.
 */
#pragma once
#include "lib/field.h"

/* clang-format off */
/* PCI 3.0, 6.1: the header */
#define PCI_REG_VENDOR                 0x00        /* 16 bits; all ones: there is no function */
#define PCI_REG_DEVICE                 0x02
#define PCI_REG_COMMAND                0x04
#define  PCI_COMMAND_IO                BIT(0)      /* decode I/O */
#define  PCI_COMMAND_MEMORY            BIT(1)      /* decode memory */
#define  PCI_COMMAND_MASTER            BIT(2)      /* may start transactions */
#define  PCI_COMMAND_INTX_OFF          BIT(10)
#define PCI_REG_STATUS                 0x06
#define  PCI_STATUS_CAPS               BIT(4)
#define PCI_REG_REVISION               0x08        /* 8 bits; class code in the 24 bits above */
#define PCI_REG_HEADER                 0x0e
#define  PCI_HEADER_MULTI              BIT(7)
#define  PCI_HEADER_TYPE               BITS(6, 0)
#define PCI_REG_BAR0                   0x10
#define  PCI_BAR_IO                    BIT(0)
#define  PCI_BAR_IO_ADDRESS            BITS(31, 2)
#define  PCI_BAR_TYPE                  BITS(2, 1)
#define   PCI_BAR_TYPE_64              2
#define   PCI_BAR_TYPE_RESERVED        3
#define  PCI_BAR_PREFETCH              BIT(3)
#define  PCI_BAR_ADDRESS               BITS(31, 4)
#define PCI_REG_SUBSYSTEM_VENDOR       0x2c
#define PCI_REG_SUBSYSTEM              0x2e
#define PCI_REG_ROM                    0x30
#define  PCI_ROM_ENABLE                BIT(0)
#define  PCI_ROM_ADDRESS               BITS(31, 11)
#define PCI_REG_CAPS                   0x34
#define PCI_REG_LINE                   0x3c
#define PCI_REG_PIN                    0x3d

/* Bridge 1.2, 3.2: a bridge's header */
#define PCI_REG_PRIMARY                0x18
#define PCI_REG_SECONDARY              0x19
#define PCI_REG_SUBORDINATE            0x1a
#define PCI_REG_IO_BASE                0x1c        /* 8 bits; the limit in the next byte */
#define  PCI_IO_WINDOW_32              BIT(0)
#define  PCI_IO_WINDOW_ADDRESS         BITS(7, 4)
#define PCI_REG_MEMORY_BASE            0x20        /* 16 bits; the limit in the next 16, also below */
#define  PCI_MEMORY_WINDOW_ADDRESS     BITS(15, 4)
#define PCI_REG_PREFETCH_BASE          0x24
#define  PCI_PREFETCH_WINDOW_64        BIT(0)
#define PCI_REG_PREFETCH_BASE_HIGH     0x28
#define PCI_REG_PREFETCH_LIMIT_HIGH    0x2c
#define PCI_REG_IO_BASE_HIGH           0x30
#define PCI_REG_IO_LIMIT_HIGH          0x32
#define PCI_REG_BRIDGE_ROM             0x38

/* PCI 3.0, 6.7: capabilities */
#define PCI_CAP_FIRST                  0x40
#define PCI_CAP_ID_PM                  0x01
#define PCI_CAP_ID_MSI                 0x05
#define PCI_CAP_ID_PCIE                0x10
#define PCI_CAP_ID_MSIX                0x11
#define PCI_CAP_ID_AF                  0x13

/* PCI Power Management 1.2, 3.2 */
#define PCI_PM_SIZE                    8
#define PCI_PM_CONTROL                 4
#define  PCI_PM_STATE                  BITS(1, 0)
#define  PCI_PM_NO_SOFT_RESET          BIT(3)
#define  PCI_PM_STATUS                 BIT(15)     /* cleared by writing 1 */

/* PCI 3.0, 6.8.1: MSI. Registers behind the address lie 4 higher if it has 64 bits. */
#define PCI_MSI_SIZE                   10          /* smallest */
#define PCI_MSI_SIZE_MASKS             20          /* smallest with masks */
#define PCI_MSI_CONTROL                2
#define  PCI_MSI_ENABLE                BIT(0)
#define  PCI_MSI_CAPABLE               BITS(3, 1)  /* log2 of the messages wanted */
#define  PCI_MSI_COUNT                 BITS(6, 4)  /* log2 of the messages given */
#define  PCI_MSI_64BIT                 BIT(7)
#define  PCI_MSI_MASKS                 BIT(8)
#define PCI_MSI_ADDRESS                4
#define PCI_MSI_DATA                   8           /* 16 bits */
#define PCI_MSI_MASK                   12          /* a bit a message */

/* PCI 3.0, 6.8.2: MSI-X */
#define PCI_MSIX_SIZE                  12
#define PCI_MSIX_CONTROL               2
#define  PCI_MSIX_COUNT                BITS(10, 0) /* less one */
#define  PCI_MSIX_MASK_ALL             BIT(14)
#define  PCI_MSIX_ENABLE               BIT(15)
#define PCI_MSIX_TABLE                 4
#define PCI_MSIX_PBA                   8
#define  PCI_MSIX_BAR                  BITS(2, 0)
#define  PCI_MSIX_OFFSET               BITS(31, 3)
#define PCI_MSIX_ENTRY_SIZE            16          /* address, address high, data, control */
#define PCI_MSIX_ENTRY_DATA            8
#define PCI_MSIX_ENTRY_CONTROL         12
#define  PCI_MSIX_ENTRY_MASKED         BIT(0)

/* PCIe 4.0, 7.5.3: PCI Express */
#define PCI_PCIE_SIZE                  20          /* of version 1 */
#define PCI_PCIE_SIZE_SLOT             28          /* with the registers of a slot */
#define PCI_PCIE_SIZE_2                60
#define PCI_PCIE_FLAGS                 2
#define  PCI_PCIE_VERSION              BITS(3, 0)
#define  PCI_PCIE_TYPE                 BITS(7, 4)
#define   PCI_PCIE_ROOT_PORT           4
#define   PCI_PCIE_DOWNSTREAM_PORT     6
#define  PCI_PCIE_SLOT                 BIT(8)      /* of a port: there is a slot behind it */
#define  PCI_PCIE_MESSAGE              BITS(13, 9) /* which one hot-plug interrupts by */
#define PCI_PCIE_DEVCAP                4
#define  PCI_DEVCAP_PAYLOAD            BITS(2, 0)  /* log2 of the largest payload / 128 */
#define  PCI_DEVCAP_FLR                BIT(28)
#define PCI_PCIE_DEVCTL                8
#define  PCI_DEVCTL_PAYLOAD            BITS(7, 5)
#define  PCI_DEVCTL_FLR                BIT(15)
#define PCI_PCIE_DEVSTA                10
#define  PCI_DEVSTA_PENDING            BIT(5)
#define PCI_PCIE_LNKCAP                12
#define  PCI_LNKCAP_ACTIVE             BIT(20)     /* says when the link is active */
#define PCI_PCIE_LNKCTL                16
#define PCI_PCIE_LNKSTA                18
#define  PCI_LNKSTA_ACTIVE             BIT(13)
#define PCI_PCIE_SLTCAP                20
#define  PCI_SLTCAP_POWER              BIT(1)      /* power controller */
#define  PCI_SLTCAP_POWER_LIGHT        BIT(4)
#define  PCI_SLTCAP_HOTPLUG            BIT(6)
#define  PCI_SLTCAP_NO_COMPLETED       BIT(18)     /* commands need no time */
#define  PCI_SLTCAP_NUMBER             BITS(31, 19)
#define PCI_PCIE_SLTCTL                24
#define  PCI_SLTCTL_INTERRUPT          BIT(5)
#define  PCI_SLTCTL_LIGHT              BITS(9, 8)
#define   PCI_SLTCTL_LIGHT_ON          1
#define   PCI_SLTCTL_LIGHT_BLINK       2
#define   PCI_SLTCTL_LIGHT_OFF         3
#define  PCI_SLTCTL_POWER_OFF          BIT(10)
#define PCI_PCIE_SLTSTA                26
#define  PCI_SLOT_BUTTON               BIT(0)      /* in SLTCTL: interrupts for it; in SLTSTA: it happened */
#define  PCI_SLOT_POWER_FAULT          BIT(1)
#define  PCI_SLOT_PRESENCE             BIT(3)
#define  PCI_SLOT_COMPLETED            BIT(4)
#define  PCI_SLTSTA_PRESENT            BIT(6)
#define  PCI_SLTSTA_LINK               BIT(8)
#define  PCI_SLTCTL_LINK               BIT(12)     /* interrupts for it */
#define PCI_PCIE_DEVCTL2               40
#define  PCI_DEVCTL2_ARI               BIT(5)      /* of a port: forwards to functions 8 and above as devices 1.. */

/* ECN Advanced Capabilities for Conventional PCI, 2006 */
#define PCI_AF_SIZE                    6
#define PCI_AF_CAP                     3
#define  PCI_AF_CAP_PENDING            BIT(0)
#define  PCI_AF_CAP_FLR                BIT(1)
#define PCI_AF_CONTROL                 4
#define  PCI_AF_FLR                    BIT(0)
#define PCI_AF_STATUS                  5
#define  PCI_AF_PENDING                BIT(0)

/* PCIe 4.0, 7.6.3: extended capabilities */
#define PCI_EXT_FIRST                  0x100
#define  PCI_EXT_ID                    BITS(15, 0)
#define  PCI_EXT_NEXT                  BITS(31, 20)
/* clang-format on */
