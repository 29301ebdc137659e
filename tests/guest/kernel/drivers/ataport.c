/*
 * How the ATA port starts and stops drivers, controllers and channels, obligation by obligation (contract/ataport.md): the
 * test's part of a check is here, the miniport's part in tests/guest/probe/atasim.c.
 */
#include "tests/guest/kernel/drivers/sim.h"
#include "drivers/ddk/wdm.h"
#include "drivers/loader/registry.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/ktest.h"

KTEST(
    ataport_start_calls_in_order_at_the_documented_levels) /* A-001 A-002 A-003 A-007 A-008 A-009 A-017 A-021 A-022 A-032 A-037 A-040 A-047 A-117 A-120 */
{
    static const uint8_t order[] = {CALL_DRIVER_ENTRY, CALL_ADAPTER_CONTROL, CALL_CHANNEL_ENABLED,
                                    CALL_CHANNEL_INIT, CALL_CONTROL};
    struct sim s;

    if (sim_load(&s) && !sim_start(&s)) {
        for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
            KCHECK_EQ(s.seen->call[i].what, order[i]);
            KCHECK_EQ(s.seen->call[i].irql, PASSIVE_LEVEL);
        }
        KCHECK_EQ(s.seen->call[0].argument, (uintptr_t)&s.driver->object);
        KCHECK(!strcmp(s.driver->port.port, "ataport"));
        KCHECK_EQ(sim_calls(&s, CALL_INITIALIZE), 1);
        KCHECK(sim_call(&s, CALL_INITIALIZE, 0)->irql >= DEVICE_LEVEL_MIN);
        KCHECK_EQ(sim_calls(&s, CALL_TRANSFER_MODE), 1);
        KCHECK_EQ(s.seen->identify_model, 'A');
        KCHECK_EQ(ata_parameters(sim_unit(&s))->TransferModeSelected,
                  UDMA_MODE2); /* bit 30 is not supported */
        KCHECK_EQ(registry_dword("Services\\atasim\\Controller0\\Channel0", "Number", 0), 0x1234); /* */
    } else {
        ktest_fail(__FILE__, __LINE__, "%s", s.why);
    }
    sim_stop(&s);
}

KTEST(ataport_stop_drains_channels_then_the_adapter) /* A-127 A-128 A-035 */
{
    unsigned n;
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->channels = 2;
    KCHECK_EQ(sim_start(&s), 0);
    n = s.seen->count;
    KCHECK_EQ(s.driver->port.remove(s.driver, s.driver->port.data, NULL, s.why), 0);
    s.adapter = NULL;
    KCHECK_EQ(s.seen->count, n + 3);
    for (unsigned i = 0; i < 2; i++) {
        KCHECK_EQ(s.seen->call[n + i].what, CALL_CONTROL);
        KCHECK_EQ(s.seen->call[n + i].detail, IdeStop);
        KCHECK_EQ(s.seen->call[n + i].channel, i);
        KCHECK_EQ(s.seen->call[n + i].argument, 0);
    }
    KCHECK_EQ(s.seen->call[n + 2].what, CALL_ADAPTER_CONTROL);
    KCHECK_EQ(s.seen->call[n + 2].detail, IdeStop);
    sim_stop(&s);
}

/* What makes DriverEntry or the start fail, and how far it came. */
static const struct {
    const char *rule;
    size_t knob;
    uint32_t value;
    uint32_t status; /* of AtaPortInitializeEx */
    unsigned calls;  /* the probe sees */
} refused[] = {
    {"A-010", offsetof(struct knobs, version), 0, 0xc0000059, 1},
    {"A-010", offsetof(struct knobs, version), 47, 0xc0000059, 1},
    {"A-010", offsetof(struct knobs, version), 4096, 0xc0000059, 1},
    {"A-011", offsetof(struct knobs, no_routine), 1 << CALL_ADAPTER_CONTROL, 0xc000000d, 1},
    {"A-016", offsetof(struct knobs, extension_size), 0, 0, 1},
    {"A-015", offsetof(struct knobs, no_routine), 1 << CALL_CHANNEL_INIT, 0, 1},
    {"A-018", offsetof(struct knobs, alignment), 2, 0, 1},
    {"A-018", offsetof(struct knobs, alignment), 0xfff, 0, 1},
    {"A-020", offsetof(struct knobs, extension_size), 0xfffffff0, 0, 1},
    {"A-032", offsetof(struct knobs, false_mask), 1 << CALL_ADAPTER_CONTROL, 0, 2},
};

KTEST(ataport_refuses_what_its_interface_forbids) /* A-004 A-006 */
{
    struct driver *channels = driver_find("ide.sys");

    for (unsigned i = 0; i < ARRAY_SIZE(refused) && !ktest_failed(); i++) {
        struct sim s;

        if (channels && !strcmp(refused[i].rule, "A-015"))
            continue; /* where the default channel driver runs it is not refused (test_drivers.py) */
        if (!sim_load(&s))
            return;
        *(uint32_t *)(void *)((char *)s.knobs + refused[i].knob) = refused[i].value;
        if (sim_start(&s) == 0)
            ktest_fail(__FILE__, __LINE__, "%u (%s) was not refused", i, refused[i].rule);
        KCHECK_EQ(s.seen->status, refused[i].status);
        if (s.seen->count != refused[i].calls)
            ktest_fail(__FILE__, __LINE__, "%u (%s): %u calls, want %u", i, refused[i].rule, s.seen->count,
                       refused[i].calls);
        KCHECK(s.why[0]);
        sim_stop(&s);
    }
    if (channels)
        driver_put(channels);
}

KTEST(
    ataport_channels_sparse_failing_and_optional_routines) /* A-013 A-014 A-030 A-033 A-038 A-039 A-044 A-045 A-046 A-052 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->channels = 5;
    s.knobs->states[2] = 0;
    s.knobs->states[3] = 2; /* unknown: probed */
    s.knobs->states[4] = 7; /* no state: disabled */
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(sim_calls(&s, CALL_CHANNEL_ENABLED), 5);
    KCHECK_EQ(sim_calls(&s, CALL_CHANNEL_INIT), 3);
    KCHECK_EQ(sim_call(&s, CALL_CHANNEL_INIT, 2)->channel, 3);
    sim_stop(&s);
    for (unsigned what = 0; what < 5; what++) {
        static const unsigned masks[] = {1 << CALL_CHANNEL_INIT, 1 << CALL_CONTROL, 0, 0, 0};
        static const unsigned none[] = {0, 0, 1 << CALL_STARTIO, 1 << CALL_BUILDIO,
                                        1 << CALL_CHANNEL_ENABLED | 1 << CALL_TRANSFER_MODE};

        if (!sim_load(&s))
            return;
        s.knobs->false_mask = masks[what];
        s.knobs->no_routine = none[what];
        KCHECK_EQ(sim_start(&s), 0);
        KCHECK_EQ(sim_calls(&s, CALL_STARTIO) != 0, what >= 3);
        KCHECK_EQ(sim_calls(&s, CALL_BUILDIO) != 0, what == 4);
        sim_stop(&s);
    }
}

KTEST(ataport_initialize_twice_keeps_the_first) /* */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->initialize_twice = 1;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(s.seen->status, STATUS_SUCCESS);
    KCHECK_EQ(s.seen->second_status, (uint32_t)STATUS_UNSUCCESSFUL);
    sim_stop(&s);
}

KTEST(ataport_devices_absent_and_refused) /* A-119 A-144 A-147 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->present = 0;
    s.knobs->max_target = 0;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK(!unit_find(s.adapter->bus[0], 0, 0, 0));
    KCHECK_EQ(sim_calls(&s, CALL_STARTIO), 1);
    sim_stop(&s);
    if (!sim_load(&s))
        return;
    s.knobs->false_mask = 1 << CALL_INITIALIZE;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK(!unit_find(s.adapter->bus[0], 0, 0, 0));
    sim_stop(&s);
}

KTEST(ataport_device_that_is_busy_when_asked_is_asked_again) /* */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->identify_busy = 3; /* twice for the port's own retry, once more */
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK(sim_unit(&s) != NULL);
    sim_stop(&s);
}

KTEST(ataport_channel_that_does_not_start_is_not_interrupted) /* A-034 A-052 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    s.knobs->false_mask = 1 << CALL_CONTROL;
    KCHECK_EQ(sim_start(&s), 0);
    sim_interrupt(&s);
    KCHECK_EQ(sim_calls(&s, CALL_INTERRUPT), 0);
    sim_stop(&s);
}

KTEST(ataport_extensions_of_all_and_of_no_size) /* A-061 A-062 */
{
    static const unsigned sizes[][2] = {{0, 256}, {8192, 0}, {0, 0}, {100, 100}, {4096, 4096}};

    for (unsigned i = 0; i < ARRAY_SIZE(sizes) && !ktest_failed(); i++) {
        struct sim s;

        if (!sim_load(&s))
            return;
        s.knobs->uncached = sizes[i][0];
        s.knobs->irb_extension = sizes[i][1];
        KCHECK_EQ(sim_start(&s), 0);
        KCHECK_EQ(sim_run(&s, DO_COMPLETE), IRB_STATUS_SUCCESS);
        sim_stop(&s);
    }
}
