/* What the files of the engine share. */
#pragma once
#include "drivers/port/core/port.h"

/* resource.c: the ranges and lines of an adapter's device. PASSIVE_LEVEL, but for resources_own_port(): any IRQL. */

/* Claim the device that it was made for and list its ranges. Returns 0 or -errno and why[DRIVER_WHY]. */
int resources_claim(struct adapter *a, char *why);
/* Unmap and give back all. */
void resources_release(struct adapter *a);
bool resources_own_port(struct gate *g, uint16_t port, unsigned size);
/* How many lines it has: two if either channel of an IDE controller is at ISA's addresses (its own, and ISA's other one or the
 * function's), but for one that was found and uses one channel alone. */
uint32_t resources_lines(const struct adapter *a);
/* ISA's line that its n-th interrupt is; -1: it is none of ISA's. */
int resources_isa_line(const struct adapter *a, uint32_t n);

/* time.c: fires each second while bus->ticking. DISPATCH_LEVEL, no lock held */
void bus_second(struct timer *t);
