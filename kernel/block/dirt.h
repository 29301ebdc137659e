/*
 * Which sectors of a device's blocks in memory are to be written, and when: before others, or after. Blocks have 4 KiB, sectors
 * 512 bytes; bit n of a mask is sector n of a block.
 *
 * Three stages follow one another; whoever writes them flushes the device between. A sector is dirty in one way, or in these:
 *
 *   DIRT_DATA    stage 0: what nothing on the medium leads to yet
 *   DIRT_FRESH   stage 0, as zeros: a new part of something; what is put into it later goes with stage 2
 *   DIRT_TABLE   stage 1
 *   DIRT_ENTRY   stage 2: what leads to others. In a sector that is DATA it goes with that
 *
 * The caller locks.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/mem/pages.h"

#define DIRT_SECTOR  512u
#define DIRT_SECTORS 8u /* of a block */

enum dirt_kind { DIRT_DATA, DIRT_FRESH, DIRT_TABLE, DIRT_ENTRY };
enum dirt_stage { STAGE_DATA, STAGE_TABLE, STAGE_ENTRY };

/* Zeroed: nothing is dirty. */
struct dirt {
    struct pages blocks; /* block -> whose memory it is, and four masks. blocks.count: how many are dirty */
};

/* Sectors of one block, to be written together. */
struct dirt_run {
    uint64_t sector; /* of the device */
    uint32_t count;
    uint32_t token; /* the block's */
    bool zeros;     /* whatever is there in memory */
};

/*
 * Sectors of a block are dirty. token: whose memory the block is; the first one stays.
 * IRQL:    <= DISPATCH_LEVEL
 * Returns: 1: the block was clean before; 0; -ENOMEM
 */
int dirt_add(struct dirt *d, uint64_t block, uint32_t token, uint8_t sectors, enum dirt_kind kind);

/* The first sectors at or behind *sector that a stage writes; *sector is set behind them. false: no more */
bool dirt_next(const struct dirt *d, enum dirt_stage stage, uint64_t *sector, struct dirt_run *r);

/* What the stage had in the first block at or behind *block has been written; *block is set behind it. false: no more.
 * *is_clean: it is not dirty in any other way, and has been forgotten. */
bool dirt_written(struct dirt *d, enum dirt_stage stage, uint64_t *block, uint32_t *token, bool *is_clean);

/* Forget a block that is dirty, whatever it is: the last one. false: there is none */
bool dirt_forget(struct dirt *d, uint32_t *token);
