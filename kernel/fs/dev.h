/*
 * The devices that need no driver. Each function enters its own into /dev. Boot, PASSIVE_LEVEL. Return 0 or -ENOMEM.
 */
#pragma once

int dev_mem_init(void);   /* null zero full random urandom */
int dev_host_init(void);  /* hostout hosterr hoststatus, in an emulator that has them */
int dev_kmsg_init(void);  /* kmsg */
int dev_block_init(void); /* disks and partitions, as they come */
int dev_tty_init(void);   /* console tty tty1 ttyS0 */

struct block_device;
struct text;

/* A device's counters in Linux's fields (Documentation/admin-guide/iostats), as far as they are counted: a line of
 * /proc/diskstats without its beginning, /sys/block/NAME/stat. */
void block_stats_show(struct text *t, const struct block_device *b);
