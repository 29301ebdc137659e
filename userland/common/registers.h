/* Names of storage adapters' registers, and of commands: what traces show. */
#pragma once
#include <stdint.h>

/* The register at `offset` of BAR `bar` of a PCI function with this class code and identifiers (0: an ISA channel); NULL: not known.
 * For AHCI's port registers *number is the port's, else -1. */
const char *register_name(uint32_t class_code, uint16_t vendor, uint16_t device, unsigned bar,
                          uint64_t offset, int is_write, int *number);

const char *scsi_command_name(uint8_t operation); /* SPC, SBC, MMC: "READ(10)"; NULL */
const char *ata_command_name(uint8_t command);    /* ACS: "READ DMA EXT"; NULL */
const char *irb_function_name(uint16_t function); /* WDK, irb.h: "ATA_READ"; NULL */
