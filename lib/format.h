/*
 * The one printf engine. Conversions d i u x X o c s p % with the flags - + space # 0, width and precision
 * (numbers or *), and the lengths hh h l ll z j t. No floating point and no %n: an unknown conversion is
 * printed as it stands. %p prints 0x and the digits; a NULL string prints "(null)".
 * No memory is allocated, no lock taken, and no string is read past its precision. Any IRQL.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Takes the next n >= 1 characters of the output. */
typedef void format_put(void *context, const char *s, size_t n);

/*
 * Format into `put`, piece by piece.
 * Returns: the number of characters, at most INT_MAX
 */
int format_v(format_put *put, void *context, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* On the host, code under test prints with this engine too, not with the host's. */
#if __STDC_HOSTED__
#include <stdio.h>
#define snprintf  lib_snprintf
#define vsnprintf lib_vsnprintf
#endif

/* As in C: at most size - 1 characters and a NUL; returns the length that was wanted. `size` may be 0. */
int snprintf(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *to, size_t size, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
