/*
 * The console terminal: what is typed on keyboard and serial port comes in, what is written goes out to the
 * screen and the serial port. Raw bytes; the line discipline comes on top of this.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which devices tty_write() goes to. */
enum tty_output { TTY_SERIAL = 1, TTY_SCREEN = 2 };

/* Boot, once, after the scheduler runs. */
void tty_init(unsigned outputs);

/*
 * Bytes that were typed. What does not fit into the buffer is dropped, and counted.
 * IRQL: <= DISPATCH_LEVEL
 */
void tty_input(const char *bytes, size_t n);

/*
 * Up to `size` typed bytes, waiting for the first up to `timeout` ns.
 * IRQL:    PASSIVE_LEVEL
 * Returns: their number, or -ETIMEDOUT
 */
long tty_read(char *bytes, size_t size, uint64_t timeout);

/* IRQL: any. Text of one call is not mixed with that of another, nor with lines of the log. */
void tty_write(const char *bytes, size_t n);

/* Input bytes dropped since boot. */
uint64_t tty_dropped(void);
