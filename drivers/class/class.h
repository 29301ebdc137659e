/*
 * Class drivers: disks and CDs, whatever port serves them. They turn block requests into SCSI commands (SBC-3, MMC-6) and
 * sense data into errors.
 */
#pragma once

/* Boot, once, after block_init() and before drivers are bound. */
void class_init(void);
