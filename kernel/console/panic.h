/*
 * How a panic leaves the machine (panic() itself is in log.h).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* QEMU's isa-debug-exit at its usual place: writing c ends QEMU with status c << 1 | 1. */
#define EMULATOR_EXIT_PORT 0xf4
#define EMULATOR_OK        0x10 /* status 33 */
#define EMULATOR_FAILED    0x11 /* status 35 */
#define EMULATOR_PANIC     0x12 /* status 37 */

/* Ends the emulator if it has that device; else returns. Any IRQL. */
void emulator_exit(uint8_t code);

/* With true ("panic=exit") a panic ends the emulator instead of halting. At boot, once. */
void panic_set_exit(bool leave);
