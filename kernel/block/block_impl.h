/* What the files of the block layer share. */
#pragma once
#include "kernel/block/block.h"

/*
 * parts.c: look for partitions, with the disk's mutex alone, since it may take its time to answer; NULL: there are none. Enter what was
 * found, which is freed; forget those there are: -EBUSY. The devices' mutex is held.
 */
struct table;
struct table *parts_read(struct disk *d);
void parts_enter(struct disk *d, struct table *t);
int parts_forget(struct disk *d);

/* device.c */
int device_enter(struct disk *d, struct block_device *b); /* lock held; tells added() */
void device_leave(struct block_device *b);                /* likewise removed() */
