/*
 * What programs are told of the resources they used.
 */
#pragma once
#include <stdint.h>

struct vm_space;

/* sys/resource.h; times as seconds and microseconds. All time counts as the program's own. */
struct rusage {
    int64_t user[2], system[2];
    int64_t max_resident; /* KiB */
    int64_t unused1[3];
    int64_t minor_faults, major_faults;
    int64_t unused2[8];
};
_Static_assert(sizeof(struct rusage) == 144, "struct rusage");

/* space may be NULL. PASSIVE_LEVEL. */
void usage_fill(struct rusage *u, uint64_t ns, struct vm_space *space);
