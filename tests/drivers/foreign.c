/*
 * A driver in the ways of others: what old and new compilers and linkers leave in an image. It reports through DbgPrint,
 * and through what DriverEntry returns: 0, or the line of the first thing that is not as it should be.
 */
#include "ntddk.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return (NTSTATUS)(0xe0000000 | __LINE__);                                                        \
    } while (0)

ULONG_PTR __security_cookie = 0x00002b992ddfa232ull;
void (*check_pointer)(void) = 0;
void (*dispatch_pointer)(void) = 0;

/* The load configuration, whose place the test writes into the headers. */
__attribute__((section(".lcfg"), used)) static struct {
    ULONG size, reserved[21];
    PVOID cookie;
    PVOID handlers[2];
    PVOID guard_check, guard_dispatch;
    UCHAR rest[64];
} load_config = {.size = sizeof(load_config),
                 .cookie = &__security_cookie,
                 .guard_check = &check_pointer,
                 .guard_dispatch = &dispatch_pointer};

static UCHAR large_data[400 * 1024] = {1}; /* half a megabyte of image */
static UCHAR large_bss[200 * 1024];
static volatile double sum;

/* SSE2 as -O3 makes it. */
static double
add_up(const double *values, int count)
{
    double total = 0;

    for (int i = 0; i < count; i++)
        total += values[i] * 0.5;
    return total;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    static double values[64];
    ULONGLONG level, number;

    CHECK(__security_cookie && __security_cookie != 0x00002b992ddfa232ull && !(__security_cookie >> 48));
    CHECK(check_pointer && dispatch_pointer);
    check_pointer();
    for (unsigned i = 0; i < sizeof(large_bss); i += 4096)
        CHECK(!large_bss[i]);
    large_bss[sizeof(large_bss) - 1] = 1;
    CHECK(large_data[0] == 1);
    large_data[sizeof(large_data) - 1] = 2;
    __asm__ volatile("mov %%cr8, %0" : "=r"(level));
    CHECK(level == 0);
    __asm__ volatile("mov %0, %%cr8" ::"r"(2ull));
    __asm__ volatile("movl %%gs:0x184, %k0" : "=r"(number));
    __asm__ volatile("mov %0, %%cr8" ::"r"(0ull));
    CHECK(number < 64);
    for (int i = 0; i < 64; i++)
        values[i] = i;
    sum = add_up(values, 64);
    CHECK(sum == 1008.0);
    DbgPrint("foreign: all is as it should be, sum %d\n", (int)sum);
    return STATUS_SUCCESS;
}
