/*
 * The SCSI port: ScsiPort drivers as contract/scsiport.md describes them (obligations S-nnn), on the engine of drivers/port/core.
 * One host bus adapter is an adapter with one bus of the engine's, whatever number of SCSI buses (paths) it has: they share
 * one StartIo, one interrupt and one pace. A logical unit is a unit.
 */
#pragma once

/* Boot, once: publishes scsiport.sys. */
void scsiport_init(void);
