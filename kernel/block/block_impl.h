/* What the files of the block layer share. */
#pragma once
#include "kernel/block/block.h"

/* parts.c: look for partitions and enter them; forget them. The devices' mutex is held. */
void parts_find(struct disk *d);
int parts_forget(struct disk *d); /* -EBUSY */

/* device.c */
int device_enter(struct disk *d, struct block_device *b); /* lock held; tells added() */
void device_leave(struct block_device *b);                /* likewise removed() */
