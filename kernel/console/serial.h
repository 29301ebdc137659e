/*
 * The first serial port (16550 at COM1), 115200 baud, 8N1. Writing polls with a bound, so that it works in a
 * panic; input comes by interrupt.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "kernel/console/sink.h"

/* Find and set up the port. Returns false if there is none (scratch register and loopback test fail). */
bool serial_init(void);

/* Write, turning "\n" into "\r\n" if `cooked`. Without a port: nothing. Any IRQL. */
void serial_write(const char *text, size_t size);
void serial_write_raw(const char *text, size_t size);

/* Bytes received go to `sink`, at DISPATCH_LEVEL or below a device's level. PASSIVE_LEVEL. 0 or -errno. */
int serial_listen(void (*sink)(void *context, const char *bytes, size_t n), void *context);

extern struct log_sink serial_log;
extern struct log_sink debugcon_log;    /* QEMU's isa-debugcon at port 0xe9 */
