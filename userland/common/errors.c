/*
 * Errors: "command: what failed: why", to stderr.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/impl.h"

const char *command_name = "?";

static void
say(const char *format, va_list args, int why)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", command_name);
    vfprintf(stderr, format, args);
    if (why)
        fprintf(stderr, ": %s", strerror(why));
    fputc('\n', stderr);
}

void
warn_of(const char *format, ...)
{
    int why = errno;
    va_list args;

    va_start(args, format);
    say(format, args, why);
    va_end(args);
}

void
fail(const char *format, ...)
{
    int why = errno;
    va_list args;

    va_start(args, format);
    say(format, args, why);
    va_end(args);
    exit(1);
}

void
usage_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args, 0);
    va_end(args);
    fprintf(stderr, "Try '%s --help'.\n", command_name);
    exit(2);
}

void
finish(int status)
{
    if (fflush(stdout) || ferror(stdout))
        fail("standard output");
    exit(status);
}
