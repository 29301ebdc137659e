/* What the files of the translation share. */
#pragma once
#include "drivers/ddk/scsi.h"
#include "drivers/port/ataport/sat.h"
#include "lib/bytes.h"
#include "lib/field.h"
#include "lib/string.h"

/* The answer is: check condition with this sense. Returns SAT_DONE. */
enum sat_next sat_fail(struct sat_command *c, uint8_t key, uint8_t asc, uint8_t ascq);

/* ILLEGAL REQUEST: invalid field in CDB, at this byte (SPC-4 4.5.2.4.2). */
enum sat_next sat_bad_field(struct sat_command *c, uint16_t byte);

/* The answer is n bytes, of which at most `allocation` are wanted, and what fits. Returns SAT_DONE. */
enum sat_next sat_answer(struct sat_command *c, const void *bytes, uint32_t n, uint32_t allocation);

/* Good, without data. */
enum sat_next sat_good(struct sat_command *c);

/* What an ATA error means (SAT-3 table 11). */
enum sat_next sat_ata_failed(const struct sat_device *d, struct sat_command *c);

/* A command without data, 28 or 48 bits. Returns SAT_SEND. */
enum sat_next sat_send_plain(struct sat_command *c, uint8_t command, uint8_t feature, uint8_t count);

/* Put an address and a count of sectors into the registers. */
void sat_address(struct sat_ata *a, uint64_t lba, uint32_t count, bool lba48);

/* The commands of a family, and what follows on their ATA commands. */
enum sat_next sat_inquiry(const struct sat_device *d, struct sat_command *c);
enum sat_next sat_mode_sense(const struct sat_device *d, struct sat_command *c);
enum sat_next sat_mode_select(struct sat_device *d, struct sat_command *c);
enum sat_next sat_mode_select_step(struct sat_device *d, struct sat_command *c);
enum sat_next sat_unmap(const struct sat_device *d, struct sat_command *c);
enum sat_next sat_pass_through(const struct sat_device *d, struct sat_command *c);
enum sat_next sat_pass_through_step(const struct sat_device *d, struct sat_command *c);
