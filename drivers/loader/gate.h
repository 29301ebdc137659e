/*
 * The gate: the one place where control enters a driver.
 *
 * What is called belongs to somebody: an adapter that the driver serves, or the driver itself (DriverEntry, its own DPCs and
 * timers). That is a struct gate. A call that goes wrong (kernel/cpu/guard.h), or that returns at another IRQL than it
 * was made at, closes the gate: nothing is called through it any more, its owner is told once, and the rest of the
 * machine goes on.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cpu/guard.h"

struct driver;

#define GATE_TEXT     240
#define GATE_NO_PORTS 0xffffu /* the last before the first */

/* Rules that hold for any driver; each is reported once a gate. */
enum gate_rule {
    GATE_SLOW,  /* a call at a raised IRQL took longer than GATE_SLOW_LIMIT */
    GATE_STALL, /* asked for a stall of more than GATE_STALL_LIMIT */
    GATE_PORT,  /* an I/O port that is none of its device's */
    GATE_RULES
};
#define GATE_SLOW_LIMIT  MS(500)
#define GATE_STALL_LIMIT 100000 /* microseconds */

/* [I] fixed   [a] atomic */
struct gate {
    struct driver *driver; /* [I] */
    const char *name;      /* [I] whose calls these are: "ahci0", "ahci.sys" */
    /* [I] Called once, after the report, when a call has closed the gate; at the IRQL of that call. NULL: nothing more */
    void (*closed)(struct gate *g);
    /* [I] A rule was broken that was not before: for the owner's log. Any IRQL. NULL: nothing more */
    void (*violated)(struct gate *g, const char *text);
    /* [I] Are these I/O ports the driver's to use? Any IRQL. NULL: there is no telling */
    bool (*owns_port)(struct gate *g, uint16_t port, unsigned size);
    uint32_t ports; /* [a] of owns_port(): the range used last, first | last << 16; GATE_NO_PORTS: ask it */
    bool closing;   /* [a] somebody closes it: the first reason counts */
    bool is_closed; /* [a] */
    uint64_t calls; /* [a] */
    uint64_t violations; /* [a] rules broken that were survived */
    bool said[GATE_RULES];
    char text[GATE_TEXT]; /* why it was closed; "": it is open */
};

/* Once the clock runs. gate_watch(): there is a driver now, whose calls are limited. PASSIVE_LEVEL; again: nothing. */
void gate_init(void);
void gate_watch(void);

/*
 * Call a routine of the driver, with the arguments that it has (the others are ignored).
 * IRQL:    the routine's; kept
 * Locks:   none of the kernel's that the routine's own calls into the kernel take
 * Returns: 0 and *result (RAX; may be NULL); -EIO: the gate is closed, by this call or before
 */
int gate_call(struct gate *g, const char *routine, const void *function,
              const uint64_t arguments[GUARD_ARGUMENTS], uint64_t *result);
#define GATE_ARGUMENTS(...) ((const uint64_t[GUARD_ARGUMENTS]){__VA_ARGS__})

/* Close it for a reason of the owner's: a rule that was broken. `routine` may be NULL. Any IRQL. Twice: nothing. */
void gate_close(struct gate *g, const char *routine, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A rule was broken and nothing is lost by it: counted, and said the first time each caller finds `*said` false. */
void gate_violation(struct gate *g, bool *said, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The gate of the innermost call in progress on this thread; NULL: none. Any IRQL. */
struct gate *gate_current(void);
