/*
 * A driver that goes wrong loses its call and its gate, and the machine goes on: each way of tests/guest/probe/faults.c.
 */
#include "kernel/cpu/irql.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/probe.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

/* By the driver's Mode, from 1: what the gate says. */
static const char *const texts[] = {
    "DriverEntry read address 0000000000000000, which is not mapped",
    "DriverEntry wrote to address ffffffff80104000, which is not writable",
    "which is not writable",
    "which is not executable",
    "DriverEntry executed address 0000000000123450, which is not mapped",
    "raised general protection fault (#GP)",
    "raised divide error (#DE)",
    "raised breakpoint (#BP)",
    "DriverEntry was called at IRQL 0 and returned at IRQL 7",
    "DriverEntry did not return within ",
    "DriverEntry overran its stack, at faults.sys+",
    "called KeBugCheckEx(0xd1, 0x1, 0x2, 0x3, 0x4)",
    "to ExFreePool, which it was not given by its counterpart",
    "to ExFreePool, which it was not given by its counterpart",
    "called KeWaitForSingleObject at IRQL 2, which allows at most 1",
    "released a spin lock that is not held",
    "took a spin lock that its processor holds already",
    "read address 0000000000005000, which is not mapped",
    "read address 0000000000006000, which is not mapped",
    "address 0000000000007000, which is not mapped",
    "lowered the IRQL to 2 at IRQL 0",
    "DPC wrote to address 0000000000002000, which is not mapped, at faults.sys+",
    "read address 0000000000003000, which is not mapped",
    "raised general protection fault (#GP)",
    "that was not initialized",
};

static void
go_wrong(unsigned mode)
{
    struct driver *d = probe_load("faults.sys");
    volatile uint32_t *variable = d ? probe_variable(d, "Mode") : NULL;
    char why[DRIVER_WHY];

    if (!variable)
        return;
    *variable = mode;
    (void)driver_start(d, why);
    if (!d->gate.is_closed || !strstr(d->gate.text, texts[mode - 1]))
        ktest_fail(__FILE__, __LINE__, "mode %u: \"%s\", want \"%s\"", mode, d->gate.text, texts[mode - 1]);
    KCHECK_EQ(irql_current(), PASSIVE_LEVEL);
    probe_unload(d);
}

KTEST(driver_that_goes_wrong_ends_itself_and_nothing_else)
{
    struct mem_taken before;

    go_wrong(1);
    before = mem_taken();
    for (unsigned mode = 1; mode <= ARRAY_SIZE(texts); mode++)
        go_wrong(mode);
    mem_check_same(&before);
}

KTEST(driver_with_all_that_the_kernel_offers)
{
    struct driver *d = probe_load("runtime.sys");

    if (d) {
        (void)probe_start(d);
        probe_unload(d);
    }
}

KTEST(driver_loads_and_unloads_1000_times_without_a_page_lost)
{
    struct mem_taken before;
    size_t size;
    void *file = probe_file("/tests/drivers/faults.sys", &size);
    char why[DRIVER_WHY];
    struct driver *d;

    for (unsigned i = 0; i <= 1000 && file && !ktest_failed(); i++) {
        if (i == 1)
            before = mem_taken();
        if (driver_load("faults.sys", NULL, file, size, &d, why) || driver_start(d, why))
            ktest_fail(__FILE__, __LINE__, "%u: %s", i, why);
        else
            probe_unload(d);
    }
    if (file) {
        mem_check_same(&before);
        probe_file_free(file);
    }
}
