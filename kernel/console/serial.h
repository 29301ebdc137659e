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

/* Write, "\n" as "\r\n". Without a port: nothing. Any IRQL. */
void serial_write(const char *text, size_t size);

/*
 * Have received bytes given to take(), at DISPATCH_LEVEL. PASSIVE_LEVEL, once.
 * Returns: 0; -ENODEV without a port; else as irq_connect_line()
 */
int serial_listen(void (*take)(uint8_t byte));

extern struct log_sink serial_log;
extern struct log_sink debugcon_log; /* QEMU's isa-debugcon at port 0xe9 */
