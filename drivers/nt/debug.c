/*
 * What drivers say, and how they give up.
 */
#include "drivers/loader/driver.h"
#include "drivers/nt/format.h"
#include "drivers/nt/nt_impl.h"
#include "lib/format.h"
#include "lib/string.h"

/* A line each; the name of the driver in front. */
static void
say(uintptr_t caller, const char *format, NT_VA_LIST args)
{
    char place[64], text[NT_FORMAT_MAX], *line = text, *end;

    (void)nt_format(text, sizeof(text), format, args);
    driver_place(caller, place, sizeof(place));
    end = strchr(place, '+');
    if (end)
        *end = 0;
    while (*line) {
        end = strchr(line, '\n');
        if (end)
            *end = 0;
        if (end && end > line && end[-1] == '\r')
            end[-1] = 0;
        if (*line)
            log_info("%s: %s", place, line);
        line = end ? end + 1 : line + strlen(line);
    }
}

ULONG NTAPI
DbgPrint(PCSTR Format, ...)
{
    NT_VA_LIST args;

    nt_va_start(args, Format);
    say((uintptr_t)__builtin_return_address(0), Format, args);
    nt_va_end(args);
    return STATUS_SUCCESS;
}

ULONG NTAPI
DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    NT_VA_LIST args;

    nt_va_start(args, Format);
    say((uintptr_t)__builtin_return_address(0), Format, args);
    nt_va_end(args);
    return STATUS_SUCCESS;
}

/* What ASSERT() of a driver's debug build calls. Nobody asks what to do: it goes on, as without a debugger. */
VOID NTAPI
RtlAssert(PVOID FailedAssertion, PVOID FileName, ULONG LineNumber, PSTR Message)
{
    (void)DbgPrint("assertion failed: %s%s%s, %s:%u\n", Message ? Message : "", Message ? " " : "",
                   (const char *)FailedAssertion, (const char *)FileName, LineNumber);
}

/* There is no debugger for it. */
VOID NTAPI
DbgBreakPoint(VOID)
{
    guard_stop("called DbgBreakPoint");
    panic("DbgBreakPoint outside of a driver's call");
}

/* The driver that wants to end the machine ends itself. */
VOID NTAPI
KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    guard_stop("called KeBugCheckEx(%#x, %#llx, %#llx, %#llx, %#llx)", BugCheckCode, P1, P2, P3, P4);
    panic("KeBugCheckEx outside of a driver's call");
}

VOID NTAPI
KeBugCheck(ULONG BugCheckCode)
{
    guard_stop("called KeBugCheck(%#x)", BugCheckCode);
    panic("KeBugCheck outside of a driver's call");
}
