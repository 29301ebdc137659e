/*
 * Where the log goes, and how it is read back. For the consoles and for dmesg; everybody else needs log.h only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/console/log.h"

/*
 * A place that log lines are written to. write() gets one whole line with its '\n', is called with interrupts
 * off under the log's lock, does not log, and waits for hardware only with a bound.
 */
struct log_sink {
    const char *name; /* "serial", "screen", "debugcon": as in the option log= */
    void (*write)(const char *text, size_t size);
    enum log_level threshold; /* messages above it are not written */
    struct log_sink *next;    /* the log's */
};

/* Add a sink; what the ring holds already is written to it first. Any IRQL. Twice: nothing happens. */
void log_add_sink(struct log_sink *sink);
void log_remove_sink(struct log_sink *sink);

/* One record of the ring. */
struct log_record {
    uint64_t sequence; /* 0 for the first message since boot */
    uint64_t time;     /* ns since boot */
    enum log_level level;
    uint32_t cpu;
};

/*
 * Copy the oldest record with a sequence >= *sequence and its text (cut to size - 1, terminated), and set
 * *sequence to the one after it. Returns false if there is none yet. Any IRQL.
 */
bool log_read(uint64_t *sequence, struct log_record *record, char *text, size_t size);

/* A level as syslog(3)'s severity: error 3, warning 4, informational 6, debug 7. */
unsigned log_severity(enum log_level level);

/* From now on the lock is not waited for: only one processor talks. Called by panic. */
void log_panic_mode(void);

/* Has that happened? Sinks then pass over their own locks. Any IRQL. */
bool log_panicking(void);
