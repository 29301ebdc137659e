/*
 * The kernel log, and what to do about our own bugs. Every folder of the kernel may include this header.
 *
 * A message is one line without '\n': "area: what failed, value, rule". It goes into a ring (read by dmesg)
 * with its level, time and processor, and to the sinks that are on (serial port, screen, debug console).
 *
 * IRQL: any, interrupts on or off; also from an exception. Messages of two processors never mix.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* One message, as printf formats it; cut after 255 bytes. */
/* Say one line; the macros below are shorter. A line that is too long is cut. */
void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_message_v(enum log_level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#define log_err(...)   log_message(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_message(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)

/*
 * The kernel found a bug of its own: says so with a backtrace, stops all processors, never returns.
 * Never for a disk, a device, a driver, a program or a table of the firmware. Any IRQL.
 */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* The same for an exception that nobody claimed: with its registers. */
struct trap_frame;
_Noreturn void panic_trap(const struct trap_frame *f, const char *name);

/* Checked in every build. */
#define ASSERT(condition)                                                                                    \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0))                                                               \
            panic("%s:%d: %s does not hold", __FILE__, __LINE__, #condition);                                \
    } while (0)

/* Checked in debug builds; costs nothing in others. */
#define DEBUG_ASSERT(condition)                                                                              \
    do {                                                                                                     \
        if (DEBUG)                                                                                           \
            ASSERT(condition);                                                                               \
    } while (0)
